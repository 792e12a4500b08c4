/* GGUF files: the reader (a checked view of a file's bytes, nothing copied) and the writer.
 * Owns: the container. Leaves to others: what keys and tensors mean (model/), how values are stored (formats/).
 *
 * READING
 *   sterna_gguf *file = NULL;
 *   if (sterna_gguf_open(path, STERNA_GGUF_MAP, &file, &fault) != STERNA_OK) ...
 *   if (sterna_gguf_u32(file, "llama.block_count", &layers, &fault) != STERNA_OK) ...
 *   const sterna_gguf_tensor *embd = sterna_gguf_tensor_named(file, "token_embd.weight");
 *   sterna_gguf_close(file);
 *
 * Versions 2 and 3, little-endian. A file opens only when everything in it has been checked (the rules and limits
 * stand in docs/formats.md): whatever the functions below return lies within the file, and sizes do not overflow.
 * The verdict, status and sentence, depends on the bytes alone, not on how they were opened. It is FILE for a file
 * that breaks a rule, with the key or tensor and the byte offset in the sentence, and MEMORY when memory is refused.
 *
 * OWNERSHIP  Text, values and tensor data point into the file's bytes and live until close. Text is not terminated by
 *            a NUL and may hold any byte; keys and tensor names hold no NUL.
 * THREADS    An open file may be read by many threads, except for sterna_gguf_string_array, which may build an index.
 *
 * Source: the GGUF specification (ggml, docs/gguf.md) and the rules of ggml's own reader where they are stricter. */
#ifndef STERNA_GGUF_H
#define STERNA_GGUF_H

#include "base/sys.h"
#include "formats/format.h"

enum {
    STERNA_GGUF_MAX_DIMS = 4,
    STERNA_GGUF_MAX_KEY = 65535,           /* bytes */
    STERNA_GGUF_MAX_NAME = 63,             /* bytes of a tensor's name: ggml keeps 64 with the NUL */
    STERNA_GGUF_MAX_COUNT = 1 << 30,       /* keys, tensors, elements of an array, bytes of a string: as ggml */
    STERNA_GGUF_MAX_ALIGNMENT = 1 << 20,   /* of tensor data */
    STERNA_GGUF_DEFAULT_ALIGNMENT = 32,
};

/* Types of values: name, number in the file, bytes of one element (0: varies). */
#define STERNA_GGUF_TYPES(X)                                                                                 \
    X(U8, 0, 1)                                                                                              \
    X(I8, 1, 1)                                                                                              \
    X(U16, 2, 2)                                                                                             \
    X(I16, 3, 2)                                                                                             \
    X(U32, 4, 4)                                                                                             \
    X(I32, 5, 4)                                                                                             \
    X(F32, 6, 4)                                                                                             \
    X(BOOL, 7, 1)                                                                                            \
    X(STRING, 8, 0)                                                                                          \
    X(ARRAY, 9, 0)                                                                                           \
    X(U64, 10, 8)                                                                                            \
    X(I64, 11, 8)                                                                                            \
    X(F64, 12, 8)

typedef enum sterna_gguf_type {
#define X(name, number, bytes) STERNA_GGUF_##name = number,
    STERNA_GGUF_TYPES(X)
#undef X
} sterna_gguf_type;

typedef struct sterna_gguf sterna_gguf;

typedef struct sterna_gguf_text {
    const char *data;
    uint64_t length;
} sterna_gguf_text;

/* One key and its value, where it stands in the file. */
typedef struct sterna_gguf_value {
    sterna_gguf_text key;
    sterna_gguf_type type;
    sterna_gguf_type element; /* of an array; else the same as type */
    uint64_t count;           /* elements of an array; else 1 */
    const uint8_t *data;      /* the first element; of a string: its first byte; not aligned */
    uint64_t bytes;           /* from data to the end of the value */
    uint64_t offset;          /* of data, in the file */
} sterna_gguf_value;

typedef struct sterna_gguf_tensor {
    sterna_gguf_text name;
    const sterna_format *format;
    uint32_t n_dims;                   /* 0 (one value) to 4 */
    uint64_t ne[STERNA_GGUF_MAX_DIMS]; /* values along each dimension, ne[0] contiguous; 1 beyond n_dims; may be 0 */
    const uint8_t *data;               /* NULL: not in this file (STERNA_GGUF_DIRECTORY only) */
    uint64_t bytes;
    uint64_t offset; /* of data, in the file */
} sterna_gguf_tensor;

