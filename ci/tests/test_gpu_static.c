/* ci/gpu-static finds what it is for: PTX that fuses, leaves fusing open, flushes or approximates, machine code that fuses,
 * approximates or keeps values in memory, and text without kernels.
 * Owns: planted PTX, planted machine code, and planted kernels where NVIDIA's tools are. Code objects and registers are looked
 * at where compilers are (backends/cuda, backends/hip). */
#include "runner.h"
#include <stdio.h>
#include <string.h>

static char said[16384];

/* ci/gpu-static on a file with this head and body. */
static int look_at(sterna_test *t, const char *kind, const char *name, const char *head, const char *body)
{
    char path[1200], command[4000];
    snprintf(path, sizeof path, "%s/%s", sterna_test_folder(t), name);
    FILE *file = fopen(path, "w");
    if (!file) return -1;
    fprintf(file, "%s%s", head, body);
    fclose(file);
    snprintf(command, sizeof command, "STERNA_RESULTS= sh '%s' %s '%s' '%s' 2>&1",
             sterna_test_repo(t, "ci/gpu-static"), kind, sterna_test_repo(t, "backends/cuda/cuda_limits.def"),
             path);
    return sterna_test_shell(t, command, said, sizeof said);
}

static int look(sterna_test *t, const char *kind, const char *body)
{
    return look_at(t, kind, "kernels.ptx", ".version 7.0\n.target sm_80\n", body);
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
    CHECK(t, look(t, "text", "") == 1 && strstr(said, "no kernels"));
    CHECK(t, look(t, "nonsense", ENTRY "}\n") == 2 && strstr(said, "unknown kind nonsense"));
}

/* Machine code as nvdisasm writes it: a kernel of these instructions. */
static int look_at_code(sterna_test *t, const char *const *instructions)
{
    char body[2000] = "";
    for (size_t i = 0, used = 0; instructions[i] && used < sizeof body; i++)
        used += (size_t)snprintf(body + used, sizeof body - used,
                                 "        /*%04zx*/                   %s ;\n", 16 * i, instructions[i]);
    return look_at(t, "text", "kernels.sass", "\t.target\tsm_80\n.text.k:\n", body);
}

/* What stands for an unsigned division by R2, and constants. */
#define DIVISION(estimate)                                                                                   \
    "I2F.U32.RP R8, R2", "@!P0 MUFU.RCP R8, R8", estimate, "IMAD.MOV.U32 R6, RZ, RZ, RZ",                    \
        "F2I.FTZ.U32.TRUNC.NTZ R7, R7", "IMAD.HI.U32 R7, R7, R9, R6"

static void clean_code(sterna_test *t)
{
    static const char *const planted[] = {DIVISION("IADD3 R7, R8, 0xffffffe, RZ"),
                                          DIVISION("VIADD R7, R8, 0xffffffe"),
                                          "HFMA2.MMA R3, -RZ, RZ, 0, 2.384185791015625e-07",
                                          "HFMA2 R3, -RZ, RZ, -1.875, +INF",
                                          "FADD R3, -R2, -RZ",
                                          "FMUL R3, R2, 5.9604644775390625e-08",
                                          "IDP.4A.S8.S8 R36, R36, R23, RZ",
                                          "I2F.S8 R1, R2.B1",
                                          "FRND R1, R2",
                                          NULL};
    CHECK(t, look_at_code(t, planted) == 0);
    CHECK(t, strcmp(said, "gpu-static: text is clean\n") == 0);
}

static void finds_in_code(sterna_test *t)
{
    static const char *const planted[] = {"FFMA R1, R2, R3, R4",
                                          "@P0 FFMA2 R2, R4, R6, R8",
                                          "FFMA.SAT R1, R2, 1, -RZ",
                                          "FFMA32I R1, R2, 2, R1",
                                          "DFMA R2, R4, R6, R8",
                                          "UFFMA UR4, UR5, UR6, UR7",
                                          "HFMA2.MMA R1, R2, R3, R4",
                                          "HFMA2.MMA R1, -RZ, RZ, R4, 0",
                                          "HFMA2 R1, R2, RZ, 0, 1",
                                          "HFMA2.BF16_V2 R1, -RZ, RZ, 0, 1",
                                          "HMMA.16816.F32 R4, R8, R12, R4",
                                          "HGMMA.64x8x16.F32 R24, gdesc[UR4], RZ, !UPT",
                                          "DMMA.884 R4, R2, R6, R4",
                                          "FADD.FTZ R1, R2, R3",
                                          "FSETP.GT.FTZ.AND P0, PT, R1, R2, PT",
                                          "FMUL.RZ R1, R2, R3",
                                          "F2F.F16.F32.RP R1, R2",
                                          "I2F.RZ R1, R2",
                                          "MUFU.EX2 R1, R2",
                                          "MUFU.RSQ R1, R2",
                                          "STL [R1], R2",
                                          "@!P1 LDL.64 R2, [R1+0x8]",
                                          "MUFU.RCP R1, R2", /* of a float: no I2F in front */
                                          "F2I.FTZ.U32.TRUNC.NTZ R1, R2"};
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
        const char *const code[] = {"FADD R5, R6, R7", planted[i], NULL};
        CHECK_MSG(t, look_at_code(t, code) == 1 && strstr(said, planted[i]), "%s", planted[i]);
    }
}

