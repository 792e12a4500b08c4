/* Models of real shapes with random weights. Owns: the list of keys and tensors, and how large the weights
 * are. Leaves to others: values (synth_values.c), vocabularies (synth_vocab.c), the file (gguf/). */
#include "base/mem.h"
#include "base/size.h"
#include "convert/convert.h"
#include "convert/synth_values.h"
#include "convert/synth_vocab.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct shape {
    const char *name, *architecture, *type;
    uint32_t tied, layers, embd, ffn, heads, kv_heads, head_dim, vocab, context;
    float rope_base, epsilon;
    const char *about;
} shape;

static const shape shapes[] = {
#define SHAPE(...) {__VA_ARGS__},
#include "convert/shapes.def"
#undef SHAPE
};

const char *sterna_synth_shape(uint32_t i, const char **about)
{
    if (i >= STERNA_COUNT(shapes)) return NULL;
    if (about) *about = shapes[i].about;
    return shapes[i].name;
}

/* Per layer: X(name, rows, cols, role, only with sub-norms). A norm's weights are near 1. A layer that writes
 * to the residual stream is scaled down by sqrt(2 layers), so that the stream's variance does not grow with
 * depth. */
#define LAYER_TENSORS(X)                                                                                     \
    X("attn_norm", 1, s->embd, NORM, false)                                                                  \
    X("ffn_norm", 1, s->embd, NORM, false)                                                                   \
    X("attn_sub_norm", 1, q, NORM, true)                                                                     \
    X("ffn_sub_norm", 1, s->ffn, NORM, true)                                                                 \
    X("attn_q", q, s->embd, LINEAR, false)                                                                   \
    X("attn_k", kv, s->embd, LINEAR, false)                                                                  \
    X("attn_v", kv, s->embd, LINEAR, false)                                                                  \
    X("attn_output", s->embd, q, RESIDUAL, false)                                                            \
    X("ffn_gate", s->ffn, s->embd, LINEAR, false)                                                            \
    X("ffn_up", s->ffn, s->embd, LINEAR, false)                                                              \
    X("ffn_down", s->embd, s->ffn, RESIDUAL, false)

enum { TENSORS_PER_LAYER = 11 };
typedef enum role { NORM, LINEAR, RESIDUAL, EMBEDDING } role;

typedef struct synth {
    const shape *s;
    const sterna_format *linear, *embedding, *f32;
    uint32_t layers, used;
    uint64_t seed;
    sterna_synth_tensor *tensor; /* [used] */
    sterna_gguf_writer *writer;
} synth;

/* The number of the quantisation in general.file_type (llama.cpp, enum llama_ftype). */
static uint32_t file_type(const sterna_format *format)
{
    switch (format->id) {
    case STERNA_FORMAT_F16:
        return 1;
    case STERNA_FORMAT_Q8_0:
        return 7;
    case STERNA_FORMAT_Q4_K:
        return 14;
    case STERNA_FORMAT_BF16:
        return 32;
    case STERNA_FORMAT_TQ2_0:
        return 37;
    default:
        return 0;
    }
}

static void put_tensor(synth *y, const char *name, uint32_t rows, uint32_t cols, role kind)
{
    const sterna_format *format = kind == NORM ? y->f32 : kind == EMBEDDING ? y->embedding : y->linear;
    sterna_synth_tensor *t = &y->tensor[y->used];
    bool ternary = format->id == STERNA_FORMAT_TQ2_0;
    /* A row of `cols` values of variance 1 / cols keeps the variance of what it meets: uniform values have
     * variance spread^2 / 3, ternary ones 2 spread^2 / 3. */
    float spread = sqrtf((ternary ? 1.5f : 3.0f) / (float)cols);
    if (kind == RESIDUAL) spread /= sqrtf(2.0f * (float)y->layers);
    *t = (sterna_synth_tensor){.format = format, .seed = y->seed, .index = y->used++, .spread = spread};
    if (kind == NORM) {
        t->mean = 1.0f;
        t->spread = 0.25f;
    }
    uint64_t ne[STERNA_GGUF_MAX_DIMS] = {cols, rows, 1, 1};
    sterna_gguf_tensor_bytes(format, ne,
                             &t->bytes); /* checked before: cols fill blocks, and sizes are small */
    sterna_gguf_put_tensor(y->writer, name, format, kind == NORM ? 1 : 2, ne, sterna_synth_fill, t);
}

static void put_tensors(synth *y)
{
    const shape *s = y->s;
    uint32_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    bool sub_norms = strcmp(s->architecture, "llama") != 0;
    put_tensor(y, "token_embd.weight", s->vocab, s->embd, EMBEDDING);
    put_tensor(y, "output_norm.weight", 1, s->embd, NORM);
    if (!s->tied) put_tensor(y, "output.weight", s->vocab, s->embd, EMBEDDING);
    for (uint32_t layer = 0; layer < y->layers; layer++) {
        char name[64];
#define X(stem, rows, cols, kind, only_sub_norms)                                                            \
    if (sub_norms || !only_sub_norms) {                                                                      \
        snprintf(name, sizeof name, "blk.%u.%s.weight", layer, stem);                                        \
        put_tensor(y, name, rows, cols, kind);                                                               \
    }
        LAYER_TENSORS(X)
#undef X
    }
}

