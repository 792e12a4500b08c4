/* Lock-step comparison: sessions side by side, one operation at a time. */
#include "compare/lockstep.h"
#include "base/mem.h"
#include "compare/bounds.h"
#include "judge/compare.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct race {
    const sterna_lockstep_params *params;
    sterna_lockstep_report *report;
    sterna_session *session[STERNA_LOCKSTEP_DEVICES];
    sterna_step step[STERNA_LOCKSTEP_DEVICES];
    uint8_t *want, *got; /* an output of the first device, and of another */
    uint64_t room;
    uint32_t *order;
    bool fast;
    sterna_fault *fault;
} race;

/* What one node needs while it is compared. */
typedef struct scene {
    uint32_t node;
    sterna_before before;
    sterna_bounds bounds;                             /* fast */
    bool flagged[STERNA_LOCKSTEP_DEVICES];            /* its status word has a flag */
    sterna_divergence found[STERNA_LOCKSTEP_DEVICES]; /* the first output that differs */
    uint64_t values[STERNA_LOCKSTEP_DEVICES];
    sterna_tally sum[STERNA_LOCKSTEP_DEVICES]; /* over its outputs */
} scene;

/* Failures name the device they happened on. A device that fails is left out from then on; the first one ends the
 * comparison. */
static sterna_status on_device(race *r, uint32_t d, sterna_status status, const sterna_fault *inner)
{
    sterna_fault *fault = d ? &r->report->devices[d].failure : r->fault;
    sterna_fail(fault, status, "%s: %s", r->params->devices[d],
                inner->text[0] ? inner->text : sterna_status_text(status));
    return d ? STERNA_OK : status;
}

static bool alive(const race *r, uint32_t d)
{
    return d < r->params->n_devices && r->report->devices[d].failure.status == STERNA_OK;
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
                   : sterna_fail(r->fault, STERNA_MEMORY, "no memory to compare %" PRIu64 " bytes", bytes);
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
    sterna_op op = s->graph->nodes[node].op;
    uint32_t scalars[STERNA_MAX_ARGS];
    int slots = sterna_op_param(op, "slots");
    sterna_capture_scalars(s, &r->step[0], node, scalars);
    uint32_t rows = scalars[sterna_op_param(op, "rows")];
    if (strcmp(sterna_op_get(op)->params[arg].type, "byte") == 0 && slots >= 0)
        return (rows_view){rows, bytes / scalars[slots], s->slots};
    return (rows_view){rows, bytes / rows, NULL};
}

static sterna_divergence place_of(const race *r, uint32_t node, const char *output)
{
    const sterna_plan_node *n = &r->session[0]->graph->nodes[node];
    return (sterna_divergence){.step = r->report->steps,
                               .position = r->step[0].batch->positions[r->step[0].first],
                               .node = node,
                               .layer = n->layer,
                               .n_layers = r->report->n_layers,
                               .op = n->op,
                               .output = output};
}

/* One output in r->got with the first device's in r->want, bit by bit. */
static void compare_bits(race *r, const sterna_param *param, const rows_view *rows, sterna_divergence *x)
{
    sterna_element type = sterna_element_of(param);
    for (uint32_t row = 0; row < rows->count; row++) {
        uint64_t at = (rows->slots ? rows->slots[row] : row) * rows->bytes;
        sterna_difference d =
            sterna_compare_bits(type, r->got + at, r->want + at, rows->bytes / param->element);
        if (d.different && !x->different) {
            x->row = row;
            x->index = d.first;
            x->got = sterna_element_value(type, r->got + at, d.first);
            x->want = sterna_element_value(type, r->want + at, d.first);
        }
        x->different += d.different;
        x->compared += d.compared;
        if (d.worst_ulp > x->worst_ulp) x->worst_ulp = d.worst_ulp;
    }
}

static void add(scene *now, uint32_t d, const sterna_divergence *x)
{
    sterna_tally *sum = &now->sum[d];
    sum->values += x->compared;
    sum->different += x->different;
    if (x->worst_ulp > sum->worst_ulp) sum->worst_ulp = x->worst_ulp;
    if (x->ratio > sum->worst_ratio) sum->worst_ratio = x->ratio;
    if (x->different && !now->found[d].different) now->found[d] = *x;
}

/* One output on one device, whose values are replaced by the first device's when their bits differ. */
static sterna_status look(race *r, scene *now, uint32_t d, uint32_t arg, uint64_t bytes)
{
    sterna_fault inner = {0};
    const sterna_param *param = &sterna_op_get(r->session[0]->graph->nodes[now->node].op)->params[arg];
    rows_view rows = view_rows(r, now->node, arg, bytes);
    sterna_divergence x = place_of(r, now->node, param->name), bits = x;
    uint8_t *read = d ? r->got : r->want;
    sterna_status status = sterna_step_read(r->session[d], now->node, arg, read, bytes, &inner);
    if (status != STERNA_OK) return on_device(r, d, status, &inner);
    if (d) compare_bits(r, param, &rows, &bits);
    if (r->fast)
        sterna_bounds_judge(&now->bounds, arg, read, rows.bytes, rows.slots, &x);
    else
        x = bits;
    if (d || r->fast) add(now, d, &x);
    if (!bits.different) return STERNA_OK;
    status = sterna_step_write(r->session[d], now->node, arg, r->want, bytes, &inner);
    return status == STERNA_OK ? STERNA_OK : on_device(r, d, status, &inner);
}

