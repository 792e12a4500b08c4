/* config.json of a Hugging Face folder. Owns: which models are read, and their numbers. */
#ifndef STERNA_HF_CONFIG_H
#define STERNA_HF_CONFIG_H

#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum sterna_hf_weights {
    STERNA_HF_PACKED, /* 2-bit codes and weight_scale, which multiplies ("autobitlinear", "offline") */
    STERNA_HF_MASTER, /* weights to be rounded ("online") */
} sterna_hf_weights;

typedef struct sterna_hf_config {
    const char *architecture; /* general.architecture; static */
    sterna_hf_weights weights;
    uint32_t layers, embd, ffn, heads, kv_heads, head_dim, vocab, context;
    float rope_base, epsilon;
    bool tied;
    uint32_t bos, eos; /* UINT32_MAX: absent */
} sterna_hf_config;

/* FILE naming the key that is missing or out of range; UNSUPPORTED naming the key whose value is not read. */
sterna_status sterna_hf_config_read(const char *path, sterna_hf_config *config, sterna_fault *fault);

#endif
