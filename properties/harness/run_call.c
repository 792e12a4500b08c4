/* One call on a device: buffers with red zones full of poison, a plan of one node, a submission, and the look
 * at what was written. The reference's run stands here, too, so that both give the same kind of outcome. */
#include "base/mem.h"
#include "harness/visit.h"
#include "judge/compare.h"
#include "judge/cpu_state.h"
#include "reference/reference.h"
#include <stdio.h>
#include <string.h>

enum { RED_ZONE = 256, LABEL = 77 };

/* Poison: words that are NaN as binary32 and differ from place to place (`at` counts from the argument's first byte) and
 * run to run, so that a copy of one place is not taken for another. Runs with odd salt flip every bit that keeps it NaN. */
static uint8_t poison_byte(uint32_t salt, uint64_t at)
{
    uint32_t word = (uint32_t)(at / 4), mix = word * 2654435761u + (salt / 2) * 40503u;
    uint32_t bits = 0x7FA00000u | (mix >> 12 & 0xFFFFFu);
    if (salt & 1) bits ^= 0x801FFFFFu;
    return (uint8_t)(bits >> (8 * (at % 4)));
}

static uint32_t label_of(const sterna_visit *x)
{
    return x->manner->labelled ? x->manner->label : LABEL;
}

static bool failed(sterna_visit *x, const char *what, sterna_status status, const sterna_fault *fault)
{
    return sterna_judge(x->v, STERNA_VERDICT_STATUS, "%s: %s: %s", what, sterna_status_name(status),
                        fault->text[0] ? fault->text : "(no text)");
}

void sterna_visit_leave(sterna_visit *x)
{
    x->s->api->plan_destroy(x->s->device, x->plan);
    x->s->api->weight_destroy(x->s->device, x->weight);
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) {
        x->s->api->buffer_destroy(x->s->device, x->place[i].buffer);
        sterna_free(x->place[i].image);
    }
}

static bool lodge(sterna_visit *x, uint32_t i, uint64_t bytes_at_max)
{
    const sterna_param *param = &x->call->info->params[i];
    sterna_lodging *p = &x->place[i];
    sterna_fault fault = {0};
    uint64_t alignment = x->s->info.buffer_alignment;
    bool tight = x->s->guarded || x->tight;
    uint64_t zone = tight ? 0 : (RED_ZONE + alignment - 1) & ~(alignment - 1);
    p->before = tight ? 0 : zone + x->manner->shift * alignment;
    p->bytes = x->call->bytes[i];
    p->total = p->before + bytes_at_max + zone;
    p->image = sterna_alloc_aligned((size_t)p->total, 64);
    if (!p->image) return sterna_judge(x->v, STERNA_VERDICT_REFUSED, "no memory for %s", param->name);
    for (uint64_t b = 0; b < p->total; b++) p->image[b] = poison_byte(x->salt + 2 * i, b - p->before);
    if (param->kind != STERNA_PARAM_OUT) memcpy(p->image + p->before, x->call->data[i], (size_t)p->bytes);
    sterna_status status = x->s->api->buffer_create(x->s->device, p->total, &p->buffer, &fault);
    if (status != STERNA_OK) return failed(x, "buffer_create", status, &fault);
    status = x->s->api->buffer_write(x->s->device, p->buffer, 0, p->image, p->total, &fault);
    return status == STERNA_OK || failed(x, "buffer_write", status, &fault);
}

static bool make_weight(sterna_visit *x, uint32_t i)
{
    sterna_tensor tensor;
    sterna_fault fault = {0};
    (void)i;
    if (!sterna_call_tensor(x->call, &tensor)) return true;
    uint64_t bytes = tensor.row_bytes * tensor.rows;
    uint8_t *copy = NULL;
    tensor.outlives = !x->manner->short_lived;
    if (x->manner->short_lived) {
        copy = sterna_alloc_aligned((size_t)bytes, 64);
        if (!copy) return sterna_judge(x->v, STERNA_VERDICT_REFUSED, "no memory for a copy of the weight");
        memcpy(copy, tensor.data, (size_t)bytes);
        tensor.data = copy;
    }
    sterna_status status = x->s->api->weight_create(x->s->device, &tensor, &x->weight, &fault);
    if (copy) memset(copy, 0xA5, (size_t)bytes); /* who kept the pointer reads rubbish */
    sterna_free(copy);
    return status == STERNA_OK || failed(x, "weight_create", status, &fault);
}

