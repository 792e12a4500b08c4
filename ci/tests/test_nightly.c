/* ci/nightly runs every job and adds them up; ci/configurations asks each program which backends it has. Owns: a tree with
 * planted jobs, and a cmake that builds nothing but shell scripts. */
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[16384];

/* Runs a shell script in the case's folder, $1 being the repository; its output goes to `text`. */
static int run(sterna_test *t, const char *script)
{
    char path[1200], command[3000];
    snprintf(path, sizeof path, "%s/script", sterna_test_folder(t));
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    fputs(script, file);
    fclose(file);
    snprintf(command, sizeof command, "cd '%s' && sh script '%s' 2>&1", sterna_test_folder(t),
             sterna_test_repo(t, "."));
    return sterna_test_shell(t, command, text, sizeof text);
}

/* A tree with ci/nightly and jobs that end with these codes, and a make that does nothing. */
#define TREE                                                                                                 \
    "mkdir -p ci bin; cp \"$1/ci/nightly\" ci/; printf '#!/bin/sh\\n' >bin/make; chmod +x bin/make\n"        \
    "PATH=$PWD/bin:$PATH\n"                                                                                  \
    "job() { printf '#!/bin/sh\\necho words of %s; exit %s\\n' $1 $2 >ci/nightly-$1; chmod +x "              \
    "ci/nightly-$1; }\n"

static void jobs_are_added_up(sterna_test *t)
{
    CHECK(t, run(t, TREE "job a 0; job b 3; job c 5; job d 0\nci/nightly") == 1);
    CHECK(t, strstr(text, "b ") && strstr(text, "FAILED (3)") && strstr(text, "words of b\n"));
    CHECK(t, strstr(text, "not run: words of c") && !strstr(text, "words of a\n"));
    char *table = strstr(text, "\n\n");
    CHECK(t, table && strstr(table, "a ") && strstr(table, "d ") && strstr(table, "passed"));
    CHECK(t, run(t, TREE "job b 0; rm -f ci/nightly-c\nci/nightly a b d") == 0);
    CHECK(t, run(t, "ci/nightly e") == 2 && strstr(text, "no ci/nightly-e"));
    CHECK(t, run(t, "ci/nightly --list") == 0 && strcmp(text, "a\nb\nd\n") == 0);
}

/* A cmake whose programs say what `says` makes of the options they were configured with. */
#define CMAKE(says)                                                                                          \
    "mkdir -p ci bin; cp \"$1/ci/configurations\" ci/\n"                                                     \
    "cat >bin/cmake <<'E'\n"                                                                                 \
    "#!/bin/sh\n"                                                                                            \
    "case $1 in --build) exit 0 ;; esac\n"                                                                   \
    "on=$(printf '%s\\n' \"$@\" | sed -n 's/^-DSTERNA_\\(CUDA\\|HIP\\|VULKAN\\|OPENCL\\)=ON$/\\1/p' | tr "   \
    "A-Z a-z)\n"                                                                                             \
    "mkdir -p \"$4/bin\"\n" says "E\n"                                                                       \
    "chmod +x bin/cmake; PATH=$PWD/bin:$PATH\n"
#define PROGRAM(list)                                                                                        \
    "{ echo '#!/bin/sh'; echo 'cat <<J'; echo '\"backends\": ['\n"                                           \
    "for b in cpu " list                                                                                     \
    "; do printf '\"backend\": \"%s\",\\n\"compiled\": true,\\n' $b; done; echo J; } >\"$4/bin/sterna\"\n"   \
    "chmod +x \"$4/bin/sterna\"\n"

static void programs_have_what_was_asked_for(sterna_test *t)
{
    CHECK(t, run(t, CMAKE(PROGRAM("$on")) "ci/configurations single") == 0);
    CHECK(t, strstr(text, "none ") && strstr(text, "all ") && strstr(text, "cpu cuda hip vulkan opencl"));
    CHECK(t, run(t, CMAKE(PROGRAM("$on")) "ci/configurations pairs | wc -l") == 0 && atoi(text) == 6);
    /* One that is always there, one that is never there. */
    CHECK(t, run(t, CMAKE(PROGRAM("hip $on")) "ci/configurations") == 1 && strstr(text, "has hip"));
    CHECK(t, run(t, CMAKE(PROGRAM("$(echo $on | sed s/vulkan//)")) "ci/configurations") == 1 &&
                 strstr(text, "lacks vulkan"));
    CHECK(
        t,
        run(t,
            CMAKE("echo 'STERNA_CUDA=ON, but no nvcc'; echo ' Call Stack'; exit 1\n") "ci/configurations") ==
                4 &&
            strstr(text, "skipped: STERNA_CUDA=ON, but no nvcc"));
    CHECK(t, run(t, CMAKE("echo broken; exit 1\n") "ci/configurations") == 1 &&
                 strstr(text, "FAILED to configure"));
    CHECK(t, run(t, "ci/configurations nonsense") == 2);
}

const sterna_test_case sterna_test_cases[] = {
    {"jobs_are_added_up", jobs_are_added_up, 60},
    {"programs_have_what_was_asked_for", programs_have_what_was_asked_for, 60},
    {0}};
