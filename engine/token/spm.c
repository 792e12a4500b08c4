/* SentencePiece's BPE: the best-scored merge of neighbours whose joint text is a token, until there is none.
 * Owns: escaping of spaces, characters, scores as priorities. Leaves to others: the merging (merge.c). */
#include "base/mem.h"
#include "token/merge.h"
#include "token/token_internal.h"
#include "token/utf8.h"
#include <string.h>

#define ESCAPED_SPACE "\xE2\x96\x81" /* U+2581 */

typedef struct spm_text {
    const sterna_tokenizer *tokenizer;
    const char *data;
} spm_text;

/* Scores as integers, highest first. Scores are numbers (checked at creation); -0 and +0 are one. */
static uint32_t priority_of(float score)
{
    uint32_t bits;
    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    uint32_t ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return ~ascending;
}

static bool pair(const void *context, const sterna_symbol *left, const sterna_symbol *right,
                 uint32_t *priority, uint32_t *result)
{
    const spm_text *text = context;
    uint32_t id =
        sterna_text_map_find(&text->tokenizer->plain, text->data + left->start, left->bytes + right->bytes);
    if (id == STERNA_TOKEN_NONE) return false;
    *priority = priority_of(text->tokenizer->scores[id]);
    *result = id;
    return true;
}

/* The text as the vocabulary writes it. NULL when memory is refused. */
static char *escape(const char *text, uint32_t bytes, bool prefix, uint32_t *escaped_bytes)
{
    uint32_t spaces = prefix;
    for (uint32_t i = 0; i < bytes; i++) spaces += text[i] == ' ';
    *escaped_bytes = prefix + bytes + 2 * spaces;
    char *out = sterna_alloc_aligned(*escaped_bytes, 16), *to = out;
    if (!out) return NULL;
    if (prefix) to = (char *)memcpy(to, ESCAPED_SPACE, 3) + 3;
    for (uint32_t i = 0; i < bytes; i++) {
        if (text[i] == ' ') {
            to = (char *)memcpy(to, ESCAPED_SPACE, 3) + 3;
        } else {
            *to++ = text[i];
        }
    }
    return out;
}

/* Encodes data[from..to), across whose ends nothing merges. */
static sterna_status encode_stretch(const spm_text *text, uint32_t from, uint32_t to, sterna_merger *merger,
                                    sterna_token_list *list, sterna_fault *fault)
{
    const sterna_tokenizer *tokenizer = text->tokenizer;
    sterna_merger_clear(merger);
    for (uint32_t at = from; at < to;) {
        uint32_t length = sterna_utf8_next((const uint8_t *)text->data + at, to - at).bytes;
        uint32_t id = sterna_text_map_find(&tokenizer->plain, text->data + at, length);
        sterna_status status = sterna_merger_add(merger, at, length, id);
        if (status) return status;
        at += length;
    }
    sterna_status status = sterna_merger_run(merger, pair, text);
    for (uint32_t i = 0; status == STERNA_OK && i != STERNA_SYMBOL_NONE; i = merger->symbol[i].next) {
        const sterna_symbol *symbol = &merger->symbol[i];
        status =
            symbol->id != STERNA_TOKEN_NONE
                ? sterna_token_list_push(list, symbol->id)
                : sterna_token_push_bytes(tokenizer, text->data + symbol->start, symbol->bytes, list, fault);
    }
    return status;
}

static bool is_escaped_space(const char *data, uint32_t bytes)
{
    return bytes >= 3 && memcmp(data, ESCAPED_SPACE, 3) == 0;
}

/* The end of the stretch that begins at `from`: the next space that follows something else, when no token has
 * one there, so that no merge can cross it. Short stretches stay in the cache. */
static uint32_t stretch_end(const spm_text *text, uint32_t from, uint32_t bytes)
{
    if (!text->tokenizer->words_apart) return bytes;
    const char *data = text->data;
    bool in_spaces = true;
    for (uint32_t at = from; at < bytes;) {
        bool space = is_escaped_space(data + at, bytes - at);
        if (space && !in_spaces) return at;
        in_spaces = space;
        at += space ? 3 : 1;
    }
    return bytes;
}

bool sterna_spm_words_apart(const sterna_tokenizer *tokenizer)
{
    for (uint32_t id = 0; id < tokenizer->count; id++) {
        const sterna_token_text *token = &tokenizer->tokens[id];
        bool in_spaces = true;
        for (size_t at = 0; at < token->bytes;) {
            size_t left = token->bytes - at;
            bool space = is_escaped_space(token->data + at, left < 3 ? (uint32_t)left : 3);
            if (space && !in_spaces) return false;
            in_spaces = space;
            at += space ? 3 : 1;
        }
    }
    return true;
}

sterna_status sterna_spm_encode(const sterna_tokenizer *tokenizer, const char *text, uint32_t bytes,
                                bool prefix, sterna_token_list *list, sterna_fault *fault)
{
    if (bytes == 0) return STERNA_OK;
    uint32_t escaped_bytes;
    char *escaped = escape(text, bytes, prefix, &escaped_bytes);
    if (!escaped) return STERNA_MEMORY;
    sterna_merger merger = {0};
    spm_text whole = {tokenizer, escaped};
    sterna_status status = STERNA_OK;
    for (uint32_t from = 0, to; status == STERNA_OK && from < escaped_bytes; from = to) {
        to = stretch_end(&whole, from, escaped_bytes);
        status = encode_stretch(&whole, from, to, &merger, list, fault);
    }
    sterna_merger_free(&merger);
    sterna_free(escaped);
    return status;
}
