/* Conversions of one value: every binary16 and bfloat16 pattern, and every tie between neighbours.
 * Owns: the check of half.c against ldexp and nextafter, and against the processor where it has F16C. */
#include "formats/format.h"
#include "runner.h"
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

/* The value of a pattern with `exponent_bits` and `mantissa_bits`, from the definition (IEEE 754-2019, 3.4). */
static double value_of(uint32_t pattern, int exponent_bits, int mantissa_bits)
{
    int bias = (1 << (exponent_bits - 1)) - 1, top = (1 << exponent_bits) - 1;
    int exponent = (int)(pattern >> mantissa_bits) & top,
        fraction = (int)pattern & ((1 << mantissa_bits) - 1);
    double magnitude;
    if (exponent == top)
        magnitude = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(fraction, 1 - bias - mantissa_bits);
    else
        magnitude = ldexp(fraction + (1 << mantissa_bits), exponent - bias - mantissa_bits);
    return pattern >> (exponent_bits + mantissa_bits) ? -magnitude : magnitude;
}

static void widens_every_pattern(sterna_test *t)
{
    for (uint32_t p = 0; p < 65536; p++) {
        double half = value_of(p, 5, 10), brain = value_of(p, 8, 7);
        float got_half = sterna_f16_to_f32((uint16_t)p), got_brain = sterna_bf16_to_f32((uint16_t)p);
        CHECK_MSG(t, isnan(half) ? isnan(got_half) : bits_of(got_half) == bits_of((float)half),
                  "f16 %04x gives %a", p, (double)got_half);
        CHECK_MSG(t, isnan(brain) ? isnan(got_brain) : bits_of(got_brain) == bits_of((float)brain),
                  "bf16 %04x gives %a", p, (double)got_brain);
    }
}

static void narrows_back_what_it_widened(sterna_test *t)
{
    for (uint32_t p = 0; p < 65536; p++) {
        bool half_nan = (p & 0x7FFF) > 0x7C00, brain_nan = (p & 0x7FFF) > 0x7F80;
        /* NaN comes back quiet, with the rest of its payload. */
        CHECK_MSG(t, sterna_f32_to_f16(sterna_f16_to_f32((uint16_t)p)) == (half_nan ? (p | 0x200) : p),
                  "f16 %04x", p);
        CHECK_MSG(t, sterna_f32_to_bf16(sterna_bf16_to_f32((uint16_t)p)) == (brain_nan ? (p | 0x40) : p),
                  "bf16 %04x", p);
    }
}

typedef uint16_t narrow_fn(float value);

/* Around the middle of each pair of neighbours: below it the lower, above it the upper, on it the even one. */
static void check_ties(sterna_test *t, narrow_fn *narrow, int exponent_bits, int mantissa_bits,
                       const char *name)
{
    uint32_t infinity = ((1u << exponent_bits) - 1) << mantissa_bits;
    for (uint32_t p = 0; p < infinity; p++) {
        double low = value_of(p, exponent_bits, mantissa_bits);
        /* The step is that of the lower neighbour's binade, so the last tie is with the would-be next power
         * of two. */
        double high = p + 1 < infinity ? value_of(p + 1, exponent_bits, mantissa_bits)
                                       : low + (low - value_of(p - 1, exponent_bits, mantissa_bits));
        double exact = (low + high) / 2;
        float middle = (float)exact;
        uint32_t even = p & 1 ? p + 1 : p;
        CHECK_MSG(t, (double)middle == exact, "%s %04x: the middle is a float", name, p);
        for (uint32_t sign = 0; sign < 2; sign++) {
            uint16_t s = (uint16_t)(sign << 15);
            float turn = sign ? -1.0f : 1.0f;
            CHECK_MSG(t, narrow(turn * middle) == (s | even), "%s tie above %04x", name, p);
            CHECK_MSG(t, narrow(turn * nextafterf(middle, 0.0f)) == (s | p), "%s below the tie above %04x",
                      name, p);
            CHECK_MSG(t, narrow(turn * nextafterf(middle, INFINITY)) == (s | (p + 1)),
                      "%s above the tie above %04x", name, p);
        }
    }
}

static void breaks_every_f16_tie(sterna_test *t)
{
    check_ties(t, sterna_f32_to_f16, 5, 10, "f16");
}
static void breaks_every_bf16_tie(sterna_test *t)
{
    check_ties(t, sterna_f32_to_bf16, 8, 7, "bf16");
}

static void handles_the_ends_of_the_range(sterna_test *t)
{
    CHECK(t, sterna_f32_to_f16(INFINITY) == 0x7C00 && sterna_f32_to_f16(-INFINITY) == 0xFC00);
    CHECK(t, sterna_f32_to_f16(3.4e38f) == 0x7C00 && sterna_f32_to_f16(-65520.0f) == 0xFC00);
    CHECK(t, sterna_f32_to_f16(1e-45f) == 0 && sterna_f32_to_f16(-1e-45f) == 0x8000);
    CHECK(t, sterna_f32_to_bf16(3.4e38f) == 0x7F80 && sterna_f32_to_bf16(1e-45f) == 0);
    /* A NaN whose payload lies below the kept bits stays a NaN. */
    CHECK(t, (sterna_f32_to_f16(float_of(0x7F800001u)) & 0x7FFF) > 0x7C00);
    CHECK(t, (sterna_f32_to_bf16(float_of(0xFF800001u)) & 0x7FFF) > 0x7F80);
}

#if defined(__x86_64__)
__attribute__((target("f16c"))) static uint16_t hardware_narrow(float value)
{
    return (uint16_t)_mm_extract_epi16(_mm_cvtps_ph(_mm_set_ss(value), _MM_FROUND_TO_NEAREST_INT), 0);
}

__attribute__((target("f16c"))) static float hardware_widen(uint16_t half)
{
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(half)));
}

static void agrees_with_the_processor(sterna_test *t)
{
    if (!__builtin_cpu_supports("avx2")) SKIP(t, "this processor has no F16C");
    for (uint32_t p = 0; p < 65536; p++)
        CHECK_MSG(t, bits_of(sterna_f16_to_f32((uint16_t)p)) == bits_of(hardware_widen((uint16_t)p)),
                  "f16 %04x", p);
    /* A step that is odd, so that low bits take every value. */
    for (uint64_t b = 0; b <= UINT32_MAX; b += 997)
        CHECK_MSG(t, sterna_f32_to_f16(float_of((uint32_t)b)) == hardware_narrow(float_of((uint32_t)b)),
                  "f32 %08x", (unsigned)b);
}
#else
static void agrees_with_the_processor(sterna_test *t)
{
    SKIP(t, "not an x86-64 processor");
}
#endif

const sterna_test_case sterna_test_cases[] = {
    {"widens_every_pattern", widens_every_pattern, 0},
    {"narrows_back_what_it_widened", narrows_back_what_it_widened, 0},
    {"breaks_every_f16_tie", breaks_every_f16_tie, 0},
    {"breaks_every_bf16_tie", breaks_every_bf16_tie, 0},
    {"handles_the_ends_of_the_range", handles_the_ends_of_the_range, 0},
    {"agrees_with_the_processor", agrees_with_the_processor, 0},
    {0},
};
