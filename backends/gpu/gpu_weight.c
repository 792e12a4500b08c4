/* Weights: checked, laid out for the device, cut into parts where one binding cannot span them, uploaded. */
#include "gpu/gpu_layout.h"
#include "gpu/gpu_private.h"
#include <inttypes.h>

/* Rows are laid out in host memory of about this size, then uploaded. */
#if STERNA_HOSTILE
enum { STAGING_BYTES = 1 }; /* row by row */
#else
enum { STAGING_BYTES = 1 << 20 };
#endif

static sterna_status no_memory(const sterna_tensor *tensor, sterna_fault *fault)
{
    return sterna_fail(fault, STERNA_MEMORY, "%s: out of host memory",
                       tensor->name ? tensor->name : "weight");
}

static sterna_status upload_part(sterna_device *device, const sterna_weight *weight,
                                 const sterna_tensor *tensor, const gpu_part *part, uint8_t *staging,
                                 uint32_t rows_staged, sterna_fault *fault)
{
    uint64_t stride = (uint64_t)weight->stride * 4;
    for (uint32_t done = 0; done < part->count;) {
        uint32_t rows = part->count - done < rows_staged ? part->count - done : rows_staged;
        for (uint32_t r = 0; r < rows; r++)
            sterna_gpu_pack_row(weight->view.format, weight->view.cols,
                                (const uint8_t *)tensor->data +
                                    (uint64_t)(part->first + done + r) * tensor->row_bytes,
                                staging + r * stride);
        sterna_status status =
            sterna_gpu_upload(device, part->place.memory, part->place.offset + done * stride, staging,
                              rows * stride, tensor->name ? tensor->name : "weight", fault);
        if (status != STERNA_OK) return status;
        done += rows;
    }
    return STERNA_OK;
}

static sterna_status fill_parts(sterna_device *device, sterna_weight *weight, const sterna_tensor *tensor,
                                uint32_t rows_per_part, sterna_fault *fault)
{
    uint64_t stride = (uint64_t)weight->stride * 4;
    uint32_t rows_staged = (uint32_t)(STAGING_BYTES / stride ? STAGING_BYTES / stride : 1);
    if (rows_staged > rows_per_part) rows_staged = rows_per_part;
    uint8_t *staging = sterna_gpu_host_alloc(device, rows_staged, stride);
    if (!staging) return no_memory(tensor, fault);
    /* A copy that is verified is read back. */
    gpu_use use = device->verify_upload ? GPU_READ_BACK : GPU_STAYS;
    sterna_status status = STERNA_OK;
    for (uint32_t p = 0; p < weight->n_parts && status == STERNA_OK; p++) {
        gpu_part *part = &weight->parts[p];
        part->first = p * rows_per_part;
        part->count =
            weight->view.rows - part->first < rows_per_part ? weight->view.rows - part->first : rows_per_part;
        part->bytes = part->count * stride;
        status = sterna_gpu_take(device, part->bytes, use, tensor->name ? tensor->name : "weight",
                                 &part->place, fault);
        if (status == STERNA_OK)
            status = upload_part(device, weight, tensor, part, staging, rows_staged, fault);
    }
    sterna_gpu_host_free(device, staging);
    return status;
}

static void release(sterna_device *device, sterna_weight *weight)
{
    for (uint32_t p = 0; weight->parts && p < weight->n_parts; p++)
        sterna_gpu_give(device, &weight->parts[p].place);
    sterna_gpu_host_free(device, weight->parts);
    sterna_gpu_host_free(device, weight);
}

sterna_status sterna_gpu_weight_create(sterna_device *device, const sterna_tensor *tensor,
                                       sterna_weight **out, sterna_fault *fault)
{
    sterna_weight_view view;
    uint32_t stride;
    const char *name = tensor->name ? tensor->name : "weight";
    sterna_status status = sterna_weight_view_make(tensor, &view, fault);
    if (status != STERNA_OK) return status;
    uint32_t rows_per_part, n_parts;
    if (!sterna_gpu_row_words(view.format, view.cols, &stride) ||
        !sterna_gpu_split_rows(device->max_binding, stride, view.rows, &rows_per_part, &n_parts))
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "%s: one row of %" PRIu64 " bytes exceeds the %" PRIu64
                           " bytes this device can bind, and rows are not split",
                           name, tensor->row_bytes, device->max_binding);
    sterna_weight *weight = sterna_gpu_host_alloc(device, 1, sizeof *weight);
    if (!weight) return no_memory(tensor, fault);
    view.data = NULL;
    weight->view = view;
    weight->stride = stride;
    weight->n_parts = n_parts;
    weight->parts = sterna_gpu_host_alloc(device, weight->n_parts, sizeof *weight->parts);
    status =
        weight->parts ? fill_parts(device, weight, tensor, rows_per_part, fault) : no_memory(tensor, fault);
    if (status != STERNA_OK) {
        release(device, weight);
        return status;
    }
    sterna_gpu_link_in(&device->weights, &weight->link);
    *out = weight;
    return STERNA_OK;
}

void sterna_gpu_weight_destroy(sterna_device *device, sterna_weight *weight)
{
    if (!weight) return;
    sterna_gpu_link_out(&weight->link);
    release(device, weight);
}