/* The chain of a division, broken at each link. */
static void finds_reciprocals_elsewhere(sterna_test *t)
{
    static const char *const planted[][8] = {
        {DIVISION("IADD3 R7, R8, 0xffffff0, RZ"), NULL},
        {DIVISION("FADD R7, R8, R3"), NULL},
        {"I2F.U32.RP R8, R2", "FMUL R9, R8, R8", NULL},
        {"I2F.U32.RP R8, R2", "FADD R8, R2, R2", "MUFU.RCP R8, R8", NULL},
        {"I2F.U32.RP R8, R2", "MUFU.RCP R8, R8", "FMUL R9, R3, |R8|", NULL},
        {"I2F.U32.RP R8, R2", "MUFU.RCP R8, R8", "STG.E [R4.64], R8", NULL},
        {"I2F.U32.RP R8, R2", "MUFU.RCP R8, R8", "F2I.FTZ.U32.TRUNC.NTZ R7, R8", NULL}};
    for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++)
        CHECK_MSG(t, look_at_code(t, planted[i]) == 1 && strstr(said, ": k: "), "chain %zu", i);
}

/* Kernels with what must not be, through the compiler and back from its machine code: `plain` alone is as it should be. */
#define KERNELS                                                                                              \
    "extern \"C\" __global__ void fuses(float *x) { x[0] = x[1] * x[2] + x[3]; }\n"                          \
    "extern \"C\" __global__ void divides(float *x) { x[0] = x[1] / x[2]; }\n"                               \
    "extern \"C\" __global__ void keeps(float *x, unsigned n) {\n"                                           \
    "    float a[64];\n"                                                                                     \
    "    for (unsigned i = 0; i < 64; i++) a[i * n % 64] = x[i];\n"                                          \
    "    for (unsigned i = 0; i < n; i++) x[i] = a[(i * i + n) % 64];\n"                                     \
    "}\n"                                                                                                    \
    "extern \"C\" __global__ void plain(float *x, unsigned *u) {\n"                                          \
    "    x[0] = __fadd_rn(__fmul_rn(x[1], x[2]), x[3]);\n"                                                   \
    "    u[0] = u[1] / u[2] + u[3] % u[4];\n"                                                                \
    "}\n"

static void planted_kernels(sterna_test *t)
{
    char path[1200], command[4000];
    if (sterna_test_shell(t,
                          "command -v nvdisasm && command -v cuobjdump && { command -v nvcc || test -x "
                          "/usr/local/cuda/bin/nvcc; }",
                          said, sizeof said) != 0)
        SKIP(t, "nvcc, nvdisasm or cuobjdump is not on PATH (ci/nightly-sass)");
    snprintf(path, sizeof path, "%s/planted.cu", sterna_test_folder(t));
    FILE *file = fopen(path, "w");
    CHECK(t, file);
    fputs(KERNELS, file);
    fclose(file);
    snprintf(
        command, sizeof command,
        "{ nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)\n"
        "cd '%s' && \"$nvcc\" -fatbin -gencode arch=compute_80,code=sm_80 -gencode "
        "arch=compute_90a,code=sm_90a -gencode arch=compute_80,code=compute_80 -o planted.fatbin planted.cu "
        "&& STERNA_RESULTS= sh '%s' sass limits planted.fatbin \"$nvcc\"; } 2>&1",
        sterna_test_folder(t), sterna_test_repo(t, "ci/gpu-static"));
    CHECK(t, sterna_test_shell(t, command, said, sizeof said) == 1);
    static const char *const cubins[] = {"planted.1.sm_80.cubin", "planted.2.sm_90a.cubin",
                                         "ptxas.sm_80.cubin", "ptxas.sm_90a.cubin"};
    static const char *const expected[] = {"fuses: fused: FFMA", "divides: fused: FFMA",
                                           "divides: approximated: MUFU.RCP", "keeps: local memory: "};
    for (size_t c = 0; c < sizeof cubins / sizeof cubins[0]; c++)
        for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
            char line[100];
            snprintf(line, sizeof line, "%s: %s", cubins[c], expected[i]);
            CHECK_MSG(t, strstr(said, line), "%s", line);
        }
    CHECK(t, !strstr(said, "plain:"));
}

const sterna_test_case sterna_test_cases[] = {{"clean", clean, 0},
                                              {"finds", finds, 0},
                                              {"nothing_is_not_clean", nothing_is_not_clean, 0},
                                              {"clean_code", clean_code, 0},
                                              {"finds_in_code", finds_in_code, 0},
                                              {"finds_reciprocals_elsewhere", finds_reciprocals_elsewhere, 0},
                                              {"planted_kernels", planted_kernels, 120},
                                              {0}};
