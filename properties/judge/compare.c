/* Comparators. Short on purpose: tests/test_judge.c tries to fool them. */
#include "judge/compare.h"
#include <math.h>
#include <string.h>

sterna_element sterna_element_of(const sterna_param *param)
{
    return param->type[0] == 'f'   ? STERNA_ELEMENT_F32
           : param->type[0] == 'u' ? STERNA_ELEMENT_U32
           : param->type[0] == 'i' ? STERNA_ELEMENT_I8
                                   : STERNA_ELEMENT_BYTE;
}

static uint32_t word_at(const void *data, uint64_t i)
{
    uint32_t word;
    memcpy(&word, (const uint8_t *)data + 4 * i, sizeof word);
    return word;
}

static float float_at(const void *data, uint64_t i)
{
    float value;
    memcpy(&value, (const uint8_t *)data + 4 * i, sizeof value);
    return value;
}

/* Bits in the order of the numbers: -0 stands right below +0. */
static int64_t ordered(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? -(int64_t)(bits & 0x7FFFFFFFu) - 1 : (int64_t)bits;
}

uint64_t sterna_ulp_distance(float a, float b)
{
    if (isnan(a) || isnan(b)) return UINT64_MAX;
    int64_t distance = ordered(a) - ordered(b);
    return (uint64_t)(distance < 0 ? -distance : distance);
}

static bool equal_at(sterna_element type, const void *got, const void *want, uint64_t i)
{
    switch (type) {
    case STERNA_ELEMENT_F32:
        return word_at(got, i) == word_at(want, i) || (isnan(float_at(got, i)) && isnan(float_at(want, i)));
    case STERNA_ELEMENT_U32:
        return word_at(got, i) == word_at(want, i);
    case STERNA_ELEMENT_F16:
        return memcmp((const uint8_t *)got + 2 * i, (const uint8_t *)want + 2 * i, 2) == 0;
    case STERNA_ELEMENT_I8:
    case STERNA_ELEMENT_BYTE:
        break;
    }
    return ((const uint8_t *)got)[i] == ((const uint8_t *)want)[i];
}

sterna_difference sterna_compare_bits(sterna_element type, const void *got, const void *want, uint64_t count)
{
    sterna_difference d = {.compared = count};
    for (uint64_t i = 0; i < count; i++) {
        if (equal_at(type, got, want, i)) continue;
        if (d.different++ == 0) d.first = i;
        if (type != STERNA_ELEMENT_F32) continue;
        float a = float_at(got, i), b = float_at(want, i);
        /* One of them is a number here, or they would be equal. */
        uint64_t ulp = sterna_ulp_distance(a, b);
        if (ulp > d.worst_ulp) d.worst_ulp = ulp;
    }
    return d;
}

double sterna_element_value(sterna_element type, const void *got, uint64_t i)
{
    switch (type) {
    case STERNA_ELEMENT_F32:
        return (double)float_at(got, i);
    case STERNA_ELEMENT_U32:
        return (double)word_at(got, i);
    case STERNA_ELEMENT_I8:
        return (double)((const int8_t *)got)[i];
    case STERNA_ELEMENT_BYTE:
        return (double)((const uint8_t *)got)[i];
    case STERNA_ELEMENT_F16:
        break;
    }
    uint16_t half;
    memcpy(&half, (const uint8_t *)got + 2 * i, sizeof half);
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double magnitude = exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY)
                       : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                                      : ldexp(mantissa, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

static bool within(double got, double value, double radius)
{
    if (isinf(radius)) return true;
    if (radius == 0) return got == value && signbit(got) == signbit(value);
    return fabs(got - value) <= radius; /* false for NaN on either side */
}

double sterna_element_ratio(double got, double value, double radius)
{
    if (isinf(radius)) return 0.0;
    if (radius == 0) return within(got, value, 0) ? 0.0 : (double)INFINITY;
    double ratio = fabs(got - value) / radius;
    return isnan(ratio) ? (double)INFINITY : ratio;
}

sterna_difference sterna_compare_truth(sterna_element type, const void *got, const double *value,
                                       const double *radius, uint64_t count)
{
    sterna_difference d = {.compared = count};
    for (uint64_t i = 0; i < count; i++) {
        double element = sterna_element_value(type, got, i);
        double ratio = sterna_element_ratio(element, value[i], radius[i]);
        if (ratio > d.worst_ratio) d.worst_ratio = ratio;
        if (!within(element, value[i], radius[i]) && d.different++ == 0) d.first = i;
    }
    return d;
}

bool sterna_judge_bits(sterna_verdict *v, sterna_verdict_code code, const char *name, sterna_element type,
                       const void *got, const void *want, uint64_t count)
{
    if (count == 0) return sterna_judge(v, STERNA_VERDICT_STATUS, "%s: nothing to compare", name);
    sterna_difference d = sterna_compare_bits(type, got, want, count);
    if (!d.different) return true;
    double a = sterna_element_value(type, got, d.first), b = sterna_element_value(type, want, d.first);
    if (type == STERNA_ELEMENT_F32)
        return sterna_judge(
            v, code, "%s[%llu] is %.9g (%08x), not %.9g (%08x); %llu of %llu differ, worst by %llu ULP", name,
            (unsigned long long)d.first, a, word_at(got, d.first), b, word_at(want, d.first),
            (unsigned long long)d.different, (unsigned long long)count, (unsigned long long)d.worst_ulp);
    return sterna_judge(v, code, "%s[%llu] is %.9g, not %.9g; %llu of %llu differ", name,
                        (unsigned long long)d.first, a, b, (unsigned long long)d.different,
                        (unsigned long long)count);
}

bool sterna_judge_truth(sterna_verdict *v, const char *name, sterna_element type, const void *got,
                        const double *value, const double *radius, uint64_t count)
{
    if (count == 0) return sterna_judge(v, STERNA_VERDICT_STATUS, "%s: nothing to compare", name);
    sterna_difference d = sterna_compare_truth(type, got, value, radius, count);
    if (!d.different) return true;
    return sterna_judge(v, STERNA_VERDICT_OUT_OF_BOUND,
                        "%s[%llu] is %.9g, the oracle says %.17g +- %.3g; %llu of %llu differ", name,
                        (unsigned long long)d.first, sterna_element_value(type, got, d.first), value[d.first],
                        radius[d.first], (unsigned long long)d.different, (unsigned long long)count);
}
