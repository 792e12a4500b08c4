/* Reading a tree of sources into memory, and blanking what is not code. Owns: which files count. */
#define _XOPEN_SOURCE 700 /* lstat */
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "tidy.h"
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PATH = 1024, MAX_FILE = 8 << 20 };

bool tidy_ends(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && memcmp(text + n - m, end, m) == 0;
}

bool tidy_begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

bool tidy_is_test(const char *path)
{
    return strstr(path, "/tests/") != NULL;
}

size_t tidy_identifier(const char *at, char *word, size_t capacity)
{
    size_t n = 0;
    if (!isalpha((unsigned char)*at) && *at != '_') return 0;
    while (isalnum((unsigned char)at[n]) || at[n] == '_') n++;
    size_t kept = n < capacity - 1 ? n : capacity - 1;
    memcpy(word, at, kept);
    word[kept] = '\0';
    return n;
}

static bool is_source(const char *name)
{
    static const char *const ends[] = {".c", ".h", ".inc", ".def", ".kc"};
    for (size_t i = 0; i < STERNA_COUNT(ends); i++)
        if (tidy_ends(name, ends[i])) return true;
    return false;
}

static bool is_read(const char *path)
{
    static const char *const ends[] = {".md",    ".cmake",   ".txt",    ".sh",
                                       ".allow", "Makefile", "LICENSE", ".svg"};
    for (size_t i = 0; i < STERNA_COUNT(ends); i++)
        if (tidy_ends(path, ends[i])) return true;
    /* Shell scripts carry no ending. */
    return is_source(path) ||
           ((tidy_begins(path, "ci/") || tidy_begins(path, ".ci/")) && strchr(path, '.') == NULL);
}

static bool is_skipped(const char *name)
{
    return (name[0] == '.' && strcmp(name, ".ci") != 0) || tidy_begins(name, "build") ||
           strcmp(name, "out") == 0;
}

/* Overwrites with spaces, keeping line ends. */
static void blank(char *from, const char *to)
{
    for (; from < to; from++)
        if (*from != '\n') *from = ' ';
}

static void blank_non_code(char *code)
{
    char *p = code;
    while (*p) {
        if (p[0] == '/' && p[1] == '*') {
            char *end = strstr(p + 2, "*/");
            end = end ? end + 2 : p + strlen(p);
            blank(p, end);
            p = end;
        } else if (p[0] == '/' && p[1] == '/') {
            char *end = p + strcspn(p, "\n");
            blank(p, end);
            p = end;
        } else if (*p == '"' || (*p == '\'' && !(p > code && isxdigit((unsigned char)p[-1])))) {
            char quote = *p, *end = p + 1;
            while (*end && *end != quote && *end != '\n') end += end[0] == '\\' && end[1] ? 2 : 1;
            blank(p + 1, end);
            p = *end == quote ? end + 1 : end;
        } else {
            p++;
        }
    }
}

static sterna_status add_file(tidy_tree *tree, const char *full, const char *path, sterna_fault *fault)
{
    sterna_mapping mapping = {0};
    sterna_status status = sterna_sys_read(full, MAX_FILE, &mapping, fault);
    if (status != STERNA_OK) return status;
    if (tree->n == tree->capacity) {
        size_t capacity = tree->capacity ? 2 * tree->capacity : 256;
        tidy_file *files = sterna_realloc(tree->files, capacity, sizeof *files);
        if (!files) goto refused;
        tree->files = files;
        tree->capacity = capacity;
    }
    tidy_file *file = &tree->files[tree->n];
    file->bytes = (size_t)mapping.size;
    file->path = sterna_strndup(path, strlen(path));
    file->text = sterna_strndup((const char *)mapping.data, file->bytes);
    file->code = NULL;
    if (is_source(path)) {
        file->code = sterna_strndup((const char *)mapping.data, file->bytes);
        if (file->code) blank_non_code(file->code);
    }
    tree->n++; /* released with the tree, whatever is missing */
    if (!file->path || !file->text || (is_source(path) && !file->code)) goto refused;
    sterna_sys_unmap(&mapping);
    return STERNA_OK;
refused:
    sterna_sys_unmap(&mapping);
    return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", full);
}

static sterna_status walk(tidy_tree *tree, const char *root, const char *folder, sterna_fault *fault)
{
    char full[MAX_PATH];
    snprintf(full, sizeof full, "%s/%s", root, folder);
    DIR *directory = opendir(full);
    if (!directory) return sterna_fail(fault, STERNA_FILE, "%s: cannot be listed", full);
    sterna_status status = STERNA_OK;
    for (struct dirent *entry; status == STERNA_OK && (entry = readdir(directory));) {
        char path[MAX_PATH / 2];
        struct stat info;
        if (is_skipped(entry->d_name)) continue;
        int n = snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", entry->d_name);
        int m = snprintf(full, sizeof full, "%s/%s", root, path);
        if (n >= (int)sizeof path || m >= (int)sizeof full) {
            status = sterna_fail(fault, STERNA_FILE, "%s: path too long", path);
        } else if (lstat(full, &info) == 0) {
            if (S_ISDIR(info.st_mode))
                status = walk(tree, root, path, fault);
            else if (S_ISREG(info.st_mode) && is_read(path))
                status = add_file(tree, full, path, fault);
        }
    }
    closedir(directory);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const tidy_file *)a)->path, ((const tidy_file *)b)->path);
}

sterna_status tidy_read(const char *root, tidy_tree *tree, sterna_fault *fault)
{
    *tree = (tidy_tree){0};
    sterna_status status = walk(tree, root, "", fault);
    if (status != STERNA_OK) {
        tidy_release(tree);
        return status;
    }
    if (tree->n) qsort(tree->files, tree->n, sizeof *tree->files, by_path);
    return STERNA_OK;
}

void tidy_release(tidy_tree *tree)
{
    for (size_t i = 0; i < tree->n; i++) {
        sterna_free(tree->files[i].path);
        sterna_free(tree->files[i].text);
        sterna_free(tree->files[i].code);
    }
    sterna_free(tree->files);
    *tree = (tidy_tree){0};
}

const tidy_file *tidy_find(const tidy_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->n; i++)
        if (strcmp(tree->files[i].path, path) == 0) return &tree->files[i];
    return NULL;
}
