/* A vocabulary checked and made ready. Owns: creation, the checks, ids, and driving an encode.
 * Leaves to others: the algorithms (spm.c, bpe.c), special tokens (special.c), decoded texts (pieces.c). */
#include "base/mem.h"
#include "base/size.h"
#include "token/pieces.h"
#include "token/token_internal.h"
#include <math.h>
#include <string.h>

static bool text_is(sterna_token_text text, const char *word)
{
    return text.bytes == strlen(word) && memcmp(text.data, word, text.bytes) == 0;
}

static int shown(sterna_token_text text)
{
    return text.bytes < 80 ? (int)text.bytes : 80;
}

/* Ids an absent key leaves to the model: those of the Llama family's SentencePiece vocabularies. */
static uint32_t default_id(const sterna_tokenizer *tokenizer, uint32_t id, sterna_token_type type)
{
    bool fits = !tokenizer->is_bpe && id < tokenizer->count && tokenizer->types[id] == type;
    return fits ? id : STERNA_TOKEN_NONE;
}

static sterna_status check_ids(sterna_tokenizer *tokenizer, const sterna_vocab *vocab, sterna_fault *fault)
{
    tokenizer->ids = vocab->ids;
#define X(name, key, used)                                                                                   \
    if (tokenizer->ids.name != STERNA_TOKEN_NONE && tokenizer->ids.name >= vocab->count) {                   \
        if (used)                                                                                            \
            return sterna_fail(fault, STERNA_FILE, "%s is %u, but the vocabulary has %u tokens", key,        \
                               tokenizer->ids.name, vocab->count);                                           \
        tokenizer->ids.name = STERNA_TOKEN_NONE;                                                             \
    }
    STERNA_TOKEN_IDS(X)
#undef X
    sterna_token_ids *ids = &tokenizer->ids;
    if (ids->unknown == STERNA_TOKEN_NONE) ids->unknown = default_id(tokenizer, 0, STERNA_TOKEN_UNKNOWN);
    if (ids->bos == STERNA_TOKEN_NONE) ids->bos = default_id(tokenizer, 1, STERNA_TOKEN_CONTROL);
    if (ids->eos == STERNA_TOKEN_NONE) ids->eos = default_id(tokenizer, 2, STERNA_TOKEN_CONTROL);
    return STERNA_OK;
}

/* Copies types and scores, each checked. Without types, "llama" texts of the form <0xNN> are bytes. */
static sterna_status check_tokens(sterna_tokenizer *tokenizer, const sterna_vocab *vocab, sterna_fault *fault)
{
    for (uint32_t id = 0; id < vocab->count; id++) {
        sterna_token_text text = tokenizer->tokens[id];
        int byte = sterna_piece_byte(text);
        int32_t type = vocab->types                      ? vocab->types[id]
                       : !tokenizer->is_bpe && byte >= 0 ? (int32_t)STERNA_TOKEN_BYTE
                                                         : (int32_t)STERNA_TOKEN_NORMAL;
        if (type < STERNA_TOKEN_UNDEFINED || type > STERNA_TOKEN_BYTE)
            return sterna_fail(fault, STERNA_FILE, "tokenizer.ggml.token_type[%u] is %d: types are 0 to 6",
                               id, type);
        if (type == STERNA_TOKEN_BYTE && byte < 0)
            return sterna_fail(fault, STERNA_FILE,
                               "tokenizer.ggml.tokens[%u] is \"%.*s\", but a byte token is written <0xNN>",
                               id, shown(text), text.data);
        tokenizer->types[id] = (uint8_t)type;
        if (tokenizer->is_bpe) continue;
        if (isnan(vocab->scores[id]))
            return sterna_fail(fault, STERNA_FILE, "tokenizer.ggml.scores[%u] is not a number", id);
        tokenizer->scores[id] = vocab->scores[id];
        if (type == STERNA_TOKEN_BYTE && tokenizer->byte_id[byte] == STERNA_TOKEN_NONE)
            tokenizer->byte_id[byte] = id;
    }
    return STERNA_OK;
}

static sterna_status make_maps(sterna_tokenizer *tokenizer)
{
    sterna_status status = sterna_text_map_create(&tokenizer->all, tokenizer->tokens, tokenizer->count);
    if (status == STERNA_OK)
        status = sterna_text_map_create(&tokenizer->plain, tokenizer->tokens, tokenizer->count);
    for (uint32_t id = 0; status == STERNA_OK && id < tokenizer->count; id++) {
        uint8_t type = tokenizer->types[id];
        sterna_text_map_add(&tokenizer->all, id);
        if (type != STERNA_TOKEN_CONTROL && type != STERNA_TOKEN_UNKNOWN && type != STERNA_TOKEN_BYTE)
            sterna_text_map_add(&tokenizer->plain, id);
    }
    return status;
}

