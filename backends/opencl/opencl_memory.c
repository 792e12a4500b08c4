/* Memory objects behind handles, and copies. Copies block, but only once the queue is known to be empty: a call
 * that waits inside a driver cannot be given up. */
#include "base/size.h"
#include "opencl/opencl_driver.h"
#include <inttypes.h>
#include <string.h>

/* A kernel gets the begin of a range as a 32-bit word index. */
static const uint64_t LARGEST_BLOCK = 16ull << 30;

static bool grow(opencl_gpu *gpu)
{
    uint32_t more = gpu->n_blocks ? gpu->n_blocks * 2 : 64;
    if (more > 1u << 24) return false;
    opencl_block *blocks = gpu->host->allocate(gpu->host->context, more * sizeof *blocks, 64);
    if (!blocks) return false;
    memset(blocks, 0, more * sizeof *blocks);
    if (gpu->blocks) memcpy(blocks, gpu->blocks, gpu->n_blocks * sizeof *blocks);
    gpu->host->release(gpu->host->context, gpu->blocks);
    gpu->blocks = blocks;
    gpu->n_blocks = more;
    return true;
}

static opencl_block *find(const opencl_gpu *gpu, sterna_gpu_memory memory)
{
    uint32_t place = (uint32_t)memory - 1, generation = (uint32_t)(memory >> 32);
    if (memory == 0 || place >= gpu->n_blocks) return NULL;
    opencl_block *block = &gpu->blocks[place];
    return block->memory && block->generation == generation ? block : NULL;
}

cl_mem sterna_opencl_memory(const opencl_gpu *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes)
{
    const opencl_block *block = find(gpu, memory);
    return block && offset <= block->bytes && bytes <= block->bytes - offset ? block->memory : NULL;
}

sterna_status sterna_opencl_alloc(opencl_gpu *gpu, uint64_t bytes, sterna_gpu_memory *memory,
                                  sterna_fault *fault)
{
    uint64_t limit = gpu->settings.memory, largest = gpu->device.limits.max_binding_bytes;
    uint32_t place = 0;
    cl_int error = CL_SUCCESS;
    sterna_status status = sterna_opencl_alive(gpu, fault);
    if (status != STERNA_OK) return status;
    if (limit && bytes > limit - gpu->allocated)
        return sterna_fail(fault, STERNA_MEMORY,
                           "opencl: %" PRIu64 " of %" PRIu64 " bytes are in use (memory=)", gpu->allocated,
                           limit);
    if (bytes > LARGEST_BLOCK || (largest && bytes > largest))
        return sterna_fail(fault, STERNA_MEMORY,
                           "opencl: one allocation has at most %" PRIu64 " bytes on this device",
                           largest && largest < LARGEST_BLOCK ? largest : LARGEST_BLOCK);
    while (place < gpu->n_blocks && gpu->blocks[place].memory) place++;
    if (place == gpu->n_blocks && !grow(gpu))
        return sterna_fail(fault, STERNA_MEMORY, "opencl: out of host memory");
    cl_mem made = gpu->cl->clCreateBuffer(gpu->context, CL_MEM_READ_WRITE, (size_t)bytes, NULL, &error);
    if (error != CL_SUCCESS || !made)
        return sterna_opencl_fail(fault, error != CL_SUCCESS ? error : CL_MEM_OBJECT_ALLOCATION_FAILURE,
                                  "the driver refused %" PRIu64 " bytes", bytes);
    gpu->blocks[place] = (opencl_block){made, bytes, ++gpu->next_generation};
    gpu->allocated += bytes;
    *memory = (uint64_t)gpu->next_generation << 32 | (place + 1);
    return STERNA_OK;
}

/* Queued commands keep a memory object alive (specification, section 5.4.1). */
static void release(opencl_gpu *gpu, opencl_block *block)
{
    if (!gpu->hung) gpu->cl->clReleaseMemObject(block->memory);
    gpu->allocated -= block->bytes;
    block->memory = NULL;
}

void sterna_opencl_free(opencl_gpu *gpu, sterna_gpu_memory memory)
{
    opencl_block *block = find(gpu, memory);
    if (block) release(gpu, block);
}

void sterna_opencl_free_all(opencl_gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->n_blocks; i++)
        if (gpu->blocks[i].memory) release(gpu, &gpu->blocks[i]);
    gpu->host->release(gpu->host->context, gpu->blocks);
    gpu->blocks = NULL;
    gpu->n_blocks = 0;
}

static sterna_status gone(sterna_fault *fault, const char *what)
{
    return sterna_fail(fault, STERNA_DEVICE, "opencl: %s memory that was freed, or beyond its end", what);
}

sterna_status sterna_opencl_upload(opencl_gpu *gpu, sterna_gpu_memory memory, uint64_t offset,
                                   const void *src, uint64_t bytes, sterna_fault *fault)
{
    cl_mem object = sterna_opencl_memory(gpu, memory, offset, bytes);
    sterna_status status = sterna_opencl_drain(gpu, fault);
    if (status != STERNA_OK || bytes == 0) return status;
    if (!object) return gone(fault, "writing to");
    cl_int error = gpu->cl->clEnqueueWriteBuffer(gpu->queue, object, CL_TRUE, (size_t)offset, (size_t)bytes,
                                                 src, 0, NULL, NULL);
    return error == CL_SUCCESS
               ? STERNA_OK
               : sterna_opencl_fail(fault, error, "writing %" PRIu64 " bytes to the device", bytes);
}

sterna_status sterna_opencl_download(opencl_gpu *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault)
{
    cl_mem object = sterna_opencl_memory(gpu, memory, offset, bytes);
    sterna_status status = sterna_opencl_drain(gpu, fault);
    if (status != STERNA_OK || bytes == 0) return status;
    if (!object) return gone(fault, "reading");
    cl_int error = gpu->cl->clEnqueueReadBuffer(gpu->queue, object, CL_TRUE, (size_t)offset, (size_t)bytes,
                                                dst, 0, NULL, NULL);
    return error == CL_SUCCESS
               ? STERNA_OK
               : sterna_opencl_fail(fault, error, "reading %" PRIu64 " bytes from the device", bytes);
}

sterna_status sterna_opencl_clear(opencl_gpu *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                  sterna_fault *fault)
{
    static const uint32_t zero = 0;
    cl_mem object = sterna_opencl_memory(gpu, memory, offset, bytes);
    sterna_status status = sterna_opencl_alive(gpu, fault);
    if (status != STERNA_OK || bytes == 0) return status;
    if (!object) return gone(fault, "clearing");
    if (!sterna_opencl_have_room(gpu)) return sterna_fail(fault, STERNA_MEMORY, "opencl: out of host memory");
    cl_event event = NULL;
    cl_int error = gpu->cl->clEnqueueFillBuffer(gpu->queue, object, &zero, sizeof zero, (size_t)offset,
                                                (size_t)bytes, 0, NULL, &event);
    if (error != CL_SUCCESS) return sterna_opencl_fail(fault, error, "clearing %" PRIu64 " bytes", bytes);
    sterna_opencl_note(gpu, (opencl_pending){.event = event});
    return STERNA_OK;
}
