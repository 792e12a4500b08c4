/* What figures depend on: this machine, and the code of this program. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "base/sys.h"
#include "cpu/cpu_features.h"
#include "measure/result.h"
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* MemTotal of /proc/meminfo, which unlike what is available does not change. 0: unknown. */
static uint64_t memory_total(void)
{
    sterna_mapping file = {0};
    uint64_t kilobytes = 0;
    char text[64] = "";
    if (sterna_sys_read("/proc/meminfo", 1 << 20, &file, NULL) != STERNA_OK) return 0;
    size_t n = file.size < sizeof text - 1 ? (size_t)file.size : sizeof text - 1;
    memcpy(text, file.data, n);
    sterna_sys_unmap(&file);
    if (strncmp(text, "MemTotal:", 9) == 0) kilobytes = strtoull(text + 9, NULL, 10);
    return kilobytes * 1024;
}

void sterna_machine_here(sterna_machine *m)
{
    char text[300];
    *m = (sterna_machine){.processors = sterna_sys_processors(),
                          .features = sterna_cpu_features(),
                          .memory_bytes = memory_total()};
    sterna_cpu_brand(m->processor);
    sterna_sys_platform(m->system, sizeof m->system, m->architecture, sizeof m->architecture);
    /* Kernels keep a varying part of the memory for themselves: GiB, rounded. */
    int n = snprintf(text, sizeof text, "%s|%s|%u|%u|%llu", m->processor, m->architecture, m->processors,
                     m->features, (unsigned long long)((m->memory_bytes + (1u << 29)) >> 30));
    sterna_sha256_once(text, (size_t)n, m->fingerprint);
}

/* The first object is the program. Its executable segments are position-independent: loading changes nothing. */
static int hash_segments(struct dl_phdr_info *info, size_t bytes, void *context)
{
    sterna_program *program = context;
    sterna_sha256 hash;
    (void)bytes;
    sterna_sha256_init(&hash);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
        sterna_sha256_update(&hash, (const void *)(info->dlpi_addr + segment->p_vaddr), segment->p_filesz);
        program->has_code = true;
    }
    sterna_sha256_final(&hash, program->code);
    return 1;
}

void sterna_program_code(sterna_program *program)
{
    program->has_code = false;
    dl_iterate_phdr(hash_segments, program);
}
