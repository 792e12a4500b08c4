/* A GGUF file taken apart, as far as it can be, for the mutator.
 * Owns: where fields stand, the lists of keys and tensors, and putting them together again. Leaves to others:
 * the edits (mutate_gguf.c). Nothing here judges a file: what cannot be understood is carried along or
 * dropped. */
#ifndef STERNA_GGUF_DOC_H
#define STERNA_GGUF_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GGUF_DOC_ITEMS = 256, GGUF_DOC_FIELDS = 4096, GGUF_DOC_SCRATCH = 8192 };

/* A number that other bytes depend on: count, length, type, dimension, offset. */
typedef struct gguf_field {
    uint32_t at, width;
} gguf_field;

/* A key (name, type, value) or a tensor (name, shape, type, offset, data in `value`). Bytes are borrowed from
 * the file, from scratch, or from the program. */
typedef struct gguf_item {
    const uint8_t *name, *value;
    size_t name_bytes, value_bytes;
    uint32_t type, n_dims;
    uint64_t ne[4], offset;
} gguf_item;

typedef struct gguf_doc {
    size_t size;
    uint32_t version, alignment;
    uint64_t claimed_keys, claimed_tensors;
    gguf_item keys[GGUF_DOC_ITEMS], tensors[GGUF_DOC_ITEMS];
    uint32_t n_keys, n_tensors;
    gguf_field fields[GGUF_DOC_FIELDS];
    uint32_t n_fields;
    bool keep_counts, keep_offsets; /* write what was claimed instead of what is so */
    uint8_t scratch[GGUF_DOC_SCRATCH];
    size_t used;
} gguf_doc;

/* The file's bytes are borrowed until the last write. */
void gguf_doc_parse(gguf_doc *doc, const uint8_t *data, size_t size);
/* At most `max` bytes; what does not fit is cut. Returns the size. */
size_t gguf_doc_write(const gguf_doc *doc, uint8_t *out, size_t max);
/* NULL when there is no more. */
uint8_t *gguf_doc_scratch(gguf_doc *doc, size_t bytes);
/* 0 for strings, arrays and what is no type. */
size_t gguf_doc_scalar_bytes(uint32_t type);
/* Names that mean something to the engine. */
const char *const *gguf_doc_key_names(uint32_t *n);
const char *const *gguf_doc_tensor_names(uint32_t *n);

#endif
