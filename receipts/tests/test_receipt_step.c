/* The CI step that people and CI run, and the program without a network. */
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>

/* Makes a receipt of the golden run, verifies it with replay, tampers, and expects each refusal (ci/receipt). */
static void step(sterna_test *t)
{
    unsetenv("STERNA_STRICT");
    CHECK(t, system("'" STERNA_SOURCE_DIR "/ci/receipt' '" STERNA_BINARY_DIR "'") == 0);
}

/* Verification asks nobody: the same step in a network namespace that has no network. */
static void step_without_a_network(sterna_test *t)
{
    unsetenv("STERNA_STRICT");
    if (system("unshare -rn true 2>/dev/null") != 0)
        SKIP(t, "this system lets nobody make a network namespace");
    CHECK(t, system("unshare -rn '" STERNA_SOURCE_DIR "/ci/receipt' '" STERNA_BINARY_DIR "'") == 0);
}

/* What each program says of a variable that nobody reads, and of a strict mode that is neither on nor off. */
static void variables(sterna_test *t)
{
    static const char *const lines[] = {
        "STERNA_STRIKT=1 '" STERNA_BINARY_DIR
        "/bin/receipt-verify' --version 2>&1 | grep -q 'STERNA_STRIKT is set'",
        "STERNA_STRIKT=1 '" STERNA_BINARY_DIR "/bin/sterna' devices 2>&1 | grep -q 'STERNA_STRIKT is set'",
        "! STERNA_STRICT=0 '" STERNA_BINARY_DIR "/bin/sterna' devices 2>&1 | grep -q 'is set'",
        "STERNA_STRICT=perhaps '" STERNA_BINARY_DIR "/bin/receipt-verify'; [ $? = 2 ]",
        "'" STERNA_BINARY_DIR "/bin/receipt-verify' --no-such-thing; [ $? = 2 ]",
        "'" STERNA_BINARY_DIR "/bin/receipt-verify' --key; [ $? = 2 ]",
        "'" STERNA_BINARY_DIR "/bin/receipt-verify' -t x; [ $? = 2 ]",
        "'" STERNA_BINARY_DIR "/bin/receipt-verify' --key /nowhere x; [ $? = 6 ]",
        "'" STERNA_BINARY_DIR "/bin/receipt-verify' --help | grep -q 'ci/inference.json'",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!EXPECT(t, system(lines[i]) == 0)) sterna_test_note(t, "%s", lines[i]);
}

const sterna_test_case sterna_test_cases[] = {
    {"step", step, 60},
    {"step_without_a_network", step_without_a_network, 60},
    {"variables", variables, 0},
    {0},
};
