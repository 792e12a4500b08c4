/* The build's program around spirv_exact.h: decorates a module, or proves one. Owns: the command line.
 *   spirv_exact IN.spv OUT.spv     adds NoContraction where it is missing; refuses what is not exact
 *   spirv_exact --check FILE...    refuses what is not exact; prints what was counted */
#include "base/mem.h"
#include "base/sys.h"
#include "spirv_exact.h"
#include <stdio.h>
#include <string.h>

static sterna_status read_module(const char *path, sterna_mapping *file, sterna_fault *fault)
{
    sterna_status status = sterna_sys_map(path, file, fault);
    if (status == STERNA_OK && file->size % 4 != 0) {
        sterna_sys_unmap(file);
        return sterna_fail(fault, STERNA_FILE, "%s: not a whole number of words", path);
    }
    return status;
}

static sterna_status check(const char *path, sterna_fault *fault)
{
    sterna_mapping file = {0};
    sterna_spirv_count found;
    sterna_status status = read_module(path, &file, fault);
    if (status != STERNA_OK) return status;
    status = sterna_spirv_check((const uint32_t *)(const void *)file.data, file.size / 4, &found, fault);
    if (status == STERNA_OK)
        printf("%s: %u floating adds, subtracts and multiplies, %u with NoContraction\n", path,
               found.float_ops, found.decorated);
    sterna_sys_unmap(&file);
    return status;
}

static sterna_status decorate(const char *from, const char *to, sterna_fault *fault)
{
    sterna_mapping file = {0};
    sterna_writer *writer = NULL;
    uint32_t *words = NULL;
    size_t count = 0;
    sterna_status status = read_module(from, &file, fault);
    if (status != STERNA_OK) return status;
    status = sterna_spirv_decorate((const uint32_t *)(const void *)file.data, file.size / 4, &words, &count,
                                   fault);
    sterna_sys_unmap(&file);
    if (status == STERNA_OK) status = sterna_spirv_check(words, count, NULL, fault);
    if (status == STERNA_OK) status = sterna_writer_open(to, &writer, fault);
    if (status == STERNA_OK) {
        status = sterna_writer_write(writer, words, count * sizeof *words, fault);
        if (status == STERNA_OK)
            status = sterna_writer_commit(writer, fault);
        else
            sterna_writer_abandon(writer);
    }
    sterna_free(words);
    return status;
}

int main(int argc, char **argv)
{
    sterna_fault fault = {0};
    sterna_status status = STERNA_OK;
    if (argc >= 3 && strcmp(argv[1], "--check") == 0) {
        for (int i = 2; i < argc && status == STERNA_OK; i++) {
            status = check(argv[i], &fault);
            if (status != STERNA_OK) fprintf(stderr, "%s: %s\n", argv[i], fault.text);
        }
        return sterna_status_exit_code(status);
    }
    if (argc != 3) {
        fprintf(stderr, "usage: spirv_exact IN.spv OUT.spv | spirv_exact --check FILE...\n");
        return sterna_status_exit_code(STERNA_USAGE);
    }
    status = decorate(argv[1], argv[2], &fault);
    if (status != STERNA_OK) fprintf(stderr, "%s: %s\n", argv[1], fault.text);
    return sterna_status_exit_code(status);
}
