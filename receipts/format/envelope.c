/* DSSE over libsodium. */
#include "format/envelope.h"
#include "base/mem.h"
#include "format/json_strict.h"
#include "format/receipt.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH = 3, VALUES = 64 };

/* "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload */
static sterna_status encode(const char *payload, size_t bytes, uint8_t **text, size_t *length,
                            sterna_fault *fault)
{
    char head[128];
    int n = snprintf(head, sizeof head, "DSSEv1 %zu %s %zu ", strlen(STERNA_PAYLOAD_TYPE),
                     STERNA_PAYLOAD_TYPE, bytes);
    *text = sterna_alloc((size_t)n + bytes, 1);
    if (!*text) return sterna_fail(fault, STERNA_MEMORY, "out of memory for signing %zu bytes", bytes);
    memcpy(*text, head, (size_t)n);
    if (bytes) memcpy(*text + n, payload, bytes);
    *length = (size_t)n + bytes;
    return STERNA_OK;
}

static sterna_status begin(sterna_fault *fault)
{
    return sodium_init() >= 0 ? STERNA_OK
                              : sterna_fail(fault, STERNA_DEVICE, "libsodium cannot be initialised");
}

static sterna_status sign(const char *payload, size_t bytes, const sterna_secret_key *key, char *signature,
                          size_t capacity, sterna_fault *fault)
{
    uint8_t *encoded, raw[STERNA_SIGNATURE_BYTES];
    size_t length = 0;
    sterna_status status = encode(payload, bytes, &encoded, &length, fault);
    if (status != STERNA_OK) return status;
    crypto_sign_detached(raw, NULL, encoded, length, key->key);
    sterna_free(encoded);
    sodium_bin2base64(signature, capacity, raw, sizeof raw, sodium_base64_VARIANT_ORIGINAL);
    return STERNA_OK;
}

sterna_status sterna_envelope_write(const char *payload, size_t bytes, const sterna_secret_key *key,
                                    char **out, size_t *out_bytes, sterna_fault *fault)
{
    char signature[128], keyid[17], tail[400];
    sterna_status status = begin(fault);
    if (status == STERNA_OK && key) status = sign(payload, bytes, key, signature, sizeof signature, fault);
    if (status != STERNA_OK) return status;
    if (key) sterna_key_id_text(key->id, keyid);
    int n =
        snprintf(tail, sizeof tail, "\",\n\"payloadType\":\"%s\",\n\"signatures\":[", STERNA_PAYLOAD_TYPE);
    if (key)
        n += snprintf(tail + n, sizeof tail - (size_t)n, "{\"keyid\":\"%s\",\"sig\":\"%s\"}", keyid,
                      signature);
    snprintf(tail + n, sizeof tail - (size_t)n, "]}\n");
    static const char head[] = "{\"payload\":\"";
    size_t base64 = sodium_base64_encoded_len(bytes, sodium_base64_VARIANT_ORIGINAL) - 1;
    size_t total = sizeof head - 1 + base64 + strlen(tail);
    char *text = sterna_alloc(total + 1, 1);
    if (!text) return sterna_fail(fault, STERNA_MEMORY, "out of memory for a receipt of %zu bytes", total);
    memcpy(text, head, sizeof head - 1);
    sodium_bin2base64(text + sizeof head - 1, base64 + 1, (const uint8_t *)payload, bytes,
                      sodium_base64_VARIANT_ORIGINAL);
    memcpy(text + sizeof head - 1 + base64, tail, strlen(tail) + 1);
    *out = text;
    *out_bytes = total;
    return STERNA_OK;
}

/* Both base64 alphabets are accepted, as DSSE demands; padding and stray bits are not. */
static bool decode(const char *text, uint8_t *to, size_t capacity, size_t *bytes)
{
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE};
    const char *end;
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        if (sodium_base642bin(to, capacity, text, strlen(text), NULL, bytes, &end, variants[i]) == 0 &&
            *end == '\0')
            return true;
    return false;
}

