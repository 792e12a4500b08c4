/* Running batches: slots, inputs, submissions, status words, logits, listeners. */
#include "session/session.h"
#include "base/size.h"
#include <inttypes.h>
#include <string.h>

static uint32_t sequence_of(const sterna_batch *batch, uint32_t row)
{
    return batch->sequences ? batch->sequences[row] : 0;
}
static int is_wanted(const sterna_batch *batch, uint32_t row)
{
    return batch->wanted ? batch->wanted[row] != 0 : row + 1 == batch->n;
}

sterna_status sterna_batch_check(const sterna_session *s, const sterna_batch *batch, sterna_fault *fault)
{
    uint32_t wanted = 0, *next = s->before; /* counted up here; left as the lengths before the run */
    if (batch->n == 0 || !batch->ids || !batch->positions)
        return sterna_fail(fault, STERNA_USAGE, "an empty batch");
    for (uint32_t q = 0; q < s->params.n_seqs; q++) next[q] = s->cache.length[q];
    for (uint32_t r = 0; r < batch->n; r++) {
        uint32_t q = sequence_of(batch, r);
        if (batch->ids[r] >= s->model->h.n_vocab)
            return sterna_fail(fault, STERNA_USAGE, "row %u: token %u, the vocabulary has %u", r,
                               batch->ids[r], s->model->h.n_vocab);
        if (q >= s->params.n_seqs)
            return sterna_fail(fault, STERNA_USAGE, "row %u: sequence %u of %u", r, q, s->params.n_seqs);
        if (batch->positions[r] != next[q])
            return sterna_fail(fault, STERNA_USAGE, "row %u: position %u of sequence %u, expected %u", r,
                               batch->positions[r], q, next[q]);
        if (++next[q] > s->params.n_ctx)
            return sterna_fail(fault, STERNA_MEMORY, "sequence %u would exceed the context of %u positions",
                               q, s->params.n_ctx);
        wanted += is_wanted(batch, r) ? 1 : 0;
    }
    if (wanted > s->params.n_logits)
        return sterna_fail(fault, STERNA_USAGE, "%u rows of logits wanted, the session keeps %u (n_logits)",
                           wanted, s->params.n_logits);
    for (uint32_t q = 0; q < s->params.n_seqs; q++) next[q] = s->cache.length[q];
    return STERNA_OK;
}

/* Inputs up to this size go to the device in one write with the gaps between them; each alone above it. */
#if STERNA_HOSTILE
enum { INPUTS_AT_ONCE = 0 };
#else
enum { INPUTS_AT_ONCE = 1 << 16 };
#endif

typedef struct step_input {
    uint32_t buffer;
    const uint32_t *words;
    uint32_t n;
} step_input;

static sterna_status write_inputs(sterna_session *s, const step_input *inputs, uint32_t count,
                                  sterna_fault *fault)
{
    const sterna_backend_api *api = s->device.api;
    uint64_t end = 0;
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t at = s->arena.places[inputs[i].buffer].offset, bytes = inputs[i].n * sizeof *inputs[i].words;
        memcpy(s->inputs + at, inputs[i].words, bytes);
        if (bytes) end = at + bytes;
    }
    if (end <= INPUTS_AT_ONCE)
        return api->buffer_write(s->device.device, s->blocks[0], 0, s->inputs, end, fault);
    for (uint32_t i = 0; i < count && status == STERNA_OK; i++)
        status = api->buffer_write(s->device.device, s->blocks[0], s->arena.places[inputs[i].buffer].offset,
                                   inputs[i].words, inputs[i].n * sizeof *inputs[i].words, fault);
    return status;
}

/* A submission that a timed-out wait left on the device has to end before anything new begins. */
static sterna_status settle(sterna_session *s, sterna_fault *fault)
{
    sterna_result result = {.size = sizeof result};
    sterna_fault why = {0};
    if (!s->unfinished) return STERNA_OK;
    sterna_status status = s->device.api->wait(s->device.device, s->unfinished, 0, &result, &why);
    if (status == STERNA_TIMEOUT)
        return sterna_fail(fault, status, "%s has not finished the submission before: %s", s->device.spec,
                           why.text);
    s->unfinished = 0;
    return status == STERNA_OK ? status : sterna_fail(fault, status, "%s: %s", s->device.spec, why.text);
}

