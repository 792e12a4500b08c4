/* No fused multiply-add in the library's machine code: telling the compiler (-ffp-contract=off) is not proof. gcc 12, for
 * one, makes vfmaddsub of a multiplication and an alternating add and subtract all the same.
 * Owns: reading the disassembly. Leaves to others: comparing bits (golden/, properties/). */
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Mnemonics of x86 and AArch64: vfmadd132ps, vfnmsub231ss, vfmaddsub, fmadd, fmla, fnmsub ... */
#define FUSED "[[:space:]](vfn?m(add|sub)[a-z0-9]*|fn?m(add|sub)|fml[as]l?2?)[[:space:]]"

/* First lines that match, and how many lines the disassembly has. */
static bool disassemble(sterna_test *t, const char *object, char *found, size_t size, long *lines)
{
    char command[2048];
    snprintf(command, sizeof command,
             "objdump -d --no-show-raw-insn '%s' >'%s/code' && wc -l <'%s/code' && grep -E -m 5 '" FUSED
             "' '%s/code'",
             object, sterna_test_folder(t), sterna_test_folder(t), sterna_test_folder(t));
    FILE *pipe = popen(command, "r");
    if (!pipe) return false;
    size_t n = fread(found, 1, size - 1, pipe);
    found[n] = '\0';
    pclose(pipe);
    char *rest;
    *lines = strtol(found, &rest, 10);
    memmove(found, rest, strlen(rest) + 1);
    return *lines > 0;
}

static char found[8192];

static void library(sterna_test *t)
{
    long lines;
    if (system("command -v objdump >/dev/null") != 0) SKIP(t, "objdump is not here (package binutils)");
    CHECK(t, disassemble(t, STERNA_BINARY_DIR "/lib/libsterna.so", found, sizeof found, &lines));
    CHECK_MSG(t, lines > 10000, "%ld lines of machine code", lines);
    CHECK_MSG(t, found[0] == '\0' || found[1] == '\0', "fused:%s", found);
}

/* The reader finds one where there is one. */
static void finds_a_fused_one(sterna_test *t)
{
#if defined(__x86_64__)
    long lines;
    char command[2048], object[1200];
    if (system("command -v objdump >/dev/null && command -v cc >/dev/null") != 0)
        SKIP(t, "objdump or cc is not here");
    snprintf(object, sizeof object, "%s/f.o", sterna_test_folder(t));
    snprintf(command, sizeof command,
             "echo 'float f(float a, float b, float c) { return __builtin_fmaf(a, b, c); }' | "
             "cc -O2 -mfma -x c -c -o '%s' -",
             object);
    CHECK(t, system(command) == 0);
    CHECK(t, disassemble(t, object, found, sizeof found, &lines) && strstr(found, "vfmadd"));
#else
    SKIP(t, "the planted instruction is x86-64's");
#endif
}

const sterna_test_case sterna_test_cases[] = {
    {"library", library, 0},
    {"finds_a_fused_one", finds_a_fused_one, 0},
    {0},
};
