/* A receipt for fuzzing: its payload, and the key that signs it.
 * Owns: both. They are the same in every process, so that seeds written by one are known to another. */
#ifndef STERNA_SIGNED_SEED_H
#define STERNA_SIGNED_SEED_H

#include "format/keys.h"
#include <stdbool.h>
#include <stddef.h>

/* Made once; lives until sterna_fuzz_payload_free. False when memory is refused. */
bool sterna_fuzz_payload(char **text, size_t *bytes);
void sterna_fuzz_payload_free(void);
void sterna_fuzz_key(sterna_public_key *public_key, sterna_secret_key *secret_key);

#endif
