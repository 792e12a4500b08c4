/* The planted bugs can still be planted: every patch of fuzz_planted.def applies to the sources as they are, and names
 * targets that exist. Owns: that they have not rotted. Leaves to others: waiting for the fuzzers (fuzz/plant). */
#include "run_input.h"
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *patch, *targets, *about;
} planted[] = {
#define PLANTED(patch, targets, about) {#patch, targets, about},
#include "fuzz_planted.def"
#undef PLANTED
};

/* `git apply` works on any folder, a repository or not; --check changes nothing. */
static void patches_apply(sterna_test *t)
{
    if (system("git --version >/dev/null 2>&1") != 0) SKIP(t, "git is not installed");
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        char command[1200];
        snprintf(command, sizeof command, "cd '%s' && git apply --check 'fuzz/planted/%s.patch'",
                 sterna_test_repo(t, "."), planted[i].patch);
        CHECK_MSG(t, system(command) == 0, "%s: the code has moved; make the patch anew", planted[i].patch);
    }
}

static void targets_exist(sterna_test *t)
{
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++)
        for (const char *at = planted[i].targets; *at;) {
            char name[64];
            size_t n = strcspn(at, " ");
            snprintf(name, sizeof name, "%.*s", (int)n, at);
            CHECK_MSG(t, sterna_fuzz_find(name), "%s: no target %s", planted[i].patch, name);
            at += n + strspn(at + n, " ");
        }
}

/* Every target that reads GGUF files has at least two of them. */
static void container_targets_have_two(sterna_test *t)
{
    uint32_t n;
    const sterna_fuzz_target *all = sterna_fuzz_targets(&n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bugs = 0;
        for (size_t k = 0; k < sizeof planted / sizeof planted[0]; k++)
            bugs += strstr(planted[k].targets, all[i].name) != NULL;
        CHECK_MSG(t, bugs >= 2 || strcmp(all[i].mutator, "gguf") != 0, "%s has %u", all[i].name, bugs);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"patches_apply", patches_apply, 0},
    {"targets_exist", targets_exist, 0},
    {"container_targets_have_two", container_targets_have_two, 0},
    {0},
};
