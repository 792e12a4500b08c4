/* Weights of a Hugging Face folder as GGUF tensors. Owns: names, shapes and the conversion of values. */
#ifndef STERNA_HF_TENSORS_H
#define STERNA_HF_TENSORS_H

#include "convert/hf_config.h"
#include "convert/safetensors.h"
#include "gguf/gguf.h"

/* What one tensor of the output is made from; kept until the writer is done. */
typedef struct sterna_hf_source {
    const sterna_st_tensor *weight, *scale; /* scale: of packed weights, else NULL */
    const char *path;                       /* of the file, for messages */
    uint64_t rows, cols;
} sterna_hf_source;

/* Puts all tensors. *sources is a new list, to be freed with sterna_free after the writer's finish. FILE
 * names a tensor that is missing or of the wrong shape or type; UNSUPPORTED one that nothing here knows. */
sterna_status sterna_hf_tensors_put(const char *path, const sterna_safetensors *file,
                                    const sterna_hf_config *config, sterna_gguf_writer *writer,
                                    sterna_hf_source **sources, sterna_fault *fault);

#endif
