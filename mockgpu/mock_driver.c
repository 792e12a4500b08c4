/* The driver table over mock_queue.c, and the compiled kernels by name. */
#include "mock_driver.h"
#include "base/size.h"
#include "mock_queue.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                \
    extern const mock_kernel sterna_mock_kernel_##id;
#include "kernels/kernels.def"
#undef KERNEL

static const mock_kernel *const kernels[] = {
#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                \
    &sterna_mock_kernel_##id,
#include "kernels/kernels.def"
#undef KERNEL
};

static sterna_status mock_open(const sterna_host *host, const char *variant, void **gpu,
                               sterna_gpu_limits *limits, sterna_fault *fault)
{
    mock_settings settings;
    mock_device *device;
    sterna_status status = sterna_mock_settings(variant, &settings, fault);
    if (status == STERNA_OK) status = sterna_mock_device_make(host, &settings, &device, fault);
    if (status != STERNA_OK) return status;
    sterna_gpu_limits made = {.memory_bytes = settings.memory,
                              .max_binding_bytes = settings.max_binding,
                              .alignment = (uint32_t)settings.alignment,
                              .max_groups = (uint32_t)settings.max_groups,
                              .max_group_items = (uint32_t)settings.max_group_items,
                              .subgroup = (uint32_t)settings.warp,
                              .features = (uint32_t)settings.features,
                              .pool_bytes = settings.pool ? settings.pool : STERNA_GPU_NO_POOL,
                              .is_mock = 1,
                              .kind = STERNA_KIND_EMULATED};
    snprintf(made.description, sizeof made.description, "mock GPU, warp %" PRIu64 ", seed %" PRIu64,
             settings.warp, settings.seed);
    snprintf(made.variant, sizeof made.variant, "%s", settings.profile);
    *limits = made;
    *gpu = device;
    return STERNA_OK;
}

static void mock_close(void *gpu)
{
    sterna_mock_device_free(gpu);
}

static sterna_status mock_alloc(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault)
{
    return sterna_mock_alloc(gpu, bytes, memory, fault);
}

static void mock_free(void *gpu, sterna_gpu_memory memory)
{
    sterna_mock_free(gpu, memory);
}

static sterna_status mock_upload(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                                 uint64_t bytes, sterna_fault *fault)
{
    return sterna_mock_upload(gpu, memory, offset, src, bytes, fault);
}

static sterna_status mock_download(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                   uint64_t bytes, sterna_fault *fault)
{
    return sterna_mock_download(gpu, memory, offset, dst, bytes, fault);
}

static sterna_status mock_clear(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                sterna_fault *fault)
{
    return sterna_mock_clear(gpu, memory, offset, bytes, fault);
}

static sterna_status mock_find(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                               sterna_fault *fault)
{
    const mock_kernel *found = NULL;
    for (size_t i = 0; i < STERNA_COUNT(kernels); i++)
        if (strcmp(kernels[i]->name, id) == 0) found = kernels[i];
    sterna_status status = sterna_mock_lookup(gpu, id, found, kernel, fault);
    if (status == STERNA_OK && found) memcpy(hash, found->hash, 32);
    return status;
}

static sterna_status launch_kernel(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    return sterna_mock_launch(gpu, launch, fault);
}

static sterna_status mock_fence(void *gpu, uint64_t *fence, sterna_fault *fault)
{
    return sterna_mock_fence(gpu, fence, fault);
}

static sterna_status mock_wait(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                               sterna_fault *fault)
{
    return sterna_mock_wait(gpu, fence, milliseconds, tag, fault);
}

const sterna_gpu_driver sterna_mock_driver = {
    .prefix = "mock:",
    .open = mock_open,
    .close = mock_close,
    .alloc = mock_alloc,
    .free = mock_free,
    .upload = mock_upload,
    .download = mock_download,
    .clear = mock_clear,
    .kernel = mock_find,
    .launch = launch_kernel,
    .fence = mock_fence,
    .wait = mock_wait,
};
