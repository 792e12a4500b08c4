/* The runner judges planted cases as it promises (runner.h): each misbehaviour ends only its own case, with a
 * reason that names it. Owns: the expectations. The cases themselves stand in planted_cases.c. */
#include "base/mem.h"
#include "base/sys.h"
#include "runner.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLANTED "'" STERNA_BINARY_DIR "/tests/planted_cases'"

typedef struct run {
    char text[65536];
    int code;
} run;

/* Sanitizers must leave signals alone here, and the scale must be the plain one. */
static run *run_planted(sterna_test *t, const char *before, const char *arguments)
{
    char command[4096];
    run *r = sterna_alloc(1, sizeof *r);
    if (!r) return NULL;
    snprintf(
        command, sizeof command,
        "cd '%s' && ASAN_OPTIONS=handle_segv=0:handle_abort=0:detect_leaks=0 UBSAN_OPTIONS=handle_segv=0 "
        "TSAN_OPTIONS=handle_segv=0 STERNA_TIME_SCALE=1 STERNA_RESULTS= %s " PLANTED " %s 2>&1",
        sterna_test_folder(t), before, arguments);
    r->code = sterna_test_shell(t, command, r->text, sizeof r->text);
    return r;
}

static void read_file(sterna_test *t, const char *name, char *text, size_t size)
{
    char path[2048];
    sterna_mapping file = {0};
    snprintf(path, sizeof path, "%s/%s", sterna_test_folder(t), name);
    text[0] = 0;
    if (!EXPECT(t, sterna_sys_read(path, size - 1, &file, NULL) == STERNA_OK)) return;
    memcpy(text, file.data, file.size);
    text[file.size] = 0;
    sterna_sys_unmap(&file);
}

/* Verdict and start of the reason of each planted case. */
static const struct {
    const char *name, *verdict, *reason;
} expected[] = {
    {"passes", "pass", ""},
    {"fails", "fail", "got == 4"},
    {"skips", "skip", "no moon here"},
    {"aborts", "fail", "crash: killed by SIGABRT"},
    {"segfaults", "fail", "crash: killed by SIGSEGV"},
    {"hangs", "fail", "hang: ran longer than 1 s"},
    {"exits_zero", "fail", "crash: ended with exit code 0 without a verdict"},
    {"exits_three", "fail", "crash: ended with exit code 3 without a verdict"},
    {"leaks", "fail", "leaks 1 blocks"},
    {"dies_at_exit", "fail", "crash: ended with exit code 9 after its verdict"},
    {"leaves_a_process", "pass", ""},
    {"reads_nothing", "pass", ""},
    {"keeps_folder", "fail", "crash: killed by SIGABRT"},
};

static void verdicts(sterna_test *t)
{
    static char results[16384];
    run *r = run_planted(t, "", "--results out.tsv");
    CHECK(t, r != NULL);
    EXPECT(t, r->code == 1);
    EXPECT(t, strstr(r->text, "\n3 passed, 9 failed, 1 skipped\n") != NULL);
    sterna_free(r);
    read_file(t, "out.tsv", results, sizeof results);
    CHECK(t, strncmp(results, "planted_cases\t*\tplan\t0.000\t13\n", 30) == 0);
    const char *line = strchr(results, '\n') + 1;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char copy[1024], program[64], name[64], verdict[16], seconds[16], reason[500] = "";
        const char *end = strchr(line, '\n');
        CHECK(t, end && (size_t)(end - line) < sizeof copy);
        memcpy(copy, line, (size_t)(end - line));
        copy[end - line] = 0;
        int fields = sscanf(copy, "%63[^\t]\t%63[^\t]\t%15[^\t]\t%15[^\t]\t%499[^\n]", program, name, verdict,
                            seconds, reason);
        CHECK(t, fields >= 4);
        bool same = strcmp(name, expected[i].name) == 0 && strcmp(verdict, expected[i].verdict) == 0 &&
                    (*expected[i].reason ? strstr(reason, expected[i].reason) != NULL : *reason == 0);
        CHECK_MSG(t, same, "%s: %s, %s", name, verdict, reason);
        line = end + 1;
    }
    EXPECT(t, *line == 0);
}

