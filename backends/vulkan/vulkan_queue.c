/* Batches of commands: recording with barriers between those that depend on each other, submission, waiting, the watchdog. */
#include "base/sys.h"
#include "vulkan_private.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STAGES = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
    WRITES = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    READS = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT
};

/* Everything before it is done and visible to everything behind it, in later submissions, too. */
static void barrier(const vulkan_device *device, const vulkan_batch *batch, VkPipelineStageFlags more_stages,
                    VkAccessFlags more_access)
{
    const VkMemoryBarrier all = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                 .srcAccessMask = WRITES,
                                 .dstAccessMask = (VkAccessFlags)(READS | WRITES) | more_access};
    device->vk.vkCmdPipelineBarrier(batch->commands, STAGES, (VkPipelineStageFlags)STAGES | more_stages, 0, 1,
                                    &all, 0, NULL, 0, NULL);
}

static bool meets(const vulkan_touch *a, const vulkan_touch *b)
{
    return a->buffer == b->buffer && a->begin < b->end && b->begin < a->end &&
           (a->access != b->access || a->access == VULKAN_WRITES);
}

void sterna_vulkan_order(vulkan_device *device, vulkan_batch *batch, const vulkan_touch *touches,
                         uint32_t count)
{
    bool ordered = device->n_touches + count > VULKAN_ACCESSES;
    for (uint32_t i = 0; i < count && !ordered; i++)
        for (uint32_t k = 0; k < device->n_touches && !ordered; k++)
            ordered = meets(&touches[i], &device->touches[k]);
    if (ordered) {
        barrier(device, batch, 0, 0);
        device->n_touches = 0;
    }
    memcpy(device->touches + device->n_touches, touches, count * sizeof *touches);
    device->n_touches += count;
}

static sterna_status make_batch(vulkan_device *device, vulkan_batch *batch, sterna_fault *fault)
{
    const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                          .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
                                          .queueFamilyIndex = device->physical.queue_family};
    VkResult result = device->vk.vkCreateCommandPool(device->handle, &pool, NULL, &batch->pool);
    if (result != VK_SUCCESS) {
        batch->pool = VK_NULL_HANDLE;
        return sterna_vulkan_fail(fault, result, "vkCreateCommandPool", "");
    }
    const VkCommandBufferAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                              .commandPool = batch->pool,
                                              .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                              .commandBufferCount = 1};
    result = device->vk.vkAllocateCommandBuffers(device->handle, &info, &batch->commands);
    if (result == VK_SUCCESS) return STERNA_OK;
    device->vk.vkDestroyCommandPool(device->handle, batch->pool, NULL);
    batch->pool = VK_NULL_HANDLE;
    return sterna_vulkan_fail(fault, result, "vkAllocateCommandBuffers", "");
}

/* As long as the watchdog allows: a wait that was woken early goes on. */
static sterna_status reach_at_last(vulkan_device *device, uint64_t value, sterna_fault *fault)
{
    sterna_fault why;
    sterna_status status;
    do {
        why = (sterna_fault){0};
        status = sterna_vulkan_reach(device, value, 0, &why);
    } while (status == STERNA_TIMEOUT);
    return status == STERNA_OK ? status : sterna_fail(fault, status, "%s", why.text);
}

/* Takes back what a batch used when it ran the last time. */
static sterna_status reset_batch(vulkan_device *device, vulkan_batch *batch, sterna_fault *fault)
{
    sterna_status status = reach_at_last(device, batch->value, fault);
    if (status != STERNA_OK) return status;
    VkResult result = device->vk.vkResetCommandPool(device->handle, batch->pool, 0);
    if (result != VK_SUCCESS) return sterna_vulkan_fail(fault, result, "vkResetCommandPool", "");
    for (vulkan_set_pool *sets = batch->sets; sets; sets = sets->next) {
        if (sets->used) device->vk.vkResetDescriptorPool(device->handle, sets->handle, 0);
        sets->used = 0;
    }
    batch->current = batch->sets;
    batch->staged = 0;
    batch->n_ahead = 0;
    batch->reads = 0;
    batch->launches = 0;
    return STERNA_OK;
}

