/* Opening a model: family, hyperparameters, tensors in their slots, tokenizer; and what the public interface
 * tells about it. Tensors of a family that are missing, misshapen or of a type that is not a matrix are
 * refused by name. */
#include "base/hash.h"
#include "base/mem.h"
#include "base/size.h"
#include "model/model.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64 };

typedef struct loader {
    sterna_model *m;
    char *next_name; /* into m->names */
    const sterna_gguf_tensor *tensors;
    bool *used; /* [tensors of the file] has it a slot? */
    sterna_status status;
    sterna_fault *fault;
} loader;

static void refuse(loader *l, const char *name, const char *why)
{
    if (l->status == STERNA_OK)
        l->status = sterna_fail(l->fault, STERNA_FILE, "%s: tensor %s: %s", l->m->path, name, why);
}

/* Fills a slot from the file. A missing tensor is refused unless `optional`. */
static void fill(loader *l, const char *name, uint64_t rows, uint64_t cols, bool optional,
                 sterna_model_tensor *slot)
{
    if (l->status != STERNA_OK) return;
    const sterna_gguf_tensor *t = sterna_gguf_tensor_named(l->m->file, name);
    if (!t) {
        if (!optional) refuse(l, name, "missing");
        return;
    }
    if (t->ne[0] != cols || t->ne[1] != rows || t->ne[2] != 1 || t->ne[3] != 1) {
        if (l->status == STERNA_OK)
            l->status = sterna_fail(l->fault, STERNA_FILE,
                                    "%s: tensor %s: %" PRIu64 " x %" PRIu64 " x %" PRIu64 " x %" PRIu64
                                    ", the hyperparameters want %" PRIu64 " x %" PRIu64,
                                    l->m->path, name, t->ne[0], t->ne[1], t->ne[2], t->ne[3], cols, rows);
        return;
    }
    l->used[t - l->tensors] = true;
    snprintf(l->next_name, NAME_BYTES, "%s", name);
    *slot = (sterna_model_tensor){.name = l->next_name,
                                  .data = t->data,
                                  .bytes = t->bytes,
                                  .format = t->format->id,
                                  .rows = (uint32_t)rows,
                                  .cols = (uint32_t)cols};
    l->next_name += NAME_BYTES;
}

/* A vector whose values are unpacked at upload: any float type. */
static void fill_vector(loader *l, const char *name, uint64_t cols, bool optional, sterna_model_tensor *slot)
{
    fill(l, name, 1, cols, optional, slot);
    if (l->status == STERNA_OK && slot->data && slot->format != STERNA_FORMAT_F32 &&
        slot->format != STERNA_FORMAT_F16 && slot->format != STERNA_FORMAT_BF16)
        refuse(l, name, "must be F32, F16 or BF16");
}

static void fill_layer(loader *l, uint32_t index, sterna_layer *layer)
{
    const sterna_hparams *h = &l->m->h;
    const uint64_t ONE = 1, E = h->n_embd, F = h->n_ff, Q = (uint64_t)h->n_heads * h->head_dim,
                   KV = (uint64_t)h->n_kv_heads * h->head_dim;
    const bool ALL = true, SUB_NORM = l->m->arch->sub_norms;
    char name[NAME_BYTES];
#define X(slot, suffix, rows, cols, families)                                                                \
    if (families) {                                                                                          \
        snprintf(name, sizeof name, "blk.%u.%s", index, suffix);                                             \
        if ((rows) == ONE)                                                                                   \
            fill_vector(l, name, cols, false, &layer->slot);                                                 \
        else                                                                                                 \
            fill(l, name, rows, cols, false, &layer->slot);                                                  \
    }
    STERNA_LAYER_TENSORS(X)
#undef X
}

/* Factors below 1 would turn faster than the table's sine and cosine are made for (ref_math.h). */
static void check_rope_freqs(loader *l)
{
    const sterna_model_tensor *t = &l->m->rope_freqs;
    if (l->status != STERNA_OK || !t->data) return;
    if (t->format != STERNA_FORMAT_F32) {
        refuse(l, t->name, "must be F32");
        return;
    }
    for (uint32_t i = 0; i < t->cols; i++) {
        float factor;
        memcpy(&factor, t->data + i * sizeof factor, sizeof factor);
        if (!(factor >= 1.0f && factor <= 1e6f)) refuse(l, t->name, "factors must be from 1 to 1000000");
    }
}

