/* What the vocabularies of all levels share. A kernel body (kernels_*.inc) is written once in the words that
 * simd_avx2.h and simd_avx512.h define, and is compiled once per level.
 *
 *   LANES   32-bit lanes of a vector; PARTS = 16 / LANES vectors make a line of a panel, QUADS = 32 / LANES
 * an R32 vf, vi  a vector of binary32, of 32-bit integers (or of the bytes in them) f_*     binary32;
 * f_fold32 folds 32 lanes in halves (docs/numerics.md section 2); no word ever fuses i_*     integers dot acc
 * += sum over the four bytes of each lane of u8 times s8: exact for all bytes small   the same for codes
 * below 16, at most SMALL_STEPS in a row before small_sum turns them into int32 Owns: attributes and the
 * tails of rows. */
#ifndef STERNA_CPU_SIMD_H
#define STERNA_CPU_SIMD_H

#include "catalogue/catalogue.h"
#include "cpu/cpu_pack.h"
#include "reference/ref_math.h"
#include "reference/reference.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline, unused))
/* Loops over accumulators must disappear, or the accumulators live in memory. */
#if defined(__clang__)
#define EACH(i, n) _Pragma("clang loop unroll(full)") for (uint32_t i = 0; i < (n); i++)
#else
#define EACH(i, n) _Pragma("GCC unroll 32") for (uint32_t i = 0; i < (n); i++)
#endif

/* The four int8 values that one step multiplies, as a word. */
INLINE int32_t four(const int8_t *q)
{
    int32_t word;
    memcpy(&word, q, sizeof word);
    return word;
}

/* Sum of 32 int8 values (every level has AVX2): 128 is added to each to make bytes for vpsadbw. */
INLINE int32_t sum_of_32(const int8_t *q)
{
    __m256i bytes = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)q), _mm256_set1_epi8((char)0x80));
    __m256i four_sums = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
    __m128i two = _mm_add_epi64(_mm256_castsi256_si128(four_sums), _mm256_extracti128_si256(four_sums, 1));
    return _mm_cvtsi128_si32(_mm_add_epi64(two, _mm_unpackhi_epi64(two, two))) - 32 * 128;
}

#endif
