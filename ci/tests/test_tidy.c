/* Each rule of the house catches what it is for, and the tree keeps them all.
 * Owns: one planted violation per rule, and one innocent look-alike. */
#include "base/size.h"
#include "runner.h"
#include "tidy.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OPENING "/* Owns what this file owns, for a test. */\n"

/* Writes one file of a planted tree, with its folders. */
static bool plant(const char *root, const char *path, const char *text)
{
    char full[1200];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0777);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    if (!file) return false;
    bool written = fputs(text, file) >= 0;
    return fclose(file) == 0 && written;
}

typedef struct findings {
    char text[16384]; /* "RULE PATH:LINE text" lines */
    size_t length;
    int notes;
} findings;

static void collect(void *context, int severity, const char *rule, const char *path, int line,
                    const char *text)
{
    findings *f = context;
    if (severity == 0) f->notes++;
    int n =
        snprintf(f->text + f->length, sizeof f->text - f->length, "%s %s:%d %s\n", rule, path, line, text);
    if (n > 0 && (size_t)n < sizeof f->text - f->length) f->length += (size_t)n;
}

static int run(sterna_test *t, const char *root, findings *f)
{
    sterna_fault fault = {0};
    tidy_tree tree;
    int n = -1;
    *f = (findings){0};
    if (tidy_read(root, &tree, &fault) != STERNA_OK) {
        sterna_test_note(t, "%s", fault.text);
        return -1;
    }
    if (tidy_run(&tree, collect, f, &n) != STERNA_OK) n = -1;
    tidy_release(&tree);
    sterna_test_note(t, "%s", f->text);
    return n;
}

typedef struct planted {
    const char *path, *text; /* one file */
    const char *expected;    /* beginning of the only finding; NULL: none */
} planted;

/* Each row in a tree of its own: three innocent floors and this file. */
static void each_row(sterna_test *t, const planted *rows, size_t n)
{
    static findings f;
    for (size_t i = 0; i < n; i++) {
        char root[1100];
        snprintf(root, sizeof root, "%s/%zu", sterna_test_folder(t), i);
        CHECK(t, mkdir(root, 0777) == 0);
        CHECK(t,
              plant(root, "backends/base/low.h", OPENING) && plant(root, "backends/base/README.md", "base") &&
                  plant(root, "engine/gguf/high.h", OPENING) && plant(root, "engine/README.md", "engine") &&
                  plant(root, "mockgpu/mock.h", OPENING) && plant(root, "mockgpu/README.md", "mock") &&
                  plant(root, "backends/cpu/README.md", "cpu") &&
                  plant(root, "backends/kernels/README.md", "kc") &&
                  plant(root, "properties/README.md", "bench") && plant(root, "golden/README.md", "golden") &&
                  plant(root, rows[i].path, rows[i].text));
        int found = run(t, root, &f);
        CHECK_MSG(t, found == (rows[i].expected ? 1 : 0), "row %zu: %s", i, rows[i].path);
        CHECK_MSG(t, !rows[i].expected || !strncmp(f.text, rows[i].expected, strlen(rows[i].expected)),
                  "row %zu wants: %s", i, rows[i].expected);
    }
}

static void include_direction(sterna_test *t)
{
    static const planted rows[] = {
        {"backends/cpu/a.c", OPENING "#include \"gguf/high.h\"\n", "include backends/cpu/a.c:2 "},
        {"backends/base/a.c", OPENING "\n#  include \"../../mockgpu/mock.h\"\n",
         "include backends/base/a.c:3 "},
        {"engine/model/a.c", OPENING "#include \"mock.h\"\n", "include engine/model/a.c:2 "},
        {"mockgpu/a.c", OPENING "#include \"gguf/high.h\"\n", "include mockgpu/a.c:2 "},
        {"engine/model/a.c", OPENING "#include \"nowhere.h\"\n", "include engine/model/a.c:2 "},
        {"engine/model/a.c",
         OPENING "#include \"gguf/high.h\"\n#include \"base/low.h\"\n#include <stdio.h>\n", NULL},
        {"engine/cli/main.c", OPENING "#include \"mock.h\"\n", NULL},
        {"engine/model/a.c", OPENING "/* #include \"mock.h\" */\n", NULL},
    };
    each_row(t, rows, STERNA_COUNT(rows));
}

