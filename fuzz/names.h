/* Names that the engine looks for, gathered from its tables, for mutator and dictionaries.
 * Owns: the lists. A key or tensor that engine/ begins to read and that stands in no table is added here. */
#ifndef STERNA_FUZZ_NAMES_H
#define STERNA_FUZZ_NAMES_H

#include "model/model.h"
#include "token/tokenizer.h"

/* X(text): keys under the architecture's name. */
#define FUZZ_HPARAM_KEYS(X)                                                                                  \
    X("block_count")                                                                                         \
    X("embedding_length")                                                                                    \
    X("feed_forward_length")                                                                                 \
    X("context_length")                                                                                      \
    X("attention.head_count")                                                                                \
    X("attention.head_count_kv")                                                                             \
    X("attention.layer_norm_rms_epsilon")                                                                    \
    X("attention.key_length")                                                                                \
    X("attention.value_length")                                                                              \
    X("rope.freq_base")                                                                                      \
    X("rope.dimension_count")                                                                                \
    X("rope.scaling.type")                                                                                   \
    X("rope.scaling.factor")

/* X(text): keys of their own. */
#define FUZZ_KEYS(X)                                                                                         \
    X("general.architecture")                                                                                \
    X("general.name")                                                                                        \
    X("general.alignment")                                                                                   \
    X("tokenizer.ggml.model")                                                                                \
    X("tokenizer.ggml.pre")                                                                                  \
    X("tokenizer.ggml.tokens")                                                                               \
    X("tokenizer.ggml.scores")                                                                               \
    X("tokenizer.ggml.token_type")                                                                           \
    X("tokenizer.ggml.merges")                                                                               \
    X("tokenizer.ggml.add_bos_token")                                                                        \
    X("tokenizer.ggml.add_eos_token")                                                                        \
    X("tokenizer.ggml.add_space_prefix")

#endif
