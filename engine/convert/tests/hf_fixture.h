/* A Hugging Face folder of a very small BitNet, written by the test. Owns: its files, and ways to spoil them.
 * Header only; for the tests of this folder. */
#ifndef STERNA_HF_FIXTURE_H
#define STERNA_HF_FIXTURE_H

#include "base/mem.h"
#include "base/philox.h"
#include "base/sys.h"
#include "formats/format.h"
#include <stdio.h>
#include <string.h>

enum { TINY_EMBD = 256, TINY_Q = 256, TINY_KV = 128, TINY_FFN = 512, TINY_VOCAB = 6, TINY_DATA = 1 << 22 };

/* How the folder differs from a good one: in `file`, the first `find` becomes `replace`. All NULL: a good
 * one. */
typedef struct tiny_spoil {
    const char *file, *find, *replace;
} tiny_spoil;

typedef struct tiny_tensor {
    const char *name;
    uint32_t rows, cols; /* rows 0: a vector */
} tiny_tensor;

static const tiny_tensor tiny_linear[] = {
    {"self_attn.q_proj", TINY_Q, TINY_EMBD},  {"self_attn.k_proj", TINY_KV, TINY_EMBD},
    {"self_attn.v_proj", TINY_KV, TINY_EMBD}, {"self_attn.o_proj", TINY_EMBD, TINY_Q},
    {"mlp.gate_proj", TINY_FFN, TINY_EMBD},   {"mlp.up_proj", TINY_FFN, TINY_EMBD},
    {"mlp.down_proj", TINY_EMBD, TINY_FFN},
};
static const tiny_tensor tiny_norms[] = {
    {"model.norm", 0, TINY_EMBD},
    {"model.layers.0.input_layernorm", 0, TINY_EMBD},
    {"model.layers.0.post_attention_layernorm", 0, TINY_EMBD},
    {"model.layers.0.self_attn.attn_sub_norm", 0, TINY_Q},
    {"model.layers.0.mlp.ffn_sub_norm", 0, TINY_FFN},
};

/* The code, -1 to 1, at a place of linear layer i. */
static inline int tiny_code(uint32_t i, uint32_t row, uint32_t col)
{
    return (int)(sterna_philox4x32(i, row, col, 0, 0, 0).word[0] % 3) - 1;
}

static inline float tiny_scale(uint32_t i)
{
    return 0.01f * (float)(i + 1);
}
static inline float tiny_norm(uint32_t i, uint32_t at)
{
    return 1.0f + 0.125f * (float)i + (float)at / 1024.0f;
}
static inline float tiny_embd(uint32_t row, uint32_t at)
{
    return (float)(int)(row * 64 + at % 64) / 64.0f - 2.0f;
}

/* A master weight that rounds to the code: mean |w| is near 0.77 scale, and codes begin at half of that. */
static inline float tiny_master(uint32_t i, uint32_t row, uint32_t col)
{
    int code = tiny_code(i, row, col);
    return tiny_scale(i) * (code != 0 ? (float)code : col & 1 ? 0.3f : -0.3f);
}

static inline bool tiny_write(const char *folder, const char *file, const void *head, size_t head_bytes,
                              const void *data, size_t data_bytes)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    /* Not sterna_writer: its flush to the disk costs more than all the tests. */
    FILE *out = fopen(path, "wb");
    bool written = out && fwrite(head, 1, head_bytes, out) == head_bytes &&
                   fwrite(data, 1, data_bytes, out) == data_bytes;
    return out && fclose(out) == 0 && written;
}

/* Applies a spoil to a text in place; false when it does not fit the text. */
static inline bool tiny_apply(const tiny_spoil *spoil, const char *file, char *text, size_t room)
{
    if (!spoil->file || strcmp(spoil->file, file) != 0) return true;
    char *at = strstr(text, spoil->find);
    size_t length = strlen(text), old = strlen(spoil->find), fresh = strlen(spoil->replace);
    if (!at || length - old + fresh + 1 > room) return false;
    memmove(at + fresh, at + old, strlen(at + old) + 1);
    memcpy(at, spoil->replace, fresh);
    return true;
}

typedef struct tiny_weights {
    char header[16384];
    uint8_t *data;
    size_t header_used, data_used;
} tiny_weights;

static inline uint8_t *tiny_tensor_add(tiny_weights *w, const char *name, const char *type, uint32_t rows,
                                       uint32_t cols, size_t value_bytes)
{
    size_t bytes = (rows ? rows : 1) * (size_t)cols * value_bytes;
    char shape[32];
    snprintf(shape, sizeof shape, rows ? "%u,%u" : "%.0u%u", rows, cols);
    w->header_used += (size_t)snprintf(w->header + w->header_used, sizeof w->header - w->header_used,
                                       ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                                       name, type, shape, w->data_used, w->data_used + bytes);
    w->data_used += bytes;
    return w->data + w->data_used - bytes;
}

static inline void tiny_store(uint8_t *at, const char *type, float value)
{
    uint16_t half = strcmp(type, "F16") == 0 ? sterna_f32_to_f16(value) : sterna_f32_to_bf16(value);
    if (strcmp(type, "F32") == 0) {
        memcpy(at, &value, 4);
    } else {
        memcpy(at, &half, 2);
    }
}

