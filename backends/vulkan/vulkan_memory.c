/* Device memory behind handles, and copies to and from it: directly where it is mapped and nothing queued touches it, by
 * staging memory otherwise. */
#include "base/size.h"
#include "vulkan_private.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static sterna_status refused(VkResult result, const char *call, uint64_t bytes, sterna_fault *fault)
{
    char what[80];
    snprintf(what, sizeof what, "%" PRIu64 " bytes", bytes);
    return sterna_vulkan_fail(fault, result, call, what);
}

/* The memory type with all of `wanted` and none of `unwanted`; the specification puts faster ones first. AMD's types that
 * bypass caches need a feature that is not asked for. */
static bool find_type(const vulkan_device *device, uint32_t allowed, VkMemoryPropertyFlags wanted,
                      VkMemoryPropertyFlags unwanted, uint32_t *type)
{
    for (uint32_t i = 0; i < device->memory_types.memoryTypeCount; i++) {
        VkMemoryPropertyFlags has = device->memory_types.memoryTypes[i].propertyFlags;
        if ((allowed >> i & 1) && (has & wanted) == wanted && !(has & unwanted) &&
            !(has & VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD)) {
            *type = i;
            return true;
        }
    }
    return false;
}

static bool choose_type(const vulkan_device *device, uint32_t allowed, bool staging, uint32_t *type,
                        bool *map)
{
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT,
                                host = visible | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                                cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    *map = true;
    /* Memory that is not cached is tens of times slower to read. Mali, Adreno and Intel's GPUs without a shared cache offer
     * memory that is cached or coherent, never both. */
    if (staging)
        return find_type(device, allowed, host | cached, 0, type) ||
               find_type(device, allowed, visible | cached, 0, type) ||
               find_type(device, allowed, host, 0, type);
    /* One memory for both: processors, integrated GPUs. On others, mapped device memory is slow to read. */
    bool shared = device->physical.type == VK_PHYSICAL_DEVICE_TYPE_CPU ||
                  device->physical.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
    if (shared && !device->options.staging && find_type(device, allowed, local | host | cached, 0, type))
        return true;
    *map = false;
    return find_type(device, allowed, local, host, type) || find_type(device, allowed, local, 0, type) ||
           find_type(device, allowed, 0, 0, type);
}

sterna_status sterna_vulkan_block_make(vulkan_device *device, uint64_t bytes, bool staging,
                                       vulkan_block *block, sterna_fault *fault)
{
    const sterna_vulkan_functions *vk = &device->vk;
    vulkan_block made = {.bytes = bytes, .generation = block->generation + 1, .live = true};
    VkMemoryRequirements needs;
    uint32_t type = 0;
    bool map = false;
    if (bytes > device->physical.max_allocation)
        return sterna_fail(fault, STERNA_MEMORY,
                           "vulkan: the driver allocates at most %" PRIu64
                           " bytes at once (maxMemoryAllocationSize)",
                           device->physical.max_allocation);
    const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .size = bytes,
                                     .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                              VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                                              (staging ? 0 : VK_BUFFER_USAGE_STORAGE_BUFFER_BIT),
                                     .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
    VkResult result = vk->vkCreateBuffer(device->handle, &info, NULL, &made.buffer);
    if (result != VK_SUCCESS) return refused(result, "vkCreateBuffer", bytes, fault);
    vk->vkGetBufferMemoryRequirements(device->handle, made.buffer, &needs);
    if (!choose_type(device, needs.memoryTypeBits, staging, &type, &map)) {
        vk->vkDestroyBuffer(device->handle, made.buffer, NULL);
        return sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: the driver has no memory for %s buffers",
                           staging ? "staging" : "storage");
    }
    VkMemoryAllocateInfo memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                   .allocationSize = needs.size,
                                   .memoryTypeIndex = type};
    const char *call = "vkAllocateMemory";
    result = vk->vkAllocateMemory(device->handle, &memory, NULL, &made.memory);
    /* The heap of an integrated GPU may be the little that firmware set aside; the rest of the same memory is another's. */
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY && !staging && !map &&
        device->physical.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU &&
        find_type(device, needs.memoryTypeBits, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                  &memory.memoryTypeIndex))
        result = vk->vkAllocateMemory(device->handle, &memory, NULL, &made.memory);
    if (result != VK_SUCCESS) made.memory = VK_NULL_HANDLE;
    if (result == VK_SUCCESS) {
        call = "vkBindBufferMemory";
        result = vk->vkBindBufferMemory(device->handle, made.buffer, made.memory, 0);
    }
    if (result == VK_SUCCESS && map) {
        void *address = NULL;
        call = "vkMapMemory";
        result = vk->vkMapMemory(device->handle, made.memory, 0, VK_WHOLE_SIZE, 0, &address);
        if (result == VK_SUCCESS && !address)
            result = VK_ERROR_MEMORY_MAP_FAILED; /* success, and nothing mapped */
        made.mapped = address;
        made.coherent = (device->memory_types.memoryTypes[type].propertyFlags &
                         VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != 0;
    }
    if (result == VK_SUCCESS) {
        *block = made;
        return STERNA_OK;
    }
    vk->vkDestroyBuffer(device->handle, made.buffer, NULL);
    if (made.memory) vk->vkFreeMemory(device->handle, made.memory, NULL);
    return refused(result, call, bytes, fault);
}

