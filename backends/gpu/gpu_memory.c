/* Sizes of device allocations, host memory through the lender, and the lists handles stand in. */
#include "gpu/gpu_private.h"
#include <inttypes.h>

enum { PAGE = 4096 };

void sterna_gpu_link_in(gpu_link *head, gpu_link *link)
{
    link->next = head->next;
    link->previous = head;
    head->next->previous = link;
    head->next = link;
}

void sterna_gpu_link_out(gpu_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
}

void *sterna_gpu_host_alloc(sterna_device *device, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    if (!sterna_mul_u64(count, size, &bytes) || bytes > PTRDIFF_MAX) return NULL;
    void *memory = device->host->allocate(device->host->context, (size_t)bytes, 64);
    if (memory) memset(memory, 0, (size_t)bytes);
    return memory;
}

void sterna_gpu_host_free(sterna_device *device, void *memory)
{
    device->host->release(device->host->context, memory);
}

/* Whole pages of 4 KiB: every API's alignment of allocations is a divisor. */
sterna_status sterna_gpu_alloc(sterna_device *device, uint64_t bytes, const char *what,
                               sterna_gpu_memory *memory, sterna_fault *fault)
{
    uint64_t size;
    if (!sterna_align_u64(bytes ? bytes : 1, PAGE, &size))
        return sterna_fail(fault, STERNA_MEMORY, "%s: %" PRIu64 " bytes are too many", what, bytes);
    sterna_fault why = {0};
    sterna_status status = device->driver->alloc(device->gpu, size, memory, &why);
    if (status != STERNA_OK)
        return sterna_fail(fault, status, "%s, %" PRIu64 " bytes: %s", what, bytes, why.text);
    return STERNA_OK;
}
