/* The numbers and symbols of gpu/stream/api.def against NVIDIA's header and the library that programs are linked against in place
 * of the driver's, where these are installed when this is built. Owns: CUDA's column.
 * Leaves to others: what the functions do (test_cuda). */
#include "base/size.h"
#include "base/sys.h"
#include "gpu/stream/stream_api.h"
#include "runner.h"

#if defined(__has_include)
#if __has_include(<cuda.h>)
#define HAVE_HEADER 1
#include <cuda.h>
#endif
#endif

#ifdef HAVE_HEADER
enum {
    HEADER_max_group_items = CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
    HEADER_max_grid_x = CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X,
    HEADER_max_grid_y = CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y,
    HEADER_warp_size = CU_DEVICE_ATTRIBUTE_WARP_SIZE,
    HEADER_integrated = CU_DEVICE_ATTRIBUTE_INTEGRATED,
    HEADER_capability_major = CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
    HEADER_capability_minor = CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
};

static const struct {
    const char *name;
    int theirs, ours;
} numbers[] = {
#define STREAM_CALL(group, result, member, parameters, cuda, hip)
#define STREAM_NUMBER(member, cuda, hip) {#member, HEADER_##member, cuda},
#include "gpu/stream/api.def"
    {"success", CUDA_SUCCESS, STREAM_OK},
    {"out of memory", CUDA_ERROR_OUT_OF_MEMORY, STREAM_OUT_OF_MEMORY},
    {"no device", CUDA_ERROR_NO_DEVICE, STREAM_NO_DEVICE},
    {"bad device", CUDA_ERROR_INVALID_DEVICE, STREAM_BAD_DEVICE},
    {"not found", CUDA_ERROR_NOT_FOUND, STREAM_NOT_FOUND},
    {"not ready", CUDA_ERROR_NOT_READY, STREAM_NOT_READY},
    {"local bytes", CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, STREAM_LOCAL_BYTES},
    {"registers", CU_FUNC_ATTRIBUTE_NUM_REGS, STREAM_REGISTERS},
    {"a stream of its own", CU_STREAM_NON_BLOCKING, 1},
    {"an event without times", CU_EVENT_DISABLE_TIMING, 2},
    {"capture of this thread", CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, 1},
};

static void declarations(sterna_test *t)
{
    for (size_t i = 0; i < STERNA_COUNT(numbers); i++)
        CHECK_MSG(t, numbers[i].theirs == numbers[i].ours, "%s is %d", numbers[i].name, numbers[i].theirs);
}
#else
static void declarations(sterna_test *t)
{
    SKIP(t, "no cuda.h beside nvcc when this was built");
}
#endif

#ifndef CUDA_STUB
#define CUDA_STUB NULL
#endif

static void symbols(sterna_test *t)
{
    static const char *const names[] = {
#define STREAM_CALL(group, result, member, parameters, cuda, hip) cuda,
#define STREAM_NUMBER(member, cuda, hip)
#include "gpu/stream/api.def"
    };
    const char *path = CUDA_STUB;
    void *library;
    if (!path) SKIP(t, "no lib64/stubs/libcuda.so beside nvcc when this was built");
    CHECK(t, sterna_sys_dlopen(path, &library, NULL) == STERNA_OK);
    for (size_t i = 0; i < STERNA_COUNT(names); i++)
        CHECK_MSG(t, !names[i] || sterna_sys_dlsym(library, names[i]), "there is no %s", names[i]);
    sterna_sys_dlclose(library);
}

const sterna_test_case sterna_test_cases[] = {
    {"declarations", declarations, 0}, {"symbols", symbols, 0}, {0}};
