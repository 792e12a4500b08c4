/* Synthetic models: what is in them, that a seed decides every byte, and every call failing. */
#include "base/fault_point.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/size.h"
#include "convert/convert.h"
#include "convert/synth_vocab.h"
#include "gguf/gguf.h"
#include "runner.h"
#include "token/tokenizer.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const types[] = {"f32", "f16", "bf16", "q8_0", "q4_k", "tq2_0"};
static const char *const small_shapes[] = {"bitnet-small", "llama-small"};

/* Writes a model and opens it; NULL after a failure, which is reported. */
static sterna_gguf *make(sterna_test *t, const sterna_synth_params *params, const char *path)
{
    sterna_fault fault = {0};
    sterna_gguf *file = NULL;
    sterna_status status = sterna_synth(params, path, &fault);
    if (status == STERNA_OK) status = sterna_gguf_open(path, STERNA_GGUF_MAP, &file, &fault);
    if (!EXPECT(t, status == STERNA_OK))
        sterna_test_note(t, "%s %s: %s", params->shape, params->type, fault.text);
    return file;
}

/* Mean and variance of a tensor. */
static bool moments(const sterna_gguf_tensor *tensor, double *mean, double *variance)
{
    static float row[8192];
    uint64_t rows = tensor->n_dims > 1 ? tensor->ne[1] : 1, row_bytes = tensor->bytes / rows;
    double sum = 0, squares = 0;
    for (uint64_t r = 0; r < rows; r++) {
        tensor->format->unpack(tensor->data + r * row_bytes, (uint32_t)tensor->ne[0], row);
        for (uint64_t i = 0; i < tensor->ne[0]; i++) {
            if (!isfinite(row[i])) return false;
            sum += row[i];
            squares += (double)row[i] * row[i];
        }
    }
    double n = (double)(rows * tensor->ne[0]);
    *mean = sum / n;
    *variance = squares / n - *mean * *mean;
    return true;
}

/* Weights as the header promises: centred, and of variance 1 / columns (less in layers that write to the
 * residual stream). With n uniform values the mean's standard deviation is sd / sqrt(n) and the variance's is
 * below var * sqrt(2 / n); five of those are allowed, and 7 % of the variance for the grids of Q4_K and
 * TQ2_0. */
static void check_weights(sterna_test *t, const sterna_gguf *file, const char *type)
{
    uint64_t count;
    const sterna_gguf_tensor *tensor = sterna_gguf_tensors(file, &count);
    for (uint64_t i = 0; i < count; i++, tensor++) {
        double mean = 0, variance = 0, n = (double)(tensor->ne[0] * (tensor->n_dims > 1 ? tensor->ne[1] : 1));
        CHECK(t, moments(tensor, &mean, &variance));
        CHECK(t, tensor->format->validate(tensor->data, tensor->bytes / tensor->format->bytes) ==
                     tensor->bytes / tensor->format->bytes);
        bool norm = tensor->n_dims == 1;
        bool residual = strstr(tensor->name.data, "attn_output") == tensor->name.data + 6 ||
                        strstr(tensor->name.data, "ffn_down") == tensor->name.data + 6;
        double want_mean = norm ? 1 : 0,
               want = norm ? 0.0625 / 3 : 1.0 / (double)tensor->ne[0] / (residual ? 4 : 1);
        CHECK_MSG(t, fabs(mean - want_mean) < 5 * sqrt(want / n) + 0.02 * sqrt(want), "%s %.*s: mean %g",
                  type, (int)tensor->name.length, tensor->name.data, mean);
        CHECK_MSG(t, fabs(variance / want - 1) < 0.02 + 5 * sqrt(2 / n), "%s %.*s: variance %g, want %g",
                  type, (int)tensor->name.length, tensor->name.data, variance, want);
        if (tensor->format->id != STERNA_FORMAT_TQ2_0) continue;
        for (uint64_t b = 1; b < tensor->bytes / 66; b++)
            CHECK(t, memcmp(tensor->data + 64, tensor->data + 66 * b + 64, 2) == 0);
    }
}

