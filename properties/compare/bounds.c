/* Bounds: one oracle run per node, and every device's values beside it. */
#include "compare/bounds.h"
#include "judge/compare.h"
#include <string.h>

sterna_status sterna_bounds_begin(sterna_session *s, const sterna_step *step, uint32_t node, uint64_t spread,
                                  sterna_bounds *b, sterna_fault *fault)
{
    sterna_before before;
    const sterna_plan_node *n = &s->graph->nodes[node];
    uint32_t scalars[STERNA_MAX_ARGS];
    int outputs = sterna_op_param(n->op, "m");
    memset(b, 0, sizeof *b);
    sterna_capture_scalars(s, step, node, scalars);
    uint64_t output = outputs >= 0 ? spread % scalars[outputs] : 0;
    sterna_status status = sterna_capture_before(s, step, node, &before, fault);
    if (status != STERNA_OK) return status;
    status = sterna_capture_take(s, step, node, &before, 0, output, true, 0, &b->capture, fault);
    sterna_before_free(&before);
    if (status == STERNA_OK && !sterna_oracle_run(&b->capture.call, true, &b->truth)) {
        sterna_capture_free(&b->capture);
        status =
            sterna_fail(fault, STERNA_MEMORY, "no memory for the oracle of %s", sterna_op_get(n->op)->name);
    }
    return status;
}

bool sterna_bounds_judge(const sterna_bounds *b, uint32_t arg, const uint8_t *got, uint64_t row_bytes,
                         const uint32_t *slots, sterna_divergence *x)
{
    const sterna_call *call = &b->capture.call;
    const sterna_cut *cut = &b->capture.cut;
    const sterna_param *param = &call->info->params[arg];
    const sterna_truth_output *truth = &b->truth.out[arg];
    sterna_element type = sterna_element_of(param);
    uint64_t size = param->element, rows = cut->rows.count, part = truth->count / rows;
    if (type == STERNA_ELEMENT_BYTE) {
        type = truth->half ? STERNA_ELEMENT_F16 : STERNA_ELEMENT_F32;
        size = truth->half ? 2 : 4;
    }
    for (uint64_t r = 0; r < rows; r++) {
        uint64_t row = cut->rows.first + r;
        const uint8_t *from = got + (slots ? slots[row] : row) * row_bytes + cut->outputs.first * size;
        const double *value = truth->value + r * part, *radius = truth->radius + r * part;
        sterna_difference d = sterna_compare_truth(type, from, value, radius, part);
        if (d.different && !x->different) {
            x->row = (uint32_t)row;
            x->index = cut->outputs.first + d.first;
            x->got = sterna_element_value(type, from, d.first);
            x->want = value[d.first];
        }
        x->different += d.different;
        x->compared += d.compared;
        if (d.worst_ratio > x->ratio) x->ratio = d.worst_ratio;
    }
    return x->different != 0;
}

void sterna_bounds_end(sterna_bounds *b)
{
    sterna_truth_free(&b->truth);
    sterna_capture_free(&b->capture);
}
