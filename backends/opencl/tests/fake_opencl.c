/* The fake's functions. Objects are places in one table; a buffer holds bytes, all else only counts. */
#include "fake_opencl.h"
#include "base/size.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 4096, BUFFERS = 64, BUFFER_BYTES = 1 << 20 };

typedef struct object {
    bool used;
    uint32_t launch, polls, number; /* of an event */
    uint8_t *data;                  /* of a buffer */
    uint32_t refused;               /* of a program: bit w for word w of fake->refused in its text */
} object;

static char places[64];          /* of devices */
static uint32_t queued, flushed; /* commands so far; a command that was not flushed need not begin */
static object objects[OBJECTS];
static uint8_t buffers[BUFFERS][BUFFER_BYTES];

STERNA_API fake_opencl sterna_fake_opencl = {.fail = -1,
                                             .devices = 1,
                                             .platform_name = "Fake platform",
                                             .device_version = "OpenCL 1.2 fake",
                                             .driver_version = "7.1",
                                             .extensions = "cl_khr_fake",
                                             .kernel_items = 1024,
                                             .kernel_bytes = 4096,
                                             .build_log = "no such word\nin line 2\n"};
static fake_opencl *const fake = &sterna_fake_opencl;

__attribute__((constructor)) static void take_environment(void)
{
    fake->refused[0] = getenv("FAKE_OPENCL_REFUSES");
    if (!fake->refused[0]) return;
    fake->refused[1] = "";
    fake->number = CL_DEVICE_MAX_MEM_ALLOC_SIZE;
    fake->number_value = BUFFER_BYTES; /* for the probe */
    fake->device_version = "OpenCL 3.0 fake";
    fake->extensions = "cl_khr_integer_dot_product cl_khr_subgroups";
}

/* Which of the refused words are in a text. */
static uint32_t refused_in(const char *text, size_t length)
{
    uint32_t found = 0;
    for (uint32_t w = 0; w < 2 && fake->refused[w]; w++) {
        const size_t n = strlen(fake->refused[w]);
        for (size_t at = 0; at + n <= length; at++)
            if (memcmp(text + at, fake->refused[w], n) == 0) found |= 1u << w;
    }
    return found;
}

/* Counts a call; true when it has to fail. */
static bool fails(int function)
{
    return ++fake->calls[function] == fake->fail_at && fake->fail == function;
}

static void *make(int function, cl_int *error)
{
    bool bad = fails(function);
    if (error) *error = bad ? fake->code : CL_SUCCESS;
    for (size_t i = 0; !bad && i < OBJECTS; i++)
        if (!objects[i].used) {
            objects[i] = (object){.used = true};
            fake->live++;
            return &objects[i];
        }
    return NULL;
}

static cl_int release(int function, void *made)
{
    object *o = made;
    bool bad = fails(function);
    if (!o || !o->used) return CL_INVALID_VALUE;
    o->used = false;
    fake->live--;
    return bad ? fake->code : CL_SUCCESS;
}

static cl_int answer(const void *value, size_t bytes, void *out, size_t capacity, size_t *size)
{
    if (size) *size = bytes;
    if (!out) return CL_SUCCESS;
    if (capacity < bytes) return CL_INVALID_VALUE;
    memcpy(out, value, bytes);
    return CL_SUCCESS;
}

static cl_int text(const char *value, void *out, size_t capacity, size_t *size)
{
    return answer(value, strlen(value) + 1, out, capacity, size);
}