/* The inputs of a device's first divergence. */
static void capture(race *r, const scene *now, uint32_t d, const sterna_divergence *x)
{
    sterna_lockstep_device *device = &r->report->devices[d];
    if (!r->params->capture || device->diverging > 1) return;
    device->captured =
        sterna_capture_take(r->session[0], &r->step[0], now->node, &now->before, x->row, x->index, false,
                            r->params->capture_bytes, &device->capture, &device->capture_fault) == STERNA_OK;
}

static void settle(race *r, scene *now, uint32_t d)
{
    sterna_lockstep_device *device = &r->report->devices[d];
    sterna_op op = r->session[0]->graph->nodes[now->node].op;
    sterna_tally *tally = &device->tally[op], *sum = &now->sum[d];
    if (d && now->flagged[d] != now->flagged[0]) {
        sterna_divergence x = place_of(r, now->node, "flags");
        x.got = now->flagged[d];
        x.want = now->flagged[0];
        x.different = x.compared = 1;
        add(now, d, &x);
    }
    device->operations++;
    device->values += sum->values;
    tally->nodes++;
    tally->values += sum->values;
    tally->different += sum->different;
    if (sum->worst_ulp > tally->worst_ulp) tally->worst_ulp = sum->worst_ulp;
    if (sum->worst_ratio > tally->worst_ratio) tally->worst_ratio = sum->worst_ratio;
    if (!sum->different) return;
    device->diverging++;
    if (tally->diverging++ == 0) tally->first = now->found[d];
    if (device->n_kept < STERNA_LOCKSTEP_KEPT) device->kept[device->n_kept++] = now->found[d];
    capture(r, now, d, &now->found[d]);
}

static sterna_status compare_node(race *r, scene *now)
{
    uint32_t args[STERNA_MAX_ARGS];
    uint64_t bytes[STERNA_MAX_ARGS];
    uint32_t n = sterna_step_outputs(r->session[0], &r->step[0], now->node, args, bytes);
    for (uint32_t o = 0; o < n; o++) {
        sterna_status status = make_room(r, bytes[o]);
        for (uint32_t d = 0; d < r->params->n_devices && status == STERNA_OK; d++)
            if (alive(r, d)) status = look(r, now, d, args[o], bytes[o]);
        if (status != STERNA_OK) return status;
    }
    for (uint32_t d = 0; d < r->params->n_devices; d++)
        if (alive(r, d)) settle(r, now, d);
    r->report->operations++;
    return STERNA_OK;
}

/* Runs a node everywhere. Bad values are no failure here: they have to be noticed by all devices or by none. */
static sterna_status run_node(race *r, scene *now)
{
    sterna_status status = STERNA_OK;
    for (uint32_t d = 0; d < r->params->n_devices && status == STERNA_OK; d++) {
        sterna_fault inner = {0};
        if (!alive(r, d)) continue;
        sterna_status one = sterna_step_run(r->session[d], &r->step[d], now->node, 1, &inner);
        now->flagged[d] = one == STERNA_NUMERIC;
        if (now->flagged[0] && d == 0) on_device(r, 0, one, &inner);
        if (one != STERNA_OK && one != STERNA_NUMERIC) status = on_device(r, d, one, &inner);
    }
    return status;
}

static sterna_status visit_node(race *r, uint32_t node)
{
    static scene now;
    sterna_fault kept = *r->fault;
    memset(&now, 0, sizeof now);
    now.node = node;
    sterna_status status = STERNA_OK;
    if (r->fast)
        status = sterna_bounds_begin(r->session[0], &r->step[0], node,
                                     (uint64_t)r->report->operations * 0x9E3779B97F4A7C15u >> 16, &now.bounds,
                                     r->fault);
    if (status == STERNA_OK && r->params->capture)
        status = sterna_capture_before(r->session[0], &r->step[0], node, &now.before, r->fault);
    if (status == STERNA_OK) status = run_node(r, &now);
    if (status == STERNA_OK) status = compare_node(r, &now);
    if (r->fast) sterna_bounds_end(&now.bounds);
    sterna_before_free(&now.before);
    if (status == STERNA_OK && now.flagged[0]) { /* nobody goes on with bad values */
        r->report->ended = *r->fault;
        *r->fault = kept;
    }
    return status;
}

