/* Vectors that others made: the golden model's prompts, llama.cpp's vocabulary tests, stories260K's prompt;
 * and what the hostile files of the corpus must be answered. Owns: reading those files. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "gguf/gguf.h"
#include "runner.h"
#include "token/tokenizer.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct opened {
    sterna_gguf *file;
    sterna_tokenizer *tokenizer;
} opened;

static sterna_status open_vocab(const char *path, opened *o, sterna_fault *fault)
{
    *o = (opened){0};
    sterna_status status = sterna_gguf_open(path, STERNA_GGUF_MAP, &o->file, fault);
    return status == STERNA_OK ? sterna_tokenizer_from_gguf(o->file, &o->tokenizer, fault) : status;
}

static void close_vocab(opened *o)
{
    sterna_tokenizer_free(o->tokenizer);
    sterna_gguf_close(o->file);
}

/* Encodes and compares; notes the first difference. */
static bool encodes_to(sterna_test *t, const opened *o, uint32_t flags, const char *text, size_t bytes,
                       const uint32_t *want, size_t n)
{
    sterna_token_list list = {0};
    sterna_fault fault = {0};
    sterna_status status = sterna_tokenizer_encode(o->tokenizer, text, bytes, flags, &list, &fault);
    bool same =
        status == STERNA_OK && list.count == n && (n == 0 || memcmp(list.ids, want, n * sizeof want[0]) == 0);
    if (!EXPECT(t, same)) {
        size_t i = 0;
        while (i < n && i < list.count && want[i] == list.ids[i]) i++;
        sterna_test_note(t, "\"%.*s\": %zu ids, want %zu; differs from id %zu on %s",
                         (int)(bytes < 60 ? bytes : 60), text, list.count, n, i, fault.text);
    }
    sterna_token_list_free(&list);
    return same;
}

/* The five prompts of the golden model's reference run, encoded by Hugging Face's tokenizers; BOS in front. */
static void golden_prompts(sterna_test *t)
{
    static const struct {
        const char *text;
        uint32_t n, ids[9];
    } rows[] = {
        {"Once upon a time", 7, {0, 47, 78, 322, 426, 259, 376}},
        {"The little dog", 5, {0, 52, 257, 369, 659}},
        {"Tom and Lily", 7, {0, 52, 289, 267, 221, 44, 355}},
        {"One day, a", 7, {0, 47, 78, 69, 345, 12, 259}},
        {"", 1, {0}},
    };
    opened o;
    sterna_fault fault = {0};
    CHECK_MSG(t, open_vocab(sterna_test_repo(t, "golden/models/golden.gguf"), &o, &fault) == STERNA_OK, "%s",
              fault.text);
    CHECK(t, sterna_tokenizer_count(o.tokenizer) == 2048 && sterna_tokenizer_adds_bos(o.tokenizer));
    for (size_t i = 0; i < STERNA_COUNT(rows); i++)
        encodes_to(t, &o, STERNA_ENCODE_AFFIXES, rows[i].text, strlen(rows[i].text), rows[i].ids, rows[i].n);
    uint32_t end[] = {0, 0};
    encodes_to(t, &o, STERNA_ENCODE_SPECIAL, "<|endoftext|><|endoftext|>", 26, end, 2);
    CHECK(t, sterna_tokenizer_is_end(o.tokenizer, 0) && !sterna_tokenizer_is_end(o.tokenizer, 1));
    close_vocab(&o);
}

