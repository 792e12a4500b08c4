/* Q4_K: a super-block of 256 values in eight groups of 32, each group with a 6-bit scale and a 6-bit minimum.
 *
 *   byte  0       2          4               16                                   144
 *         | f16 d | f16 dmin | u8 packed[12] | u8 q[128]                           |
 *   value[32 g + l] = d * scale[g] * nibble - dmin * min[g]
 *   nibble: byte 32 (g / 2) + l of q, low half for even g, high half for odd g
 *   packed: for g < 4     scale[g] = bits 0-5 of packed[g]       min[g] = bits 0-5 of packed[4 + g]
 *           for g = 4 + k scale[g] = bits 0-3 of packed[8 + k] and, above them, bits 6-7 of packed[k]
 *                         min[g]   = bits 4-7 of packed[8 + k] and, above them, bits 6-7 of packed[4 + k]
 *
 * Owns: this layout and its quantiser. Source: ggml's block_q4_K and its reference quantiser. */
#include "formats/format_private.h"

enum {
    VALUES = 256,
    BYTES = 144,
    GROUPS = 8,
    GROUP = 32,
    PACKED = 4,
    QUANTS = 16,
    LEVELS = 15,
    SIX_BITS = 63
};

static void unpack_scales(const uint8_t *packed, uint8_t *scale, uint8_t *min)
{
    for (uint32_t k = 0; k < 4; k++) {
        scale[k] = packed[k] & 63;
        min[k] = packed[4 + k] & 63;
        scale[4 + k] = (uint8_t)((packed[8 + k] & 15) | packed[k] >> 6 << 4);
        min[4 + k] = (uint8_t)(packed[8 + k] >> 4 | packed[4 + k] >> 6 << 4);
    }
}

static void pack_scales(const uint8_t *scale, const uint8_t *min, uint8_t *packed)
{
    for (uint32_t k = 0; k < 4; k++) {
        packed[k] = (uint8_t)(scale[k] | scale[4 + k] >> 4 << 6);
        packed[4 + k] = (uint8_t)(min[k] | min[4 + k] >> 4 << 6);
        packed[8 + k] = (uint8_t)((scale[4 + k] & 15) | (min[4 + k] & 15) << 4);
    }
}

void sterna_q4_k_decode(const uint8_t *block, sterna_block *out)
{
    out->d = sterna_f16_to_f32(load_u16(block));
    out->dmin = sterna_f16_to_f32(load_u16(block + 2));
    unpack_scales(block + PACKED, out->scale, out->min);
    for (uint32_t pair = 0; pair < GROUPS / 2; pair++)
        for (uint32_t i = 0; i < GROUP; i++) {
            uint8_t both = block[QUANTS + pair * GROUP + i];
            out->q[2 * pair * GROUP + i] = (int8_t)(both & 15);
            out->q[(2 * pair + 1) * GROUP + i] = (int8_t)(both >> 4);
        }
}

void sterna_q4_k_unpack(const uint8_t *row, uint32_t cols, float *out)
{
    for (uint32_t first = 0; first < cols; first += VALUES, row += BYTES) {
        sterna_block block;
        sterna_q4_k_decode(row, &block);
        for (uint32_t i = 0; i < VALUES; i++) {
            /* Both products have at most 21 significant bits and are exact; the difference rounds once. */
            float step = block.d * (float)block.scale[i / GROUP],
                  low = block.dmin * (float)block.min[i / GROUP];
            out[first + i] = step * (float)block.q[i] - low;
        }
    }
}

uint64_t sterna_q4_k_validate(const uint8_t *data, uint64_t blocks)
{
    uint64_t d = first_bad_f16(data, blocks, BYTES, 0), dmin = first_bad_f16(data, blocks, BYTES, 2);
    return d < dmin ? d : dmin;
}

/* Nearest level, ties to even, within [0, highest]; NaN (0 times an infinite reciprocal) gives 0. */
static uint8_t nearest_level(float value, int highest)
{
    if (!(value > 0.0f)) return 0;
    return value < (float)highest ? (uint8_t)rintf(value) : (uint8_t)highest;
}

/* An affine map level -> step * level + low for one group. */
typedef struct group_fit {
    float step, low; /* low <= 0 */
    uint8_t level[GROUP];
} group_fit;

/* Sum of weight * (step * level + low - x)^2. */
static float fit_error(const group_fit *fit, const float *x, const float *weight)
{
    float error = 0.0f;
    for (uint32_t i = 0; i < GROUP; i++) {
        float miss = fit->step * (float)fit->level[i] + fit->low - x[i];
        error += weight[i] * (miss * miss);
    }
    return error;
}

static void choose_levels(group_fit *fit, const float *x, float low, float per_unit)
{
    for (uint32_t i = 0; i < GROUP; i++) fit->level[i] = nearest_level(per_unit * (x[i] - low), LEVELS);
}

