/* The one test runner. A test program is a file with a table of cases; runner.c supplies main().
 * Owns: child process per case, time limit, filters, repeat, JUnit, the closing line. Leaves to others: what
 * is tested.
 *
 *   static void adds(sterna_test *t) { CHECK(t, 1 + 1 == 2); }
 *   const sterna_test_case sterna_test_cases[] = {{"adds", adds, 0}, {0}};
 *
 * Each case runs in a child process with empty standard input, in a process group that is killed when it
 * ends. A crash, a hang, an exit without a verdict, or blocks of sterna_alloc still live at the end fail that
 * case only. What a case prints is shown when it fails, or with -v.
 *
 * Exit codes: 0 all passed (skips allowed), 1 something failed, 2 usage, 4 no case ran, 77 all skipped.
 *
 * Environment: STERNA_TIME_SCALE multiplies every time limit (default 6; 20 in sanitizer builds).
 * STERNA_RESULTS names a folder where <program>.tsv is appended to, as --results FILE does with FILE: first
 * the line program TAB * TAB plan TAB 0.000 TAB number of cases to come then one per case as it ends (so a
 * plan with too few lines tells of a runner that died) program TAB case TAB pass|fail|skip TAB seconds TAB
 * reason (empty when passed; no tab or newline inside) ci/summarise reads such a folder. */
#ifndef STERNA_RUNNER_H
#define STERNA_RUNNER_H

#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct sterna_test sterna_test;

typedef struct sterna_test_case {
    const char *name; /* NULL ends the table */
    void (*body)(sterna_test *t);
    uint32_t seconds; /* enough on an idle machine, to be multiplied as above; 0: 20 */
} sterna_test_case;

/* Defined by the test program. */
extern const sterna_test_case sterna_test_cases[];

/* Fails the case and returns from the calling (void) function. */
#define CHECK(t, condition)                                                                                  \
    do {                                                                                                     \
        if (!sterna_test_check((t), (condition), #condition, __FILE__, __LINE__)) return;                    \
    } while (0)
/* The same with figures: CHECK_MSG(t, a == b, "a %d b %d", a, b). */
#define CHECK_MSG(t, condition, ...)                                                                         \
    do {                                                                                                     \
        if (!sterna_test_check((t), (condition), #condition, __FILE__, __LINE__)) {                          \
            sterna_test_note((t), __VA_ARGS__);                                                              \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)
/* Fails the case and goes on: for loops that should report every row, and for helpers that return a value. */
#define EXPECT(t, condition) sterna_test_check((t), (condition), #condition, __FILE__, __LINE__)
/* Ends the case as skipped, with the reason. */
#define SKIP(t, ...)                                                                                         \
    do {                                                                                                     \
        sterna_test_skip((t), __VA_ARGS__);                                                                  \
        return;                                                                                              \
    } while (0)

bool sterna_test_check(sterna_test *t, bool passed, const char *condition, const char *file, int line);
/* A line of context, printed when the case fails (printf style). */
void sterna_test_note(sterna_test *t, const char *format, ...) STERNA_PRINTF(2, 3);
void sterna_test_skip(sterna_test *t, const char *format, ...) STERNA_PRINTF(2, 3);

/* Path of a file of the repository ("golden/models/golden.gguf"); the text lives until the case ends. */
const char *sterna_test_repo(sterna_test *t, const char *relative);
/* Path of a file in the shared data folder beside the checkout ("data/corpus/manifest.json"; STERNA_SHARED
 * names another place), or NULL when it is absent, in which case the caller skips. */
const char *sterna_test_shared(sterna_test *t, const char *relative);
/* An empty folder for this case alone, removed afterwards. */
const char *sterna_test_folder(sterna_test *t);

/* Runs a command by sh. What it prints on standard output goes to `text`, cut to `bytes` with its NUL, and to the case's
 * notes. Its exit code; -1 when it did not start or a signal ended it. */
int sterna_test_shell(sterna_test *t, const char *command, char *text, size_t bytes);

/* Cuts a command line into words, in place: at spaces, but not between single quotes, which are taken away. How many; what
 * is beyond `max` is left out. */
int sterna_test_words(char *line, char **words, int max);

#endif
