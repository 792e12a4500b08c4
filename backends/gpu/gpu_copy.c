/* Copies to and from the device, and the proof that they arrived. Owns: comparing what a driver was given with what
 * it gives back. Leaves to others: what is copied (gpu_weight.c, gpu_device.c, gpu_submit.c). */
#include "gpu/gpu_private.h"
#include <inttypes.h>

enum { CHUNK = 1 << 20 };

/* Drivers are known that give something else when a read begins inside an allocation. */
static sterna_status fetch(sterna_device *device, sterna_gpu_memory memory, uint64_t offset, void *dst,
                           uint64_t bytes, sterna_fault *fault)
{
    uint64_t end;
    if (offset == 0 || device->reads_inside)
        return device->driver->download(device->gpu, memory, offset, dst, bytes, fault);
    if (!sterna_add_u64(offset, bytes, &end)) end = UINT64_MAX;
    if (end > device->n_front) {
        uint8_t *front = sterna_gpu_host_alloc(device, end, 1);
        if (!front)
            return sterna_fail(fault, STERNA_MEMORY, "out of host memory to read %" PRIu64 " bytes", end);
        sterna_gpu_host_free(device, device->front);
        device->front = front;
        device->n_front = end;
    }
    sterna_status status = device->driver->download(device->gpu, memory, 0, device->front, end, fault);
    if (status == STERNA_OK) memcpy(dst, device->front + offset, (size_t)bytes);
    return status;
}

/* Reads the range again and compares; `claim` says what it should be equal to. */
static sterna_status read_again(sterna_device *device, sterna_gpu_memory memory, uint64_t offset,
                                const uint8_t *want, uint64_t bytes, const char *what, const char *claim,
                                sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    uint8_t *got = sterna_gpu_host_alloc(device, bytes < CHUNK ? bytes : CHUNK, 1);
    if (!got) return sterna_fail(fault, STERNA_MEMORY, "%s: out of host memory to verify a copy", what);
    for (uint64_t at = 0; at < bytes && status == STERNA_OK; at += CHUNK) {
        uint64_t n = bytes - at < CHUNK ? bytes - at : CHUNK, different = 0, first = 0;
        status = fetch(device, memory, offset + at, got, n, fault);
        if (status != STERNA_OK || memcmp(got, want + at, (size_t)n) == 0) continue;
        for (uint64_t i = 0; i < n; i++)
            if (got[i] != want[at + i] && different++ == 0) first = i;
        status = sterna_fail(fault, STERNA_DEVICE,
                             "%s: the device's copy is not what %s: byte %" PRIu64 " of %" PRIu64
                             " is 0x%02x, not 0x%02x, and %" PRIu64 " of %" PRIu64
                             " bytes differ (verify-upload); this device or its driver is not to be trusted",
                             what, claim, at + first, bytes, got[first], want[at + first], different, n);
    }
    sterna_gpu_host_free(device, got);
    return status;
}

sterna_status sterna_gpu_upload(sterna_device *device, sterna_gpu_memory memory, uint64_t offset,
                                const void *src, uint64_t bytes, const char *what, sterna_fault *fault)
{
    sterna_status status = device->driver->upload(device->gpu, memory, offset, src, bytes, fault);
    if (status != STERNA_OK || !device->verify_upload) return status;
    return read_again(device, memory, offset, src, bytes, what, "was sent", fault);
}

sterna_status sterna_gpu_download(sterna_device *device, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                  uint64_t bytes, const char *what, sterna_fault *fault)
{
    sterna_status status = fetch(device, memory, offset, dst, bytes, fault);
    if (status != STERNA_OK || !device->verify_upload) return status;
    return read_again(device, memory, offset, dst, bytes, what, "it gave a moment ago", fault);
}