#define FAKE(name)                                                                                           \
    if (fails(FAKE_##name)) return fake->code;

#define API STERNA_API

/* One prototype per function, from the table that the driver loads by. */
#define CL_FUNCTION(result, name, parameters) API result name parameters;
#include "opencl/opencl_functions.def"

cl_int clGetPlatformIDs(cl_uint capacity, cl_platform_id *platforms, cl_uint *count)
{
    FAKE(clGetPlatformIDs)
    if (platforms && capacity) platforms[0] = (cl_platform_id)(void *)fake;
    if (count) *count = 1;
    return CL_SUCCESS;
}

cl_int clGetPlatformInfo(cl_platform_id platform, cl_platform_info name, size_t bytes, void *value,
                         size_t *size)
{
    (void)platform;
    FAKE(clGetPlatformInfo)
    return text(name == CL_PLATFORM_NAME ? fake->platform_name : "OpenCL 1.2 fake 1", value, bytes, size);
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint capacity, cl_device_id *devices,
                      cl_uint *count)
{
    (void)platform, (void)type;
    FAKE(clGetDeviceIDs)
    if (fake->devices == 0) return CL_DEVICE_NOT_FOUND;
    for (cl_uint i = 0; i < fake->devices && i < capacity; i++) devices[i] = (cl_device_id)(void *)&places[i];
    *count = fake->devices;
    return CL_SUCCESS;
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info name, size_t bytes, void *value, size_t *size)
{
    static const struct {
        cl_device_info name;
        uint32_t bytes;
        uint64_t value;
    } numbers[] = {
        {CL_DEVICE_MAX_WORK_GROUP_SIZE, 8, 1024},
        {CL_DEVICE_MAX_MEM_ALLOC_SIZE, 8, 65536 + 100} /* no whole pages */,
        {CL_DEVICE_MEM_BASE_ADDR_ALIGN, 4, 1024},
        {CL_DEVICE_GLOBAL_MEM_SIZE, 8, 4 << 20},
        {CL_DEVICE_LOCAL_MEM_SIZE, 8, 32768},
        {CL_DEVICE_ENDIAN_LITTLE, 4, 1},
        {CL_DEVICE_COMPILER_AVAILABLE, 4, 1},
        {CL_DEVICE_MAX_NUM_SUB_GROUPS, 4, 4},
        {CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR, 8, 3},
        {CL_DEVICE_SUB_GROUP_SIZES_INTEL, 8, 16},
    };
    static const size_t item_sizes[3] = {512, 512, 64};
    FAKE(clGetDeviceInfo)
    const cl_bool available = (char *)(void *)device >= &places[fake->unavailable];
    if (name == CL_DEVICE_AVAILABLE) return answer(&available, sizeof available, value, bytes, size);
    const size_t place = (size_t)((char *)(void *)device - places);
    const uint64_t type =
        place < STERNA_COUNT(fake->types) && fake->types[place] ? fake->types[place] : CL_DEVICE_TYPE_GPU;
    const cl_bool unified = place < STERNA_COUNT(fake->unified) && fake->unified[place];
    if (name == CL_DEVICE_TYPE) return answer(&type, sizeof type, value, bytes, size);
    if (name == CL_DEVICE_HOST_UNIFIED_MEMORY) return answer(&unified, sizeof unified, value, bytes, size);
    for (size_t i = 0; i < STERNA_COUNT(numbers); i++)
        if (numbers[i].name == name)
            return answer(name == fake->number ? &fake->number_value : &numbers[i].value, numbers[i].bytes,
                          value, bytes, size);
    switch (name) {
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
        return answer(item_sizes, sizeof item_sizes, value, bytes, size);
    case CL_DEVICE_NAME:
        return text("Fake device", value, bytes, size);
    case CL_DEVICE_VERSION:
        return text(fake->device_version, value, bytes, size);
    case CL_DRIVER_VERSION:
        return text(fake->driver_version, value, bytes, size);
    case CL_DEVICE_EXTENSIONS:
        return text(fake->extensions, value, bytes, size);
    default:
        return CL_INVALID_VALUE;
    }
}

cl_context clCreateContext(const cl_context_properties *properties, cl_uint count,
                           const cl_device_id *devices,
                           void (*notify)(const char *, const void *, size_t, void *), void *user,
                           cl_int *error)
{
    (void)properties, (void)count, (void)devices, (void)notify, (void)user;
    return make(FAKE_clCreateContext, error);
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device,
                                      cl_command_queue_properties properties, cl_int *error)
{
    (void)context, (void)device, (void)properties;
    return make(FAKE_clCreateCommandQueue, error);
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *host, cl_int *error)
{
    (void)context, (void)flags, (void)host;
    object *o = make(FAKE_clCreateBuffer, error);
    for (size_t i = 0; o && bytes <= BUFFER_BYTES && !o->data && i < BUFFERS; i++) {
        bool taken = false;
        for (size_t j = 0; j < OBJECTS; j++) taken |= objects[j].used && objects[j].data == buffers[i];
        if (!taken) o->data = buffers[i];
    }
    if (!o || o->data) return (cl_mem)(void *)o;
    o->used = false;
    fake->live--;
    *error = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    return NULL;
}

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts,
                                     const size_t *lengths, cl_int *error)
{
    (void)context, (void)count;
    object *o = make(FAKE_clCreateProgramWithSource, error);
    if (o) o->refused = refused_in(texts[0], lengths[0]);
    return (cl_program)(void *)o;
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint count, const cl_device_id *devices,
                                     const size_t *lengths, const unsigned char **binaries, cl_int *states,
                                     cl_int *error)
{
    (void)context, (void)count, (void)devices;
    if (states) *states = CL_SUCCESS;
    if (fake->refuses_binaries || lengths[0] != 6 || memcmp(binaries[0], "binary", 6) != 0) {
        *error = CL_INVALID_BINARY;
        return NULL;
    }
    return make(FAKE_clCreateProgramWithBinary, error);
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices, const char *options,
                      void (*notify)(cl_program, void *), void *user)
{
    (void)count, (void)devices, (void)notify, (void)user;
    FAKE(clBuildProgram)
    const char *standard = strstr(options, "-cl-std=CL");
    if (standard) fake->standards[(standard[10] - '0') & 3]++;
    const uint32_t words = ((object *)(void *)program)->refused | refused_in(options, strlen(options));
    return words == 3 ? CL_BUILD_PROGRAM_FAILURE : CL_SUCCESS;
}

cl_int clGetProgramInfo(cl_program program, cl_program_info name, size_t bytes, void *value, size_t *size)
{
    const size_t six = 6;
    (void)program;
    FAKE(clGetProgramInfo)
    if (name == CL_PROGRAM_BINARY_SIZES) return answer(&six, sizeof six, value, bytes, size);
    memcpy(*(void **)value, "binary", 6);
    return CL_SUCCESS;
}

cl_int clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_program_build_info name,
                             size_t bytes, void *value, size_t *size)
{
    (void)program, (void)device, (void)name;
    FAKE(clGetProgramBuildInfo)
    return text(fake->build_log, value, bytes, size);
}

cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *error)
{
    (void)program, (void)name;
    return make(FAKE_clCreateKernel, error);
}

cl_int clGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device, cl_kernel_work_group_info name,
                                size_t bytes, void *value, size_t *size)
{
    const uint64_t number = name == CL_KERNEL_WORK_GROUP_SIZE ? fake->kernel_items : fake->kernel_bytes;
    (void)kernel, (void)device;
    FAKE(clGetKernelWorkGroupInfo)
    return answer(&number, sizeof number, value, bytes, size);
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t bytes, const void *value)
{
    (void)kernel, (void)index, (void)bytes, (void)value;
    FAKE(clSetKernelArg)
    return CL_SUCCESS;
}

/* An event, or the failure of its function. */
static cl_int queue_event(int function, uint32_t launch, cl_event *event)
{
    cl_int error = CL_SUCCESS;
    object *o = make(function, &error);
    if (o) o->launch = launch;
    if (o) o->number = ++queued;
    if (event) *event = (cl_event)(void *)o;
    return error;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                              const size_t *offset, const size_t *global, const size_t *local, cl_uint waits,
                              const cl_event *wait_list, cl_event *event)
{
    (void)queue, (void)kernel, (void)dimensions, (void)offset, (void)global, (void)local, (void)waits;
    (void)wait_list;
    return queue_event(FAKE_clEnqueueNDRangeKernel, ++fake->launches, event);
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset,
                           size_t bytes, void *host, cl_uint waits, const cl_event *wait_list,
                           cl_event *event)
{
    (void)queue, (void)blocking, (void)waits, (void)wait_list, (void)event;
    FAKE(clEnqueueReadBuffer)
    memcpy(host, ((object *)(void *)memory)->data + offset, bytes);
    return CL_SUCCESS;
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem memory, cl_bool blocking, size_t offset,
                            size_t bytes, const void *host, cl_uint waits, const cl_event *wait_list,
                            cl_event *event)
{
    (void)queue, (void)blocking, (void)waits, (void)wait_list, (void)event;
    FAKE(clEnqueueWriteBuffer)
    memcpy(((object *)(void *)memory)->data + offset, host, bytes);
    return CL_SUCCESS;
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem memory, const void *pattern, size_t pattern_bytes,
                           size_t offset, size_t bytes, cl_uint waits, const cl_event *wait_list,
                           cl_event *event)
{
    (void)queue, (void)pattern, (void)pattern_bytes, (void)waits, (void)wait_list;
    memset(((object *)(void *)memory)->data + offset, 0, bytes);
    return queue_event(FAKE_clEnqueueFillBuffer, 0, event);
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint waits, const cl_event *wait_list,
                                   cl_event *event)
{
    (void)queue, (void)waits, (void)wait_list;
    return queue_event(FAKE_clEnqueueMarkerWithWaitList, 0, event);
}

cl_int clFlush(cl_command_queue queue)
{
    (void)queue;
    FAKE(clFlush)
    flushed = queued;
    return CL_SUCCESS;
}

/* Queued until the queue was flushed, and when first looked at; running, then ended; failed or running for ever on
 * command. */
cl_int clGetEventInfo(cl_event event, cl_event_info name, size_t bytes, void *value, size_t *size)
{
    object *o = (object *)(void *)event;
    (void)name;
    FAKE(clGetEventInfo)
    if (!o || !o->used) return CL_INVALID_EVENT;
    cl_int state = 3;
    if (o->number <= flushed) {
        o->polls++;
        state = o->polls < 3 ? 3 - (cl_int)o->polls : o->polls < fake->polls ? 1 : CL_COMPLETE;
    }
    if (o->launch && o->launch == fake->bad_kernel && state == CL_COMPLETE) state = CL_OUT_OF_RESOURCES;
    if (o->launch && o->launch == fake->hung_kernel && state == CL_COMPLETE) state = 1;
    return answer(&state, sizeof state, value, bytes, size);
}

cl_int clReleaseContext(cl_context context)
{
    return release(FAKE_clReleaseContext, context);
}
cl_int clReleaseCommandQueue(cl_command_queue queue)
{
    return release(FAKE_clReleaseCommandQueue, queue);
}
cl_int clReleaseMemObject(cl_mem memory)
{
    return release(FAKE_clReleaseMemObject, memory);
}
cl_int clReleaseProgram(cl_program program)
{
    return release(FAKE_clReleaseProgram, program);
}
cl_int clReleaseKernel(cl_kernel kernel)
{
    return release(FAKE_clReleaseKernel, kernel);
}
cl_int clReleaseEvent(cl_event event)
{
    return release(FAKE_clReleaseEvent, event);
}
