/* A receipt in memory, written as a payload and read back. Owns: sterna-receipt/1.0.0, its limits, its text
 * form. Leaves to others: signing (envelope.h), judging (gates.h), filling it during a run (record.h).
 *
 * The payload is one JSON object: the fields of `head`, then the sections of receipt.def as objects, then the
 * lists prompt, tokens (token ids), steps (hex digests), kernels, weights, corrections. Every field is
 * required and none else is allowed. A receipt of kind `check` has null for the sections model to speed and
 * empty lists for them. */
#ifndef STERNA_RECEIPT_H
#define STERNA_RECEIPT_H

#include "base/hash.h"
#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STERNA_RECEIPT_SCHEMA    "sterna-receipt/1.0.0"
#define STERNA_RECEIPT_COUNT_MAX ((UINT64_C(1) << 53) - 1)

enum {
    STERNA_RECEIPT_BYTES_MAX = 256 << 20, /* of a payload or an envelope */
    STERNA_RECEIPT_DEPTH_MAX = 4,         /* nesting of a payload */
    STERNA_RECEIPT_TOKENS_MAX = 1 << 21,
    STERNA_RECEIPT_KERNELS_MAX = 10000,
    STERNA_RECEIPT_WEIGHTS_MAX = 64,
    STERNA_RECEIPT_CORRECTIONS_MAX = 10000,
};

/* sterna_receipt_device and so on. */
#define SECTION(id, sentence)                typedef struct sterna_receipt_##id {
#define TEXT(section, name, bytes, sentence) char name[bytes];
#define COUNT(section, name, sentence)       uint64_t name;
#define WORD(section, name, sentence)        uint64_t name;
#define REAL(section, name, sentence)        double name;
#define FLAG(section, name, sentence)        bool name;
#define HASH(section, name, sentence)        uint8_t name[STERNA_HASH_BYTES];
#define END(id)                                                                                              \
    }                                                                                                        \
    sterna_receipt_##id;
#include "format/receipt.def"

/* Sections that are objects of the payload, each with whether only a generation (run, bench) has it. */
#define STERNA_RECEIPT_OBJECTS(X)                                                                            \
    X(device, false)                                                                                         \
    X(build, false)                                                                                          \
    X(host, false)                                                                                           \
    X(model, true)                                                                                           \
    X(session, true)                                                                                         \
    X(sampling, true)                                                                                        \
    X(chain, true)                                                                                           \
    X(speed, true)                                                                                           \
    X(tests, false)

/* Lists of objects: X(list, section of its items, limit). */
#define STERNA_RECEIPT_LISTS(X)                                                                              \
    X(kernels, kernel, STERNA_RECEIPT_KERNELS_MAX)                                                           \
    X(weights, weight, STERNA_RECEIPT_WEIGHTS_MAX)                                                           \
    X(corrections, correction, STERNA_RECEIPT_CORRECTIONS_MAX)

typedef struct sterna_receipt {
    sterna_receipt_head head;
#define X(id, generation) sterna_receipt_##id id;
    STERNA_RECEIPT_OBJECTS(X)
#undef X
    bool generated; /* has the sections of a generation */
    uint32_t *prompt, *tokens;
    uint8_t (*steps)[STERNA_HASH_BYTES]; /* [n_steps] the digest after each token */
    uint32_t n_prompt, n_tokens, n_steps;
#define X(list, section, limit)                                                                              \
    sterna_receipt_##section *list;                                                                          \
    uint32_t n_##list;
    STERNA_RECEIPT_LISTS(X)
#undef X
} sterna_receipt;

/* Releases what a receipt owns and zeroes it. A zeroed one is allowed. */
void sterna_receipt_free(sterna_receipt *receipt);

/* Puts text into a fixed field: as much as fits, cut between code points, bytes that are not UTF-8 as '?'. */
void sterna_receipt_text(char *field, size_t bytes, const char *text);

/* Writes the payload: text[0, *bytes) and a NUL, owned by the caller (sterna_free). MEMORY; USAGE when a number is not
 * finite or too large for its field. The same receipt gives the same bytes. */
sterna_status sterna_receipt_write(const sterna_receipt *receipt, char **text, size_t *bytes,
                                   sterna_fault *fault);

/* Why a payload was refused: field "speed.bandwidth", what was expected, what stands there. */
typedef struct sterna_receipt_defect {
    char field[96], expected[160], found[160];
} sterna_receipt_defect;

/* Reads a payload; free it in any case. FILE: not JSON as RFC 8259 has it, a key twice, too deep, too long.
 * INVALID: JSON, but not a receipt of this schema; *defect says where. MEMORY. */
sterna_status sterna_receipt_parse(const char *text, size_t bytes, sterna_receipt *receipt,
                                   sterna_receipt_defect *defect, sterna_fault *fault);

/* --- The table, for writer, parser and the schema's test */

typedef enum sterna_receipt_type {
    STERNA_RECEIPT_TEXT,
    STERNA_RECEIPT_COUNT,
    STERNA_RECEIPT_WORD,
    STERNA_RECEIPT_REAL,
    STERNA_RECEIPT_FLAG,
    STERNA_RECEIPT_HASH
} sterna_receipt_type;

typedef struct sterna_receipt_field {
    const char *name;
    sterna_receipt_type type;
    uint32_t offset, size; /* within the section's struct */
} sterna_receipt_field;

typedef struct sterna_receipt_section {
    const char *name;
    const sterna_receipt_field *fields;
    uint32_t n_fields, size; /* size of the struct */
} sterna_receipt_section;

/* Places in sterna_receipt_sections. */
typedef enum sterna_receipt_section_id {
#define SECTION(id, sentence) STERNA_RECEIPT_SECTION_##id,
#define TEXT(...)
#define COUNT(...)
#define WORD(...)
#define REAL(...)
#define FLAG(...)
#define HASH(...)
#define END(id)
#include "format/receipt.def"
    STERNA_RECEIPT_SECTIONS
} sterna_receipt_section_id;

extern const sterna_receipt_section sterna_receipt_sections[STERNA_RECEIPT_SECTIONS];

#endif
