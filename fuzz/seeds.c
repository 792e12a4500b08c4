/* Seeds that are made rather than kept: small models, some text, blocks, choices.
 * Owns: what each target starts from. Leaves to others: where they go (drivers/fuzz_replay.c, tests/). */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "base/sys.h"
#include "format/envelope.h"
#include "fuzz.h"
#include "gguf/gguf.h"
#include "signed_seed.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct giver {
    sterna_fuzz_give *give;
    void *context;
} giver;

/* ---- Models of a few KiB ---- */

typedef struct small_model {
    const char *arch, *weights; /* format of the linear layers that are wide enough */
    uint32_t embd, heads, kv_heads, head_dim, ffn, layers;
    bool sub_norms, tied, byte_level;
} small_model;

static const small_model models[] = {
    {"llama", "f32", 8, 2, 1, 4, 8, 1, false, true, false},
    {"llama", "f16", 8, 2, 2, 4, 12, 2, false, false, false},
    {"llama", "bf16", 16, 4, 2, 4, 8, 1, false, true, true},
    {"llama", "q8_0", 32, 2, 1, 16, 32, 1, false, true, false},
    {"bitnet-b1.58", "f32", 8, 2, 1, 4, 8, 1, true, true, true},
    {"bitnet-b1.58", "tq2_0", 256, 1, 1, 2, 2, 1, true, true, false},
    {"llama", "q4_k", 256, 1, 1, 2, 2, 1, false, true, false},
};

/* The mark that SentencePiece puts for a space (U+2581), and the letter that byte-level BPE does (U+0120). */
#define MARK    "\xE2\x96\x81"
#define SPACE   "\xC4\xA0"
#define MARK_A  (MARK "a")
#define SPACE_A (SPACE "a")
static const char *const spm_tokens[] = {"<unk>", "<s>", "</s>", "a", "b", MARK, "ab", MARK_A};
static const char *const bpe_tokens[] = {"<|end|>", "a", "b", SPACE, "ab", SPACE_A};
static const char *const bpe_merges[] = {"a b", SPACE " a"};

static void put_texts(sterna_gguf_writer *w, const char *key, const char *const *texts, uint32_t n)
{
    sterna_gguf_text list[16];
    for (uint32_t i = 0; i < n; i++) list[i] = (sterna_gguf_text){texts[i], strlen(texts[i])};
    sterna_gguf_put_strings(w, key, list, n);
}

/* Returns the number of tokens. */
static uint32_t put_vocabulary(sterna_gguf_writer *w, bool byte_level)
{
    static const float scores[] = {0, 0, 0, -3, -4, -2, -1, 0};
    static const int32_t spm_types[] = {2, 3, 3, 1, 1, 1, 1, 1}, bpe_types[] = {3, 1, 1, 1, 1, 1};
    if (byte_level) {
        sterna_gguf_put_string(w, "tokenizer.ggml.model", "gpt2", 4);
        sterna_gguf_put_string(w, "tokenizer.ggml.pre", "gpt-2", 5);
        put_texts(w, "tokenizer.ggml.tokens", bpe_tokens, STERNA_COUNT(bpe_tokens));
        put_texts(w, "tokenizer.ggml.merges", bpe_merges, STERNA_COUNT(bpe_merges));
        sterna_gguf_put_array(w, "tokenizer.ggml.token_type", STERNA_GGUF_I32, bpe_types,
                              STERNA_COUNT(bpe_types));
        sterna_gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 0);
        return STERNA_COUNT(bpe_tokens);
    }
    sterna_gguf_put_string(w, "tokenizer.ggml.model", "llama", 5);
    put_texts(w, "tokenizer.ggml.tokens", spm_tokens, STERNA_COUNT(spm_tokens));
    sterna_gguf_put_array(w, "tokenizer.ggml.scores", STERNA_GGUF_F32, scores, STERNA_COUNT(scores));
    sterna_gguf_put_array(w, "tokenizer.ggml.token_type", STERNA_GGUF_I32, spm_types,
                          STERNA_COUNT(spm_types));
    sterna_gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 1);
    sterna_gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 2);
    sterna_gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", 0);
    return STERNA_COUNT(spm_tokens);
}

static void put_number(sterna_gguf_writer *w, const char *arch, const char *suffix, uint32_t value)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", arch, suffix);
    sterna_gguf_put_u32(w, key, value);
}

