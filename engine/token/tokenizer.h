/* Text to token ids and back. Owns: vocabularies, the SPM and byte-level BPE algorithms, special tokens.
 * Leaves to others: chat templates, sampling, when to stop, and whole UTF-8 on the screen (utf8_stream.h).
 *
 * VOCABULARY  Plain arrays, as tokenizer.ggml.* of a GGUF file holds them (tokenizer_gguf.c reads those).
 * Texts are borrowed: they must outlive the tokenizer. Everything else is copied. model "llama":
 * SentencePiece BPE. Spaces become U+2581; adjacent pieces merge, best score first, leftmost first among
 * equals; a character that is no token becomes its byte tokens <0xNN>, else the unknown token. model "gpt2":
 * byte-level BPE. The pre-tokenizer (pretokenizers.def) cuts the text into words; bytes are written as
 * printable characters (bytes_map.c); adjacent pieces merge, lowest rank first, leftmost first among equals.
 * SPECIAL TOKENS  User-defined tokens are cut out of the text before everything else, control and unknown
 * tokens only when STERNA_ENCODE_SPECIAL asks for it: longest first over the whole text, leftmost first
 * within one length. Without that flag no text whatsoever encodes to a control token. BYTES  Text need not be
 * UTF-8. A byte that belongs to no valid sequence counts as a character of its own that is neither letter,
 * number nor space, and survives a round trip. TIME    O(n log n) in the bytes of the text, whatever the
 * vocabulary holds. No allocation is made by decoding. THREADS A tokenizer is immutable: any number of
 * threads may use one. SOURCES Sennrich et al., ACL 2016 (BPE); Kudo and Richardson, EMNLP 2018
 * (SentencePiece); GPT-2's encoder for the byte map; the vectors of llama.cpp's vocabulary tests decide where
 * descriptions leave room. */
#ifndef STERNA_TOKENIZER_H
#define STERNA_TOKENIZER_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "No such token", in ids. */
#define STERNA_TOKEN_NONE UINT32_MAX

/* tokenizer.ggml.token_type. */
typedef enum sterna_token_type {
    STERNA_TOKEN_UNDEFINED = 0,
    STERNA_TOKEN_NORMAL = 1,
    STERNA_TOKEN_UNKNOWN = 2,
    STERNA_TOKEN_CONTROL = 3,
    STERNA_TOKEN_USER_DEFINED = 4,
    STERNA_TOKEN_UNUSED = 5,
    STERNA_TOKEN_BYTE = 6,
} sterna_token_type;

/* A piece of text that somebody else owns; any bytes, no NUL behind. */
typedef struct sterna_token_text {
    const char *data;
    size_t bytes;
} sterna_token_text;

/* name in sterna_token_ids, GGUF key, used by the engine (else only carried along). */
#define STERNA_TOKEN_IDS(X)                                                                                  \
    X(bos, "tokenizer.ggml.bos_token_id", 1)                                                                 \
    X(eos, "tokenizer.ggml.eos_token_id", 1)                                                                 \
    X(eot, "tokenizer.ggml.eot_token_id", 1)                                                                 \
    X(eom, "tokenizer.ggml.eom_token_id", 1)                                                                 \
    X(unknown, "tokenizer.ggml.unknown_token_id", 1)                                                         \
    X(separator, "tokenizer.ggml.seperator_token_id", 0)                                                     \
    X(padding, "tokenizer.ggml.padding_token_id", 0)

/* STERNA_TOKEN_NONE where absent. */
typedef struct sterna_token_ids {
#define X(name, key, used) uint32_t name;
    STERNA_TOKEN_IDS(X)
#undef X
} sterna_token_ids;

/* A choice that a file may leave open. */
typedef enum sterna_choice { STERNA_CHOICE_DEFAULT, STERNA_CHOICE_NO, STERNA_CHOICE_YES } sterna_choice;

/* What a tokenizer is made of. Zero-initialise, then set every id of `ids`. */
typedef struct sterna_vocab {
    sterna_token_text model; /* "llama" or "gpt2" */
    sterna_token_text pre;   /* "gpt2" only; empty: "default" */
    uint32_t count;          /* tokens; at least 1 */
    const sterna_token_text *tokens;
    const float *scores;  /* [count]; "llama" needs them */
    const int32_t *types; /* [count]; NULL: all normal */
    uint32_t merge_count;
    const sterna_token_text *merges; /* "left right", best first; "gpt2" only */
    sterna_token_ids ids;
    sterna_choice add_bos, add_eos, add_space_prefix;
} sterna_vocab;

