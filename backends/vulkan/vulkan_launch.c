/* Launches: descriptors, push constants and a dispatch in the current batch. */
#include "base/size.h"
#include "vulkan_private.h"
#include <inttypes.h>
#include <string.h>

/* Push constants of 128 bytes are what every device has (Vulkan specification, "Required Limits"). */
_Static_assert(STERNA_GPU_MAX_WORDS * 4 <= 128, "words are push constants");

static sterna_status add_pool(vulkan_device *device, vulkan_batch *batch, sterna_fault *fault)
{
    vulkan_set_pool *sets = device->host->allocate(device->host->context, sizeof *sets, 64);
    if (!sets) return sterna_fail(fault, STERNA_MEMORY, "vulkan: out of host memory");
    *sets = (vulkan_set_pool){0};
    const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                       VULKAN_SETS * STERNA_GPU_MAX_RANGES};
    const VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                             .maxSets = VULKAN_SETS,
                                             .poolSizeCount = 1,
                                             .pPoolSizes = &size};
    VkResult result = device->vk.vkCreateDescriptorPool(device->handle, &info, NULL, &sets->handle);
    if (result != VK_SUCCESS) {
        device->host->release(device->host->context, sets);
        return sterna_vulkan_fail(fault, result, "vkCreateDescriptorPool", "");
    }
    if (batch->current) {
        sets->next = batch->current->next;
        batch->current->next = sets;
    } else {
        batch->sets = sets;
    }
    batch->current = sets;
    return STERNA_OK;
}

static sterna_status take_set(vulkan_device *device, vulkan_batch *batch, const vulkan_kernel *kernel,
                              VkDescriptorSet *set, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    if (batch->current && batch->current->used == VULKAN_SETS && batch->current->next)
        batch->current = batch->current->next;
    if (!batch->current || batch->current->used == VULKAN_SETS) status = add_pool(device, batch, fault);
    if (status != STERNA_OK) return status;
    const VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                              .descriptorPool = batch->current->handle,
                                              .descriptorSetCount = 1,
                                              .pSetLayouts = &kernel->sets};
    VkResult result = device->vk.vkAllocateDescriptorSets(device->handle, &info, set);
    if (result != VK_SUCCESS)
        return sterna_vulkan_fail(fault, result, "vkAllocateDescriptorSets", kernel->row->id);
    batch->current->used++;
    return STERNA_OK;
}

static sterna_status check_launch(vulkan_device *device, const sterna_gpu_launch *launch,
                                  vulkan_block **blocks, sterna_fault *fault)
{
    const vulkan_kernel *kernel = launch->kernel;
    const VkPhysicalDeviceLimits *limits = &device->physical.limits;
    if (launch->n_ranges != kernel->n_ranges || launch->n_words != kernel->n_words)
        return sterna_fail(fault, STERNA_INTERNAL,
                           "vulkan:%s: %u buffers and %u words given, it takes %u and %u", kernel->row->id,
                           launch->n_ranges, launch->n_words, kernel->n_ranges, kernel->n_words);
    if (!launch->groups_x || !launch->groups_y || launch->groups_x > limits->maxComputeWorkGroupCount[0] ||
        launch->groups_y > limits->maxComputeWorkGroupCount[1])
        return sterna_fail(fault, STERNA_INTERNAL, "vulkan:%s: a grid of %u x %u groups cannot be launched",
                           kernel->row->id, launch->groups_x, launch->groups_y);
    for (uint32_t i = 0; i < launch->n_ranges; i++) {
        const sterna_gpu_range *range = &launch->ranges[i];
        uint64_t end;
        blocks[i] = sterna_vulkan_block_of(device, range->memory);
        if (!blocks[i])
            return sterna_fail(fault, STERNA_DEVICE, "vulkan:%s: buffer %u is memory that was freed",
                               kernel->row->id, i);
        if (range->bytes == 0 || range->offset % limits->minStorageBufferOffsetAlignment ||
            range->bytes > limits->maxStorageBufferRange ||
            !sterna_add_u64(range->offset, range->bytes, &end) || end > blocks[i]->bytes)
            return sterna_fail(fault, STERNA_INTERNAL,
                               "vulkan:%s: buffer %u: %" PRIu64 " bytes at %" PRIu64 " of %" PRIu64
                               " cannot be bound",
                               kernel->row->id, i, range->bytes, range->offset, blocks[i]->bytes);
    }
    return STERNA_OK;
}