typedef struct filler {
    const sterna_format *format;
    uint64_t count;
    uint32_t stream;
    bool ones; /* instead of random values */
} filler;

static sterna_status fill(void *context, sterna_gguf_sink *sink, sterna_fault *fault)
{
    const filler *f = context;
    float values[256];
    uint8_t packed[1024];
    for (uint64_t done = 0; done < f->count;) {
        uint32_t n = f->count - done < 256 ? (uint32_t)(f->count - done) : 256;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t word = sterna_philox4x32(7, f->stream, (uint32_t)done + i, 0, 0, 0).word[0];
            values[i] = f->ones ? 1.0f : (float)(int32_t)(word >> 24) / 128.0f - 1.0f;
        }
        sterna_status status = f->format->pack(values, n, packed);
        if (status == STERNA_OK)
            status = sterna_gguf_sink_write(sink, packed, n / f->format->values * f->format->bytes, fault);
        if (status != STERNA_OK) return status;
        done += n;
    }
    return STERNA_OK;
}

enum { FILLERS = 40 };

typedef struct maker {
    sterna_gguf_writer *w;
    filler fillers[FILLERS];
    uint32_t n;
    const sterna_format *matrix;
} maker;

/* A vector of ones when rows is 0. Rows that do not fill the format's blocks stay F32. */
static void put_tensor(maker *m, const char *name, uint32_t rows, uint32_t cols)
{
    bool packs = rows && cols % m->matrix->values == 0;
    filler *f = &m->fillers[m->n];
    *f = (filler){packs ? m->matrix : sterna_format_named("f32"), (uint64_t)(rows ? rows : 1) * cols, m->n,
                  rows == 0};
    m->n++;
    sterna_gguf_put_tensor(m->w, name, f->format, rows ? 2 : 1, (const uint64_t[2]){cols, rows}, fill, f);
}

static void put_layer(maker *m, const small_model *s, uint32_t layer)
{
    const uint32_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    const struct {
        const char *suffix;
        uint32_t rows, cols;
        bool wanted;
    } list[] = {
        {"attn_norm", 0, s->embd, true},       {"attn_q", q, s->embd, true},
        {"attn_k", kv, s->embd, true},         {"attn_v", kv, s->embd, true},
        {"attn_sub_norm", 0, q, s->sub_norms}, {"attn_output", s->embd, q, true},
        {"ffn_norm", 0, s->embd, true},        {"ffn_gate", s->ffn, s->embd, true},
        {"ffn_up", s->ffn, s->embd, true},     {"ffn_sub_norm", 0, s->ffn, s->sub_norms},
        {"ffn_down", s->embd, s->ffn, true},
    };
    for (size_t i = 0; i < STERNA_COUNT(list); i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.%s.weight", layer, list[i].suffix);
        if (list[i].wanted) put_tensor(m, name, list[i].rows, list[i].cols);
    }
}

static sterna_status write_model(const small_model *s, const char *path, sterna_fault *fault)
{
    static maker m;
    m = (maker){.matrix = sterna_format_named(s->weights)};
    sterna_status status = sterna_gguf_writer_create(&m.w, fault);
    if (status != STERNA_OK) return status;
    char key[96];
    sterna_gguf_put_string(m.w, "general.architecture", s->arch, strlen(s->arch));
    put_number(m.w, s->arch, "block_count", s->layers);
    put_number(m.w, s->arch, "embedding_length", s->embd);
    put_number(m.w, s->arch, "feed_forward_length", s->ffn);
    put_number(m.w, s->arch, "attention.head_count", s->heads);
    put_number(m.w, s->arch, "attention.head_count_kv", s->kv_heads);
    put_number(m.w, s->arch, "attention.key_length", s->head_dim);
    put_number(m.w, s->arch, "attention.value_length", s->head_dim);
    put_number(m.w, s->arch, "rope.dimension_count", s->head_dim);
    put_number(m.w, s->arch, "context_length", 32);
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", s->arch);
    sterna_gguf_put_f32(m.w, key, 1e-5f);
    uint32_t vocab = put_vocabulary(m.w, s->byte_level);
    put_tensor(&m, "token_embd.weight", vocab, s->embd);
    for (uint32_t i = 0; i < s->layers; i++) put_layer(&m, s, i);
    put_tensor(&m, "output_norm.weight", 0, s->embd);
    if (!s->tied) put_tensor(&m, "output.weight", vocab, s->embd);
    if (s->head_dim == 16) put_tensor(&m, "rope_freqs.weight", 0, s->head_dim / 2);
    status = sterna_gguf_writer_finish(m.w, path, fault);
    sterna_gguf_writer_destroy(m.w);
    return status;
}

