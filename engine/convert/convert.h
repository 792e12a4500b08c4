/* GGUF files from something else: from a Hugging Face folder, or from nothing but a seed.
 * Owns: sterna_convert and sterna_synth. Leaves to others: the container (gguf/), the formats (formats/). */
#ifndef STERNA_CONVERT_H
#define STERNA_CONVERT_H

#include "base/status.h"
#include <stdint.h>

/* Reads config.json, tokenizer.json and model.safetensors of `folder` and writes a GGUF file to `path`.
 *   model      BitNet b1.58 (model_type "bitnet"): ternary layers become TQ2_0 with one scale for the tensor,
 * the embedding F16, norms F32. Quantised folders ("autobitlinear", mode "offline": packed codes and
 *              weight_scale, which multiplies) and master weights (mode "online": codes = round(w / mean
 * |w|), scale = mean |w|) are read. tokenizer  byte-level BPE whose pre-tokenizer is one that engine/token
 * knows, recognised by its structure. name       general.name; NULL: the folder's last component. license:
 * general.license; NULL: no such key. FILE names file, key or tensor; UNSUPPORTED says what kind of model
 * this is and which are read. The output appears whole or not at all. Not to be called while another thread
 * uses cJSON: its allocator is set during the call. */
typedef struct sterna_convert_params {
    const char *folder, *path, *name, *license;
} sterna_convert_params;

sterna_status sterna_convert(const sterna_convert_params *params, sterna_fault *fault);

/* Writes a GGUF file of a named shape (shapes.def) with random weights and a made-up but consistent
 * vocabulary. Weights are scaled so that activations stay of order 1. The bytes depend on the parameters
 * alone. Nothing larger than a megabyte and the vocabulary is held in memory. */
typedef struct sterna_synth_params {
    const char *shape; /* a name of shapes.def */
    const char *type;  /* of linear layers: f32, f16, bf16, q8_0, q4_k, tq2_0; NULL: the shape's own */
    uint64_t seed;
    uint32_t layers; /* 0: the shape's own */
} sterna_synth_params;

/* USAGE for an unknown shape or type, with those that are known. */
sterna_status sterna_synth(const sterna_synth_params *params, const char *path, sterna_fault *fault);
/* Name and one line about the i-th shape; NULL behind the last. `about` may be NULL. */
const char *sterna_synth_shape(uint32_t i, const char **about);

#endif
