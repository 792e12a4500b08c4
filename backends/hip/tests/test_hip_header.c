/* The numbers of gpu/stream/api.def against AMD's header, where that is installed when this is built. Owns: HIP's column.
 * Leaves to others: what the functions do (test_hip). */
#include "base/size.h"
#include "gpu/stream/stream_api.h"
#include "runner.h"

#if defined(__has_include)
#if __has_include(<hip/hip_runtime_api.h>)
#define HAVE_HEADER          1
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#endif
#endif

#ifdef HAVE_HEADER
enum {
    HEADER_max_group_items = hipDeviceAttributeMaxThreadsPerBlock,
    HEADER_max_grid_x = hipDeviceAttributeMaxGridDimX,
    HEADER_max_grid_y = hipDeviceAttributeMaxGridDimY,
    HEADER_warp_size = hipDeviceAttributeWarpSize,
    HEADER_integrated = hipDeviceAttributeIntegrated,
    HEADER_capability_major = hipDeviceAttributeComputeCapabilityMajor,
    HEADER_capability_minor = hipDeviceAttributeComputeCapabilityMinor
};

static const struct {
    const char *name;
    int theirs, ours;
} numbers[] = {
#define STREAM_CALL(group, result, member, parameters, cuda, hip)
#define STREAM_NUMBER(member, cuda, hip) {#member, HEADER_##member, hip},
#include "gpu/stream/api.def"
    {"success", hipSuccess, STREAM_OK},
    {"out of memory", hipErrorOutOfMemory, STREAM_OUT_OF_MEMORY},
    {"no device", hipErrorNoDevice, STREAM_NO_DEVICE},
    {"bad device", hipErrorInvalidDevice, STREAM_BAD_DEVICE},
    {"not found", hipErrorNotFound, STREAM_NOT_FOUND},
    {"not ready", hipErrorNotReady, STREAM_NOT_READY},
    {"local bytes", HIP_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, STREAM_LOCAL_BYTES},
    {"registers", HIP_FUNC_ATTRIBUTE_NUM_REGS, STREAM_REGISTERS},
    {"a stream of its own", hipStreamNonBlocking, 1},
    {"an event without times", hipEventDisableTiming, 2},
    {"capture of this thread", hipStreamCaptureModeThreadLocal, 1},
};

static void declarations(sterna_test *t)
{
    for (size_t i = 0; i < STERNA_COUNT(numbers); i++)
        CHECK_MSG(t, numbers[i].theirs == numbers[i].ours, "%s is %d", numbers[i].name, numbers[i].theirs);
}

/* What arch_name() of hip_backend.c and api.def take for granted of every layout. */
static void properties(sterna_test *t)
{
    CHECK(t, offsetof(hipDeviceProp_t, name) == 0 && sizeof(((hipDeviceProp_t *)0)->name) == 256);
    CHECK(t, offsetof(hipDeviceProp_t, gcnArchName) >= 256 && sizeof(hipDeviceProp_t) <= 8192);
    if (HIP_VERSION_MAJOR == 5) /* as the mock library has it */
        CHECK(t, offsetof(hipDeviceProp_t, gcnArchName) == 396 && sizeof(hipDeviceProp_t) == 792);
    if (HIP_VERSION_MAJOR == 6)
        CHECK(t, offsetof(hipDeviceProp_t, gcnArchName) == 1160 && sizeof(hipDeviceProp_t) == 1472);
}
#else
static void declarations(sterna_test *t)
{
    SKIP(t, "no hip/hip_runtime_api.h (package libamdhip64-dev) when this was built");
}
#define properties declarations
#endif

const sterna_test_case sterna_test_cases[] = {
    {"declarations", declarations, 0}, {"properties", properties, 0}, {0}};
