/* What the tests of this room share: a recorded generation of a small golden model. */
#ifndef RECEIPT_RIG_H
#define RECEIPT_RIG_H

#include "base/mem.h"
#include "format/envelope.h"
#include "judge/verify.h"
#include "record/record.h"
#include "runner.h"
#include <string.h>

#define RIG_MODEL "golden/models/stories260K-q8_0.gguf"

static const sterna_build rig_build = {"0.1.0", "0000000", "test", "Test", "-O0"};

/* Runs `model` on `device` for n_predict tokens and records it. */
static inline sterna_status rig_record(sterna_test *t, const char *model_path, const char *device,
                                       uint32_t n_predict, float temperature, sterna_receipt *receipt,
                                       sterna_fault *fault)
{
    static const uint32_t prompt[] = {1, 403, 407, 261, 378};
    sterna_model *model = NULL;
    sterna_session *session = NULL;
    sterna_record *record = NULL;
    sterna_session_params params = {.size = sizeof params, .device = device, .n_ctx = 64, .threads = 1};
    sterna_generate_params generate = {.size = sizeof generate,
                                       .prompt = prompt,
                                       .n_prompt = 5,
                                       .n_predict = n_predict,
                                       .ignore_end = 1,
                                       .sampling = {.size = sizeof(sterna_sampling),
                                                    .seed = 0xfedcba9876543210u,
                                                    .temperature = temperature,
                                                    .top_p = 0.95f}};
    sterna_generate_result result;
    sterna_status status = sterna_model_open(sterna_test_repo(t, model_path), &model, fault);
    if (status == STERNA_OK) status = sterna_session_open(model, &params, &session, fault);
    if (status == STERNA_OK)
        status = sterna_record_begin(session, &generate, "run", &rig_build, false, &record, fault);
    if (status == STERNA_OK) status = sterna_generate(session, &generate, NULL, NULL, &result, fault);
    if (status == STERNA_OK) status = sterna_record_end(record, &result, receipt, fault);
    sterna_session_close(session);
    sterna_record_free(record);
    sterna_model_close(model);
    return status;
}

/* The receipt's envelope, signed when key is not NULL. */
static inline sterna_status rig_envelope(const sterna_receipt *receipt, const sterna_secret_key *key,
                                         char **text, size_t *bytes)
{
    char *payload;
    size_t payload_bytes;
    sterna_status status = sterna_receipt_write(receipt, &payload, &payload_bytes, NULL);
    if (status != STERNA_OK) return status;
    status = sterna_envelope_write(payload, payload_bytes, key, text, bytes, NULL);
    sterna_free(payload);
    return status;
}

/* Writes, signs and judges a receipt as a verifier with the right key would. */
static inline sterna_status rig_verify(const sterna_receipt *receipt, const sterna_verify_params *more,
                                       sterna_verify_report *report)
{
    sterna_public_key public_key;
    sterna_secret_key secret_key;
    sterna_verify_params params = *more;
    char *text;
    size_t bytes;
    *report = (sterna_verify_report){0};
    sterna_status status = sterna_key_make(&public_key, &secret_key, NULL);
    if (status == STERNA_OK) status = rig_envelope(receipt, &secret_key, &text, &bytes);
    if (status != STERNA_OK) return status;
    params.key = &public_key;
    status = sterna_verify_text(text, bytes, &params, report);
    sterna_free(text);
    return status;
}

#endif
