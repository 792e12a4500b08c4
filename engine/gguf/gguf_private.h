/* What the parts of the reader share: the open file, the cursor that takes bytes with checks, the index of names.
 * Owns: their layout. Leaves to others: everything a caller may see (gguf.h). */
#ifndef STERNA_GGUF_PRIVATE_H
#define STERNA_GGUF_PRIVATE_H

#include "base/mem.h"
#include "base/size.h"
#include "gguf/gguf.h"
#include <string.h>

/* No address space holds more; sums of two such sizes and an alignment do not overflow. */
#define STERNA_GGUF_MAX_BYTES ((uint64_t)INT64_MAX / 2)

/* Open addressing over an array of records that begin with a sterna_gguf_text. A slot holds 0 (free) or the number of
 * the record plus one below, and 32 bits of the name's hash above. */
typedef struct sterna_gguf_index {
    uint64_t *slot;
    uint64_t mask;
    uint8_t key[16]; /* of the hash */
} sterna_gguf_index;

struct sterna_gguf {
    sterna_mapping mapping;
    bool owns_mapping;
    char *label;
    uint32_t version, alignment;
    uint64_t data_offset;
    sterna_gguf_value *values;
    uint64_t n_values;
    uint64_t **string_start; /* per value, NULL until asked for; the array itself, too */
    sterna_gguf_tensor *tensors;
    uint64_t n_tensors;
    sterna_gguf_index value_index, tensor_index;
};

/* Goes through the file's bytes, and knows what it is reading for the sake of messages. */
typedef struct sterna_gguf_cursor {
    const uint8_t *data;
    uint64_t size, at;
    const char *label;
    sterna_fault *fault;
    const char *kind; /* "key", "tensor"; NULL in the header */
    uint64_t number;  /* which one */
    sterna_gguf_text name; /* its name, once read */
} sterna_gguf_cursor;

/* FILE: "<label>: <key or tensor>: <sentence> at byte <at>". */
sterna_status sterna_gguf_bad(const sterna_gguf_cursor *cursor, uint64_t at, const char *format, ...)
    STERNA_PRINTF(3, 4);
sterna_status sterna_gguf_no_memory(const sterna_gguf_cursor *cursor);
/* The next `bytes` bytes, or FILE where the file ends before: `what` says what is being read. */
sterna_status sterna_gguf_take(sterna_gguf_cursor *cursor, uint64_t bytes, const char *what, const uint8_t **out);
sterna_status sterna_gguf_take_u32(sterna_gguf_cursor *cursor, const char *what, uint32_t *out);
sterna_status sterna_gguf_take_u64(sterna_gguf_cursor *cursor, const char *what, uint64_t *out);
/* A u64 length and that many bytes, at most `limit`. */
sterna_status sterna_gguf_take_text(sterna_gguf_cursor *cursor, uint64_t limit, const char *what,
                                    sterna_gguf_text *out);
/* A key's or tensor's name: not empty, no NUL. It becomes the cursor's. */
sterna_status sterna_gguf_take_name(sterna_gguf_cursor *cursor, uint64_t limit);
/* Makes room for record number `used` of `bytes` bytes each, of which `total` are announced. */
sterna_status sterna_gguf_grow(const sterna_gguf_cursor *cursor, void **records, uint64_t used, uint64_t total,
                               uint64_t *capacity, size_t bytes);

sterna_status sterna_gguf_read_values(sterna_gguf *file, sterna_gguf_cursor *cursor, uint64_t count);
sterna_status sterna_gguf_read_tensors(sterna_gguf *file, sterna_gguf_cursor *cursor, uint64_t count, bool directory);

/* Indexes `count` records of `stride` bytes. FILE when two have the same name: *first and *second are their numbers.
 * MEMORY when refused. */
sterna_status sterna_gguf_index_build(sterna_gguf_index *index, const void *records, uint64_t count, size_t stride,
                                      uint64_t *first, uint64_t *second);
/* The record with this name, or NULL. */
const void *sterna_gguf_index_find(const sterna_gguf_index *index, const void *records, size_t stride,
                                   sterna_gguf_text name);
void sterna_gguf_index_free(sterna_gguf_index *index);

/* Bytes of an element; 0 for strings, arrays and numbers that are no type. */
uint32_t sterna_gguf_element_bytes(uint32_t type);
/* Why a tensor type is not in formats.def. */
const char *sterna_gguf_refused_type(uint32_t id);

static inline uint32_t sterna_gguf_load_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t sterna_gguf_load_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

#endif