static void banned_calls(sterna_test *t)
{
    static const planted rows[] = {
        {"engine/a.c", OPENING "void *f(void);\nvoid *f(void) { return malloc(3); }\n",
         "banned engine/a.c:3 "},
        {"engine/a.c", OPENING "void f(void) { exit (1); }\n", "banned engine/a.c:2 "},
        {"backends/cpu/a.c", OPENING "float f(float x) { return expf(x); }\n", "banned backends/cpu/a.c:2 "},
        {"properties/a.c", OPENING "void f(void) { char *p = getenv(\"HOME\"); }\n",
         "banned properties/a.c:2 "},
        {"engine/a.c", OPENING "void f(void) { x->free(y); x.open(y); sterna_free(y); free_list(y); }\n",
         NULL},
        {"engine/a.c", OPENING "/* malloc(3) */ // exit(1)\nconst char *s = \"abort()\"; char c = '\"';\n",
         NULL},
        {"backends/base/a.c", OPENING "void *f(void) { return malloc(3); }\n", NULL},
        {"engine/tests/test_a.c", OPENING "void *f(void) { return malloc(3); }\n", NULL},
    };
    each_row(t, rows, STERNA_COUNT(rows));
}

static void whole_files(sterna_test *t)
{
    static const planted rows[] = {
        {"engine/model/low.h", OPENING, "name engine/model/low.h:1 "},
        {"engine/a.c", "int a;\n" OPENING, "opening engine/a.c:1 "},
        {"engine/a.c", "/* short */\n", "opening engine/a.c:1 "},
        {"engine/CMakeLists.txt", "project(x)\n", "opening engine/CMakeLists.txt:1 "},
        {"ci/step", "#!/bin/sh\nset -eu\n", "opening ci/step:1 "},
        {"ci/step", "#!/bin/sh\n# Owns a step of the tests.\nset -eu\n", NULL},
        {"fuzz/a.c", OPENING, "readme fuzz/a.c:1 "},
        {"backends/gpu/a.c", OPENING, "readme backends/gpu/a.c:1 "},
        {"engine/a.c",
         OPENING "\n/* TO"
                 "DO: more */\n",
         "word engine/a.c:3 "},
        {"docs/a.md",
         "It works for "
         "now.\n",
         "word docs/a.md:1 "},
        {"docs/a.md",
         "METHODOLOGY and TO"
         "DOS\n",
         NULL},
    };
    each_row(t, rows, STERNA_COUNT(rows));
}

static void tolerances(sterna_test *t)
{
    static const planted rows[] = {
        {"properties/laws/a.c", OPENING "int f(double d) { return d < 1e-6; }\n",
         "tolerance properties/laws/a.c:2 "},
        {"golden/tests/a.c", OPENING "int f(double d) { return cosine >= (0.9998); }\n",
         "tolerance golden/tests/a.c:2 "},
        {"engine/tests/test_a.c", OPENING "float tolerance = 0.0001f;\n",
         "tolerance engine/tests/test_a.c:2 "},
        {"engine/tests/test_a.c", OPENING "#define TOL 1E-3f\n", "tolerance engine/tests/test_a.c:2 "},
        {"properties/judge/bound.h", OPENING "int f(double d) { return d < 1e-6; }\n", NULL},
        {"properties/a.c",
         OPENING "double u = 0x1p-24; int f(double d) { return d < 0.5 && d > 0.0078125; }\n", NULL},
        {"properties/a.c",
         OPENING "double data[] = {1e-45, 0.006}, eps = 1e-5; double g(void) { return p->x * 1e-3; }\n",
         NULL},
        {"engine/a.c", OPENING "int f(float amax) { return amax < 1e-5f; }\n", NULL},
    };
    each_row(t, rows, STERNA_COUNT(rows));
}

