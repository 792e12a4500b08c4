/* ci/demo tells equal bits from different ones. Owns: a `sterna` played by a shell script whose devices
 * agree, differ, fail, are absent. The real one is run by .ci/run. */
#include "runner.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char text[8192];

/* `devices` is what `sterna devices` prints; a device is the last word of its own digest, unless `digest`
 * says otherwise. */
static int demo(sterna_test *t, const char *devices, const char *digest)
{
    char path[1200], command[2400];
    snprintf(path, sizeof path, "%s/bin", sterna_test_folder(t));
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/bin/sterna", sterna_test_folder(t));
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    fprintf(file,
            "#!/bin/sh\n"
            "if [ $1 = devices ]; then printf '%s'; exit; fi\n"
            "for last; do :; done\n"
            "echo ' a story'\n"
            "[ $last != cpu:broken ] || { echo 'sterna run: error: it broke' >&2; exit 5; }\n"
            "%s\n"
            "printf 'prompt  3 tokens in 0.01 s, 300.5 tokens/s\\ndecode  59 steps in 0.3 s, 203.0 "
            "tokens/s\\n' >&2\n"
            "echo \"digest  $digest\" >&2\n",
            devices, digest);
    if (fclose(file) != 0 || chmod(path, 0777) != 0) return -1;
    snprintf(command, sizeof command, "sh '%s' '%s' 2>&1", sterna_test_repo(t, "ci/demo"),
             sterna_test_folder(t));
    return sterna_test_shell(t, command, text, sizeof text);
}

#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

/* More than a line has room for. */
#define LONG                                                                                                 \
    "this sentence is the reason of a device that is absent and has more to say than there is room, so it "  \
    "is cut short at its end"

static void equal(sterna_test *t)
{
    CHECK(t, demo(t,
                  "cpu:a usable x\\ncpu:b absent a chip: not on this machine\\ncpu:c absent " LONG
                  "\\nmock usable y\\nauto takes "
                  "cpu:a: it is there\\n     not mock: a mock\\n",
                  "digest=" D64 "0") == 0);
    CHECK(t, !strstr(text, "it is there") && !strstr(text, "a mock"));
    CHECK(t, strstr(text, " a story") && strstr(text, "300.5 tokens/s   203.0 tokens/s"));
    CHECK(t, strstr(text, "\nnot here: cpu:b: a chip: not on this machine\n"));
    CHECK(t, strstr(text, " to say than there is r...\n"));
    CHECK(t, strstr(text, "2 devices, 100 tokens, one digest: every bit is equal.\n" D64 "0\n"));
}

static void different(sterna_test *t)
{
    CHECK(t, demo(t, "cpu:a usable x\\ncpu:b usable y\\n",
                  "digest=" D64 "0; [ $last != cpu:b ] || digest=" D64 "1") == 1);
    CHECK(t, strstr(text, "... DIFFERS\n") && strstr(text, "1 of 2 devices"));
}

static void no_digest(sterna_test *t)
{
    CHECK(t, demo(t, "cpu:a usable x\\ncpu:b usable y\\n", "digest=") == 1);
}

static void failing(sterna_test *t)
{
    CHECK(t, demo(t, "cpu:a usable x\\ncpu:broken usable y\\n", "digest=" D64 "0") == 1);
    CHECK(t, strstr(text, "failed: sterna run: error: it broke"));
}

static void alone(sterna_test *t)
{
    CHECK(t, demo(t, "cpu:a usable x\\n", "digest=" D64 "0") == 4);
}

const sterna_test_case sterna_test_cases[] = {
    {"equal", equal, 0},     {"different", different, 0}, {"no_digest", no_digest, 0},
    {"failing", failing, 0}, {"alone", alone, 0},         {0},
};
