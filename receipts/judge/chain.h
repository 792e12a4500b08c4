/* The digest chain of a generation (sterna.h, DIGESTS): D0 = SHA-256(root, prompt ids), Di = SHA-256(D(i-1),
 * token, logits). Owns: computing its links. Leaves to others: where the logits come from. */
#ifndef STERNA_CHAIN_H
#define STERNA_CHAIN_H

#include "base/hash.h"

void sterna_chain_start(const uint8_t root[STERNA_HASH_BYTES], const uint32_t *prompt, uint32_t n_prompt,
                        uint8_t digest[STERNA_HASH_BYTES]);
/* digest: D(i-1) on entry, Di on return. */
void sterna_chain_step(uint32_t token, const float *logits, uint32_t n_logits,
                       uint8_t digest[STERNA_HASH_BYTES]);

#endif
