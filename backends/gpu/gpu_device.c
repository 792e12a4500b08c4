/* Devices and buffers of the GPU host; what it supports and which kernels ran. */
#include "base/signals.h"
#include "gpu/gpu_private.h"
#include <inttypes.h>
#include <stdio.h>

static void empty_list(gpu_link *head)
{
    head->next = head->previous = head;
}

sterna_status sterna_gpu_open(const sterna_gpu_driver *driver, const sterna_host *host,
                              const sterna_open_params *params, sterna_device **out, sterna_fault *fault)
{
    if (!host || !params || host->abi_version != STERNA_ABI_VERSION)
        return sterna_fail(fault, STERNA_USAGE, "%s the host speaks another version of the ABI",
                           driver->prefix);
    if (params->profile != STERNA_PROFILE_EXACT && params->profile != STERNA_PROFILE_FAST)
        return sterna_fail(fault, STERNA_USAGE, "%s unknown profile %d", driver->prefix,
                           (int)params->profile);
    sterna_device *device = host->allocate(host->context, sizeof *device, 64);
    if (!device) return sterna_fail(fault, STERNA_MEMORY, "%s out of host memory", driver->prefix);
    memset(device, 0, sizeof *device);
    device->driver = driver;
    device->host = host;
    device->next_fence = 1;
    empty_list(&device->buffers);
    empty_list(&device->weights);
    empty_list(&device->plans);
    empty_list(&device->submissions);
    sterna_signals_keep(); /* LLVM inside a driver would take them */
    sterna_status status =
        driver->open(host, params->variant ? params->variant : "", &device->gpu, &device->limits, fault);
    sterna_signals_restore();
    if (status != STERNA_OK) {
        host->release(host->context, device);
        return status;
    }
    device->verify_upload =
        params->size >= offsetof(sterna_open_params, verify_upload) + sizeof params->verify_upload &&
        params->verify_upload;
    uint64_t limit = device->limits.max_binding_bytes;
    device->max_binding = limit && limit < STERNA_GPU_LARGEST_BINDING ? limit : STERNA_GPU_LARGEST_BINDING;
    sterna_gpu_pool_init(&device->pool, driver, device->gpu, host, &device->limits);
    status = sterna_gpu_pool_probe(device, fault);
    if (status == STERNA_OK) status = sterna_gpu_verify_features(device, fault);
    if (status != STERNA_OK) {
        driver->close(device->gpu);
        host->release(host->context, device);
        return status;
    }
    *out = device;
    return STERNA_OK;
}

/* Plans first: they wait for submissions. Then what the plans pointed to. */
void sterna_gpu_close(sterna_device *device)
{
    if (!device) return;
    while (device->plans.next != &device->plans)
        sterna_gpu_plan_destroy(device, (sterna_plan *)device->plans.next);
    while (device->submissions.next != &device->submissions) {
        gpu_link *link = device->submissions.next;
        sterna_gpu_link_out(link);
        sterna_gpu_host_free(device, link);
    }
    while (device->weights.next != &device->weights)
        sterna_gpu_weight_destroy(device, (sterna_weight *)device->weights.next);
    while (device->buffers.next != &device->buffers)
        sterna_gpu_buffer_destroy(device, (sterna_buffer *)device->buffers.next);
    device->driver->close(device->gpu);
    sterna_gpu_host_free(device, device->words);
    sterna_gpu_host_free(device, device->front);
    sterna_gpu_host_free(device, device);
}

sterna_status sterna_gpu_info(sterna_device *device, sterna_device_info *info)
{
    const sterna_gpu_limits *limits = &device->limits;
    sterna_device_info full = {.size = info->size,
                               .usable = 1,
                               .is_mock = limits->is_mock,
                               .subgroup = limits->subgroup,
                               .memory_bytes = limits->memory_bytes,
                               .max_binding_bytes = device->max_binding,
                               .buffer_alignment = limits->alignment,
                               .kind = limits->kind};
    snprintf(full.variant, sizeof full.variant, "%s", limits->variant);
    snprintf(full.driver, sizeof full.driver, "%s", limits->driver);
    snprintf(full.why, sizeof full.why, "%s", device->lacks);
    snprintf(full.description, sizeof full.description, "%.110s%s", limits->description,
             device->pool.largest && !device->reads_inside ? "; reads back from whole allocations only" : "");
    memcpy(info, &full, info->size < sizeof full ? info->size : sizeof full);
    return STERNA_OK;
}

