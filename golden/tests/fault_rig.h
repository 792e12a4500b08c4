/* A small model from opening to closing on a mock device that breaks: the mock GPU, or the CUDA and HIP hosts on the mock
 * vendor libraries. Owns: the model, one run and what holds for every run, sweeps. Leaves to others: which faults, and
 * what each has to give (test_golden_faults.c, test_golden_vendor.c). */
#ifndef STERNA_GOLDEN_FAULT_RIG_H
#define STERNA_GOLDEN_FAULT_RIG_H

#include "golden_test.h"

typedef struct fault_model {
    const char *host; /* "mock", "cuda" or "hip" */
    const char *shape, *type;
    uint32_t seed, warp, tokens; /* of the device in this round */
    const char *also;            /* further keys: "pool=64k," */
    char path[1200], log[1200];
    char want[65]; /* the reference's digest */
} fault_model;

/* What became of one run. */
typedef struct fault_outcome {
    sterna_status status;
    sterna_fault fault;
    char hex[65];
    bool foreign; /* a kernel or a device that is no mock's */
} fault_outcome;

/* Figures of a run in which nothing breaks. */
typedef struct fault_places {
    uint32_t allocations, lookups, copies, launches;
} fault_places;

/* What STERNA_FAULT_ROUNDS says, else 1. */
uint32_t fault_rounds(void);
/* Was this host built? */
bool fault_has(const char *host);
/* From now on this host finds its mock library, with these settings. For "mock" nothing is done. */
void fault_on_host(const char *host, const char *settings);
/* Makes the model of a round and its reference. False, and the case has failed, when that does not work; so below. */
bool fault_prepare(sterna_test *t, fault_model *m, const char *host, uint32_t round);
/* Runs a model on a device that is asked for as `device`. */
fault_outcome fault_run(const fault_model *m, const char *device, bool verify);
/* One run with these settings of the mock, and what holds for every one of them. */
bool fault_survives(sterna_test *t, const fault_model *m, const char *keys, bool verify,
                    fault_outcome *found);
bool fault_count(sterna_test *t, const fault_model *m, bool verify, fault_places *p);
/* Which places: first, first + stride, ... */
typedef struct fault_span {
    uint32_t first, stride;
} fault_span;

/* "<key>=n" for the n of a span up to `last`: the announced error each time, but for `spared` of them that the host got by
 * with the right bits; and at last + 1 the right bits. */
void fault_sweep(sterna_test *t, const fault_model *m, const char *key, fault_span span, uint32_t last,
                 uint32_t spared, sterna_status wanted, const char *part);

#endif