typedef struct sterna_tokenizer sterna_tokenizer;
struct sterna_gguf; /* gguf/gguf.h */

/* FILE, with a sentence that names the key and the index, when the vocabulary contradicts itself: an id that
 * is not below count, a score that is not a number, a type outside the list, a byte token that is not <0xNN>,
 * a merge of pieces that are no tokens. UNSUPPORTED for an unknown model or pre-tokenizer. Ids that the
 * engine does not use are absent when out of range. Equal texts are allowed: the lowest id is used. */
sterna_status sterna_tokenizer_create(const sterna_vocab *vocab, sterna_tokenizer **out, sterna_fault *fault);
/* From the tokenizer.ggml keys of a file, which must stay open as long as the tokenizer lives. An id of -1 or
 * 0xFFFFFFFF is absent, as converters write it. */
sterna_status sterna_tokenizer_from_gguf(struct sterna_gguf *file, sterna_tokenizer **out,
                                         sterna_fault *fault);
/* NULL is allowed. */
void sterna_tokenizer_free(sterna_tokenizer *tokenizer);

uint32_t sterna_tokenizer_count(const sterna_tokenizer *tokenizer);
sterna_token_type sterna_tokenizer_type(const sterna_tokenizer *tokenizer, uint32_t id);
const sterna_token_ids *sterna_tokenizer_ids(const sterna_tokenizer *tokenizer);
/* Whether STERNA_ENCODE_AFFIXES puts BOS in front. */
bool sterna_tokenizer_adds_bos(const sterna_tokenizer *tokenizer);
/* True for the tokens that end a text: EOS, EOT, EOM. */
bool sterna_tokenizer_is_end(const sterna_tokenizer *tokenizer, uint32_t id);
/* The id of a token by its text as the vocabulary stores it, control tokens included; STERNA_TOKEN_NONE. */
uint32_t sterna_tokenizer_find(const sterna_tokenizer *tokenizer, const char *text, size_t bytes);
/* The text as the vocabulary stores it ("Ġthe"); empty for an id outside the vocabulary. */
sterna_token_text sterna_tokenizer_stored(const sterna_tokenizer *tokenizer, uint32_t id);

/* Ids that grow. Zero-initialise; sterna_token_list_free gives the memory back and makes it empty again. */
typedef struct sterna_token_list {
    uint32_t *ids;
    size_t count, capacity;
} sterna_token_list;

sterna_status sterna_token_list_push(sterna_token_list *list, uint32_t id);
void sterna_token_list_free(sterna_token_list *list);

#define STERNA_ENCODE_AFFIXES   1u /* BOS and EOS as the vocabulary says */
#define STERNA_ENCODE_SPECIAL   2u /* control tokens in the text are recognised */
#define STERNA_ENCODE_MAX_BYTES (1u << 30)

/* Appends the ids of text[0..bytes) to *list. On failure the list is as it was before: MEMORY; USAGE for a
 * text above STERNA_ENCODE_MAX_BYTES; FILE when the vocabulary has no token for a byte of it and no unknown
 * token. */
sterna_status sterna_tokenizer_encode(const sterna_tokenizer *tokenizer, const char *text, size_t bytes,
                                      uint32_t flags, sterna_token_list *list, sterna_fault *fault);

#define STERNA_DECODE_SPECIAL 1u /* control and unknown tokens give their text; otherwise nothing */

/* The bytes one token stands for; possibly a part of a UTF-8 sequence. Lives as long as the tokenizer. Empty
 * for an id outside the vocabulary. */
sterna_token_text sterna_tokenizer_piece(const sterna_tokenizer *tokenizer, uint32_t id, uint32_t flags);
/* How many bytes at the front of the decoded text are the space that encoding put there ("llama" vocabularies
 * put one before the text and after every special token): 1 when the first id that has a text begins with it,
 * else 0. */
size_t sterna_tokenizer_prefix_bytes(const sterna_tokenizer *tokenizer, const uint32_t *ids, size_t count);

#endif
