/* Rules about whole files: unique names, opening comments, READMEs, links, words that say
 * "not finished". */
#include "base/size.h"
#include "tidy.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Sources are found by name in error messages, profiles and editors. */
void tidy_rule_name(tidy_report *report)
{
    const tidy_tree *tree = report->tree;
    for (size_t i = 0; i < tree->n; i++)
        for (size_t j = 0; tree->files[i].code && j < i; j++) {
            const char *name = base_name(tree->files[i].path);
            if (tree->files[j].code && !strcmp(name, base_name(tree->files[j].path)))
                tidy_finding(report, &tree->files[i], 0, name, "%s has this name already",
                             tree->files[j].path);
        }
}

enum { OPENING_LETTERS = 15 };

/* Letters of the first comment, or 0 when the file does not begin with one. */
static size_t opening_letters(const tidy_file *file)
{
    const char *text = file->text, *end;
    size_t letters = 0;
    if (file->code) {
        if (!tidy_begins(text, "/*") || !(end = strstr(text, "*/"))) return 0;
    } else {
        if (tidy_begins(text, "#!")) text += strcspn(text, "\n") + 1;
        for (end = text; *end == '#'; end += end[0] ? 1 : 0) end += strcspn(end, "\n");
        if (end == text) return 0;
    }
    for (; text < end; text++) letters += isalpha((unsigned char)*text) != 0;
    return letters;
}

void tidy_rule_opening(tidy_report *report)
{
    for (size_t i = 0; i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        bool script = tidy_begins(file->text, "#!") || tidy_ends(file->path, ".cmake") ||
                      tidy_ends(file->path, "CMakeLists.txt");
        if ((file->code || script) && opening_letters(file) < OPENING_LETTERS)
            tidy_finding(report, file, 0, "-", "begin with a comment that says what the file owns");
    }
}

/* The room of a path: its top-level folder, or the folder below backends/. */
static size_t room_of(const char *path)
{
    const char *slash = strchr(path, '/');
    if (!slash || path[0] == '.') return 0;
    if (tidy_begins(path, "backends/") && strchr(slash + 1, '/') && !tidy_begins(slash, "/tests/"))
        slash = strchr(slash + 1, '/');
    return (size_t)(slash - path);
}

/* A room that holds sources tells what it owns, what it leaves out, and where to start. */
void tidy_rule_readme(tidy_report *report)
{
    const tidy_tree *tree = report->tree;
    for (size_t i = 0; i < tree->n; i++) {
        const char *path = tree->files[i].path;
        size_t n = room_of(path);
        bool seen = false;
        char readme[256];
        if (n == 0 || !tree->files[i].code) continue;
        for (size_t j = 0; j < i && !seen; j++)
            seen = tree->files[j].code && room_of(tree->files[j].path) == n &&
                   !strncmp(tree->files[j].path, path, n);
        snprintf(readme, sizeof readme, "%.*s/README.md", (int)n, path);
        if (!seen && !tidy_find(tree, readme))
            tidy_finding(report, &tree->files[i], 0, readme, "%s is missing", readme);
    }
}

static const struct {
    const char *text;
    int whole;
} words[] = {
#define WORD(text, whole) {text, whole},
#include "words.def"
#undef WORD
};

void tidy_rule_word(tidy_report *report)
{
    for (size_t i = 0; i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        for (size_t w = 0; w < STERNA_COUNT(words); w++) {
            size_t n = strlen(words[w].text);
            for (const char *at = file->text; (at = strstr(at, words[w].text)); at += n) {
                bool inside = (at > file->text && (isalnum((unsigned char)at[-1]) || at[-1] == '_')) ||
                              isalnum((unsigned char)at[n]) || at[n] == '_';
                if (!words[w].whole || !inside)
                    tidy_finding(report, file, (size_t)(at - file->text), words[w].text,
                                 "\"%s\": finish it, or write an issue", words[w].text);
            }
        }
    }
}

/* Resolves "../docs/x.md" against the folder of `from`; false when it leaves the root. */
static bool resolve_link(const char *from, const char *link, size_t n, char *path, size_t capacity)
{
    const char *slash = strrchr(from, '/');
    size_t used = slash ? (size_t)(slash - from) : 0;
    snprintf(path, capacity, "%.*s", (int)used, from);
    while (n > 0) {
        size_t part = strcspn(link, "/");
        if (part > n) part = n;
        if (part == 2 && !strncmp(link, "..", 2)) {
            if (used == 0) return false;
            while (used > 0 && path[--used] != '/') {}
            path[used] = '\0';
        } else if (part > 0 && !(part == 1 && *link == '.')) {
            used +=
                (size_t)snprintf(path + used, capacity - used, "%s%.*s", used ? "/" : "", (int)part, link);
            if (used >= capacity) return false;
        }
        link += part;
        n -= part;
        if (n > 0) link++, n--;
    }
    return true;
}

static bool exists(const tidy_tree *tree, const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < tree->n; i++)
        if (tidy_begins(tree->files[i].path, path) && strchr("/", tree->files[i].path[n])) return true;
    return n == 0;
}

/* The manual's index knows every page: one that nothing points to is not found by its readers. */
static void check_index(tidy_report *report)
{
    const tidy_file *index = tidy_find(report->tree, "docs/README.md");
    for (size_t i = 0; index && i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        char link[300];
        if (!tidy_begins(file->path, "docs/") || !tidy_ends(file->path, ".md") || strchr(file->path + 5, '/'))
            continue;
        snprintf(link, sizeof link, "](%s", file->path + 5);
        if (file != index && !strstr(index->text, link))
            tidy_finding(report, file, 0, "-", "docs/README.md does not point to this page");
    }
}

/* Relative links of Markdown pages: [text](path) or [text](path#heading). */
void tidy_rule_link(tidy_report *report)
{
    check_index(report);
    for (size_t i = 0; i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        if (!tidy_ends(file->path, ".md")) continue;
        for (const char *at = file->text; (at = strstr(at, "](")); at += 2) {
            const char *link = at + 2;
            char path[512];
            size_t n = strcspn(link, "#) \n");
            if (n == 0 || memchr(link, ':', n)) continue;
            if (!resolve_link(file->path, link, n, path, sizeof path) || !exists(report->tree, path))
                tidy_finding(report, file, (size_t)(at - file->text), "-", "%.*s does not exist", (int)n,
                             link);
        }
    }
}
