/* Lock-step comparison: sessions side by side, one operation at a time. */
#include "compare/lockstep.h"
#include "base/mem.h"
#include "judge/compare.h"
#include "session/session.h"
#include <stdio.h>
#include <string.h>

/* Divergences kept per device: later ones are counted. */
enum { KEPT_EACH = 4 };

typedef struct race {
    const sterna_lockstep_params *params;
    sterna_lockstep_report *report;
    sterna_session *session[STERNA_LOCKSTEP_DEVICES];
    sterna_step step[STERNA_LOCKSTEP_DEVICES];
    uint8_t *want, *got; /* an output of the first device, and of another */
    uint64_t room;
    uint32_t *order;
    sterna_fault *fault;
} race;

/* Failures name the device they happened on. */
static sterna_status on_device(race *r, uint32_t d, sterna_status status, const sterna_fault *inner)
{
    return sterna_fail(r->fault, status, "%s: %s", r->params->devices[d],
                       inner->text[0] ? inner->text : sterna_status_text(status));
}

static sterna_status make_room(race *r, uint64_t bytes)
{
    if (bytes <= r->room) return STERNA_OK;
    sterna_free(r->want);
    sterna_free(r->got);
    r->want = sterna_alloc((size_t)bytes, 1);
    r->got = sterna_alloc((size_t)bytes, 1);
    r->room = r->want && r->got ? bytes : 0;
    return r->room ? STERNA_OK
                   : sterna_fail(r->fault, STERNA_MEMORY, "no memory to compare %llu bytes",
                                 (unsigned long long)bytes);
}

/* Rows of an output: the submission's, or for a cache the slots that were written. */
typedef struct rows_view {
    uint32_t count;
    uint64_t bytes;        /* of one */
    const uint32_t *slots; /* NULL: one after the other */
} rows_view;

static rows_view view_rows(const race *r, uint32_t node, uint32_t arg, uint64_t bytes)
{
    const sterna_session *s = r->session[0];
    const sterna_plan_node *n = &s->graph->nodes[node];
    const sterna_param *param = &sterna_op_get(n->op)->params[arg];
    int rows_at = sterna_op_param(n->op, "rows"), slots_at = sterna_op_param(n->op, "slots");
    const sterna_plan_arg *rows_arg = &n->args[rows_at];
    uint32_t rows = rows_arg->kind == STERNA_ARG_SLOT ? r->step[0].slots[rows_arg->number] : rows_arg->number;
    if (strcmp(param->type, "byte") == 0 && slots_at >= 0)
        return (rows_view){rows, bytes / n->args[slots_at].number, s->slots};
    return (rows_view){rows, bytes / rows, NULL};
}

static void keep(race *r, uint32_t d, const sterna_divergence *divergence)
{
    sterna_lockstep_report *report = r->report;
    uint32_t mine = 0;
    for (uint32_t i = 0; i < report->n_kept; i++) mine += report->kept[i].device == d;
    if (mine < KEPT_EACH && report->n_kept < STERNA_LOCKSTEP_KEPT)
        report->kept[report->n_kept++] = *divergence;
}

/* Compares one output of device d with the first device's in r->want. True when it differs somewhere. */
static bool differs(race *r, uint32_t d, uint32_t node, uint32_t arg, const rows_view *rows)
{
    const sterna_plan_node *n = &r->session[0]->graph->nodes[node];
    const sterna_param *param = &sterna_op_get(n->op)->params[arg];
    sterna_element type = sterna_element_of(param);
    uint32_t element = param->element;
    sterna_divergence x = {.device = d,
                           .step = r->report->steps,
                           .position = r->step[0].batch->positions[r->step[0].first],
                           .node = node,
                           .layer = n->layer,
                           .n_layers = r->report->n_layers,
                           .op = n->op,
                           .output = param->name};
    for (uint32_t row = 0; row < rows->count; row++) {
        uint64_t at = (rows->slots ? rows->slots[row] : row) * rows->bytes;
        sterna_difference found = sterna_compare_bits(type, r->got + at, r->want + at, rows->bytes / element);
        if (found.different && !x.different) {
            x.row = row;
            x.index = found.first;
            x.got = sterna_element_value(type, r->got + at, found.first);
            x.want = sterna_element_value(type, r->want + at, found.first);
        }
        x.different += found.different;
        x.compared += found.compared;
        if (found.worst_ulp > x.worst_ulp) x.worst_ulp = found.worst_ulp;
    }
    if (d == 1) r->report->values += x.compared;
    if (x.different) keep(r, d, &x);
    return x.different != 0;
}

/* The outputs of a node on all devices; those that differ get the first device's values. */
static sterna_status compare_node(race *r, uint32_t node)
{
    uint32_t args[STERNA_MAX_ARGS];
    uint64_t bytes[STERNA_MAX_ARGS];
    bool wrong[STERNA_LOCKSTEP_DEVICES] = {false};
    uint32_t n = sterna_step_outputs(r->session[0], &r->step[0], node, args, bytes);
    for (uint32_t o = 0; o < n; o++) {
        sterna_fault inner = {0};
        sterna_status status = make_room(r, bytes[o]);
        if (status != STERNA_OK) return status;
        rows_view rows = view_rows(r, node, args[o], bytes[o]);
        status = sterna_step_read(r->session[0], node, args[o], r->want, bytes[o], &inner);
        if (status != STERNA_OK) return on_device(r, 0, status, &inner);
        for (uint32_t d = 1; d < r->params->n_devices; d++) {
            status = sterna_step_read(r->session[d], node, args[o], r->got, bytes[o], &inner);
            if (status == STERNA_OK && differs(r, d, node, args[o], &rows)) {
                wrong[d] = true;
                status = sterna_step_write(r->session[d], node, args[o], r->want, bytes[o], &inner);
            }
            if (status != STERNA_OK) return on_device(r, d, status, &inner);
        }
    }
    for (uint32_t d = 1; d < r->params->n_devices; d++) r->report->diverging[d] += wrong[d];
    r->report->operations++;
    return STERNA_OK;
}