static sterna_status choose_model(sterna_tokenizer *tokenizer, const sterna_vocab *vocab, sterna_fault *fault)
{
    if (text_is(vocab->model, "gpt2")) {
        tokenizer->is_bpe = true;
        sterna_token_text pre = vocab->pre.bytes > 0 ? vocab->pre : (sterna_token_text){"default", 7};
        tokenizer->pre = sterna_pretokenizer_find(pre.data, pre.bytes);
        if (!tokenizer->pre)
            return sterna_fail(fault, STERNA_UNSUPPORTED,
                               "tokenizer.ggml.pre is \"%.*s\", a pre-tokenizer this build does not know "
                               "(docs/tokenizers.md lists those it does)",
                               shown(pre), pre.data);
        return STERNA_OK;
    }
    if (!text_is(vocab->model, "llama"))
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "tokenizer.ggml.model is \"%.*s\": known are llama and gpt2", shown(vocab->model),
                           vocab->model.data);
    if (!vocab->scores)
        return sterna_fail(fault, STERNA_FILE,
                           "tokenizer.ggml.scores is missing: model llama merges by score");
    return STERNA_OK;
}

static bool choose(sterna_choice choice, bool otherwise)
{
    return choice == STERNA_CHOICE_DEFAULT ? otherwise : choice == STERNA_CHOICE_YES;
}

static sterna_status create(sterna_tokenizer *tokenizer, const sterna_vocab *vocab, sterna_fault *fault)
{
    if (vocab->count == 0 || vocab->count == UINT32_MAX)
        return sterna_fail(fault, STERNA_FILE, "tokenizer.ggml.tokens has %u tokens", vocab->count);
    sterna_status status = choose_model(tokenizer, vocab, fault);
    if (status) return status;
    tokenizer->count = vocab->count;
    tokenizer->tokens = sterna_alloc(vocab->count, sizeof tokenizer->tokens[0]);
    tokenizer->types = sterna_alloc(vocab->count, 1);
    tokenizer->scores = tokenizer->is_bpe ? NULL : sterna_alloc(vocab->count, sizeof tokenizer->scores[0]);
    if (!tokenizer->tokens || !tokenizer->types || (!tokenizer->is_bpe && !tokenizer->scores))
        return STERNA_MEMORY;
    memcpy(tokenizer->tokens, vocab->tokens, vocab->count * sizeof tokenizer->tokens[0]);
    for (uint32_t byte = 0; byte < 256; byte++) tokenizer->byte_id[byte] = STERNA_TOKEN_NONE;

    status = check_tokens(tokenizer, vocab, fault);
    if (status == STERNA_OK) status = check_ids(tokenizer, vocab, fault);
    if (status == STERNA_OK) status = make_maps(tokenizer);
    if (status == STERNA_OK) status = sterna_special_create(tokenizer);
    if (status == STERNA_OK) status = sterna_pieces_create(tokenizer);
    if (status == STERNA_OK && tokenizer->is_bpe) status = sterna_bpe_create(tokenizer, vocab, fault);
    if (status) return status;
    tokenizer->add_bos = choose(vocab->add_bos, tokenizer->is_bpe ? tokenizer->pre->adds_bos : true) &&
                         tokenizer->ids.bos != STERNA_TOKEN_NONE;
    tokenizer->add_eos = choose(vocab->add_eos, false) && tokenizer->ids.eos != STERNA_TOKEN_NONE;
    tokenizer->add_space_prefix = !tokenizer->is_bpe && choose(vocab->add_space_prefix, true);
    tokenizer->words_apart = !tokenizer->is_bpe && sterna_spm_words_apart(tokenizer);
    return STERNA_OK;
}

sterna_status sterna_tokenizer_create(const sterna_vocab *vocab, sterna_tokenizer **out, sterna_fault *fault)
{
    sterna_tokenizer *tokenizer = sterna_alloc(1, sizeof *tokenizer);
    sterna_status status = tokenizer ? create(tokenizer, vocab, fault) : STERNA_MEMORY;
    if (status) {
        sterna_tokenizer_free(tokenizer);
        if (status == STERNA_MEMORY)
            sterna_fail(fault, status, "out of memory for a vocabulary of %u tokens", vocab->count);
        return status;
    }
    *out = tokenizer;
    return STERNA_OK;
}

void sterna_tokenizer_free(sterna_tokenizer *tokenizer)
{
    if (!tokenizer) return;
    sterna_free(tokenizer->tokens);
    sterna_free(tokenizer->types);
    sterna_free(tokenizer->scores);
    sterna_free(tokenizer->pieces);
    sterna_free(tokenizer->piece_at);
    sterna_free(tokenizer->merges);
    sterna_text_map_free(&tokenizer->all);
    sterna_text_map_free(&tokenizer->plain);
    sterna_special_free(&tokenizer->special);
    sterna_free(tokenizer);
}

uint32_t sterna_tokenizer_count(const sterna_tokenizer *tokenizer)
{
    return tokenizer->count;
}