static void fill_head(loader *l)
{
    sterna_model *m = l->m;
    const sterna_hparams *h = &m->h;
    fill(l, "token_embd.weight", h->n_vocab, h->n_embd, false, &m->token_embd);
    fill_vector(l, "output_norm.weight", h->n_embd, false, &m->output_norm);
    fill(l, "output.weight", h->n_vocab, h->n_embd, true, &m->output);
    m->tied = m->output.data == NULL;
    if (m->tied) m->output = m->token_embd;
    fill_vector(l, "rope_freqs.weight", h->n_rot / 2, true, &m->rope_freqs);
    check_rope_freqs(l);
}

/* A tensor without a slot is part of a computation that we do not do (a bias, a scale, a further layer): to ignore it
 * would be to answer for another model. */
static void refuse_unused(loader *l, uint64_t n)
{
    char quoted[STERNA_GGUF_QUOTE];
    for (uint64_t i = 0; i < n && l->status == STERNA_OK; i++)
        if (!l->used[i])
            l->status = sterna_fail(l->fault, STERNA_UNSUPPORTED,
                                    "%s: tensor %s has no place in a %s model of %u layers", l->m->path,
                                    sterna_gguf_quote(l->tensors[i].name, quoted), l->m->arch->name,
                                    l->m->h.n_layers);
}

static void count_tensors(sterna_model *m)
{
    uint64_t n;
    const sterna_gguf_tensor *t = sterna_gguf_tensors(m->file, &n);
    for (uint64_t i = 0; i < n; i++) {
        m->parameters = sterna_sat_add(m->parameters, t[i].ne[0] * t[i].ne[1] * t[i].ne[2] * t[i].ne[3]);
        m->tensor_bytes = sterna_sat_add(m->tensor_bytes, t[i].bytes);
    }
}

static sterna_status find_family(sterna_model *m, sterna_fault *fault)
{
    sterna_gguf_text name;
    char quoted[STERNA_GGUF_QUOTE];
    sterna_status status = sterna_gguf_string(m->file, "general.architecture", &name, fault);
    if (status != STERNA_OK) return status;
    m->arch = sterna_arch_find(name.data, (size_t)name.length);
    if (!m->arch)
        return sterna_fail(
            fault, STERNA_UNSUPPORTED,
            "%s: key general.architecture: %s is not supported (docs/formats.md lists the families)", m->path,
            sterna_gguf_quote(name, quoted));
    return STERNA_OK;
}

static sterna_status load(sterna_model *m, sterna_fault *fault)
{
    sterna_gguf_text name = {"", 0};
    sterna_status status = find_family(m, fault);
    if (status == STERNA_OK) status = sterna_hparams_read(m->file, m->arch, &m->h, fault);
    if (status == STERNA_OK) status = sterna_tokenizer_from_gguf(m->file, &m->tokenizer, fault);
    if (status != STERNA_OK) return status;
    m->h.n_vocab = sterna_tokenizer_count(m->tokenizer);
    if (sterna_gguf_find(m->file, "general.name")) {
        status = sterna_gguf_string(m->file, "general.name", &name, fault);
        if (status != STERNA_OK) return status;
    }
    m->general_name = sterna_strndup(name.data, (size_t)name.length);
    m->layers = sterna_alloc(m->h.n_layers, sizeof *m->layers);
    m->names = sterna_alloc((size_t)m->h.n_layers * 11 + 4, NAME_BYTES);
    if (!m->general_name || !m->layers || !m->names)
        return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", m->path);
    uint64_t n;
    loader l = {.m = m, .next_name = m->names, .tensors = sterna_gguf_tensors(m->file, &n), .fault = fault};
    l.used = sterna_alloc((size_t)n + 1, sizeof *l.used);
    if (!l.used) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", m->path);
    fill_head(&l);
    for (uint32_t i = 0; i < m->h.n_layers && l.status == STERNA_OK; i++) fill_layer(&l, i, &m->layers[i]);
    refuse_unused(&l, n);
    sterna_free(l.used);
    count_tensors(m);
    return l.status;
}