sterna_status sterna_vulkan_batch(vulkan_device *device, vulkan_batch **out, sterna_fault *fault)
{
    if (device->recording) {
        *out = device->recording;
        return STERNA_OK;
    }
    vulkan_batch *batch = &device->batches[device->next_batch];
    sterna_status status = batch->pool ? reset_batch(device, batch, fault) : make_batch(device, batch, fault);
    if (status != STERNA_OK) return status;
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                            .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    VkResult result = device->vk.vkBeginCommandBuffer(batch->commands, &begin);
    if (result != VK_SUCCESS) return sterna_vulkan_fail(fault, result, "vkBeginCommandBuffer", "");
    device->next_batch = (device->next_batch + 1) % VULKAN_BATCHES;
    device->n_touches = 0; /* the last submission ended in a barrier */
    *out = device->recording = batch;
    return STERNA_OK;
}

static uint64_t proof_at(uint32_t batch)
{
    return (uint64_t)batch * 4;
}

sterna_status sterna_vulkan_flush(vulkan_device *device, sterna_fault *fault)
{
    vulkan_batch *batch = device->recording;
    sterna_fault why = {0};
    if (!batch) return STERNA_OK;
    device->recording = NULL;
    batch->value = device->submitted + 1;
    /* The proof is behind all else, and no earlier. */
    barrier(device, batch, 0, 0);
    device->vk.vkCmdFillBuffer(batch->commands, device->proof.buffer,
                               proof_at((uint32_t)(batch - device->batches)), 4, (uint32_t)batch->value);
    barrier(device, batch, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT);
    VkResult result = device->vk.vkEndCommandBuffer(batch->commands);
    if (result == VK_SUCCESS) {
        const VkTimelineSemaphoreSubmitInfo timeline = {.sType =
                                                            VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
                                                        .signalSemaphoreValueCount = 1,
                                                        .pSignalSemaphoreValues = &batch->value};
        const VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                   .pNext = &timeline,
                                   .commandBufferCount = 1,
                                   .pCommandBuffers = &batch->commands,
                                   .signalSemaphoreCount = 1,
                                   .pSignalSemaphores = &device->timeline};
        result = device->vk.vkQueueSubmit(device->queue, 1, &info, VK_NULL_HANDLE);
        if (result == VK_SUCCESS) {
            device->submitted = batch->value;
            return sterna_vulkan_check(device, fault);
        }
        sterna_vulkan_fail(&why, result, "vkQueueSubmit", "");
    } else {
        sterna_vulkan_fail(&why, result, "vkEndCommandBuffer", "");
    }
    return sterna_vulkan_lose(device, &why, fault);
}

/* On a lost device a wait may succeed and the work be left undone (Vulkan specification, "Lost Device"), which would give the
 * bits of the token before. So each batch ends in a word that only its own last command writes. */
bool sterna_vulkan_reached(vulkan_device *device, uint64_t value)
{
    for (; device->done < value; device->done++) {
        /* A batch keeps its value until it is recorded anew, which waits for that value. */
        uint32_t b = 0, word = 0;
        while (b < VULKAN_BATCHES && device->batches[b].value != device->done + 1) b++;
        if (b == VULKAN_BATCHES ||
            sterna_vulkan_to_host(device, &device->proof, proof_at(b), &word, sizeof word, NULL) !=
                STERNA_OK ||
            word != (uint32_t)(device->done + 1))
            return false;
    }
    return true;
}

/* Waits once; VK_TIMEOUT is no failure here. */
static VkResult wait_for(vulkan_device *device, uint64_t value, double milliseconds)
{
    const VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
                                      .semaphoreCount = 1,
                                      .pSemaphores = &device->timeline,
                                      .pValues = &value};
    return device->vk.vkWaitSemaphores(device->handle, &info, (uint64_t)(milliseconds * 1e6));
}

