/* Reads tokenizer.json. Owns: the shape of that file and how a pre-tokenizer is recognised.
 * Leaves to others: whether merges and tokens fit together (token/tokenizer.c checks when the result is
 * opened). */
#include "convert/hf_tokenizer.h"
#include "base/mem.h"
#include "base/size.h"
#include "convert/hf_json.h"
#include "token/tokenizer.h"
#include <stdio.h>
#include <string.h>

#define TOKENIZER_LIMIT (256u << 20)

/* The arrays that become keys. Texts point into the JSON tree, or into `made`. */
typedef struct tables {
    sterna_gguf_text *tokens, *merges;
    int32_t *types;
    char *made;
    size_t made_used;
    uint32_t merge_count;
} tables;

static const char llama3_words[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static bool is_byte_level(const cJSON *step, bool use_regex)
{
    return sterna_hf_json_is(sterna_hf_json_get(step, "type"), "ByteLevel") &&
           sterna_hf_json_bool(step, "use_regex", true) == use_regex &&
           !sterna_hf_json_bool(step, "add_prefix_space", true);
}

static bool is_split(const cJSON *step, const char *regex)
{
    return sterna_hf_json_is(sterna_hf_json_get(step, "type"), "Split") &&
           sterna_hf_json_is(sterna_hf_json_get(sterna_hf_json_get(step, "pattern"), "Regex"), regex) &&
           sterna_hf_json_is(sterna_hf_json_get(step, "behavior"), "Isolated") &&
           !sterna_hf_json_bool(step, "invert", true);
}

static bool is_digits(const cJSON *step)
{
    return sterna_hf_json_is(sterna_hf_json_get(step, "type"), "Digits") &&
           sterna_hf_json_bool(step, "individual_digits", false);
}

/* tokenizer.ggml.pre for what pre_tokenizer and ignore_merges say; NULL when nothing fits. */
static const char *recognise(const cJSON *pre, bool ignore_merges)
{
    if (is_byte_level(pre, true)) return ignore_merges ? NULL : "gpt-2";
    const cJSON *steps = sterna_hf_json_get(pre, "pretokenizers");
    if (!sterna_hf_json_is(sterna_hf_json_get(pre, "type"), "Sequence") || cJSON_GetArraySize(steps) != 2)
        return NULL;
    const cJSON *first = cJSON_GetArrayItem(steps, 0), *second = cJSON_GetArrayItem(steps, 1);
    if (is_split(first, llama3_words) && is_byte_level(second, false))
        return ignore_merges ? "llama-bpe" : NULL;
    if (is_digits(first) && is_byte_level(second, true)) return ignore_merges ? NULL : "starcoder";
    return NULL;
}

static sterna_status check_model(const char *path, const cJSON *root, const cJSON *model, const char **pre,
                                 sterna_fault *fault)
{
    if (!sterna_hf_json_is(sterna_hf_json_get(model, "type"), "BPE") ||
        sterna_hf_json_bool(model, "byte_fallback", false))
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: \"model\" is not byte-level BPE", path);
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix", "unk_token"};
    for (size_t i = 0; i < STERNA_COUNT(affixes); i++) {
        const cJSON *affix = sterna_hf_json_get(model, affixes[i]);
        if (affix && !sterna_hf_json_is(affix, ""))
            return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: \"model.%s\" is not converted", path,
                               affixes[i]);
    }
    if (sterna_hf_json_get(root, "normalizer"))
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: \"normalizer\" is not converted", path);
    *pre = recognise(sterna_hf_json_get(root, "pre_tokenizer"),
                     sterna_hf_json_bool(model, "ignore_merges", false));
    if (!*pre)
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "%s: \"pre_tokenizer\" (with \"model.ignore_merges\") has none of the known forms "
                           "(docs/convert.md)",
                           path);
    return STERNA_OK;
}

