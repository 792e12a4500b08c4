/* Reads config.json. Owns: the checks, in a table. Leaves to others: shapes of tensors (convert.c). */
#include "convert/hf_config.h"
#include "base/size.h"
#include "convert/hf_json.h"
#include <math.h>
#include <stddef.h>

enum { CONFIG_LIMIT = 1 << 20 };

/* key, member, largest value, 1: must be there. Smallest is 1. */
#define NUMBERS(X)                                                                                           \
    X("num_hidden_layers", layers, 1000, 1)                                                                  \
    X("hidden_size", embd, 1 << 20, 1)                                                                       \
    X("intermediate_size", ffn, 1 << 20, 1)                                                                  \
    X("num_attention_heads", heads, 4096, 1)                                                                 \
    X("num_key_value_heads", kv_heads, 4096, 0)                                                              \
    X("head_dim", head_dim, 4096, 0)                                                                         \
    X("vocab_size", vocab, 1 << 24, 1)                                                                       \
    X("max_position_embeddings", context, 1 << 24, 1)

static sterna_status read_numbers(const char *path, const cJSON *root, sterna_hf_config *config,
                                  sterna_fault *fault)
{
    uint64_t number;
#define X(key, member, most, required)                                                                       \
    if (sterna_hf_json_get(root, key) || required) {                                                         \
        if (!sterna_hf_json_u64(sterna_hf_json_get(root, key), most, &number) || number == 0)                \
            return sterna_fail(fault, STERNA_FILE, "%s: \"%s\" is not a whole number from 1 to %d", path,    \
                               key, most);                                                                   \
        config->member = (uint32_t)number;                                                                   \
    }
    NUMBERS(X)
#undef X
    if (config->kv_heads == 0) config->kv_heads = config->heads;
    if (config->head_dim == 0) {
        if (config->embd % config->heads)
            return sterna_fail(fault, STERNA_FILE,
                               "%s: \"hidden_size\" %u is no multiple of \"num_attention_heads\" %u", path,
                               config->embd, config->heads);
        config->head_dim = config->embd / config->heads;
    }
    if (config->heads % config->kv_heads)
        return sterna_fail(fault, STERNA_FILE,
                           "%s: \"num_attention_heads\" %u is no multiple of \"num_key_value_heads\" %u",
                           path, config->heads, config->kv_heads);
    return STERNA_OK;
}

static sterna_status read_float(const char *path, const cJSON *root, const char *key, double otherwise,
                                float *out, sterna_fault *fault)
{
    const cJSON *value = sterna_hf_json_get(root, key);
    double number = value ? (cJSON_IsNumber(value) ? value->valuedouble : NAN) : otherwise;
    if (!(number > 0 && number <= 1e12))
        return sterna_fail(fault, STERNA_FILE, "%s: \"%s\" is not a number above 0", path, key);
    *out = (float)number;
    return STERNA_OK;
}

/* An id, or a list whose first id counts. */
static sterna_status read_id(const char *path, const cJSON *root, const char *key, uint32_t vocab,
                             uint32_t *id, sterna_fault *fault)
{
    const cJSON *value = sterna_hf_json_get(root, key);
    uint64_t number;
    *id = UINT32_MAX;
    if (cJSON_IsArray(value)) value = cJSON_GetArrayItem(value, 0);
    if (!value) return STERNA_OK;
    if (!sterna_hf_json_u64(value, vocab - 1, &number))
        return sterna_fail(fault, STERNA_FILE, "%s: \"%s\" is not an id below %u", path, key, vocab);
    *id = (uint32_t)number;
    return STERNA_OK;
}

static sterna_status check_kind(const char *path, const cJSON *root, sterna_hf_config *config,
                                sterna_fault *fault)
{
    const cJSON *type = sterna_hf_json_get(root, "model_type"),
                *quantised = sterna_hf_json_get(root, "quantization_config");
    if (!sterna_hf_json_is(type, "bitnet"))
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: \"model_type\" is %.40s: only bitnet is converted",
                           path, cJSON_IsString(type) ? type->valuestring : "missing");
    config->architecture = "bitnet-b1.58";
    if (!sterna_hf_json_is(sterna_hf_json_get(root, "hidden_act"), "relu2"))
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "%s: \"hidden_act\" is not relu2, as BitNet b1.58 2B4T has it", path);
    if (sterna_hf_json_get(root, "rope_scaling"))
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: \"rope_scaling\" is not converted", path);
    if (!sterna_hf_json_is(sterna_hf_json_get(quantised, "quant_method"), "bitnet") ||
        !sterna_hf_json_is(sterna_hf_json_get(quantised, "linear_class"), "autobitlinear") ||
        sterna_hf_json_bool(quantised, "use_rms_norm", false))
        return sterna_fail(
            fault, STERNA_UNSUPPORTED,
            "%s: \"quantization_config\": only quant_method bitnet with linear_class autobitlinear and "
            "no use_rms_norm is converted (elsewhere weight_scale may divide)",
            path);
    const cJSON *mode = sterna_hf_json_get(quantised, "quantization_mode");
    config->weights = sterna_hf_json_is(mode, "online") ? STERNA_HF_MASTER : STERNA_HF_PACKED;
    if (config->weights == STERNA_HF_PACKED && !sterna_hf_json_is(mode, "offline"))
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "%s: \"quantization_mode\" is neither online nor offline", path);
    config->tied = sterna_hf_json_bool(root, "tie_word_embeddings", false);
    return STERNA_OK;
}

sterna_status sterna_hf_config_read(const char *path, sterna_hf_config *config, sterna_fault *fault)
{
    cJSON *root = NULL;
    *config = (sterna_hf_config){0};
    sterna_status status = sterna_hf_json_read(path, CONFIG_LIMIT, &root, fault);
    if (status) return status;
    if (!cJSON_IsObject(root)) status = sterna_fail(fault, STERNA_FILE, "%s: this is no JSON object", path);
    if (status == STERNA_OK) status = check_kind(path, root, config, fault);
    if (status == STERNA_OK) status = read_numbers(path, root, config, fault);
    if (status == STERNA_OK) status = read_float(path, root, "rope_theta", 10000, &config->rope_base, fault);
    if (status == STERNA_OK) status = read_float(path, root, "rms_norm_eps", NAN, &config->epsilon, fault);
    if (status == STERNA_OK) status = read_id(path, root, "bos_token_id", config->vocab, &config->bos, fault);
    if (status == STERNA_OK) status = read_id(path, root, "eos_token_id", config->vocab, &config->eos, fault);
    sterna_hf_json_free(root);
    return status;
}
