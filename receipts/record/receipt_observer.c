/* The listener: keeps prompt, tokens and the digest after each, and at the end turns session and result into
 * a receipt. */
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "formats/format.h"
#include "judge/chain.h"
#include "record/record.h"
#include "session/session.h"
#include <stdio.h>
#include <string.h>

struct sterna_record {
    sterna_session *session;
    sterna_build build;
    sterna_sampling sampling;
    char kind[8];
    uint64_t verified, different; /* values of the device compared with the reference */
    bool strict, begun, broken;   /* broken: events that no single generation has */
    uint32_t sequence, asked, position, n_prompt, n_tokens;
    uint32_t *prompt, *tokens;           /* tokens: [asked] */
    uint8_t (*steps)[STERNA_HASH_BYTES]; /* [asked] */
    uint8_t root[STERNA_HASH_BYTES], start[STERNA_HASH_BYTES], digest[STERNA_HASH_BYTES];
    const float *logits; /* of the present step; valid until the session's next run */
    uint32_t n_logits;
};

static sterna_status on_prompt(sterna_record *r, const sterna_event *event)
{
    if (r->begun || event->position != 0 || event->n_ids == 0) {
        r->broken = true;
        return STERNA_OK;
    }
    r->prompt = sterna_alloc(event->n_ids, sizeof *r->prompt);
    if (!r->prompt) return STERNA_MEMORY;
    memcpy(r->prompt, event->ids, event->n_ids * sizeof *r->prompt);
    r->n_prompt = event->n_ids;
    sterna_chain_start(r->root, r->prompt, r->n_prompt, r->start);
    memcpy(r->digest, r->start, sizeof r->digest);
    r->begun = true;
    return STERNA_OK;
}

static void on_token(sterna_record *r, const sterna_event *event)
{
    /* A token drawn from logits that this listener has not seen has no digest. */
    if (!r->begun || !r->logits || r->position != event->position || r->n_tokens == r->asked ||
        event->position != r->n_prompt - 1 + r->n_tokens) {
        r->broken = true;
        return;
    }
    sterna_chain_step(event->token, r->logits, r->n_logits, r->digest);
    r->tokens[r->n_tokens] = event->token;
    memcpy(r->steps[r->n_tokens++], r->digest, STERNA_HASH_BYTES);
    r->logits = NULL;
}

static sterna_status listen(void *context, const sterna_event *event)
{
    sterna_record *r = context;
    if (event->sequence != r->sequence) return STERNA_OK;
    if (event->kind == STERNA_EVENT_PROMPT) return on_prompt(r, event);
    if (event->kind == STERNA_EVENT_TOKEN) on_token(r, event);
    if (event->kind == STERNA_EVENT_LOGITS) {
        r->logits = event->logits;
        r->n_logits = event->n_logits;
        r->position = event->position;
    }
    return STERNA_OK;
}

sterna_status sterna_record_begin(sterna_session *session, const sterna_generate_params *params,
                                  const char *kind, const sterna_build *build, bool strict,
                                  sterna_record **out, sterna_fault *fault)
{
    if (sterna_session_length(session, params->sequence) != 0)
        return sterna_fail(fault, STERNA_USAGE,
                           "receipt: the sequence holds tokens already; begin with an empty one");
    if (params->n_predict == 0 || params->n_predict > STERNA_RECEIPT_TOKENS_MAX)
        return sterna_fail(fault, STERNA_USAGE, "receipt: %u tokens to write; 1 to %d can be recorded",
                           params->n_predict, STERNA_RECEIPT_TOKENS_MAX);
    sterna_record *r = sterna_alloc(1, sizeof *r);
    if (!r) return sterna_fail(fault, STERNA_MEMORY, "receipt: out of memory");
    *r = (sterna_record){.session = session,
                         .build = *build,
                         .sampling = params->sampling,
                         .strict = strict,
                         .sequence = params->sequence,
                         .asked = params->n_predict};
    r->tokens = sterna_alloc(r->asked, sizeof *r->tokens);
    r->steps = sterna_alloc(r->asked, sizeof *r->steps);
    sterna_status status =
        r->tokens && r->steps ? STERNA_OK : sterna_fail(fault, STERNA_MEMORY, "receipt: out of memory");
    snprintf(r->kind, sizeof r->kind, "%s", kind);
    if (status == STERNA_OK) status = sterna_session_verify(session, &r->verified, &r->different, fault);
    if (status == STERNA_OK)
        status = sterna_model_hash(session->model, sterna_sys_processors(), r->root, fault);
    if (status == STERNA_OK) {
        status = sterna_session_observe(
            session, STERNA_EVENT_PROMPT | STERNA_EVENT_LOGITS | STERNA_EVENT_TOKEN, listen, r);
        if (status != STERNA_OK)
            sterna_fail(fault, status, "receipt: the session has no place for another listener");
    }
    if (status != STERNA_OK) {
        sterna_record_free(r);
        return status;
    }
    *out = r;
    return STERNA_OK;
}

