/* The driver without a fuzzer: replays files, prints the table of targets, writes seeds and dictionaries.
 *   fuzz_replay TARGET FILE|FOLDER...   runs the target on each; ends by the signal of the first finding
 *   fuzz_replay --table                 a line per target: name, largest input, dictionary, mutator, seed
 * folders fuzz_replay --prepare FOLDER        FOLDER/seeds/TARGET/ and FOLDER/dict/NAME.dict Exit: 0 nothing
 * found, 2 usage, 4 no input, 6 a file cannot be read or written. */
#include "base/sys.h"
#include "run_input.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { OK = 0, USAGE = 2, NOTHING = 4, UNREADABLE = 6 };

static const sterna_fuzz_target *target;
static unsigned long inputs;

static void run_file(void *context, const char *path, const uint8_t *data, size_t size)
{
    (void)context;
    inputs++;
    /* Shown only when the next line is the report of a crash. */
    fprintf(stderr, "\r%s: %s\033[K", target->name, path);
    sterna_fuzz_run(target, data, size);
}

static int replay(int n, char **paths)
{
    for (int i = 0; i < n; i++) {
        sterna_mapping file = {0};
        sterna_fault fault = {0};
        if (sterna_fuzz_each_file(paths[i], run_file, NULL)) continue;
        if (sterna_sys_map(paths[i], &file, &fault) != STERNA_OK) {
            fprintf(stderr, "fuzz_replay: %s\n", fault.text);
            return UNREADABLE;
        }
        run_file(NULL, paths[i], file.data, (size_t)file.size);
        sterna_sys_unmap(&file);
    }
    fprintf(stderr, "\r\033[K");
    printf("%s: %lu inputs, nothing found\n", target->name, inputs);
    return inputs ? OK : NOTHING;
}

typedef struct place {
    const char *folder;
    bool failed;
} place;

static void write_seed(void *context, const char *name, const uint8_t *data, size_t size)
{
    place *p = context;
    char path[1024];
    sterna_writer *writer = NULL;
    sterna_fault fault = {0};
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    sterna_status status = sterna_writer_open(path, &writer, &fault);
    if (status == STERNA_OK && (status = sterna_writer_write(writer, data, size, &fault)) != STERNA_OK)
        sterna_writer_abandon(writer);
    else if (status == STERNA_OK)
        status = sterna_writer_commit(writer, &fault);
    if (status == STERNA_OK) return;
    fprintf(stderr, "fuzz_replay: %s\n", fault.text);
    p->failed = true;
}

static void write_line(void *context, const char *text)
{
    fprintf(context, "%s\n", text);
}

static bool make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return true;
    fprintf(stderr, "fuzz_replay: %s: %s\n", path, strerror(errno));
    return false;
}

static bool prepare_target(const sterna_fuzz_target *t, const char *folder)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/seeds/%s", folder, t->name);
    place p = {path, false};
    if (!make_folder(path) || !sterna_fuzz_seeds(t->name, write_seed, &p) || p.failed) return false;
    snprintf(path, sizeof path, "%s/dict/%s.dict", folder, t->dictionary);
    FILE *file = fopen(path, "w");
    if (!file) return false;
    sterna_fuzz_dictionary(t->dictionary, write_line, file);
    return fclose(file) == 0;
}

static int prepare(const char *folder)
{
    char path[1024];
    uint32_t n;
    const sterna_fuzz_target *all = sterna_fuzz_targets(&n);
    static const char *const below[] = {"", "/seeds", "/dict"};
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        snprintf(path, sizeof path, "%s%s", folder, below[i]);
        if (!make_folder(path)) return UNREADABLE;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!prepare_target(&all[i], folder)) return UNREADABLE;
    return OK;
}

int main(int argc, char **argv)
{
    uint32_t n;
    const sterna_fuzz_target *all = sterna_fuzz_targets(&n);
    if (argc == 2 && strcmp(argv[1], "--table") == 0) {
        for (uint32_t i = 0; i < n; i++)
            printf("%s\t%u\t%s\t%s\t%s\n", all[i].name, all[i].max_bytes, all[i].dictionary, all[i].mutator,
                   all[i].seeds);
        return OK;
    }
    if (argc == 3 && strcmp(argv[1], "--prepare") == 0) return prepare(argv[2]);
    target = argc >= 3 ? sterna_fuzz_find(argv[1]) : NULL;
    if (target) return replay(argc - 2, argv + 2);
    fprintf(stderr, "usage: fuzz_replay TARGET FILE|FOLDER... | --table | --prepare FOLDER\ntargets:\n");
    for (uint32_t i = 0; i < n; i++) fprintf(stderr, "  %-12s %s\n", all[i].name, all[i].about);
    return USAGE;
}
