/* The law of programs: calls of several operations share a device, in any order of steps, and each gives what it gives
 * alone. The bug classes: stale captures, reordered queues, weights repacked in place, handles mixed up. */
#include "harness/run_program.h"
#include "laws/laws.h"

/* Operations and weights that a program mixes in: index 0 is the simplest. */
static const struct {
    sterna_op op;
    uint32_t format;
    sterna_act act;
} mixed[] = {{STERNA_OP_add, STERNA_FORMAT_F32, STERNA_ACT_F32},
             {STERNA_OP_gather, STERNA_FORMAT_F32, STERNA_ACT_F32},
             {STERNA_OP_quant_token, STERNA_FORMAT_F32, STERNA_ACT_F32},
             {STERNA_OP_kv_append, STERNA_FORMAT_F32, STERNA_ACT_F32},
             {STERNA_OP_matmul_ternary, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN},
             {STERNA_OP_matmul_block, STERNA_FORMAT_Q8_0, STERNA_ACT_BLOCK32},
             {STERNA_OP_matmul_float, STERNA_FORMAT_F16, STERNA_ACT_F32},
             {STERNA_OP_embed, STERNA_FORMAT_Q4_K, STERNA_ACT_F32}};

void sterna_law_program(sterna_trial *t)
{
    sterna_call calls[STERNA_PROGRAM_CALLS] = {{.info = NULL}};
    sterna_outcome alone[STERNA_PROGRAM_CALLS] = {{.flags = 0}};
    sterna_subject *s = t->subject;
    if (!sterna_trial_call(t, STERNA_GEN_ERRORS, &calls[0])) return;
    uint32_t n = 1, wanted = 1 + sterna_choose(t->choices, STERNA_PROGRAM_CALLS - 1);
    bool good = sterna_trial_run(t, &calls[0], &alone[0]);
    while (good && n < wanted) {
        uint32_t which = sterna_choose(t->choices, (uint32_t)(sizeof mixed / sizeof *mixed) - 1);
        sterna_op op = s->api->supports(s->device, sterna_op_get(mixed[which].op)->name, mixed[which].format,
                                        mixed[which].act)
                           ? mixed[which].op
                           : t->op;
        bool same = op == t->op;
        good = sterna_gen_call(t->choices, op, same ? t->format : mixed[which].format,
                               same ? t->act : mixed[which].act, STERNA_GEN_ERRORS, &calls[n]);
        if (!good) sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the program");
        good = good && sterna_trial_run(t, &calls[n], &alone[n]);
        n++;
    }
    if (good) sterna_program_run(s, t->choices, calls, alone, n, &t->verdict);
    for (uint32_t i = 0; i < n; i++) {
        sterna_outcome_free(&alone[i]);
        sterna_call_free(&calls[i]);
    }
}
