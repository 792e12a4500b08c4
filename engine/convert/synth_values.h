/* Random tensor data, streamed. Owns: values of each format from a counter-based generator.
 * Leaves to others: which tensors there are and how large their values should be. */
#ifndef STERNA_SYNTH_VALUES_H
#define STERNA_SYNTH_VALUES_H

#include "gguf/gguf.h"

typedef struct sterna_synth_tensor {
    const sterna_format *format;
    uint64_t bytes, seed;
    uint32_t index; /* of the tensor: its own stream of numbers */
    float mean;     /* F32, F16, BF16: values are uniform in mean +- spread */
    float spread;   /* quantised formats: close to uniform in +- spread; TQ2_0: -spread, 0, +spread alike */
} sterna_synth_tensor;

/* Whether values of this format can be made: those that kernels compute with. */
bool sterna_synth_knows(const sterna_format *format);
/* sterna_gguf_fill for a sterna_synth_tensor. */
sterna_status sterna_synth_fill(void *context, sterna_gguf_sink *sink, sterna_fault *fault);

#endif
