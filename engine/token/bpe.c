/* Byte-level BPE. Owns: the merge table and the encoding of words.
 * Leaves to others: cutting the text into words (bpe_split.c), the merging (merge.c). */
#include "base/mem.h"
#include "token/bytes_map.h"
#include "token/merge.h"
#include "token/token_internal.h"
#include <string.h>

#define FREE_SLOT UINT64_MAX

static uint64_t pair_hash(uint64_t pair)
{
    pair *= 0x9E3779B97F4A7C15u;
    return pair ^ pair >> 29;
}

static sterna_merge *merge_slot(const sterna_tokenizer *tokenizer, uint64_t pair)
{
    for (uint64_t at = pair_hash(pair) & tokenizer->merge_mask;; at = (at + 1) & tokenizer->merge_mask) {
        sterna_merge *merge = &tokenizer->merges[at];
        if (merge->pair == pair || merge->pair == FREE_SLOT) return merge;
    }
}

/* Reads "left right". The space is looked for from the second byte on: the first may be one. */
static sterna_status read_merge(sterna_tokenizer *tokenizer, const sterna_token_text *text, uint32_t rank,
                                char **scratch, size_t *room, sterna_fault *fault)
{
    const char *space = text->bytes > 1 ? memchr(text->data + 1, ' ', text->bytes - 1) : NULL;
    if (!space || space + 1 == text->data + text->bytes)
        return sterna_fail(fault, STERNA_FILE, "tokenizer.ggml.merges[%u] is not \"left right\"", rank);
    size_t left = (size_t)(space - text->data), right = text->bytes - left - 1;
    if (left + right > *room) {
        char *grown = sterna_realloc(*scratch, 2 * (left + right), 1);
        if (!grown) return STERNA_MEMORY;
        *scratch = grown;
        *room = 2 * (left + right);
    }
    memcpy(*scratch, text->data, left);
    memcpy(*scratch + left, space + 1, right);
    uint32_t left_id = sterna_text_map_find(&tokenizer->plain, *scratch, left);
    uint32_t right_id = sterna_text_map_find(&tokenizer->plain, *scratch + left, right);
    uint32_t result = sterna_text_map_find(&tokenizer->plain, *scratch, left + right);
    if (left_id == STERNA_TOKEN_NONE || right_id == STERNA_TOKEN_NONE || result == STERNA_TOKEN_NONE)
        return sterna_fail(fault, STERNA_FILE,
                           "tokenizer.ggml.merges[%u] \"%.*s\": %s is not in tokenizer.ggml.tokens", rank,
                           text->bytes < 80 ? (int)text->bytes : 80, text->data,
                           left_id == STERNA_TOKEN_NONE    ? "its left side"
                           : right_id == STERNA_TOKEN_NONE ? "its right side"
                                                           : "what it makes");
    uint64_t pair = (uint64_t)left_id << 32 | right_id;
    sterna_merge *merge = merge_slot(tokenizer, pair);
    if (merge->pair == FREE_SLOT) *merge = (sterna_merge){pair, rank, result};
    return STERNA_OK;
}

sterna_status sterna_bpe_create(sterna_tokenizer *tokenizer, const sterna_vocab *vocab, sterna_fault *fault)
{
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)vocab->merge_count) slots *= 2;
    tokenizer->merges = sterna_alloc(slots, sizeof tokenizer->merges[0]);
    if (!tokenizer->merges) return STERNA_MEMORY;
    tokenizer->merge_mask = slots - 1;
    for (uint64_t i = 0; i < slots; i++) tokenizer->merges[i].pair = FREE_SLOT;
    for (uint32_t byte = 0; byte < 256; byte++) {
        char text[2];
        size_t bytes = sterna_bytes_map_encode((uint8_t)byte, text);
        tokenizer->byte_id[byte] = sterna_text_map_find(&tokenizer->plain, text, bytes);
    }
    char *scratch = NULL;
    size_t room = 0;
    sterna_status status = STERNA_OK;
    for (uint32_t rank = 0; status == STERNA_OK && rank < vocab->merge_count; rank++)
        status = read_merge(tokenizer, &vocab->merges[rank], rank, &scratch, &room, fault);
    sterna_free(scratch);
    return status;
}

static bool pair(const void *context, const sterna_symbol *left, const sterna_symbol *right,
                 uint32_t *priority, uint32_t *result)
{
    if (left->id == STERNA_TOKEN_NONE || right->id == STERNA_TOKEN_NONE) return false;
    const sterna_merge *merge = merge_slot(context, (uint64_t)left->id << 32 | right->id);
    if (merge->pair == FREE_SLOT) return false;
    *priority = merge->rank;
    *result = merge->result;
    return true;
}

/* The token that is exactly this word, looked up in `printable`, room for two bytes per byte of the longest
 * token. */
static uint32_t whole_word(const sterna_tokenizer *tokenizer, const uint8_t *word, size_t bytes,
                           char *printable)
{
    if (bytes > tokenizer->plain.longest) return STERNA_TOKEN_NONE;
    size_t length = 0;
    for (size_t i = 0; i < bytes; i++) length += sterna_bytes_map_encode(word[i], printable + length);
    return sterna_text_map_find(&tokenizer->plain, printable, length);
}

static sterna_status encode_word(const sterna_tokenizer *tokenizer, const uint8_t *word, size_t bytes,
                                 sterna_merger *merger, sterna_token_list *list, sterna_fault *fault)
{
    sterna_merger_clear(merger);
    for (size_t i = 0; i < bytes; i++) {
        sterna_status status = sterna_merger_add(merger, (uint32_t)i, 1, tokenizer->byte_id[word[i]]);
        if (status) return status;
    }
    sterna_status status = sterna_merger_run(merger, pair, tokenizer);
    for (uint32_t i = 0; status == STERNA_OK && i != STERNA_SYMBOL_NONE; i = merger->symbol[i].next) {
        const sterna_symbol *symbol = &merger->symbol[i];
        status = symbol->id != STERNA_TOKEN_NONE
                     ? sterna_token_list_push(list, symbol->id)
                     : sterna_token_push_bytes(tokenizer, (const char *)word + i, 1, list, fault);
    }
    return status;
}

sterna_status sterna_bpe_encode(const sterna_tokenizer *tokenizer, const char *text, uint32_t bytes,
                                sterna_token_list *list, sterna_fault *fault)
{
    sterna_merger merger = {0};
    char *printable = NULL;
    if (tokenizer->pre->ignore_merges) {
        printable = sterna_alloc(tokenizer->plain.longest, 2);
        if (!printable) return STERNA_MEMORY;
    }
    sterna_words words = {.pre = tokenizer->pre, .text = (const uint8_t *)text, .bytes = bytes};
    sterna_status status = STERNA_OK;
    for (size_t start, end; status == STERNA_OK && sterna_words_next(&words, &start, &end);) {
        const uint8_t *word = words.text + start;
        uint32_t whole = printable ? whole_word(tokenizer, word, end - start, printable) : STERNA_TOKEN_NONE;
        status = whole != STERNA_TOKEN_NONE ? sterna_token_list_push(list, whole)
                                            : encode_word(tokenizer, word, end - start, &merger, list, fault);
    }
    sterna_merger_free(&merger);
    sterna_free(printable);
    return status;
}
