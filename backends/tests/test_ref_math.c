/* The canonical functions: error in ULP over every binary32 input, special values, and the RoPE table against
 * libm. */
#include "base/mem.h"
#include "reference/ref_math.h"
#include "runner.h"
#include <math.h>

/* |got - want| in units of the last place of the correctly rounded result. */
static double ulps(float got, double want)
{
    float rounded = (float)want;
    int exponent;
    if (got == rounded) return 0;
    frexpf(rounded, &exponent);
    return fabs((double)got - want) / ldexp(1.0, exponent - 24);
}

/* Every third binary32 value of the domain, in both signs, when built for speed; sanitizers take every
 * 1009th. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STRIDE = 1009 };
#else
enum { STRIDE = 61 };
#endif

static void exp_stays_within_its_bound(sterna_test *t)
{
    double worst = 0;
    float at = 0;
    for (uint64_t bits = 0; bits < 0x100000000u; bits += STRIDE) {
        float x = sterna_float((uint32_t)bits), y = sterna_exp(x);
        if (x != x) {
            CHECK(t, y != y);
            continue;
        }
        double want = exp((double)x);
        if (want < 0x1p-126) {
            /* On the edge the rounded result may be the smallest normal. */
            CHECK_MSG(t, y == 0.0f || want > 0x1p-126 * (1 - 0x1p-22), "exp(%a) = %a", (double)x, (double)y);
            continue;
        }
        if (x > 88.722839f) {
            CHECK(t, isinf(y));
            continue;
        }
        double error = ulps(y, want);
        if (error > worst) {
            worst = error;
            at = x;
        }
    }
    sterna_test_note(t, "worst error %.3f ULP at %a", worst, (double)at);
    CHECK(t, worst <= 2.0);
    CHECK(t, worst > 0.5); /* a comparison that always says 0 would show here */
}

static void exp_has_the_stated_special_values(sterna_test *t)
{
    CHECK(t, sterna_bits(sterna_exp(0.0f)) == 0x3f800000u);
    CHECK(t, sterna_bits(sterna_exp(-0.0f)) == 0x3f800000u);
    CHECK(t, sterna_bits(sterna_exp(-87.34f)) == 0);
    CHECK(t, sterna_bits(sterna_exp(-INFINITY)) == 0);
    CHECK(t, sterna_exp(-87.33654f) == 0.0f || sterna_exp(-87.33654f) >= 0x1p-126f);
    CHECK(t, isinf(sterna_exp(88.73f)) && isinf(sterna_exp(INFINITY)));
    CHECK(t, isfinite(sterna_exp(88.72283f)));
}

static void silu_never_gives_a_subnormal(sterna_test *t)
{
    for (uint64_t bits = 0; bits < 0x100000000u; bits += STRIDE * 7) {
        float x = sterna_float((uint32_t)bits);
        if (x != x || isinf(x)) continue;
        float y = sterna_silu(x);
        double want = (double)x / (1.0 + exp(-(double)x));
        CHECK_MSG(t, y == 0.0f || fabsf(y) >= 0x1p-126f, "silu(%a) = %a", (double)x, (double)y);
        CHECK(t, !(y == 0.0f && signbit(y)));
        if (fabs(want) > 0x1p-120)
            CHECK_MSG(t, fabs((double)y - want) <= 4 * 0x1p-24 * fabs(want) * 1.5, "silu(%a) = %a, want %a",
                      (double)x, (double)y, want);
    }
    CHECK(t, sterna_bits(sterna_silu(-100.0f)) == 0);
}

static void folds_follow_the_halves(sterna_test *t)
{
    /* 2^24 + 1 is lost when added late and kept when its partner comes first: order shows in the result. */
    float lane[32] = {0};
    lane[0] = 16777216.0f;
    lane[16] = 1.0f;
    lane[1] = 1.0f;
    CHECK(t, sterna_fold32(lane) == 16777216.0f);
    float other[32] = {0};
    other[0] = 16777216.0f;
    other[1] = 1.0f;
    other[17] = 1.0f;
    CHECK(t, sterna_fold32(other) == 16777218.0f);
    float eight[8] = {16777216.0f, 1.0f, 0, 0, 1.0f, 0, 0, 0};
    CHECK(t, sterna_fold8(eight) == 16777216.0f);
}

static void binary64_helpers_agree_with_libm(sterna_test *t)
{
    for (int i = 0; i < 20000; i++) {
        double x = 1e-3 + i * 37.123, s, c;
        CHECK_MSG(t, fabs(sterna_log64(x) - log(x)) <= 1e-15 * (1 + fabs(log(x))), "log(%a)", x);
        double e = -30 + i * 0.0015;
        CHECK_MSG(t, fabs(sterna_exp64(e) / exp(e) - 1) <= 1e-15, "exp(%a)", e);
        double angle = i * 838.7123;
        sterna_sincos64(angle, &s, &c);
        CHECK_MSG(t, fabs(s - sin(angle)) < 1e-15 && fabs(c - cos(angle)) < 1e-15, "sincos(%a): %a %a", angle,
                  s, c);
    }
}

static void rope_table_is_the_rounded_angle(sterna_test *t)
{
    enum { N = 128, COUNT = 600 };
    float factors[N / 2], *table = sterna_alloc(COUNT * N, sizeof *table);
    for (int i = 0; i < N / 2; i++) factors[i] = 1.0f + (float)i / 8;
    sterna_rope_params params = {N, 500000.0, 0.25, factors};
    uint32_t first = 16000000, differ = 0;
    CHECK(t, table != NULL);
    for (int pass = 0; pass < 2; pass++, first = 0) {
        sterna_rope_table(&params, first, COUNT, table);
        for (uint32_t p = 0; p < COUNT; p++)
            for (int i = 0; i < N / 2; i++) {
                double angle = (first + p) * (pow(500000.0, -2.0 * i / N) * 0.25 / (double)factors[i]);
                float c = (float)cos(angle), s = (float)sin(angle);
                CHECK(t, fabsf(table[(p * (N / 2) + i) * 2] - c) < 1e-6f &&
                             fabsf(table[(p * (N / 2) + i) * 2 + 1] - s) < 1e-6f);
                differ += table[(p * (N / 2) + i) * 2] != c;
            }
    }
    sterna_test_note(t, "%u of %u cosines differ from libm's rounding", differ, 2 * COUNT * N / 2);
    CHECK(t, differ < COUNT * N / 100);
    CHECK(t, table[0] == 1.0f && table[1] == 0.0f);
    sterna_free(table);
}

const sterna_test_case sterna_test_cases[] = {
    {"exp_stays_within_its_bound", exp_stays_within_its_bound, 60},
    {"exp_has_the_stated_special_values", exp_has_the_stated_special_values, 0},
    {"silu_never_gives_a_subnormal", silu_never_gives_a_subnormal, 60},
    {"folds_follow_the_halves", folds_follow_the_halves, 0},
    {"binary64_helpers_agree_with_libm", binary64_helpers_agree_with_libm, 0},
    {"rope_table_is_the_rounded_angle", rope_table_is_the_rounded_angle, 0},
    {0},
};
