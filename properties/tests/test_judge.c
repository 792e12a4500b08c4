/* The comparators, tried with everything that has fooled others: NaN, zeros of two signs, empty arrays,
 * order, state. Each row of the table plants one difference; none may pass. */
#include "judge/bound.h"
#include "judge/compare.h"
#include "runner.h"
#include <math.h>
#include <string.h>

static float of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool equal(float a, float b)
{
    return sterna_compare_bits(STERNA_ELEMENT_F32, &a, &b, 1).different == 0;
}

static void bits(sterna_test *t)
{
    EXPECT(t, equal(1.0f, 1.0f) && equal(-0.0f, -0.0f) && equal(of(1), of(1)));
    EXPECT(t, equal(of(0x7FC00000), of(0xFFC12345))); /* any NaN is NaN */
    EXPECT(t, equal(of(0x7F800001), of(0x7FC00000)));
    static const uint32_t pair[][2] = {
        {0x3F800000, 0x3F800001}, {0x00000000, 0x80000000}, {0x7FC00000, 0x3F800000},
        {0x3F800000, 0xFFC00000}, {0x7F800000, 0xFF800000}, {0x7F800000, 0x7F7FFFFF},
        {0x7F800000, 0x7FC00000}, {0x00000001, 0x00000000}, {0xBF800000, 0x3F800000},
        {0x00000001, 0x80000001}, {0x7F7FFFFF, 0x7FC00000}, {0x00000000, 0x7FC00000}};
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
        if (!EXPECT(t, !equal(of(pair[i][0]), of(pair[i][1])) && !equal(of(pair[i][1]), of(pair[i][0]))))
            sterna_test_note(t, "%08x and %08x", pair[i][0], pair[i][1]);
}

static void counts(sterna_test *t)
{
    float got[1000], want[1000];
    for (uint32_t at = 0; at < 999; at += 37) {
        for (uint32_t i = 0; i < 1000; i++) got[i] = want[i] = (float)i;
        got[at] = of(0x7FC00000);
        got[999] = got[999] + 0.5f;
        sterna_difference d = sterna_compare_bits(STERNA_ELEMENT_F32, got, want, 1000);
        EXPECT(t, d.different == 2 && d.first == at && d.compared == 1000 && d.worst_ulp == UINT64_MAX);
        EXPECT(t, sterna_compare_bits(STERNA_ELEMENT_F32, got, want, at).different ==
                      0); /* a shorter look sees less */
        got[at] = want[at];
        d = sterna_compare_bits(STERNA_ELEMENT_F32, got, want, 1000);
        EXPECT(t, d.different == 1 && d.first == 999); /* nothing remembered */
    }
    int8_t a[300] = {0}, b[300] = {0};
    a[299] = -1;
    EXPECT(t, sterna_compare_bits(STERNA_ELEMENT_I8, a, b, 300).first == 299);
    /* Integers beyond 2^24 do not fall together. */
    uint32_t x = 16777217, y = 16777216;
    EXPECT(t, sterna_compare_bits(STERNA_ELEMENT_U32, &x, &y, 1).different == 1);
}

static void ulp(sterna_test *t)
{
    EXPECT(t, sterna_ulp_distance(1.0f, 1.0f) == 0);
    EXPECT(t,
           sterna_ulp_distance(1.0f, of(0x3F800001)) == 1 && sterna_ulp_distance(of(0x3F800001), 1.0f) == 1);
    EXPECT(t, sterna_ulp_distance(-0.0f, 0.0f) == 1 && sterna_ulp_distance(of(0x80000001), of(1)) == 3);
    EXPECT(t, sterna_ulp_distance(of(0x7F7FFFFF), of(0x7F800000)) == 1);
    EXPECT(t, sterna_ulp_distance(of(0xFF7FFFFF), of(0x7F7FFFFF)) == 2ull * 0x7F7FFFFF + 1);
    EXPECT(t, sterna_ulp_distance(NAN, 1.0f) == UINT64_MAX && sterna_ulp_distance(1.0f, NAN) == UINT64_MAX);
}

static bool near(float got, double value, double radius)
{
    return sterna_compare_truth(STERNA_ELEMENT_F32, &got, &value, &radius, 1).different == 0;
}

