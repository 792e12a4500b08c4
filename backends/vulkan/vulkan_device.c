/* Logical devices: made with just the features that kernels and waits need, and taken down in any state. */
#include "base/size.h"
#include "vulkan_private.h"
#include <stdio.h>
#include <string.h>

sterna_status sterna_vulkan_lose(vulkan_device *device, const sterna_fault *why, sterna_fault *fault)
{
    if (!device->lost) {
        device->lost = true;
        /* The first batch that is not done is the one that failed. */
        device->lost_value = device->done + 1;
        device->lost_tag = STERNA_GPU_NO_TAG;
        const char *first = NULL, *last = NULL;
        uint32_t launches = 0;
        for (uint32_t i = 0; i < VULKAN_BATCHES; i++) {
            const vulkan_batch *batch = &device->batches[i];
            if (batch->value != device->lost_value || batch == device->recording || batch->launches == 0)
                continue;
            if (batch->launches == 1) device->lost_tag = batch->first_tag;
            first = batch->first_kernel;
            last = batch->last_kernel;
            launches = batch->launches;
        }
        if (launches == 1)
            sterna_fail(&device->loss, STERNA_DEVICE, "%.380s; it ran %s", why->text, first);
        else if (launches > 1)
            sterna_fail(&device->loss, STERNA_DEVICE,
                        "%.300s; it ran %u kernels from %s to %s, and the key each=1 tells which", why->text,
                        launches, first, last);
        else
            sterna_fail(&device->loss, STERNA_DEVICE, "%s", why->text);
    }
    return sterna_vulkan_usable(device, fault);
}

sterna_status sterna_vulkan_usable(const vulkan_device *device, sterna_fault *fault)
{
    return device->lost ? sterna_fail(fault, STERNA_DEVICE, "%s", device->loss.text) : STERNA_OK;
}

sterna_status sterna_vulkan_check(vulkan_device *device, sterna_fault *fault)
{
    sterna_fault said = {0};
    if (sterna_vulkan_validated(&device->instance, &said) == STERNA_OK) return STERNA_OK;
    return sterna_vulkan_lose(device, &said, fault);
}

static sterna_status make_logical(vulkan_device *device, sterna_fault *fault)
{
    const vulkan_candidate *p = &device->physical;
    const char *extensions[4];
    uint32_t n_extensions = 0;
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, .timelineSemaphore = VK_TRUE};
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
        .shaderIntegerDotProduct = VK_TRUE};
    features.pNext = &timeline;
    if (p->features & STERNA_GPU_INT_DOT) timeline.pNext = &dot;
    if (!p->has_timeline_core) extensions[n_extensions++] = VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME;
    if (!p->has_int_dot_core && (p->features & STERNA_GPU_INT_DOT))
        extensions[n_extensions++] = VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
    if (!p->has_controls_core && p->float_modes)
        extensions[n_extensions++] = VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME;
    if (p->is_subset) extensions[n_extensions++] = sterna_vulkan_subset;
    const float priority = 1.0f;
    const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                           .queueFamilyIndex = p->queue_family,
                                           .queueCount = 1,
                                           .pQueuePriorities = &priority};
    const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                     .pNext = &features,
                                     .queueCreateInfoCount = 1,
                                     .pQueueCreateInfos = &queue,
                                     .enabledExtensionCount = n_extensions,
                                     .ppEnabledExtensionNames = extensions};
    VkResult result = device->vk.vkCreateDevice(p->handle, &info, NULL, &device->handle);
    if (result != VK_SUCCESS) {
        device->handle = VK_NULL_HANDLE;
        return sterna_vulkan_fail(fault, result, "vkCreateDevice", p->name);
    }
    sterna_status status = sterna_vulkan_load_device(&device->vk, device->handle, fault);
    if (status != STERNA_OK) return status;
    device->vk.vkGetDeviceQueue(device->handle, p->queue_family, 0, &device->queue);
    const VkSemaphoreTypeCreateInfo type = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                            .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    const VkSemaphoreCreateInfo semaphore = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
                                             .pNext = &type};
    result = device->vk.vkCreateSemaphore(device->handle, &semaphore, NULL, &device->timeline);
    device->ready = result == VK_SUCCESS;
    return device->ready ? STERNA_OK : sterna_vulkan_fail(fault, result, "vkCreateSemaphore", p->name);
}

