/* The law that every operation obeys first: the device against the canonical reference and the oracle, and
 * the same call brought to the device in different manners. */
#include "judge/compare.h"
#include "laws/laws.h"
#include "oracle/oracle.h"
#include <stdio.h>

static void judge_flags(sterna_trial *t, uint32_t got, uint32_t want)
{
    if (want & ~got)
        sterna_judge(&t->verdict, STERNA_VERDICT_STATUS_MISSING, "flags are %u; the reference sets %u", got,
                     want);
    else if (got & ~want)
        sterna_judge(&t->verdict, STERNA_VERDICT_STATUS_EXTRA, "flags are %u; the reference sets %u", got,
                     want);
}

static void judge_truth(sterna_trial *t, const sterna_call *call, const sterna_outcome *got)
{
    sterna_truth truth;
    if (!sterna_oracle_run(call, t->subject->profile == STERNA_PROFILE_FAST, &truth)) {
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the oracle, or an unknown format");
        return;
    }
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        const sterna_truth_output *out = &truth.out[i];
        if (!sterna_param_is_output(param->kind)) continue;
        sterna_element type = sterna_element_of(param);
        if (type == STERNA_ELEMENT_BYTE) type = out->half ? STERNA_ELEMENT_F16 : STERNA_ELEMENT_F32;
        sterna_judge_truth(&t->verdict, param->name, type, got->data[i], out->value, out->radius, out->count);
    }
    judge_flags(t, got->flags & truth.flags_known, truth.flags & truth.flags_known);
    sterna_truth_free(&truth);
}

static void judge_reference(sterna_trial *t, const sterna_call *call, const sterna_outcome *got)
{
    sterna_outcome want;
    sterna_fault fault = {0};
    if (!sterna_reference_run(call, &want, &fault)) {
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "the reference refuses: %s", fault.text);
        return;
    }
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        if (want.data[i])
            sterna_judge_bits(&t->verdict, STERNA_VERDICT_WRONG_BITS, param->name, sterna_element_of(param),
                              got->data[i], want.data[i], call->bytes[i] / param->element);
    }
    judge_flags(t, got->flags, want.flags);
    sterna_outcome_free(&want);
}

void sterna_trial_judge(sterna_trial *t, const sterna_call *call, const sterna_manner *manner)
{
    sterna_outcome got;
    if (!sterna_subject_run_twice(t->subject, call, manner, &got, &t->verdict)) return;
    if (t->subject->profile == STERNA_PROFILE_EXACT) judge_reference(t, call, &got);
    judge_truth(t, call, &got);
    sterna_outcome_free(&got);
}

void sterna_law_reference(sterna_trial *t)
{
    sterna_call call;
    if (!sterna_trial_call(t, STERNA_GEN_ERRORS, &call)) return;
    sterna_manner manner = {.slot = sterna_choose(t->choices, 1),
                            .slack = sterna_choose(t->choices, 3),
                            .short_lived = sterna_choose(t->choices, 1),
                            .shift = sterna_choose(t->choices, 2),
                            .warm = sterna_choose(t->choices, 6)};
    sterna_trial_judge(t, &call, &manner);
    sterna_call_free(&call);
}

void sterna_law_threads(sterna_trial *t)
{
    sterna_call call;
    sterna_subject other;
    sterna_outcome one, three;
    sterna_fault fault = {0};
    sterna_subject_spec spec = {t->subject->name, t->subject->profile, 3};
    if (t->subject->info.threads == 0) {
        sterna_judge(&t->verdict, STERNA_VERDICT_UNSUPPORTED, "the device computes without host threads");
        return;
    }
    if (!sterna_trial_call(t, STERNA_GEN_ERRORS, &call)) return;
    if (sterna_subject_open(&other, &spec, &fault) != STERNA_OK) {
        sterna_judge(&t->verdict, STERNA_VERDICT_STATUS, "a second device with 3 threads: %s", fault.text);
    } else {
        if (sterna_trial_run(t, &call, &one)) {
            if (sterna_subject_run(&other, &call, NULL, &three, &t->verdict)) {
                sterna_trial_same(t, &call, &three, &one);
                sterna_outcome_free(&three);
            }
            sterna_outcome_free(&one);
        }
        sterna_subject_close(&other, &t->verdict);
    }
    sterna_call_free(&call);
}

/* Two calls of different shapes, both in flight; each must give what it gives alone. */
void sterna_law_queue(sterna_trial *t)
{
    sterna_call first, second;
    sterna_outcome alone[2] = {{.flags = 0}, {.flags = 0}}, queued[2];
    if (!sterna_trial_call(t, STERNA_GEN_ERRORS, &first)) return;
    if (!sterna_gen_call(t->choices, t->op, t->format, t->act, STERNA_GEN_ERRORS, &second)) {
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the second call");
        sterna_call_free(&first);
        return;
    }
    const sterna_call *const calls[2] = {&first, &second};
    if (sterna_trial_run(t, &first, &alone[0]) && sterna_trial_run(t, &second, &alone[1]) &&
        sterna_subject_run_queued(t->subject, calls, queued, &t->verdict)) {
        if (sterna_trial_same(t, &first, &queued[0], &alone[0]))
            sterna_trial_same(t, &second, &queued[1], &alone[1]);
        sterna_outcome_free(&queued[0]);
        sterna_outcome_free(&queued[1]);
    }
    sterna_outcome_free(&alone[0]);
    sterna_outcome_free(&alone[1]);
    sterna_call_free(&first);
    sterna_call_free(&second);
}