static sterna_status read_signature(const cJSON *item, sterna_envelope *e, sterna_fault *fault)
{
    const cJSON *keyid = cJSON_GetObjectItemCaseSensitive(item, "keyid");
    const cJSON *sig = cJSON_GetObjectItemCaseSensitive(item, "sig");
    size_t bytes;
    if (!cJSON_IsString(sig) ||
        !decode(sig->valuestring, e->signatures[e->n_signatures], STERNA_SIGNATURE_BYTES, &bytes) ||
        bytes != STERNA_SIGNATURE_BYTES)
        return sterna_fail(fault, STERNA_FILE, "envelope: a signature is not base64 of %d bytes",
                           STERNA_SIGNATURE_BYTES);
    if (keyid && (!cJSON_IsString(keyid) || strlen(keyid->valuestring) > 16))
        return sterna_fail(fault, STERNA_FILE, "envelope: keyid is not a string of at most 16 characters");
    snprintf(e->keyids[e->n_signatures++], sizeof e->keyids[0], "%s", keyid ? keyid->valuestring : "");
    return STERNA_OK;
}

static sterna_status read_envelope(const cJSON *root, sterna_envelope *e, sterna_fault *fault)
{
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(root, "payload");
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(root, "payloadType");
    const cJSON *signatures = cJSON_GetObjectItemCaseSensitive(root, "signatures");
    if (!cJSON_IsString(payload) || !cJSON_IsString(type) || !cJSON_IsArray(signatures))
        return sterna_fail(fault, STERNA_FILE,
                           "envelope: payload, payloadType and signatures are wanted (DSSE)");
    if (strcmp(type->valuestring, STERNA_PAYLOAD_TYPE) != 0)
        return sterna_fail(fault, STERNA_FILE, "envelope: payloadType is '%.60s', not " STERNA_PAYLOAD_TYPE,
                           type->valuestring);
    size_t capacity = strlen(payload->valuestring) / 4 * 3 + 3;
    e->payload = sterna_alloc(capacity + 1, 1);
    if (!e->payload) return sterna_fail(fault, STERNA_MEMORY, "envelope: out of memory for the payload");
    if (!decode(payload->valuestring, (uint8_t *)e->payload, capacity, &e->payload_bytes))
        return sterna_fail(fault, STERNA_FILE, "envelope: the payload is not base64");
    for (const cJSON *item = signatures->child; item; item = item->next) {
        if (e->n_signatures == STERNA_SIGNATURES_MAX)
            return sterna_fail(fault, STERNA_FILE, "envelope: more than %d signatures",
                               STERNA_SIGNATURES_MAX);
        sterna_status status = read_signature(item, e, fault);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}

sterna_status sterna_envelope_parse(const char *text, size_t bytes, sterna_envelope *e, sterna_fault *fault)
{
    cJSON *root;
    *e = (sterna_envelope){0};
    if (bytes > STERNA_RECEIPT_BYTES_MAX)
        return sterna_fail(fault, STERNA_FILE, "envelope: %zu bytes, at most %d are read", bytes,
                           STERNA_RECEIPT_BYTES_MAX);
    sterna_status status = sterna_json_strict("envelope", text, bytes, DEPTH, VALUES, &root, fault);
    if (status != STERNA_OK) return status;
    status = read_envelope(root, e, fault);
    cJSON_Delete(root);
    return status;
}

void sterna_envelope_free(sterna_envelope *envelope)
{
    sterna_free(envelope->payload);
    *envelope = (sterna_envelope){0};
}

sterna_status sterna_envelope_verify(const sterna_envelope *e, const sterna_public_key *key, bool *holds,
                                     sterna_fault *fault)
{
    uint8_t *encoded = NULL;
    size_t length = 0;
    *holds = false;
    sterna_status status = begin(fault);
    if (status == STERNA_OK) status = encode(e->payload, e->payload_bytes, &encoded, &length, fault);
    if (status != STERNA_OK) return status;
    for (uint32_t i = 0; i < e->n_signatures && !*holds; i++)
        *holds = crypto_sign_verify_detached(e->signatures[i], encoded, length, key->key) == 0;
    sterna_free(encoded);
    return STERNA_OK;
}
