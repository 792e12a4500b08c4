/* What the files of this folder share. Owns: the tokenizer's insides. Nobody outside engine/token includes
 * it. */
#ifndef STERNA_TOKEN_INTERNAL_H
#define STERNA_TOKEN_INTERNAL_H

#include "token/pretokenizer.h"
#include "token/text_map.h"
#include "token/tokenizer.h"

/* One merge rule: the neighbours `left` and `right` become `result`. */
typedef struct sterna_merge {
    uint64_t pair; /* left << 32 | right; UINT64_MAX: a free slot */
    uint32_t rank, result;
} sterna_merge;

/* Special tokens of one length, for special.c. */
typedef struct sterna_special_group {
    uint32_t bytes;
    uint32_t first, count; /* in sterna_special.entry */
} sterna_special_group;

typedef struct sterna_special_entry {
    uint64_t hash;
    uint32_t id;
    bool needs_flag; /* matched only with STERNA_ENCODE_SPECIAL */
} sterna_special_entry;

typedef struct sterna_special {
    sterna_special_entry *entry; /* by length, longest first; by hash, then id, within a length */
    sterna_special_group *group;
    uint32_t entries, groups, unconditional; /* unconditional: entries that need no flag */
    uint8_t starts[32];                      /* bit set: bytes that begin some entry */
} sterna_special;

struct sterna_tokenizer {
    bool is_bpe, add_bos, add_eos, add_space_prefix;
    bool words_apart; /* SPM: no token has U+2581 behind anything but U+2581 */
    uint32_t count;
    sterna_token_text *tokens; /* [count]: as stored */
    uint8_t *types;            /* [count] */
    float *scores;             /* [count]; SPM */
    char *pieces;              /* decoded texts, one after another */
    uint64_t *piece_at;        /* [count + 1] */
    sterna_token_ids ids;
    sterna_text_map all;   /* every token by stored text */
    sterna_text_map plain; /* without control, unknown and byte tokens: what text may merge to */
    uint32_t byte_id[256]; /* token of one byte, or STERNA_TOKEN_NONE */
    sterna_special special;
    const sterna_pretokenizer *pre; /* BPE */
    sterna_merge *merges;           /* BPE: open addressing, merge_mask + 1 slots */
    uint64_t merge_mask;
};

/* special.c: finds special tokens. */
typedef struct sterna_fragment {
    uint32_t start, bytes; /* of the text; for a token: where it was found */
    uint32_t id;           /* STERNA_TOKEN_NONE: text still to encode */
} sterna_fragment;

typedef struct sterna_fragments {
    sterna_fragment *at;
    size_t count, capacity;
} sterna_fragments;

sterna_status sterna_special_create(sterna_tokenizer *tokenizer);
void sterna_special_free(sterna_special *special);
/* Cuts the text. *fragments is empty before; the caller frees fragments->at, also after a failure. */
sterna_status sterna_special_cut(const sterna_tokenizer *tokenizer, const char *text, uint32_t bytes,
                                 bool with_flag, sterna_fragments *fragments);

/* Whether no text merges across the beginning of a run of spaces. */
bool sterna_spm_words_apart(const sterna_tokenizer *tokenizer);
/* spm.c and bpe.c: text without special tokens. `prefix`: SPM puts a space in front. */
sterna_status sterna_spm_encode(const sterna_tokenizer *tokenizer, const char *text, uint32_t bytes,
                                bool prefix, sterna_token_list *list, sterna_fault *fault);
sterna_status sterna_bpe_create(sterna_tokenizer *tokenizer, const sterna_vocab *vocab, sterna_fault *fault);
sterna_status sterna_bpe_encode(const sterna_tokenizer *tokenizer, const char *text, uint32_t bytes,
                                sterna_token_list *list, sterna_fault *fault);

/* A character that is no token: its byte tokens, or the unknown token once; FILE when there is neither. */
sterna_status sterna_token_push_bytes(const sterna_tokenizer *tokenizer, const char *data, size_t bytes,
                                      sterna_token_list *list, sterna_fault *fault);

#endif
