/* Buffers and weights of the CPU backend: host memory behind handles, every range checked. */
#include "base/size.h"
#include "base/sys.h"
#include "cpu/cpu_device.h"
#include <inttypes.h>
#include <string.h>

/* Blocks of at least this size start at, and ask for, 2 MiB pages. */
static const uint64_t HUGE_BYTES = (uint64_t)2 << 20;

static void *allocate(sterna_device *device, uint64_t bytes)
{
    if (bytes > SIZE_MAX / 2) return NULL;
    bool huge = bytes >= HUGE_BYTES;
    void *memory =
        device->host->allocate(device->host->context, (size_t)bytes, huge ? (size_t)HUGE_BYTES : 64);
    if (memory && huge) sterna_sys_huge_pages(memory, (size_t)bytes);
    return memory;
}

static void release(sterna_device *device, void *memory)
{
    device->host->release(device->host->context, memory);
}

sterna_status sterna_cpu_buffer_create(sterna_device *device, uint64_t bytes, sterna_buffer **out,
                                       sterna_fault *fault)
{
    if (bytes == 0) return sterna_fail(fault, STERNA_USAGE, "cpu: a buffer of 0 bytes");
    sterna_buffer *buffer = allocate(device, sizeof *buffer);
    uint8_t *data = buffer ? allocate(device, bytes) : NULL;
    if (!data) {
        release(device, buffer);
        return sterna_fail(fault, STERNA_MEMORY, "cpu: no memory for a buffer of %" PRIu64 " bytes", bytes);
    }
    *buffer = (sterna_buffer){.device = device, .bytes = bytes, .data = data};
    sterna_cpu_link_add(&device->buffers, &buffer->link);
    *out = buffer;
    return STERNA_OK;
}

void sterna_cpu_buffer_destroy(sterna_device *device, sterna_buffer *buffer)
{
    if (!buffer) return;
    sterna_cpu_finish(device);
    sterna_cpu_plans_break(device, buffer);
    sterna_cpu_link_remove(&buffer->link);
    release(device, buffer->data);
    release(device, buffer);
}

static sterna_status check_range(const sterna_device *device, const sterna_buffer *buffer, const char *what,
                                 uint64_t offset, uint64_t bytes, sterna_fault *fault)
{
    uint64_t end;
    if (!buffer || buffer->device != device)
        return sterna_fail(fault, STERNA_USAGE, "cpu: %s: the buffer is not this device's", what);
    if (!sterna_add_u64(offset, bytes, &end) || end > buffer->bytes)
        return sterna_fail(fault, STERNA_USAGE,
                           "cpu: %s: %" PRIu64 " bytes at %" PRIu64 " reach beyond the buffer's %" PRIu64,
                           what, bytes, offset, buffer->bytes);
    return STERNA_OK;
}

sterna_status sterna_cpu_buffer_write(sterna_device *device, sterna_buffer *buffer, uint64_t offset,
                                      const void *src, uint64_t bytes, sterna_fault *fault)
{
    sterna_status status = check_range(device, buffer, "write", offset, bytes, fault);
    if (status != STERNA_OK || bytes == 0) return status;
    sterna_cpu_finish(device);
    memcpy(buffer->data + offset, src, (size_t)bytes);
    return STERNA_OK;
}

sterna_status sterna_cpu_buffer_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault)
{
    sterna_status status = check_range(device, buffer, "read", offset, bytes, fault);
    if (status != STERNA_OK || bytes == 0) return status;
    sterna_cpu_finish(device);
    memcpy(dst, buffer->data + offset, (size_t)bytes);
    return STERNA_OK;
}

/* Packing, shared out by panels. */
typedef struct packing {
    sterna_cpu_pack pack;
    const sterna_weight_view *view;
    uint8_t *out;
} packing;

static void pack_some(const void *context, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const packing *job = context;
    (void)flags;
    sterna_cpu_pack_panels(job->pack, job->view, job->out, begin, end);
}

/* Packed for the level's kernel, or the file's bytes: in place where they outlive the weight, else a copy. */
static sterna_status lay_out(sterna_device *device, const sterna_tensor *tensor, sterna_weight *weight,
                             sterna_fault *fault)
{
    sterna_weight_view *view = &weight->view;
    sterna_cpu_pack pack = sterna_cpu_pack_for(device->level, tensor->format, tensor->act);
    if (pack == STERNA_CPU_PACK_NONE && tensor->outlives) return STERNA_OK;
    uint64_t bytes = pack == STERNA_CPU_PACK_NONE ? sterna_sat_mul(view->rows, view->row_bytes)
                                                  : sterna_cpu_pack_bytes(pack, view);
    weight->owned = allocate(device, bytes);
    if (!weight->owned)
        return sterna_fail(fault, STERNA_MEMORY, "cpu: no memory for the %" PRIu64 " bytes of %s", bytes,
                           tensor->name ? tensor->name : "a weight");
    if (pack == STERNA_CPU_PACK_NONE) {
        memcpy(weight->owned, view->data, (size_t)bytes);
        view->data = weight->owned;
    } else {
        packing job = {pack, view, weight->owned};
        uint64_t panels = ((uint64_t)view->rows + STERNA_CPU_PANEL_ROWS - 1) / STERNA_CPU_PANEL_ROWS;
        (void)sterna_cpu_pool_run(device->pool, pack_some, &job, panels, 4);
        view->packed = weight->owned;
        view->data = NULL;
    }
    return STERNA_OK;
}

sterna_status sterna_cpu_weight_create(sterna_device *device, const sterna_tensor *given, sterna_weight **out,
                                       sterna_fault *fault)
{
    sterna_tensor tensor = {0};
    memcpy(&tensor, given, given->size < sizeof tensor ? given->size : sizeof tensor);
    sterna_weight *weight = allocate(device, sizeof *weight);
    if (!weight) return sterna_fail(fault, STERNA_MEMORY, "cpu: no memory for a weight");
    *weight = (sterna_weight){.device = device};
    uint64_t environment = sterna_cpu_float_enter();
    sterna_status status = sterna_weight_view_make(&tensor, &weight->view, fault);
    if (status == STERNA_OK) status = lay_out(device, &tensor, weight, fault);
    sterna_cpu_float_leave(environment);
    if (status != STERNA_OK) {
        release(device, weight);
        return status;
    }
    sterna_cpu_link_add(&device->weights, &weight->link);
    *out = weight;
    return STERNA_OK;
}

void sterna_cpu_weight_destroy(sterna_device *device, sterna_weight *weight)
{
    if (!weight) return;
    sterna_cpu_finish(device);
    sterna_cpu_plans_break(device, weight);
    sterna_cpu_link_remove(&weight->link);
    release(device, weight->owned);
    release(device, weight);
}
