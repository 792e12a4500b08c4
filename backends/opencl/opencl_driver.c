/* Opening and closing a device, and the driver table over the other files. */
#include "opencl/opencl_driver.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

sterna_status sterna_opencl_fail(sterna_fault *fault, cl_int code, const char *format, ...)
{
    char what[440], text[OPENCL_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return sterna_fail(fault, sterna_opencl_status(code), "opencl: %s: %s", what,
                       sterna_opencl_error(code, text));
}

sterna_status sterna_opencl_alive(const opencl_gpu *gpu, sterna_fault *fault)
{
    return gpu->lost ? sterna_fail(fault, STERNA_DEVICE, "%s", gpu->why) : STERNA_OK;
}

/* Finds the device a variant names. */
static sterna_status choose(const opencl_api *cl, const char *variant, opencl_gpu *gpu, sterna_fault *fault)
{
    const opencl_device *device;
    sterna_status status = sterna_opencl_settings(variant, &gpu->settings, fault);
    if (status != STERNA_OK) return status;
    opencl_list *list = gpu->host->allocate(gpu->host->context, sizeof *list, 64);
    if (!list) return sterna_fail(fault, STERNA_MEMORY, "opencl: out of host memory");
    status = sterna_opencl_list(cl, list, fault);
    if (status == STERNA_OK) status = sterna_opencl_find(list, gpu->settings.device, &device, fault);
    if (status == STERNA_OK) gpu->device = *device;
    gpu->host->release(gpu->host->context, list);
    return status;
}

/* Releases everything. What a kernel that never ends may use stays: a release would wait for it. */
static void close_gpu(opencl_gpu *gpu)
{
    sterna_opencl_free_pending(gpu);
    sterna_opencl_free_programs(gpu);
    sterna_opencl_free_all(gpu);
    if (gpu->queue && !gpu->hung) gpu->cl->clReleaseCommandQueue(gpu->queue);
    if (gpu->context && !gpu->hung) gpu->cl->clReleaseContext(gpu->context);
    gpu->host->release(gpu->host->context, gpu);
}

static sterna_status open_gpu(const sterna_host *host, const char *variant, void **out,
                              sterna_gpu_limits *limits, sterna_fault *fault)
{
    const opencl_api *cl;
    cl_int error = CL_SUCCESS;
    sterna_status status = sterna_opencl_load(&cl, fault);
    if (status != STERNA_OK) return status;
    opencl_gpu *gpu = host->allocate(host->context, sizeof *gpu, 64);
    if (!gpu) return sterna_fail(fault, STERNA_MEMORY, "opencl: out of host memory");
    memset(gpu, 0, sizeof *gpu);
    gpu->cl = cl;
    gpu->host = host;
    status = choose(cl, variant, gpu, fault);
    if (status == STERNA_OK) {
        const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                    (cl_context_properties)gpu->device.platform, 0};
        gpu->context = cl->clCreateContext(properties, 1, &gpu->device.id, NULL, NULL, &error);
        if (gpu->context && error == CL_SUCCESS)
            gpu->queue = cl->clCreateCommandQueue(gpu->context, gpu->device.id, 0, &error); /* 0: in order */
        if (!gpu->queue || error != CL_SUCCESS)
            status = sterna_opencl_fail(fault, error, "device %s cannot be opened", gpu->device.name);
    }
    if (status != STERNA_OK) {
        close_gpu(gpu);
        return status;
    }
    sterna_gpu_cache_open(&gpu->cache, "opencl", host);
    sterna_gpu_limits made = gpu->device.limits;
    made.max_groups = (uint32_t)gpu->settings.max_groups;
    if (gpu->settings.max_binding && gpu->settings.max_binding < made.max_binding_bytes)
        made.max_binding_bytes = gpu->settings.max_binding;
    made.features &= (uint32_t)gpu->settings.features;
    if (gpu->settings.memory) made.memory_bytes = gpu->settings.memory;
    *limits = made;
    *out = gpu;
    return STERNA_OK;
}

static void driver_close(void *gpu)
{
    opencl_gpu *g = gpu;
    char text[160];
    uint32_t left = 0;
    for (uint32_t i = 0; i < g->n_blocks; i++) left += g->blocks[i].memory != NULL;
    if (left && g->host->log) {
        snprintf(text, sizeof text, "opencl: %u allocations of %" PRIu64 " bytes leaked at close", left,
                 g->allocated);
        g->host->log(g->host->context, 0, text);
    }
    /* What is queued may still use what is released now. */
    (void)sterna_opencl_drain(g, NULL);
    close_gpu(g);
}

static sterna_status driver_alloc(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault)
{
    return sterna_opencl_alloc(gpu, bytes, memory, fault);
}

static void driver_free(void *gpu, sterna_gpu_memory memory)
{
    sterna_opencl_free(gpu, memory);
}

static sterna_status driver_upload(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                                   uint64_t bytes, sterna_fault *fault)
{
    return sterna_opencl_upload(gpu, memory, offset, src, bytes, fault);
}

static sterna_status driver_download(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault)
{
    return sterna_opencl_download(gpu, memory, offset, dst, bytes, fault);
}

static sterna_status driver_clear(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                  sterna_fault *fault)
{
    return sterna_opencl_clear(gpu, memory, offset, bytes, fault);
}

static sterna_status driver_kernel(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                                   sterna_fault *fault)
{
    return sterna_opencl_kernel(gpu, id, kernel, hash, fault);
}

static sterna_status driver_launch(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    return sterna_opencl_launch(gpu, launch, fault);
}

static sterna_status driver_fence(void *gpu, uint64_t *fence, sterna_fault *fault)
{
    return sterna_opencl_fence(gpu, fence, fault);
}

static sterna_status driver_wait(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                                 sterna_fault *fault)
{
    return sterna_opencl_wait(gpu, fence, milliseconds, tag, fault);
}

const sterna_gpu_driver sterna_opencl_driver = {
    .prefix = "opencl:",
    .compiles = true,
    .open = open_gpu,
    .close = driver_close,
    .alloc = driver_alloc,
    .free = driver_free,
    .upload = driver_upload,
    .download = driver_download,
    .clear = driver_clear,
    .kernel = driver_kernel,
    .launch = driver_launch,
    .fence = driver_fence,
    .wait = driver_wait,
};