/* Everything the golden vocabulary can say comes back from its own text. */
static void golden_tokens_come_back(sterna_test *t)
{
    opened o;
    CHECK(t, open_vocab(sterna_test_repo(t, "golden/models/golden.gguf"), &o, NULL) == STERNA_OK);
    for (uint32_t id = 1; id < sterna_tokenizer_count(o.tokenizer); id++) {
        sterna_token_text piece = sterna_tokenizer_piece(o.tokenizer, id, 0),
                          stored = sterna_tokenizer_stored(o.tokenizer, id);
        CHECK(t, piece.bytes > 0 && sterna_tokenizer_find(o.tokenizer, stored.data, stored.bytes) == id);
        sterna_token_list list = {0};
        CHECK(t, sterna_tokenizer_encode(o.tokenizer, piece.data, piece.bytes, 0, &list, NULL) == STERNA_OK);
        size_t at = 0;
        for (size_t i = 0; i < list.count; i++) {
            sterna_token_text part = sterna_tokenizer_piece(o.tokenizer, list.ids[i], 0);
            CHECK(t, at + part.bytes <= piece.bytes && memcmp(piece.data + at, part.data, part.bytes) == 0);
            at += part.bytes;
        }
        CHECK(t, at == piece.bytes);
        sterna_token_list_free(&list);
    }
    close_vocab(&o);
}

/* The same prompts where the whole reference is at hand: the rows above are not all there is. */
static void golden_reference(sterna_test *t)
{
    const char *path = sterna_test_shared(t, "golden-model/reference/greedy.json");
    if (!path) SKIP(t, "the golden model's reference folder is not here");
    opened o;
    sterna_mapping json = {0};
    CHECK(t, open_vocab(sterna_test_repo(t, "golden/models/golden.gguf"), &o, NULL) == STERNA_OK);
    CHECK(t, sterna_sys_read(path, 1 << 24, &json, NULL) == STERNA_OK);
    cJSON *all = cJSON_ParseWithLength((const char *)json.data, (size_t)json.size), *run;
    CHECK(t, cJSON_GetArraySize(all) == 5);
    cJSON_ArrayForEach(run, all)
    {
        uint32_t ids[64];
        size_t n = 0;
        cJSON *id, *text = cJSON_GetObjectItem(run, "prompt");
        cJSON_ArrayForEach(id, cJSON_GetObjectItem(run, "prompt_ids")) ids[n++] = (uint32_t)id->valuedouble;
        encodes_to(t, &o, STERNA_ENCODE_AFFIXES, text->valuestring, strlen(text->valuestring), ids, n);
        /* The generated text is the decoded ids. */
        const char *expected = cJSON_GetObjectItem(run, "text")->valuestring;
        size_t at = 0;
        cJSON_ArrayForEach(id, cJSON_GetObjectItem(run, "ids"))
        {
            sterna_token_text piece = sterna_tokenizer_piece(o.tokenizer, (uint32_t)id->valuedouble, 0);
            CHECK(t, strncmp(expected + at, piece.data, piece.bytes) == 0);
            at += piece.bytes;
        }
        CHECK(t, at == strlen(expected));
    }
    cJSON_Delete(all);
    sterna_sys_unmap(&json);
    close_vocab(&o);
}

/* Pairs of files in llama.cpp's form: texts between separator lines, and a line of ids for each. */
static void compare_files(sterna_test *t, const char *const path[3], uint32_t cases)
{
    static const char separator[] = "\n__ggml_vocab_test__\n";
    opened o;
    sterna_fault fault = {0};
    sterna_mapping in = {0}, out = {0};
    CHECK_MSG(t, open_vocab(path[0], &o, &fault) == STERNA_OK, "%s", fault.text);
    CHECK(t, sterna_sys_read(path[1], 1 << 24, &in, NULL) == STERNA_OK);
    CHECK(t, sterna_sys_read(path[2], 1 << 24, &out, NULL) == STERNA_OK);
    char *texts = sterna_strndup((const char *)in.data, (size_t)in.size);
    char *lines = sterna_strndup((const char *)out.data, (size_t)out.size);
    CHECK(t, texts && lines);
    uint32_t seen = 0;
    for (char *text = texts, *line = lines; *line; seen++) {
        char *text_end = strstr(text, separator), *line_end = strchr(line, '\n');
        size_t bytes = text_end ? (size_t)(text_end - text) : strlen(text), n = 0;
        CHECK(t, line_end != NULL);
        *line_end = 0;
        uint32_t ids[2048];
        for (char *at = line, *next; n < STERNA_COUNT(ids); at = next) {
            ids[n] = (uint32_t)strtoul(at, &next, 10);
            if (next == at) break;
            n++;
        }
        encodes_to(t, &o, 0, text, bytes, ids, n);
        if (!text_end) break;
        text = text_end + strlen(separator);
        line = line_end + 1;
    }
    CHECK_MSG(t, seen == cases, "%u cases, expected %u", seen, cases);
    sterna_free(texts);
    sterna_free(lines);
    sterna_sys_unmap(&in);
    sterna_sys_unmap(&out);
    close_vocab(&o);
}