/* Creates what the call needs and the plan over it. */
bool sterna_visit_arrive(sterna_visit *x, uint32_t *slot)
{
    const sterna_call *call = x->call;
    sterna_arg args[STERNA_MAX_ARGS] = {{0}};
    uint32_t at_max[STERNA_MAX_ARGS];
    uint64_t extents[STERNA_MAX_ARGS];
    int rows = sterna_op_param(call->op, "rows");
    memcpy(at_max, call->scalars, sizeof at_max);
    *slot = call->scalars[rows];
    if (x->manner->slot) at_max[rows] += x->manner->slack;
    sterna_op_extents(call->op, at_max, extents);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        sterna_param_kind kind = call->info->params[i].kind;
        if (sterna_param_is_buffer(kind)) {
            if (!lodge(x, i, extents[i])) return false;
            args[i] = (sterna_arg){
                .kind = STERNA_ARG_BUFFER, .buffer = x->place[i].buffer, .offset = x->place[i].before};
        } else if (kind == STERNA_PARAM_WEIGHT) {
            if (!make_weight(x, i)) return false;
            args[i] = (sterna_arg){.kind = STERNA_ARG_WEIGHT, .weight = x->weight};
        } else {
            args[i] = (sterna_arg){.kind = kind == STERNA_PARAM_F32 ? STERNA_ARG_F32 : STERNA_ARG_U32,
                                   .u32 = call->scalars[i]};
            if (x->manner->slot && (int)i == rows) args[i] = (sterna_arg){.kind = STERNA_ARG_SLOT, .u32 = 0};
        }
    }
    sterna_node node = {call->info->name, args, call->info->n_params, label_of(x)};
    sterna_plan_params params = {.size = sizeof params,
                                 .nodes = &node,
                                 .n_nodes = 1,
                                 .n_slots = x->manner->slot ? 1 : 0,
                                 .slot_max = &at_max[rows]};
    sterna_fault fault = {0};
    sterna_status status = x->s->api->plan_create(x->s->device, &params, &x->plan, &fault);
    return status == STERNA_OK || failed(x, "plan_create", status, &fault);
}

bool sterna_visit_post(sterna_visit *x, uint32_t slot, sterna_fence *fence)
{
    sterna_fault fault = {0};
    *fence = 0;
    sterna_status status = x->s->api->submit(x->s->device, x->plan, 0, 1, &slot, fence, &fault);
    if (status != STERNA_OK) return failed(x, "submit", status, &fault);
    return *fence != 0 || sterna_judge(x->v, STERNA_VERDICT_STATUS, "submit: gave fence 0");
}

bool sterna_visit_await(sterna_visit *x, sterna_fence fence, uint32_t *flags)
{
    sterna_fault fault = {0};
    sterna_result result = {.size = sizeof result};
    sterna_status status = x->s->api->wait(x->s->device, fence, 0, &result, &fault);
    if (status != STERNA_OK) return failed(x, "wait", status, &fault);
    if (result.status != STERNA_OK)
        return sterna_judge(x->v, STERNA_VERDICT_STATUS, "wait: returned OK, the result says %s",
                            sterna_status_name(result.status));
    if (result.flags && (result.node != 0 || result.label != label_of(x)))
        return sterna_judge(x->v, STERNA_VERDICT_STATUS,
                            "wait: flags %u of node %u, label %u; submitted were node 0, label %u",
                            result.flags, result.node, result.label, label_of(x));
    *flags = result.flags;
    return true;
}

void sterna_visit_drain(sterna_visit *x, sterna_fence fence)
{
    sterna_result result = {.size = sizeof result};
    if (fence) (void)x->s->api->wait(x->s->device, fence, 0, &result, NULL);
}

static bool perform(sterna_visit *x, uint32_t slot, uint32_t *flags)
{
    sterna_fence fence;
    sterna_cpu_state before = sterna_cpu_state_read();
    bool good = sterna_visit_post(x, slot, &fence) && sterna_visit_await(x, fence, flags);
    sterna_cpu_state after = sterna_cpu_state_read();
    if (before.control == after.control && before.direction == after.direction) return good;
    sterna_cpu_state_restore(before);
    return sterna_judge(x->v, STERNA_VERDICT_CPU_STATE, "MXCSR is %04x, was %04x; DF is %u, was %u",
                        after.control, before.control, after.direction, before.direction);
}

bool sterna_visit_reset(sterna_visit *x)
{
    for (uint32_t i = 0; i < x->call->info->n_params; i++) {
        sterna_lodging *p = &x->place[i];
        sterna_fault fault = {0};
        if (!p->buffer) continue;
        sterna_status status =
            x->s->api->buffer_write(x->s->device, p->buffer, 0, p->image, p->total, &fault);
        if (status != STERNA_OK) return failed(x, "buffer_write", status, &fault);
    }
    return true;
}

