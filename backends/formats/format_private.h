/* What the format families share: the functions that formats.def promises, unaligned loads, the scan for bad
 * scales. Owns: their declarations. Leaves to others: the table (format.c), the layouts (fmt_*.c). */
#ifndef STERNA_FORMAT_PRIVATE_H
#define STERNA_FORMAT_PRIVATE_H

#include "formats/format.h"
#include <math.h>
#include <string.h>

/* Float types have no integer view; the activation column of formats.def tells which they are. */
#define DECLARE_DECODE_F32(stem)
#define DECLARE_DECODE_BLOCK32(stem)  void sterna_##stem##_decode(const uint8_t *block, sterna_block *out);
#define DECLARE_DECODE_BLOCK256(stem) void sterna_##stem##_decode(const uint8_t *block, sterna_block *out);
#define FORMAT(id, name, values, bytes, act, stem)                                                           \
    void sterna_##stem##_unpack(const uint8_t *row, uint32_t cols, float *out);                              \
    sterna_status sterna_##stem##_pack(const float *in, uint32_t cols, uint8_t *row);                        \
    uint64_t sterna_##stem##_validate(const uint8_t *data, uint64_t blocks);                                 \
    DECLARE_DECODE_##act(stem)
#include "formats/formats.def"
#undef FORMAT
#undef FORMAT_STORED

/* Rows stand in files at any address. */
static inline uint16_t load_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline void store_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline bool f16_is_finite(uint16_t half)
{
    return (half & 0x7C00u) != 0x7C00u;
}

/* The first block whose f16 at `offset` is not finite. */
static inline uint64_t first_bad_f16(const uint8_t *data, uint64_t blocks, uint32_t block_bytes,
                                     uint32_t offset)
{
    for (uint64_t i = 0; i < blocks; i++)
        if (!f16_is_finite(load_u16(data + i * block_bytes + offset))) return i;
    return blocks;
}

/* Largest magnitude; infinity when a value is infinite or NaN. */
static inline float largest_magnitude(const float *in, uint32_t count)
{
    float largest = 0.0f;
    for (uint32_t i = 0; i < count; i++) {
        float magnitude = fabsf(in[i]);
        if (!(magnitude <= largest)) largest = isnan(magnitude) ? INFINITY : magnitude;
    }
    return largest;
}

#endif
