/* SafeTensors files, read strictly. Owns: the container (u64 header length, JSON header, data).
 * Leaves to others: what the tensors mean.
 *
 * Accepted is what the format's own library accepts: a header of at most 100 MB, unique names, sizes that
 * follow from shape and type, and data regions that cover the rest of the file without gap or overlap. The
 * file is mapped; tensors point into it. Source: the format description in the safetensors repository. */
#ifndef STERNA_SAFETENSORS_H
#define STERNA_SAFETENSORS_H

#include "base/status.h"
#include <stdint.h>

/* name, bytes of one value. Values are little-endian. */
#define STERNA_SAFETENSORS_TYPES(X)                                                                          \
    X(BOOL, 1)                                                                                               \
    X(U8, 1)                                                                                                 \
    X(I8, 1)                                                                                                 \
    X(U16, 2)                                                                                                \
    X(I16, 2)                                                                                                \
    X(F16, 2)                                                                                                \
    X(BF16, 2)                                                                                               \
    X(U32, 4)                                                                                                \
    X(I32, 4)                                                                                                \
    X(F32, 4)                                                                                                \
    X(U64, 8)                                                                                                \
    X(I64, 8)                                                                                                \
    X(F64, 8)

typedef enum sterna_st_type {
#define X(name, bytes) STERNA_ST_##name,
    STERNA_SAFETENSORS_TYPES(X)
#undef X
} sterna_st_type;

enum { STERNA_ST_MAX_DIMS = 8 };

typedef struct sterna_st_tensor {
    const char *name; /* lives until close, as everything here */
    sterna_st_type type;
    uint32_t n_dims;
    uint64_t shape[STERNA_ST_MAX_DIMS]; /* the last dimension is contiguous */
    const uint8_t *data;                /* not aligned */
    uint64_t bytes;
} sterna_st_tensor;

typedef struct sterna_safetensors sterna_safetensors;

/* FILE with the tensor's name and what is wrong; UNSUPPORTED for a type outside the list. */
sterna_status sterna_safetensors_open(const char *path, sterna_safetensors **file, sterna_fault *fault);
/* The bytes are borrowed until close; `label` stands for the path in messages. */
sterna_status sterna_safetensors_open_memory(const void *data, uint64_t bytes, const char *label,
                                             sterna_safetensors **file, sterna_fault *fault);
/* NULL is allowed. */
void sterna_safetensors_close(sterna_safetensors *file);
/* All tensors, sorted by name. */
const sterna_st_tensor *sterna_safetensors_all(const sterna_safetensors *file, uint32_t *count);
/* NULL when absent. */
const sterna_st_tensor *sterna_safetensors_find(const sterna_safetensors *file, const char *name);
const char *sterna_st_type_name(sterna_st_type type);

#endif