/* Each piece is encoded to something that decodes to it again. */
static void check_vocabulary(sterna_test *t, sterna_gguf *file, uint32_t size)
{
    sterna_tokenizer *tokenizer = NULL;
    sterna_fault fault = {0};
    CHECK_MSG(t, sterna_tokenizer_from_gguf(file, &tokenizer, &fault) == STERNA_OK, "%s", fault.text);
    CHECK(t, sterna_tokenizer_count(tokenizer) == size && sterna_tokenizer_adds_bos(tokenizer));
    uint32_t single = 0;
    for (uint32_t id = 0; id < size; id++) {
        sterna_token_text piece = sterna_tokenizer_piece(tokenizer, id, 0),
                          stored = sterna_tokenizer_stored(tokenizer, id);
        CHECK_MSG(t, sterna_tokenizer_find(tokenizer, stored.data, stored.bytes) == id,
                  "token %u is there twice", id);
        sterna_token_list list = {0};
        CHECK(t, sterna_tokenizer_encode(tokenizer, piece.data, piece.bytes, 0, &list, NULL) == STERNA_OK);
        size_t at = 0;
        for (size_t i = 0; i < list.count; i++) at += sterna_tokenizer_piece(tokenizer, list.ids[i], 0).bytes;
        CHECK(t, at == piece.bytes + sterna_tokenizer_prefix_bytes(tokenizer, list.ids, list.count));
        single += list.count > 0 && list.ids[list.count - 1] == id;
        sterna_token_list_free(&list);
    }
    CHECK_MSG(t, single > size / 8, "only %u of %u tokens can be reached", single, size);
    sterna_tokenizer_free(tokenizer);
}

static void every_small_model_is_sound(sterna_test *t)
{
    char path[500];
    snprintf(path, sizeof path, "%s/synth.gguf", sterna_test_folder(t));
    for (size_t s = 0; s < STERNA_COUNT(small_shapes); s++)
        for (size_t k = 0; k < STERNA_COUNT(types); k++) {
            sterna_gguf *file = make(t, &(sterna_synth_params){small_shapes[s], types[k], 7, 0}, path);
            CHECK(t, file != NULL);
            uint64_t tensors;
            sterna_gguf_tensors(file, &tensors);
            CHECK(t, tensors == (s == 0 ? 2u + 2 * 11 : 3u + 2 * 9));
            const sterna_gguf_tensor *gate = sterna_gguf_tensor_named(file, "blk.1.ffn_gate.weight");
            CHECK(t, gate && gate->ne[0] == 256 && gate->ne[1] == 512 &&
                         gate->format == sterna_format_named(types[k]));
            check_weights(t, file, types[k]);
            check_vocabulary(t, file, 320);
            sterna_gguf_close(file);
        }
}

static void large_vocabularies_are_sound(sterna_test *t)
{
    const char *about;
    uint32_t shapes = 0;
    while (sterna_synth_shape(shapes, &about)) {
        CHECK(t, about[0]);
        shapes++;
    }
    CHECK(t, shapes >= 4);
    char path[500];
    snprintf(path, sizeof path, "%s/vocab.gguf", sterna_test_folder(t));
    for (int bpe = 0; bpe < 2; bpe++) {
        uint32_t size = bpe ? 128256 : 32000;
        sterna_gguf_writer *writer = NULL;
        sterna_fault fault = {0};
        CHECK(t, sterna_gguf_writer_create(&writer, &fault) == STERNA_OK);
        CHECK(t, (bpe ? sterna_synth_vocab_bpe(writer, size) : sterna_synth_vocab_spm(writer, size)) ==
                     STERNA_OK);
        CHECK_MSG(t, sterna_gguf_writer_finish(writer, path, &fault) == STERNA_OK, "%s", fault.text);
        sterna_gguf_writer_destroy(writer);
        sterna_gguf *file = NULL;
        CHECK(t, sterna_gguf_open(path, STERNA_GGUF_MAP, &file, &fault) == STERNA_OK);
        check_vocabulary(t, file, size);
        sterna_gguf_close(file);
    }
}

static void hash_file(sterna_test *t, const char *path, uint8_t hash[32])
{
    sterna_mapping mapping = {0};
    CHECK(t, sterna_sys_map(path, &mapping, NULL) == STERNA_OK);
    sterna_sha256_once(mapping.data, (size_t)mapping.size, hash);
    sterna_sys_unmap(&mapping);
}