sterna_status sterna_vulkan_reach(vulkan_device *device, uint64_t value, uint32_t milliseconds,
                                  sterna_fault *fault)
{
    sterna_fault why = {0};
    if (value <= device->done) return STERNA_OK;
    sterna_status status = sterna_vulkan_usable(device, fault);
    if (status != STERNA_OK) return status;
    if (device->waiting_for != value) {
        device->waiting_for = value;
        device->waited_ms = 0;
    }
    double left = (double)device->options.watchdog - device->waited_ms, start = sterna_sys_now();
    double now = milliseconds && milliseconds < left ? milliseconds : left;
    VkResult result = wait_for(device, value, now > 0 ? now : 0);
    if (result == VK_SUCCESS) {
        if (sterna_vulkan_reached(device, value)) return STERNA_OK;
        sterna_fail(
            &why, STERNA_DEVICE,
            "vulkan: vkWaitSemaphores: the driver says done, and the last command has not run: the device "
            "was lost; see the kernel's log for the driver's reason, then start again");
        return sterna_vulkan_lose(device, &why, fault);
    }
    device->waited_ms += (sterna_sys_now() - start) * 1e3;
    if (result != VK_TIMEOUT) {
        sterna_vulkan_fail(&why, result, "vkWaitSemaphores", "");
        return sterna_vulkan_lose(device, &why, fault);
    }
    if (device->waited_ms < (double)device->options.watchdog)
        return sterna_fail(fault, STERNA_TIMEOUT, "vulkan: not done after %.0f ms", device->waited_ms);
    sterna_fail(&why, STERNA_DEVICE,
                "vulkan: no answer within the watchdog's %" PRIu64
                " ms (key watchdog); the device counts as lost",
                device->options.watchdog);
    return sterna_vulkan_lose(device, &why, fault);
}

sterna_status sterna_vulkan_finish(vulkan_device *device, sterna_fault *fault)
{
    sterna_status status = sterna_vulkan_usable(device, fault);
    if (status == STERNA_OK) status = sterna_vulkan_flush(device, fault);
    return status == STERNA_OK ? reach_at_last(device, device->submitted, fault) : status;
}

void sterna_vulkan_batches_free(vulkan_device *device)
{
    for (uint32_t i = 0; i < VULKAN_BATCHES; i++) {
        vulkan_batch *batch = &device->batches[i];
        while (batch->sets) {
            vulkan_set_pool *sets = batch->sets;
            batch->sets = sets->next;
            if (!device->abandoned) device->vk.vkDestroyDescriptorPool(device->handle, sets->handle, NULL);
            device->host->release(device->host->context, sets);
        }
        sterna_vulkan_block_free(device, &batch->staging);
        sterna_vulkan_block_free(device, &batch->ahead);
        if (batch->pool && !device->abandoned)
            device->vk.vkDestroyCommandPool(device->handle, batch->pool, NULL);
        batch->pool = VK_NULL_HANDLE;
    }
}

sterna_status sterna_vulkan_clear(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                  sterna_fault *fault)
{
    vulkan_device *device = gpu;
    vulkan_batch *batch;
    sterna_status status = sterna_vulkan_usable(device, fault);
    if (status != STERNA_OK || bytes == 0) return status;
    vulkan_block *block = sterna_vulkan_block_of(device, memory);
    if (!block || offset > block->bytes || bytes > block->bytes - offset)
        return sterna_fail(fault, STERNA_INTERNAL, "vulkan: clear: %" PRIu64 " bytes at %" PRIu64 " of %s",
                           bytes, offset, block ? "a smaller allocation" : "memory that was freed");
    status = sterna_vulkan_batch(device, &batch, fault);
    if (status != STERNA_OK) return status;
    const vulkan_touch touch = {block->buffer, offset, offset + bytes, VULKAN_WRITES};
    sterna_vulkan_order(device, batch, &touch, 1);
    device->vk.vkCmdFillBuffer(batch->commands, block->buffer, offset, bytes, 0);
    block->last_use = device->submitted + 1;
    return sterna_vulkan_check(device, fault);
}

sterna_status sterna_vulkan_fence(void *gpu, uint64_t *fence, sterna_fault *fault)
{
    vulkan_device *device = gpu;
    vulkan_batch *batch; /* an empty one gives a mark of its own, too */
    sterna_status status = sterna_vulkan_usable(device, fault);
    if (status == STERNA_OK) status = sterna_vulkan_batch(device, &batch, fault);
    if (status == STERNA_OK) status = sterna_vulkan_read_ahead(device, batch, fault);
    if (status == STERNA_OK) status = sterna_vulkan_flush(device, fault);
    if (status == STERNA_OK) *fence = device->submitted;
    return status;
}

sterna_status sterna_vulkan_wait(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                                 sterna_fault *fault)
{
    vulkan_device *device = gpu;
    if (fence == 0 || fence > device->submitted)
        return sterna_fail(fault, STERNA_INTERNAL, "vulkan: wait for mark %" PRIu64 ", which was never set",
                           fence);
    sterna_status status = sterna_vulkan_reach(device, fence, milliseconds, fault);
    if (status == STERNA_OK) status = sterna_vulkan_check(device, fault);
    if (status == STERNA_DEVICE && fence == device->lost_value) *tag = device->lost_tag;
    return status;
}