static sterna_status run_submission(race *r, const sterna_batch *batch, uint32_t first)
{
    for (uint32_t d = 0; d < r->params->n_devices; d++) {
        sterna_fault inner = {0};
        if (!alive(r, d)) continue;
        sterna_status status = sterna_step_begin(r->session[d], batch, first, &r->step[d], &inner);
        if (status != STERNA_OK && on_device(r, d, status, &inner) != STERNA_OK) return status;
    }
    uint32_t nodes = sterna_step_nodes(r->session[0], &r->step[0]);
    for (uint32_t node = 0; node < nodes && r->report->ended.status == STERNA_OK; node++) {
        if (r->params->progress) r->params->progress(r->report->steps, node, nodes);
        sterna_status status = visit_node(r, node);
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
    if (status == STERNA_OK && r->report->ended.status == STERNA_OK)
        status = s->device.api->buffer_read(s->device.device, s->buffers[STERNA_BUF_logits], 0, r->want,
                                            bytes, r->fault);
    if (status != STERNA_OK || r->report->ended.status != STERNA_OK) return status;
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
        if (status != STERNA_OK || r->report->ended.status != STERNA_OK || i == p->n_predict) break;
        r->report->tokens[r->report->n_tokens++] = token;
        bool ended = !p->ignore_end && sterna_token_is_end(p->model, token);
        if (ended || r->report->n_tokens == p->n_predict || position >= r->session[0]->params.n_ctx) break;
        positions[0] = position;
        batch = (sterna_batch){.n = 1, .ids = &token, .positions = positions};
    }
    sterna_free(positions);
    return status;
}

/* Which kernels ran, and what the device calls itself. */
static void describe(sterna_session *s, sterna_lockstep_device *device)
{
    snprintf(device->spec, sizeof device->spec, "%s", s->device.spec);
    device->info = s->device.info;
    uint32_t n = sterna_session_kernels(s, NULL, 0);
    device->kernels = sterna_alloc(n + 1, sizeof *device->kernels);
    if (!device->kernels) return;
    for (uint32_t k = 0; k < n; k++) device->kernels[k].size = sizeof *device->kernels;
    uint32_t found = sterna_session_kernels(s, device->kernels, n);
    device->n_kernels = found < n ? found : n;
}

sterna_status sterna_lockstep_run(const sterna_lockstep_params *params, sterna_lockstep_report *report,
                                  sterna_fault *fault)
{
    sterna_fault local = {0};
    race r = {.params = params, .report = report, .fault = fault ? fault : &local};
    sterna_status status = STERNA_OK;
    memset(report, 0, sizeof *report);
    if (params->n_devices < 2 || params->n_devices > STERNA_LOCKSTEP_DEVICES)
        return sterna_fail(fault, STERNA_USAGE, "--devices: %u devices, wanted 2 to %d", params->n_devices,
                           STERNA_LOCKSTEP_DEVICES);
    if (params->n_prompt == 0) return sterna_fail(fault, STERNA_USAGE, "the prompt is empty");
    report->devices = sterna_alloc(params->n_devices, sizeof *report->devices);
    if (!report->devices) return sterna_fail(fault, STERNA_MEMORY, "no memory to compare");
    report->n_devices = params->n_devices;
    report->profile = params->session.profile;
    r.fast = report->profile == STERNA_PROFILE_FAST;
    for (uint32_t d = 0; d < params->n_devices && status == STERNA_OK; d++) {
        sterna_session_params session = params->session;
        session.device = params->devices[d];
        status = sterna_session_open(params->model, &session, &r.session[d], r.fault);
    }
    if (status == STERNA_OK) {
        report->n_layers = r.session[0]->model->h.n_layers;
        status = run_all(&r);
    }
    for (uint32_t d = 0; d < params->n_devices; d++) {
        if (!r.session[d]) continue;
        describe(r.session[d], &report->devices[d]);
        sterna_session_close(r.session[d]);
    }
    sterna_free(r.want);
    sterna_free(r.got);
    sterna_free(r.order);
    return status;
}

void sterna_lockstep_free(sterna_lockstep_report *report)
{
    for (uint32_t d = 0; d < report->n_devices; d++) {
        sterna_capture_free(&report->devices[d].capture);
        sterna_free(report->devices[d].kernels);
    }
    sterna_free(report->devices);
    sterna_free(report->tokens);
    memset(report, 0, sizeof *report);
}

sterna_status sterna_lockstep_verdict(const sterna_lockstep_report *report, sterna_fault *fault)
{
    bool diverges = false, compared = false;
    const sterna_fault *failure = NULL;
    for (uint32_t d = 0; d < report->n_devices; d++) {
        const sterna_lockstep_device *device = &report->devices[d];
        diverges |= device->diverging != 0;
        compared |= device->values != 0;
        if (!failure && device->failure.status != STERNA_OK) failure = &device->failure;
    }
    if (diverges) return STERNA_FAILED;
    if (failure) return sterna_fail(fault, failure->status, "%s", failure->text);
    if (report->ended.status != STERNA_OK)
        return sterna_fail(fault, report->ended.status, "%s", report->ended.text);
    return compared ? STERNA_OK : sterna_fail(fault, STERNA_NOTHING, "nothing was compared");
}
