/* The running digest of a generation: a listener, as receipts will be.
 * D0 = SHA-256(root || prompt ids), Di = SHA-256(D(i-1) || token || logits), words little-endian. */
#include "base/hash.h"
#include "base/mem.h"
#include "session/session.h"
#include <string.h>

struct sterna_digest {
    uint8_t root[STERNA_HASH_BYTES], value[STERNA_HASH_BYTES];
    uint32_t sequence, tokens;
    const float *logits; /* of the present step; valid until the session's next run */
    uint32_t n_logits;
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are hashed as they lie in memory");

static sterna_status listen(void *context, const sterna_event *event)
{
    sterna_digest *digest = context;
    sterna_sha256 state;
    if (event->sequence != digest->sequence) return STERNA_OK;
    switch (event->kind) {
    case STERNA_EVENT_PROMPT:
        sterna_sha256_init(&state);
        sterna_sha256_update(&state, digest->root, sizeof digest->root);
        sterna_sha256_update(&state, event->ids, event->n_ids * sizeof *event->ids);
        sterna_sha256_final(&state, digest->value);
        digest->tokens = 0;
        break;
    case STERNA_EVENT_LOGITS:
        digest->logits = event->logits;
        digest->n_logits = event->n_logits;
        break;
    case STERNA_EVENT_TOKEN:
        sterna_sha256_init(&state);
        sterna_sha256_update(&state, digest->value, sizeof digest->value);
        sterna_sha256_update(&state, &event->token, sizeof event->token);
        sterna_sha256_update(&state, digest->logits, digest->n_logits * sizeof *digest->logits);
        sterna_sha256_final(&state, digest->value);
        digest->tokens++;
        break;
    case STERNA_EVENT_OP:
        break;
    }
    return STERNA_OK;
}

sterna_status sterna_digest_attach(sterna_session *session, const uint8_t model_root[32], uint32_t sequence,
                                   sterna_digest **out, sterna_fault *fault)
{
    sterna_digest *digest = sterna_alloc(1, sizeof *digest);
    if (!digest) return sterna_fail(fault, STERNA_MEMORY, "out of memory for a digest");
    memcpy(digest->root, model_root, sizeof digest->root);
    digest->sequence = sequence;
    sterna_status status = sterna_session_observe(
        session, STERNA_EVENT_PROMPT | STERNA_EVENT_LOGITS | STERNA_EVENT_TOKEN, listen, digest);
    if (status != STERNA_OK) {
        sterna_free(digest);
        return sterna_fail(fault, status, "no place for another listener");
    }
    *out = digest;
    return STERNA_OK;
}

uint32_t sterna_digest_get(const sterna_digest *digest, uint8_t value[32])
{
    memcpy(value, digest->value, sizeof digest->value);
    return digest->tokens;
}

void sterna_digest_free(sterna_digest *digest)
{
    sterna_free(digest);
}
