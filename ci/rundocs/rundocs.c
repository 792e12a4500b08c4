/* Blocks of a Markdown page, run in order and compared with what the page says. Owns: parsing and judging. */
#include "rundocs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { OUTPUT_BYTES = 256 * 1024, LINE_BYTES = 1024 };

static const char WILD[] = "…";

/* One fenced block: its info string and its inside. */
typedef struct block {
    const char *info, *text;
    size_t info_bytes, bytes;
    int line; /* of its first line */
} block;

static const char *next_line(const char *at)
{
    at += strcspn(at, "\n");
    return *at ? at + 1 : at;
}

/* The block that begins at or after *at; false when there is none. *at moves behind it. */
static bool next_block(const char **at, int *line, block *found)
{
    for (; **at; *at = next_line(*at), ++*line) {
        if (strncmp(*at, "```", 3) != 0) continue;
        found->info = *at + 3;
        found->info_bytes = strcspn(found->info, "\n");
        found->text = *at = next_line(*at);
        found->line = ++*line;
        while (**at && strncmp(*at, "```", 3) != 0) *at = next_line(*at), ++*line;
        found->bytes = (size_t)(*at - found->text);
        if (**at) *at = next_line(*at), ++*line;
        return true;
    }
    return false;
}

static bool is(const block *b, const char *info)
{
    return b->info_bytes == strlen(info) && !memcmp(b->info, info, b->info_bytes);
}

/* Length of a line without its end and trailing spaces. */
static size_t line_length(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && at[n] != '\n') n++;
    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\r')) n--;
    return n;
}

/* Glob match of one line, `…` being the only wildcard. */
static bool line_matches(const char *p, size_t np, const char *s, size_t ns)
{
    size_t wild = sizeof WILD - 1;
    for (;;) {
        if (np >= wild && !memcmp(p, WILD, wild)) {
            for (size_t skip = 0; skip <= ns; skip++)
                if (line_matches(p + wild, np - wild, s + skip, ns - skip)) return true;
            return false;
        }
        if (np == 0 || ns == 0) return np == ns;
        if (*p != *s) return false;
        p++, np--, s++, ns--;
    }
}

static bool lines_match(const char *p, const char *p_end, const char *s)
{
    const char *s_end = s + strlen(s);
    while (p < p_end) {
        size_t np = line_length(p, p_end);
        const char *next = next_line(p);
        if (next > p_end || next == p) next = p_end;
        if (np == sizeof WILD - 1 && !memcmp(p, WILD, np)) {
            for (;; s = next_line(s)) {
                if (lines_match(next, p_end, s)) return true;
                if (!*s) return false;
            }
        }
        if (s == s_end || !line_matches(p, np, s, line_length(s, s_end))) return false;
        p = next;
        s = next_line(s);
    }
    while (*s == '\n' || *s == ' ') s++;
    return *s == '\0';
}

bool rundocs_matches(const char *expected, size_t bytes, const char *output)
{
    return lines_match(expected, expected + bytes, output);
}

static void tell(rundocs_result *result, int line, const char *what, const char *detail)
{
    size_t used = strlen(result->text);
    result->failed++;
    snprintf(result->text + used, sizeof result->text - used, "line %d: %s\n%.1500s\n", line, what, detail);
}

/* A line that ends in `# exit N` becomes a command that must end so. */
static void write_script(FILE *script, const block *b)
{
    for (const char *at = b->text, *end = b->text + b->bytes; at < end; at = next_line(at)) {
        char line[LINE_BYTES];
        int code;
        snprintf(line, sizeof line, "%.*s", (int)line_length(at, end), at);
        char *mark = strstr(line, "# exit ");
        if (mark && sscanf(mark, "# exit %d", &code) == 1) {
            *mark = '\0';
            fprintf(script, "code_=0; %s|| code_=$?\n", line);
            fprintf(script, "[ $code_ = %d ] || { echo \"exit code $code_, not %d\" >&2; exit 99; }\n", code,
                    code);
        } else {
            fprintf(script, "%s\n", line);
        }
    }
}

/* Runs a block; its exit code, or -1. Standard output goes to `output`, standard error into a file of the
 * folder. */
static int run(const block *b, const char *folder, const char *prelude, char *output)
{
    char path[LINE_BYTES], command[2 * LINE_BYTES];
    snprintf(path, sizeof path, "%s/.block.sh", folder);
    FILE *script = fopen(path, "w");
    if (!script) return -1;
    fprintf(script, "%s\n", prelude);
    write_script(script, b);
    if (fclose(script) != 0) return -1;
    snprintf(command, sizeof command, "cd '%s' && sh -eu .block.sh 2>.stderr </dev/null", folder);
    FILE *pipe = popen(command, "r");
    if (!pipe) return -1;
    size_t n = fread(output, 1, OUTPUT_BYTES - 1, pipe);
    output[n] = '\0';
    while (fgetc(pipe) != EOF) {}
    int ended = pclose(pipe);
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}

static void tell_stderr(rundocs_result *result, int line, int code, const char *folder)
{
    char path[LINE_BYTES], what[64], text[1500] = "";
    snprintf(path, sizeof path, "%s/.stderr", folder);
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[n] = '\0';
    if (file) fclose(file);
    snprintf(what, sizeof what, "the block ends with %d", code);
    tell(result, line, what, text);
}

void rundocs_page(const char *page, const char *folder, const char *prelude, rundocs_result *result)
{
    static char output[OUTPUT_BYTES];
    const char *at = page;
    int line = 1;
    bool have_output = false;
    block b;
    *result = (rundocs_result){0};
    while (next_block(&at, &line, &b)) {
        if (is(&b, "sh")) {
            int code = run(&b, folder, prelude, output);
            result->ran++;
            have_output = code == 0;
            if (code != 0) tell_stderr(result, b.line, code, folder);
        } else if (is(&b, "text output")) {
            result->compared++;
            if (have_output && !rundocs_matches(b.text, b.bytes, output))
                tell(result, b.line, "the output differs; it is:", output);
        } else {
            have_output = false;
        }
    }
}
