/* Finds special tokens in a text. Owns: the search, O(bytes x distinct lengths) by polynomial prefix hashes,
 * so that neither many tokens nor long ones make it slow. Leaves to others: which tokens are special. */
#include "base/mem.h"
#include "token/token_internal.h"
#include <stdlib.h>
#include <string.h>

#define HASH_BASE 0x9E3779B97F4A7C15u

static uint64_t hash_step(uint64_t hash, char byte)
{
    return hash * HASH_BASE + (uint8_t)byte + 1;
}

static uint64_t hash_power(uint32_t exponent)
{
    uint64_t result = 1, base = HASH_BASE;
    for (; exponent > 0; exponent >>= 1, base *= base)
        if (exponent & 1) result *= base;
    return result;
}

static bool is_special(uint8_t type)
{
    return type == STERNA_TOKEN_CONTROL || type == STERNA_TOKEN_UNKNOWN || type == STERNA_TOKEN_USER_DEFINED;
}

typedef struct sort_key {
    uint64_t hash;
    uint32_t bytes, id;
} sort_key;

static int by_length_hash_id(const void *a, const void *b)
{
    const sort_key *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Fills entries and groups from sorted keys. */
static void fill(sterna_tokenizer *tokenizer, const sort_key *key, uint32_t count)
{
    sterna_special *special = &tokenizer->special;
    for (uint32_t i = 0; i < count; i++) {
        bool needs_flag = tokenizer->types[key[i].id] != STERNA_TOKEN_USER_DEFINED;
        uint8_t start = (uint8_t)tokenizer->tokens[key[i].id].data[0];
        special->entry[i] = (sterna_special_entry){key[i].hash, key[i].id, needs_flag};
        special->unconditional += !needs_flag;
        special->starts[start / 8] |= (uint8_t)(1u << start % 8);
        if (i == 0 || key[i].bytes != key[i - 1].bytes)
            special->group[special->groups++] = (sterna_special_group){key[i].bytes, i, 0};
        special->group[special->groups - 1].count++;
    }
    special->entries = count;
}

sterna_status sterna_special_create(sterna_tokenizer *tokenizer)
{
    sterna_special *special = &tokenizer->special;
    uint32_t count = 0;
    for (uint32_t id = 0; id < tokenizer->count; id++)
        count += is_special(tokenizer->types[id]) && tokenizer->tokens[id].bytes > 0;
    if (count == 0) return STERNA_OK;
    sort_key *key = sterna_alloc(count, sizeof key[0]);
    special->entry = sterna_alloc(count, sizeof special->entry[0]);
    special->group = sterna_alloc(count, sizeof special->group[0]);
    if (!key || !special->entry || !special->group) {
        sterna_free(key);
        return STERNA_MEMORY;
    }
    count = 0;
    for (uint32_t id = 0; id < tokenizer->count; id++) {
        const sterna_token_text *text = &tokenizer->tokens[id];
        /* A text longer than any that can be encoded matches nothing. */
        if (!is_special(tokenizer->types[id]) || text->bytes == 0 || text->bytes > STERNA_ENCODE_MAX_BYTES)
            continue;
        uint64_t hash = 0;
        for (size_t i = 0; i < text->bytes; i++) hash = hash_step(hash, text->data[i]);
        key[count++] = (sort_key){hash, (uint32_t)text->bytes, id};
    }
    qsort(key, count, sizeof key[0], by_length_hash_id);
    fill(tokenizer, key, count);
    sterna_free(key);
    return STERNA_OK;
}

void sterna_special_free(sterna_special *special)
{
    sterna_free(special->entry);
    sterna_free(special->group);
    *special = (sterna_special){0};
}

static bool may_start(const sterna_special *special, char byte)
{
    return special->starts[(uint8_t)byte / 8] >> (uint8_t)byte % 8 & 1;
}

/* The lowest id of the group that is text[0..group->bytes), STERNA_TOKEN_NONE if none is. */
static uint32_t find_in_group(const sterna_tokenizer *tokenizer, const sterna_special_group *group,
                              uint64_t hash, const char *text, bool with_flag)
{
    const sterna_special_entry *entry = tokenizer->special.entry + group->first;
    uint32_t low = 0, high = group->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (entry[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < group->count && entry[low].hash == hash; low++) {
        if (entry[low].needs_flag && !with_flag) continue;
        if (memcmp(tokenizer->tokens[entry[low].id].data, text, group->bytes) == 0) return entry[low].id;
    }
    return STERNA_TOKEN_NONE;
}

static sterna_status add(sterna_fragments *fragments, uint32_t start, uint32_t bytes, uint32_t id)
{
    if (bytes == 0) return STERNA_OK;
    if (fragments->count == fragments->capacity) {
        size_t capacity = fragments->capacity == 0 ? 16 : 2 * fragments->capacity;
        void *grown = sterna_realloc(fragments->at, capacity, sizeof fragments->at[0]);
        if (!grown) return STERNA_MEMORY;
        fragments->at = grown;
        fragments->capacity = capacity;
    }
    fragments->at[fragments->count++] = (sterna_fragment){start, bytes, id};
    return STERNA_OK;
}

/* Cuts one piece of text by the tokens of one length; prefix[i] is the hash of the text's first i bytes. */
static sterna_status cut_piece(const sterna_tokenizer *tokenizer, const sterna_special_group *group,
                               const char *text, const uint64_t *prefix, sterna_fragment piece,
                               bool with_flag, sterna_fragments *out)
{
    uint32_t length = group->bytes, from = piece.start, end = piece.start + piece.bytes;
    uint64_t power = hash_power(length);
    sterna_status status = STERNA_OK;
    for (uint32_t at = from; status == STERNA_OK && end - at >= length;) {
        uint32_t id = STERNA_TOKEN_NONE;
        if (may_start(&tokenizer->special, text[at])) {
            uint64_t hash = prefix[at + length] - prefix[at] * power;
            id = find_in_group(tokenizer, group, hash, text + at, with_flag);
        }
        if (id == STERNA_TOKEN_NONE) {
            at++;
            continue;
        }
        status = add(out, from, at - from, STERNA_TOKEN_NONE);
        if (status == STERNA_OK) status = add(out, at, length, id);
        from = at += length;
    }
    return status == STERNA_OK ? add(out, from, end - from, STERNA_TOKEN_NONE) : status;
}

/* Cuts all that is still text by the tokens of one length. */
static sterna_status cut_group(const sterna_tokenizer *tokenizer, const sterna_special_group *group,
                               const char *text, const uint64_t *prefix, bool with_flag,
                               sterna_fragments *fragments)
{
    sterna_fragments out = {0};
    sterna_status status = STERNA_OK;
    for (size_t i = 0; status == STERNA_OK && i < fragments->count; i++) {
        sterna_fragment piece = fragments->at[i];
        status = piece.id != STERNA_TOKEN_NONE || piece.bytes < group->bytes
                     ? add(&out, piece.start, piece.bytes, piece.id)
                     : cut_piece(tokenizer, group, text, prefix, piece, with_flag, &out);
    }
    if (status) {
        sterna_free(out.at);
        return status;
    }
    sterna_free(fragments->at);
    *fragments = out;
    return STERNA_OK;
}

sterna_status sterna_special_cut(const sterna_tokenizer *tokenizer, const char *text, uint32_t bytes,
                                 bool with_flag, sterna_fragments *fragments)
{
    const sterna_special *special = &tokenizer->special;
    sterna_status status = add(fragments, 0, bytes, STERNA_TOKEN_NONE);
    if (status || special->entries == 0 || (!with_flag && special->unconditional == 0)) return status;
    uint32_t first = 0;
    while (first < bytes && !may_start(special, text[first])) first++;
    if (first == bytes) return STERNA_OK;

    uint64_t *prefix = sterna_alloc((size_t)bytes + 1, sizeof prefix[0]);
    if (!prefix) return STERNA_MEMORY;
    for (uint32_t i = 0; i < bytes; i++) prefix[i + 1] = hash_step(prefix[i], text[i]);
    for (uint32_t i = 0; status == STERNA_OK && i < special->groups; i++)
        if (special->group[i].bytes <= bytes)
            status = cut_group(tokenizer, &special->group[i], text, prefix, with_flag, fragments);
    sterna_free(prefix);
    return status;
}
