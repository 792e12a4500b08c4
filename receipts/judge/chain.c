/* Words are hashed as they lie in memory, which is little-endian here. */
#include "judge/chain.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the chain is defined on little-endian words");

void sterna_chain_start(const uint8_t root[STERNA_HASH_BYTES], const uint32_t *prompt, uint32_t n_prompt,
                        uint8_t digest[STERNA_HASH_BYTES])
{
    sterna_sha256 state;
    sterna_sha256_init(&state);
    sterna_sha256_update(&state, root, STERNA_HASH_BYTES);
    sterna_sha256_update(&state, prompt, n_prompt * sizeof *prompt);
    sterna_sha256_final(&state, digest);
}

void sterna_chain_step(uint32_t token, const float *logits, uint32_t n_logits,
                       uint8_t digest[STERNA_HASH_BYTES])
{
    sterna_sha256 state;
    sterna_sha256_init(&state);
    sterna_sha256_update(&state, digest, STERNA_HASH_BYTES);
    sterna_sha256_update(&state, &token, sizeof token);
    sterna_sha256_update(&state, logits, n_logits * sizeof *logits);
    sterna_sha256_final(&state, digest);
}
