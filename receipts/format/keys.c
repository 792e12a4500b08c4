/* minisign's key files over libsodium. */
#include "format/keys.h"
#include "base/sys.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
    FILE_MAX = 4096,
    PUBLIC_BLOB = 2 + STERNA_KEY_ID_BYTES + STERNA_PUBLIC_BYTES,
    SALT = 32,
    CHECKSUM = 32,
    SECRET_KEY_AT = 2 + 2 + 2 + SALT + 8 + 8, /* key id, key and checksum follow */
    SECRET_BLOB = SECRET_KEY_AT + STERNA_KEY_ID_BYTES + STERNA_SECRET_BYTES + CHECKSUM,
};

static sterna_status begin(sterna_fault *fault)
{
    return sodium_init() >= 0 ? STERNA_OK
                              : sterna_fail(fault, STERNA_DEVICE, "libsodium finds no random numbers");
}

static void checksum(const sterna_secret_key *key, uint8_t sum[CHECKSUM])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CHECKSUM);
    crypto_generichash_update(&state, (const uint8_t *)"Ed", 2);
    crypto_generichash_update(&state, key->id, sizeof key->id);
    crypto_generichash_update(&state, key->key, sizeof key->key);
    crypto_generichash_final(&state, sum, CHECKSUM);
    sodium_memzero(&state, sizeof state);
}

sterna_status sterna_key_make(sterna_public_key *public_key, sterna_secret_key *secret_key,
                              sterna_fault *fault)
{
    sterna_status status = begin(fault);
    if (status != STERNA_OK) return status;
    crypto_sign_keypair(public_key->key, secret_key->key);
    randombytes_buf(public_key->id, sizeof public_key->id);
    memcpy(secret_key->id, public_key->id, sizeof secret_key->id);
    return STERNA_OK;
}

void sterna_key_id_text(const uint8_t id[STERNA_KEY_ID_BYTES], char text[17])
{
    for (int i = 0; i < STERNA_KEY_ID_BYTES; i++)
        snprintf(text + (ptrdiff_t)2 * i, 3, "%02X", id[STERNA_KEY_ID_BYTES - 1 - i]);
}

/* The base64 of the second line: exactly `bytes` bytes, nothing behind them but line ends. */
static sterna_status read_blob(const char *path, const char *what, uint8_t *blob, size_t bytes,
                               sterna_fault *fault)
{
    sterna_mapping file = {0};
    size_t got = 0;
    const char *end = NULL;
    sterna_status status = sterna_sys_read(path, FILE_MAX, &file, fault);
    if (status != STERNA_OK) return status;
    const char *text = (const char *)file.data;
    const char *line = memchr(text, '\n', (size_t)file.size);
    size_t left = line ? (size_t)(text + file.size - ++line) : 0;
    bool good = left > 0 && sodium_base642bin(blob, bytes, line, left, NULL, &got, &end,
                                              sodium_base64_VARIANT_ORIGINAL) == 0;
    good = good && got == bytes;
    for (const char *rest = end; good && rest < text + file.size; rest++)
        good = *rest == '\n' || *rest == '\r';
    if (!file.mapped && file.size) sodium_memzero((void *)(uintptr_t)file.data, (size_t)file.size);
    sterna_sys_unmap(&file);
    return good ? STERNA_OK
                : sterna_fail(fault, STERNA_FILE,
                              "%s: not a minisign %s key (a comment line, then base64 of %zu bytes)", path,
                              what, bytes);
}

sterna_status sterna_public_key_read(const char *path, sterna_public_key *key, sterna_fault *fault)
{
    uint8_t blob[PUBLIC_BLOB];
    sterna_status status = read_blob(path, "public", blob, sizeof blob, fault);
    if (status != STERNA_OK) return status;
    if (memcmp(blob, "Ed", 2) != 0) return sterna_fail(fault, STERNA_FILE, "%s: not an Ed25519 key", path);
    memcpy(key->id, blob + 2, sizeof key->id);
    memcpy(key->key, blob + 2 + sizeof key->id, sizeof key->key);
    return STERNA_OK;
}

