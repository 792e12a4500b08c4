/* The tensors of BitNet folders. Owns: the table of names, and codes from packed bytes or master weights.
 * Leaves to others: containers on both sides. */
#include "convert/hf_tensors.h"
#include "base/mem.h"
#include "base/size.h"
#include "convert/ternary.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* X(GGUF name behind blk.N., Hugging Face name behind model.layers.N., rows, cols, fill): in the order they
 * are written. */
#define LAYER_TENSORS(X)                                                                                     \
    X("attn_norm", "input_layernorm", 1, c->embd, fill_f32)                                                  \
    X("ffn_norm", "post_attention_layernorm", 1, c->embd, fill_f32)                                          \
    X("attn_sub_norm", "self_attn.attn_sub_norm", 1, q, fill_f32)                                            \
    X("ffn_sub_norm", "mlp.ffn_sub_norm", 1, c->ffn, fill_f32)                                               \
    X("attn_q", "self_attn.q_proj", q, c->embd, fill_linear)                                                 \
    X("attn_k", "self_attn.k_proj", kv, c->embd, fill_linear)                                                \
    X("attn_v", "self_attn.v_proj", kv, c->embd, fill_linear)                                                \
    X("attn_output", "self_attn.o_proj", c->embd, q, fill_linear)                                            \
    X("ffn_gate", "mlp.gate_proj", c->ffn, c->embd, fill_linear)                                             \
    X("ffn_up", "mlp.up_proj", c->ffn, c->embd, fill_linear)                                                 \
    X("ffn_down", "mlp.down_proj", c->embd, c->ffn, fill_linear)

enum { TENSORS_PER_LAYER = 11, CHUNK = 4096, NAME = 160 };

