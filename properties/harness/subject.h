/* The device under test, reached through sterna_backend.h alone: ours, the mock and a stranger's .so alike.
 * Owns: opening, running one call, and everything that is checked around it (poison, red zones, inputs,
 * status). Leaves to others: what the results should be (oracle/, laws/). */
#ifndef STERNA_SUBJECT_H
#define STERNA_SUBJECT_H

#include "gen/call.h"
#include "judge/verdict.h"
#include "registry.h"

typedef struct sterna_subject {
    const sterna_backend_api *api;
    sterna_device *device;
    sterna_device_info info;
    sterna_profile profile;
    void *library; /* of a plug-in */
    sterna_host host;
    int64_t live;   /* host allocations of the device */
    uint32_t burst; /* of them, given back with something written beside them */
    bool fenced;    /* they lie between guard pages; a mock watches its memory itself */
    uint32_t salt;  /* of the poison; changes with every run */
    bool guarded;   /* buffers end at a page that must not be touched: no red zones then */
    char name[STERNA_OPENED_BYTES]; /* "cpu:avx2" */
} sterna_subject;

/* What to open: "cpu", "cpu:avx2", "mock:warp=8", or the path of a plug-in (it holds a '/') with ":variant". */
typedef struct sterna_subject_spec {
    const char *name;
    sterna_profile profile;
    uint32_t threads;
} sterna_subject_spec;

/* A backend that is not registered, made known to sterna_subject_open under its name; for tests. */
void sterna_subject_offer(const sterna_backend_api *api, bool guarded);

sterna_status sterna_subject_open(sterna_subject *s, const sterna_subject_spec *spec, sterna_fault *fault);
/* Closes; *v (may be NULL): LEAK when the backend kept host memory, OUT_OF_BOUNDS_WRITE when it wrote beside a block. */
void sterna_subject_close(sterna_subject *s, sterna_verdict *v);

/* Results of one run: copies of OUT and INOUT arguments. Zero-initialise; free with sterna_outcome_free. */
typedef struct sterna_outcome {
    uint8_t *data[STERNA_MAX_ARGS];
    uint32_t flags;
} sterna_outcome;
void sterna_outcome_free(sterna_outcome *outcome);

/* How a call is brought to the device: the variations that must not matter. */
typedef struct sterna_manner {
    uint32_t slack; /* extra rows in the slot's maximum; used only with slot */
    bool slot;      /* the number of rows comes as a slot */
    uint32_t warm; /* with slot: a submission of that many rows goes before, its results are wiped; 0: none */
    bool short_lived; /* the weight's bytes are overwritten once it is created */
    uint32_t shift;   /* argument offsets, in units of the device's alignment */
    bool labelled;    /* the node carries `label`, else one of the bench's own */
    uint32_t label;
} sterna_manner;

/* Runs the call once on poisoned memory. False when something is wrong, judged in *v (UNSUPPORTED included);
 * then *outcome is empty. */
bool sterna_subject_run(sterna_subject *s, const sterna_call *call, const sterna_manner *manner,
                        sterna_outcome *outcome, sterna_verdict *v);
/* Runs it twice on different poison: UNWRITTEN and NONDETERMINISTIC are judged, too. The first time the buffers have red
 * zones, the second time they end where the arguments end: at a guard page, on a device that computes in host memory. */
bool sterna_subject_run_twice(sterna_subject *s, const sterna_call *call, const sterna_manner *manner,
                              sterna_outcome *outcome, sterna_verdict *v);
/* Brings both calls to the device, submits both, and only then waits for them. */
bool sterna_subject_run_queued(sterna_subject *s, const sterna_call *const calls[2],
                               sterna_outcome outcomes[2], sterna_verdict *v);
/* The canonical reference on host memory. False when memory is refused or the weight is refused. */
bool sterna_reference_run(const sterna_call *call, sterna_outcome *outcome, sterna_fault *fault);

#endif