static bool give_models(const giver *g)
{
    char path[64], name[64];
    sterna_fault fault = {0};
    bool good = true;
    sterna_fuzz_scratch_path("seed", path, sizeof path);
    for (size_t i = 0; i < STERNA_COUNT(models) && good; i++) {
        sterna_mapping file = {0};
        good = write_model(&models[i], path, &fault) == STERNA_OK &&
               sterna_sys_read(path, 1 << 20, &file, &fault) == STERNA_OK;
        if (!good) break;
        snprintf(name, sizeof name, "model-%zu-%s", i, models[i].weights);
        g->give(g->context, name, file.data, file.size);
        sterna_sys_unmap(&file);
    }
    unlink(path);
    if (!good) fprintf(stderr, "seeds: %s\n", fault.text);
    return good;
}

/* ---- Bytes ---- */

static void give_text(const giver *g, const char *name, const char *text)
{
    g->give(g->context, name, (const uint8_t *)text, strlen(text));
}

static bool give_texts(const giver *g)
{
    give_text(g, "plain",
              "Once upon a time, there was a little girl. She didn't know 3 of 1234567 things!\r\n\n  Then");
    give_text(g, "spaces", "   \t leading,  double  and trailing   ");
    give_text(g, "marks",
              "\xE2\x96\x81"
              "a\xE2\x96\x81\xE2\x96\x81"
              "b <s> </s> <0x0A> <unk> <|begin_of_text|>");
    give_text(g, "unicode",
              "na\xC3\xAFve \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80 e\xCC\x81");
    give_text(g, "broken", "\xC3(\xC0\x80\xED\xA0\x80\xF5\x80\xFF\xFE\xE2\x96");
    return true;
}

/* Bytes of a generator behind a head that chooses. */
static bool give_random(const giver *g, uint32_t heads, uint32_t head_bytes, size_t bytes)
{
    uint8_t data[2048];
    for (uint32_t h = 0; h < heads; h++) {
        char name[32];
        for (size_t i = 0; i < bytes; i++)
            data[i] = (uint8_t)sterna_philox4x32(11, h, (uint32_t)i, 0, 0, 0).word[0];
        for (uint32_t i = 0; i < head_bytes; i++) data[i] = (uint8_t)(h >> (8 * i));
        snprintf(name, sizeof name, "random-%03u", h);
        g->give(g->context, name, data, bytes);
    }
    return true;
}

static bool give_vocabulary(const giver *g)
{
    /* head, choices, 8 tokens, no merges, seven ids, then (type, length, text) each, then the text. */
    static const char spm[] = "\0\1\10\0\1\2\200\200\0\200\200"
                              "\2\5<unk>\3\3<s>\3\4</s>\10\1a\6\361a\17\3\342\226\201\10\2ab\1\1b"
                              "ab ab a";
    static const char bpe[] = "\5\0\4\1\200\0\200\200\200\200\200\3\3<s>\1\1a\1\1b\1\2ab\3a babab<s>";
    g->give(g->context, "spm", (const uint8_t *)spm, sizeof spm - 1);
    g->give(g->context, "bpe", (const uint8_t *)bpe, sizeof bpe - 1);
    return give_random(g, 4, 1, 256);
}

/* A SafeTensors file of three tensors: length of the header, header, data. */
static bool give_safetensors(const giver *g)
{
    static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                 "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                                 "\"b\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[24,32]},"
                                 "\"c\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[32,33]}}";
    uint8_t data[8 + sizeof header - 1 + 33] = {0};
    uint64_t length = sizeof header - 1;
    memcpy(data, &length, 8);
    memcpy(data + 8, header, sizeof header - 1);
    g->give(g->context, "three", data, sizeof data);
    g->give(g->context, "none", (const uint8_t *)"\2\0\0\0\0\0\0\0{}", 10);
    return true;
}

static bool give_config(const giver *g)
{
    give_text(
        g, "bitnet",
        "{\"model_type\":\"bitnet\",\"hidden_act\":\"relu2\",\"num_hidden_layers\":2,\"hidden_size\":256,"
        "\"intermediate_size\":512,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_dim\":64,"
        "\"vocab_size\":300,\"max_position_embeddings\":64,\"rope_theta\":10000.0,\"rms_norm_eps\":1e-05,"
        "\"tie_word_embeddings\":true,\"bos_token_id\":1,\"eos_token_id\":[2,3],\"quantization_config\":"
        "{\"quant_method\":\"bitnet\",\"linear_class\":\"autobitlinear\",\"quantization_mode\":\"offline\"}"
        "}");
    return true;
}