sterna_token_type sterna_tokenizer_type(const sterna_tokenizer *tokenizer, uint32_t id)
{
    return id < tokenizer->count ? (sterna_token_type)tokenizer->types[id] : STERNA_TOKEN_UNDEFINED;
}

const sterna_token_ids *sterna_tokenizer_ids(const sterna_tokenizer *tokenizer)
{
    return &tokenizer->ids;
}
bool sterna_tokenizer_adds_bos(const sterna_tokenizer *tokenizer)
{
    return tokenizer->add_bos;
}

bool sterna_tokenizer_is_end(const sterna_tokenizer *tokenizer, uint32_t id)
{
    const sterna_token_ids *ids = &tokenizer->ids;
    return id != STERNA_TOKEN_NONE && (id == ids->eos || id == ids->eot || id == ids->eom);
}

uint32_t sterna_tokenizer_find(const sterna_tokenizer *tokenizer, const char *text, size_t bytes)
{
    return sterna_text_map_find(&tokenizer->all, text, bytes);
}

sterna_token_text sterna_tokenizer_stored(const sterna_tokenizer *tokenizer, uint32_t id)
{
    return id < tokenizer->count ? tokenizer->tokens[id] : (sterna_token_text){"", 0};
}

sterna_status sterna_token_list_push(sterna_token_list *list, uint32_t id)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity < 32 ? 64 : 2 * list->capacity;
        void *grown = sterna_realloc(list->ids, capacity, sizeof list->ids[0]);
        if (!grown) return STERNA_MEMORY;
        list->ids = grown;
        list->capacity = capacity;
    }
    list->ids[list->count++] = id;
    return STERNA_OK;
}

void sterna_token_list_free(sterna_token_list *list)
{
    sterna_free(list->ids);
    *list = (sterna_token_list){0};
}

sterna_status sterna_token_push_bytes(const sterna_tokenizer *tokenizer, const char *data, size_t bytes,
                                      sterna_token_list *list, sterna_fault *fault)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = (uint8_t)data[i];
        if (tokenizer->byte_id[byte] != STERNA_TOKEN_NONE) continue;
        if (tokenizer->ids.unknown != STERNA_TOKEN_NONE)
            return sterna_token_list_push(list, tokenizer->ids.unknown);
        return sterna_fail(fault, STERNA_FILE,
                           "the vocabulary has neither a token for byte 0x%02X nor an unknown token", byte);
    }
    sterna_status status = STERNA_OK;
    for (size_t i = 0; status == STERNA_OK && i < bytes; i++)
        status = sterna_token_list_push(list, tokenizer->byte_id[(uint8_t)data[i]]);
    return status;
}

static sterna_status encode(const sterna_tokenizer *tokenizer, const char *text, uint32_t bytes,
                            uint32_t flags, const sterna_fragments *fragments, sterna_token_list *list,
                            sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    if (flags & STERNA_ENCODE_AFFIXES && tokenizer->add_bos)
        status = sterna_token_list_push(list, tokenizer->ids.bos);
    bool after_special = true;
    for (size_t i = 0; status == STERNA_OK && bytes > 0 && i < fragments->count; i++) {
        const sterna_fragment *fragment = &fragments->at[i];
        if (fragment->id != STERNA_TOKEN_NONE) {
            status = sterna_token_list_push(list, fragment->id);
        } else if (tokenizer->is_bpe) {
            status = sterna_bpe_encode(tokenizer, text + fragment->start, fragment->bytes, list, fault);
        } else {
            bool prefix = tokenizer->add_space_prefix && after_special;
            status =
                sterna_spm_encode(tokenizer, text + fragment->start, fragment->bytes, prefix, list, fault);
        }
        after_special = fragment->id != STERNA_TOKEN_NONE;
    }
    if (status == STERNA_OK && flags & STERNA_ENCODE_AFFIXES && tokenizer->add_eos)
        status = sterna_token_list_push(list, tokenizer->ids.eos);
    return status;
}

sterna_status sterna_tokenizer_encode(const sterna_tokenizer *tokenizer, const char *text, size_t bytes,
                                      uint32_t flags, sterna_token_list *list, sterna_fault *fault)
{
    if (bytes > STERNA_ENCODE_MAX_BYTES)
        return sterna_fail(fault, STERNA_USAGE, "a text of %zu bytes: at most %u are encoded at once, cut it",
                           bytes, STERNA_ENCODE_MAX_BYTES);
    size_t before = list->count;
    sterna_fragments fragments = {0};
    sterna_status status =
        sterna_special_cut(tokenizer, text, (uint32_t)bytes, flags & STERNA_ENCODE_SPECIAL, &fragments);
    if (status == STERNA_OK)
        status = encode(tokenizer, text, (uint32_t)bytes, flags, &fragments, list, fault);
    sterna_free(fragments.at);
    if (status) list->count = before;
    if (status == STERNA_MEMORY)
        sterna_fail(fault, status, "out of memory while encoding a text of %zu bytes", bytes);
    return status;
}
