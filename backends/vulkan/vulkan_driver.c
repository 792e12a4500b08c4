/* The driver table, and the limits of an opened device. */
#include "vulkan_driver.h"
#include "vulkan_private.h"
#include <stdio.h>

static uint32_t least(uint64_t a, uint64_t b)
{
    uint64_t least = a < b ? a : b;
    return least < UINT32_MAX ? (uint32_t)least : UINT32_MAX;
}

static sterna_status vulkan_open(const sterna_host *host, const char *variant, void **gpu,
                                 sterna_gpu_limits *limits, sterna_fault *fault)
{
    sterna_vulkan_options options;
    vulkan_device *device = NULL;
    sterna_status status = sterna_vulkan_options_read(variant, &options, fault);
    if (status == STERNA_OK) status = sterna_vulkan_device_make(host, &options, &device, fault);
    if (status != STERNA_OK) return status;
    const vulkan_candidate *p = &device->physical;
    sterna_gpu_limits made = {
        .memory_bytes = p->memory_bytes,
        .max_binding_bytes = least(sterna_vulkan_largest_binding(p), options.max_binding) & ~3u,
        .alignment = (uint32_t)p->limits.minStorageBufferOffsetAlignment,
        .max_groups =
            least(least(p->limits.maxComputeWorkGroupCount[0], p->limits.maxComputeWorkGroupCount[1]),
                  options.max_groups),
        .max_group_items =
            least(p->limits.maxComputeWorkGroupInvocations, p->limits.maxComputeWorkGroupSize[0]),
        .subgroup = p->subgroup,
        .features = p->features & (uint32_t)options.features,
        .kind = sterna_vulkan_kind(p)};
    if (made.alignment < 4) made.alignment = 4;
    snprintf(made.variant, sizeof made.variant, "%s", p->variant);
    snprintf(made.description, sizeof made.description, "%.150s", p->name);
    snprintf(made.driver, sizeof made.driver, "%s", p->driver);
    *limits = made;
    *gpu = device;
    return STERNA_OK;
}

static void vulkan_close(void *gpu)
{
    sterna_vulkan_device_free(gpu);
}

const sterna_gpu_driver sterna_vulkan_driver = {
    .prefix = "vulkan:",
    .compiles = true,
    .open = vulkan_open,
    .close = vulkan_close,
    .alloc = sterna_vulkan_alloc,
    .free = sterna_vulkan_free,
    .upload = sterna_vulkan_upload,
    .download = sterna_vulkan_download,
    .clear = sterna_vulkan_clear,
    .kernel = sterna_vulkan_kernel,
    .launch = sterna_vulkan_launch,
    .fence = sterna_vulkan_fence,
    .wait = sterna_vulkan_wait,
};
