/* A Hugging Face folder to a GGUF file. Owns: the order of things and the keys of the architecture.
 * Leaves to others: each of the three files (hf_config.c, hf_tokenizer.c, hf_tensors.c). */
#include "convert/convert.h"
#include "base/mem.h"
#include "convert/hf_config.h"
#include "convert/hf_tensors.h"
#include "convert/hf_tokenizer.h"
#include "convert/safetensors.h"
#include <stdio.h>
#include <string.h>

enum { PATH = 4096, FILE_TYPE_TQ2_0 = 37 /* llama.cpp, enum llama_ftype */ };

static void put_u32(sterna_gguf_writer *writer, const sterna_hf_config *config, const char *suffix,
                    uint32_t value)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", config->architecture, suffix);
    sterna_gguf_put_u32(writer, key, value);
}

static void put_f32(sterna_gguf_writer *writer, const sterna_hf_config *config, const char *suffix,
                    float value)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", config->architecture, suffix);
    sterna_gguf_put_f32(writer, key, value);
}

/* The last component of a path, without slashes behind it. */
static void put_name(sterna_gguf_writer *writer, const sterna_convert_params *params)
{
    const char *name = params->name ? params->name : params->folder;
    size_t length = strlen(name), from = 0;
    if (!params->name) {
        while (length > 1 && name[length - 1] == '/') length--;
        for (size_t i = 0; i + 1 < length; i++)
            if (name[i] == '/') from = i + 1;
    }
    sterna_gguf_put_string(writer, "general.name", name + from, length - from);
    if (params->license)
        sterna_gguf_put_string(writer, "general.license", params->license, strlen(params->license));
}

static void put_keys(sterna_gguf_writer *writer, const sterna_convert_params *params,
                     const sterna_hf_config *config)
{
    sterna_gguf_put_string(writer, "general.architecture", config->architecture,
                           strlen(config->architecture));
    put_name(writer, params);
    put_u32(writer, config, "block_count", config->layers);
    put_u32(writer, config, "context_length", config->context);
    put_u32(writer, config, "embedding_length", config->embd);
    put_u32(writer, config, "feed_forward_length", config->ffn);
    put_u32(writer, config, "attention.head_count", config->heads);
    put_u32(writer, config, "attention.head_count_kv", config->kv_heads);
    put_f32(writer, config, "attention.layer_norm_rms_epsilon", config->epsilon);
    put_f32(writer, config, "rope.freq_base", config->rope_base);
    put_u32(writer, config, "rope.dimension_count", config->head_dim);
    /* Readers take these for embedding_length / head_count unless told otherwise. */
    if ((uint64_t)config->head_dim * config->heads != config->embd) {
        put_u32(writer, config, "attention.key_length", config->head_dim);
        put_u32(writer, config, "attention.value_length", config->head_dim);
    }
    put_u32(writer, config, "vocab_size", config->vocab);
    sterna_gguf_put_u32(writer, "general.file_type", FILE_TYPE_TQ2_0);
}

static bool join(char out[PATH], const char *folder, const char *file)
{
    return (size_t)snprintf(out, PATH, "%s/%s", folder, file) < PATH;
}

sterna_status sterna_convert(const sterna_convert_params *params, sterna_fault *fault)
{
    char config_path[PATH], tokenizer_path[PATH], weights_path[PATH];
    if (!join(config_path, params->folder, "config.json") ||
        !join(tokenizer_path, params->folder, "tokenizer.json") ||
        !join(weights_path, params->folder, "model.safetensors"))
        return sterna_fail(fault, STERNA_USAGE, "the folder's path is longer than %d bytes", PATH - 20);
    sterna_hf_config config;
    sterna_gguf_writer *writer = NULL;
    sterna_safetensors *weights = NULL;
    sterna_hf_source *sources = NULL;
    sterna_status status = sterna_hf_config_read(config_path, &config, fault);
    if (status == STERNA_OK) status = sterna_gguf_writer_create(&writer, fault);
    if (status == STERNA_OK) {
        put_keys(writer, params, &config);
        status = sterna_hf_tokenizer_put(tokenizer_path, &config, writer, fault);
    }
    if (status == STERNA_OK) status = sterna_safetensors_open(weights_path, &weights, fault);
    if (status == STERNA_OK)
        status = sterna_hf_tensors_put(weights_path, weights, &config, writer, &sources, fault);
    if (status == STERNA_OK) status = sterna_gguf_writer_finish(writer, params->path, fault);
    sterna_gguf_writer_destroy(writer);
    sterna_safetensors_close(weights);
    sterna_free(sources);
    return status;
}
