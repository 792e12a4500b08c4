/* Device memory by handles; copies through page-locked chunks. */
#include "gpu/stream/stream_private.h"

/* A free entry of the table. */
static sterna_status free_entry(stream_device *device, uint32_t *index, sterna_fault *fault)
{
    for (uint32_t i = 0; i < device->n_memory; i++)
        if (!device->memory[i].address) {
            *index = i;
            return STERNA_OK;
        }
    if (device->n_memory == device->memory_capacity) {
        uint32_t capacity = device->memory_capacity ? device->memory_capacity * 2 : 64;
        const sterna_host *host = device->host;
        stream_memory *table = host->allocate(host->context, capacity * sizeof *table, 64);
        if (!table) return sterna_fail(fault, STERNA_MEMORY, "%s: out of host memory", device->family->name);
        memset(table, 0, capacity * sizeof *table);
        if (device->n_memory) memcpy(table, device->memory, device->n_memory * sizeof *table);
        host->release(host->context, device->memory);
        device->memory = table;
        device->memory_capacity = capacity;
    }
    *index = device->n_memory++;
    return STERNA_OK;
}

static stream_memory *entry_of(stream_device *device, sterna_gpu_memory memory)
{
    uint32_t index = (uint32_t)memory - 1;
    if ((uint32_t)memory == 0 || index >= device->n_memory) return NULL;
    stream_memory *entry = &device->memory[index];
    return entry->address && entry->generation == (uint32_t)(memory >> 32) ? entry : NULL;
}

sterna_status sterna_stream_address(stream_device *device, sterna_gpu_memory memory, uint64_t offset,
                                    uint64_t bytes, uint64_t *address, sterna_fault *fault)
{
    const stream_memory *entry = entry_of(device, memory);
    uint64_t end;
    if (!entry)
        return sterna_fail(fault, STERNA_DEVICE, "%s: the memory was freed, or never allocated",
                           device->family->name);
    if (!sterna_add_u64(offset, bytes, &end) || end > entry->bytes)
        return sterna_fail(fault, STERNA_DEVICE,
                           "%s: %" PRIu64 " bytes at %" PRIu64 " of an allocation of %" PRIu64,
                           device->family->name, bytes, offset, entry->bytes);
    *address = entry->address + offset;
    return STERNA_OK;
}

sterna_status sterna_stream_alloc(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault)
{
    stream_device *device = gpu;
    uint32_t index = 0;
    uint64_t address = 0;
    sterna_status status = sterna_stream_enter(device, fault);
    if (status == STERNA_OK) status = free_entry(device, &index, fault);
    if (status != STERNA_OK) return status;
    int error = device->api->memory_alloc(&address, bytes);
    if (error != STREAM_OK) return sterna_stream_failed(device, error, "the allocation is refused", fault);
    if (!address)
        return sterna_fail(fault, STERNA_DEVICE, "%s: the driver reported success and gave no memory",
                           device->family->name);
    stream_memory *entry = &device->memory[index];
    entry->address = address;
    entry->bytes = bytes;
    entry->generation++;
    device->memory_used += bytes;
    *memory = (uint64_t)entry->generation << 32 | (index + 1);
    return STERNA_OK;
}

void sterna_stream_free(void *gpu, sterna_gpu_memory memory)
{
    stream_device *device = gpu;
    stream_memory *entry = entry_of(device, memory);
    sterna_fault fault = {0};
    if (!entry) {
        sterna_stream_lose(device, "memory was freed twice, or never allocated");
        return;
    }
    if (sterna_stream_enter(device, &fault) == STERNA_OK) sterna_stream_idle(device, "free", &fault);
    if (!device->silent) {
        if (device->lost) (void)sterna_stream_make_current(device);
        int error = device->api->memory_free(entry->address);
        if (error != STREAM_OK) sterna_stream_failed(device, error, "freeing memory failed", &fault);
    }
    device->memory_used -= entry->bytes;
    entry->address = 0;
}

uint32_t sterna_stream_memory_end(stream_device *device)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < device->n_memory; i++) {
        if (!device->memory[i].address) continue;
        if (!device->silent) device->api->memory_free(device->memory[i].address);
        device->memory[i].address = 0;
        count++;
    }
    return count;
}

