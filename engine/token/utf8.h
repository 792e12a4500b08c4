/* Strict UTF-8, one sequence at a time (Unicode 15.0, table 3-7). Owns: what counts as valid.
 * Leaves to others: what to do with bytes that are not. */
#ifndef STERNA_UTF8_H
#define STERNA_UTF8_H

#include <stddef.h>
#include <stdint.h>

typedef enum sterna_utf8_verdict {
    STERNA_UTF8_VALID,      /* `bytes` bytes are one code point */
    STERNA_UTF8_INVALID,    /* the first `bytes` bytes (1 to 3) begin no code point; a maximal subpart,
                               section 3.9 */
    STERNA_UTF8_INCOMPLETE, /* all bytes given may still become a code point */
} sterna_utf8_verdict;

typedef struct sterna_utf8_step {
    sterna_utf8_verdict verdict;
    uint32_t bytes, code; /* code: of a valid one */
} sterna_utf8_step;

/* Looks at the beginning of data[0..n), n > 0. */
sterna_utf8_step sterna_utf8_next(const uint8_t *data, size_t n);

#endif
