/* Vulkan behind the backend ABI: which devices there are, looked at afresh by every call. */
#include "base/mem.h"
#include "gpu/gpu_host.h"
#include "vulkan_driver.h"
#include "vulkan_private.h"
#include <stdio.h>
#include <string.h>

static void *look_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    return sterna_alloc_aligned(bytes, alignment);
}

static void look_release(void *context, void *memory)
{
    (void)context;
    sterna_free(memory);
}

/* All devices, usable or not. A status other than OK: there is no Vulkan here. */
static sterna_status look(vulkan_candidate *list, uint32_t *count, sterna_fault *fault)
{
    static const sterna_host host = {sizeof host,   STERNA_ABI_VERSION, NULL,
                                     look_allocate, look_release,       NULL};
    vulkan_instance instance;
    sterna_vulkan_options options;
    sterna_status status = sterna_vulkan_options_read("", &options, fault);
    if (status == STERNA_OK) status = sterna_vulkan_instance_make(&host, &options, &instance, fault);
    if (status != STERNA_OK) return status;
    status = sterna_vulkan_candidates(&instance, list, count, fault);
    if (status == STERNA_OK && *count == 0)
        status = sterna_fail(fault, STERNA_UNSUPPORTED,
                             "vulkan: no driver offers a device (Debian: mesa-vulkan-drivers)");
    sterna_vulkan_instance_free(&instance);
    return status;
}

/* At least 1: when there is nothing, one device that says why. */
static uint32_t device_count(void)
{
    vulkan_candidate list[VULKAN_MAX_DEVICES];
    uint32_t count = 0;
    return look(list, &count, NULL) == STERNA_OK ? count : 1;
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    vulkan_candidate list[VULKAN_MAX_DEVICES];
    uint32_t count = 0;
    sterna_fault why = {0};
    sterna_device_info full = {.size = info->size};
    if (look(list, &count, &why) != STERNA_OK) {
        if (index > 0) return STERNA_USAGE;
        snprintf(full.description, sizeof full.description, "Vulkan");
        snprintf(full.why, sizeof full.why, "%.*s", (int)sizeof full.why - 1, why.text);
    } else {
        if (index >= count) return STERNA_USAGE;
        const vulkan_candidate *c = &list[index];
        full.usable = c->why[0] == 0;
        full.subgroup = c->subgroup;
        full.memory_bytes = c->memory_bytes;
        full.max_binding_bytes = sterna_vulkan_largest_binding(c);
        full.buffer_alignment = (uint32_t)c->limits.minStorageBufferOffsetAlignment;
        if (full.buffer_alignment < 4) full.buffer_alignment = 4;
        snprintf(full.variant, sizeof full.variant, "%s", c->variant);
        snprintf(full.description, sizeof full.description, "%.150s", c->name);
        snprintf(full.driver, sizeof full.driver, "%s", c->driver);
        full.kind = sterna_vulkan_kind(c);
        snprintf(full.why, sizeof full.why, "%s", c->why);
    }
    memcpy(info, &full, info->size < sizeof full ? info->size : sizeof full);
    return STERNA_OK;
}

STERNA_GPU_BACKEND(vulkan, sterna_vulkan_driver, device_count, device_info)