sterna_status sterna_step_begin(sterna_session *s, const sterna_batch *batch, uint32_t first,
                                sterna_step *step, sterna_fault *fault)
{
    uint32_t n = batch->n - first < s->params.n_batch ? batch->n - first : s->params.n_batch;
    sterna_status status = settle(s, fault);
    if (status != STERNA_OK) return status;
    *step = (sterna_step){.batch = batch, .first = first, .n = n};
    for (uint32_t r = 0; r < n; r++) {
        s->slots[r] = sterna_kv_cache_append(&s->cache, sequence_of(batch, first + r));
        if (s->slots[r] == UINT32_MAX)
            return sterna_fail(fault, STERNA_MEMORY, "the cache of sequence %u is full",
                               sequence_of(batch, first + r));
        if (is_wanted(batch, first + r)) s->wanted[step->n_wanted++] = r;
    }
    step->slots[STERNA_SLOT_ROWS] = n;
    step->slots[STERNA_SLOT_LOGITS] = step->n_wanted ? step->n_wanted : 1;
    /* In the order of their places. */
    const step_input inputs[] = {
        {STERNA_BUF_ids, batch->ids + first, n},
        {STERNA_BUF_positions, batch->positions + first, n},
        {STERNA_BUF_sequences, batch->sequences ? batch->sequences + first : s->zeros, n},
        {STERNA_BUF_slots, s->slots, n},
        {STERNA_BUF_wanted, s->wanted, step->n_wanted},
    };
    status = write_inputs(s, inputs, (uint32_t)STERNA_COUNT(inputs), fault);
    if (status == STERNA_OK && s->cache.changed) {
        status =
            s->device.api->buffer_write(s->device.device, s->buffers[STERNA_BUF_pages], 0, s->cache.pages,
                                        (uint64_t)s->cache.n_pages * sizeof *s->cache.pages, fault);
        s->cache.changed = status != STERNA_OK;
    }
    return status;
}

uint32_t sterna_step_nodes(const sterna_session *s, const sterna_step *step)
{
    return step->n_wanted ? s->graph->n_nodes : s->graph->n_body;
}

/* What the status word says, as a sentence. */
static sterna_status judge(const sterna_session *s, const sterna_result *result, sterna_fault *fault)
{
    const sterna_graph *g = s->graph;
    if (result->status == STERNA_OK && result->flags == 0) return STERNA_OK;
    uint32_t node = result->node < g->n_nodes ? result->node : g->n_nodes - 1;
    const char *op = sterna_op_get(g->nodes[node].op)->name;
    if (result->status != STERNA_OK)
        return sterna_fail(fault, result->status, "%s failed in operation %s of layer %u", s->device.spec, op,
                           g->nodes[node].layer);
    const char *what = result->flags & STERNA_FLAG_NAN   ? "NaN"
                       : result->flags & STERNA_FLAG_INF ? "infinity"
                                                         : "a value out of range";
    return sterna_fail(fault, STERNA_NUMERIC, "operation %s of layer %u met %s on %s", op,
                       g->nodes[node].layer, what, s->device.spec);
}

sterna_status sterna_step_run(sterna_session *s, const sterna_step *step, uint32_t node, uint32_t count,
                              sterna_fault *fault)
{
    sterna_fence fence = 0;
    sterna_result result = {.size = sizeof result};
    const sterna_backend_api *api = s->device.api;
    sterna_status status = settle(s, fault);
    if (status == STERNA_OK)
        status = api->submit(s->device.device, s->plan, node, count, step->slots, &fence, fault);
    if (status != STERNA_OK) return status;
    status = api->wait(s->device.device, fence, 0, &result, fault);
    if (status == STERNA_TIMEOUT) s->unfinished = fence;
    if (status != STERNA_OK && result.status == STERNA_OK) return status; /* the wait itself failed */
    return judge(s, &result, fault);
}

uint32_t sterna_step_outputs(const sterna_session *s, const sterna_step *step, uint32_t node, uint32_t *args,
                             uint64_t *bytes)
{
    const sterna_plan_node *n = &s->graph->nodes[node];
    const sterna_op_info *info = sterna_op_get(n->op);
    uint32_t scalars[STERNA_MAX_ARGS] = {0}, found = 0;
    uint64_t extents[STERNA_MAX_ARGS];
    for (uint32_t a = 0; a < n->n_args; a++)
        scalars[a] = n->args[a].kind == STERNA_ARG_SLOT  ? step->slots[n->args[a].number]
                     : n->args[a].kind == STERNA_ARG_U32 ? n->args[a].number
                                                         : 0;
    sterna_op_extents(n->op, scalars, extents);
    for (uint32_t a = 0; a < n->n_args; a++)
        if (info->params[a].kind == STERNA_PARAM_OUT || info->params[a].kind == STERNA_PARAM_INOUT) {
            args[found] = a;
            bytes[found++] = extents[a];
        }
    return found;
}

sterna_status sterna_step_read(sterna_session *s, uint32_t node, uint32_t arg, void *data, uint64_t bytes,
                               sterna_fault *fault)
{
    uint32_t number = s->graph->nodes[node].args[arg].number;
    return s->device.api->buffer_read(s->device.device, s->buffers[number], s->arena.places[number].offset,
                                      data, bytes, fault);
}

