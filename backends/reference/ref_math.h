/* Canonical functions and reductions: the bits of docs/numerics.md sections 1 to 3 as scalar C.
 * Owns: exp, silu, the folds R32 and R8, the RoPE table. Leaves to others: kernels (ref_<family>.c).
 *
 * The operation sequence here is normative. All of it is binary32 add, subtract, multiply, divide and square
 * root, each rounded to nearest even (the build says -ffp-contract=off), bit casts and integers; the RoPE
 * table alone uses binary64. */
#ifndef STERNA_REF_MATH_H
#define STERNA_REF_MATH_H

#include "base/status.h"
#include <stdint.h>
#include <string.h>

static inline uint32_t sterna_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float sterna_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* 0, STERNA_FLAG_NAN or STERNA_FLAG_INF. */
static inline uint32_t sterna_bad_value(float value)
{
    uint32_t bits = sterna_bits(value) & 0x7fffffffu;
    return bits < 0x7f800000u ? 0 : bits == 0x7f800000u ? STERNA_FLAG_INF : STERNA_FLAG_NAN;
}

/* |x|, by clearing the sign. */
static inline float sterna_abs(float x)
{
    return sterna_float(sterna_bits(x) & 0x7fffffffu);
}

/* e^x for every binary32 x: at most 2 ULP from the correctly rounded value; exp(+-0) = 1; a result below
 * 2^-126 is +0 (x < -87.33654); +infinity above 88.722839; NaN stays NaN. */
float sterna_exp(float x);
/* x / (1 + exp(-x)); a result below 2^-126 in magnitude is +0. */
float sterna_silu(float x);
/* m * m with m = g > 0 ? g : +0. */
static inline float sterna_relu2(float g)
{
    float m = g > 0.0f ? g : 0.0f;
    return m * m;
}

/* R32: thirty-two lanes to one, in halves. `lane` is overwritten. */
static inline float sterna_fold32(float lane[32])
{
    for (uint32_t half = 16; half > 0; half /= 2)
        for (uint32_t l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
    return lane[0];
}

/* R8: eight lanes to one. */
static inline float sterna_fold8(float lane[8])
{
    for (uint32_t half = 4; half > 0; half /= 2)
        for (uint32_t l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
    return lane[0];
}

/* How RoPE turns positions into angles. */
typedef struct sterna_rope_params {
    uint32_t n_rot;            /* rotated values of a head, even */
    double base;               /* A.rope.freq_base */
    double scale;              /* positions are multiplied by it: 1, or 1/factor for linear scaling */
    const float *freq_factors; /* n_rot/2 divisors of the frequencies (rope_freqs.weight), or NULL */
} sterna_rope_params;

/* Fills table[p][i] = (cos, sin) of angle p * scale * base^(-2i/n_rot) / factor[i] for p in [first, first +
 * count), i < n_rot/2, computed in binary64 by the polynomials of ref_math.c and rounded once. Positions are
 * below 2^24. */
void sterna_rope_table(const sterna_rope_params *params, uint32_t first, uint32_t count, float *table);

/* binary64 helpers behind the table, exposed for their tests: relative error below 1e-15. */
double sterna_log64(double x);                                    /* finite x > 0 */
double sterna_exp64(double x);                                    /* |x| < 700 */
void sterna_sincos64(double angle, double *sine, double *cosine); /* 0 <= angle < 2^24 */

#endif
