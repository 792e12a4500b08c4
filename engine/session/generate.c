/* Prompt in, tokens out: prefill, then one row at a time. */
#include "base/mem.h"
#include "base/sys.h"
#include "session/session.h"

static sterna_status run_prompt(sterna_session *s, const sterna_generate_params *p, uint32_t start,
                                sterna_fault *fault)
{
    uint32_t *words = sterna_alloc((size_t)p->n_prompt * 2, sizeof *words);
    if (!words)
        return sterna_fail(fault, STERNA_MEMORY, "out of memory for a prompt of %u tokens", p->n_prompt);
    for (uint32_t i = 0; i < p->n_prompt; i++) {
        words[i] = start + i;
        words[p->n_prompt + i] = p->sequence;
    }
    sterna_batch batch = {p->n_prompt, p->prompt, words, words + p->n_prompt, NULL};
    sterna_status status = sterna_session_run(s, &batch, fault);
    sterna_free(words);
    return status;
}

/* Draws from the last logits and tells everybody. */
static sterna_status draw(sterna_session *s, const sterna_generate_params *p, uint32_t position,
                          uint32_t *order, uint32_t *token, sterna_fault *fault)
{
    sterna_status status = sterna_sample(&p->sampling, sterna_session_logits(s, 0), s->model->h.n_vocab,
                                         position, p->sequence, order, token, fault);
    if (status != STERNA_OK) return status;
    sterna_event event = {
        .kind = STERNA_EVENT_TOKEN, .sequence = p->sequence, .position = position, .token = *token};
    status = sterna_session_publish(s, &event);
    return status == STERNA_OK ? status : sterna_fail(fault, status, "a listener stopped the generation");
}

static sterna_status check(const sterna_session *s, const sterna_generate_params *p, uint32_t start,
                           sterna_fault *fault)
{
    if (p->n_prompt == 0) return sterna_fail(fault, STERNA_USAGE, "an empty prompt: give at least one token");
    if (p->sequence >= s->params.n_seqs)
        return sterna_fail(fault, STERNA_USAGE, "sequence %u of %u", p->sequence, s->params.n_seqs);
    /* The last token drawn is not computed, so it needs no place. */
    uint64_t needed = (uint64_t)start + p->n_prompt + (p->n_predict ? p->n_predict - 1 : 0);
    if (needed > s->params.n_ctx)
        return sterna_fail(
            fault, STERNA_USAGE,
            "%u tokens of prompt and %u to predict need %llu positions, the context has %u: use a larger "
            "context (-c) or fewer tokens (-n)",
            p->n_prompt, p->n_predict, (unsigned long long)needed, s->params.n_ctx);
    return STERNA_OK;
}

static sterna_status decode(sterna_session *s, const sterna_generate_params *p, uint32_t position,
                            uint32_t *order, sterna_status (*on_token)(void *, uint32_t), void *context,
                            sterna_generate_result *result, sterna_fault *fault)
{
    while (result->n_tokens < p->n_predict) {
        uint32_t token;
        sterna_status status = draw(s, p, position, order, &token, fault);
        if (status != STERNA_OK) return status;
        result->n_tokens++;
        result->ended = sterna_token_is_end(s->model, token) ? 1 : 0;
        if (on_token) {
            status = on_token(context, token);
            if (status != STERNA_OK) return sterna_fail(fault, status, "the receiver of the tokens stopped");
        }
        if ((result->ended && !p->ignore_end) || result->n_tokens == p->n_predict) return STERNA_OK;
        position++;
        sterna_batch batch = {1, &token, &position, &p->sequence, NULL};
        status = sterna_session_run(s, &batch, fault);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}

sterna_status sterna_generate(sterna_session *s, const sterna_generate_params *p,
                              sterna_status (*on_token)(void *context, uint32_t token), void *context,
                              sterna_generate_result *result, sterna_fault *fault)
{
    uint32_t start = sterna_session_length(s, p->sequence);
    *result = (sterna_generate_result){.size = sizeof *result};
    sterna_status status = check(s, p, start, fault);
    if (status != STERNA_OK) return status;
    uint32_t *order = sterna_alloc(s->model->h.n_vocab, sizeof *order);
    if (!order) return sterna_fail(fault, STERNA_MEMORY, "out of memory for sampling");
    sterna_event event = {.kind = STERNA_EVENT_PROMPT,
                          .sequence = p->sequence,
                          .position = start,
                          .ids = p->prompt,
                          .n_ids = p->n_prompt};
    double began = sterna_sys_now();
    status = sterna_session_publish(s, &event);
    if (status != STERNA_OK)
        sterna_fail(fault, status, "a listener stopped the generation");
    else
        status = run_prompt(s, p, start, fault);
    double prompted = sterna_sys_now();
    result->prompt_seconds = prompted - began;
    if (status == STERNA_OK) {
        result->n_prompt = p->n_prompt;
        status = decode(s, p, start + p->n_prompt - 1, order, on_token, context, result, fault);
        result->decode_seconds = sterna_sys_now() - prompted;
    }
    sterna_free(order);
    return status;
}
