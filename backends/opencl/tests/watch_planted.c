/* Usage: watch_planted DEFECT      runs a kernel with one planted defect on the default OpenCL device
 * For ci/nightly-oclgrind, which wants the watcher to notice each. Exit: 0 it ran, 2 usage, 5 it could not. */
#include "base/mem.h"
#include "base/size.h"
#include "opencl/opencl_driver.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text;
} defects[] = {
    {"outside", "__kernel void sterna_planted(__global uint *x) { x[1024 + get_local_id(0)] = 1u; }"},
    {"race", "__kernel void sterna_planted(__global uint *x) { x[0] = (uint)get_local_id(0); }"},
    {"local_race",
     "__kernel void sterna_planted(__global uint *x) { __local uint s[32]; uint i = get_local_id(0);"
     " s[i] = i; x[i] = s[(i + 1u) % 32u]; }"},
    {"divergence", "__kernel void sterna_planted(__global uint *x) { uint i = get_local_id(0);"
                   " if (i < 7u) barrier(CLK_LOCAL_MEM_FENCE); x[i] = i; }"},
};

static void *allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    return sterna_alloc_aligned(bytes, alignment);
}

static void release(void *context, void *memory)
{
    (void)context;
    sterna_free(memory);
}

static sterna_status run(const char *text, sterna_fault *fault)
{
    static const sterna_host host = {sizeof host, STERNA_ABI_VERSION, NULL, allocate, release, NULL};
    const size_t items = 32;
    void *opened;
    uint32_t word;
    cl_kernel kernel;
    sterna_gpu_limits limits;
    sterna_gpu_memory memory;
    sterna_status status = sterna_opencl_driver.open(&host, "", &opened, &limits, fault);
    if (status != STERNA_OK) return status;
    opencl_gpu *gpu = opened;
    status = sterna_opencl_build(gpu, "planted", text, strlen(text), 0, &kernel, fault);
    if (status == STERNA_OK) status = sterna_opencl_alloc(gpu, 4096, &memory, fault);
    if (status == STERNA_OK) {
        cl_mem object = sterna_opencl_memory(gpu, memory, 0, 4096);
        if (gpu->cl->clSetKernelArg(kernel, 0, sizeof object, &object) != CL_SUCCESS ||
            gpu->cl->clEnqueueNDRangeKernel(gpu->queue, kernel, 1, NULL, &items, &items, 0, NULL, NULL) !=
                CL_SUCCESS)
            status = sterna_fail(fault, STERNA_DEVICE, "the kernel cannot be launched");
    }
    if (status == STERNA_OK) status = sterna_opencl_download(gpu, memory, 0, &word, sizeof word, fault);
    sterna_opencl_driver.close(gpu);
    return status;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < STERNA_COUNT(defects); i++) {
        sterna_fault fault = {0};
        if (strcmp(defects[i].name, argv[1]) != 0) continue;
        if (run(defects[i].text, &fault) == STERNA_OK) return 0;
        fprintf(stderr, "watch_planted: %s\n", fault.text);
        return 5;
    }
    fprintf(stderr, "usage: watch_planted outside|race|local_race|divergence\n");
    return 2;
}
