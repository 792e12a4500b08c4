/* Running an oracle: allocation of the truth and dispatch by the catalogue. */
#include "oracle/oracle.h"
#include "base/mem.h"
#include <math.h>
#include <string.h>

void sterna_truth_free(sterna_truth *truth)
{
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) {
        sterna_free(truth->out[i].value);
        sterna_free(truth->out[i].radius);
    }
    memset(truth, 0, sizeof *truth);
}

bool sterna_oracle_run(const sterna_call *call, bool any_order, sterna_truth *truth)
{
    static bool (*const oracles[STERNA_OP_COUNT])(const sterna_args *, const sterna_tensor *,
                                                  sterna_truth *) = {
#define OP(name, items, oracle, laws, sentence) sterna_oracle_##oracle,
#include "catalogue/ops.def"
#undef OP
    };
    sterna_tensor tensor = {0};
    sterna_args args;
    memset(truth, 0, sizeof *truth);
    truth->any_order = any_order;
    truth->flags_known = UINT32_MAX;
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        if (!sterna_param_is_output(param->kind)) continue;
        sterna_truth_output *out = &truth->out[i];
        /* A cache is bytes in the catalogue and numbers here. */
        bool cache = strcmp(param->type, "byte") == 0;
        out->half = cache && sterna_call_u32(call, "kv_type") == 1;
        out->count = call->bytes[i] / (cache ? (out->half ? 2 : 4) : param->element);
        out->value = sterna_alloc((size_t)out->count, sizeof *out->value);
        out->radius = sterna_alloc((size_t)out->count, sizeof *out->radius);
        if (!out->value || !out->radius) {
            sterna_truth_free(truth);
            return false;
        }
        /* An element that an oracle forgets is within no radius. */
        for (uint64_t e = 0; e < out->count; e++) out->value[e] = (double)NAN;
    }
    sterna_call_tensor(call, &tensor);
    sterna_call_args(call, NULL, NULL, &args);
    if (oracles[call->op](&args, &tensor, truth)) return true;
    sterna_truth_free(truth);
    return false;
}
