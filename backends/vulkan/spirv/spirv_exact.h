/* Does a SPIR-V module compute exactly what it says? Owns: NoContraction on every floating add, subtract and multiply, and
 * the list of instructions that exact kernels consist of. Leaves to others: all other rules of SPIR-V (spirv-val).
 *
 * A module is a sequence of 32-bit words: five of header, then instructions whose first word is (words << 16 | opcode)
 * (SPIR-V specification, section 2.3). Every length is checked; nothing in a module is trusted. */
#ifndef STERNA_SPIRV_EXACT_H
#define STERNA_SPIRV_EXACT_H

#include "base/status.h"

typedef struct sterna_spirv_count {
    uint32_t float_ops; /* floating add, subtract, multiply */
    uint32_t decorated; /* of these with NoContraction */
} sterna_spirv_count;

/* FILE when the module is not exact; the sentence names the instruction and its word. */
sterna_status sterna_spirv_check(const uint32_t *words, size_t count, sterna_spirv_count *found,
                                 sterna_fault *fault);
/* A copy with the missing decorations, to be freed with sterna_free. Fails as sterna_spirv_check does for everything else. */
sterna_status sterna_spirv_decorate(const uint32_t *words, size_t count, uint32_t **out, size_t *out_count,
                                    sterna_fault *fault);

#endif
