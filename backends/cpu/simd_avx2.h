/* The vocabulary in AVX2 and F16C. See simd.h. */
#ifndef STERNA_CPU_SIMD_AVX2_H
#define STERNA_CPU_SIMD_AVX2_H

#include "cpu/simd.h"

#define SIMD_WIDE 0
enum { LANES = 8, PARTS = 2, QUADS = 4 };
typedef __m256 vf;
typedef __m256i vi;

INLINE vf f_zero(void)
{
    return _mm256_setzero_ps();
}
INLINE vf f_set(float x)
{
    return _mm256_set1_ps(x);
}
INLINE vf f_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
INLINE void f_store(float *p, vf x)
{
    _mm256_storeu_ps(p, x);
}
INLINE vf f_load_f16(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
INLINE vf f_load_bf16(const uint8_t *p)
{
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
INLINE void f_store_f16(uint8_t *p, vf x)
{
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
INLINE vf f_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}
INLINE vf f_sub(vf a, vf b)
{
    return _mm256_sub_ps(a, b);
}
INLINE vf f_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}
INLINE vf f_div(vf a, vf b)
{
    return _mm256_div_ps(a, b);
}
/* a > b ? a : b */
INLINE vf f_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}
INLINE vf f_rint(vf a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vi f_bits(vf a)
{
    return _mm256_castps_si256(a);
}
INLINE vf i_float_bits(vi a)
{
    return _mm256_castsi256_ps(a);
}
INLINE vi f_to_int(vf a)
{
    return _mm256_cvtps_epi32(a);
}
INLINE vf i_to_float(vi a)
{
    return _mm256_cvtepi32_ps(a);
}
/* a < b ? x : y, and a is NaN ? x : y */
INLINE vf f_if_less(vf a, vf b, vf x, vf y)
{
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
INLINE vf f_if_nan(vf a, vf x, vf y)
{
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}
/* (a0, a1, a2, ...) -> (a1, a0, a3, a2, ...) and the copies of even and odd lanes */
INLINE vf f_swap_pairs(vf a)
{
    return _mm256_permute_ps(a, 0xb1);
}
INLINE vf f_even(vf a)
{
    return _mm256_moveldup_ps(a);
}
INLINE vf f_odd(vf a)
{
    return _mm256_movehdup_ps(a);
}
INLINE vf f_negate_even(vf a)
{
    return _mm256_castsi256_ps(_mm256_xor_si256(_mm256_castps_si256(a), _mm256_set1_epi64x(0x80000000)));
}
/* Even and odd elements of 2 * LANES consecutive floats. */
INLINE void f_load_pairs(const float *p, vf *even, vf *odd)
{
    vf a = f_load(p), b = f_load(p + 8);
    vf e = _mm256_shuffle_ps(a, b, 0x88), o = _mm256_shuffle_ps(a, b, 0xdd);
    *even = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(e), 0xd8));
    *odd = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(o), 0xd8));
}

INLINE float f_fold32(const vf a[QUADS])
{
    vf eight = f_add(f_add(a[0], a[2]), f_add(a[1], a[3]));
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}

INLINE vi i_zero(void)
{
    return _mm256_setzero_si256();
}
INLINE vi i_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}
INLINE vi i_load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
INLINE void i_store(void *p, vi x)
{
    _mm256_storeu_si256((__m256i *)p, x);
}
INLINE vi i_load_u8(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
}
INLINE vi i_add(vi a, vi b)
{
    return _mm256_add_epi32(a, b);
}
INLINE vi i_sub(vi a, vi b)
{
    return _mm256_sub_epi32(a, b);
}
INLINE vi i_mul(vi a, vi b)
{
    return _mm256_mullo_epi32(a, b);
}
INLINE vi i_max(vi a, vi b)
{
    return _mm256_max_epi32(a, b);
}
INLINE vi i_min(vi a, vi b)
{
    return _mm256_min_epi32(a, b);
}
INLINE vi i_and(vi a, vi b)
{
    return _mm256_and_si256(a, b);
}
INLINE vi i_xor(vi a, vi b)
{
    return _mm256_xor_si256(a, b);
}
#define i_shift_left(a, n)    _mm256_slli_epi32((a), (n))
#define i_shift_right(a, n)   _mm256_srai_epi32((a), (n))
#define i_shift_logical(a, n) _mm256_srli_epi32((a), (n))
#define i_shift_right16(a, n) _mm256_srli_epi16((a), (n))
/* Lanes saturated to int8, LANES bytes. */
INLINE void i_store_i8(int8_t *p, vi x)
{
    __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packs_epi16(half, half));
}

INLINE vi dot(vi acc, vi u, vi q)
{
    /* Even and odd bytes as 16-bit numbers: both products and their sum fit 32 bits. */
    vi even =
        _mm256_madd_epi16(i_and(u, _mm256_set1_epi16(255)), _mm256_srai_epi16(_mm256_slli_epi16(q, 8), 8));
    vi odd = _mm256_madd_epi16(_mm256_srli_epi16(u, 8), _mm256_srai_epi16(q, 8));
    return i_add(acc, i_add(even, odd));
}
#define SIMD_UNSHIFTED 0
INLINE vi small(vi acc, vi u, vi q)
{
    return _mm256_add_epi16(acc, _mm256_maddubs_epi16(u, q));
}
INLINE vi small_sum(vi total, vi acc)
{
    return i_add(total, _mm256_madd_epi16(acc, _mm256_set1_epi16(1)));
}

#endif
