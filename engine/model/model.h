/* A model: an opened GGUF file with its hyperparameters, its named tensors and its tokenizer, all checked.
 * Owns: what the file must contain for each family. Leaves to others: the container (gguf/), computing
 * (plan/). */
#ifndef STERNA_MODEL_H
#define STERNA_MODEL_H

#include "gguf/gguf.h"
#include "sterna.h"
#include "token/tokenizer.h"
#include <stdbool.h>

typedef enum sterna_rope_pairs { STERNA_ROPE_NORM = 0, STERNA_ROPE_NEOX = 1 } sterna_rope_pairs;
typedef enum sterna_glu_act { STERNA_GLU_SILU = 0, STERNA_GLU_RELU2 = 1 } sterna_glu_act;

/* One row of archs.def. */
typedef struct sterna_arch {
    const char *name;
    sterna_rope_pairs rope;
    sterna_glu_act act;
    bool sub_norms, ternary;
} sterna_arch;

/* NULL when no family has that name. */
const sterna_arch *sterna_arch_find(const char *name, size_t length);

/* Hyperparameters, checked against each other and against the limits of the catalogue. */
typedef struct sterna_hparams {
    uint32_t n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ff, n_vocab, n_ctx_train;
    uint32_t n_rot;
    float norm_eps;
    double rope_base, rope_scale; /* scale: 1 / factor of linear scaling */
} sterna_hparams;

/* A named matrix or vector of the file. */
typedef struct sterna_model_tensor {
    const char *name; /* NUL-terminated, lives as long as the model */
    const uint8_t *data;
    uint64_t bytes;
    uint32_t format, rows, cols; /* a vector has one row */
} sterna_model_tensor;

/* The slots of one layer, in the order of the computation:
 * X(slot, tensor name behind "blk.N.", rows, cols, which families: ALL or SUB_NORM)
 * Sizes: ONE, E = n_embd, Q = n_heads * head_dim, KV = n_kv_heads * head_dim, F = n_ff. A slot of ONE row is
 * the F32 weight vector of a norm. */
#define STERNA_LAYER_TENSORS(X)                                                                              \
    X(attn_norm, "attn_norm.weight", ONE, E, ALL)                                                            \
    X(attn_q, "attn_q.weight", Q, E, ALL)                                                                    \
    X(attn_k, "attn_k.weight", KV, E, ALL)                                                                   \
    X(attn_v, "attn_v.weight", KV, E, ALL)                                                                   \
    X(attn_sub_norm, "attn_sub_norm.weight", ONE, Q, SUB_NORM)                                               \
    X(attn_output, "attn_output.weight", E, Q, ALL)                                                          \
    X(ffn_norm, "ffn_norm.weight", ONE, E, ALL)                                                              \
    X(ffn_gate, "ffn_gate.weight", F, E, ALL)                                                                \
    X(ffn_up, "ffn_up.weight", F, E, ALL)                                                                    \
    X(ffn_sub_norm, "ffn_sub_norm.weight", ONE, F, SUB_NORM)                                                 \
    X(ffn_down, "ffn_down.weight", E, F, ALL)

typedef struct sterna_layer {
#define X(slot, name, rows, cols, families) sterna_model_tensor slot;
    STERNA_LAYER_TENSORS(X)
#undef X
} sterna_layer;

struct sterna_model {
    sterna_gguf *file;
    char *path;
    const sterna_arch *arch;
    sterna_hparams h;
    sterna_model_tensor token_embd, output_norm, output; /* output = token_embd when tied */
    bool tied;
    sterna_model_tensor rope_freqs; /* data NULL when absent */
    sterna_layer *layers;           /* [n_layers] */
    char *names;                    /* storage behind the tensors' names */
    char *general_name;
    uint64_t parameters, tensor_bytes;
    sterna_tokenizer *tokenizer;
    uint8_t root[32];
    bool has_root;
};

/* Reads and checks the hyperparameters of the family. FILE naming the key. */
sterna_status sterna_hparams_read(const sterna_gguf *file, const sterna_arch *arch, sterna_hparams *h,
                                  sterna_fault *fault);

/* How a linear layer's weight meets activations in this family. */
sterna_act sterna_model_act(const sterna_model *model, const sterna_model_tensor *tensor);

#endif
