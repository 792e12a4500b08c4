/* How a tensor's values lie in memory. Owns: block sizes, pack, unpack, validate, and the integer view of a
 * block. Leaves to others: arithmetic on activations (reference/), layouts for speed (cpu/cpu_pack,
 * kernels/).
 *
 * A row is cols / values blocks, adjacent. `unpack` gives the correctly rounded real values (docs/numerics.md
 * section 4); `decode` gives what kernels compute with: integers, scales and minima, so that every backend
 * can lay a block out as it likes and the bits are already the final ones. Layouts are drawn in
 * docs/formats.md and above each family's functions; sources: ggml's block structs. */
#ifndef STERNA_FORMAT_H
#define STERNA_FORMAT_H

#include "base/status.h"
#include <stdbool.h>

enum {
#define FORMAT(id, name, values, bytes, act, stem) STERNA_FORMAT_##name = id,
#define FORMAT_STORED(id, name, values, bytes)     STERNA_FORMAT_##name = id,
#include "formats/formats.def"
#undef FORMAT
#undef FORMAT_STORED
};

/* One block of a quantised format in integers:
 *   value[i] = d * scale[i / group] * q[i] - dmin * min[i / group]
 * with scale = 1 and min = 0 where the format has none. */
typedef struct sterna_block {
    int8_t q[256];
    float d, dmin;
    uint8_t scale[8], min[8];
} sterna_block;

typedef struct sterna_format {
    uint32_t id;
    const char *name;
    uint32_t values, bytes; /* of one block */
    uint32_t group;         /* values per sub-scale; = values where there are none */
    uint32_t has_min;       /* 1: dmin and min are used */
    sterna_act act;         /* outside BitNet architectures */
    /* All NULL for a type that is only stored. `cols` is a multiple of `values`. */
    void (*unpack)(const uint8_t *row, uint32_t cols, float *out);
    /* Rounds as ggml's reference quantiser does. FAILED when a value is not finite. */
    sterna_status (*pack)(const float *in, uint32_t cols, uint8_t *row);
    /* Index of the first block whose scale is not finite, or `blocks` when all are well. */
    uint64_t (*validate)(const uint8_t *data, uint64_t blocks);
    /* NULL for F32, F16, BF16. */
    void (*decode)(const uint8_t *block, sterna_block *out);
} sterna_format;

/* NULL when the id is not in formats.def. */
const sterna_format *sterna_format_find(uint32_t id);
/* By name, upper or lower case ("tq2_0"); NULL when unknown. */
const sterna_format *sterna_format_named(const char *name);
/* All rows, in the order of formats.def. */
const sterna_format *sterna_format_all(uint32_t *count);
/* Bytes of `cols` values; false when cols is not a multiple of the block or the size does not fit. */
bool sterna_format_row_bytes(const sterna_format *format, uint64_t cols, uint64_t *bytes);

/* Exact widenings and correctly rounded (nearest, ties to even) narrowings, in integer code. NaN narrows to a
 * quiet NaN; values beyond the largest finite one narrow to infinity. */
float sterna_f16_to_f32(uint16_t half);
uint16_t sterna_f32_to_f16(float value);
float sterna_bf16_to_f32(uint16_t bits);
uint16_t sterna_f32_to_bf16(float value);

#endif
