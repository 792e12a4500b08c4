/* The vocabulary in AVX-512 F, BW, DQ and VL; with SIMD_VNNI int8 dot products are one instruction. See
 * simd.h. */
#ifndef STERNA_CPU_SIMD_AVX512_H
#define STERNA_CPU_SIMD_AVX512_H

#include "cpu/simd.h"

#define SIMD_WIDE 1
enum { LANES = 16, PARTS = 1, QUADS = 2 };
typedef __m512 vf;
typedef __m512i vi;

INLINE vf f_zero(void)
{
    return _mm512_setzero_ps();
}
INLINE vf f_set(float x)
{
    return _mm512_set1_ps(x);
}
INLINE vf f_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
INLINE void f_store(float *p, vf x)
{
    _mm512_storeu_ps(p, x);
}
INLINE vf f_load_f16(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
INLINE vf f_load_bf16(const uint8_t *p)
{
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
INLINE void f_store_f16(uint8_t *p, vf x)
{
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
INLINE vf f_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
INLINE vf f_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}
INLINE vf f_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
INLINE vf f_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}
INLINE vf f_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
INLINE vf f_rint(vf a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vi f_bits(vf a)
{
    return _mm512_castps_si512(a);
}
INLINE vf i_float_bits(vi a)
{
    return _mm512_castsi512_ps(a);
}
INLINE vi f_to_int(vf a)
{
    return _mm512_cvtps_epi32(a);
}
INLINE vf i_to_float(vi a)
{
    return _mm512_cvtepi32_ps(a);
}
INLINE vf f_if_less(vf a, vf b, vf x, vf y)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
INLINE vf f_if_nan(vf a, vf x, vf y)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), y, x);
}
INLINE vf f_swap_pairs(vf a)
{
    return _mm512_permute_ps(a, 0xb1);
}
INLINE vf f_even(vf a)
{
    return _mm512_moveldup_ps(a);
}
INLINE vf f_odd(vf a)
{
    return _mm512_movehdup_ps(a);
}
INLINE vf f_negate_even(vf a)
{
    return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi64(0x80000000)));
}
INLINE void f_load_pairs(const float *p, vf *even, vf *odd)
{
    const vi e = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const vi o = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    vf a = f_load(p), b = f_load(p + 16);
    *even = _mm512_permutex2var_ps(a, e, b);
    *odd = _mm512_permutex2var_ps(a, o, b);
}

INLINE float f_fold32(const vf a[QUADS])
{
    vf sixteen = f_add(a[0], a[1]);
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sixteen), _mm512_extractf32x8_ps(sixteen, 1));
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}

INLINE vi i_zero(void)
{
    return _mm512_setzero_si512();
}
INLINE vi i_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}
INLINE vi i_load(const void *p)
{
    return _mm512_loadu_si512(p);
}
INLINE void i_store(void *p, vi x)
{
    _mm512_storeu_si512(p, x);
}
INLINE vi i_load_u8(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
INLINE vi i_add(vi a, vi b)
{
    return _mm512_add_epi32(a, b);
}
INLINE vi i_sub(vi a, vi b)
{
    return _mm512_sub_epi32(a, b);
}
INLINE vi i_mul(vi a, vi b)
{
    return _mm512_mullo_epi32(a, b);
}
INLINE vi i_max(vi a, vi b)
{
    return _mm512_max_epi32(a, b);
}
INLINE vi i_min(vi a, vi b)
{
    return _mm512_min_epi32(a, b);
}
INLINE vi i_and(vi a, vi b)
{
    return _mm512_and_si512(a, b);
}
INLINE vi i_xor(vi a, vi b)
{
    return _mm512_xor_si512(a, b);
}
#define i_shift_left(a, n)    _mm512_slli_epi32((a), (n))
#define i_shift_right(a, n)   _mm512_srai_epi32((a), (n))
#define i_shift_logical(a, n) _mm512_srli_epi32((a), (n))
#define i_shift_right16(a, n) _mm512_srli_epi16((a), (n))
INLINE void i_store_i8(int8_t *p, vi x)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtsepi32_epi8(x));
}

#if SIMD_VNNI
#define SIMD_UNSHIFTED 1
/* As an instruction and not as the intrinsic: gcc 12 copies every accumulator of the intrinsic into another
 * register and back in each round, which costs half of the throughput. */
INLINE vi dot(vi acc, vi u, vi q)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(u), "v"(q));
    return acc;
}
INLINE vi small(vi acc, vi u, vi q)
{
    return dot(acc, u, q);
}
INLINE vi small_sum(vi total, vi acc)
{
    return i_add(total, acc);
}
#else
#define SIMD_UNSHIFTED 0
INLINE vi dot(vi acc, vi u, vi q)
{
    vi even =
        _mm512_madd_epi16(i_and(u, _mm512_set1_epi16(255)), _mm512_srai_epi16(_mm512_slli_epi16(q, 8), 8));
    vi odd = _mm512_madd_epi16(_mm512_srli_epi16(u, 8), _mm512_srai_epi16(q, 8));
    return i_add(acc, i_add(even, odd));
}
INLINE vi small(vi acc, vi u, vi q)
{
    return _mm512_add_epi16(acc, _mm512_maddubs_epi16(u, q));
}
INLINE vi small_sum(vi total, vi acc)
{
    return i_add(total, _mm512_madd_epi16(acc, _mm512_set1_epi16(1)));
}
#endif

#endif
