/* binary16 and bfloat16 to and from binary32, in integer code.
 * Owns: these four conversions. Leaves to others: rows of them (fmt_float.c). Source: IEEE 754-2019, 3.6
 * and 5.4.2. */
#include "formats/format.h"
#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float sterna_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = (half >> 10) & 31u, mantissa = half & 0x3FFu;
    if (exponent == 31) {
        /* A signalling NaN becomes quiet, as every hardware conversion has it. */
        uint32_t quiet = mantissa != 0 ? 0x400000u : 0;
        return float_of(sign | 0x7F800000u | quiet | mantissa << 13);
    }
    if (exponent == 0) {
        /* mantissa * 2^-24: both factors and the product are exact and normal (or zero). */
        float magnitude = (float)mantissa * 0x1p-24f;
        return float_of(sign | bits_of(magnitude));
    }
    return float_of(sign | (exponent + 112u) << 23 | mantissa << 13);
}

/* value >> shift, rounded to nearest, ties to even; 0 < shift < 32. */
static uint32_t shift_rounded(uint32_t value, uint32_t shift)
{
    uint32_t kept = value >> shift, rest = value & ((1u << shift) - 1), half = 1u << (shift - 1);
    return kept + (rest > half || (rest == half && (kept & 1u)));
}

uint16_t sterna_f32_to_f16(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
    uint32_t half;
    if (magnitude > 0x7F800000u)
        half = 0x7E00u | (magnitude >> 13 & 0x3FFu);
    else if (magnitude >= 0x47800000u) /* 2^16 and above */
        half = 0x7C00u;
    else if (magnitude >= 0x38800000u) /* 2^-14: normal. A carry out of the mantissa raises the exponent, up
                                          to infinity. */
        half = shift_rounded(magnitude - (112u << 23), 13);
    else if (magnitude >=
             0x33000000u) /* 2^-25: a tie with zero there, above it a subnormal or the smallest normal */
        half = shift_rounded((magnitude & 0x7FFFFFu) | 0x800000u, 126u - (magnitude >> 23));
    else
        half = 0;
    return (uint16_t)(sign | half);
}

float sterna_bf16_to_f32(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

uint16_t sterna_f32_to_bf16(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)(shift_rounded(bits & 0x7FFFFFFFu, 16) | (bits >> 16 & 0x8000u));
}
