/* How weights lie in memory for vector kernels: panels of 16 rows, interleaved so that one 64-byte line holds
 * a few columns of all 16 and a dot product of four int8 values per row is one 32-bit lane. Owns: the
 * layouts, packing, and their inverse (for tests). Leaves to others: arithmetic (kernels_*.inc).
 *
 * Rows of the last panel that do not exist are zero bytes, and their results are never written. In the
 * drawings r is a row of the panel, 0 to 15, and every line is 64 bytes: lane r, a 32-bit word, belongs to
 * row r.
 *
 * TERNARY (TQ2_0), per block of 256 columns 16 lines of codes and one of scales:
 *     line t, lane r, byte j, bits 2g and 2g+1 = code of column 16 t + 4 g + j    (value = code - 1, code 3 is +2)
 *     scales: f32 d[16]
 *
 * Q8 (Q8_0), per block of 32 columns 8 lines and half a line of scales:
 *     line t, lane r, byte j = value of column 4 t + j
 *     scales: f16 d[16]
 *
 * Q4K (Q4_K), per block of 256 columns 32 lines, then the groups' scales and minima, then the block's:
 *     line t, lane r, byte j = column 8 t + j in the low half, column 8 t + 4 + j in the high half
 *     u8 scale[8][16], u8 min[8][16] (group, row), f16 d[16], f16 dmin[16] */
#ifndef STERNA_CPU_PACK_H
#define STERNA_CPU_PACK_H

#include "catalogue/catalogue.h"

enum {
    STERNA_CPU_PANEL_ROWS = 16,
    STERNA_CPU_TERNARY_CODES = 1024,
    STERNA_CPU_TERNARY_SCALES = 64,
    STERNA_CPU_Q8_D = 512,
    STERNA_CPU_Q8_BLOCK = STERNA_CPU_Q8_D + 32,
    STERNA_CPU_Q4K_SCALES = 2048,
    STERNA_CPU_Q4K_MINS = STERNA_CPU_Q4K_SCALES + 128,
    STERNA_CPU_Q4K_D = STERNA_CPU_Q4K_MINS + 128,
    STERNA_CPU_Q4K_BLOCK = STERNA_CPU_Q4K_D + 64,
};

typedef enum sterna_cpu_pack {
    STERNA_CPU_PACK_NONE, /* as in the file */
    STERNA_CPU_PACK_TERNARY,
    STERNA_CPU_PACK_Q8,
    STERNA_CPU_PACK_Q4K
} sterna_cpu_pack;

/* Where the scales of a ternary weight stand behind its codes. */
static inline uint64_t sterna_cpu_pack_scales_offset(const sterna_weight_view *view)
{
    return ((uint64_t)view->rows + STERNA_CPU_PANEL_ROWS - 1) / STERNA_CPU_PANEL_ROWS *
           (view->cols / view->format->values) * STERNA_CPU_TERNARY_CODES;
}
/* Bytes of a packed weight; UINT64_MAX when too large. */
uint64_t sterna_cpu_pack_bytes(sterna_cpu_pack pack, const sterna_weight_view *view);
/* Packs panels [begin, end) of view->data into their places in `out` (64-byte aligned, sterna_cpu_pack_bytes
 * long). Different panels may be packed by different threads. */
void sterna_cpu_pack_panels(sterna_cpu_pack pack, const sterna_weight_view *view, uint8_t *out,
                            uint64_t begin, uint64_t end);
/* The integer view of one stored block, read back from packed memory. */
void sterna_cpu_pack_read(sterna_cpu_pack pack, const sterna_weight_view *view, const uint8_t *packed,
                          uint32_t row, uint32_t block, sterna_block *out);

#endif