static sterna_status check_secret(const char *path, const uint8_t *blob, sterna_secret_key *key,
                                  sterna_fault *fault)
{
    uint8_t sum[CHECKSUM], public_key[STERNA_PUBLIC_BYTES], again[STERNA_SECRET_BYTES];
    if (memcmp(blob, "Ed", 2) != 0 || memcmp(blob + 4, "B2", 2) != 0)
        return sterna_fail(fault, STERNA_FILE, "%s: not an Ed25519 key with a BLAKE2 checksum", path);
    if (memcmp(blob + 2, "\0\0", 2) != 0)
        return sterna_fail(fault, STERNA_FILE,
                           "%s: the key is under a password, which cannot be asked for here; make one with "
                           "`sterna keygen` or `minisign -G -W`",
                           path);
    memcpy(key->id, blob + SECRET_KEY_AT, sizeof key->id);
    memcpy(key->key, blob + SECRET_KEY_AT + sizeof key->id, sizeof key->key);
    checksum(key, sum);
    /* minisign writes no checksum for a key without a password: zeros. The two halves of the key check each other. */
    bool right = sodium_is_zero(blob + SECRET_BLOB - CHECKSUM, CHECKSUM) ||
                 memcmp(sum, blob + SECRET_BLOB - CHECKSUM, sizeof sum) == 0;
    crypto_sign_seed_keypair(public_key, again, key->key);
    right = right && memcmp(again, key->key, sizeof again) == 0;
    sodium_memzero(again, sizeof again);
    if (!right)
        return sterna_fail(fault, STERNA_FILE, "%s: the key does not check: the file is damaged", path);
    return STERNA_OK;
}

sterna_status sterna_secret_key_read(const char *path, sterna_secret_key *key, sterna_fault *fault)
{
    uint8_t blob[SECRET_BLOB];
    sterna_status status = read_blob(path, "secret", blob, sizeof blob, fault);
    if (status == STERNA_OK) status = check_secret(path, blob, key, fault);
    if (status != STERNA_OK) sterna_secret_key_wipe(key);
    sodium_memzero(blob, sizeof blob);
    return status;
}

static sterna_status write_text(const char *path, const char *text, bool secret, sterna_fault *fault)
{
    sterna_writer *writer;
    sterna_status status =
        secret ? sterna_writer_open_private(path, &writer, fault) : sterna_writer_open(path, &writer, fault);
    if (status != STERNA_OK) return status;
    status = sterna_writer_write(writer, text, strlen(text), fault);
    if (status == STERNA_OK) return sterna_writer_commit(writer, fault);
    sterna_writer_abandon(writer);
    return status;
}

sterna_status sterna_public_key_write(const char *path, const sterna_public_key *key, sterna_fault *fault)
{
    uint8_t blob[PUBLIC_BLOB];
    char base64[2 * PUBLIC_BLOB], text[200], id[17];
    memcpy(blob, "Ed", 2);
    memcpy(blob + 2, key->id, sizeof key->id);
    memcpy(blob + 2 + sizeof key->id, key->key, sizeof key->key);
    sodium_bin2base64(base64, sizeof base64, blob, sizeof blob, sodium_base64_VARIANT_ORIGINAL);
    sterna_key_id_text(key->id, id);
    snprintf(text, sizeof text, "untrusted comment: minisign public key %s\n%s\n", id, base64);
    return write_text(path, text, false, fault);
}

sterna_status sterna_secret_key_write(const char *path, const sterna_secret_key *key, sterna_fault *fault)
{
    uint8_t blob[SECRET_BLOB] = {'E', 'd', 0, 0, 'B', '2'};
    char base64[2 * SECRET_BLOB], text[400];
    memcpy(blob + SECRET_KEY_AT, key->id, sizeof key->id);
    memcpy(blob + SECRET_KEY_AT + sizeof key->id, key->key, sizeof key->key);
    checksum(key, blob + SECRET_BLOB - CHECKSUM);
    sodium_bin2base64(base64, sizeof base64, blob, sizeof blob, sodium_base64_VARIANT_ORIGINAL);
    snprintf(text, sizeof text, "untrusted comment: minisign encrypted secret key\n%s\n", base64);
    sterna_status status = write_text(path, text, true, fault);
    sodium_memzero(blob, sizeof blob);
    sodium_memzero(base64, sizeof base64);
    sodium_memzero(text, sizeof text);
    return status;
}

void sterna_secret_key_wipe(sterna_secret_key *key)
{
    sodium_memzero(key, sizeof *key);
}