void sterna_record_free(sterna_record *r)
{
    if (!r) return;
    sterna_free(r->prompt);
    sterna_free(r->tokens);
    sterna_free(r->steps);
    sterna_free(r);
}

/* Adds a tensor to the row of its format. */
static void count_tensor(sterna_receipt *r, const sterna_model_tensor *tensor)
{
    const sterna_format *format = sterna_format_find(tensor->format);
    const char *name = format ? format->name : "?";
    uint32_t i = 0;
    while (i < r->n_weights && strcmp(r->weights[i].format, name) != 0) i++;
    if (i == STERNA_RECEIPT_WEIGHTS_MAX) return;
    if (i == r->n_weights)
        snprintf(r->weights[r->n_weights++].format, sizeof r->weights[i].format, "%s", name);
    r->weights[i].tensors++;
    r->weights[i].bytes = sterna_sat_add(r->weights[i].bytes, tensor->bytes);
}

/* A matrix may stand in the graph twice (embedding and output of a tied model); it lies in memory once. */
static bool seen_before(const sterna_graph *g, uint32_t w)
{
    bool seen = false;
    for (uint32_t i = 0; i < w; i++) seen = seen || g->weights[i].tensor->data == g->weights[w].tensor->data;
    return seen;
}

/* Which weights a step multiplies with: all that a node other than the embedding's takes. */
static uint64_t bytes_of_step(const sterna_graph *g)
{
    uint64_t bytes = 0;
    for (uint32_t w = 0; w < g->n_weights; w++) {
        bool read = false;
        for (uint32_t i = 0; i < g->n_nodes && !read; i++)
            for (uint32_t a = 0; a < g->nodes[i].n_args; a++)
                read = read ||
                       (g->nodes[i].op != STERNA_OP_embed && g->nodes[i].args[a].kind == STERNA_ARG_WEIGHT &&
                        g->weights[g->nodes[i].args[a].number].tensor->data == g->weights[w].tensor->data);
        if (read && !seen_before(g, w)) bytes = sterna_sat_add(bytes, g->weights[w].tensor->bytes);
    }
    return bytes;
}

static sterna_status describe_model(const sterna_record *record, sterna_receipt *r, sterna_fault *fault)
{
    const sterna_model *model = record->session->model;
    sterna_model_info info = {.size = sizeof info};
    sterna_receipt_model *m = &r->model;
    sterna_model_get_info(model, &info);
    sterna_receipt_text(m->name, sizeof m->name, info.name);
    sterna_receipt_text(m->architecture, sizeof m->architecture, info.architecture);
    memcpy(m->merkle, record->root, sizeof m->merkle);
    m->file_bytes = info.file_bytes;
    m->parameters = info.parameters;
    m->layers = info.n_layers;
    m->embedding = info.n_embd;
    m->heads = info.n_heads;
    m->kv_heads = info.n_kv_heads;
    m->head_dim = info.head_dim;
    m->feed_forward = info.n_ff;
    m->vocabulary = info.n_vocab;
    m->step_bytes = bytes_of_step(record->session->graph);
    r->weights = sterna_alloc(STERNA_RECEIPT_WEIGHTS_MAX, sizeof *r->weights);
    if (!r->weights) return sterna_fail(fault, STERNA_MEMORY, "receipt: out of memory");
    const sterna_graph *g = record->session->graph;
    for (uint32_t i = 0; i < g->n_weights; i++)
        if (!seen_before(g, i)) count_tensor(r, g->weights[i].tensor);
    return STERNA_OK;
}

