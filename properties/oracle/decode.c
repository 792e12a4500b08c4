/* The oracle's own decoders of the stored formats, from the layouts in docs/formats.md: field by field, value
 * by value, with no table and no code of backends/formats. */
#include "oracle/oracle.h"
#include <math.h>
#include <string.h>

double sterna_oracle_half(uint16_t bits)
{
    int sign = bits >> 15, exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF;
    double value =
        exponent == 0 ? fraction / 1024.0 * pow(2, -14) : (1 + fraction / 1024.0) * pow(2, exponent - 15);
    return sign ? -value : value;
}

/* Spacing of binary16 at |value|, then one division, one rounding to an integer (ties to even), one
 * multiplication: all exact but the rounding asked for. */
double sterna_oracle_to_half(double value)
{
    int exponent;
    frexp(value, &exponent); /* |value| in [2^(exponent-1), 2^exponent) */
    double spacing = ldexp(1.0, (exponent < -13 ? -13 : exponent) - 11);
    double rounded = nearbyint(value / spacing) * spacing;
    return fabs(rounded) > 65504.0 ? copysign((double)INFINITY, value) : copysign(rounded, value);
}

static double half_at(const uint8_t *bytes)
{
    return sterna_oracle_half((uint16_t)(bytes[0] + 256 * bytes[1]));
}

uint32_t sterna_oracle_block_values(uint32_t format)
{
    switch (format) {
    case 0:
    case 1:
    case 30:
        return 1;
    case 8:
        return 32;
    case 12:
    case 35:
        return 256;
    default:
        return 0;
    }
}

static void decode_q8_0(const uint8_t *b, sterna_oracle_block *out)
{
    out->d = half_at(b);
    for (int i = 0; i < 32; i++) {
        out->q[i] = b[2 + i] < 128 ? b[2 + i] : b[2 + i] - 256;
        out->scale[i] = 1;
    }
}

/* Eight sub-blocks of 32; two of them share 32 bytes of nibbles; 6-bit scales and minima packed in twelve
 * bytes. */
static void decode_q4_k(const uint8_t *b, sterna_oracle_block *out)
{
    const uint8_t *packed = b + 4, *nibbles = b + 16;
    out->d = half_at(b);
    out->dmin = half_at(b + 2);
    for (int i = 0; i < 256; i++) {
        int g = i / 32, byte = nibbles[32 * (g / 2) + i % 32];
        out->q[i] = g % 2 == 0 ? byte % 16 : byte / 16;
        if (g < 4) {
            out->scale[i] = packed[g] % 64;
            out->min[i] = packed[g + 4] % 64;
        } else {
            out->scale[i] = packed[g + 4] % 16 + 16 * (packed[g - 4] / 64);
            out->min[i] = packed[g + 4] / 16 + 16 * (packed[g] / 64);
        }
    }
}

/* 256 two-bit codes: halves of 128 values use 32 bytes each, value i % 32 of quarter q sits at bits 2q. */
static void decode_tq2_0(const uint8_t *b, sterna_oracle_block *out)
{
    static const int power[] = {1, 4, 16, 64};
    out->d = half_at(b + 64);
    for (int i = 0; i < 256; i++) {
        out->q[i] = b[32 * (i / 128) + i % 32] / power[i % 128 / 32] % 4 - 1;
        out->scale[i] = 1;
    }
}

bool sterna_oracle_block_at(const sterna_tensor *w, uint64_t row, uint32_t block, sterna_oracle_block *out)
{
    const uint8_t *bytes = (const uint8_t *)w->data + row * w->row_bytes;
    memset(out, 0, sizeof *out);
    out->values = sterna_oracle_block_values(w->format);
    switch (w->format) {
    case 8:
        decode_q8_0(bytes + 34 * (uint64_t)block, out);
        return true;
    case 12:
        decode_q4_k(bytes + 144 * (uint64_t)block, out);
        return true;
    case 35:
        decode_tq2_0(bytes + 66 * (uint64_t)block, out);
        return true;
    default:
        return false;
    }
}

bool sterna_oracle_row(const sterna_tensor *w, uint64_t row, double *value)
{
    const uint8_t *bytes = (const uint8_t *)w->data + row * w->row_bytes;
    sterna_oracle_block block;
    for (uint32_t i = 0; i < w->cols; i++) {
        uint8_t wide[4] = {0, 0, 0, 0};
        float f;
        switch (w->format) {
        case 0:
            memcpy(&f, bytes + 4 * (uint64_t)i, 4);
            value[i] = (double)f;
            break;
        case 1:
            value[i] = half_at(bytes + 2 * (uint64_t)i);
            break;
        case 30: /* the upper half of a binary32 */
            memcpy(wide + 2, bytes + 2 * (uint64_t)i, 2);
            memcpy(&f, wide, 4);
            value[i] = (double)f;
            break;
        default:
            if (i % (sterna_oracle_block_values(w->format) ? sterna_oracle_block_values(w->format) : 1) ==
                    0 &&
                !sterna_oracle_block_at(w, row, i / sterna_oracle_block_values(w->format), &block))
                return false;
            uint32_t j = i % block.values;
            /* Exact: multiples of 2^-24 below 2^27. */
            value[i] = block.d * block.scale[j] * block.q[j] - block.dmin * block.min[j];
        }
    }
    return true;
}
