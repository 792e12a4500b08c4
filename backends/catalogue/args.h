/* Arguments as C structs, and the one kernel signature of reference and CPU code.
 * Owns: the expansion of args.def into types. Leaves to others: what kernels do. */
#ifndef STERNA_ARGS_H
#define STERNA_ARGS_H

#include "catalogue/args.def"
#include "formats/format.h"

/* A constant matrix as kernels see it. `data` are the bytes of the GGUF file; `packed` is what the level made
 * of them at load (cpu/cpu_pack.h), NULL where a kernel reads `data`. */
typedef struct sterna_weight_view {
    const sterna_format *format;
    sterna_act act;
    uint32_t rows, cols;
    uint64_t row_bytes;
    const uint8_t *data;
    const void *packed;
    /* ACT_TOKEN: 1 when all block scales are equal (then `scale` is that value), else 0. */
    uint32_t uniform;
    float scale;
} sterna_weight_view;

typedef float sterna_type_f32;
typedef uint32_t sterna_type_u32;
typedef int8_t sterna_type_i8;
typedef uint8_t sterna_type_byte;

#define STERNA_FIELD_IN(type, name, extent)          const sterna_type_##type *name;
#define STERNA_FIELD_OUT(type, name, extent)         sterna_type_##type *name;
#define STERNA_FIELD_WEIGHT(name, rows, cols, klass) const sterna_weight_view *name;
#define STERNA_FIELD_U32(name, low, high)            uint32_t name;
#define STERNA_FIELD_F32(name)                       float name;

#define OP(name, items, oracle, laws, sentence)                                                              \
    typedef struct sterna_args_##name {                                                                      \
        STERNA_ARGS_##name(STERNA_FIELD_IN, STERNA_FIELD_OUT, STERNA_FIELD_OUT, STERNA_FIELD_WEIGHT,         \
                           STERNA_FIELD_U32, STERNA_FIELD_F32)                                               \
    } sterna_args_##name;
#include "catalogue/ops.def"
#undef OP

typedef union sterna_args {
#define OP(name, items, oracle, laws, sentence) sterna_args_##name name;
#include "catalogue/ops.def"
#undef OP
} sterna_args;

/* Computes work items [begin, end) of the operation. Ranges of one call never overlap, so threads may share a
 * call. Bad values set bits of *flags (STERNA_FLAG_*). Pointers are valid for the extents of args.def; the
 * domain holds. */
typedef void sterna_kernel(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags);

#endif
