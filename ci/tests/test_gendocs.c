/* Generated documents equal their tables. Owns: the comparison; `make docs` repairs what it finds. */
#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "base/sys.h"
#include "gendocs.h"
#include "runner.h"
#include <stdlib.h>
#include <string.h>

static void equals(sterna_test *t, const char *path, void (*write)(FILE *out))
{
    char *text = NULL;
    size_t bytes = 0;
    sterna_mapping file = {0};
    FILE *out = open_memstream(&text, &bytes);
    CHECK(t, out != NULL);
    write(out);
    bool written = fclose(out) == 0;
    bool same = written && sterna_sys_read(sterna_test_repo(t, path), 1 << 24, &file, NULL) == STERNA_OK &&
                file.size == bytes && memcmp(file.data, text, bytes) == 0;
    sterna_sys_unmap(&file);
    CHECK_MSG(t, written && bytes > 500, "%s: almost nothing was written", path);
    free(text);
    CHECK_MSG(t, same, "%s differs from its tables: run `make docs`", path);
}

static void documents(sterna_test *t)
{
#define DOC(path, function) equals(t, path, function);
    GENDOCS(DOC)
#undef DOC
}

const sterna_test_case sterna_test_cases[] = {
    {"documents", documents, 0},
    {0},
};
