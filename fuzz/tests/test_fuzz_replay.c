/* Every target on its seeds, on the hostile files of the repository and on what fuzzers once found; without a
 * fuzzer, each target in a child process. Owns: what is replayed. Leaves to others: looking for more (`make
 * fuzz`). */
#include "run_input.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct tally {
    const sterna_fuzz_target *target;
    uint32_t inputs;
    bool failed;
} tally;

static void run_bytes(void *context, const char *name, const uint8_t *data, size_t size)
{
    tally *t = context;
    /* Shown when this input is the last one: the runner prints what a crashed case wrote. */
    printf("%s\n", name);
    fflush(stdout);
    t->failed = !sterna_fuzz_run(t->target, data, size) || t->failed;
    t->inputs++;
}

static void run_folder(sterna_test *t, tally *count, const char *folder)
{
    CHECK_MSG(t, sterna_fuzz_each_file(sterna_test_repo(t, folder), run_bytes, count), "%s cannot be read",
              folder);
}

static void replay(sterna_test *t, const char *name)
{
    tally count = {.target = sterna_fuzz_find(name)};
    char folder[256];
    struct stat info;
    CHECK(t, count.target != NULL);
    CHECK(t, sterna_fuzz_seeds(name, run_bytes, &count));
    CHECK_MSG(t, count.inputs + strlen(count.target->seeds) > 0, "%s starts from nothing", name);
    for (const char *at = count.target->seeds; *at;) {
        size_t n = strcspn(at, " ");
        snprintf(folder, sizeof folder, "%.*s", (int)n, at);
        run_folder(t, &count, folder);
        at += n + strspn(at + n, " ");
    }
    snprintf(folder, sizeof folder, "fuzz/regressions/%s", name);
    if (stat(sterna_test_repo(t, folder), &info) == 0) run_folder(t, &count, folder);
    CHECK(t, !count.failed);
    run_bytes(&count, "the empty input", (const uint8_t *)"", 0);
    sterna_fuzz_release();
}

#define TARGET(name, max, dictionary, mutator, seeds, about)                                                 \
    static void target_##name(sterna_test *t)                                                                \
    {                                                                                                        \
        replay(t, #name);                                                                                    \
    }
#include "targets.def"
#undef TARGET

const sterna_test_case sterna_test_cases[] = {
#define TARGET(name, max, dictionary, mutator, seeds, about) {#name, target_##name, 60},
#include "targets.def"
#undef TARGET
    {0},
};