/* master: NULL for packed codes, else the type of master weights: "F32", "F16", "BF16". */
static inline bool tiny_safetensors(const char *folder, const char *master, const tiny_spoil *spoil)
{
    static tiny_weights w;
    w.header_used = w.data_used = 0;
    w.data = sterna_alloc(TINY_DATA, 1);
    if (!w.data) return false;
    w.header_used = (size_t)snprintf(w.header, sizeof w.header, "{\"__metadata__\":{\"format\":\"pt\"}");
    uint8_t *at = tiny_tensor_add(&w, "model.embed_tokens.weight", "BF16", TINY_VOCAB, TINY_EMBD, 2);
    for (uint32_t i = 0; i < TINY_VOCAB * TINY_EMBD; i++)
        tiny_store(at + 2 * i, "BF16", tiny_embd(i / TINY_EMBD, i % TINY_EMBD));
    for (uint32_t i = 0; i < 5; i++) {
        char name[100];
        snprintf(name, sizeof name, "%s.weight", tiny_norms[i].name);
        at = tiny_tensor_add(&w, name, "F32", 0, tiny_norms[i].cols, 4);
        for (uint32_t k = 0; k < tiny_norms[i].cols; k++) tiny_store(at + 4 * k, "F32", tiny_norm(i, k));
    }
    for (uint32_t i = 0; i < 7; i++) {
        uint32_t rows = tiny_linear[i].rows, cols = tiny_linear[i].cols;
        size_t size = !master ? 1 : strcmp(master, "F32") == 0 ? 4 : 2;
        char name[100];
        snprintf(name, sizeof name, "model.layers.0.%s.weight", tiny_linear[i].name);
        at = tiny_tensor_add(&w, name, master ? master : "U8", master ? rows : rows / 4, cols, size);
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t c = 0; c < cols; c++) {
                if (master) {
                    tiny_store(at + ((size_t)r * cols + c) * size, master, tiny_master(i, r, c));
                } else {
                    at[(size_t)(r % (rows / 4)) * cols + c] |=
                        (uint8_t)((tiny_code(i, r, c) + 1) << 2 * (r / (rows / 4)));
                }
            }
        if (master) continue;
        snprintf(name, sizeof name, "model.layers.0.%s.weight_scale", tiny_linear[i].name);
        tiny_store(tiny_tensor_add(&w, name, "F32", 0, 1, 4), "F32", tiny_scale(i));
    }
    strcat(w.header, "}");
    bool fits = tiny_apply(spoil, "model.safetensors", w.header, sizeof w.header);
    /* Of "data", the byte at the place `find` becomes `replace`, both numbers. */
    if (spoil->file && strcmp(spoil->file, "data") == 0) {
        unsigned long place = 0, value = 0;
        sscanf(spoil->find, "%lu", &place);
        sscanf(spoil->replace, "%lu", &value);
        w.data[place] = (uint8_t)value;
    }
    static uint8_t head[8 + sizeof w.header];
    uint64_t length = strlen(w.header);
    memcpy(head, &length, 8);
    memcpy(head + 8, w.header, length);
    bool done = fits && tiny_write(folder, "model.safetensors", head, 8 + length, w.data, w.data_used);
    sterna_free(w.data);
    return done;
}

/* Writes the folder; false when the spoil does not fit or the disk refuses. */
static inline bool tiny_folder(const char *folder, const char *master, const tiny_spoil *spoil)
{
    char config[2048], tokenizer[4096];
    snprintf(
        config, sizeof config,
        "{\"model_type\":\"bitnet\",\"hidden_act\":\"relu2\",\"tie_word_embeddings\":true,\"bos_token_id\":3,"
        "\"eos_token_id\":[3,2],\"hidden_size\":256,\"num_hidden_layers\":1,\"num_attention_heads\":2,"
        "\"num_key_value_heads\":1,\"intermediate_size\":512,\"vocab_size\":6,\"max_position_embeddings\":64,"
        "\"rope_theta\":500000.0,\"rms_norm_eps\":1e-05,\"rope_scaling\":null,\"quantization_config\":"
        "{\"quant_method\":\"bitnet\",\"linear_class\":\"autobitlinear\",\"quantization_mode\":\"%s\"}}",
        master ? "online" : "offline");
    snprintf(
        tokenizer, sizeof tokenizer,
        "{\"added_tokens\":[{\"id\":3,\"content\":\"<end>\",\"special\":true},{\"id\":4,\"content\":\"b b\","
        "\"special\":false}],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_"
        "space\":"
        "false,\"use_regex\":true},\"post_processor\":null,\"model\":{\"type\":\"BPE\",\"unk_token\":null,"
        "\"byte_fallback\":false,\"ignore_merges\":false,\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"<end>\":3},"
        "\"merges\":[\"a b\"]}}");
    return tiny_apply(spoil, "config.json", config, sizeof config) &&
           tiny_apply(spoil, "tokenizer.json", tokenizer, sizeof tokenizer) &&
           tiny_write(folder, "config.json", config, strlen(config), "", 0) &&
           tiny_write(folder, "tokenizer.json", tokenizer, strlen(tokenizer), "", 0) &&
           tiny_safetensors(folder, master, spoil);
}

#endif