static void vectors_of(sterna_test *t, const char *name, uint32_t cases)
{
    char relative[200];
    const char *suffix[] = {"", ".inp", ".out"};
    const char *path[3];
    for (int i = 0; i < 3; i++) {
        snprintf(relative, sizeof relative, "data/vocab/%s.gguf%s", name, suffix[i]);
        path[i] = sterna_test_shared(t, relative);
        if (!path[i]) SKIP(t, "%s is not here", relative);
    }
    compare_files(t, path, cases);
}

/* The golden vocabulary on llama.cpp's texts and more, by Hugging Face's tokenizers 0.23 from its
 * tokenizer.json. */
static void vectors_golden(sterna_test *t)
{
    const char *path[] = {sterna_test_repo(t, "golden/models/golden.gguf"),
                          sterna_test_repo(t, "engine/token/tests/data/golden.inp"),
                          sterna_test_repo(t, "engine/token/tests/data/golden.out")};
    compare_files(t, path, 67);
}

static void vectors_gpt2(sterna_test *t)
{
    vectors_of(t, "ggml-vocab-gpt-2", 46);
}
static void vectors_mpt(sterna_test *t)
{
    vectors_of(t, "ggml-vocab-mpt", 46);
}
static void vectors_refact(sterna_test *t)
{
    vectors_of(t, "ggml-vocab-refact", 46);
}
static void vectors_llama_spm(sterna_test *t)
{
    vectors_of(t, "ggml-vocab-llama-spm", 46);
}
static void vectors_llama_bpe(sterna_test *t)
{
    vectors_of(t, "derived/ggml-vocab-llama-bpe", 46);
}

/* The prompt of every greedy run of stories260K, with its 64 ids as a text that must come back whole. */
static void stories_prompt(sterna_test *t)
{
    const char *path = sterna_test_repo(t, "golden/models/stories260K-q8_0.gguf");
    opened o;
    sterna_fault fault = {0};
    CHECK_MSG(t, open_vocab(path, &o, &fault) == STERNA_OK, "%s", fault.text);
    static const uint32_t ids[] = {1, 403, 407, 261, 378};
    encodes_to(t, &o, STERNA_ENCODE_AFFIXES, "Once upon a time", 16, ids, 5);
    CHECK(t, sterna_tokenizer_prefix_bytes(o.tokenizer, ids, 5) == 1);
    static const uint32_t sentence[] = {432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426};
    char text[100];
    size_t n = 0;
    for (size_t i = 0; i < STERNA_COUNT(sentence); i++) {
        sterna_token_text piece = sterna_tokenizer_piece(o.tokenizer, sentence[i], 0);
        memcpy(text + n, piece.data, piece.bytes);
        n += piece.bytes;
    }
    CHECK_MSG(t, n > 24 && memcmp(text, ", there was a little girl", 25) == 0, "%.*s", (int)n, text);
    close_vocab(&o);
}

