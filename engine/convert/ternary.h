/* TQ2_0 with one scale for a whole tensor, as BitNet's linear layers are stored. Owns: packing codes.
 * Leaves to others: the general format (formats/fmt_tq.c), which chooses a scale for each block. */
#ifndef STERNA_TERNARY_H
#define STERNA_TERNARY_H

#include <stdint.h>

enum { STERNA_TERNARY_VALUES = 256, STERNA_TERNARY_BYTES = 66 };

/* 256 codes + 1 (0, 1, 2) and the scale's bits into one block: per half of 128 values 32 bytes, byte j
 * holding the values j, j + 32, j + 64, j + 96 from the low bits up; then the F16 scale (ggml, block_tq2_0). */
static inline void sterna_ternary_pack(const uint8_t codes[STERNA_TERNARY_VALUES], uint16_t scale,
                                       uint8_t out[STERNA_TERNARY_BYTES])
{
    for (int half = 0; half < 2; half++)
        for (int j = 0; j < 32; j++) {
            const uint8_t *c = codes + 128 * half + j;
            out[32 * half + j] = (uint8_t)(c[0] | c[32] << 2 | c[64] << 4 | c[96] << 6);
        }
    out[64] = (uint8_t)scale;
    out[65] = (uint8_t)(scale >> 8);
}

#endif
