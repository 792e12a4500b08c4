/* Running scenarios. Owns: their syntax and the comparison. */
#include "scenario.h"
#include "base/sys.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { LINES_MAX = 400, COMMAND_BYTES = 4096, OUTPUT_BYTES = 1 << 16 };

typedef struct lines {
    char *line[LINES_MAX];
    int n;
} lines;

/* One command with what is expected of it. */
typedef struct step {
    char command[COMMAND_BYTES];
    int number; /* line in the file */
    lines out, err;
    int status;
} step;

bool scenario_match(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == 0;
}

/* Lines [j, ...) against patterns [i, ...): "..." takes as many lines as it needs. */
static bool match_lines(const lines *patterns, int i, const lines *text, int j)
{
    for (; i < patterns->n; i++, j++) {
        if (!strcmp(patterns->line[i], "...")) {
            for (; j <= text->n; j++)
                if (match_lines(patterns, i + 1, text, j)) return true;
            return false;
        }
        if (j >= text->n || !scenario_match(patterns->line[i], text->line[j])) return false;
    }
    return j == text->n;
}

/* Cuts a text into lines, in place. */
static void split(char *text, lines *out)
{
    out->n = 0;
    while (*text && out->n < LINES_MAX) {
        char *end = text + strcspn(text, "\n");
        bool last = !*end;
        *end = 0;
        out->line[out->n++] = text;
        text = last ? end : end + 1;
    }
}

static bool slurp(const char *path, char *text)
{
    sterna_mapping file = {0};
    if (sterna_sys_read(path, OUTPUT_BYTES - 1, &file, NULL) != STERNA_OK) return false;
    memcpy(text, file.data, file.size);
    text[file.size] = 0;
    sterna_sys_unmap(&file);
    return true;
}

static void compare(sterna_test *t, const step *s, const char *what, const lines *wanted, char *text)
{
    lines got;
    split(text, &got);
    if (EXPECT(t, match_lines(wanted, 0, &got, 0))) return;
    sterna_test_note(t, "line %d: $ %s", s->number, s->command);
    for (int i = 0; i < got.n; i++) sterna_test_note(t, "%s: %s", what, got.line[i]);
}

static void run_step(sterna_test *t, const step *s)
{
    static char text[OUTPUT_BYTES], shell[2 * COMMAND_BYTES];
    const char *folder = sterna_test_folder(t);
    snprintf(shell, sizeof shell,
             "PATH='%s/bin':$PATH; export PATH; cd '%s' && { %s\n} </dev/null >'%s/.out' 2>'%s/.err'",
             STERNA_BINARY_DIR, folder, s->command, folder, folder);
    int ended = system(shell);
    int status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
    snprintf(shell, sizeof shell, "%s/.err", folder);
    bool read = slurp(shell, text);
    if (!EXPECT(t, read && status == s->status))
        sterna_test_note(t, "line %d: $ %s\nexit %d, wanted %d\n%s", s->number, s->command, status, s->status,
                         text);
    if (s->err.n) compare(t, s, "stderr", &s->err, text);
    snprintf(shell, sizeof shell, "%s/.out", folder);
    CHECK(t, slurp(shell, text));
    compare(t, s, "stdout", &s->out, text);
}

/* Copies a line with {repo} and {folder} put in. */
static void expand(sterna_test *t, const char *line, char *out, size_t size)
{
    size_t used = 0;
    while (*line && used + 1 < size) {
        const char *with = NULL;
        if (!strncmp(line, "{repo}", 6)) with = STERNA_SOURCE_DIR;
        if (!strncmp(line, "{folder}", 8)) with = sterna_test_folder(t);
        if (with) {
            used += (size_t)snprintf(out + used, size - used, "%s", with);
            if (used >= size) used = size - 1;
            line += strcspn(line, "}") + 1;
        } else {
            out[used++] = *line++;
        }
    }
    out[used] = 0;
}

static bool begins(const char *line, char mark)
{
    return line[0] == mark && (line[1] == ' ' || !line[1]);
}

void scenario_run(sterna_test *t, const char *path)
{
    static char text[OUTPUT_BYTES];
    static step s;
    lines all;
    CHECK_MSG(t, slurp(path, text), "%s: cannot be read", path);
    unsetenv("STERNA_MODEL");
    unsetenv("STERNA_DEVICE");
    split(text, &all);
    int commands = 0;
    for (int i = 0; i <= all.n; i++) {
        char *line = i < all.n ? all.line[i] : NULL;
        char *rest = line && line[0] && line[1] ? line + 2 : (char *)"";
        if (!line || begins(line, '$')) {
            if (s.number) run_step(t, &s);
            s = (step){.number = i + 1};
            if (line) expand(t, rest, s.command, sizeof s.command);
            commands += line != NULL;
        } else if (begins(line, '>') && s.out.n < LINES_MAX) {
            s.out.line[s.out.n++] = rest;
        } else if (begins(line, '!') && s.err.n < LINES_MAX) {
            s.err.line[s.err.n++] = rest;
        } else if (begins(line, '=')) {
            s.status = atoi(rest);
        } else if (line[0] && line[0] != '#') {
            CHECK_MSG(t, false, "%s:%d: neither a command nor an expectation: %s", path, i + 1, line);
        }
    }
    CHECK_MSG(t, commands > 0, "%s: no command in it", path);
}