/* The words that batches end with, zero at first: no batch has that value. */
static sterna_status make_proof(vulkan_device *device, sterna_fault *fault)
{
    enum { BYTES = 4096 };
    _Static_assert(VULKAN_BATCHES * 4 <= BYTES, "a word each");
    sterna_status status = sterna_vulkan_block_make(device, BYTES, true, &device->proof, fault);
    if (status != STERNA_OK) return status;
    memset(device->proof.mapped, 0, BYTES);
    return sterna_vulkan_to_device(device, &device->proof, 0, BYTES, fault);
}

sterna_status sterna_vulkan_device_make(const sterna_host *host, const sterna_vulkan_options *options,
                                        vulkan_device **out, sterna_fault *fault)
{
    vulkan_candidate list[VULKAN_MAX_DEVICES];
    const vulkan_candidate *chosen = NULL;
    uint32_t count = 0;
    vulkan_device *device = host->allocate(host->context, sizeof *device, 64);
    if (!device) return sterna_fail(fault, STERNA_MEMORY, "vulkan: out of host memory");
    memset(device, 0, sizeof *device);
    device->host = host;
    device->options = *options;
    sterna_status status = sterna_vulkan_instance_make(host, options, &device->instance, fault);
    if (status == STERNA_OK) status = sterna_vulkan_candidates(&device->instance, list, &count, fault);
    if (status == STERNA_OK) status = sterna_vulkan_choose(list, count, options->device, &chosen, fault);
    if (status == STERNA_OK) {
        device->physical = *chosen;
        device->vk = device->instance.vk;
        device->vk.vkGetPhysicalDeviceMemoryProperties(chosen->handle, &device->memory_types);
        status = make_logical(device, fault);
    }
    if (status == STERNA_OK) status = make_proof(device, fault);
    if (status == STERNA_OK) {
        sterna_vulkan_cache_open(device);
        status = sterna_vulkan_validated(&device->instance, fault);
    }
    if (status != STERNA_OK) {
        sterna_vulkan_device_free(device);
        return status;
    }
    *out = device;
    return STERNA_OK;
}

/* Lets work that is still in flight end. False: it does not, so nothing may be freed under it. */
static bool comes_to_rest(vulkan_device *device)
{
    if (device->lost && device->submitted > device->done) {
        /* A watchdog that fired says nothing about the work: a slow kernel ends, a hanging one does not. */
        const VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                          .semaphoreCount = 1,
                                          .pSemaphores = &device->timeline,
                                          .pValues = &device->submitted};
        const uint64_t grace_ns = 10ull * 1000 * 1000 * 1000;
        return device->vk.vkWaitSemaphores(device->handle, &info, grace_ns) != VK_TIMEOUT;
    }
    return sterna_vulkan_finish(device, NULL) == STERNA_OK || device->lost;
}

static void free_logical(vulkan_device *device)
{
    uint32_t leaked = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < device->n_blocks; i++)
        if (device->blocks[i].live) {
            leaked++;
            bytes += device->blocks[i].bytes;
            sterna_vulkan_block_free(device, &device->blocks[i]);
        }
    if (leaked && device->host->log) {
        char text[120];
        snprintf(text, sizeof text, "vulkan: %u allocations of %llu bytes leaked at close", leaked,
                 (unsigned long long)bytes);
        device->host->log(device->host->context, 0, text);
    }
    sterna_vulkan_batches_free(device);
    sterna_vulkan_block_free(device, &device->proof);
    sterna_vulkan_kernels_free(device);
    sterna_vulkan_cache_close(device);
    device->vk.vkDestroySemaphore(device->handle, device->timeline, NULL);
    device->vk.vkDestroyDevice(device->handle, NULL);
}

void sterna_vulkan_device_free(vulkan_device *device)
{
    const sterna_host *host = device->host;
    if (device->ready) {
        if (comes_to_rest(device)) {
            free_logical(device);
        } else {
            device->abandoned = true;
            sterna_vulkan_batches_free(device);
            if (host->log)
                host->log(host->context, 1,
                          "vulkan: the device does not come to rest; its memory is left to the driver");
        }
    } else if (device->handle && device->vk.vkDestroyDevice) { /* a driver may lack that, too */
        device->vk.vkDestroyDevice(device->handle, NULL);
    }
    if (!device->abandoned) sterna_vulkan_instance_free(&device->instance);
    host->release(host->context, device->blocks);
    host->release(host->context, device);
}
