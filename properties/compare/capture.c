/* Captured calls: reading a node's arguments, and what is cut where they are too large. */
#include "compare/capture.h"
#include "base/mem.h"
#include <string.h>

void sterna_capture_scalars(const sterna_session *s, const sterna_step *step, uint32_t node,
                            uint32_t scalars[STERNA_MAX_ARGS])
{
    const sterna_plan_node *n = &s->graph->nodes[node];
    memset(scalars, 0, STERNA_MAX_ARGS * sizeof *scalars);
    for (uint32_t a = 0; a < n->n_args; a++)
        scalars[a] = n->args[a].kind == STERNA_ARG_SLOT ? step->slots[n->args[a].number]
                     : n->args[a].kind == STERNA_ARG_U32 || n->args[a].kind == STERNA_ARG_F32
                         ? n->args[a].number
                         : 0;
}

/* Reads the arguments of the wanted kinds into fresh memory. */
static sterna_status read_arguments(sterna_session *s, const sterna_step *step, uint32_t node, bool written,
                                    uint8_t *data[STERNA_MAX_ARGS], sterna_fault *fault)
{
    const sterna_op_info *info = sterna_op_get(s->graph->nodes[node].op);
    uint32_t scalars[STERNA_MAX_ARGS];
    uint64_t bytes[STERNA_MAX_ARGS];
    sterna_status status = STERNA_OK;
    sterna_capture_scalars(s, step, node, scalars);
    sterna_op_extents(s->graph->nodes[node].op, scalars, bytes);
    for (uint32_t a = 0; a < info->n_params && status == STERNA_OK; a++) {
        bool cache = strcmp(info->params[a].type, "byte") == 0;
        bool before = info->params[a].kind == STERNA_PARAM_INOUT && !cache;
        bool after =
            info->params[a].kind == STERNA_PARAM_IN || (info->params[a].kind == STERNA_PARAM_INOUT && cache);
        if (!(written ? before : after)) continue;
        data[a] = sterna_alloc((size_t)bytes[a], 1);
        if (!data[a]) return sterna_fail(fault, STERNA_MEMORY, "no memory for the inputs of %s", info->name);
        status = sterna_step_read(s, node, a, data[a], bytes[a], fault);
    }
    return status;
}

sterna_status sterna_capture_before(sterna_session *s, const sterna_step *step, uint32_t node,
                                    sterna_before *before, sterna_fault *fault)
{
    *before = (sterna_before){{NULL}};
    sterna_status status = read_arguments(s, step, node, true, before->data, fault);
    if (status != STERNA_OK) sterna_before_free(before);
    return status;
}

void sterna_before_free(sterna_before *before)
{
    for (uint32_t a = 0; a < STERNA_MAX_ARGS; a++) sterna_free(before->data[a]);
    *before = (sterna_before){{NULL}};
}

static sterna_window around(uint32_t at, uint32_t reach, uint32_t size)
{
    uint32_t first = at > reach ? at - reach : 0;
    uint32_t end = size - at > reach + 1u ? at + reach + 1 : size;
    return (sterna_window){first, end - first};
}

/* The largest cut that may be held: everything, then what is referred to, then fewer outputs, then one row. */
static sterna_cut choose_cut(const sterna_source *source, uint32_t row, uint64_t output, bool compact,
                             uint64_t limit)
{
    sterna_cut_room room = sterna_cut_room_of(source);
    sterna_cut cut = sterna_cut_whole(source);
    cut.compact = compact && room.compacts && sterna_cut_bytes(source, &cut) != UINT64_MAX;
    if (sterna_cut_bytes(source, &cut) <= limit) return cut;
    cut.compact = room.compacts;
    uint32_t reach = room.outputs;
    while (sterna_cut_bytes(source, &cut) > limit && reach > 0) {
        reach /= 2;
        cut.outputs = around(room.outputs > 1 ? (uint32_t)output : 0, reach, room.outputs);
    }
    if (sterna_cut_bytes(source, &cut) > limit) cut.rows = (sterna_window){row, 1};
    return cut;
}

sterna_status sterna_capture_take(sterna_session *s, const sterna_step *step, uint32_t node,
                                  const sterna_before *before, uint32_t row, uint64_t output, bool compact,
                                  uint64_t limit, sterna_capture *capture, sterna_fault *fault)
{
    const sterna_plan_node *n = &s->graph->nodes[node];
    const sterna_plan_arg *rows = &n->args[sterna_op_param(n->op, "rows")];
    sterna_source source = {.op = n->op, .format = STERNA_FORMAT_F32};
    uint8_t *data[STERNA_MAX_ARGS] = {NULL};
    *capture = (sterna_capture){.label = n->layer};
    if (rows->kind == STERNA_ARG_SLOT)
        capture->most_rows =
            rows->number == STERNA_SLOT_ROWS ? s->graph->params.n_batch : s->graph->params.n_logits;
    sterna_capture_scalars(s, step, node, source.scalars);
    sterna_status status = read_arguments(s, step, node, false, data, fault);
    for (uint32_t a = 0; a < n->n_args; a++) {
        source.data[a] = data[a] ? data[a] : before->data[a];
        if (n->args[a].kind != STERNA_ARG_WEIGHT) continue;
        const sterna_plan_weight *w = &s->graph->weights[n->args[a].number];
        source.data[a] = w->tensor->data;
        source.format = w->tensor->format;
        source.act = w->act;
    }
    if (status == STERNA_OK) {
        capture->cut = choose_cut(&source, row, output, compact, limit ? limit : STERNA_CAPTURE_BYTES);
        if (!sterna_cut_apply(&source, &capture->cut, &capture->call))
            status = sterna_fail(fault, STERNA_MEMORY,
                                 "the inputs of %s cannot be kept: no memory, or an index out of range",
                                 sterna_op_get(n->op)->name);
    }
    for (uint32_t a = 0; a < STERNA_MAX_ARGS; a++) sterna_free(data[a]);
    return status;
}

void sterna_capture_free(sterna_capture *capture)
{
    sterna_call_free(&capture->call);
    *capture = (sterna_capture){.label = 0};
}
