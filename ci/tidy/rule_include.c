/* Include direction: floors.def against every #include "..." of the tree. */
#include "base/size.h"
#include "tidy.h"
#include <stdio.h>
#include <string.h>

typedef struct floor_row {
    const char *folder;
    int height;
} floor_row;

static const floor_row floors[] = {
#define FLOOR(folder, height) {folder, height},
#include "floors.def"
#undef FLOOR
};

/* Where the build looks for "name", after the folder of the including file. */
static const char *const roots[] = {"backends/",          "engine/",     "engine/include/",   "mockgpu/",
                                    "properties/runner/", "golden/",     "properties/",       "ci/tidy/",
                                    "ci/gendocs/",        "ci/rundocs/", "backends/kernels/", "",
                                    "backends/formats/",  "receipts/",   "regress/",          "fuzz/"};

/* The row with the longest folder that the path begins with; NULL outside all floors. */
static const floor_row *floor_of(const char *path)
{
    const floor_row *best = NULL;
    for (size_t i = 0; i < STERNA_COUNT(floors); i++) {
        size_t n = strlen(floors[i].folder);
        if (tidy_begins(path, floors[i].folder) && (path[n] == '/' || path[n] == '\0') &&
            (!best || n > strlen(best->folder)))
            best = &floors[i];
    }
    return best;
}

static const tidy_file *resolve(const tidy_tree *tree, const tidy_file *from, const char *name)
{
    char path[512];
    const char *slash = strrchr(from->path, '/');
    int folder = slash ? (int)(slash - from->path) + 1 : 0;
    snprintf(path, sizeof path, "%.*s%s", folder, from->path, name);
    const tidy_file *found = tidy_find(tree, path);
    for (size_t i = 0; !found && i < STERNA_COUNT(roots); i++) {
        snprintf(path, sizeof path, "%s%s", roots[i], name);
        found = tidy_find(tree, path);
    }
    return found;
}

static void check(tidy_report *report, const tidy_file *from, const char *name, size_t offset)
{
    const tidy_file *to = resolve(report->tree, from, name);
    const floor_row *own = floor_of(from->path);
    if (!to) {
        tidy_finding(report, from, offset, name,
                     "\"%s\" is no file of the tree (<...> is for the system's headers)", name);
        return;
    }
    const floor_row *other = floor_of(to->path);
    if (!own || !other) {
        tidy_finding(report, from, offset, name,
                     "%s stands on no floor: add its folder to ci/tidy/floors.def",
                     own ? to->path : from->path);
        return;
    }
    if (tidy_is_test(from->path) && tidy_begins(to->path, "properties/runner/")) return;
    if (own != other && other->height >= own->height)
        tidy_finding(report, from, offset, name, "%s (floor %s) may not know %s (floor %s)", from->path,
                     own->folder, to->path, other->folder);
}

void tidy_rule_include(tidy_report *report)
{
    for (size_t i = 0; i < report->tree->n; i++) {
        const tidy_file *file = &report->tree->files[i];
        if (!file->code) continue;
        for (const char *at = file->code; (at = strstr(at, "include")); at += 7) {
            /* `# include "name"` alone on its line; the name's letters are blanked in code, so read the text. */
            const char *hash = at;
            while (hash > file->code && (hash[-1] == ' ' || hash[-1] == '\t')) hash--;
            if (hash == file->code || hash[-1] != '#') continue;
            const char *quote = at + 7 + strspn(at + 7, " \t");
            if (*quote != '"') continue;
            size_t offset = (size_t)(quote - file->code);
            char name[256];
            if (sscanf(file->text + offset + 1, "%255[^\"\n]", name) == 1) check(report, file, name, offset);
        }
    }
}
