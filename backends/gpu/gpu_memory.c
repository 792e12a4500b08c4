/* Which device memory is pooled, host memory through the lender, and the lists handles stand in. */
#include "gpu/gpu_private.h"

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

sterna_status sterna_gpu_take(sterna_device *device, uint64_t bytes, gpu_use use, const char *what,
                              gpu_place *place, sterna_fault *fault)
{
    bool alone = use == GPU_READ_BACK && !device->reads_inside;
    return sterna_gpu_pool_take(&device->pool, bytes, alone, what, place, fault);
}

void sterna_gpu_give(sterna_device *device, gpu_place *place)
{
    sterna_gpu_pool_give(&device->pool, place);
}
