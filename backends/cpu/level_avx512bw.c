/* The kernels of level avx512bw: AVX-512 F, BW, DQ and VL. Owns: nothing but the
 * names; bodies are in kernels_*.inc. Empty where the compiler was not told to use these instructions. */
#include "cpu/cpu_features.h"

#if defined(__AVX512BW__)
#define SIMD_VNNI 0
#include "cpu/simd_avx512.h"

#define LEVEL(name)                                       sterna_avx512bw_##name
#define KERNEL(LEVEL_NAME, op, FORMAT, ACT, PACK, symbol) sterna_kernel symbol;
#include "cpu/cpu_kernels.def"
#undef KERNEL
/* In this order: later ones use words of earlier ones. */
#include "cpu/kernels_block.inc"

#include "cpu/kernels_ternary.inc"

#include "cpu/kernels_float.inc"

#include "cpu/kernels_row.inc"

#include "cpu/kernels_attention.inc"

uint64_t LEVEL(peak_int8)(uint64_t rounds, int32_t *keep);
uint32_t LEVEL(read_all)(const uint8_t *data, uint64_t bytes);
#include "cpu/kernels_peak.inc"
#endif
