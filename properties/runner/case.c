/* The calls a test body makes: checks, notes, skips, paths, its folder and shell commands.
 * Owns: the record's contents. Leaves to others: the process around it (child.c) and printing (runner.c). */
#define _XOPEN_SOURCE 700 /* nftw, mkdtemp */
#include "case.h"
#include "base/mem.h"
#include "base/sys.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void lock(sterna_test *t)
{
    while (atomic_flag_test_and_set(&t->busy)) {}
}

static void unlock(sterna_test *t)
{
    atomic_flag_clear(&t->busy);
}

/* One line of the report; dropped when the report is full, since the first lines tell most. */
static void add_line(sterna_test *t, const char *prefix, const char *format, va_list arguments)
{
    char line[2000];
    int length = snprintf(line, sizeof line, "%s", prefix);
    vsnprintf(line + length, sizeof line - (size_t)length, format, arguments);
    size_t bytes = strlen(line);
    if (t->report_length + bytes + 2 > sizeof t->report) return;
    memcpy(t->report + t->report_length, line, bytes);
    memcpy(t->report + t->report_length + bytes, "\n", 2);
    t->report_length += bytes + 1;
}

static void add_text(sterna_test *t, const char *format, ...) STERNA_PRINTF(2, 3);
static void add_text(sterna_test *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_line(t, "", format, arguments);
    va_end(arguments);
}

bool sterna_test_check(sterna_test *t, bool passed, const char *condition, const char *file, int line)
{
    if (passed) return true;
    lock(t);
    if (atomic_fetch_add(&t->failures, 1) == 0)
        snprintf(t->reason, sizeof t->reason, "%s:%d: %s", file, line, condition);
    add_text(t, "%s:%d: does not hold: %s", file, line, condition);
    unlock(t);
    return false;
}

void sterna_test_note(sterna_test *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lock(t);
    add_line(t, "  ", format, arguments);
    unlock(t);
    va_end(arguments);
}

void sterna_test_skip(sterna_test *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    lock(t);
    if (!atomic_load(&t->failures)) vsnprintf(t->reason, sizeof t->reason, format, arguments);
    atomic_store(&t->skipped, 1);
    unlock(t);
    va_end(arguments);
}

void sterna_case_blame(sterna_test *t, const char *format, ...)
{
    char reason[CASE_REASON_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    /* The child may have died while it held the lock; nobody else writes any more. */
    atomic_flag_clear(&t->busy);
    add_text(t, "%s", reason);
    /* How the child ended says more than the check that failed before. */
    memcpy(t->reason, reason, sizeof reason);
    atomic_fetch_add(&t->failures, 1);
    atomic_store(&t->state, CASE_FAILED);
}

void sterna_case_run(sterna_test *t, void (*body)(sterna_test *t))
{
    int64_t live = sterna_mem_live();
    body(t);
    int64_t leaked = sterna_mem_live() - live;
    if (atomic_load(&t->failures))
        atomic_store(&t->state, CASE_FAILED);
    else if (atomic_load(&t->skipped))
        atomic_store(&t->state, CASE_SKIPPED);
    else if (leaked != 0)
        sterna_case_blame(t, "leaks %lld blocks", (long long)leaked);
    else
        atomic_store(&t->state, CASE_PASSED);
}

static const char *keep_path(sterna_test *t, const char *root, const char *relative)
{
    lock(t);
    char *slot = t->path[t->paths++ % CASE_PATHS];
    unlock(t);
    int length = snprintf(slot, CASE_PATH_BYTES, "%s/%s", root, relative);
    if (length < CASE_PATH_BYTES) return slot;
    sterna_test_check(t, false, "the path fits into CASE_PATH_BYTES", __FILE__, __LINE__);
    return "";
}

const char *sterna_test_repo(sterna_test *t, const char *relative)
{
    return keep_path(t, STERNA_SOURCE_DIR, relative);
}

const char *sterna_test_shared(sterna_test *t, const char *relative)
{
    const char *root = sterna_sys_getenv("STERNA_SHARED");
    const char *path = keep_path(t, root && *root ? root : STERNA_SOURCE_DIR "/../shared", relative);
    return access(path, R_OK) == 0 ? path : NULL;
}

const char *sterna_test_folder(sterna_test *t)
{
    if (t->folder[0]) return t->folder;
    char name[CASE_PATH_BYTES];
    int length = snprintf(name, sizeof name, "%s/tmp/%s-XXXXXX", STERNA_BINARY_DIR, t->program);
    bool made = length < (int)sizeof name && sterna_report_folder(STERNA_BINARY_DIR "/tmp") && mkdtemp(name);
    if (!sterna_test_check(t, made, "a folder for the case can be made", __FILE__, __LINE__))
        return "/nonexistent";
    memcpy(t->folder, name, sizeof name);
    return t->folder;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    remove(path);
    return 0;
}

void sterna_case_clean(sterna_test *t)
{
    if (t->folder[0]) nftw(t->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    t->folder[0] = 0;
}

int sterna_test_shell(sterna_test *t, const char *command, char *text, size_t bytes)
{
    char rest[512];
    text[0] = 0;
    FILE *pipe = popen(command, "r");
    if (!pipe) return -1;
    text[fread(text, 1, bytes - 1, pipe)] = 0;
    while (fread(rest, 1, sizeof rest, pipe) > 0) {} /* so that nobody dies of a closed pipe */
    int ended = pclose(pipe);
    sterna_test_note(t, "%s", text);
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}

int sterna_test_words(char *line, char **words, int max)
{
    int n = 0;
    for (char *at = line; *(at += strspn(at, " ")) && n < max;) {
        bool quoted = false;
        char *end = words[n++] = at;
        for (; *at && (quoted || *at != ' '); at++)
            if (*at == '\'')
                quoted = !quoted;
            else
                *end++ = *at;
        if (*at) at++;
        *end = 0;
    }
    return n;
}