/* Weighted least squares of x on the chosen levels; false when the levels are all equal. */
static bool solve_step(group_fit *fit, const float *x, const float *weight, float sum_w, float sum_x)
{
    float sum_l = 0.0f, sum_l2 = 0.0f, sum_xl = 0.0f;
    for (uint32_t i = 0; i < GROUP; i++) {
        float level = (float)fit->level[i], weighted = weight[i] * level;
        sum_l += weighted;
        sum_l2 += weighted * level;
        sum_xl += weighted * x[i];
    }
    float determinant = sum_w * sum_l2 - sum_l * sum_l;
    if (!(determinant > 0.0f)) return false;
    fit->step = (sum_w * sum_xl - sum_x * sum_l) / determinant;
    fit->low = (sum_l2 * sum_x - sum_l * sum_xl) / determinant;
    if (fit->low > 0.0f) {
        fit->low = 0.0f;
        fit->step = sum_xl / sum_l2;
    }
    return true;
}

/* ggml's search (make_qkx2_quants with 15 levels): start from the range of the data, then try 21 slightly
 * different step sizes, from 14 to 16 steps per range, refit each by least squares and keep the best. The
 * range of a trial begins at the best minimum so far. Values with a large magnitude weigh more. */
static void fit_group(const float *x, group_fit *best)
{
    float weight[GROUP], squares = 0.0f;
    for (uint32_t i = 0; i < GROUP; i++) squares += x[i] * x[i];
    float typical = sqrtf(squares / (float)GROUP);
    float lowest = x[0], highest = x[0], sum_w = 0.0f, sum_x = 0.0f;
    for (uint32_t i = 0; i < GROUP; i++) {
        weight[i] = typical + fabsf(x[i]);
        sum_w += weight[i];
        sum_x += weight[i] * x[i];
        if (x[i] < lowest) lowest = x[i];
        if (x[i] > highest) highest = x[i];
    }
    if (lowest > 0.0f) lowest = 0.0f;
    memset(best, 0, sizeof *best);
    best->low = lowest;
    if (highest == lowest) return;
    float per_unit = (float)LEVELS / (highest - lowest);
    best->step = 1.0f / per_unit;
    choose_levels(best, x, lowest, per_unit);
    float least = fit_error(best, x, weight);
    for (int trial = 0; trial <= 20; trial++) {
        group_fit fit;
        float steps = -1.0f + 0.1f * (float)trial + (float)LEVELS;
        choose_levels(&fit, x, best->low, steps / (highest - best->low));
        if (!solve_step(&fit, x, weight, sum_w, sum_x)) continue;
        float error = fit_error(&fit, x, weight);
        if (error < least) {
            least = error;
            *best = fit;
        }
    }
}

static sterna_status pack_block(const float *x, uint8_t *block)
{
    group_fit fit[GROUPS];
    float largest_step = 0.0f, deepest = 0.0f;
    for (uint32_t g = 0; g < GROUPS; g++) {
        fit_group(x + g * GROUP, &fit[g]);
        if (fit[g].step > largest_step) largest_step = fit[g].step;
        if (-fit[g].low > deepest) deepest = -fit[g].low;
    }
    uint16_t d = sterna_f32_to_f16(largest_step / (float)SIX_BITS),
             dmin = sterna_f32_to_f16(deepest / (float)SIX_BITS);
    if (!f16_is_finite(d) || !f16_is_finite(dmin)) return STERNA_FAILED;
    float per_step = largest_step > 0.0f ? (float)SIX_BITS / largest_step : 0.0f;
    float per_low = deepest > 0.0f ? (float)SIX_BITS / deepest : 0.0f;
    uint8_t scale[GROUPS], min[GROUPS];
    for (uint32_t g = 0; g < GROUPS; g++) {
        scale[g] = nearest_level(per_step * fit[g].step, SIX_BITS);
        min[g] = nearest_level(per_low * -fit[g].low, SIX_BITS);
    }
    store_u16(block, d);
    store_u16(block + 2, dmin);
    pack_scales(scale, min, block + PACKED);
    /* The levels are chosen again for the step and minimum as they are stored. */
    for (uint32_t g = 0; g < GROUPS; g++) {
        float step = sterna_f16_to_f32(d) * (float)scale[g], low = sterna_f16_to_f32(dmin) * (float)min[g];
        if (step == 0.0f) continue;
        for (uint32_t i = 0; i < GROUP; i++)
            fit[g].level[i] = nearest_level((x[g * GROUP + i] + low) / step, LEVELS);
    }
    for (uint32_t g = 0; g < GROUPS; g += 2)
        for (uint32_t i = 0; i < GROUP; i++)
            block[QUANTS + g / 2 * 32 + i] = (uint8_t)(fit[g].level[i] | fit[g + 1].level[i] << 4);
    return STERNA_OK;
}

sterna_status sterna_q4_k_pack(const float *in, uint32_t cols, uint8_t *row)
{
    for (uint32_t first = 0; first < cols; first += VALUES, row += BYTES) {
        if (isinf(largest_magnitude(in + first, VALUES))) return STERNA_FAILED;
        sterna_status status = pack_block(in + first, row);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}
