/* F32, F16 and BF16: a block is one value, little-endian.
 * Owns: rows of them. Leaves to others: the conversion of one value (half.c). */
#include "formats/format_private.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "GGUF data are used in place: little-endian hosts only");

void sterna_f32_unpack(const uint8_t *row, uint32_t cols, float *out)
{
    memcpy(out, row, (size_t)cols * 4);
}

sterna_status sterna_f32_pack(const float *in, uint32_t cols, uint8_t *row)
{
    for (uint32_t i = 0; i < cols; i++)
        if (!isfinite(in[i])) return STERNA_FAILED;
    memcpy(row, in, (size_t)cols * 4);
    return STERNA_OK;
}

uint64_t sterna_f32_validate(const uint8_t *data, uint64_t blocks)
{
    for (uint64_t i = 0; i < blocks; i++)
        if ((data[i * 4 + 3] & 0x7F) == 0x7F && (data[i * 4 + 2] & 0x80)) return i;
    return blocks;
}

void sterna_f16_unpack(const uint8_t *row, uint32_t cols, float *out)
{
    for (uint32_t i = 0; i < cols; i++) out[i] = sterna_f16_to_f32(load_u16(row + 2 * (size_t)i));
}

sterna_status sterna_f16_pack(const float *in, uint32_t cols, uint8_t *row)
{
    for (uint32_t i = 0; i < cols; i++) {
        uint16_t half = sterna_f32_to_f16(in[i]);
        if (!f16_is_finite(half)) return STERNA_FAILED;
        store_u16(row + 2 * (size_t)i, half);
    }
    return STERNA_OK;
}

uint64_t sterna_f16_validate(const uint8_t *data, uint64_t blocks)
{
    return first_bad_f16(data, blocks, 2, 0);
}

void sterna_bf16_unpack(const uint8_t *row, uint32_t cols, float *out)
{
    for (uint32_t i = 0; i < cols; i++) out[i] = sterna_bf16_to_f32(load_u16(row + 2 * (size_t)i));
}

static bool bf16_is_finite(uint16_t bits)
{
    return (bits & 0x7F80u) != 0x7F80u;
}

sterna_status sterna_bf16_pack(const float *in, uint32_t cols, uint8_t *row)
{
    for (uint32_t i = 0; i < cols; i++) {
        uint16_t bits = sterna_f32_to_bf16(in[i]);
        if (!bf16_is_finite(bits)) return STERNA_FAILED;
        store_u16(row + 2 * (size_t)i, bits);
    }
    return STERNA_OK;
}

uint64_t sterna_bf16_validate(const uint8_t *data, uint64_t blocks)
{
    for (uint64_t i = 0; i < blocks; i++)
        if (!bf16_is_finite(load_u16(data + i * 2))) return i;
    return blocks;
}
