/* exp and silu in binary32, log, exp, sine and cosine in binary64, and the RoPE table made of them. */
#include "reference/ref_math.h"
#include <math.h>

float sterna_exp(float x)
{
    if (!(x == x)) return x;
    if (x > 88.722839f) return sterna_float(0x7f800000u);
    if (x < -87.33654f) return 0.0f;
    /* x = k ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts so that k * part is exact (Cody and Waite 1980). */
    float k = rintf(x * 1.44269504f);
    float r = x - k * 0.693359375f;
    r = r - k * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (p * (r * r) + r) + 1.0f;
    /* 2^k in two factors, both normal for k in [-126, 128]; the product is exact unless it underflows. */
    int32_t n = (int32_t)k, half = n >= 0 ? n / 2 : -((-n) / 2);
    float low = sterna_float((uint32_t)(half + 127) << 23),
          high = sterna_float((uint32_t)(n - half + 127) << 23);
    float y = (p * low) * high;
    return y < 0x1p-126f ? 0.0f : y;
}

float sterna_silu(float x)
{
    float y = x / (1.0f + sterna_exp(-x));
    return sterna_abs(y) < 0x1p-126f ? 0.0f : y;
}

/* ln x = e ln 2 + 2 atanh(s), s = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)); |s| < 0.172, so that the term
 * of s^25 is below 2^-64. */
double sterna_log64(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t e = (int64_t)(bits >> 52) - 1023;
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m = m * 0.5;
        e++;
    }
    double s = (m - 1.0) / (m + 1.0), z = s * s, sum = 0.0;
    for (int n = 25; n >= 1; n -= 2) sum = sum * z + 1.0 / n;
    /* ln 2 in two parts: the first has 21 trailing zero bits, so that e times it is exact. */
    return (double)e * 0x1.62e42feep-1 + ((double)e * 0x1.a39ef35793c76p-33 + 2.0 * s * sum);
}

double sterna_exp64(double x)
{
    double k = rint(x * 1.4426950408889634);
    double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    double sum = 1.0;
    for (int n = 16; n >= 1; n--)
        sum = 1.0 + sum * r / n; /* Taylor; |r| < 0.347, the next term is below 2^-71 */
    uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* pi/2 in three parts; the first two have at most 29 significant bits, so that their products with a quotient
 * below 2^24 are exact. */
static const double HALF_PI_1 = 0x1.921fb54p+0, HALF_PI_2 = 0x1.10b4611p-30,
                    HALF_PI_3 = 0x1.4c4c6628b80dcp-59;

void sterna_sincos64(double angle, double *sine, double *cosine)
{
    double k = rint(angle * 0.63661977236758138);
    double r = ((angle - k * HALF_PI_1) - k * HALF_PI_2) - k * HALF_PI_3;
    double z = r * r, s = 1.0, c = 1.0;
    /* Taylor with the factors nested: |r| <= 0.786, remainders below 2^-66. */
    for (int n = 20; n >= 2; n -= 2) {
        c = 1.0 - c * z / (double)(n * (n - 1));
        s = 1.0 - s * z / (double)(n * (n + 1));
    }
    s = s * r;
    switch ((uint32_t)k & 3u) {
    case 0:
        *sine = s, *cosine = c;
        break;
    case 1:
        *sine = c, *cosine = -s;
        break;
    case 2:
        *sine = -s, *cosine = -c;
        break;
    default:
        *sine = -c, *cosine = s;
        break;
    }
}

void sterna_rope_table(const sterna_rope_params *params, uint32_t first, uint32_t count, float *table)
{
    uint32_t pairs = params->n_rot / 2;
    double log_base = sterna_log64(params->base);
    for (uint32_t i = 0; i < pairs; i++) {
        double frequency = sterna_exp64(-(2.0 * i / params->n_rot) * log_base) * params->scale;
        if (params->freq_factors) frequency = frequency / (double)params->freq_factors[i];
        for (uint32_t p = 0; p < count; p++) {
            double sine, cosine;
            sterna_sincos64((double)(first + p) * frequency, &sine, &cosine);
            table[((uint64_t)p * pairs + i) * 2] = (float)cosine;
            table[((uint64_t)p * pairs + i) * 2 + 1] = (float)sine;
        }
    }
}
