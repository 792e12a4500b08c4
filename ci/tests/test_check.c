/* ci/check adds up what ctest and the runner say, whatever way a program ends. Owns: planted results, and a
 * ctest folder of shell commands that pass, fail, die and stay silent. */
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[16384];

/* Plants a build folder with these tests (name and shell command, by lines) and runs ci/check there. */
static int check(sterna_test *t, const char *tests)
{
    char path[1200], command[3000];
    snprintf(path, sizeof path, "%s/CTestTestfile.cmake", sterna_test_folder(t));
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    for (const char *at = tests; *at; at += *at == '\n') {
        size_t line = strcspn(at, "\n"), name = strcspn(at, " ");
        fprintf(file, "add_test([=[%.*s]=] \"sh\" \"-c\" [=[%.*s]=])\n", (int)name, at, (int)(line - name),
                at + name);
        fprintf(file, "set_tests_properties([=[%.*s]=] PROPERTIES SKIP_RETURN_CODE 77)\n", (int)name, at);
        at += line;
    }
    fclose(file);
    snprintf(command, sizeof command, "sh '%s' '%s' 2>&1", sterna_test_repo(t, "ci/check"),
             sterna_test_folder(t));
    return sterna_test_shell(t, command, text, sizeof text);
}

static bool last_line_is(const char *line)
{
    size_t n = strlen(text), m = strlen(line);
    return n > m && text[n - 1] == '\n' && !strncmp(text + n - 1 - m, line, m) &&
           (n == m + 1 || text[n - 2 - m] == '\n');
}

/* A program that runs `cases`, and tells so as the runner does. */
#define SAYS(program, plan, cases)                                                                           \
    "printf '" program "\\t*\\tplan\\t0\\t" plan "\\n" cases "' >>$STERNA_RESULTS/" program ".tsv"
#define CASE(program, name, verdict, reason) program "\\t" name "\\t" verdict "\\t0.1\\t" reason "\\n"

static void adds_up(sterna_test *t)
{
    CHECK(t, check(t, "one " SAYS("one", "2",
                                  CASE("one", "a", "pass", "")
                                      CASE("one", "b", "skip", "no GPU")) "\n"
                                                                          "two " SAYS("two", "1",
                                                                                      CASE("two", "a", "pass",
                                                                                           "")) "\n") == 0);
    CHECK(t, last_line_is("2 passed, 0 failed, 1 skipped"));
    CHECK(t, strstr(text, "skipped: one b: no GPU\n"));
}

static void quiet_when_green(sterna_test *t)
{
    CHECK(t, check(t, "two echo chatter; " SAYS("two", "1", CASE("two", "a", "pass", "")) "\n") == 0);
    CHECK(t, !strcmp(text, "1 passed, 0 failed, 0 skipped\n"));
}

static void output_of_failures(sterna_test *t)
{
    CHECK(t, check(t, "one echo chatter; " SAYS("one", "1",
                                                CASE("one", "a", "fail", "x.c:3: y")) "; exit 1\n") == 1);
    CHECK(t, strstr(text, "chatter\n") && strstr(text, "FAILED: one a: x.c:3: y\n"));
    CHECK(t, last_line_is("0 passed, 1 failed, 0 skipped"));
}

static void died_before_its_cases(sterna_test *t)
{
    CHECK(t, check(t, "one kill -SEGV $$\n"
                      "two " SAYS("two", "1", CASE("two", "a", "pass", "")) "\n") == 1);
    CHECK(t, strstr(text, "FAILED: one: ended without a word"));
    CHECK(t, last_line_is("1 passed, 1 failed, 0 skipped"));
}

static void died_between_cases(sterna_test *t)
{
    CHECK(t, check(t, "one " SAYS("one", "4", CASE("one", "a", "pass", "")) "; kill -KILL $$\n") == 1);
    CHECK(t, strstr(text, "FAILED: one: 3 of 4 cases never ended"));
    CHECK(t, last_line_is("1 passed, 3 failed, 0 skipped"));
}

static void failed_after_its_cases(sterna_test *t)
{
    CHECK(t, check(t, "one " SAYS("one", "1", CASE("one", "a", "pass", "")) "; exit 3\n") == 1);
    CHECK(t, strstr(text, "FAILED: one: failed although no case of it did"));
    CHECK(t, last_line_is("1 passed, 1 failed, 0 skipped"));
}

static void silent_success_is_none(sterna_test *t)
{
    CHECK(t, check(t, "one true\n") == 1);
    CHECK(t, last_line_is("0 passed, 1 failed, 0 skipped"));
}

static void forgotten_program(sterna_test *t)
{
    char command[1400];
    snprintf(command, sizeof command, "cd '%s' && mkdir tests && cp /bin/true tests/test_x",
             sterna_test_folder(t));
    CHECK(t, system(command) == 0);
    CHECK(t, check(t, "test_y " SAYS("test_y", "1", CASE("test_y", "a", "pass", "")) "\n") == 1);
    CHECK(t, strstr(text, "tests/test_x is no test of ctest"));
}

static void nothing_tested(sterna_test *t)
{
    CHECK(t, check(t, "") == 4);
    CHECK(t, check(t, "one " SAYS("one", "1", CASE("one", "a", "skip", "no GPU")) "; exit 77\n") == 4);
    CHECK(t, last_line_is("0 passed, 0 failed, 1 skipped"));
}

/* The build folder left out: a flag is no folder. */
static void usage_is_told(sterna_test *t)
{
    char command[1200];
    snprintf(command, sizeof command, "sh '%s' -R gguf 2>&1", sterna_test_repo(t, "ci/check"));
    CHECK(t, sterna_test_shell(t, command, text, sizeof text) == 2);
    CHECK(t, strncmp(text, "usage: ci/check [BUILD [CTEST-ARGUMENT...]] ", 43) == 0);
}

const sterna_test_case sterna_test_cases[] = {
    {"adds_up", adds_up, 0},
    {"quiet_when_green", quiet_when_green, 0},
    {"output_of_failures", output_of_failures, 0},
    {"died_before_its_cases", died_before_its_cases, 0},
    {"died_between_cases", died_between_cases, 0},
    {"failed_after_its_cases", failed_after_its_cases, 0},
    {"silent_success_is_none", silent_success_is_none, 0},
    {"forgotten_program", forgotten_program, 0},
    {"nothing_tested", nothing_tested, 0},
    {"usage_is_told", usage_is_told, 0},
    {0},
};