void sterna_vulkan_block_free(vulkan_device *device, vulkan_block *block)
{
    if (block->live && !device->abandoned) {
        device->vk.vkDestroyBuffer(device->handle, block->buffer, NULL);
        device->vk.vkFreeMemory(device->handle, block->memory, NULL); /* unmaps it */
    }
    *block = (vulkan_block){.generation = block->generation};
}

/* A handle is the slot's number from 1 on, below its generation. */
static sterna_gpu_memory handle_of(const vulkan_device *device, const vulkan_block *block)
{
    return (uint64_t)block->generation << 32 | (uint64_t)(block - device->blocks + 1);
}

vulkan_block *sterna_vulkan_block_of(vulkan_device *device, sterna_gpu_memory memory)
{
    uint32_t slot = (uint32_t)memory;
    if (slot == 0 || slot > device->n_blocks) return NULL;
    vulkan_block *block = &device->blocks[slot - 1];
    return block->live && block->generation == memory >> 32 ? block : NULL;
}

static vulkan_block *free_slot(vulkan_device *device)
{
    for (uint32_t i = 0; i < device->n_blocks; i++)
        if (!device->blocks[i].live) return &device->blocks[i];
    uint32_t count = device->n_blocks ? device->n_blocks * 2 : 64;
    vulkan_block *blocks = device->host->allocate(device->host->context, count * sizeof *blocks, 64);
    if (!blocks) return NULL;
    memset(blocks, 0, count * sizeof *blocks);
    if (device->n_blocks) memcpy(blocks, device->blocks, device->n_blocks * sizeof *blocks);
    device->host->release(device->host->context, device->blocks);
    vulkan_block *first = blocks + device->n_blocks;
    device->blocks = blocks;
    device->n_blocks = count;
    return first;
}

sterna_status sterna_vulkan_alloc(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault)
{
    vulkan_device *device = gpu;
    sterna_status status = sterna_vulkan_usable(device, fault);
    if (status != STERNA_OK) return status;
    vulkan_block *block = free_slot(device);
    if (!block) return sterna_fail(fault, STERNA_MEMORY, "vulkan: out of host memory");
    status = sterna_vulkan_block_make(device, bytes, false, block, fault);
    if (status == STERNA_OK) status = sterna_vulkan_check(device, fault);
    if (status == STERNA_OK)
        *memory = handle_of(device, block);
    else if (block->live)
        sterna_vulkan_block_free(device, block);
    return status;
}