static uint32_t load16(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

/* Value i of an F32, F16 or BF16 tensor. */
static float value_at(const sterna_st_tensor *tensor, uint64_t i)
{
    float value;
    switch (tensor->type) {
    case STERNA_ST_F16:
        return sterna_f16_to_f32((uint16_t)load16(tensor->data + 2 * i));
    case STERNA_ST_BF16:
        return sterna_bf16_to_f32((uint16_t)load16(tensor->data + 2 * i));
    default:
        memcpy(&value, tensor->data + 4 * i, 4);
        return value;
    }
}

static bool is_float(const sterna_st_tensor *tensor)
{
    return tensor->type == STERNA_ST_F32 || tensor->type == STERNA_ST_F16 || tensor->type == STERNA_ST_BF16;
}

static sterna_status not_finite(const sterna_hf_source *source, uint64_t i, const char *format,
                                sterna_fault *fault)
{
    return sterna_fail(fault, STERNA_FILE, "%s: tensor \"%.100s\": value %llu is not finite as %s",
                       source->path, source->weight->name, (unsigned long long)i, format);
}

static sterna_status fill_f32(void *context, sterna_gguf_sink *sink, sterna_fault *fault)
{
    const sterna_hf_source *source = context;
    for (uint64_t i = 0; i < source->rows * source->cols; i++) {
        float value = value_at(source->weight, i);
        if (!isfinite(value)) return not_finite(source, i, "F32", fault);
        sterna_status status = sterna_gguf_sink_write(sink, &value, 4, fault);
        if (status) return status;
    }
    return STERNA_OK;
}

static sterna_status fill_f16(void *context, sterna_gguf_sink *sink, sterna_fault *fault)
{
    const sterna_hf_source *source = context;
    uint16_t buffer[CHUNK];
    uint64_t total = source->rows * source->cols;
    sterna_status status = STERNA_OK;
    for (uint64_t i = 0; status == STERNA_OK && i < total;) {
        uint64_t n = total - i < CHUNK ? total - i : CHUNK;
        for (uint64_t k = 0; k < n; k++) {
            buffer[k] = source->weight->type == STERNA_ST_F16
                            ? (uint16_t)load16(source->weight->data + 2 * (i + k))
                            : sterna_f32_to_f16(value_at(source->weight, i + k));
            if ((buffer[k] & 0x7C00) == 0x7C00) return not_finite(source, i + k, "F16", fault);
        }
        status = sterna_gguf_sink_write(sink, buffer, 2 * n, fault);
        i += n;
    }
    return status;
}

/* The scale's F16 bits; it must survive the narrowing. */
static sterna_status scale_bits(const sterna_hf_source *source, double scale, uint16_t *bits,
                                sterna_fault *fault)
{
    *bits = sterna_f32_to_f16((float)scale);
    float back = sterna_f16_to_f32(*bits);
    if (!(back > 0) || !isfinite(back))
        return sterna_fail(fault, STERNA_FILE,
                           "%s: tensor \"%.100s\": the scale %g is not a positive F16 number", source->path,
                           source->weight->name, scale);
    return STERNA_OK;
}

/* mean |w|, not below 1e-5, as the training code has it. */
static sterna_status mean_magnitude(const sterna_hf_source *source, double *mean, sterna_fault *fault)
{
    double sum = 0;
    uint64_t n = source->rows * source->cols;
    for (uint64_t i = 0; i < n; i++) {
        float value = value_at(source->weight, i);
        if (!isfinite(value)) return not_finite(source, i, "F32", fault);
        sum += fabs((double)value);
    }
    *mean = fmax(sum / (double)n, 1e-5);
    return STERNA_OK;
}

/* Codes + 1 of 256 values from (row, col) on. Packed: row r of the bytes holds the rows r, r + M/4, r + 2M/4
 * and r + 3M/4 from the low bits up. Master weights: round(w / mean), half to even, clamped. False for
 * code 3. */
static bool read_codes(const sterna_hf_source *source, uint64_t row, uint64_t col, double mean,
                       uint8_t codes[256])
{
    if (source->scale) {
        uint64_t quarter = source->rows / 4;
        const uint8_t *from = source->weight->data + row % quarter * source->cols + col;
        unsigned shift = 2 * (unsigned)(row / quarter);
        uint8_t worst = 0;
        for (int i = 0; i < 256; i++) {
            codes[i] = from[i] >> shift & 3;
            worst = codes[i] > worst ? codes[i] : worst;
        }
        return worst < 3;
    }
    for (uint64_t i = 0; i < 256; i++) {
        double value = value_at(source->weight, row * source->cols + col + i);
        codes[i] = (uint8_t)(1 + (value > 0.5 * mean) - (value < -0.5 * mean));
    }
    return true;
}

static sterna_status fill_linear(void *context, sterna_gguf_sink *sink, sterna_fault *fault)
{
    const sterna_hf_source *source = context;
    double scale = 0;
    uint16_t bits;
    sterna_status status = STERNA_OK;
    if (source->scale) {
        scale = value_at(source->scale, 0);
    } else {
        status = mean_magnitude(source, &scale, fault);
    }
    if (status == STERNA_OK) status = scale_bits(source, scale, &bits, fault);
    for (uint64_t row = 0; status == STERNA_OK && row < source->rows; row++)
        for (uint64_t col = 0; status == STERNA_OK && col < source->cols; col += STERNA_TERNARY_VALUES) {
            uint8_t codes[STERNA_TERNARY_VALUES], block[STERNA_TERNARY_BYTES];
            if (!read_codes(source, row, col, scale, codes))
                return sterna_fail(fault, STERNA_FILE,
                                   "%s: tensor \"%.100s\": a code of row %llu is 3, not 0 to 2", source->path,
                                   source->weight->name, (unsigned long long)row);
            sterna_ternary_pack(codes, bits, block);
            status = sterna_gguf_sink_write(sink, block, sizeof block, fault);
        }
    return status;
}

typedef struct put_state {
    const char *path;
    const sterna_safetensors *file;
    const sterna_hf_config *config;
    sterna_gguf_writer *writer;
    sterna_hf_source *sources;
    uint32_t used, seen; /* sources; tensors of the file */
    sterna_fault *fault;
} put_state;

/* The tensor of that name, which must have the shape; cols 0: a single value, in any number of dimensions
 * of 1. */
static sterna_status find(put_state *p, const char *name, uint64_t rows, uint64_t cols,
                          const sterna_st_tensor **out)
{
    const sterna_st_tensor *tensor = sterna_safetensors_find(p->file, name);
    if (!tensor) return sterna_fail(p->fault, STERNA_FILE, "%s: tensor \"%s\" is missing", p->path, name);
    uint64_t have_rows = tensor->n_dims == 2 ? tensor->shape[0] : 1;
    uint64_t have_cols = tensor->n_dims == 0 ? 1 : tensor->shape[tensor->n_dims - 1];
    if (tensor->n_dims > 2 || (tensor->n_dims < 2 && rows > 1) || have_rows != rows || have_cols != cols)
        return sterna_fail(p->fault, STERNA_FILE,
                           "%s: tensor \"%s\" is not of shape [%llu, %llu], as config.json wants it", p->path,
                           name, (unsigned long long)rows, (unsigned long long)cols);
    p->seen++;
    *out = tensor;
    return STERNA_OK;
}

static sterna_status wrong_type(put_state *p, const sterna_st_tensor *tensor, const char *wanted)
{
    return sterna_fail(p->fault, STERNA_FILE, "%s: tensor \"%.100s\" is of type %s, not %s", p->path,
                       tensor->name, sterna_st_type_name(tensor->type), wanted);
}

static sterna_status put_one(put_state *p, const char *name, const char *hf_name, uint64_t rows,
                             uint64_t cols, sterna_gguf_fill *fill)
{
    bool linear = fill == fill_linear, packed = linear && p->config->weights == STERNA_HF_PACKED;
    sterna_hf_source *source = &p->sources[p->used];
    *source = (sterna_hf_source){.path = p->path, .rows = rows, .cols = cols};
    char full[NAME + 16];
    snprintf(full, sizeof full, "%s.weight", hf_name);
    if ((packed && rows % 4) || (linear && cols % STERNA_TERNARY_VALUES))
        return sterna_fail(
            p->fault, STERNA_UNSUPPORTED,
            "%s: tensor \"%s\": TQ2_0 needs columns in multiples of 256, packed codes rows of 4", p->path,
            full);
    sterna_status status = find(p, full, packed ? rows / 4 : rows, cols, &source->weight);
    if (status) return status;
    if (packed ? source->weight->type != STERNA_ST_U8 : !is_float(source->weight))
        return wrong_type(p, source->weight, packed ? "U8 (packed codes)" : "F32, F16 or BF16");
    if (packed) {
        snprintf(full, sizeof full, "%s.weight_scale", hf_name);
        status = find(p, full, 1, 1, &source->scale);
        if (status) return status;
        if (!is_float(source->scale)) return wrong_type(p, source->scale, "F32, F16 or BF16");
    }
    p->used++;
    uint64_t ne[STERNA_GGUF_MAX_DIMS] = {cols, rows, 1, 1};
    uint32_t format = linear ? STERNA_FORMAT_TQ2_0 : fill == fill_f16 ? STERNA_FORMAT_F16 : STERNA_FORMAT_F32;
    sterna_gguf_put_tensor(p->writer, name, sterna_format_find(format), fill == fill_f32 ? 1 : 2, ne, fill,
                           source);
    return STERNA_OK;
}

static sterna_status put_all(put_state *p)
{
    const sterna_hf_config *c = p->config;
    uint64_t q = (uint64_t)c->heads * c->head_dim, kv = (uint64_t)c->kv_heads * c->head_dim;
    sterna_status status = put_one(p, "token_embd.weight", "model.embed_tokens", c->vocab, c->embd, fill_f16);
    if (status == STERNA_OK) status = put_one(p, "output_norm.weight", "model.norm", 1, c->embd, fill_f32);
    if (status == STERNA_OK && !c->tied)
        status = put_one(p, "output.weight", "lm_head", c->vocab, c->embd, fill_f16);
    for (uint32_t layer = 0; layer < c->layers; layer++) {
        char name[NAME], hf_name[NAME];
#define X(stem, hf_stem, rows, cols, fill)                                                                   \
    if (status == STERNA_OK) {                                                                               \
        snprintf(name, sizeof name, "blk.%u.%s.weight", layer, stem);                                        \
        snprintf(hf_name, sizeof hf_name, "model.layers.%u.%s", layer, hf_stem);                             \
        status = put_one(p, name, hf_name, rows, cols, fill);                                                \
    }
        LAYER_TENSORS(X)
#undef X
    }
    return status;
}

/* A tensor that was not asked for belongs to a model that is not the one described. */
static sterna_status name_a_stranger(put_state *p)
{
    uint32_t count;
    const sterna_st_tensor *all = sterna_safetensors_all(p->file, &count);
    for (uint32_t i = 0; i < count; i++) {
        bool known = false;
        for (uint32_t k = 0; k < p->used && !known; k++)
            known = p->sources[k].weight == &all[i] || p->sources[k].scale == &all[i];
        /* A tied head may be stored a second time. */
        if (known || (p->config->tied && strcmp(all[i].name, "lm_head.weight") == 0)) continue;
        return sterna_fail(p->fault, STERNA_UNSUPPORTED,
                           "%s: tensor \"%.100s\" is no part of the model that config.json "
                           "describes",
                           p->path, all[i].name);
    }
    return STERNA_OK;
}

sterna_status sterna_hf_tensors_put(const char *path, const sterna_safetensors *file,
                                    const sterna_hf_config *config, sterna_gguf_writer *writer,
                                    sterna_hf_source **sources, sterna_fault *fault)
{
    put_state p = {.path = path, .file = file, .config = config, .writer = writer, .fault = fault};
    p.sources = sterna_alloc(3 + (size_t)config->layers * TENSORS_PER_LAYER, sizeof p.sources[0]);
    if (!p.sources) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", path);
    sterna_status status = put_all(&p);
    uint32_t count;
    sterna_safetensors_all(file, &count);
    if (status == STERNA_OK && p.seen != count) status = name_a_stranger(&p);
    if (status) {
        sterna_free(p.sources);
        return status;
    }
    *sources = p.sources;
    return STERNA_OK;
}
