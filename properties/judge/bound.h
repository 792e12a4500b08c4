/* Derived error bounds: the only tolerances of the bench.
 * Owns: the rounding-error constants and their combinations. No number here is tuned; each follows from
 * binary32 round-to-nearest (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.1). */
#ifndef STERNA_BOUND_H
#define STERNA_BOUND_H

#include <math.h>
#include <stdint.h>

/* Unit roundoff of binary32, half its smallest subnormal (the absolute error of a product or quotient that
 * underflows), and its largest finite value. */
#define STERNA_U32       0x1p-24
#define STERNA_ETA32     0x1p-150
#define STERNA_LARGEST32 0x1.fffffep+127
/* exp of the canonical arithmetic: at most 2 ULP (docs/numerics.md section 3), an ULP being at most 2u
 * relative; results below the smallest normal are +0. */
#define STERNA_EXP_RELATIVE (4.0 * STERNA_U32)
#define STERNA_SMALLEST32   0x1p-126

/* |product of n factors (1 + d_i)^(+-1), |d_i| <= u, minus 1| <= gamma_n (Higham, lemma 3.1). */
static inline double sterna_gamma(double n)
{
    return n * STERNA_U32 / (1.0 - n * STERNA_U32);
}

/* Roundings on the longest path of a sum of n products: the product, the additions of its lane, the folds.
 * With `any_order` for the fast profile: n - 1 additions at worst, plus the product. */
static inline double sterna_r32_depth(uint64_t n, int any_order)
{
    return any_order ? (double)n : (double)((n + 31) / 32) + 5.0 + 1.0;
}

static inline double sterna_r8_depth(uint64_t n, int any_order)
{
    return any_order ? (double)n : (double)((n + 7) / 8) + 3.0;
}

#endif