static void put_key_u32(synth *y, const char *suffix, uint32_t value)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", y->s->architecture, suffix);
    sterna_gguf_put_u32(y->writer, key, value);
}

static void put_key_f32(synth *y, const char *suffix, float value)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", y->s->architecture, suffix);
    sterna_gguf_put_f32(y->writer, key, value);
}

static void put_keys(synth *y)
{
    const shape *s = y->s;
    char name[128];
    snprintf(name, sizeof name, "synthetic %s %s seed %llu", s->name, y->linear->name,
             (unsigned long long)y->seed);
    sterna_gguf_put_string(y->writer, "general.architecture", s->architecture, strlen(s->architecture));
    sterna_gguf_put_string(y->writer, "general.name", name, strlen(name));
    put_key_u32(y, "block_count", y->layers);
    put_key_u32(y, "context_length", s->context);
    put_key_u32(y, "embedding_length", s->embd);
    put_key_u32(y, "feed_forward_length", s->ffn);
    put_key_u32(y, "attention.head_count", s->heads);
    put_key_u32(y, "attention.head_count_kv", s->kv_heads);
    put_key_f32(y, "attention.layer_norm_rms_epsilon", s->epsilon);
    put_key_f32(y, "rope.freq_base", s->rope_base);
    put_key_u32(y, "rope.dimension_count", s->head_dim);
    put_key_u32(y, "vocab_size", s->vocab);
    sterna_gguf_put_u32(y->writer, "general.file_type", file_type(y->linear));
}

/* The names of all shapes, for messages. */
static const char *shape_names(char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < STERNA_COUNT(shapes) && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "%s%s", i > 0 ? ", " : "", shapes[i].name);
    return out;
}

static sterna_status choose(synth *y, const sterna_synth_params *params, sterna_fault *fault)
{
    for (size_t i = 0; i < STERNA_COUNT(shapes); i++)
        if (strcmp(shapes[i].name, params->shape) == 0) y->s = &shapes[i];
    char names[160];
    if (!y->s)
        return sterna_fail(fault, STERNA_USAGE, "no shape is called \"%.40s\": there are %s", params->shape,
                           shape_names(names, sizeof names));
    const char *type = params->type ? params->type : y->s->type;
    y->linear = sterna_format_named(type);
    if (!y->linear || !sterna_synth_knows(y->linear))
        return sterna_fail(fault, STERNA_USAGE,
                           "random weights cannot be of type \"%.20s\": give f32, f16, bf16, q8_0, "
                           "q4_k or tq2_0",
                           type);
    y->f32 = sterna_format_find(STERNA_FORMAT_F32);
    bool ternary = y->linear->id == STERNA_FORMAT_TQ2_0;
    y->embedding = ternary ? sterna_format_find(STERNA_FORMAT_F16) : y->linear;
    y->layers = params->layers ? params->layers : y->s->layers;
    y->seed = params->seed;
    if (y->layers > 1000) return sterna_fail(fault, STERNA_USAGE, "%u layers: at most 1000", y->layers);
    uint32_t q = y->s->heads * y->s->head_dim, values = y->linear->values;
    if (y->s->embd % values || y->s->ffn % values || q % values)
        return sterna_fail(fault, STERNA_USAGE,
                           "shape %s has rows that are no multiple of %u values, which type %s needs",
                           y->s->name, values, y->linear->name);
    return STERNA_OK;
}

sterna_status sterna_synth(const sterna_synth_params *params, const char *path, sterna_fault *fault)
{
    synth y = {0};
    sterna_status status = choose(&y, params, fault);
    if (status) return status;
    y.tensor = sterna_alloc(3 + (size_t)y.layers * TENSORS_PER_LAYER, sizeof y.tensor[0]);
    if (!y.tensor) return sterna_fail(fault, STERNA_MEMORY, "out of memory for a list of tensors");
    status = sterna_gguf_writer_create(&y.writer, fault);
    if (status == STERNA_OK) {
        put_keys(&y);
        bool bpe = strcmp(y.s->architecture, "llama") != 0;
        status =
            bpe ? sterna_synth_vocab_bpe(y.writer, y.s->vocab) : sterna_synth_vocab_spm(y.writer, y.s->vocab);
        if (status) sterna_fail(fault, status, "out of memory for a vocabulary of %u tokens", y.s->vocab);
    }
    if (status == STERNA_OK) {
        put_tensors(&y);
        status = sterna_gguf_writer_finish(y.writer, path, fault);
    }
    sterna_gguf_writer_destroy(y.writer);
    sterna_free(y.tensor);
    return status;
}
