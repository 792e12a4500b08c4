/* The interpreter of programs: state that leaks from one call into another shows here. */
#include "harness/run_program.h"
#include "harness/visit.h"
#include "judge/compare.h"
#include <string.h>

/* One call on the device. */
typedef struct actor {
    sterna_visit visit;
    const sterna_outcome *alone;
    uint32_t slot;
    sterna_fence fence; /* 0: nothing is in flight */
    bool there, ran;    /* ran: the buffers hold its results */
} actor;

typedef struct program {
    actor actors[STERNA_PROGRAM_CALLS];
    uint32_t order[STERNA_PROGRAM_CALLS], in_flight; /* whose submissions are in flight, the oldest first */
} program;

static bool same(const actor *a, const sterna_outcome *got)
{
    const sterna_call *call = a->visit.call;
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        if (!sterna_param_is_output(param->kind)) continue;
        if (!sterna_judge_bits(a->visit.v, STERNA_VERDICT_LAW_BROKEN, param->name, sterna_element_of(param),
                               got->data[i], a->alone->data[i], call->bytes[i] / param->element))
            return false;
    }
    return true;
}

static bool wait_oldest(program *p)
{
    actor *a = &p->actors[p->order[0]];
    uint32_t flags;
    if (p->in_flight == 0) return true;
    memmove(p->order, p->order + 1, --p->in_flight * sizeof *p->order);
    sterna_fence fence = a->fence;
    a->fence = 0;
    if (!sterna_visit_await(&a->visit, fence, &flags)) return false;
    return flags == a->alone->flags ||
           sterna_judge(a->visit.v, STERNA_VERDICT_LAW_BROKEN, "flags of %s are %u, alone %u",
                        a->visit.call->info->name, flags, a->alone->flags);
}

static bool submit(program *p, uint32_t who)
{
    actor *a = &p->actors[who];
    if (a->fence) return true;
    if (!sterna_visit_reset(&a->visit) || !sterna_visit_post(&a->visit, a->slot, &a->fence)) return false;
    p->order[p->in_flight++] = who;
    a->ran = true;
    return true;
}

/* Reads wait for what is in flight, so no wait is needed before. */
static bool look(actor *a)
{
    sterna_outcome got = {.flags = 0};
    if (!a->ran) return true;
    bool good = sterna_visit_collect(&a->visit, &got) && same(a, &got);
    sterna_outcome_free(&got);
    return good;
}

/* Everything of the call is given back and made anew, while others stay. */
static bool renew(program *p, uint32_t who)
{
    actor *a = &p->actors[who];
    while (a->fence)
        if (!wait_oldest(p)) return false;
    sterna_visit fresh = {.s = a->visit.s,
                          .call = a->visit.call,
                          .manner = a->visit.manner,
                          .v = a->visit.v,
                          .salt = a->visit.s->salt++};
    sterna_visit_leave(&a->visit);
    a->visit = fresh;
    a->ran = false;
    return sterna_visit_arrive(&a->visit, &a->slot);
}

static bool step(program *p, sterna_choices *c, uint32_t n)
{
    uint32_t action = sterna_choose(c, 3), who = sterna_choose(c, n - 1);
    switch (action) {
    case 0:
        return submit(p, who);
    case 1:
        return look(&p->actors[who]);
    case 2:
        return wait_oldest(p);
    default:
        return renew(p, who);
    }
}

static uint32_t mostly(uint32_t max, uint32_t word0, uint32_t word1)
{
    (void)word1;
    return word0 % 16 ? max : 0;
}

void sterna_program_run(sterna_subject *s, sterna_choices *c, const sterna_call *calls,
                        const sterna_outcome *alone, uint32_t n, sterna_verdict *v)
{
    static const sterna_manner plain;
    program p = {.in_flight = 0};
    bool good = true;
    for (uint32_t i = 0; i < n && good; i++) {
        p.actors[i].alone = &alone[i];
        p.actors[i].visit =
            (sterna_visit){.s = s, .call = &calls[i], .manner = &plain, .v = v, .salt = s->salt++};
        p.actors[i].there = true;
        good = sterna_visit_arrive(&p.actors[i].visit, &p.actors[i].slot);
    }
    for (uint32_t i = 0; i < STERNA_PROGRAM_STEPS && good; i++) {
        sterna_span_begin(c);
        bool more = sterna_choose_biased(c, 1, mostly);
        good = !more || step(&p, c, n);
        sterna_span_end(c);
        if (!more) break;
    }
    while (good && p.in_flight) good = wait_oldest(&p);
    for (uint32_t i = 0; i < n && good; i++) good = look(&p.actors[i]);
    for (uint32_t i = 0; i < p.in_flight; i++) {
        actor *a = &p.actors[p.order[i]];
        sterna_visit_drain(&a->visit, a->fence);
    }
    for (uint32_t i = 0; i < n; i++)
        if (p.actors[i].there) sterna_visit_leave(&p.actors[i].visit);
}
