/* Q8_0: 32 values, one scale.
 *
 *   byte  0      2                        34
 *         | f16 d | i8 q[32]               |      value[i] = d * q[i]
 *
 * Owns: this layout. Source: ggml's block_q8_0 and its reference quantiser. */
#include "formats/format_private.h"

enum { VALUES = 32, BYTES = 34, QUANTS = 2 };

void sterna_q8_0_unpack(const uint8_t *row, uint32_t cols, float *out)
{
    for (uint32_t first = 0; first < cols; first += VALUES, row += BYTES) {
        float d = sterna_f16_to_f32(load_u16(row));
        const int8_t *q = (const int8_t *)row + QUANTS;
        for (uint32_t i = 0; i < VALUES; i++) out[first + i] = (float)q[i] * d;
    }
}

sterna_status sterna_q8_0_pack(const float *in, uint32_t cols, uint8_t *row)
{
    for (uint32_t first = 0; first < cols; first += VALUES, row += BYTES) {
        float d = largest_magnitude(in + first, VALUES) / 127.0f;
        uint16_t stored = sterna_f32_to_f16(d);
        if (!f16_is_finite(stored)) return STERNA_FAILED;
        /* Quotients use the unrounded scale. Where its reciprocal overflows, the stored scale is zero. */
        float inverse = d > 0.0f ? 1.0f / d : 0.0f;
        if (isinf(inverse)) inverse = 0.0f;
        store_u16(row, stored);
        for (uint32_t i = 0; i < VALUES; i++)
            row[QUANTS + i] = (uint8_t)(int8_t)roundf(in[first + i] * inverse);
    }
    return STERNA_OK;
}

uint64_t sterna_q8_0_validate(const uint8_t *data, uint64_t blocks)
{
    return first_bad_f16(data, blocks, BYTES, 0);
}

void sterna_q8_0_decode(const uint8_t *block, sterna_block *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->q, block + QUANTS, VALUES);
    out->d = sterna_f16_to_f32(load_u16(block));
    out->scale[0] = 1;
}