static sterna_status put_token(const char *path, tables *t, const sterna_hf_config *config, const char *text,
                               const cJSON *id, int32_t type, sterna_fault *fault)
{
    uint64_t at;
    if (!sterna_hf_json_u64(id, config->vocab - 1, &at))
        return sterna_fail(fault, STERNA_FILE, "%s: the id of token \"%.80s\" is not below \"vocab_size\" %u",
                           path, text, config->vocab);
    size_t bytes = strlen(text);
    const sterna_gguf_text *held = &t->tokens[at];
    if (held->data && (held->length != bytes || memcmp(held->data, text, bytes) != 0))
        return sterna_fail(fault, STERNA_FILE, "%s: id %llu belongs to \"%.80s\" and to another token", path,
                           (unsigned long long)at, text);
    t->tokens[at] = (sterna_gguf_text){text, bytes};
    t->types[at] = type;
    return STERNA_OK;
}

static sterna_status read_tokens(const char *path, const cJSON *root, const cJSON *model, tables *t,
                                 const sterna_hf_config *config, sterna_fault *fault)
{
    const cJSON *item, *vocab = sterna_hf_json_get(model, "vocab"),
                       *added = sterna_hf_json_get(root, "added_tokens");
    if (!cJSON_IsObject(vocab))
        return sterna_fail(fault, STERNA_FILE, "%s: \"model.vocab\" is no object", path);
    cJSON_ArrayForEach(item, vocab)
    {
        sterna_status status = put_token(path, t, config, item->string, item, STERNA_TOKEN_NORMAL, fault);
        if (status) return status;
    }
    cJSON_ArrayForEach(item, added)
    {
        const cJSON *content = sterna_hf_json_get(item, "content");
        if (!cJSON_IsString(content))
            return sterna_fail(fault, STERNA_FILE, "%s: an entry of \"added_tokens\" has no \"content\"",
                               path);
        int32_t type =
            sterna_hf_json_bool(item, "special", false) ? STERNA_TOKEN_CONTROL : STERNA_TOKEN_USER_DEFINED;
        sterna_status status =
            put_token(path, t, config, content->valuestring, sterna_hf_json_get(item, "id"), type, fault);
        if (status) return status;
    }
    return STERNA_OK;
}

/* Ids without a token, as models with a padded embedding have them. */
static void fill_gaps(tables *t, uint32_t vocab)
{
    for (uint32_t id = 0; id < vocab; id++) {
        if (t->tokens[id].data) continue;
        char *at = t->made + t->made_used;
        int n = snprintf(at, 16, "[PAD%u]", id);
        t->made_used += (size_t)n;
        t->tokens[id] = (sterna_gguf_text){at, (uint64_t)n};
        t->types[id] = STERNA_TOKEN_UNUSED;
    }
}

/* "left right", or ["left", "right"] as newer files have it. */
static sterna_status read_merge(const char *path, const cJSON *item, tables *t, sterna_fault *fault)
{
    const cJSON *left = cJSON_GetArrayItem(item, 0), *right = cJSON_GetArrayItem(item, 1);
    if (cJSON_IsString(item)) {
        t->merges[t->merge_count++] = (sterna_gguf_text){item->valuestring, strlen(item->valuestring)};
        return STERNA_OK;
    }
    if (cJSON_GetArraySize(item) != 2 || !cJSON_IsString(left) || !cJSON_IsString(right))
        return sterna_fail(fault, STERNA_FILE, "%s: \"model.merges\"[%u] is no pair of texts", path,
                           t->merge_count);
    /* GGUF separates the sides by a space, so the sides cannot hold one; byte-level texts never do. */
    if (strchr(left->valuestring, ' ') || strchr(right->valuestring, ' '))
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: \"model.merges\"[%u] has a space in a side", path,
                           t->merge_count);
    size_t l = strlen(left->valuestring), r = strlen(right->valuestring);
    char *at = t->made + t->made_used;
    memcpy(at, left->valuestring, l);
    at[l] = ' ';
    memcpy(at + l + 1, right->valuestring, r);
    t->made_used += l + 1 + r;
    t->merges[t->merge_count++] = (sterna_gguf_text){at, l + 1 + r};
    return STERNA_OK;
}