/* What the hostile files must be answered: status, and a word of the sentence. */
static void corpus_is_answered(sterna_test *t)
{
    static const struct {
        const char *file;
        sterna_status status;
        const char *names;
    } rows[] = {
        {"s00_valid", STERNA_OK, NULL},
        {"s22_scores_short", STERNA_FILE, "tokenizer.ggml.scores"},
        {"s24_toktype_short", STERNA_FILE, "tokenizer.ggml.token_type"},
        {"s26_tokens_u32", STERNA_FILE, "tokenizer.ggml.tokens"},
        {"s28_bos_eq_nvocab", STERNA_FILE, "tokenizer.ggml.bos_token_id"},
        {"s30_ids_u32max", STERNA_OK, NULL},
        {"s34_dup_tokens", STERNA_OK, NULL},
        {"s36_token_badutf8", STERNA_OK, NULL},
        {"s38_byte_zz", STERNA_FILE, "tokenizer.ggml.tokens["},
        {"s40_token_200k", STERNA_OK, NULL},
        {"s42_toktype_99", STERNA_FILE, "tokenizer.ggml.token_type["},
        {"s46_tokmodel_missing", STERNA_FILE, "tokenizer.ggml.model"},
    };
    if (!sterna_test_shared(t, "data/corpus/manifest.json")) SKIP(t, "data/corpus is not here");
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        char relative[100];
        snprintf(relative, sizeof relative, "data/corpus/%s.gguf", rows[i].file);
        const char *path = sterna_test_shared(t, relative);
        CHECK_MSG(t, path != NULL, "%s", relative);
        opened o;
        sterna_fault fault = {0};
        sterna_status status = open_vocab(path, &o, &fault);
        bool right = status == rows[i].status &&
                     (!rows[i].names || (strstr(fault.text, rows[i].names) && strstr(fault.text, path)));
        if (!EXPECT(t, right))
            sterna_test_note(t, "%s: status %d, \"%s\"", rows[i].file, (int)status, fault.text);
        if (status == STERNA_OK) {
            sterna_token_list list = {0};
            EXPECT(t,
                   sterna_tokenizer_encode(o.tokenizer, "Once upon a time", 16, 3, &list, NULL) == STERNA_OK);
            EXPECT(t, list.count >= 2);
            sterna_token_list_free(&list);
        }
        close_vocab(&o);
    }
}

/* Opening a vocabulary with the n-th allocation refused, for every n. */
static void every_allocation_fails(sterna_test *t)
{
    const char *path = sterna_test_repo(t, "golden/models/golden.gguf");
    int64_t live = sterna_mem_live();
    uint64_t n = 1;
    for (bool failed = true; failed; n++) {
        opened o;
        sterna_fault fault = {0};
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = open_vocab(path, &o, &fault);
        failed = sterna_fault_count(STERNA_FAULT_ALLOC) >= n;
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK_MSG(t, status == (failed ? STERNA_MEMORY : STERNA_OK) && (!failed || fault.text[0]),
                  "allocation %llu: status %d, %s", (unsigned long long)n, (int)status, fault.text);
        close_vocab(&o);
        CHECK_MSG(t, sterna_mem_live() == live, "allocation %llu leaves blocks", (unsigned long long)n);
    }
    CHECK_MSG(t, n > 15, "only %llu allocations", (unsigned long long)n);
}

const sterna_test_case sterna_test_cases[] = {
    {"golden_prompts", golden_prompts, 0},
    {"golden_tokens_come_back", golden_tokens_come_back, 0},
    {"golden_reference", golden_reference, 0},
    {"vectors_golden", vectors_golden, 0},
    {"vectors_gpt2", vectors_gpt2, 0},
    {"vectors_mpt", vectors_mpt, 0},
    {"vectors_refact", vectors_refact, 0},
    {"vectors_llama_spm", vectors_llama_spm, 0},
    {"vectors_llama_bpe", vectors_llama_bpe, 0},
    {"stories_prompt", stories_prompt, 0},
    {"corpus_is_answered", corpus_is_answered, 0},
    {"every_allocation_fails", every_allocation_fails, 0},
    {0},
};