static void kernel_accesses(sterna_test *t)
{
    static const planted rows[] = {
        {"backends/kernels/a.kc", OPENING "BODY { float s = x[LOCAL_ID]; }\n",
         "kernel backends/kernels/a.kc:2 "},
        {"backends/kernels/a.kc", OPENING "SHARED(float, part, 32)\nBODY { part [l] = 1.0f; }\n",
         "kernel backends/kernels/a.kc:3 "},
        {"backends/kernels/a.kc",
         OPENING "BODY { float lane[8]; lane[l & 7u] = LD(x, i); ST(y, i, lane[0]); }\n", NULL},
    };
    each_row(t, rows, STERNA_COUNT(rows));
}

static void forgotten_page(sterna_test *t)
{
    static findings f;
    const char *root = sterna_test_folder(t);
    CHECK(t, plant(root, "docs/README.md", "[a](a.md)\n") && plant(root, "docs/a.md", "A.\n") &&
                 plant(root, "docs/decisions/b.md", "B.\n"));
    CHECK(t, run(t, root, &f) == 0);
    CHECK(t, plant(root, "docs/c.md", "C.\n"));
    CHECK(t, run(t, root, &f) == 1 && !strncmp(f.text, "link docs/c.md:1 ", 17));
}

/* An exception excuses exactly what it names; one that excuses nothing is found. */
static void exceptions(sterna_test *t)
{
    static findings f;
    const char *root = sterna_test_folder(t);
    CHECK(t, plant(root, "engine/README.md", "engine") &&
                 plant(root, "engine/a.c", OPENING "void f(void) { abort(); exit(1); }\n") &&
                 plant(root, "ci/tidy.allow", "# comment\nbanned engine/a.c abort because of this test\n"));
    CHECK(t, run(t, root, &f) == 1 && !strncmp(f.text, "banned engine/a.c:2 exit()", 26));
    CHECK(t, plant(root, "ci/tidy.allow", "banned engine/ * because of this test\n"));
    CHECK(t, run(t, root, &f) == 0);
    CHECK(t, plant(root, "ci/tidy.allow", "banned engine/ *\n"));
    CHECK(t, run(t, root, &f) == 1 && strstr(f.text, "the reason is missing"));
    CHECK(t, plant(root, "ci/tidy.allow", "banned engine/ * why\nword engine/a.c * why\n"));
    CHECK(t, run(t, root, &f) == 1 && !strncmp(f.text, "allow ci/tidy.allow:2 ", 22));
}

/* A large file is worth a look, not a failure. */
static void large_files(sterna_test *t)
{
    static findings f;
    static char text[4096] = OPENING;
    const char *root = sterna_test_folder(t);
    memset(text + strlen(text), '\n', 900);
    CHECK(t, plant(root, "engine/README.md", "engine") && plant(root, "engine/a.c", text));
    CHECK(t, run(t, root, &f) == 0 && f.notes == 1 && !strncmp(f.text, "size engine/a.c:", 16));
}

static void the_tree_is_tidy(sterna_test *t)
{
    static findings f;
    int found = run(t, sterna_test_repo(t, "."), &f);
    CHECK_MSG(t, found == 0, "%d findings; `make tidy` lists them", found);
}

const sterna_test_case sterna_test_cases[] = {
    {"include_direction", include_direction, 0},
    {"banned_calls", banned_calls, 0},
    {"whole_files", whole_files, 0},
    {"tolerances", tolerances, 0},
    {"kernel_accesses", kernel_accesses, 0},
    {"forgotten_page", forgotten_page, 0},
    {"exceptions", exceptions, 0},
    {"large_files", large_files, 0},
    {"the_tree_is_tidy", the_tree_is_tidy, 0},
    {0},
};
