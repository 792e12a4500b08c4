/* The pinned digests of cases.def through the CUDA and HIP hosts: on the mock driver libraries, with and without graphs and on
 * both widths of AMD's waves, and on the machine's own driver where there is one. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "base/sys.h"
#include "pinned.h"
#include <stdlib.h>

/* On a mock library below the build folder. */
static void on_mock(sterna_test *t, const char *device, const char *variable, const char *library,
                    const char *settings, uint32_t count)
{
    char path[512];
    snprintf(path, sizeof path, "%s/mockgpu/vendor/%s", STERNA_BINARY_DIR, library);
    if (!sterna_sys_exists(path)) SKIP(t, "%s was not built", path);
    setenv(variable, path, 1);
    setenv("STERNA_GPU_FAKE", settings, 1);
    SKIP_WITHOUT(t, device);
    golden_pinned(t, device, 0, count);
}

static void cuda_mock(sterna_test *t)
{
    on_mock(t, "cuda", "STERNA_CUDA_LIBRARY", "cuda/libcuda.so.1", "seed=1", GOLDEN_CASES);
}

static void cuda_mock_without_graphs(sterna_test *t)
{
    on_mock(t, "cuda:graphs=0", "STERNA_CUDA_LIBRARY", "cuda/libcuda.so.1", "seed=2", 2);
}

static void hip_mock(sterna_test *t)
{
    on_mock(t, "hip:graphs=1", "STERNA_HIP_LIBRARY", "hip/libamdhip64.so", "seed=3,warp=64", GOLDEN_CASES);
}

static void hip_mock_waves_of_32(sterna_test *t)
{
    on_mock(t, "hip", "STERNA_HIP_LIBRARY", "hip/libamdhip64.so", "seed=4,warp=32", 2);
}

static void cuda(sterna_test *t)
{
    SKIP_WITHOUT(t, "cuda");
    golden_pinned(t, "cuda", 0, GOLDEN_CASES);
}

static void hip(sterna_test *t)
{
    SKIP_WITHOUT(t, "hip");
    golden_pinned(t, "hip", 0, GOLDEN_CASES);
}

const sterna_test_case sterna_test_cases[] = {{"cuda_mock", cuda_mock, 90},
                                              {"cuda_mock_without_graphs", cuda_mock_without_graphs, 60},
                                              {"hip_mock", hip_mock, 90},
                                              {"hip_mock_waves_of_32", hip_mock_waves_of_32, 60},
                                              {"cuda", cuda, 60},
                                              {"hip", hip, 60},
                                              {0}};
