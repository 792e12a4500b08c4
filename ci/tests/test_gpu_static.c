/* ci/gpu-static finds what it is for: PTX that fuses, leaves fusing open, flushes or approximates, and text without kernels.
 * Owns: planted PTX. Code objects and registers are looked at where compilers are (backends/cuda, backends/hip). */
#include "runner.h"
#include <stdio.h>
#include <string.h>

static char said[4096];

static int look(sterna_test *t, const char *kind, const char *body)
{
    char path[1200], command[4000];
    snprintf(path, sizeof path, "%s/kernels.ptx", sterna_test_folder(t));
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    fprintf(file, ".version 7.0\n.target sm_80\n%s", body);
    fclose(file);
    snprintf(command, sizeof command, "STERNA_RESULTS= sh '%s' %s '%s' '%s' 2>&1",
             sterna_test_repo(t, "ci/gpu-static"), kind, sterna_test_repo(t, "backends/cuda/cuda_limits.def"),
             path);
    return sterna_test_shell(t, command, said, sizeof said);
}

#define ENTRY ".visible .entry k(.param .u64 p) {\n"

static void clean(sterna_test *t)
{
    CHECK(t,
          look(t, "ptx",
               ENTRY "add.rn.f32 %f1, %f2, %f3;\nmul.rn.f32 %f1, %f2, %f3;\nmad.lo.s32 %r1, %r2, %r3, %r4;\n"
                     "cvt.rni.f32.f32 %f1, %f2;\nadd.s32 %r1, %r2, %r3;\n}\n") == 0);
    CHECK(t, strcmp(said, "gpu-static: ptx is clean\n") == 0);
}

static void finds(sterna_test *t)
{
    static const char *const planted[] = {
        "fma.rn.f32 %f1, %f2, %f3, %f4;", "add.f32 %f1, %f2, %f3;",        "sub.f32 %f1, %f2, %f3;",
        "mul.f32 %f1, %f2, %f3;",         "mul.ftz.f32 %f1, %f2, %f3;",    "add.rn.ftz.f32 %f1, %f2, %f3;",
        "ex2.approx.f32 %f1, %f2;",       "div.approx.f32 %f1, %f2, %f3;", "add.f64 %fd1, %fd2, %fd3;"};
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        char body[300];
        snprintf(body, sizeof body, ENTRY "add.rn.f32 %%f1, %%f2, %%f3;\n%s\n}\n", planted[i]);
        CHECK_MSG(t, look(t, "ptx", body) == 1 && strstr(said, planted[i]), "%s", planted[i]);
    }
}

static void nothing_is_not_clean(sterna_test *t)
{
    CHECK(t, look(t, "ptx", "") == 1 && strstr(said, "no kernels"));
    CHECK(t, look(t, "nonsense", ENTRY "}\n") == 2 && strstr(said, "unknown kind nonsense"));
}

const sterna_test_case sterna_test_cases[] = {
    {"clean", clean, 0}, {"finds", finds, 0}, {"nothing_is_not_clean", nothing_is_not_clean, 0}, {0}};