static void truth(sterna_test *t)
{
    EXPECT(t, near(1.0f, 1.0, 0) && near(1.5f, 1.0, 0.5) && near(0.5f, 1.0, 0.5));
    EXPECT(t, !near(of(0x3F800001), 1.0, 0) && !near(1.5f, 1.0, 0x1.fffffffffffffp-2));
    EXPECT(t, near(0.0f, 0.0, 0) && !near(-0.0f, 0.0, 0) && near(-0.0f, 0.0, 1e-300));
    /* NaN: on either side, in the radius; infinity is within nothing but an infinite radius. */
    EXPECT(t, !near(NAN, 1.0, 1e300) && !near(1.0f, (double)NAN, 1e300) && !near(1.0f, 1.0, (double)NAN));
    EXPECT(t, !near(INFINITY, 3e38, 1e38) && near(INFINITY, 3e38, (double)INFINITY));
    EXPECT(t, !near(-INFINITY, (double)INFINITY, 0));
    /* Monotone: what is within a radius is within a larger one; what is outside stays outside a smaller one. */
    for (int i = 0; i < 200; i++) {
        double value = ldexp(1 + i / 200.0, i - 100), radius = value * ldexp(1, -(i % 30));
        float got = (float)(value + radius * (i % 3 - 1) * 0.999);
        if (near(got, value, radius)) EXPECT(t, near(got, value, radius * 2));
        if (!near(got, value, radius)) EXPECT(t, !near(got, value, radius / 2));
    }
    uint16_t half[] = {0x3C00, 0x8001, 0x7BFF, 0x0400};
    double value[] = {1.0, -0x1p-24, 65504.0, 0x1p-14}, zero[4] = {0};
    EXPECT(t, sterna_compare_truth(STERNA_ELEMENT_F16, half, value, zero, 4).different == 0);
    half[2] = 0x7C00;
    EXPECT(t, sterna_compare_truth(STERNA_ELEMENT_F16, half, value, zero, 4).first == 2);
}

/* Same data in another order: same count. */
static void order(sterna_test *t)
{
    float got[64], want[64], swapped_got[64], swapped_want[64];
    for (uint32_t i = 0; i < 64; i++) {
        got[i] = (float)(i * i % 17);
        want[i] = (float)(i * i % 13);
        swapped_got[63 - i] = got[i];
        swapped_want[63 - i] = want[i];
    }
    sterna_difference a = sterna_compare_bits(STERNA_ELEMENT_F32, got, want, 64);
    sterna_difference b = sterna_compare_bits(STERNA_ELEMENT_F32, swapped_got, swapped_want, 64);
    EXPECT(t, a.different == b.different && a.different > 0 && a.worst_ulp == b.worst_ulp);
}

static void nothing_is_no_pass(sterna_test *t)
{
    sterna_verdict v = {0};
    float x = 1;
    double value = 1, radius = 1;
    EXPECT(t, !sterna_judge_bits(&v, STERNA_VERDICT_WRONG_BITS, "y", STERNA_ELEMENT_F32, &x, &x, 0));
    EXPECT(t, sterna_verdict_failed(v.code));
    v = (sterna_verdict){0};
    EXPECT(t, !sterna_judge_truth(&v, "y", STERNA_ELEMENT_F32, &x, &value, &radius, 0));
    EXPECT(t, sterna_verdict_failed(v.code));
}

static void precedence(sterna_test *t)
{
    sterna_verdict v = {0};
    sterna_judge(&v, STERNA_VERDICT_WRONG_BITS, "first");
    sterna_judge(&v, STERNA_VERDICT_WRONG_BITS, "second");
    EXPECT(t, strcmp(v.text, "first") == 0);
    sterna_judge(&v, STERNA_VERDICT_UNSUPPORTED, "no excuse");
    EXPECT(t, v.code == STERNA_VERDICT_WRONG_BITS);
    sterna_judge(&v, STERNA_VERDICT_UNWRITTEN, "cause");
    EXPECT(t, v.code == STERNA_VERDICT_UNWRITTEN && strcmp(v.text, "cause") == 0);
    for (uint32_t i = 0; i < STERNA_VERDICTS; i++)
        EXPECT(t, sterna_verdict_find(sterna_verdict_name((sterna_verdict_code)i)) == (sterna_verdict_code)i);
    EXPECT(t, sterna_verdict_failed(STERNA_VERDICTS) && !sterna_verdict_failed(STERNA_VERDICT_PASS));
}

/* The bounds are what they are derived to be: sums built to be as bad as rounding can make them stay inside,
 * and a bound a quarter as large would not hold. */
static void bounds(sterna_test *t)
{
    EXPECT(t, sterna_gamma(1) > STERNA_U32 && sterna_gamma(1) < STERNA_U32 * (1 + 0x1p-23));
    double exact = 1, used = 0;
    float sum = 1.0f;
    for (uint32_t n = 1; n <= 4096; n++) {
        /* Half an ULP, just so, is lost with every addition. */
        float term = 0x1.fffffep-25f;
        sum = sum + term;
        exact += (double)term;
        double radius = sterna_gamma(n) * exact, error = fabs((double)sum - exact);
        if (!EXPECT(t, error <= radius)) break;
        if (error / radius > used) used = error / radius;
    }
    EXPECT(t, used > 0.25);
    EXPECT(t,
           sterna_r32_depth(1, 0) == 7 && sterna_r32_depth(4096, 0) == 134 && sterna_r32_depth(33, 1) == 33);
}

const sterna_test_case sterna_test_cases[] = {{"bits", bits, 0},
                                              {"counts", counts, 0},
                                              {"ulp", ulp, 0},
                                              {"truth", truth, 0},
                                              {"order", order, 0},
                                              {"nothing_is_no_pass", nothing_is_no_pass, 0},
                                              {"precedence", precedence, 0},
                                              {"bounds", bounds, 0},
                                              {0}};
