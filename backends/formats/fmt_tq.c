/* TQ2_0: 256 ternary values of two bits, one scale behind them.
 *
 *   byte  0                               64      66
 *         | u8 q[64]                       | f16 d |
 *   byte 32 h + m of q holds, in bits 2 g and 2 g + 1, the code of value 128 h + 32 g + m
 *   (h < 2, g < 4, m < 32)
 *   value = d * (code - 1); code 3 is never written, and reads as +2
 *
 * Owns: this layout. Source: ggml's block_tq2_0 and its reference quantiser. */
#include "formats/format_private.h"

enum { VALUES = 256, BYTES = 66, SCALE = 64 };

/* The code of value i stands in byte ... at bit ... */
static uint32_t byte_of(uint32_t i)
{
    return i / 128 * 32 + i % 32;
}
static uint32_t shift_of(uint32_t i)
{
    return i % 128 / 32 * 2;
}

static int code_value(const uint8_t *block, uint32_t i)
{
    return (block[byte_of(i)] >> shift_of(i) & 3) - 1;
}

void sterna_tq2_0_unpack(const uint8_t *row, uint32_t cols, float *out)
{
    for (uint32_t first = 0; first < cols; first += VALUES, row += BYTES) {
        float d = sterna_f16_to_f32(load_u16(row + SCALE));
        for (uint32_t i = 0; i < VALUES; i++) out[first + i] = (float)code_value(row, i) * d;
    }
}

sterna_status sterna_tq2_0_pack(const float *in, uint32_t cols, uint8_t *row)
{
    for (uint32_t first = 0; first < cols; first += VALUES, row += BYTES) {
        float d = largest_magnitude(in + first, VALUES);
        uint16_t stored = sterna_f32_to_f16(d);
        if (!f16_is_finite(stored)) return STERNA_FAILED;
        float inverse = d > 0.0f ? 1.0f / d : 0.0f;
        if (isinf(inverse)) inverse = 0.0f;
        memset(row, 0, SCALE);
        for (uint32_t i = 0; i < VALUES; i++) {
            unsigned code = (unsigned)((int)roundf(in[first + i] * inverse) + 1);
            row[byte_of(i)] = (uint8_t)(row[byte_of(i)] | code << shift_of(i));
        }
        store_u16(row + SCALE, stored);
    }
    return STERNA_OK;
}

uint64_t sterna_tq2_0_validate(const uint8_t *data, uint64_t blocks)
{
    return first_bad_f16(data, blocks, BYTES, SCALE);
}

void sterna_tq2_0_decode(const uint8_t *block, sterna_block *out)
{
    memset(out, 0, sizeof *out);
    /* In the order of the bytes, which compilers turn into vectors: whole models pass here when they are packed. */
    for (uint32_t h = 0; h < 2; h++)
        for (uint32_t g = 0; g < 4; g++)
            for (uint32_t m = 0; m < 32; m++)
                out->q[128 * h + 32 * g + m] = (int8_t)((block[32 * h + m] >> (2 * g) & 3) - 1);
    out->d = sterna_f16_to_f32(load_u16(block + SCALE));
    out->scale[0] = 1;
}