sterna_status sterna_model_open(const char *path, sterna_model **out, sterna_fault *fault)
{
    sterna_model *m = sterna_alloc(1, sizeof *m);
    if (!m || !(m->path = sterna_strndup(path, strlen(path)))) {
        sterna_free(m);
        return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", path);
    }
    sterna_status status = sterna_gguf_open(path, STERNA_GGUF_MAP, &m->file, fault);
    if (status == STERNA_OK) status = load(m, fault);
    if (status != STERNA_OK) {
        sterna_model_close(m);
        return status;
    }
    *out = m;
    return STERNA_OK;
}

void sterna_model_close(sterna_model *m)
{
    if (!m) return;
    sterna_tokenizer_free(m->tokenizer);
    sterna_gguf_close(m->file);
    sterna_free(m->general_name);
    sterna_free(m->layers);
    sterna_free(m->names);
    sterna_free(m->path);
    sterna_free(m);
}

void sterna_model_get_info(const sterna_model *m, sterna_model_info *info)
{
    const sterna_hparams *h = &m->h;
    sterna_model_info full = {.size = sizeof full,
                              .architecture = m->arch->name,
                              .name = m->general_name,
                              .n_layers = h->n_layers,
                              .n_embd = h->n_embd,
                              .n_heads = h->n_heads,
                              .n_kv_heads = h->n_kv_heads,
                              .head_dim = h->head_dim,
                              .n_ff = h->n_ff,
                              .n_vocab = h->n_vocab,
                              .n_ctx_train = h->n_ctx_train,
                              .parameters = m->parameters,
                              .tensor_bytes = m->tensor_bytes,
                              .file_bytes = sterna_gguf_mapping(m->file)->size};
    uint32_t size = info->size < sizeof full ? info->size : (uint32_t)sizeof full;
    memcpy(info, &full, size);
    info->size = size;
}

sterna_status sterna_model_hash(sterna_model *m, uint32_t threads, uint8_t root[32], sterna_fault *fault)
{
    const sterna_mapping *bytes = sterna_gguf_mapping(m->file);
    if (!m->has_root) {
        if (sterna_merkle_root(bytes->data, bytes->size, threads, m->root) != 0)
            return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory while hashing", m->path);
        m->has_root = true;
    }
    memcpy(root, m->root, sizeof m->root);
    return STERNA_OK;
}

sterna_act sterna_model_act(const sterna_model *m, const sterna_model_tensor *tensor)
{
    const sterna_format *format = sterna_format_find(tensor->format);
    /* The embedding used as output keeps the block rule even in a ternary family: it is not a ternary layer. */
    bool linear_layer = tensor != &m->output;
    if (m->arch->ternary && linear_layer && tensor->format == STERNA_FORMAT_TQ2_0) return STERNA_ACT_TOKEN;
    return format->act;
}

sterna_status sterna_tokenize(const sterna_model *m, const char *text, size_t bytes, uint32_t flags,
                              uint32_t *ids, size_t capacity, size_t *count, sterna_fault *fault)
{
    sterna_token_list list = {0};
    uint32_t encode = (flags & STERNA_TOKENIZE_BOS ? STERNA_ENCODE_AFFIXES : 0) |
                      (flags & STERNA_TOKENIZE_SPECIAL ? STERNA_ENCODE_SPECIAL : 0);
    sterna_status status = sterna_tokenizer_encode(m->tokenizer, text, bytes, encode, &list, fault);
    if (status == STERNA_OK) {
        *count = list.count;
        size_t fit = list.count < capacity ? list.count : capacity;
        if (fit) memcpy(ids, list.ids, fit * sizeof *ids);
        if (list.count > capacity)
            status = sterna_fail(fault, STERNA_MEMORY, "the text has %zu tokens, there is room for %zu",
                                 list.count, capacity);
    }
    sterna_token_list_free(&list);
    return status;
}

size_t sterna_token_bytes(const sterna_model *m, uint32_t id, char *bytes, size_t capacity)
{
    sterna_token_text piece = sterna_tokenizer_piece(m->tokenizer, id, 0);
    size_t n = piece.bytes < capacity ? piece.bytes : capacity;
    if (n) memcpy(bytes, piece.data, n);
    return piece.bytes;
}

int sterna_token_is_end(const sterna_model *m, uint32_t id)
{
    return sterna_tokenizer_is_end(m->tokenizer, id);
}
