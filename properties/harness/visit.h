/* A call's stay on a device, step by step: buffers and plan made, submitted, waited for, read back, given back.
 * Owns: the steps. Leaves to others: which order they come in (run_call.c the usual one, run_program.c any). */
#ifndef STERNA_VISIT_H
#define STERNA_VISIT_H

#include "harness/subject.h"

/* One argument's buffer on the device. */
typedef struct sterna_lodging {
    sterna_buffer *buffer;
    uint64_t before, bytes, total; /* red zone before, the argument's extent, everything */
    uint8_t *image;                /* what the whole buffer held before the run */
} sterna_lodging;

typedef struct sterna_visit {
    sterna_subject *s;
    const sterna_call *call;
    const sterna_manner *manner;
    sterna_lodging place[STERNA_MAX_ARGS];
    sterna_weight *weight;
    sterna_plan *plan;
    sterna_verdict *v;
    uint32_t salt;
    bool tight; /* buffers without red zones, as long as their arguments */
} sterna_visit;

/* All of these judge in *x->v and return false when something is wrong. */

/* Creates buffers, weight and plan; *slot is the number of rows to submit with. */
bool sterna_visit_arrive(sterna_visit *x, uint32_t *slot);
/* Writes every buffer as it was at first, poison included. */
bool sterna_visit_reset(sterna_visit *x);
bool sterna_visit_post(sterna_visit *x, uint32_t slot, sterna_fence *fence);
bool sterna_visit_await(sterna_visit *x, sterna_fence fence, uint32_t *flags);
/* Waits without judging, so that nothing is left in flight after a failure; fence 0 is nothing. */
void sterna_visit_drain(sterna_visit *x, sterna_fence fence);
/* Reads every buffer, looks at red zones and inputs, and copies the outputs. */
bool sterna_visit_collect(sterna_visit *x, sterna_outcome *outcome);
void sterna_visit_leave(sterna_visit *x);

#endif
