/* From a tensor of the ABI to the view that kernels get; which weights an operation takes. */
#include "base/size.h"
#include "catalogue/catalogue.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Smallest normal binary32; scales below it count as +0 in dot products (docs/numerics.md section 1). */
static const float SMALLEST_NORMAL = 0x1p-126f;

static bool is_float_format(uint32_t id)
{
    return id == STERNA_FORMAT_F32 || id == STERNA_FORMAT_F16 || id == STERNA_FORMAT_BF16;
}

static bool act_suits(const sterna_format *format, sterna_act act)
{
    switch (act) {
    case STERNA_ACT_F32:
        return true; /* a float matrix, or any format as an embedding table */
    case STERNA_ACT_TOKEN:
        return format->id == STERNA_FORMAT_TQ2_0;
    case STERNA_ACT_BLOCK32:
    case STERNA_ACT_BLOCK256:
        return format->act == act;
    }
    return false;
}

static void find_uniform_scale(sterna_weight_view *view)
{
    uint64_t blocks = (uint64_t)view->rows * (view->cols / view->format->values);
    sterna_block first, block;
    view->format->decode(view->data, &first);
    view->uniform = 1;
    for (uint64_t i = 1; i < blocks && view->uniform; i++) {
        view->format->decode(view->data + i * view->format->bytes, &block);
        view->uniform = memcmp(&block.d, &first.d, sizeof block.d) == 0;
    }
    view->scale = !view->uniform || fabsf(first.d) < SMALLEST_NORMAL ? 0.0f : first.d;
}

sterna_status sterna_weight_view_make(const sterna_tensor *tensor, sterna_weight_view *view,
                                      sterna_fault *fault)
{
    const char *name = tensor->name ? tensor->name : "(unnamed tensor)";
    const sterna_format *format = sterna_format_find(tensor->format);
    uint64_t row_bytes;
    if (!format || !format->unpack)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: no kernel computes with tensor type %u (%s)", name,
                           tensor->format, format ? format->name : "unknown");
    if (!tensor->data || !tensor->rows || !tensor->cols)
        return sterna_fail(fault, STERNA_USAGE, "%s: an empty matrix (%u x %u)", name, tensor->rows,
                           tensor->cols);
    if (!sterna_format_row_bytes(format, tensor->cols, &row_bytes) || row_bytes != tensor->row_bytes)
        return sterna_fail(fault, STERNA_USAGE, "%s: rows of %" PRIu64 " bytes do not hold %u values of %s",
                           name, tensor->row_bytes, tensor->cols, format->name);
    if (!act_suits(format, tensor->act))
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: %s weights do not meet activations of kind %d",
                           name, format->name, (int)tensor->act);
    uint64_t blocks = (uint64_t)tensor->rows * (tensor->cols / format->values);
    uint64_t bad = format->validate ? format->validate(tensor->data, blocks) : blocks;
    if (bad != blocks)
        return sterna_fail(fault, STERNA_FILE, "%s: block %" PRIu64 " of %" PRIu64 " holds NaN or infinity",
                           name, bad, blocks);
    *view = (sterna_weight_view){.format = format,
                                 .act = tensor->act,
                                 .rows = tensor->rows,
                                 .cols = tensor->cols,
                                 .row_bytes = row_bytes,
                                 .data = tensor->data};
    if (view->act == STERNA_ACT_TOKEN) find_uniform_scale(view);
    return STERNA_OK;
}

bool sterna_op_takes(sterna_op op, uint32_t format_id, sterna_act act)
{
    const sterna_op_info *info = sterna_op_get(op);
    const sterna_format *format = sterna_format_find(format_id);
    for (uint32_t i = 0; i < info->n_params; i++) {
        if (info->params[i].kind != STERNA_PARAM_WEIGHT) continue;
        if (!format || !format->unpack || !act_suits(format, act)) return false;
        switch (info->params[i].klass) {
        case STERNA_CLASS_ANY:
            return act == STERNA_ACT_F32;
        case STERNA_CLASS_FLOAT:
            return act == STERNA_ACT_F32 && is_float_format(format_id);
        case STERNA_CLASS_TERNARY:
            return act == STERNA_ACT_TOKEN;
        case STERNA_CLASS_BLOCK:
            return act == STERNA_ACT_BLOCK32 || act == STERNA_ACT_BLOCK256;
        }
    }
    return true;
}
