/* The signed envelope around a payload: DSSE 1.0.2 (github.com/secure-systems-lab/dsse, protocol.md,
 * envelope.md). Owns: base64, the pre-authentication encoding, Ed25519. Leaves to others: what the payload
 * says (receipt.h).
 *
 *   {"payload": base64, "payloadType": "application/vnd.sterna.receipt+json",
 *    "signatures": [{"keyid": "16 hex digits", "sig": base64}]}
 *
 * What is signed is "DSSEv1" SP length SP type SP length SP payload: the payload's bytes as they were
 * written, so nothing has to be put into a canonical form, and they are judged before they are parsed.
 * `keyid` is a hint. */
#ifndef STERNA_ENVELOPE_H
#define STERNA_ENVELOPE_H

#include "format/keys.h"
#include <stdbool.h>
#include <stddef.h>

#define STERNA_PAYLOAD_TYPE "application/vnd.sterna.receipt+json"

enum { STERNA_SIGNATURES_MAX = 16 };

typedef struct sterna_envelope {
    char *payload; /* owned: sterna_free, or sterna_envelope_free */
    size_t payload_bytes;
    uint8_t signatures[STERNA_SIGNATURES_MAX][STERNA_SIGNATURE_BYTES];
    char keyids[STERNA_SIGNATURES_MAX][17];
    uint32_t n_signatures; /* 0: unsigned */
} sterna_envelope;

/* The envelope's text; key NULL: without a signature. The caller frees *text. */
sterna_status sterna_envelope_write(const char *payload, size_t bytes, const sterna_secret_key *key,
                                    char **text, size_t *text_bytes, sterna_fault *fault);
/* FILE when it is not an envelope of a receipt. Free it in any case. */
sterna_status sterna_envelope_parse(const char *text, size_t bytes, sterna_envelope *envelope,
                                    sterna_fault *fault);
void sterna_envelope_free(sterna_envelope *envelope);

/* Does one of the signatures hold for this key, over the payload as it stands? MEMORY when it cannot be told. */
sterna_status sterna_envelope_verify(const sterna_envelope *envelope, const sterna_public_key *key,
                                     bool *holds, sterna_fault *fault);

#endif