enum {
    STERNA_GGUF_MAP = 0,       /* mmap: pages are loaded when they are touched */
    STERNA_GGUF_READ = 1,      /* the whole file into memory; path "-" is standard input */
    STERNA_GGUF_DIRECTORY = 2, /* to be added: tensor data may be missing, as at the head of an unfinished download */
};

/* ---- Opening ---------------------------------------------------------------------------------------------------- */

sterna_status sterna_gguf_open(const char *path, uint32_t flags, sterna_gguf **file, sterna_fault *fault);
/* The bytes are borrowed until close. `label` stands for the path in messages and is copied. */
sterna_status sterna_gguf_open_memory(const void *data, uint64_t bytes, const char *label, uint32_t flags,
                                      sterna_gguf **file, sterna_fault *fault);
/* NULL is allowed. */
void sterna_gguf_close(sterna_gguf *file);

/* The path or label. */
const char *sterna_gguf_label(const sterna_gguf *file);
uint32_t sterna_gguf_version(const sterna_gguf *file);
uint32_t sterna_gguf_alignment(const sterna_gguf *file);
/* The first byte of the data section (an offset in the file; with no tensors, the end of the metadata). */
uint64_t sterna_gguf_data_offset(const sterna_gguf *file);
/* All bytes: for hashing, and for sterna_sys_drop. */
const sterna_mapping *sterna_gguf_mapping(const sterna_gguf *file);

/* ---- Keys ------------------------------------------------------------------------------------------------------- */

/* All values, in the order of the file. */
const sterna_gguf_value *sterna_gguf_values(const sterna_gguf *file, uint64_t *count);
/* NULL when absent. O(1). */
const sterna_gguf_value *sterna_gguf_find(const sterna_gguf *file, const char *key);

/* The value of a key. FILE when it is absent, of another type, or out of range. An integer may be stored as any
 * integer type (the specification asks readers to take all); f32 takes F32 and F64; bool takes BOOL, of which every
 * byte but 0 is true, as in ggml. */
sterna_status sterna_gguf_u32(const sterna_gguf *file, const char *key, uint32_t *out, sterna_fault *fault);
sterna_status sterna_gguf_u64(const sterna_gguf *file, const char *key, uint64_t *out, sterna_fault *fault);
sterna_status sterna_gguf_f32(const sterna_gguf *file, const char *key, float *out, sterna_fault *fault);
sterna_status sterna_gguf_bool(const sterna_gguf *file, const char *key, bool *out, sterna_fault *fault);
sterna_status sterna_gguf_string(const sterna_gguf *file, const char *key, sterna_gguf_text *out, sterna_fault *fault);
/* An array of `element`s: *out is the value, whose data are packed elements. */
sterna_status sterna_gguf_array(const sterna_gguf *file, const char *key, sterna_gguf_type element,
                                const sterna_gguf_value **out, sterna_fault *fault);

/* Element `index` < count of a scalar or array as a number: false when it is not an integer (as_i64, as_u64), does
 * not fit, or is not a float (as_f32). */
bool sterna_gguf_as_u64(const sterna_gguf_value *value, uint64_t index, uint64_t *out);
bool sterna_gguf_as_i64(const sterna_gguf_value *value, uint64_t index, int64_t *out);
bool sterna_gguf_as_f32(const sterna_gguf_value *value, uint64_t index, float *out);

/* An array of strings with an index over it, which is built at the first call and lives until close. */
typedef struct sterna_gguf_strings {
    const uint8_t *data;
    const uint64_t *start; /* of each string's length field, from data */
    uint64_t count;
} sterna_gguf_strings;
sterna_status sterna_gguf_string_array(sterna_gguf *file, const char *key, sterna_gguf_strings *out,
                                       sterna_fault *fault);
/* index < count. O(1). */
sterna_gguf_text sterna_gguf_string_at(const sterna_gguf_strings *strings, uint64_t index);

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

/* All tensors, in the order of the file, which is the order of their data. */
const sterna_gguf_tensor *sterna_gguf_tensors(const sterna_gguf *file, uint64_t *count);
/* NULL when absent. O(1). */
const sterna_gguf_tensor *sterna_gguf_tensor_named(const sterna_gguf *file, const char *name);
/* Bytes of a tensor; false when ne[0] does not fill blocks or the size is beyond INT64_MAX. */
bool sterna_gguf_tensor_bytes(const sterna_format *format, const uint64_t ne[STERNA_GGUF_MAX_DIMS], uint64_t *bytes);