/* Room for `bytes` (at most STAGING_BYTES) in the current chunk, or in the next one once its copies are done. */
static sterna_status staging(stream_device *device, uint64_t bytes, uint8_t **at, sterna_fault *fault)
{
    if (device->chunk_used + bytes > STAGING_BYTES) {
        uint32_t full = device->chunk, next = (full + 1) % STAGING_CHUNKS;
        int error = device->api->event_record(device->chunk_events[full], device->stream);
        if (error != STREAM_OK) return sterna_stream_failed(device, error, "an upload failed", fault);
        device->chunk_busy[full] = true;
        if (device->chunk_busy[next]) {
            sterna_status status =
                sterna_stream_wait_event(device, device->chunk_events[next], "an upload", fault);
            if (status != STERNA_OK) return status;
        }
        device->chunk = next;
        device->chunk_busy[next] = false;
        device->chunk_used = 0;
    }
    *at = device->staging + (size_t)device->chunk * STAGING_BYTES + device->chunk_used;
    device->chunk_used += (uint32_t)((bytes + 63) & ~63ull); /* whole lines */
    return STERNA_OK;
}

static uint64_t piece(uint64_t bytes)
{
    return bytes < STAGING_BYTES ? bytes : STAGING_BYTES;
}

sterna_status sterna_stream_upload(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                                   uint64_t bytes, sterna_fault *fault)
{
    stream_device *device = gpu;
    uint64_t address = 0;
    sterna_status status = sterna_stream_enter(device, fault);
    if (status == STERNA_OK) status = sterna_stream_address(device, memory, offset, bytes, &address, fault);
    if (status == STERNA_OK) status = sterna_stream_list_end(device, fault);
    for (uint64_t done = 0; done < bytes && status == STERNA_OK;) {
        uint64_t part = piece(bytes - done);
        uint8_t *at = NULL;
        status = staging(device, part, &at, fault);
        if (status != STERNA_OK) break;
        memcpy(at, (const uint8_t *)src + done, (size_t)part);
        device->busy = true;
        int error = device->api->copy_to_device(address + done, at, (size_t)part, device->stream);
        if (error != STREAM_OK) status = sterna_stream_failed(device, error, "an upload failed", fault);
        done += part;
    }
    return status;
}

sterna_status sterna_stream_download(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault)
{
    stream_device *device = gpu;
    uint64_t address = 0;
    uint8_t *landing = device->staging + (size_t)STAGING_CHUNKS * STAGING_BYTES;
    sterna_status status = sterna_stream_enter(device, fault);
    if (status == STERNA_OK) status = sterna_stream_address(device, memory, offset, bytes, &address, fault);
    if (status == STERNA_OK) status = sterna_stream_list_end(device, fault);
    for (uint64_t done = 0; done < bytes && status == STERNA_OK;) {
        uint64_t part = piece(bytes - done);
        device->busy = true;
        int error = device->api->copy_to_host(landing, address + done, (size_t)part, device->stream);
        status = error == STREAM_OK ? sterna_stream_idle(device, "a download", fault)
                                    : sterna_stream_failed(device, error, "a download failed", fault);
        if (status == STERNA_OK) memcpy((uint8_t *)dst + done, landing, (size_t)part);
        done += part;
    }
    return status;
}

sterna_status sterna_stream_clear(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                  sterna_fault *fault)
{
    stream_device *device = gpu;
    uint64_t address = 0;
    sterna_status status = sterna_stream_enter(device, fault);
    if (status == STERNA_OK) status = sterna_stream_address(device, memory, offset, bytes, &address, fault);
    if (status == STERNA_OK) status = sterna_stream_list_end(device, fault);
    if (status != STERNA_OK || bytes == 0) return status;
    device->busy = true;
    int error = device->api->fill_words(address, 0, (size_t)(bytes / 4), device->stream);
    return error == STREAM_OK ? STERNA_OK
                              : sterna_stream_failed(device, error, "clearing memory failed", fault);
}
