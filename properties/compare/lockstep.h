/* A model on several devices in lock-step: every operation runs on all of them, its outputs are compared bit by bit with
 * the first device's, and where they differ the first device's values are put in place, so that each divergence is one
 * of its own and not the echo of an earlier one.
 * Owns: that loop. Leaves to others: sessions (engine/session), what equal means (judge/compare.h), printing. */
#ifndef STERNA_LOCKSTEP_H
#define STERNA_LOCKSTEP_H

#include "catalogue/catalogue.h"
#include "sterna.h"
#include <stdbool.h>

enum { STERNA_LOCKSTEP_DEVICES = 8, STERNA_LOCKSTEP_KEPT = 32 };

typedef struct sterna_lockstep_params {
    sterna_model *model;
    sterna_session_params session; /* `device` is not read */
    const char *const *devices;    /* the first one is the reference */
    uint32_t n_devices;            /* 2 to STERNA_LOCKSTEP_DEVICES */
    const uint32_t *prompt;
    uint32_t n_prompt, n_predict;
    bool ignore_end;
    sterna_sampling sampling;
} sterna_lockstep_params;

/* An output that differs. */
typedef struct sterna_divergence {
    uint32_t device, step, position; /* step 0 reads the prompt; position of the submission's first row */
    uint32_t node, layer, n_layers;  /* layer == n_layers: behind the last one */
    sterna_op op;
    const char *output; /* name of the argument */
    uint32_t row;       /* of the submission, in which the first difference stands */
    uint64_t index;     /* within the row */
    uint64_t different, compared, worst_ulp;
    double got, want;
} sterna_divergence;

typedef struct sterna_lockstep_report {
    uint32_t n_layers, steps, n_tokens;
    uint64_t operations, values;                  /* compared, on each device */
    uint64_t diverging[STERNA_LOCKSTEP_DEVICES];  /* operations that differed */
    sterna_divergence kept[STERNA_LOCKSTEP_KEPT]; /* the first ones of each device, in order */
    uint32_t n_kept;
    uint32_t *tokens; /* drawn from the first device's logits; freed by sterna_lockstep_free */
} sterna_lockstep_report;

/* OK: see the report, divergences included. Other statuses name the device that failed. */
sterna_status sterna_lockstep_run(const sterna_lockstep_params *params, sterna_lockstep_report *report,
                                  sterna_fault *fault);
void sterna_lockstep_free(sterna_lockstep_report *report);

#endif
