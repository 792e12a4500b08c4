/* A small receipt of a generation, with every kind of field filled. */
#include "signed_seed.h"
#include "base/mem.h"
#include "format/receipt.h"
#include "fuzz.h"
#include <sodium/crypto_sign_ed25519.h>
#include <stdio.h>
#include <string.h>

static char *payload;
static size_t payload_bytes;

static void fill(sterna_receipt *r)
{
    snprintf(r->head.schema, sizeof r->head.schema, "%s", STERNA_RECEIPT_SCHEMA);
    snprintf(r->head.kind, sizeof r->head.kind, "run");
    snprintf(r->head.created, sizeof r->head.created, "2026-01-31T12:00:00Z");
    snprintf(r->head.compute_path, sizeof r->head.compute_path, "real");
    snprintf(r->device.requested, sizeof r->device.requested, "cpu");
    snprintf(r->device.detected, sizeof r->device.detected, "cpu:scalar,mock");
    snprintf(r->device.selected, sizeof r->device.selected, "cpu:scalar");
    snprintf(r->device.profile, sizeof r->device.profile, "exact");
    snprintf(r->session.kv_type, sizeof r->session.kv_type, "f16");
    snprintf(r->chain.algorithm, sizeof r->chain.algorithm, "sha256");
    r->generated = true;
    r->sampling.seed = UINT64_MAX;
    r->sampling.top_p = 1.0;
    r->speed.decode_seconds = 0.25;
    r->model.vocabulary = 512;
}

bool sterna_fuzz_payload(char **text, size_t *bytes)
{
    static uint32_t ids[] = {1, 403};
    static uint8_t steps[2][STERNA_HASH_BYTES] = {{1}, {2}};
    sterna_receipt_kernel kernel = {.name = "rmsnorm/scalar", .launches = 3, .has_code = true};
    sterna_receipt_weight weight = {.format = "Q8_0", .tensors = 1, .bytes = 34};
    sterna_receipt r = {
        .prompt = ids, .tokens = ids, .steps = steps, .n_prompt = 2, .n_tokens = 2, .n_steps = 2};
    r.kernels = &kernel, r.n_kernels = 1;
    r.weights = &weight, r.n_weights = 1;
    fill(&r);
    if (!payload && sterna_receipt_write(&r, &payload, &payload_bytes, NULL) != STERNA_OK) return false;
    *text = payload;
    *bytes = payload_bytes;
    return true;
}

void sterna_fuzz_payload_free(void)
{
    sterna_free(payload);
    payload = NULL;
}

void sterna_fuzz_key(sterna_public_key *public_key, sterna_secret_key *secret_key)
{
    static const uint8_t seed[crypto_sign_ed25519_SEEDBYTES];
    memset(public_key->id, 0x5A, sizeof public_key->id);
    memset(secret_key->id, 0x5A, sizeof secret_key->id);
    crypto_sign_ed25519_seed_keypair(public_key->key, secret_key->key, seed);
}