/* ---- Help for messages ------------------------------------------------------------------------------------------ */

#define STERNA_GGUF_QUOTE 72u
/* The text in quotes, bytes outside printable ASCII as \xNN, shortened where it is long. Returns `out`. */
const char *sterna_gguf_quote(sterna_gguf_text text, char out[STERNA_GGUF_QUOTE]);
const char *sterna_gguf_type_name(sterna_gguf_type type);
bool sterna_gguf_same(sterna_gguf_text a, const char *b);

/* ---- Writing ---------------------------------------------------------------------------------------------------- *
 *
 *   sterna_gguf_writer *writer = NULL;
 *   sterna_gguf_writer_create(&writer, &fault);
 *   sterna_gguf_put_string(writer, "general.architecture", "llama", 5);
 *   sterna_gguf_put_tensor(writer, "token_embd.weight", format, 2, ne, fill, context);
 *   status = sterna_gguf_writer_finish(writer, "out.gguf", &fault);
 *   sterna_gguf_writer_destroy(writer);
 *
 * Version 3, little-endian; keys and tensors stand in the order of the calls. The first failure of a put is kept and
 * returned by finish, so puts need no checks of their own. finish reads the finished directory back with the reader
 * above before it writes anything: what the reader would refuse is not written. Values and names are copied. */

typedef struct sterna_gguf_writer sterna_gguf_writer;

sterna_status sterna_gguf_writer_create(sterna_gguf_writer **writer, sterna_fault *fault);
/* NULL is allowed. */
void sterna_gguf_writer_destroy(sterna_gguf_writer *writer);

void sterna_gguf_put_u8(sterna_gguf_writer *writer, const char *key, uint8_t value);
void sterna_gguf_put_i8(sterna_gguf_writer *writer, const char *key, int8_t value);
void sterna_gguf_put_u16(sterna_gguf_writer *writer, const char *key, uint16_t value);
void sterna_gguf_put_i16(sterna_gguf_writer *writer, const char *key, int16_t value);
/* "general.alignment" sets the alignment of tensor data. */
void sterna_gguf_put_u32(sterna_gguf_writer *writer, const char *key, uint32_t value);
void sterna_gguf_put_i32(sterna_gguf_writer *writer, const char *key, int32_t value);
void sterna_gguf_put_u64(sterna_gguf_writer *writer, const char *key, uint64_t value);
void sterna_gguf_put_i64(sterna_gguf_writer *writer, const char *key, int64_t value);
void sterna_gguf_put_f32(sterna_gguf_writer *writer, const char *key, float value);
void sterna_gguf_put_f64(sterna_gguf_writer *writer, const char *key, double value);
void sterna_gguf_put_bool(sterna_gguf_writer *writer, const char *key, bool value);
void sterna_gguf_put_string(sterna_gguf_writer *writer, const char *key, const char *data, uint64_t length);
/* `count` packed elements of a type of fixed size. */
void sterna_gguf_put_array(sterna_gguf_writer *writer, const char *key, sterna_gguf_type element, const void *data,
                           uint64_t count);
void sterna_gguf_put_strings(sterna_gguf_writer *writer, const char *key, const sterna_gguf_text *strings,
                             uint64_t count);
/* A value of another file, as it stands there. */
void sterna_gguf_put_value(sterna_gguf_writer *writer, const sterna_gguf_value *value);

/* Where a tensor's data go. */
typedef struct sterna_gguf_sink sterna_gguf_sink;
sterna_status sterna_gguf_sink_write(sterna_gguf_sink *sink, const void *data, uint64_t bytes, sterna_fault *fault);
/* Writes the tensor's bytes to the sink, in as many pieces as it likes; called once, by finish. */
typedef sterna_status sterna_gguf_fill(void *context, sterna_gguf_sink *sink, sterna_fault *fault);

/* fill = NULL: context points to the data, which are borrowed until finish. */
void sterna_gguf_put_tensor(sterna_gguf_writer *writer, const char *name, const sterna_format *format,
                            uint32_t n_dims, const uint64_t *ne, sterna_gguf_fill *fill, void *context);

/* Writes the file under a temporary name and renames it into place. Once. */
sterna_status sterna_gguf_writer_finish(sterna_gguf_writer *writer, const char *path, sterna_fault *fault);

#endif
