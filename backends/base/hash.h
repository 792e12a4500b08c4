/* SHA-256 by libsodium, and the Merkle tree over a file that names a model.
 * Owns: the tree's shape. Leaves to others: what is hashed and when. */
#ifndef STERNA_HASH_H
#define STERNA_HASH_H

#include <sodium/crypto_hash_sha256.h>
#include <stddef.h>
#include <stdint.h>

#define STERNA_HASH_BYTES 32u
#define STERNA_LEAF_BYTES (1024u * 1024u)

typedef crypto_hash_sha256_state sterna_sha256;

static inline void sterna_sha256_init(sterna_sha256 *state)
{
    crypto_hash_sha256_init(state);
}
static inline void sterna_sha256_update(sterna_sha256 *state, const void *data, size_t bytes)
{
    crypto_hash_sha256_update(state, data, bytes);
}
static inline void sterna_sha256_final(sterna_sha256 *state, uint8_t out[STERNA_HASH_BYTES])
{
    crypto_hash_sha256_final(state, out);
}
void sterna_sha256_once(const void *data, size_t bytes, uint8_t out[STERNA_HASH_BYTES]);

/* The Merkle root of `bytes` bytes cut into leaves of 1 MiB (the last one shorter), after RFC 6962
 * section 2.1: leaf = SHA-256(0x00 || data), inner = SHA-256(0x01 || left || right), the left subtree being
 * the largest power of two of leaves below the whole; no leaves at all give SHA-256 of nothing. `threads`
 * helpers hash leaves (0 or 1: the caller alone); the root does not depend on it. Returns 0, or -1 when
 * memory is refused. */
int sterna_merkle_root(const uint8_t *data, uint64_t bytes, uint32_t threads,
                       uint8_t root[STERNA_HASH_BYTES]);

/* 64 lower-case hex digits and a NUL. */
void sterna_hash_hex(const uint8_t hash[STERNA_HASH_BYTES], char text[2 * STERNA_HASH_BYTES + 1]);

#endif
