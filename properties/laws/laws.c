/* The table of laws, and what laws have in common. */
#include "laws/laws.h"
#include "base/mem.h"
#include "judge/compare.h"
#include "laws/op_laws.def"
#include <string.h>

static const sterna_law_info infos[STERNA_LAW_COUNT] = {
#define LAW(name, sentence) {#name, sentence, sterna_law_##name},
#include "laws/laws.def"
#undef LAW
};

const sterna_law_info *sterna_law_get(sterna_law_id id)
{
    return &infos[id];
}

bool sterna_law_find(const char *name, sterna_law_id *id)
{
    for (uint32_t i = 0; i < STERNA_LAW_COUNT; i++)
        if (strcmp(infos[i].name, name) == 0) {
            *id = (sterna_law_id)i;
            return true;
        }
    return false;
}

#define LAW_BIT(name)                           | 1u << STERNA_LAW_##name
#define OP(name, items, oracle, laws, sentence) 0u LAWS_##laws(LAW_BIT),
static const uint32_t lists[STERNA_OP_COUNT] = {
#include "catalogue/ops.def"
};
#undef OP
_Static_assert(STERNA_LAW_COUNT <= 32, "one bit per law");

/* A row has the reference and at least two more laws. */
#define LAW_ONE(name) +1
#define OP(name, items, oracle, laws, sentence)                                                              \
    _Static_assert((0 LAWS_##laws(LAW_ONE)) >= 3, "an operation needs the reference and two laws: " #name);
#include "catalogue/ops.def"
#undef OP

bool sterna_law_applies(sterna_law_id id, sterna_op op)
{
    return lists[op] >> id & 1;
}

bool sterna_trial_call(sterna_trial *t, sterna_gen_mode mode, sterna_call *call)
{
    if (!sterna_gen_call(t->choices, t->op, t->format, t->act, mode, call))
        return sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the case");
    if (t->story) sterna_call_print(call, 8, t->story, t->story_size);
    return true;
}

bool sterna_trial_run(sterna_trial *t, const sterna_call *call, sterna_outcome *outcome)
{
    return sterna_subject_run(t->subject, call, NULL, outcome, &t->verdict);
}

bool sterna_trial_same(sterna_trial *t, const sterna_call *call, const sterna_outcome *got,
                       const sterna_outcome *want)
{
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        if (!sterna_param_is_output(param->kind)) continue;
        if (!sterna_judge_bits(&t->verdict, STERNA_VERDICT_LAW_BROKEN, param->name, sterna_element_of(param),
                               got->data[i], want->data[i], call->bytes[i] / param->element))
            return false;
    }
    return got->flags == want->flags || sterna_judge(&t->verdict, STERNA_VERDICT_LAW_BROKEN,
                                                     "flags are %u, not %u", got->flags, want->flags);
}

bool sterna_trial_equal(sterna_trial *t, const char *name, const float *got, const float *want,
                        uint64_t count)
{
    return sterna_judge_bits(&t->verdict, STERNA_VERDICT_LAW_BROKEN, name, STERNA_ELEMENT_F32, got, want,
                             count);
}

void sterna_trial_strides(const sterna_call *call, uint64_t stride[STERNA_MAX_ARGS])
{
    sterna_call_strides(call->op, call->scalars, stride);
}

bool sterna_trial_pick(const sterna_call *call, const uint32_t *index, uint32_t count, sterna_call *picked)
{
    uint32_t scalars[STERNA_MAX_ARGS];
    uint64_t stride[STERNA_MAX_ARGS];
    memcpy(scalars, call->scalars, sizeof scalars);
    scalars[sterna_op_param(call->op, "rows")] = count;
    if (!sterna_call_make(picked, call->op, scalars, call->format, call->act)) return false;
    sterna_trial_strides(call, stride);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        if (!picked->data[i]) continue;
        if (!stride[i]) {
            memcpy(picked->data[i], call->data[i], (size_t)picked->bytes[i]);
            continue;
        }
        for (uint32_t r = 0; r < count; r++)
            memcpy(picked->data[i] + r * stride[i], call->data[i] + index[r] * stride[i], (size_t)stride[i]);
    }
    return true;
}