static void the_seed_decides_every_byte(sterna_test *t)
{
    char path[500];
    snprintf(path, sizeof path, "%s/synth.gguf", sterna_test_folder(t));
    for (size_t k = 0; k < STERNA_COUNT(types); k++) {
        uint8_t hash[3][32];
        for (int i = 0; i < 3; i++) {
            sterna_gguf_close(
                make(t, &(sterna_synth_params){"llama-small", types[k], i == 2 ? 1ull << 40 : 5, 0}, path));
            hash_file(t, path, hash[i]);
        }
        CHECK(t, memcmp(hash[0], hash[1], 32) == 0 && memcmp(hash[0], hash[2], 32) != 0);
    }
    /* Tensors of one shape differ from each other. */
    sterna_gguf *file = make(t, &(sterna_synth_params){"bitnet-small", NULL, 5, 0}, path);
    CHECK(t, file != NULL);
    const sterna_gguf_tensor *a = sterna_gguf_tensor_named(file, "blk.0.ffn_gate.weight");
    const sterna_gguf_tensor *b = sterna_gguf_tensor_named(file, "blk.0.ffn_up.weight");
    CHECK(t, a && b && a->bytes == b->bytes && memcmp(a->data, b->data, 64) != 0);
    sterna_gguf_close(file);
}

static void wrong_parameters_are_named(sterna_test *t)
{
    static const struct {
        sterna_synth_params params;
        const char *names;
    } rows[] = {
        {{"bitnet-3b", NULL, 1, 0}, "bitnet-2b4t"},
        {{"bitnet-small", "q4_0", 1, 0}, "tq2_0"},
        {{"bitnet-small", "bits", 1, 0}, "tq2_0"},
        {{"bitnet-small", NULL, 1, 4000}, "layers"},
    };
    char path[500];
    snprintf(path, sizeof path, "%s/none.gguf", sterna_test_folder(t));
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_fault fault = {0};
        CHECK(t, sterna_synth(&rows[i].params, path, &fault) == STERNA_USAGE);
        CHECK_MSG(t, strstr(fault.text, rows[i].names), "%s", fault.text);
    }
    sterna_mapping mapping = {0};
    CHECK(t, sterna_sys_map(path, &mapping, NULL) == STERNA_FILE);
}

/* The n-th allocation or call to the system refused, for every n: an error, no leak, no file. */
static void every_call_fails(sterna_test *t)
{
    char path[500];
    snprintf(path, sizeof path, "%s/synth.gguf", sterna_test_folder(t));
    int64_t live = sterna_mem_live();
    for (int kind = STERNA_FAULT_ALLOC; kind <= STERNA_FAULT_SYS; kind++) {
        uint64_t n = 1;
        for (bool failed = true; failed; n++) {
            sterna_fault fault = {0};
            sterna_fault_arm((sterna_fault_kind)kind, n, false);
            sterna_status status =
                sterna_synth(&(sterna_synth_params){"bitnet-small", NULL, 1, 1}, path, &fault);
            failed = sterna_fault_count((sterna_fault_kind)kind) >= n;
            sterna_fault_arm((sterna_fault_kind)kind, 0, false);
            CHECK_MSG(t, (status != STERNA_OK) == failed && (fault.text[0] != 0) == failed,
                      "kind %d call %llu: %d %s", kind, (unsigned long long)n, (int)status, fault.text);
            CHECK_MSG(t, sterna_mem_live() == live, "kind %d call %llu leaks", kind, (unsigned long long)n);
            sterna_mapping mapping = {0};
            bool exists = sterna_sys_map(path, &mapping, NULL) == STERNA_OK;
            sterna_sys_unmap(&mapping);
            CHECK_MSG(t, exists == !failed, "kind %d call %llu: file there: %d", kind, (unsigned long long)n,
                      exists);
            if (exists && kind == STERNA_FAULT_ALLOC) remove(path);
        }
        CHECK(t, n > 3);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"every_small_model_is_sound", every_small_model_is_sound, 60},
    {"large_vocabularies_are_sound", large_vocabularies_are_sound, 60},
    {"the_seed_decides_every_byte", the_seed_decides_every_byte, 60},
    {"wrong_parameters_are_named", wrong_parameters_are_named, 0},
    {"every_call_fails", every_call_fails, 60},
    {0},
};