sterna_status sterna_step_write(sterna_session *s, uint32_t node, uint32_t arg, const void *data,
                                uint64_t bytes, sterna_fault *fault)
{
    uint32_t number = s->graph->nodes[node].args[arg].number;
    return s->device.api->buffer_write(s->device.device, s->buffers[number], s->arena.places[number].offset,
                                       data, bytes, fault);
}

/* With a listener for operations: one node at a time. */
static sterna_status run_nodes(sterna_session *s, const sterna_step *step, sterna_fault *fault)
{
    uint32_t count = sterna_step_nodes(s, step);
    if (!(s->heard & STERNA_EVENT_OP)) return sterna_step_run(s, step, 0, count, fault);
    for (uint32_t node = 0; node < count; node++) {
        sterna_status status = sterna_step_run(s, step, node, 1, fault);
        if (status != STERNA_OK) return status;
        sterna_event event = {.kind = STERNA_EVENT_OP,
                              .op = sterna_op_get(s->graph->nodes[node].op)->name,
                              .layer = s->graph->nodes[node].layer,
                              .node = node};
        status = sterna_session_publish(s, &event);
        if (status != STERNA_OK) return sterna_fail(fault, status, "a listener stopped the run");
    }
    return STERNA_OK;
}

static sterna_status read_logits(sterna_session *s, const sterna_step *step, sterna_fault *fault)
{
    uint32_t n_vocab = s->model->h.n_vocab;
    float *to = s->logits + (uint64_t)s->n_wanted * n_vocab;
    if (!step->n_wanted) return STERNA_OK;
    sterna_status status = s->device.api->buffer_read(s->device.device, s->buffers[STERNA_BUF_logits], 0, to,
                                                      (uint64_t)step->n_wanted * n_vocab * sizeof *to, fault);
    if (status != STERNA_OK) return status;
    s->n_wanted += step->n_wanted;
    for (uint32_t i = 0; i < step->n_wanted && s->heard & STERNA_EVENT_LOGITS; i++) {
        uint32_t row = step->first + s->wanted[i];
        sterna_event event = {.kind = STERNA_EVENT_LOGITS,
                              .sequence = sequence_of(step->batch, row),
                              .position = step->batch->positions[row],
                              .logits = to + (uint64_t)i * n_vocab,
                              .n_logits = n_vocab};
        status = sterna_session_publish(s, &event);
        if (status != STERNA_OK) return sterna_fail(fault, status, "a listener stopped the run");
    }
    return STERNA_OK;
}

sterna_status sterna_session_run(sterna_session *s, const sterna_batch *batch, sterna_fault *fault)
{
    sterna_step step;
    s->n_wanted = 0;
    sterna_status status = sterna_batch_check(s, batch, fault);
    if (status != STERNA_OK) return status;
    for (uint32_t first = 0; status == STERNA_OK && first < batch->n; first += step.n) {
        if (atomic_exchange(&s->cancelled, 0)) {
            status = sterna_fail(fault, STERNA_INTERRUPTED, "interrupted");
            break;
        }
        status = sterna_step_begin(s, batch, first, &step, fault);
        if (status == STERNA_OK) status = run_nodes(s, &step, fault);
        if (status == STERNA_OK) status = read_logits(s, &step, fault);
    }
    if (status != STERNA_OK) {
        for (uint32_t q = 0; q < s->params.n_seqs; q++) sterna_kv_cache_truncate(&s->cache, q, s->before[q]);
        s->n_wanted = 0;
    }
    return status;
}

const float *sterna_session_logits(const sterna_session *s, uint32_t i)
{
    return i < s->n_wanted ? s->logits + (uint64_t)i * s->model->h.n_vocab : NULL;
}

uint32_t sterna_session_length(const sterna_session *s, uint32_t sequence)
{
    return sequence < s->params.n_seqs ? s->cache.length[sequence] : 0;
}

void sterna_session_truncate(sterna_session *s, uint32_t sequence, uint32_t length)
{
    if (sequence < s->params.n_seqs) sterna_kv_cache_truncate(&s->cache, sequence, length);
}

void sterna_session_cancel(sterna_session *s)
{
    atomic_store(&s->cancelled, 1);
}

sterna_status sterna_session_observe(sterna_session *s, uint32_t mask, sterna_observer observer,
                                     void *context)
{
    if (s->n_listeners == STERNA_MAX_OBSERVERS) return STERNA_MEMORY;
    s->listeners[s->n_listeners++] = (sterna_listener){mask, observer, context};
    s->heard |= mask;
    return STERNA_OK;
}

sterna_status sterna_session_publish(sterna_session *s, const sterna_event *event)
{
    for (uint32_t i = 0; i < s->n_listeners; i++) {
        if (!(s->listeners[i].mask & event->kind)) continue;
        sterna_status status = s->listeners[i].observer(s->listeners[i].context, event);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}
