/* Laws about rows: they are independent of each other and of how many come together (levels D2 of
 * docs/numerics.md section 8). The bug class: N > 1 takes another kernel than N = 1. */
#include "base/mem.h"
#include "judge/compare.h"
#include "laws/laws.h"
#include <string.h>

/* Results of a part are put where the rows stand in the whole; an INOUT that all rows share goes from part to
 * part. */
static void merge(const sterna_call *call, sterna_outcome *whole, const sterna_call *part,
                  sterna_outcome *piece, const uint32_t *index, uint32_t count)
{
    uint64_t stride[STERNA_MAX_ARGS];
    sterna_trial_strides(call, stride);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        if (!piece->data[i]) continue;
        if (!stride[i]) memcpy(whole->data[i], piece->data[i], (size_t)part->bytes[i]);
        for (uint32_t r = 0; r < count && stride[i]; r++)
            memcpy(whole->data[i] + index[r] * stride[i], piece->data[i] + r * stride[i], (size_t)stride[i]);
    }
    whole->flags |= piece->flags;
}

static bool run_part(sterna_trial *t, const sterna_call *call, sterna_outcome *whole, const uint32_t *index,
                     uint32_t count)
{
    sterna_call part;
    sterna_outcome piece;
    uint64_t stride[STERNA_MAX_ARGS];
    if (!sterna_trial_pick(call, index, count, &part))
        return sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for a part");
    sterna_trial_strides(call, stride);
    for (uint32_t i = 0; i < call->info->n_params; i++)
        if (call->info->params[i].kind == STERNA_PARAM_INOUT && !stride[i])
            memcpy(part.data[i], whole->data[i], (size_t)part.bytes[i]);
    bool good = sterna_trial_run(t, &part, &piece);
    if (good) merge(call, whole, &part, &piece, index, count);
    if (good) sterna_outcome_free(&piece);
    sterna_call_free(&part);
    return good;
}

static bool empty_outcome(const sterna_call *call, sterna_outcome *whole)
{
    memset(whole, 0, sizeof *whole);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        if (!sterna_param_is_output(call->info->params[i].kind)) continue;
        whole->data[i] = sterna_alloc((size_t)call->bytes[i], 1);
        if (!whole->data[i]) return false;
        memcpy(whole->data[i], call->data[i], (size_t)call->bytes[i]);
    }
    return true;
}

/* The first rows one by one, a few together, then the rest. */
void sterna_law_rows(sterna_trial *t)
{
    sterna_call call;
    sterna_outcome all = {0}, parts = {0};
    if (!sterna_trial_call(t, STERNA_GEN_ERRORS, &call)) return;
    uint32_t rows = sterna_call_u32(&call, "rows"), done = 0, *index = sterna_alloc(rows, sizeof *index);
    for (uint32_t r = 0; index && r < rows; r++) index[r] = r;
    if (!index || !empty_outcome(&call, &parts)) {
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the parts");
    } else if (sterna_trial_run(t, &call, &all)) {
        bool good = true;
        while (good && done < rows) {
            uint32_t count = done < 3 ? 1 : done == 3 ? 5 : rows;
            if (count > rows - done) count = rows - done;
            good = run_part(t, &call, &parts, index + done, count);
            done += count;
        }
        if (good) sterna_trial_same(t, &call, &parts, &all);
    }
    sterna_outcome_free(&all);
    sterna_outcome_free(&parts);
    sterna_free(index);
    sterna_call_free(&call);
}

void sterna_law_permute(sterna_trial *t)
{
    sterna_call call;
    sterna_outcome all = {0}, other = {0};
    if (!sterna_trial_call(t, STERNA_GEN_ERRORS, &call)) return;
    uint32_t rows = sterna_call_u32(&call, "rows"), *index = sterna_alloc(rows, sizeof *index);
    for (uint32_t r = 0; index && r < rows; r++) index[r] = r;
    uint32_t seed = sterna_choose(t->choices, 65535);
    for (uint32_t r = rows; index && r > 1; r--) {
        uint32_t j = sterna_gen_word(seed, r) % r, swap = index[r - 1];
        index[r - 1] = index[j];
        index[j] = swap;
    }
    if (!index || !empty_outcome(&call, &other))
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the permuted call");
    else if (sterna_trial_run(t, &call, &all) && run_part(t, &call, &other, index, rows))
        sterna_trial_same(t, &call, &other, &all);
    sterna_outcome_free(&all);
    sterna_outcome_free(&other);
    sterna_free(index);
    sterna_call_free(&call);
}
