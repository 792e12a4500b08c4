/* How a weight's row lies in device memory: words only, so that kernels need no unaligned loads.
 * Owns: the layout. Leaves to others: unpacking on the device (kernels/unpack_*.kc), the file's layout
 * (formats/).
 *
 * Blocks of a multiple of four bytes stay as they are. A block with an f16 beside a whole number of words is
 * taken apart: row:  words of block 0 | words of block 1 | ... | f16 of block 0, f16 of block 1 | ... (two to
 * a word) F16 and BF16 are rows of halves. Rows are padded to whole words, with zeros. */
#ifndef STERNA_GPU_LAYOUT_H
#define STERNA_GPU_LAYOUT_H

#include "formats/format.h"

/* Words of a row; false when they do not fit 32 bits. */
bool sterna_gpu_row_words(const sterna_format *format, uint32_t cols, uint32_t *words);
/* How `rows` rows of `words` words are cut so that no part exceeds `binding` bytes: parts of `per_part` rows, the last of
 * them smaller. False when one row does. */
bool sterna_gpu_split_rows(uint64_t binding, uint32_t words, uint32_t rows, uint32_t *per_part,
                           uint32_t *parts);
/* Lays one row out. */
void sterna_gpu_pack_row(const sterna_format *format, uint32_t cols, const uint8_t *row, uint8_t *out);

#endif
