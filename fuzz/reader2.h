/* A second GGUF reader, as small as the format allows, written from docs/formats.md section 1 alone.
 * Owns: an independent opinion for the fuzz targets. Shares no code, constant or table with engine/gguf and
 * backends/formats, and is not meant to be fast: two spellings of one mistake are less likely than one. */
#ifndef STERNA_READER2_H
#define STERNA_READER2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct reader2_span {
    uint64_t at, bytes; /* in the file */
} reader2_span;

typedef struct reader2_key {
    reader2_span name, value; /* value: a string's bytes, an array's elements with their length fields */
    uint32_t type, element;   /* element = type unless an array */
    uint64_t count;
} reader2_key;

typedef struct reader2_tensor {
    reader2_span name, data; /* data may reach beyond the file when only the directory was asked for */
    uint32_t n_dims, type;
    uint64_t ne[4];
} reader2_tensor;

typedef struct reader2 {
    const char *refused; /* NULL: accepted */
    bool no_memory;      /* no opinion */
    uint32_t version, alignment;
    uint64_t data_start, n_keys, n_tensors;
    reader2_key *keys;
    reader2_tensor *tensors;
} reader2;

/* directory: data may be missing. Free with reader2_free whatever came out. */
void reader2_open(reader2 *r, const uint8_t *data, uint64_t size, bool directory);
void reader2_free(reader2 *r);

#endif
