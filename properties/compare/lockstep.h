/* A model on several devices in lock-step: every operation runs on all of them, its outputs are compared with the first
 * device's, and where they differ the first device's values are put in place, so that each divergence is one of its own
 * and not the echo of an earlier one. Exact profile: bit by bit. Fast profile: every device, the first one too, is held to
 * the oracle's derived bounds (compare/bounds.h).
 * Owns: that loop, and what it counts. Leaves to others: sessions (engine/session), what equal means (judge/compare.h),
 * the inputs of a divergence (capture.h), printing (report.h). */
#ifndef STERNA_LOCKSTEP_H
#define STERNA_LOCKSTEP_H

#include "compare/capture.h"
#include "registry.h"
#include "sterna.h"
#include <stdbool.h>

enum { STERNA_LOCKSTEP_DEVICES = 16, STERNA_LOCKSTEP_KEPT = 4 };

typedef struct sterna_lockstep_params {
    sterna_model *model;
    sterna_session_params session; /* `device` is not read; the profile says how to compare */
    const char *const *devices;    /* the first one is the reference */
    uint32_t n_devices;            /* 2 to STERNA_LOCKSTEP_DEVICES */
    const uint32_t *prompt;
    uint32_t n_prompt, n_predict;
    bool ignore_end, capture; /* capture: keep the inputs of each device's first divergence */
    uint64_t capture_bytes;   /* at most so much is captured; 0: STERNA_CAPTURE_BYTES */
    sterna_sampling sampling;
    void (*progress)(uint32_t step, uint32_t node, uint32_t nodes); /* NULL: none */
} sterna_lockstep_params;

/* An output that differs, or a status word ("flags", one value). */
typedef struct sterna_divergence {
    uint32_t step, position;        /* step 0 reads the prompt; position of the submission's first row */
    uint32_t node, layer, n_layers; /* layer == n_layers: behind the last one */
    sterna_op op;
    const char *output; /* name of the argument */
    uint32_t row;       /* of the submission, in which the first difference stands */
    uint64_t index;     /* within the row */
    uint64_t different, compared, worst_ulp;
    double got, want; /* want: the first device's value, or the oracle's */
    double ratio;     /* fast: |got - want| to the bound */
} sterna_divergence;

/* One operation on one device. */
typedef struct sterna_tally {
    uint64_t nodes, values;        /* compared */
    uint64_t diverging, different; /* nodes and values that differ, or that leave their bounds */
    uint64_t worst_ulp;            /* exact */
    double worst_ratio;            /* fast */
    sterna_divergence first;       /* when diverging */
} sterna_tally;

typedef struct sterna_lockstep_device {
    char spec[STERNA_OPENED_BYTES]; /* as the registry spells it */
    sterna_device_info info;
    sterna_tally tally[STERNA_OP_COUNT];
    uint64_t operations, values, diverging;
    sterna_divergence kept[STERNA_LOCKSTEP_KEPT]; /* the first ones, in order */
    uint32_t n_kept;
    sterna_kernel_use *kernels;
    uint32_t n_kernels;
    bool captured; /* the inputs of kept[0] */
    sterna_capture capture;
    sterna_fault capture_fault; /* why there are none */
    sterna_fault failure;       /* status OK: it went to the end; otherwise it was left out from then on */
} sterna_lockstep_device;

typedef struct sterna_lockstep_report {
    sterna_profile profile;
    uint32_t n_devices, n_layers, steps, n_tokens;
    uint64_t operations; /* run on the first device */
    sterna_lockstep_device *devices;
    uint32_t *tokens;   /* drawn from the first device's logits */
    sterna_fault ended; /* status OK: to the end; otherwise the first device met bad values (NUMERIC) */
} sterna_lockstep_report;

/* OK: see the report, divergences and failed devices included. Other statuses: a device did not open, or the first one
 * failed; the text names it. Free the report in any case. */
sterna_status sterna_lockstep_run(const sterna_lockstep_params *params, sterna_lockstep_report *report,
                                  sterna_fault *fault);
void sterna_lockstep_free(sterna_lockstep_report *report);

/* What it came to: OK, FAILED (a divergence), the first failed device's status, NUMERIC, or NOTHING compared. */
sterna_status sterna_lockstep_verdict(const sterna_lockstep_report *report, sterna_fault *fault);

#endif
