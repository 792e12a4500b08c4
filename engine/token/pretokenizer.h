/* The word cutter of byte-level BPE. Owns: the table of pre-tokenizers and walking through a text.
 * Leaves to others: what becomes of the words. */
#ifndef STERNA_PRETOKENIZER_H
#define STERNA_PRETOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STERNA_SPLIT_PASSES 4

/* Where the piece that begins at text[at] ends, at < end; sees nothing outside [at, end). Always moves on. */
typedef size_t sterna_split_pass(const uint8_t *text, size_t at, size_t end);

typedef struct sterna_pretokenizer {
    const char *name;
    bool ignore_merges, adds_bos;
    sterna_split_pass *pass[STERNA_SPLIT_PASSES]; /* NULL behind the last */
} sterna_pretokenizer;

/* NULL when unknown. */
const sterna_pretokenizer *sterna_pretokenizer_find(const char *name, size_t bytes);
/* All rows. */
const sterna_pretokenizer *sterna_pretokenizer_all(uint32_t *count);

/* A walk through text[0..bytes): zero-initialise, set pre, text and bytes. */
typedef struct sterna_words {
    const sterna_pretokenizer *pre;
    const uint8_t *text;
    size_t bytes;
    size_t at;                             /* begin of the next word */
    size_t limit[STERNA_SPLIT_PASSES + 1]; /* end of the current piece of each pass */
} sterna_words;

/* The next word is text[*start .. *end); false when there is none. Linear time in all. */
bool sterna_words_next(sterna_words *words, size_t *start, size_t *end);

#endif
