/* Checked and saturating arithmetic on sizes that come from outside.
 * Owns: the overflow rules. Every size computed from a file, a flag or a shape goes through here. */
#ifndef STERNA_SIZE_H
#define STERNA_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when the result fits; *out is written only then. */
static inline bool sterna_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    if (a > UINT64_MAX - b) return false;
    *out = a + b;
    return true;
}

static inline bool sterna_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    if (b != 0 && a > UINT64_MAX / b) return false;
    *out = a * b;
    return true;
}

/* Rounds up to a multiple of `alignment` (a power of two). */
static inline bool sterna_align_u64(uint64_t a, uint64_t alignment, uint64_t *out)
{
    uint64_t sum;
    if (!sterna_add_u64(a, alignment - 1, &sum)) return false;
    *out = sum & ~(alignment - 1);
    return true;
}

/* Saturating forms: UINT64_MAX means "too large" and stays so. */
static inline uint64_t sterna_sat_mul(uint64_t a, uint64_t b)
{
    uint64_t out;
    return sterna_mul_u64(a, b, &out) ? out : UINT64_MAX;
}

static inline uint64_t sterna_sat_add(uint64_t a, uint64_t b)
{
    uint64_t out;
    return sterna_add_u64(a, b, &out) ? out : UINT64_MAX;
}

static inline bool sterna_is_pow2(uint64_t a)
{
    return a != 0 && (a & (a - 1)) == 0;
}

/* Number of elements of a fixed array. */
#define STERNA_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