static void record(vulkan_device *device, vulkan_batch *batch, const sterna_gpu_launch *launch,
                   vulkan_block **blocks, VkDescriptorSet set)
{
    const vulkan_kernel *kernel = launch->kernel;
    const sterna_vulkan_functions *vk = &device->vk;
    VkDescriptorBufferInfo buffers[STERNA_GPU_MAX_RANGES];
    VkWriteDescriptorSet writes[STERNA_GPU_MAX_RANGES];
    vulkan_touch touches[STERNA_GPU_MAX_RANGES];
    for (uint32_t i = 0; i < launch->n_ranges; i++) {
        const sterna_gpu_range *range = &launch->ranges[i];
        buffers[i] = (VkDescriptorBufferInfo){blocks[i]->buffer, range->offset, range->bytes};
        writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                           .dstSet = set,
                                           .dstBinding = i + 1, /* prelude_vulkan.h counts from 1 */
                                           .descriptorCount = 1,
                                           .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                           .pBufferInfo = &buffers[i]};
        touches[i] =
            (vulkan_touch){blocks[i]->buffer, range->offset, range->offset + range->bytes, kernel->access[i]};
        blocks[i]->last_use = device->submitted + 1;
    }
    vk->vkUpdateDescriptorSets(device->handle, launch->n_ranges, writes, 0, NULL);
    sterna_vulkan_order(device, batch, touches, launch->n_ranges);
    vk->vkCmdBindPipeline(batch->commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
    vk->vkCmdBindDescriptorSets(batch->commands, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->layout, 0, 1, &set,
                                0, NULL);
    vk->vkCmdPushConstants(batch->commands, kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                           launch->n_words * 4, launch->words);
    vk->vkCmdDispatch(batch->commands, launch->groups_x, launch->groups_y, 1);
}

/* Kernels of operating systems end a submission that takes seconds as if it hung (amdgpu's compute rings after two), and a
 * prefill is as long as that on small GPUs. Bytes are what can be told beforehand. */
static uint64_t reads_of(const sterna_gpu_launch *launch)
{
    const vulkan_kernel *kernel = launch->kernel;
    uint64_t sum = 0; /* below 16 * 2^32 * 2^16 */
    for (uint32_t i = 0; i < launch->n_ranges; i++)
        sum += launch->ranges[i].bytes * (kernel->by_rows[i] ? launch->groups_y : 1);
    return sum;
}

sterna_status sterna_vulkan_launch(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    vulkan_device *device = gpu;
    const vulkan_kernel *kernel = launch->kernel;
    vulkan_block *blocks[STERNA_GPU_MAX_RANGES];
    vulkan_batch *batch;
    VkDescriptorSet set = VK_NULL_HANDLE;
    sterna_status status = sterna_vulkan_usable(device, fault);
    if (status == STERNA_OK) status = check_launch(device, launch, blocks, fault);
    const uint64_t reads = status == STERNA_OK ? reads_of(launch) : 0;
    /* In front of a launch, so that the last one is in the batch that the mark behind it ends. */
    if (device->recording && device->recording->launches > 0 &&
        device->recording->reads + reads > device->options.submit && status == STERNA_OK)
        status = sterna_vulkan_flush(device, fault);
    if (status == STERNA_OK) status = sterna_vulkan_batch(device, &batch, fault);
    if (status == STERNA_OK) status = take_set(device, batch, kernel, &set, fault);
    if (status != STERNA_OK) return status;
    record(device, batch, launch, blocks, set);
    if (batch->launches++ == 0) {
        batch->first_kernel = kernel->row->id;
        batch->first_tag = launch->tag;
    }
    batch->last_kernel = kernel->row->id;
    batch->reads += reads;
    status = sterna_vulkan_check(device, fault);
    return status == STERNA_OK && device->options.each ? sterna_vulkan_finish(device, fault) : status;
}