void sterna_vulkan_free(void *gpu, sterna_gpu_memory memory)
{
    vulkan_device *device = gpu;
    vulkan_block *block = sterna_vulkan_block_of(device, memory);
    if (!block) return;
    /* What cannot be waited for is freed with the device, if ever. */
    if (block->last_use > device->done && sterna_vulkan_finish(device, NULL) != STERNA_OK &&
        device->submitted > device->done)
        return;
    sterna_vulkan_block_free(device, block);
}

static sterna_status find_range(vulkan_device *device, sterna_gpu_memory memory, uint64_t offset,
                                uint64_t bytes, const char *what, vulkan_block **block, sterna_fault *fault)
{
    uint64_t end;
    sterna_status status = sterna_vulkan_usable(device, fault);
    if (status != STERNA_OK) return status;
    *block = sterna_vulkan_block_of(device, memory);
    if (!*block) return sterna_fail(fault, STERNA_INTERNAL, "vulkan: %s: memory that was freed", what);
    if (!sterna_add_u64(offset, bytes, &end) || end > (*block)->bytes)
        return sterna_fail(fault, STERNA_INTERNAL,
                           "vulkan: %s: %" PRIu64 " bytes at %" PRIu64 " of an allocation of %" PRIu64, what,
                           bytes, offset, (*block)->bytes);
    return STERNA_OK;
}

/* The bytes in whole atoms, which is what can be flushed and invalidated. */
static VkMappedMemoryRange atoms(const vulkan_device *device, const vulkan_block *block, uint64_t offset,
                                 uint64_t bytes)
{
    uint64_t atom = device->physical.limits.nonCoherentAtomSize;
    uint64_t begin = offset & ~(atom - 1), end = (offset + bytes + atom - 1) & ~(atom - 1);
    return (VkMappedMemoryRange){.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
                                 .memory = block->memory,
                                 .offset = begin,
                                 .size = end < block->bytes ? end - begin : VK_WHOLE_SIZE};
}

sterna_status sterna_vulkan_to_device(vulkan_device *device, const vulkan_block *block, uint64_t offset,
                                      uint64_t bytes, sterna_fault *fault)
{
    if (block->coherent) return STERNA_OK;
    const VkMappedMemoryRange range = atoms(device, block, offset, bytes);
    VkResult result = device->vk.vkFlushMappedMemoryRanges(device->handle, 1, &range);
    return result == VK_SUCCESS ? STERNA_OK : refused(result, "vkFlushMappedMemoryRanges", bytes, fault);
}

sterna_status sterna_vulkan_to_host(vulkan_device *device, const vulkan_block *block, uint64_t offset,
                                    void *dst, uint64_t bytes, sterna_fault *fault)
{
    if (!block->coherent) {
        const VkMappedMemoryRange range = atoms(device, block, offset, bytes);
        VkResult result = device->vk.vkInvalidateMappedMemoryRanges(device->handle, 1, &range);
        if (result != VK_SUCCESS) return refused(result, "vkInvalidateMappedMemoryRanges", bytes, fault);
    }
    memcpy(dst, block->mapped + offset, (size_t)bytes);
    return STERNA_OK;
}

/* True when no queued command touches the block, as far as can be told without waiting. */
static bool at_rest(vulkan_device *device, const vulkan_block *block)
{
    uint64_t reached = 0;
    if (block->last_use <= device->done) return true;
    if (device->vk.vkGetSemaphoreCounterValue(device->handle, device->timeline, &reached) == VK_SUCCESS &&
        reached > device->done && reached <= device->submitted)
        (void)sterna_vulkan_reached(device, reached); /* else the next wait tells */
    return block->last_use <= device->done;
}

