/* The pass runs in pieces of a few rows, so that logits of a long text need little memory. */
#include "judge/replay.h"
#include "base/mem.h"
#include "base/sys.h"
#include "judge/chain.h"
#include "session/session.h"
#include <stdio.h>
#include <string.h>

enum { ROWS = 64 };

typedef struct pass {
    const sterna_receipt *receipt;
    sterna_session *session;
    uint32_t *ids, *positions, *order;
    uint8_t *wanted; /* [n_ids] */
    uint32_t n_ids, n_vocab;
    uint8_t digest[STERNA_HASH_BYTES];
    sterna_sampling sampling;
    sterna_replay_result *result;
    sterna_finding *finding;
} pass;

static sterna_status differs(pass *p, uint32_t step, const char *what, const char *expected,
                             const char *found, sterna_fault *fault)
{
    char field[64];
    snprintf(field, sizeof field, "%s[%u]", what, step);
    p->finding->name = "replay";
    sterna_finding_set(p->finding, field, expected, "%s", found);
    return sterna_fail(fault, STERNA_INVALID, "replay: %s differs on %s", field, p->result->device);
}

/* Compares step `i`, whose logits lie in row `row` of the present piece. */
static sterna_status compare(pass *p, uint32_t i, uint32_t row, sterna_fault *fault)
{
    const sterna_receipt *r = p->receipt;
    const float *logits = sterna_session_logits(p->session, row);
    char expected[2 * STERNA_HASH_BYTES + 1], found[2 * STERNA_HASH_BYTES + 1];
    uint32_t token;
    if (!logits) return sterna_fail(fault, STERNA_INTERNAL, "replay: no logits of step %u", i);
    sterna_chain_step(r->tokens[i], logits, p->n_vocab, p->digest);
    if (memcmp(p->digest, r->steps[i], STERNA_HASH_BYTES) != 0) {
        sterna_hash_hex(p->digest, expected);
        sterna_hash_hex(r->steps[i], found);
        return differs(p, i, "steps", expected, found, fault);
    }
    sterna_status status =
        sterna_sample(&p->sampling, logits, p->n_vocab, r->n_prompt - 1 + i, 0, p->order, &token, fault);
    if (status != STERNA_OK) return status;
    if (token != r->tokens[i]) {
        snprintf(expected, sizeof expected, "%u, which sampling draws", token);
        snprintf(found, sizeof found, "%u", r->tokens[i]);
        return differs(p, i, "tokens", expected, found, fault);
    }
    p->result->steps++;
    return STERNA_OK;
}

static sterna_status check_ids(pass *p, sterna_fault *fault)
{
    char expected[64], found[16];
    for (uint32_t i = 0; i < p->n_ids; i++) {
        if (p->ids[i] < p->n_vocab) continue;
        bool prompt = i < p->receipt->n_prompt;
        snprintf(expected, sizeof expected, "an id below %u, the size of the vocabulary", p->n_vocab);
        snprintf(found, sizeof found, "%u", p->ids[i]);
        return differs(p, prompt ? i : i - p->receipt->n_prompt, prompt ? "prompt" : "tokens", expected,
                       found, fault);
    }
    return STERNA_OK;
}

static sterna_status run_pieces(pass *p, sterna_fault *fault)
{
    const sterna_receipt *r = p->receipt;
    sterna_status status = STERNA_OK;
    for (uint32_t first = 0; status == STERNA_OK && first < p->n_ids; first += ROWS) {
        uint32_t n = p->n_ids - first < ROWS ? p->n_ids - first : ROWS;
        sterna_batch batch = {n, p->ids + first, p->positions + first, NULL, p->wanted + first};
        status = sterna_session_run(p->session, &batch, fault);
        for (uint32_t i = 0, row = 0; status == STERNA_OK && i < n; i++)
            if (p->wanted[first + i]) status = compare(p, first + i - (r->n_prompt - 1), row++, fault);
    }
    return status;
}

static sterna_status prepare(pass *p, sterna_model *model, const char *device, uint32_t threads,
                             sterna_fault *fault)
{
    const sterna_receipt *r = p->receipt;
    sterna_session_params params = {.size = sizeof params,
                                    .device = device,
                                    .threads = threads,
                                    .n_ctx = p->n_ids,
                                    .n_batch = ROWS,
                                    .n_logits = ROWS,
                                    .kv_type =
                                        strcmp(r->session.kv_type, "f32") ? STERNA_KV_F16 : STERNA_KV_F32};
    p->ids = sterna_alloc(p->n_ids, sizeof *p->ids);
    p->positions = sterna_alloc(p->n_ids, sizeof *p->positions);
    p->wanted = sterna_alloc(p->n_ids, 1);
    p->order = sterna_alloc(p->n_vocab, sizeof *p->order);
    if (!p->ids || !p->positions || !p->wanted || !p->order)
        return sterna_fail(fault, STERNA_MEMORY, "replay: out of memory for %u tokens", p->n_ids);
    for (uint32_t i = 0; i < p->n_ids; i++) {
        p->ids[i] = i < r->n_prompt ? r->prompt[i] : r->tokens[i - r->n_prompt];
        p->positions[i] = i;
        p->wanted[i] = i + 1 >= r->n_prompt;
    }
    snprintf(p->result->device, sizeof p->result->device, "%s", device);
    sterna_status status = check_ids(p, fault);
    if (status == STERNA_OK) status = sterna_session_open(model, &params, &p->session, fault);
    if (status == STERNA_OK)
        snprintf(p->result->device, sizeof p->result->device, "%s", p->session->device.spec);
    return status;
}

sterna_status sterna_replay(sterna_model *model, const sterna_receipt *r, const char *device,
                            uint32_t threads, sterna_replay_result *result, sterna_finding *finding,
                            sterna_fault *fault)
{
    sterna_model_info info = {.size = sizeof info};
    *result = (sterna_replay_result){0};
    if (!r->generated || strcmp(r->device.profile, "exact") != 0)
        return sterna_fail(fault, STERNA_NOTHING, "replay: a receipt of %s has no bits to compute again",
                           r->generated ? "the fast profile" : "a check");
    if (r->n_prompt == 0 || r->n_tokens == 0 || r->n_steps != r->n_tokens)
        return sterna_fail(fault, STERNA_NOTHING, "replay: the receipt has no tokens with digests");
    double began = sterna_sys_now();
    sterna_model_get_info(model, &info);
    /* The last token was drawn and never computed with. */
    pass p = {.receipt = r,
              .n_ids = r->n_prompt + r->n_tokens - 1,
              .n_vocab = info.n_vocab,
              .result = result,
              .finding = finding};
    p.sampling = (sterna_sampling){.size = sizeof p.sampling,
                                   .seed = r->sampling.seed,
                                   .temperature = (float)r->sampling.temperature,
                                   .top_k = (uint32_t)r->sampling.top_k,
                                   .top_p = (float)r->sampling.top_p,
                                   .min_p = (float)r->sampling.min_p};
    sterna_status status =
        sterna_model_hash(model, threads ? threads : sterna_sys_processors(), p.digest, fault);
    if (status == STERNA_OK) {
        sterna_chain_start(p.digest, r->prompt, r->n_prompt, p.digest);
        status = prepare(&p, model, device ? device : "cpu", threads, fault);
    }
    if (status == STERNA_OK) status = run_pieces(&p, fault);
    result->seconds = sterna_sys_now() - began;
    sterna_session_close(p.session);
    sterna_free(p.ids);
    sterna_free(p.positions);
    sterna_free(p.wanted);
    sterna_free(p.order);
    return status;
}
