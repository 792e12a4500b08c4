/* Activation quantisers: one int8 scale per row, or one per block of 32 or 256 (docs/numerics.md section 4). */
#include "reference/ref_math.h"
#include "reference/reference.h"
#include <math.h>

/* Largest magnitude of n values, and the flags of those that are not finite. */
static float largest(const float *x, uint32_t n, uint32_t *bad)
{
    float amax = 0.0f;
    for (uint32_t i = 0; i < n; i++) {
        float m = sterna_abs(x[i]);
        *bad |= sterna_bad_value(m);
        amax = m > amax ? m : amax;
    }
    return amax;
}

static int8_t rounded(float value)
{
    float r = rintf(value);
    return (int8_t)(r > 127.0f ? 127.0f : r < -127.0f ? -127.0f : r);
}

/* A row that holds NaN or infinity becomes zeros with scale 1 and sets the flag. */
void sterna_ref_quant_token(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_quant_token *a = &args->quant_token;
    for (uint64_t row = begin; row < end; row++) {
        const float *x = a->x + row * a->n;
        int8_t *q = a->q + row * a->n;
        uint32_t bad = 0;
        float amax = largest(x, a->n, &bad);
        *flags |= bad;
        float s = bad ? 1.0f : 127.0f / (amax > 1e-5f ? amax : 1e-5f);
        for (uint32_t i = 0; i < a->n; i++) q[i] = bad ? 0 : rounded(x[i] * s);
        a->s[row] = s;
    }
}

/* Blocks whose largest magnitude is below 2^-118 become zeros with d = 0, so that 127 / amax and amax / 127
 * are normal numbers. A block that holds NaN or infinity becomes zeros with d = 0 and sets the flag. */
void sterna_ref_quant_block(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_quant_block *a = &args->quant_block;
    for (uint64_t b = begin; b < end; b++) {
        const float *x = a->x + b * a->block;
        int8_t *q = a->q + b * a->block;
        uint32_t bad = 0;
        float amax = largest(x, a->block, &bad);
        *flags |= bad;
        int zero = bad || amax < 0x1p-118f;
        float inverse = zero ? 0.0f : 127.0f / amax;
        for (uint32_t i = 0; i < a->block; i++) q[i] = zero ? 0 : rounded(x[i] * inverse);
        a->d[b] = zero ? 0.0f : amax / 127.0f;
    }
}