/* A submission with fewer rows on the same plan; then everything is as before it. */
static bool warm_up(sterna_visit *x, uint32_t rows)
{
    uint32_t flags, warm = x->manner->warm;
    if (!x->manner->slot || warm == 0) return true;
    return perform(x, warm < rows ? warm : rows, &flags) && sterna_visit_reset(x);
}

/* Where the first changed byte stands relative to the argument. */
static bool zones_hold(sterna_visit *x, uint32_t i, const uint8_t *now)
{
    const sterna_lodging *p = &x->place[i];
    const sterna_param *param = &x->call->info->params[i];
    for (uint64_t b = 0; b < p->total; b++) {
        if (now[b] == p->image[b]) continue;
        if (b < p->before)
            return sterna_judge(x->v, STERNA_VERDICT_OUT_OF_BOUNDS_WRITE,
                                "%s: byte %llu before its start was written", param->name,
                                (unsigned long long)(p->before - b));
        if (b >= p->before + p->bytes)
            return sterna_judge(x->v, STERNA_VERDICT_OUT_OF_BOUNDS_WRITE,
                                "%s: byte %llu past its end (of %llu) was written", param->name,
                                (unsigned long long)(b - p->before - p->bytes), (unsigned long long)p->bytes);
        if (!sterna_param_is_output(param->kind))
            return sterna_judge(x->v, STERNA_VERDICT_INPUT_CHANGED, "%s: byte %llu was written", param->name,
                                (unsigned long long)(b - p->before));
    }
    return true;
}

bool sterna_visit_collect(sterna_visit *x, sterna_outcome *outcome)
{
    bool good = true;
    for (uint32_t i = 0; i < x->call->info->n_params && good; i++) {
        sterna_lodging *p = &x->place[i];
        sterna_fault fault = {0};
        if (!p->buffer) continue;
        uint8_t *now = sterna_alloc_aligned((size_t)p->total, 64);
        if (!now) return sterna_judge(x->v, STERNA_VERDICT_REFUSED, "no memory to read back");
        sterna_status status = x->s->api->buffer_read(x->s->device, p->buffer, 0, now, p->total, &fault);
        if (status != STERNA_OK)
            good = failed(x, "buffer_read", status, &fault);
        else
            good = zones_hold(x, i, now);
        if (good && sterna_param_is_output(x->call->info->params[i].kind)) {
            outcome->data[i] = sterna_alloc_aligned((size_t)p->bytes, 64);
            if (outcome->data[i])
                memcpy(outcome->data[i], now + p->before, (size_t)p->bytes);
            else
                good = sterna_judge(x->v, STERNA_VERDICT_REFUSED, "no memory for the outcome");
        }
        sterna_free(now);
    }
    return good;
}

static bool run(sterna_subject *s, const sterna_call *call, const sterna_manner *manner, bool tight,
                sterna_outcome *outcome, sterna_verdict *v)
{
    static const sterna_manner plain;
    sterna_visit x = {
        .s = s, .call = call, .manner = manner ? manner : &plain, .v = v, .salt = s->salt++, .tight = tight};
    uint32_t slot;
    memset(outcome, 0, sizeof *outcome);
    if (!s->api->supports(s->device, call->info->name, call->format, call->act))
        return sterna_judge(v, STERNA_VERDICT_UNSUPPORTED, "%s has no %s for this format", s->name,
                            call->info->name);
    bool good = sterna_visit_arrive(&x, &slot) && warm_up(&x, slot) && perform(&x, slot, &outcome->flags) &&
                sterna_visit_collect(&x, outcome);
    sterna_visit_leave(&x);
    if (!good) sterna_outcome_free(outcome);
    return good;
}

bool sterna_subject_run(sterna_subject *s, const sterna_call *call, const sterna_manner *manner,
                        sterna_outcome *outcome, sterna_verdict *v)
{
    return run(s, call, manner, false, outcome, v);
}

