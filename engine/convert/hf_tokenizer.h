/* tokenizer.json of a Hugging Face folder. Owns: turning it into tokenizer.ggml keys. */
#ifndef STERNA_HF_TOKENIZER_H
#define STERNA_HF_TOKENIZER_H

#include "convert/hf_config.h"
#include "gguf/gguf.h"

/* Puts model, pre, tokens, token_type, merges, BOS, EOS and add_bos_token. Ids that have no token get an
 * unused one, [PADn]. BOS is added when the post-processor begins with it, or when there is no post-processor
 * but a BOS. UNSUPPORTED names what is not byte-level BPE, or the pre-tokenizer that no row recognises; FILE
 * what is wrong. */
sterna_status sterna_hf_tokenizer_put(const char *path, const sterna_hf_config *config,
                                      sterna_gguf_writer *writer, sterna_fault *fault);

#endif
