/* What a running case has said so far. It lies in memory shared between runner and child, so that the parent
 * knows it whatever became of the child. Owns: the record. Leaves to others: processes (child.c), reports
 * (report.c). */
#ifndef STERNA_RUNNER_CASE_H
#define STERNA_RUNNER_CASE_H

#include "runner.h"
#include <stdatomic.h>

enum { CASE_REPORT_BYTES = 32768, CASE_REASON_BYTES = 400, CASE_PATH_BYTES = 1024, CASE_PATHS = 16 };

typedef enum case_state {
    CASE_RUNNING, /* no verdict yet */
    CASE_PASSED,
    CASE_FAILED,
    CASE_SKIPPED,
} case_state;

struct sterna_test {
    const char *program, *name;
    _Atomic int state;              /* case_state; RUNNING until the body has returned */
    _Atomic int failures;           /* checks that did not hold */
    _Atomic int skipped;            /* SKIP was reached */
    atomic_flag busy;               /* guards what follows: checks may come from several threads */
    char reason[CASE_REASON_BYTES]; /* of the first failure, or of the skip; one line */
    char report[CASE_REPORT_BYTES]; /* conditions and notes, line by line */
    size_t report_length;
    char folder[CASE_PATH_BYTES]; /* "" until sterna_test_folder was called */
    char path[CASE_PATHS][CASE_PATH_BYTES];
    unsigned paths;
};

/* Runs the body and settles the state; called in the child (or in place with --no-fork). */
void sterna_case_run(sterna_test *t, void (*body)(sterna_test *t));
/* Marks the case failed from outside: how the child ended. */
void sterna_case_blame(sterna_test *t, const char *format, ...) STERNA_PRINTF(2, 3);
/* Removes the case's folder, if any. */
void sterna_case_clean(sterna_test *t);

/* What one run of a case came to. */
typedef struct case_result {
    const char *name;
    case_state state; /* never RUNNING */
    double seconds;
    char *reason, *report, *output; /* output: what the child printed, its last part only when it was long */
} case_result;

/* Forks, runs the body in a process group of its own with empty standard input, and waits at most `limit`
 * seconds. Fills *t; the returned text (the child's output) is freed by the caller and may be NULL. */
char *sterna_child_run(sterna_test *t, const sterna_test_case *entry, double limit);

/* Creates a folder with its parents. */
bool sterna_report_folder(const char *path);
/* One <testsuites> root. False, with a message on stderr, when the file cannot be written. */
bool sterna_report_junit(const char *path, const char *program, const case_result *results, size_t count);
/* Appends `text` with one write, so that several programs may share the file. */
bool sterna_report_append(const char *path, const char *text);

#endif
