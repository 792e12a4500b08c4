/* Hyperparameters from metadata: presence, ranges, and agreement with each other. */
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Limits: the catalogue's (args.def), and a bound on layers that no model comes near. */
enum { MAX_LAYERS = 4096, MAX_WIDTH = 1 << 20, MAX_HEADS = 1024, MAX_HEAD_DIM = 1024 };

const sterna_arch *sterna_arch_find(const char *name, size_t length)
{
    static const sterna_arch archs[] = {
#define ARCH(id, name, rope, act, sub_norms, ternary)                                                        \
    {name, STERNA_ROPE_##rope, STERNA_GLU_##act, sub_norms, ternary},
#include "model/archs.def"
#undef ARCH
    };
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        if (strlen(archs[i].name) == length && memcmp(archs[i].name, name, length) == 0) return &archs[i];
    return NULL;
}

typedef struct reader {
    const sterna_gguf *file;
    const char *arch;
    char key[128];
    sterna_status status;
    sterna_fault *fault;
} reader;

static const char *key_of(reader *r, const char *suffix)
{
    snprintf(r->key, sizeof r->key, "%s.%s", r->arch, suffix);
    return r->key;
}

static void refuse(reader *r, const char *key, const char *why)
{
    if (r->status == STERNA_OK)
        r->status =
            sterna_fail(r->fault, STERNA_FILE, "%s: key %s: %s", sterna_gguf_label(r->file), key, why);
}

/* A whole number in [low, high]; `absent` stands for a missing key, UINT32_MAX when it must be there. */
static uint32_t number(reader *r, const char *suffix, uint32_t low, uint32_t high, uint32_t absent)
{
    const char *key = key_of(r, suffix);
    uint32_t value = 0;
    char why[96];
    if (r->status != STERNA_OK) return 0;
    if (!sterna_gguf_find(r->file, key) && absent != UINT32_MAX) return absent;
    r->status = sterna_gguf_u32(r->file, key, &value, r->fault);
    if (r->status != STERNA_OK) return 0;
    snprintf(why, sizeof why, "%u is out of range, %u to %u is possible here", value, low, high);
    if (value < low || value > high) refuse(r, key, why);
    return value;
}

static float real(reader *r, const char *suffix, float absent)
{
    const char *key = key_of(r, suffix);
    float value = absent;
    if (r->status != STERNA_OK || !sterna_gguf_find(r->file, key)) return absent;
    r->status = sterna_gguf_f32(r->file, key, &value, r->fault);
    return value;
}

/* Only linear scaling of positions is known: its factor divides them. */
static void read_rope_scaling(reader *r, sterna_hparams *h)
{
    sterna_gguf_text type;
    const char *key = key_of(r, "rope.scaling.type");
    h->rope_scale = 1.0;
    if (r->status != STERNA_OK || !sterna_gguf_find(r->file, key)) return;
    r->status = sterna_gguf_string(r->file, key, &type, r->fault);
    if (r->status != STERNA_OK || sterna_gguf_same(type, "none")) return;
    if (!sterna_gguf_same(type, "linear")) {
        refuse(r, key, "only none and linear scaling are supported");
        return;
    }
    float factor = real(r, "rope.scaling.factor", 1.0f);
    if (r->status == STERNA_OK && !(isfinite(factor) && factor >= 1.0f && factor <= 1e6f))
        refuse(r, key_of(r, "rope.scaling.factor"), "not a factor from 1 to 1000000");
    h->rope_scale = 1.0 / (double)factor;
}

sterna_status sterna_hparams_read(const sterna_gguf *file, const sterna_arch *arch, sterna_hparams *h,
                                  sterna_fault *fault)
{
    reader r = {.file = file, .arch = arch->name, .fault = fault};
    *h = (sterna_hparams){0};
    h->n_layers = number(&r, "block_count", 1, MAX_LAYERS, UINT32_MAX);
    h->n_embd = number(&r, "embedding_length", 2, MAX_WIDTH, UINT32_MAX);
    h->n_ff = number(&r, "feed_forward_length", 1, MAX_WIDTH, UINT32_MAX);
    h->n_heads = number(&r, "attention.head_count", 1, MAX_HEADS, UINT32_MAX);
    h->n_kv_heads = number(&r, "attention.head_count_kv", 1, MAX_HEADS, h->n_heads);
    h->n_ctx_train = number(&r, "context_length", 1, UINT32_MAX, UINT32_MAX);
    h->norm_eps = real(&r, "attention.layer_norm_rms_epsilon", 1e-5f);
    h->rope_base = (double)real(&r, "rope.freq_base", 10000.0f);
    read_rope_scaling(&r, h);
    if (r.status != STERNA_OK) return r.status;

    if (h->n_heads % h->n_kv_heads)
        refuse(&r, key_of(&r, "attention.head_count_kv"), "does not divide the number of heads");
    if (!sterna_gguf_find(file, key_of(&r, "attention.key_length")) && h->n_embd % h->n_heads)
        refuse(&r, key_of(&r, "attention.head_count"), "does not divide the embedding length");
    h->head_dim = number(&r, "attention.key_length", 2, MAX_HEAD_DIM, h->n_embd / h->n_heads);
    if (number(&r, "attention.value_length", 2, MAX_HEAD_DIM, h->head_dim) != h->head_dim)
        refuse(&r, key_of(&r, "attention.value_length"),
               "keys and values of different length are not supported");
    h->n_rot = number(&r, "rope.dimension_count", 2, MAX_HEAD_DIM, h->head_dim);
    if (r.status == STERNA_OK && (h->head_dim < 2 || h->head_dim > MAX_HEAD_DIM || h->head_dim % 2))
        refuse(&r, key_of(&r, "attention.head_count"), "heads must have an even size from 2 to 1024");
    if (r.status == STERNA_OK && (h->n_rot > h->head_dim || h->n_rot % 2))
        refuse(&r, key_of(&r, "rope.dimension_count"), "must be even and at most the head size");
    if (!(isfinite(h->norm_eps) && h->norm_eps > 0.0f && h->norm_eps < 1.0f))
        refuse(&r, key_of(&r, "attention.layer_norm_rms_epsilon"), "not a number between 0 and 1");
    if (!(isfinite(h->rope_base) && h->rope_base >= 1.0 && h->rope_base <= 1e12))
        refuse(&r, key_of(&r, "rope.freq_base"), "not a base from 1 to 1e12");
    return r.status;
}