static sterna_status run_submission(race *r, const sterna_batch *batch, uint32_t first)
{
    for (uint32_t d = 0; d < r->params->n_devices; d++) {
        sterna_fault inner = {0};
        sterna_status status = sterna_step_begin(r->session[d], batch, first, &r->step[d], &inner);
        if (status != STERNA_OK) return on_device(r, d, status, &inner);
    }
    uint32_t nodes = sterna_step_nodes(r->session[0], &r->step[0]);
    for (uint32_t node = 0; node < nodes; node++) {
        for (uint32_t d = 0; d < r->params->n_devices; d++) {
            sterna_fault inner = {0};
            sterna_status status = sterna_step_run(r->session[d], &r->step[d], node, 1, &inner);
            if (status != STERNA_OK) return on_device(r, d, status, &inner);
        }
        sterna_status status = compare_node(r, node);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}

/* The batch on all devices, then the next token from the first one's logits. */
static sterna_status run_batch(race *r, const sterna_batch *batch, uint32_t *token)
{
    sterna_session *s = r->session[0];
    uint32_t n_vocab = s->model->h.n_vocab;
    uint64_t bytes = (uint64_t)n_vocab * sizeof(float);
    sterna_status status = sterna_batch_check(s, batch, r->fault);
    for (uint32_t first = 0; status == STERNA_OK && first < batch->n; first += r->step[0].n)
        status = run_submission(r, batch, first);
    r->report->steps++;
    if (status == STERNA_OK) status = make_room(r, bytes);
    if (status == STERNA_OK)
        status = s->device.api->buffer_read(s->device.device, s->buffers[STERNA_BUF_logits], 0, r->want,
                                            bytes, r->fault);
    if (status != STERNA_OK) return status;
    return sterna_sample(&r->params->sampling, (const float *)(void *)r->want, n_vocab,
                         batch->positions[batch->n - 1], 0, r->order, token, r->fault);
}

static sterna_status run_all(race *r)
{
    const sterna_lockstep_params *p = r->params;
    uint32_t *positions = sterna_alloc(p->n_prompt, sizeof *positions), token = 0;
    r->report->tokens = sterna_alloc((size_t)p->n_predict + 1, sizeof *r->report->tokens);
    r->order = sterna_alloc(r->session[0]->model->h.n_vocab, sizeof *r->order);
    sterna_status status = positions && r->report->tokens && r->order
                               ? STERNA_OK
                               : sterna_fail(r->fault, STERNA_MEMORY, "no memory to compare");
    for (uint32_t i = 0; status == STERNA_OK && i < p->n_prompt; i++) positions[i] = i;
    sterna_batch batch = {.n = p->n_prompt, .ids = p->prompt, .positions = positions};
    for (uint32_t i = 0; status == STERNA_OK; i++) {
        uint32_t position = p->n_prompt + i;
        status = run_batch(r, &batch, &token);
        if (status != STERNA_OK || i == p->n_predict) break;
        r->report->tokens[r->report->n_tokens++] = token;
        bool ended = !p->ignore_end && sterna_token_is_end(p->model, token);
        if (ended || r->report->n_tokens == p->n_predict || position >= r->session[0]->params.n_ctx) break;
        positions[0] = position;
        batch = (sterna_batch){.n = 1, .ids = &token, .positions = positions};
    }
    sterna_free(positions);
    return status;
}

sterna_status sterna_lockstep_run(const sterna_lockstep_params *params, sterna_lockstep_report *report,
                                  sterna_fault *fault)
{
    race r = {.params = params, .report = report, .fault = fault};
    sterna_status status = STERNA_OK;
    memset(report, 0, sizeof *report);
    if (params->n_devices < 2 || params->n_devices > STERNA_LOCKSTEP_DEVICES)
        return sterna_fail(fault, STERNA_USAGE, "--devices: %u devices, wanted 2 to %d", params->n_devices,
                           STERNA_LOCKSTEP_DEVICES);
    if (params->n_prompt == 0) return sterna_fail(fault, STERNA_USAGE, "the prompt is empty");
    for (uint32_t d = 0; d < params->n_devices && status == STERNA_OK; d++) {
        sterna_session_params session = params->session;
        session.device = params->devices[d];
        status = sterna_session_open(params->model, &session, &r.session[d], fault);
    }
    if (status == STERNA_OK) {
        report->n_layers = r.session[0]->model->h.n_layers;
        status = run_all(&r);
    }
    for (uint32_t d = 0; d < params->n_devices; d++)
        if (r.session[d]) sterna_session_close(r.session[d]);
    sterna_free(r.want);
    sterna_free(r.got);
    sterna_free(r.order);
    return status;
}

void sterna_lockstep_free(sterna_lockstep_report *report)
{
    sterna_free(report->tokens);
    memset(report, 0, sizeof *report);
}
