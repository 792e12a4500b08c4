/* The very text that nvcc and HIP's clang compile, behind their own preludes, run on the processor (gpu/stream/tests/shim) and fed by
 * the unmodified host: shape by shape, the reference's bits. What is not in it: the functions of device_cuda.h and
 * device_hip.h, which are a few instructions each, and the device compilers. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "base/sys.h"
#include "gpu/gpu_private.h"
#include "gpu/stream/stream_private.h"
#include "gpu/tests/op_shapes.h"
#include "gpu/tests/tiny_plan.h"
#include <stdio.h>
#include <stdlib.h>

const sterna_backend_api *sterna_backend_cuda_entry(uint32_t abi_version);

typedef bool shapes_fn(sterna_test *t, const sterna_backend_api *api, sterna_device *device);

/* Both libraries speak CUDA's API; one of them holds HIP's text. */
static void run(sterna_test *t, const char *name, shapes_fn *shapes)
{
    const sterna_backend_api *api = sterna_backend_cuda_entry(STERNA_ABI_VERSION);
    char path[300], variant[400];
    snprintf(path, sizeof path, "%s/plugins/%s.so", STERNA_BINARY_DIR, name);
    snprintf(variant, sizeof variant, "library=%s", path);
    if (!sterna_sys_exists(path)) SKIP(t, "%s was not built: no C++ compiler, or its backend is off", name);
    sterna_device *device = op_case_open(t, api, variant);
    CHECK(t, device != NULL);
    CHECK_MSG(t, shapes(t, api, device), "with %s", name);
    api->close(device);
}

#define TEXT_CASES(name)                                                                                     \
    static void cuda_##name(sterna_test *t)                                                                  \
    {                                                                                                        \
        run(t, "shim_cuda", op_shapes_##name);                                                               \
    }                                                                                                        \
    static void hip_##name(sterna_test *t)                                                                   \
    {                                                                                                        \
        run(t, "shim_hip", op_shapes_##name);                                                                \
    }
OP_GROUPS(TEXT_CASES)

/* Kernels stride over a grid that is smaller than the work. */
static void cuda_small_grids(sterna_test *t)
{
    setenv("SHIM_GRID", "2", 1);
    run(t, "shim_cuda", op_shapes_strided);
}

static void hip_small_grids(sterna_test *t)
{
    setenv("SHIM_GRID", "3", 1);
    run(t, "shim_hip", op_shapes_strided);
}

static uint32_t warnings;

static void count_warnings(void *context, int level, const char *text)
{
    (void)context;
    warnings += level == 1 && strstr(text, "launches cannot be captured, graphs are not used: ") != NULL;
}

/* A driver that takes captures and fails to end them is used without graphs, and that is said once. */
static void failing_captures(sterna_test *t)
{
    static float want[TINY_ROWS * TINY_WIDTH], got[TINY_ROWS * TINY_WIDTH];
    char path[300], variant[400];
    sterna_host host = *op_case_host();
    tiny_plan p;
    snprintf(path, sizeof path, "%s/plugins/shim_cuda.so", STERNA_BINARY_DIR);
    snprintf(variant, sizeof variant, "library=%s", path);
    if (!sterna_sys_exists(path)) SKIP(t, "shim_cuda was not built: no C++ compiler");
    host.log = count_warnings;
    CHECK(t, tiny_make(&p, sterna_backend_cuda_entry(STERNA_ABI_VERSION), &host, variant) == STERNA_OK);
    for (uint32_t i = 0; i < 3 * STATUS_RING; i++) {
        memset(got, 0, sizeof got); /* no result of an earlier run may pass for this one's */
        CHECK(t, p.api->buffer_write(p.device, p.y, 0, got, sizeof got, &p.fault) == STERNA_OK);
        CHECK(t, tiny_run(&p, TINY_ROWS, got, NULL) == STERNA_OK && tiny_reference(TINY_ROWS, want));
        CHECK_MSG(t, memcmp(want, got, sizeof got) == 0, "run %u", i);
    }
    const stream_device *device = p.device->gpu;
    CHECK(t, warnings == 1 && !device->graphs && device->graph_launches == 0);
    tiny_close(&p);
}

#define TEXT_ROWS(name) {"cuda_" #name, cuda_##name, 60}, {"hip_" #name, hip_##name, 60},
const sterna_test_case sterna_test_cases[] = {OP_GROUPS(TEXT_ROWS){"cuda_small_grids", cuda_small_grids, 60},
                                              {"hip_small_grids", hip_small_grids, 60},
                                              {"failing_captures", failing_captures, 20},
                                              {0}};