int sterna_gpu_supports(sterna_device *device, const char *name, uint32_t format, sterna_act act)
{
    sterna_op op;
    uint32_t rows[STERNA_GPU_KERNELS];
    if (!name || !sterna_op_find(name, &op)) return 0;
    const sterna_op_info *info = sterna_op_get(op);
    bool weighted = false;
    for (uint32_t i = 0; i < info->n_params; i++) weighted |= info->params[i].kind == STERNA_PARAM_WEIGHT;
    if (!weighted) return sterna_gpu_kernels_for(op, NULL, &device->limits, rows) > 0;
    if (!sterna_op_takes(op, format, act)) return 0;
    /* Which scales a ternary tensor has is known when it is created: both kinds must run. */
    sterna_weight_view view = {.format = sterna_format_find(format), .act = act, .uniform = 1};
    if (sterna_gpu_kernels_for(op, &view, &device->limits, rows) == 0) return 0;
    view.uniform = 0;
    return sterna_gpu_kernels_for(op, &view, &device->limits, rows) > 0;
}

sterna_status sterna_gpu_buffer_create(sterna_device *device, uint64_t bytes, sterna_buffer **out,
                                       sterna_fault *fault)
{
    sterna_buffer *buffer = sterna_gpu_host_alloc(device, 1, sizeof *buffer);
    if (!buffer) return sterna_fail(fault, STERNA_MEMORY, "buffer: out of host memory");
    buffer->bytes = bytes;
    sterna_status status = sterna_gpu_take(device, bytes, GPU_READ_BACK, "buffer", &buffer->place, fault);
    if (status != STERNA_OK) {
        sterna_gpu_host_free(device, buffer);
        return status;
    }
    sterna_gpu_link_in(&device->buffers, &buffer->link);
    *out = buffer;
    return STERNA_OK;
}

void sterna_gpu_buffer_destroy(sterna_device *device, sterna_buffer *buffer)
{
    if (!buffer) return;
    sterna_gpu_link_out(&buffer->link);
    sterna_gpu_give(device, &buffer->place);
    sterna_gpu_host_free(device, buffer);
}

static sterna_status check_range(const sterna_buffer *buffer, uint64_t offset, uint64_t bytes,
                                 const char *what, sterna_fault *fault)
{
    uint64_t end;
    if (buffer && sterna_add_u64(offset, bytes, &end) && end <= buffer->bytes) return STERNA_OK;
    return sterna_fail(fault, STERNA_USAGE,
                       "buffer %s: %" PRIu64 " bytes at %" PRIu64 ", the buffer has %" PRIu64, what, bytes,
                       offset, buffer ? buffer->bytes : 0);
}

sterna_status sterna_gpu_buffer_write(sterna_device *device, sterna_buffer *buffer, uint64_t offset,
                                      const void *src, uint64_t bytes, sterna_fault *fault)
{
    sterna_status status = check_range(buffer, offset, bytes, "write", fault);
    if (status != STERNA_OK || bytes == 0) return status;
    return sterna_gpu_upload(device, buffer->place.memory, buffer->place.offset + offset, src, bytes,
                             "buffer write", fault);
}

sterna_status sterna_gpu_buffer_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault)
{
    sterna_status status = check_range(buffer, offset, bytes, "read", fault);
    if (status != STERNA_OK || bytes == 0) return status;
    return sterna_gpu_download(device, buffer->place.memory, buffer->place.offset + offset, dst, bytes,
                               "buffer read", fault);
}

/* The name of a kernel that ran on a mock begins with "mock:", whichever driver it ran through. */
uint32_t sterna_gpu_kernels_used(sterna_device *device, sterna_kernel_use *uses, uint32_t capacity)
{
    const char *prefix = device->driver->prefix;
    const char *mark = device->limits.is_mock && strncmp(prefix, "mock:", 5) != 0 ? "mock:" : "";
    uint32_t count = 0;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        if (device->kernels[i].launches == 0) continue;
        if (count < capacity) {
            sterna_kernel_use *use = &uses[count];
            *use = (sterna_kernel_use){
                .size = sizeof *use, .launches = device->kernels[i].launches, .has_hash = 1};
            snprintf(use->name, sizeof use->name, "%s%s%s", mark, prefix, sterna_gpu_kernel_row_at(i)->id);
            memcpy(use->code_hash, device->kernels[i].hash, sizeof use->code_hash);
        }
        count++;
    }
    return count;
}
