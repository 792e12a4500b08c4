/* Ed25519 keys in minisign's files. Owns: making, reading and writing them. Leaves to others: what is signed.
 *
 * Source: the "Public key format" and "Secret key format" sections of https://jedisct1.github.io/minisign/.
 * A public key file is a comment line and base64 of "Ed", an 8-byte key id and the 32-byte key. A secret key
 * file holds "Ed", the key derivation ("Sc": with a password, zeros: without), "B2", salt, limits, key id,
 * the 64-byte key and a BLAKE2b checksum. Keys under a password are refused: `minisign -G -W` makes one that
 * is read here. */
#ifndef STERNA_KEYS_H
#define STERNA_KEYS_H

#include "base/status.h"
#include <stdint.h>

enum {
    STERNA_KEY_ID_BYTES = 8,
    STERNA_PUBLIC_BYTES = 32,
    STERNA_SECRET_BYTES = 64,
    STERNA_SIGNATURE_BYTES = 64
};

typedef struct sterna_public_key {
    uint8_t id[STERNA_KEY_ID_BYTES], key[STERNA_PUBLIC_BYTES];
} sterna_public_key;

typedef struct sterna_secret_key {
    uint8_t id[STERNA_KEY_ID_BYTES], key[STERNA_SECRET_BYTES]; /* the last 32 bytes are the public key */
} sterna_secret_key;

/* A fresh pair from the system's random numbers. DEVICE when there are none. */
sterna_status sterna_key_make(sterna_public_key *public_key, sterna_secret_key *secret_key,
                              sterna_fault *fault);
/* FILE: unreadable, or not such a key. The secret file is written readable for its owner alone. */
sterna_status sterna_public_key_read(const char *path, sterna_public_key *key, sterna_fault *fault);
sterna_status sterna_public_key_write(const char *path, const sterna_public_key *key, sterna_fault *fault);
sterna_status sterna_secret_key_read(const char *path, sterna_secret_key *key, sterna_fault *fault);
sterna_status sterna_secret_key_write(const char *path, const sterna_secret_key *key, sterna_fault *fault);
/* Overwrites the key in memory. */
void sterna_secret_key_wipe(sterna_secret_key *key);
/* 16 hex digits, as minisign prints the id: its bytes from the last to the first. */
void sterna_key_id_text(const uint8_t id[STERNA_KEY_ID_BYTES], char text[17]);

#endif