/* A batch with room in its staging memory. */
static sterna_status staging_batch(vulkan_device *device, vulkan_batch **batch, sterna_fault *fault)
{
    sterna_status status = sterna_vulkan_batch(device, batch, fault);
    if (status == STERNA_OK && (*batch)->staged == VULKAN_STAGING) {
        status = sterna_vulkan_flush(device, fault);
        if (status == STERNA_OK) status = sterna_vulkan_batch(device, batch, fault);
    }
    if (status == STERNA_OK && !(*batch)->staging.live)
        status = sterna_vulkan_block_make(device, VULKAN_STAGING, true, &(*batch)->staging, fault);
    return status;
}

void sterna_vulkan_copy(vulkan_device *device, vulkan_batch *batch, vulkan_block *from, uint64_t from_at,
                        vulkan_block *to, uint64_t to_at, uint64_t bytes)
{
    const vulkan_touch touches[] = {{from->buffer, from_at, from_at + bytes, VULKAN_READS},
                                    {to->buffer, to_at, to_at + bytes, VULKAN_WRITES}};
    const VkBufferCopy region = {.srcOffset = from_at, .dstOffset = to_at, .size = bytes};
    sterna_vulkan_order(device, batch, touches, 2);
    device->vk.vkCmdCopyBuffer(batch->commands, from->buffer, to->buffer, 1, &region);
    from->last_use = to->last_use = device->submitted + 1;
}

sterna_status sterna_vulkan_upload(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                                   uint64_t bytes, sterna_fault *fault)
{
    vulkan_device *device = gpu;
    vulkan_block *block;
    const uint8_t *from = src;
    sterna_status status = find_range(device, memory, offset, bytes, "upload", &block, fault);
    if (status != STERNA_OK) return status;
    if (block->mapped && at_rest(device, block)) {
        memcpy(block->mapped + offset, src, (size_t)bytes);
        return STERNA_OK;
    }
    while (bytes > 0) {
        vulkan_batch *batch;
        status = staging_batch(device, &batch, fault);
        if (status != STERNA_OK) return status;
        uint64_t room = VULKAN_STAGING - batch->staged, now = bytes < room ? bytes : room;
        memcpy(batch->staging.mapped + batch->staged, from, (size_t)now);
        status = sterna_vulkan_to_device(device, &batch->staging, batch->staged, now, fault);
        if (status != STERNA_OK) return status;
        sterna_vulkan_copy(device, batch, &batch->staging, batch->staged, block, offset, now);
        /* Copies want aligned offsets on some devices. */
        uint64_t used = (batch->staged + now + 15) & ~15ull;
        batch->staged = used < VULKAN_STAGING ? used : VULKAN_STAGING;
        from += now;
        offset += now;
        bytes -= now;
    }
    return sterna_vulkan_check(device, fault);
}

sterna_status sterna_vulkan_download(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault)
{
    vulkan_device *device = gpu;
    vulkan_block *block;
    uint8_t *to = dst;
    sterna_status status = find_range(device, memory, offset, bytes, "download", &block, fault);
    if (status != STERNA_OK) return status;
    uint64_t at = offset;
    const vulkan_block *ready =
        block->mapped ? block : sterna_vulkan_ahead(device, memory, offset, bytes, &at);
    status = sterna_vulkan_finish(device, fault);
    if (status != STERNA_OK) return status;
    if (!block->mapped) sterna_vulkan_wish(device, memory, offset, bytes);
    if (ready) return sterna_vulkan_to_host(device, ready, at, dst, bytes, fault);
    while (bytes > 0) {
        vulkan_batch *batch;
        status = staging_batch(device, &batch, fault);
        if (status != STERNA_OK) return status;
        uint64_t now = bytes < VULKAN_STAGING ? bytes : VULKAN_STAGING;
        sterna_vulkan_copy(device, batch, block, offset, &batch->staging, 0, now);
        batch->staged = VULKAN_STAGING;
        status = sterna_vulkan_finish(device, fault);
        if (status == STERNA_OK) status = sterna_vulkan_to_host(device, &batch->staging, 0, to, now, fault);
        if (status != STERNA_OK) return status;
        to += now;
        offset += now;
        bytes -= now;
    }
    return STERNA_OK;
}
