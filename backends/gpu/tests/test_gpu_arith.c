/* Division and square root of kernels/arith.kc, which are made of integers, against this processor's, bit by bit, and every
 * half as formats/ widens it. The .kc file is compiled here as C. */
#include "base/philox.h"
#include "formats/format.h"
#include "runner.h"
#include <math.h>
#include <string.h>

typedef uint32_t kernel_word;
#define uint kernel_word
#define FN   __attribute__((unused)) static inline
static float as_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static uint32_t as_uint(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
#define AS_FLOAT(bits) as_float(bits)
#define AS_UINT(value) as_uint(value)
#define TO_FLOAT(i)    ((float)(i))
#define TO_INT(x)      ((int)(x))
#define TO_UINT(x)     ((uint)(x))
#define RINT(x)        rintf(x)
#include "kernels/arith.kc"

static bool same(float a, float b)
{
    return as_uint(a) == as_uint(b) || (a != a && b != b);
}

static bool divides(sterna_test *t, uint32_t a, uint32_t b)
{
    float got = div_f32(as_float(a), as_float(b)), want = as_float(a) / as_float(b);
    if (same(got, want)) return true;
    EXPECT(t, same(got, want));
    sterna_test_note(t, "%08x / %08x is %08x, not %08x", a, b, as_uint(got), as_uint(want));
    return false;
}

static bool roots(sterna_test *t, uint32_t a)
{
    float got = sqrt_f32(as_float(a)), want = sqrtf(as_float(a));
    if (same(got, want)) return true;
    EXPECT(t, same(got, want));
    sterna_test_note(t, "the root of %08x is %08x, not %08x", a, as_uint(got), as_uint(want));
    return false;
}

/* Signed zeros, the ends and neighbours of the subnormals and of the normals, infinities, NaNs, and one significand
 * of each kind at every exponent. */
static uint32_t special(uint32_t i)
{
    static const uint32_t significands[] = {0, 1, 2, 0x7fffff, 0x7ffffe, 0x400000, 0x3fffff, 0x555555};
    return (i & 1u) << 31 | (i / 2 / 8 % 256) << 23 | significands[i / 2 % 8];
}
enum { SPECIALS = 2 * 8 * 256 };

static void division_of_special_values(sterna_test *t)
{
    for (uint32_t i = 0; i < SPECIALS; i++)
        for (uint32_t j = 0; j < SPECIALS; j++)
            if (!divides(t, special(i), special(j))) return;
}

static void division_of_random_values(sterna_test *t)
{
    for (uint32_t i = 0; i < 2000000; i++) {
        const sterna_philox r = sterna_philox4x32(1, 0, i, 0, 0, 0);
        /* Any two; then two whose quotient is near the subnormals; then two near each other. */
        if (!divides(t, r.word[0], r.word[1]) ||
            !divides(t, (r.word[0] & 0x807fffffu) | (1 + (r.word[2] & 63u)) << 23,
                     (r.word[1] & 0x807fffffu) | (120 + (r.word[3] & 63u)) << 23) ||
            !divides(t, r.word[0], r.word[0] + (r.word[1] & 15u)))
            return;
    }
}

static void square_roots(sterna_test *t)
{
    for (uint32_t i = 0; i < SPECIALS; i++)
        if (!roots(t, special(i))) return;
    for (uint32_t i = 0; i < 4000000; i++)
        if (!roots(t, i * 1073u) || !roots(t, 0x3f800000u + i)) return;
}

/* Squares of numbers of 24 bits, and their neighbours: where rounding turns. */
static void square_roots_near_squares(sterna_test *t)
{
    for (uint32_t i = 0x3f800000u; i < 0x40800000u; i += 7) {
        float x = as_float(i);
        uint32_t square = as_uint(x * x);
        if (!roots(t, square - 1) || !roots(t, square) || !roots(t, square + 1)) return;
    }
}

static void every_half(sterna_test *t)
{
    for (uint32_t half = 0; half <= 0xffff; half++) {
        uint32_t got = as_uint(f16_to_f32(half)), want = as_uint(sterna_f16_to_f32((uint16_t)half));
        CHECK_MSG(t, got == want, "half %04x is %08x, not %08x", half, got, want);
    }
}

const sterna_test_case sterna_test_cases[] = {{"division_of_special_values", division_of_special_values, 0},
                                              {"division_of_random_values", division_of_random_values, 0},
                                              {"square_roots", square_roots, 0},
                                              {"square_roots_near_squares", square_roots_near_squares, 0},
                                              {"every_half", every_half, 0},
                                              {0}};