static bool give_hf_tokenizer(const giver *g)
{
    give_text(g, "gpt2",
              "{\"added_tokens\":[{\"id\":5,\"content\":\"<s>\",\"special\":true}],\"normalizer\":null,"
              "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true},"
              "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<"
              "s>\"}}]},"
              "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"\\u0120\":2,\"ab\":3,\"\\u0120a\":4},"
              "\"merges\":[\"a b\",[\"\\u0120\",\"a\"]]}}");
    give_text(g, "digits",
              "{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\","
              "\"individual_digits\":true},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":"
              "true}]},"
              "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"\"}}");
    return true;
}

static bool give_payload(const giver *g)
{
    char *text;
    size_t bytes;
    if (!sterna_fuzz_payload(&text, &bytes)) return false;
    g->give(g->context, "run", (const uint8_t *)text, bytes);
    sterna_fuzz_payload_free();
    return true;
}

static bool give_envelopes(const giver *g)
{
    char *payload, *text;
    size_t payload_bytes, bytes;
    sterna_public_key public_key;
    sterna_secret_key secret_key;
    sterna_fuzz_key(&public_key, &secret_key);
    if (!sterna_fuzz_payload(&payload, &payload_bytes)) return false;
    bool good = true;
    for (int key = 0; key < 2 && good; key++) {
        good = sterna_envelope_write(payload, payload_bytes, key ? &secret_key : NULL, &text, &bytes, NULL) ==
               STERNA_OK;
        if (!good) break;
        g->give(g->context, key ? "signed" : "unsigned", (const uint8_t *)text, bytes);
        sterna_free(text);
    }
    sterna_fuzz_payload_free();
    return good;
}

static bool give_repros(const giver *g)
{
    give_text(
        g, "rmsnorm",
        "sterna-repro 1\ndevice cpu:scalar\nprofile exact\nop rmsnorm\nformat F32\nact f32\nlaw reference\n"
        "verdict WRONG_BITS\ntext x\nchoices 0102030405060708\ncase\nrmsnorm rows=1\n");
    give_text(g, "matmul",
              "sterna-repro 1\ndevice mock:warp=8\nop matmul_block\nformat Q8_0\nact block32\nlaw "
              "rows\nchoices \n");
    give_text(g, "recorded",
              "sterna-repro 1\ndevice mock\nprofile exact\nop gather\nformat F32\nact f32\nlaw reference\n"
              "verdict WRONG_BITS\nmost-rows 4\nlabel 1\nscalar rows 00000001\nscalar source_rows 00000001\n"
              "scalar n 00000002\narg x 0000803f00000040\narg index 00000000\ncase\ngather rows=1\n");
    give_text(g, "recorded-weight",
              "sterna-repro 1\ndevice cpu\nop matmul_float\nformat F16\nact f32\nlaw reference\nmost-rows 0\n"
              "label 0\nscalar rows 00000001\nscalar m 00000001\nscalar k 00000002\narg x 0000803f00000040\n"
              "arg w 003c0040\n");
    return true;
}

bool sterna_fuzz_seeds(const char *target, sterna_fuzz_give *give, void *context)
{
    giver g = {give, context};
    if (!strcmp(target, "gguf") || !strcmp(target, "model") || !strcmp(target, "rewrite"))
        return give_models(&g);
    if (!strcmp(target, "tokenizer")) return give_texts(&g);
    if (!strcmp(target, "safetensors")) return give_safetensors(&g);
    if (!strcmp(target, "config")) return give_config(&g);
    if (!strcmp(target, "hf_tokenizer")) return give_hf_tokenizer(&g);
    if (!strcmp(target, "receipt")) return give_payload(&g);
    if (!strcmp(target, "envelope")) return give_envelopes(&g);
    if (!strcmp(target, "repro")) return give_repros(&g);
    if (!strcmp(target, "vocabulary")) return give_vocabulary(&g);
    if (!strcmp(target, "formats")) return give_random(&g, 24, 1, 1 + 4 * 256);
    if (!strcmp(target, "kernels")) return give_random(&g, 240, 2, 96);
    return true;
}
