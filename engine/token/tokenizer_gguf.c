/* A tokenizer from the tokenizer.ggml keys of a GGUF file. Owns: which keys, of which types, and their
 * lengths. Leaves to others: whether the contents make sense (tokenizer.c), the container (gguf/). */
#include "base/mem.h"
#include "gguf/gguf.h"
#include "token/tokenizer.h"

#define KEY(name) "tokenizer.ggml." name

/* Arrays that a vocabulary is made of while it is being read. */
typedef struct loaded {
    sterna_token_text *tokens, *merges;
    float *scores;
    int32_t *types;
} loaded;

static sterna_status read_texts(sterna_gguf *file, const char *key, sterna_token_text **texts,
                                uint32_t *count, sterna_fault *fault)
{
    sterna_gguf_strings strings;
    sterna_status status = sterna_gguf_string_array(file, key, &strings, fault);
    if (status) return status;
    *texts = sterna_alloc((size_t)strings.count, sizeof **texts);
    if (!*texts)
        return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory for %s", sterna_gguf_label(file), key);
    for (uint64_t i = 0; i < strings.count; i++) {
        sterna_gguf_text text = sterna_gguf_string_at(&strings, i);
        (*texts)[i] = (sterna_token_text){text.data, (size_t)text.length};
    }
    *count = (uint32_t)strings.count; /* STERNA_GGUF_MAX_COUNT is below 2^32 */
    return STERNA_OK;
}

/* An array with one number per token; *value is NULL when the key is absent. */
static sterna_status find_array(const sterna_gguf *file, const char *key, uint32_t count,
                                const sterna_gguf_value **value, sterna_fault *fault)
{
    *value = sterna_gguf_find(file, key);
    if (!*value) return STERNA_OK;
    if ((*value)->type != STERNA_GGUF_ARRAY)
        return sterna_fail(fault, STERNA_FILE, "%s: %s is %s, not an array", sterna_gguf_label(file), key,
                           sterna_gguf_type_name((*value)->type));
    if ((*value)->count != count)
        return sterna_fail(fault, STERNA_FILE, "%s: %s has %llu elements for %u tokens",
                           sterna_gguf_label(file), key, (unsigned long long)(*value)->count, count);
    return STERNA_OK;
}

static sterna_status read_scores(const sterna_gguf *file, uint32_t count, float **scores, sterna_fault *fault)
{
    const sterna_gguf_value *value;
    sterna_status status = find_array(file, KEY("scores"), count, &value, fault);
    if (status || !value) return status;
    *scores = sterna_alloc(count, sizeof **scores);
    if (!*scores) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u scores", count);
    for (uint32_t i = 0; i < count; i++)
        if (!sterna_gguf_as_f32(value, i, &(*scores)[i]))
            return sterna_fail(fault, STERNA_FILE, "%s: " KEY("scores") " is an array of %s, not of f32",
                               sterna_gguf_label(file), sterna_gguf_type_name(value->element));
    return STERNA_OK;
}

static sterna_status read_types(const sterna_gguf *file, uint32_t count, int32_t **types, sterna_fault *fault)
{
    const sterna_gguf_value *value;
    sterna_status status = find_array(file, KEY("token_type"), count, &value, fault);
    if (status || !value) return status;
    *types = sterna_alloc(count, sizeof **types);
    if (!*types) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u token types", count);
    for (uint32_t i = 0; i < count; i++) {
        int64_t type;
        if (!sterna_gguf_as_i64(value, i, &type) || type < INT32_MIN || type > INT32_MAX)
            return sterna_fail(fault, STERNA_FILE, "%s: " KEY("token_type") "[%u] is no 32-bit integer",
                               sterna_gguf_label(file), i);
        (*types)[i] = (int32_t)type;
    }
    return STERNA_OK;
}

/* Converters write -1 or 0xFFFFFFFF for "none". */
static sterna_status read_id(const sterna_gguf *file, const char *key, uint32_t *id, sterna_fault *fault)
{
    *id = STERNA_TOKEN_NONE;
    const sterna_gguf_value *value = sterna_gguf_find(file, key);
    int64_t number;
    if (!value || (value->type != STERNA_GGUF_ARRAY && sterna_gguf_as_i64(value, 0, &number) && number == -1))
        return STERNA_OK;
    return sterna_gguf_u32(file, key, id, fault);
}

static sterna_status read_choice(const sterna_gguf *file, const char *key, sterna_choice *choice,
                                 sterna_fault *fault)
{
    bool yes;
    if (!sterna_gguf_find(file, key)) return STERNA_OK;
    sterna_status status = sterna_gguf_bool(file, key, &yes, fault);
    if (status == STERNA_OK) *choice = yes ? STERNA_CHOICE_YES : STERNA_CHOICE_NO;
    return status;
}

static sterna_status read_text(const sterna_gguf *file, const char *key, sterna_token_text *out,
                               sterna_fault *fault)
{
    sterna_gguf_text text;
    sterna_status status = sterna_gguf_string(file, key, &text, fault);
    if (status == STERNA_OK) *out = (sterna_token_text){text.data, (size_t)text.length};
    return status;
}

static sterna_status read_vocab(sterna_gguf *file, sterna_vocab *vocab, loaded *arrays, sterna_fault *fault)
{
    sterna_status status = read_text(file, KEY("model"), &vocab->model, fault);
    if (status == STERNA_OK && sterna_gguf_find(file, KEY("pre")))
        status = read_text(file, KEY("pre"), &vocab->pre, fault);
    if (status == STERNA_OK) status = read_texts(file, KEY("tokens"), &arrays->tokens, &vocab->count, fault);
    if (status == STERNA_OK) status = read_scores(file, vocab->count, &arrays->scores, fault);
    if (status == STERNA_OK) status = read_types(file, vocab->count, &arrays->types, fault);
    if (status == STERNA_OK && sterna_gguf_find(file, KEY("merges")))
        status = read_texts(file, KEY("merges"), &arrays->merges, &vocab->merge_count, fault);
#define X(name, key, used)                                                                                   \
    if (status == STERNA_OK) status = read_id(file, key, &vocab->ids.name, fault);
    STERNA_TOKEN_IDS(X)
#undef X
    if (status == STERNA_OK) status = read_choice(file, KEY("add_bos_token"), &vocab->add_bos, fault);
    if (status == STERNA_OK) status = read_choice(file, KEY("add_eos_token"), &vocab->add_eos, fault);
    if (status == STERNA_OK)
        status = read_choice(file, KEY("add_space_prefix"), &vocab->add_space_prefix, fault);
    vocab->tokens = arrays->tokens;
    vocab->scores = arrays->scores;
    vocab->types = arrays->types;
    vocab->merges = arrays->merges;
    return status;
}

sterna_status sterna_tokenizer_from_gguf(sterna_gguf *file, sterna_tokenizer **out, sterna_fault *fault)
{
    sterna_vocab vocab = {0};
    loaded arrays = {0};
    sterna_fault inner = {0};
    sterna_status status = read_vocab(file, &vocab, &arrays, fault);
    if (status == STERNA_OK) {
        status = sterna_tokenizer_create(&vocab, out, &inner);
        if (status) sterna_fail(fault, status, "%s: %s", sterna_gguf_label(file), inner.text);
    }
    sterna_free(arrays.tokens);
    sterna_free(arrays.merges);
    sterna_free(arrays.scores);
    sterna_free(arrays.types);
    return status;
}
