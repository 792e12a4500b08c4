/* The three matrix products: float weights by R32, ternary weights by exact integers, block weights by R8. */
#include "reference/ref_math.h"
#include "reference/reference.h"
#include <math.h>

static const uint8_t *weight_row(const sterna_weight_view *w, uint64_t row)
{
    return w->data + row * w->row_bytes;
}

/* Element i of a row of F32, F16 or BF16 values, widened exactly. */
static float widened(const sterna_format *format, const uint8_t *row, uint32_t i)
{
    float value;
    uint16_t half;
    if (format->id == STERNA_FORMAT_F32) {
        memcpy(&value, row + (uint64_t)i * 4, sizeof value);
        return value;
    }
    memcpy(&half, row + (uint64_t)i * 2, sizeof half);
    return format->id == STERNA_FORMAT_F16 ? sterna_f16_to_f32(half) : sterna_bf16_to_f32(half);
}

void sterna_ref_matmul_float(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_matmul_float *a = &args->matmul_float;
    (void)flags;
    for (uint32_t r = 0; r < a->rows; r++)
        for (uint64_t i = begin; i < end; i++) {
            const float *x = a->x + (uint64_t)r * a->k;
            const uint8_t *w = weight_row(a->w, i);
            float lane[32] = {0};
            for (uint32_t j = 0; j < a->k; j++)
                lane[j % 32] = lane[j % 32] + x[j] * widened(a->w->format, w, j);
            a->y[(uint64_t)r * a->m + i] = sterna_fold32(lane);
        }
}

/* Exact: |sum| <= k * 2 * 127 < 2^31 for k <= 2^20 (code 3 of TQ2_0 stands for 2). */
static int32_t integer_dot(const int8_t *w, const int8_t *q, uint32_t n)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (int32_t)w[i] * q[i];
    return sum;
}

/* A scale below the smallest normal counts as +0 (docs/numerics.md section 1). */
static float normal_or_zero(float scale)
{
    return sterna_abs(scale) < 0x1p-126f ? 0.0f : scale;
}

void sterna_ref_matmul_ternary(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_matmul_ternary *a = &args->matmul_ternary;
    const sterna_format *format = a->w->format;
    sterna_block block;
    (void)flags;
    for (uint32_t r = 0; r < a->rows; r++)
        for (uint64_t i = begin; i < end; i++) {
            const int8_t *q = a->q + (uint64_t)r * a->k;
            const uint8_t *w = weight_row(a->w, i);
            float lane[8] = {0};
            int32_t total = 0;
            for (uint32_t b = 0; b < a->k / format->values; b++) {
                format->decode(w + (uint64_t)b * format->bytes, &block);
                int32_t sum = integer_dot(block.q, q + (uint64_t)b * format->values, format->values);
                total += sum;
                lane[b % 8] = lane[b % 8] + (float)sum * normal_or_zero(block.d);
            }
            float s = a->s[r];
            a->y[(uint64_t)r * a->m + i] =
                a->w->uniform ? (float)total * (a->w->scale / s) : sterna_fold8(lane) * (1.0f / s);
        }
}

/* Partial of one block: (float)S * (d_w * d_a), less (float)M * (dmin * d_a) where the format has minima. S
 * and M are exact: |S| <= 256 * 63 * 15 * 127 < 2^31 for Q4_K. */
static float block_partial(const sterna_format *format, const sterna_block *block, const int8_t *q, float d)
{
    int32_t sum = 0, minima = 0;
    for (uint32_t g = 0; g < format->values / format->group; g++) {
        const int8_t *qg = q + g * format->group;
        int32_t total = 0;
        sum += block->scale[g] * integer_dot(block->q + g * format->group, qg, format->group);
        for (uint32_t i = 0; i < format->group; i++) total += qg[i];
        minima += block->min[g] * total;
    }
    float partial = (float)sum * (normal_or_zero(block->d) * d);
    if (format->has_min) partial = partial - (float)minima * (normal_or_zero(block->dmin) * d);
    return partial;
}

void sterna_ref_matmul_block(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_matmul_block *a = &args->matmul_block;
    const sterna_format *format = a->w->format;
    uint32_t blocks = a->k / a->block;
    sterna_block block;
    (void)flags;
    for (uint32_t r = 0; r < a->rows; r++)
        for (uint64_t i = begin; i < end; i++) {
            const int8_t *q = a->q + (uint64_t)r * a->k;
            const float *d = a->d + (uint64_t)r * blocks;
            const uint8_t *w = weight_row(a->w, i);
            float lane[8] = {0};
            for (uint32_t b = 0; b < blocks; b++) {
                format->decode(w + (uint64_t)b * format->bytes, &block);
                lane[b % 8] = lane[b % 8] + block_partial(format, &block, q + (uint64_t)b * a->block, d[b]);
            }
            a->y[(uint64_t)r * a->m + i] = sterna_fold8(lane);
        }
}