static void failure_is_told_in_full(sterna_test *t)
{
    run *r = run_planted(t, "", "fails passes");
    CHECK(t, r != NULL);
    EXPECT(t, strstr(r->text, "does not hold: got == 4\n") != NULL);
    EXPECT(t, strstr(r->text, "planted_cases.c:") != NULL);
    EXPECT(t, strstr(r->text, "does not hold: got == 5\n  got 3\n") != NULL);
    EXPECT(t, strstr(r->text, "what the case printed") != NULL);
    EXPECT(t, strstr(r->text, "not reached") == NULL);
    EXPECT(t, strstr(r->text, "quiet unless asked") == NULL);
    sterna_free(r);
    r = run_planted(t, "", "-v passes");
    CHECK(t, r != NULL);
    EXPECT(t, strstr(r->text, "quiet unless asked") != NULL);
    sterna_free(r);
}

static void exit_codes(sterna_test *t)
{
    static const struct {
        const char *arguments;
        int code;
        const char *closing;
    } rows[] = {
        {"passes", 0, "1 passed, 0 failed, 0 skipped\n"},
        {"passes skips", 0, "1 passed, 0 failed, 1 skipped\n"},
        {"skips", 77, "0 passed, 0 failed, 1 skipped\n"},
        {"fails", 1, "0 passed, 1 failed, 0 skipped\n"},
        {"--filter 'exits_*'", 1, "0 passed, 2 failed, 0 skipped\n"},
        {"--repeat 3 passes", 0, "3 passed, 0 failed, 0 skipped\n"},
        {"--no-fork passes skips", 0, "1 passed, 0 failed, 1 skipped\n"},
        {"--no-fork leaks", 1, "0 passed, 1 failed, 0 skipped\n"},
        {"no_such_case", 4, "no case matches"},
        {"--filter 'x*'", 4, "no case matches"},
        {"--list --filter 'pass*'", 0, "passes\n"},
        {"--wrong", 2, "unknown option --wrong"},
        {"--repeat 0", 2, "--repeat wants"},
        {"--repeat -1", 2, "--repeat wants"},
        {"--junit", 2, "a value must follow --junit"},
        {"--junit /proc/none/x.xml passes", 1, "cannot create"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run *r = run_planted(t, "", rows[i].arguments);
        CHECK(t, r != NULL);
        if (!EXPECT(t, r->code == rows[i].code && strstr(r->text, rows[i].closing)))
            sterna_test_note(t, "%s: code %d", rows[i].arguments, r->code);
        sterna_free(r);
    }
}

static void time_scale(sterna_test *t)
{
    double start = sterna_sys_now();
    run *r = run_planted(t, "STERNA_TIME_SCALE=0.05", "hangs");
    CHECK(t, r != NULL);
    EXPECT(t, strstr(r->text, "hang: ran longer than 0.05 s") != NULL);
    EXPECT(t, sterna_sys_now() - start < 5);
    sterna_free(r);
    r = run_planted(t, "STERNA_TIME_SCALE=fast", "passes");
    CHECK(t, r != NULL);
    EXPECT(t, r->code == 2);
    sterna_free(r);
}

static void junit(sterna_test *t)
{
    static char text[32768];
    run *r = run_planted(t, "", "--junit new/folder/out.xml passes fails skips");
    CHECK(t, r != NULL);
    sterna_free(r);
    read_file(t, "new/folder/out.xml", text, sizeof text);
    sterna_test_note(t, "%s", text);
    EXPECT(t, strstr(text, "<testsuites tests=\"3\" failures=\"1\" skipped=\"1\"") != NULL);
    EXPECT(t, strstr(text, "<testcase classname=\"planted_cases\" name=\"passes\"") != NULL);
    EXPECT(t, strstr(text, "<failure message=\"") != NULL);
    EXPECT(t, strstr(text, "what the case printed &lt;&amp;&gt;\\x01&#10;</system-out>") != NULL);
    EXPECT(t, strstr(text, "<skipped message=\"no moon\there\"></skipped>") != NULL);
    EXPECT(t, strstr(text, "</testsuites>\n") != NULL);
}

/* Lines from a program may not survive it: neither its processes nor its folders. */
static void cleans_up(sterna_test *t)
{
    run *r = run_planted(t, "", "-v leaves_a_process keeps_folder");
    CHECK(t, r != NULL);
    const char *left = strstr(r->text, "left "), *folder = strstr(r->text, "folder ");
    CHECK(t, left && folder);
    long child = strtol(left + 5, NULL, 10);
    char path[2048];
    CHECK(t, sscanf(folder, "folder %2047[^\n]", path) == 1);
    sterna_free(r);
    CHECK(t, child > 1);
    /* Killed; whoever inherited it may take a moment to collect it. */
    for (int i = 0; i < 200 && kill((pid_t)child, 0) == 0; i++) {
        char status[128], letter = 0;
        snprintf(status, sizeof status, "/proc/%ld/stat", child);
        FILE *file = fopen(status, "r");
        if (file && fscanf(file, "%*d %*s %c", &letter) != 1) letter = 0;
        if (file) fclose(file);
        if (letter == 'Z') break;
        poll(NULL, 0, 10);
        CHECK(t, i < 199);
    }
    EXPECT(t, access(path, F_OK) != 0);
}

static void results_folder(sterna_test *t)
{
    static char text[8192];
    run *r = run_planted(t, "STERNA_RESULTS=res", "passes skips");
    CHECK(t, r != NULL);
    sterna_free(r);
    read_file(t, "res/planted_cases.tsv", text, sizeof text);
    EXPECT(t, strncmp(text, "planted_cases\t*\tplan\t0.000\t2\nplanted_cases\tpasses\tpass\t", 55) == 0);

    /* ci/summarise turns such folders into the last lines of `make check`. */
    char command[4096];
    snprintf(command, sizeof command,
             "cd '%s' && '%s' res; echo code $?; printf "
             "'dead\\t*\\tplan\\t0.000\\t2\\ndead\\ta\\tpass\\t0.1\\t\\n' "
             "> res/dead.tsv; '%s' res; echo code $?; mkdir none; '%s' none; echo code $?",
             sterna_test_folder(t), sterna_test_repo(t, "ci/summarise"), sterna_test_repo(t, "ci/summarise"),
             sterna_test_repo(t, "ci/summarise"));
    CHECK(t, sterna_test_shell(t, command, text, sizeof text) == 0);
    EXPECT(t, strstr(text,
                     "skipped: planted_cases skips: no moon here\n1 passed, 0 failed, 1 skipped\ncode 0\n"));
    EXPECT(t, strstr(text, "FAILED: dead: 1 of 2 cases never ended\n"));
    EXPECT(t, strstr(text, "2 passed, 1 failed, 1 skipped\ncode 1\n"));
    EXPECT(t, strstr(text, "0 passed, 0 failed, 0 skipped\ncode 4\n"));
}

static void words(sterna_test *t)
{
    static const struct {
        const char *line, *words; /* each word ends with a bar */
    } rows[] = {{"", ""},
                {"  ", ""},
                {" a  bc ", "a|bc|"},
                {"-m '/a b/c' -p day", "-m|/a b/c|-p|day|"},
                {"'a b':x''y ''", "a b:xy||"},
                {"1 2 3 4 5 6 7", "1|2|3|4|5|6|"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[64], got[64] = "", *list[6];
        snprintf(line, sizeof line, "%s", rows[i].line);
        int n = sterna_test_words(line, list, 6);
        for (int w = 0; w < n; w++) snprintf(got + strlen(got), sizeof got - strlen(got), "%s|", list[w]);
        if (!EXPECT(t, strcmp(got, rows[i].words) == 0)) sterna_test_note(t, "%s: %s", rows[i].line, got);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"verdicts", verdicts, 0},
    {"failure_is_told_in_full", failure_is_told_in_full, 0},
    {"exit_codes", exit_codes, 0},
    {"time_scale", time_scale, 0},
    {"junit", junit, 0},
    {"cleans_up", cleans_up, 0},
    {"results_folder", results_folder, 0},
    {"words", words, 0},
    {0},
};
