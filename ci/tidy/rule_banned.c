/* Banned calls: banned.def against every call outside backends/base and the tests. */
#include "base/size.h"
#include "tidy.h"
#include <ctype.h>
#include <string.h>

static const struct {
    const char *call, *instead;
} banned[] = {
#define BANNED(call, instead) {#call, instead},
#include "banned.def"
#undef BANNED
};

static const char *replacement(const char *word)
{
    for (size_t i = 0; i < STERNA_COUNT(banned); i++)
        if (!strcmp(banned[i].call, word)) return banned[i].instead;
    return NULL;
}

/* A member (`host->free(x)`, `api.open(x)`) is somebody else's function of that name; so is one that is being
 * declared with a type before it. */
static bool is_call(const char *code, const char *at, size_t length)
{
    const char *before = at, *after = at + length + strspn(at + length, " \t\n");
    if (*after != '(') return false;
    while (before > code && isspace((unsigned char)before[-1])) before--;
    return !(before > code &&
             (before[-1] == '.' || (before[-1] == '>' && before - 1 > code && before[-2] == '-')));
}

void tidy_rule_banned(tidy_report *report)
{
    for (size_t i = 0; i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        if (!file->code || tidy_begins(file->path, "backends/base/") || tidy_is_test(file->path) ||
            tidy_ends(file->path, ".def"))
            continue;
        for (const char *at = file->code; *at;) {
            char word[64];
            size_t n = tidy_identifier(at, word, sizeof word);
            if (n == 0) {
                /* Step over a whole number, so that 0xfree never looks like a word. */
                if (isdigit((unsigned char)*at))
                    while (isalnum((unsigned char)*at) || *at == '_') at++;
                else
                    at++;
                continue;
            }
            const char *instead = replacement(word);
            if (instead && is_call(file->code, at, n))
                tidy_finding(report, file, (size_t)(at - file->code), word, "%s(): use %s", word, instead);
            at += n;
        }
    }
}