static void describe_run(sterna_record *record, const sterna_generate_result *result, sterna_receipt *r)
{
    const sterna_session_params *p = &record->session->params;
    const sterna_sampling *s = &record->sampling;
    r->session = (sterna_receipt_session){.context = p->n_ctx, .batch = p->n_batch, .page = p->page_size};
    snprintf(r->session.kv_type, sizeof r->session.kv_type, "%s",
             p->kv_type == STERNA_KV_F32 ? "f32" : "f16");
    r->sampling = (sterna_receipt_sampling){.seed = s->seed,
                                            .temperature = s->temperature,
                                            .top_k = s->top_k,
                                            .top_p = s->top_p,
                                            .min_p = s->min_p,
                                            .asked = record->asked};
    snprintf(r->chain.algorithm, sizeof r->chain.algorithm, "sha256");
    memcpy(r->chain.start, record->start, sizeof r->chain.start);
    memcpy(r->chain.end, record->digest, sizeof r->chain.end);
    /* The receipt takes the lists over. */
    r->prompt = record->prompt;
    r->tokens = record->tokens;
    r->steps = record->steps;
    record->prompt = record->tokens = NULL;
    record->steps = NULL;
    r->n_prompt = record->n_prompt;
    r->n_tokens = r->n_steps = record->n_tokens;
    r->speed.prompt_seconds = result->prompt_seconds;
    r->speed.decode_steps = record->n_tokens - 1;
    r->speed.decode_seconds = r->speed.decode_steps ? result->decode_seconds : 0;
    r->speed.tokens_per_second =
        r->speed.decode_steps ? (double)r->speed.decode_steps / r->speed.decode_seconds : 0;
    r->speed.bytes_moved = sterna_sat_mul(r->speed.decode_steps, r->model.step_bytes);
}

static sterna_status describe_device(const sterna_record *record, sterna_receipt *r, sterna_fault *fault)
{
    sterna_session *s = record->session;
    sterna_kernel_use *uses = NULL;
    uint32_t n = sterna_session_kernels(s, NULL, 0);
    if (n > STERNA_RECEIPT_KERNELS_MAX)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "receipt: %u kernels, at most %d can be listed", n,
                           STERNA_RECEIPT_KERNELS_MAX);
    uses = sterna_alloc(n, sizeof *uses);
    if (!uses) return sterna_fail(fault, STERNA_MEMORY, "receipt: out of memory for %u kernels", n);
    n = sterna_session_kernels(s, uses, n);
    sterna_status status = sterna_record_facts(s->device.snapshot, &s->device.info, s->params.profile, uses,
                                               n, &record->build, record->strict, r, fault);
    sterna_free(uses);
    return status;
}

sterna_status sterna_record_end(sterna_record *record, const sterna_generate_result *result,
                                sterna_receipt *r, sterna_fault *fault)
{
    *r = (sterna_receipt){.generated = true};
    if (record->broken || record->n_tokens == 0 || record->n_tokens != result->n_tokens)
        return sterna_fail(fault, STERNA_FAILED,
                           "receipt: not one generation from an empty sequence: %u tokens seen, %u reported",
                           record->n_tokens, result->n_tokens);
    memcpy(r->head.kind, record->kind, sizeof r->head.kind);
    r->device.verified_values = record->verified;
    r->device.different_values = record->different;
    sterna_status status = describe_device(record, r, fault);
    if (status == STERNA_OK) status = describe_model(record, r, fault);
    if (status == STERNA_OK) describe_run(record, result, r);
    if (status == STERNA_OK)
        status = sterna_measure_bandwidth(r->model.step_bytes, record->session->device.info.threads,
                                          &r->speed.bandwidth, fault);
    if (status != STERNA_OK) sterna_receipt_free(r);
    return status;
}
