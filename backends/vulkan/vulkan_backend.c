/* Vulkan behind the backend ABI: which devices there are, looked at afresh whenever they are counted. */
#include "base/mem.h"
#include "base/thread.h"
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

/* What was found when the devices were last counted. An instance takes the loader and every driver some time to make, so
 * one serves the count and what is then asked of each device. */
static struct {
    bool looked;
    sterna_fault why; /* why there is none, where count is 0 */
    vulkan_candidate list[VULKAN_MAX_DEVICES];
    uint32_t count;
} found;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of found */

static void look_anew(void)
{
    found.why = (sterna_fault){0};
    if (look(found.list, &found.count, &found.why) != STERNA_OK) found.count = 0;
    found.looked = true;
}

/* At least 1: when there is nothing, one device that says why. */
static uint32_t device_count(void)
{
    pthread_mutex_lock(&lock);
    look_anew();
    const uint32_t count = found.count ? found.count : 1;
    pthread_mutex_unlock(&lock);
    return count;
}

static sterna_status describe(uint32_t index, sterna_device_info *info)
{
    sterna_device_info full = {.size = info->size};
    if (!found.looked) look_anew();
    if (found.count == 0) {
        if (index > 0) return STERNA_USAGE;
        snprintf(full.description, sizeof full.description, "Vulkan");
        snprintf(full.why, sizeof full.why, "%.*s", (int)sizeof full.why - 1, found.why.text);
    } else {
        if (index >= found.count) return STERNA_USAGE;
        const vulkan_candidate *c = &found.list[index];
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

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    pthread_mutex_lock(&lock);
    sterna_status status = describe(index, info);
    pthread_mutex_unlock(&lock);
    return status;
}

STERNA_GPU_BACKEND(vulkan, sterna_vulkan_driver, device_count, device_info)