static sterna_status make_tables(const char *path, const cJSON *root, const cJSON *model, tables *t,
                                 const sterna_hf_config *config, sterna_fault *fault)
{
    const cJSON *item, *merges = sterna_hf_json_get(model, "merges");
    if (!cJSON_IsArray(merges))
        return sterna_fail(fault, STERNA_FILE, "%s: \"model.merges\" is no array", path);
    uint32_t room = (uint32_t)cJSON_GetArraySize(merges);
    size_t text = 16 * (size_t)config->vocab; /* what fill_gaps may need, and the texts of pairs */
    cJSON_ArrayForEach(item, merges)
    {
        const cJSON *side;
        cJSON_ArrayForEach(side, item) text += cJSON_IsString(side) ? strlen(side->valuestring) + 1 : 0;
    }
    t->tokens = sterna_alloc(config->vocab, sizeof t->tokens[0]);
    t->types = sterna_alloc(config->vocab, sizeof t->types[0]);
    t->merges = sterna_alloc(room, sizeof t->merges[0]);
    t->made = sterna_alloc(text, 1);
    if (!t->tokens || !t->types || !t->merges || !t->made)
        return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory for %u tokens", path, config->vocab);
    sterna_status status = read_tokens(path, root, model, t, config, fault);
    if (status) return status;
    fill_gaps(t, config->vocab);
    cJSON_ArrayForEach(item, merges)
    {
        status = read_merge(path, item, t, fault);
        if (status) return status;
    }
    return STERNA_OK;
}

/* Whether a single text begins with a special token, as the post-processor says. */
static bool adds_bos(const cJSON *processor, const sterna_hf_config *config)
{
    if (config->bos == UINT32_MAX) return false;
    if (!processor) return true;
    const cJSON *template = processor, *item;
    if (sterna_hf_json_is(sterna_hf_json_get(processor, "type"), "Sequence"))
        cJSON_ArrayForEach(item, sterna_hf_json_get(processor, "processors"))
        {
            if (sterna_hf_json_is(sterna_hf_json_get(item, "type"), "TemplateProcessing")) template = item;
        }
    return sterna_hf_json_get(cJSON_GetArrayItem(sterna_hf_json_get(template, "single"), 0),
                              "SpecialToken") != NULL;
}

static sterna_status put(const char *path, const cJSON *root, const sterna_hf_config *config,
                         sterna_gguf_writer *writer, sterna_fault *fault)
{
    const cJSON *model = sterna_hf_json_get(root, "model");
    const char *pre;
    tables t = {0};
    sterna_status status = check_model(path, root, model, &pre, fault);
    if (status == STERNA_OK) status = make_tables(path, root, model, &t, config, fault);
    if (status == STERNA_OK) {
        sterna_gguf_put_string(writer, "tokenizer.ggml.model", "gpt2", 4);
        sterna_gguf_put_string(writer, "tokenizer.ggml.pre", pre, strlen(pre));
        sterna_gguf_put_strings(writer, "tokenizer.ggml.tokens", t.tokens, config->vocab);
        sterna_gguf_put_array(writer, "tokenizer.ggml.token_type", STERNA_GGUF_I32, t.types, config->vocab);
        sterna_gguf_put_strings(writer, "tokenizer.ggml.merges", t.merges, t.merge_count);
        if (config->bos != UINT32_MAX)
            sterna_gguf_put_u32(writer, "tokenizer.ggml.bos_token_id", config->bos);
        if (config->eos != UINT32_MAX)
            sterna_gguf_put_u32(writer, "tokenizer.ggml.eos_token_id", config->eos);
        bool bos = adds_bos(sterna_hf_json_get(root, "post_processor"), config);
        sterna_gguf_put_bool(writer, "tokenizer.ggml.add_bos_token", bos);
    }
    sterna_free(t.tokens);
    sterna_free(t.types);
    sterna_free(t.merges);
    sterna_free(t.made);
    return status;
}

sterna_status sterna_hf_tokenizer_put(const char *path, const sterna_hf_config *config,
                                      sterna_gguf_writer *writer, sterna_fault *fault)
{
    cJSON *root = NULL;
    sterna_status status = sterna_hf_json_read(path, TOKENIZER_LIMIT, &root, fault);
    if (status) return status;
    status = put(path, root, config, writer, fault);
    sterna_hf_json_free(root);
    return status;
}
