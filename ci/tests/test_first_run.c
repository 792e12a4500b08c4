/* ci/first-run goes on after a step that fails, and says which did. Owns: a `sterna` played by a shell script whose device is
 * absent, wrong in one way of running, broken in one command. The real one runs in ci/nightly-first-run. */
#include "runner.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char text[8192];

/* `device` is the line of `sterna devices`; `fault` is shell code that may set digest, or exit, by $1 and the device $last. */
static int first_run(sterna_test *t, const char *device, const char *fault)
{
    char path[1200], command[2400];
    snprintf(path, sizeof path, "%s/bin", sterna_test_folder(t));
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/bin/sterna", sterna_test_folder(t));
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    fprintf(file,
            "#!/bin/sh\n"
            "[ $1 != devices ] || { echo '%s'; exit; }\n"
            "last=; for word; do [ \"$before\" != --device ] || last=$word; before=$word; done\n"
            "digest=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
            "echo \"$1 on $last\"\n"
            "%s\n"
            "[ $1 != synth ] || : >\"$3\"\n"
            "[ $1 != run ] || echo \"digest  $digest\" >&2\n",
            device, fault);
    if (fclose(file) != 0 || chmod(path, 0777) != 0) return -1;
    snprintf(command, sizeof command, "sh '%s' hip '%s' 2>&1", sterna_test_repo(t, "ci/first-run"),
             sterna_test_folder(t));
    return sterna_test_shell(t, command, text, sizeof text);
}

/* How many lines of steps say this. */
static unsigned lines(const char *verdict)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, verdict)) != NULL; at++) count++;
    return count;
}

#define DEVICE "hip:0   usable    MI210, gfx90a"
enum { STEPS = 12 };

static void all_is_well(sterna_test *t)
{
    char path[1200];
    struct stat found;
    CHECK(t, first_run(t, DEVICE, "") == 0);
    CHECK(t, lines(" passed ") == STEPS && lines(" FAILED ") == 0 && !strstr(text, "is a mock"));
    CHECK(t, strstr(text, "large-bitnet-2b4t") && strstr(text, "to be sent back: "));
    snprintf(path, sizeof path, "%s/first-run-hip.tar.gz", sterna_test_folder(t));
    CHECK(t, stat(path, &found) == 0 && found.st_size > 0);
    snprintf(path, sizeof path, "%s/first-run-hip/model.gguf", sterna_test_folder(t));
    CHECK(t, stat(path, &found) != 0); /* models stay at home */
}

static void mocks_take_small_models(sterna_test *t)
{
    CHECK(t, first_run(t, DEVICE " (a mock library)", "") == 0);
    CHECK(t, lines(" passed ") == STEPS && strstr(text, "large-bitnet-small"));
}

static void wrong_bits_of_one_way(sterna_test *t)
{
    CHECK(t, first_run(t, DEVICE, "[ $last != hip:0,features=1 ] || digest=${digest%f}0") == 1);
    CHECK(t, lines(" FAILED ") == 1 && lines(" passed ") == STEPS - 1 &&
                 strstr(text, "\nbits               FAILED"));
    CHECK(t, first_run(t, DEVICE, "digest=") == 1); /* equal, and no digests */
    CHECK(t, lines(" FAILED ") == 4);
}

static void a_command_breaks(sterna_test *t)
{
    CHECK(t, first_run(t, DEVICE, "[ $1 != doctor ] || { echo 'the device is lost'; exit 5; }") == 1);
    CHECK(t, lines(" FAILED ") == 1 && strstr(text, "\ndoctor             FAILED") &&
                 strstr(text, "\n    the device is lost\n"));
}

static void no_device(sterna_test *t)
{
    CHECK(t, first_run(t, "hip     absent    HIP devices: no driver", "") == 4);
    CHECK(t, strstr(text, "HIP devices: no driver") && !strstr(text, "to be sent back"));
}

const sterna_test_case sterna_test_cases[] = {{"all_is_well", all_is_well, 0},
                                              {"mocks_take_small_models", mocks_take_small_models, 0},
                                              {"wrong_bits_of_one_way", wrong_bits_of_one_way, 0},
                                              {"a_command_breaks", a_command_breaks, 0},
                                              {"no_device", no_device, 0},
                                              {0}};