bool sterna_subject_run_queued(sterna_subject *s, const sterna_call *const calls[2],
                               sterna_outcome outcomes[2], sterna_verdict *v)
{
    static const sterna_manner plain;
    sterna_visit x[2] = {{.call = NULL}, {.call = NULL}};
    sterna_fence fences[2] = {0, 0};
    uint32_t slots[2];
    memset(outcomes, 0, 2 * sizeof *outcomes);
    for (uint32_t i = 0; i < 2; i++) {
        x[i] = (sterna_visit){.s = s, .call = calls[i], .manner = &plain, .v = v, .salt = s->salt++};
        if (!s->api->supports(s->device, calls[i]->info->name, calls[i]->format, calls[i]->act))
            return sterna_judge(v, STERNA_VERDICT_UNSUPPORTED, "%s has no %s for this format", s->name,
                                calls[i]->info->name);
    }
    bool good = sterna_visit_arrive(&x[0], &slots[0]) && sterna_visit_arrive(&x[1], &slots[1]);
    good = good && sterna_visit_post(&x[0], slots[0], &fences[0]) &&
           sterna_visit_post(&x[1], slots[1], &fences[1]);
    for (uint32_t i = 0; i < 2; i++)
        if (good)
            good = sterna_visit_await(&x[i], fences[i], &outcomes[i].flags);
        else
            sterna_visit_drain(&x[i], fences[i]);
    good = good && sterna_visit_collect(&x[0], &outcomes[0]) && sterna_visit_collect(&x[1], &outcomes[1]);
    sterna_visit_leave(&x[0]);
    sterna_visit_leave(&x[1]);
    for (uint32_t i = 0; i < 2 && !good; i++) sterna_outcome_free(&outcomes[i]);
    return good;
}

/* Elements that equal their run's poison in both runs were never written. */
static bool written(const sterna_call *call, uint32_t i, uint32_t salt, const uint8_t *first,
                    const uint8_t *second, sterna_verdict *v)
{
    const sterna_param *param = &call->info->params[i];
    uint64_t missing = 0, at = 0;
    for (uint64_t e = 0; e < call->bytes[i] / param->element; e++) {
        bool same = true;
        for (uint64_t b = e * param->element; b < (e + 1) * param->element && same; b++)
            same = first[b] == poison_byte(salt + 2 * i, b) && second[b] == poison_byte(salt + 1 + 2 * i, b);
        if (same && missing++ == 0) at = e;
    }
    return missing == 0 ||
           sterna_judge(v, STERNA_VERDICT_UNWRITTEN, "%s[%llu] was never written; %llu of %llu were not",
                        param->name, (unsigned long long)at, (unsigned long long)missing,
                        (unsigned long long)(call->bytes[i] / param->element));
}

bool sterna_subject_run_twice(sterna_subject *s, const sterna_call *call, const sterna_manner *manner,
                              sterna_outcome *outcome, sterna_verdict *v)
{
    sterna_outcome again;
    /* An even salt and its successor: poison that differs in every byte. */
    uint32_t salt = s->salt += s->salt & 1;
    if (!run(s, call, manner, false, outcome, v)) return false;
    if (!run(s, call, manner, true, &again, v)) {
        sterna_outcome_free(outcome);
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        if (!outcome->data[i]) continue;
        if (param->kind == STERNA_PARAM_OUT && !written(call, i, salt, outcome->data[i], again.data[i], v))
            good = false;
        if (good &&
            !sterna_judge_bits(v, STERNA_VERDICT_NONDETERMINISTIC, param->name, sterna_element_of(param),
                               again.data[i], outcome->data[i], call->bytes[i] / param->element))
            good = false;
    }
    if (good && again.flags != outcome->flags)
        good = sterna_judge(v, STERNA_VERDICT_NONDETERMINISTIC, "flags are %u, then %u", outcome->flags,
                            again.flags);
    sterna_outcome_free(&again);
    if (!good) sterna_outcome_free(outcome);
    return good;
}

bool sterna_reference_run(const sterna_call *call, sterna_outcome *outcome, sterna_fault *fault)
{
    sterna_weight_view view;
    sterna_tensor tensor;
    sterna_args args;
    memset(outcome, 0, sizeof *outcome);
    bool weighted = sterna_call_tensor(call, &tensor);
    if (weighted && sterna_weight_view_make(&tensor, &view, fault) != STERNA_OK) return false;
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        if (!sterna_param_is_output(call->info->params[i].kind)) continue;
        outcome->data[i] = sterna_alloc_aligned((size_t)call->bytes[i], 64);
        if (!outcome->data[i]) {
            sterna_fail(fault, STERNA_MEMORY, "no memory for the reference's results");
            sterna_outcome_free(outcome);
            return false;
        }
        memcpy(outcome->data[i], call->data[i], (size_t)call->bytes[i]);
    }
    sterna_call_args(call, outcome->data, weighted ? &view : NULL, &args);
    sterna_reference(call->op)(&args, 0, sterna_op_items(call->op, call->scalars), &outcome->flags);
    return true;
}
