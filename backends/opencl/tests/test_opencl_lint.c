/* Every kernel's text through clang's OpenCL front end, in the version it is built as: what no driver here executes (rows
 * that need subgroups or integer dot products) is at least understood, and no text has a warning. */
#include "gpu/gpu_kernels.h"
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>

/* The compiler's name: any that is here, PoCL's among them. */
#define FIND_CLANG                                                                                           \
    "for c in clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do command -v $c; done | head "   \
    "-n 1 | grep ."

static int clang(const char *standard, const char *path)
{
    char command[1400];
    snprintf(command, sizeof command,
             "$(" FIND_CLANG
             ") -x cl -cl-std=%s -target spir64-unknown-unknown -Xclang -finclude-default-header "
             "-Wall -Wextra -Werror -Wno-unused-function -Wno-unused-variable -Wno-unused-parameter %s "
             "-fsyntax-only %s",
             standard,
             standard[2] == '3' ? "-Xclang -cl-ext=+all,+__opencl_c_subgroups -Dcl_khr_integer_dot_product=1 "
                                  "-D__opencl_c_integer_dot_product_input_4x8bit_packed=1"
                                : "",
             path);
    return system(command);
}

static void every_text(sterna_test *t)
{
    if (system(FIND_CLANG " >/dev/null") != 0) SKIP(t, "no clang");
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        const sterna_gpu_kernel_row *row = sterna_gpu_kernel_row_at(i);
        char path[600];
        snprintf(path, sizeof path, "'%s/backends/opencl/kernels/%s.cl'", STERNA_BINARY_DIR, row->id);
        CHECK_MSG(t, clang(row->needs ? "CL3.0" : "CL1.2", path) == 0, "%s", row->id);
    }
}

/* OpenCL 1.2 has none of the words that rows may need: were one in a row without the need, the above would notice. */
static void needs_are_needed(sterna_test *t)
{
    uint32_t refused = 0;
    if (system(FIND_CLANG " >/dev/null") != 0) SKIP(t, "no clang");
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        const sterna_gpu_kernel_row *row = sterna_gpu_kernel_row_at(i);
        char path[600];
        if (!row->needs) continue;
        snprintf(path, sizeof path, "'%s/backends/opencl/kernels/%s.cl' 2>/dev/null", STERNA_BINARY_DIR,
                 row->id);
        CHECK_MSG(t, clang("CL1.2", path) != 0, "%s is plain OpenCL C 1.2", row->id);
        refused++;
    }
    CHECK(t, refused > 0);
}

const sterna_test_case sterna_test_cases[] = {
    {"every_text", every_text, 60}, {"needs_are_needed", needs_are_needed, 60}, {0}};
