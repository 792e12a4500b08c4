/* What --device auto takes, as a function of what was found: nothing is asked or opened here. Owns: the order of
 * preference and the sentences. Leaves to others: finding (registry.c), probing and opening (select.c). */
#ifndef STERNA_AUTO_CHOICE_H
#define STERNA_AUTO_CHOICE_H

#include "registry.h"

typedef enum sterna_auto_exact {
    STERNA_AUTO_UNKNOWN, /* not probed; counts as exact when nothing else speaks against the device */
    STERNA_AUTO_EXACT,
    STERNA_AUTO_NOT_EXACT, /* or the probe could not run: `why` says so */
} sterna_auto_exact;

typedef struct sterna_candidate {
    const char *backend; /* "cuda" */
    char name[STERNA_DEVICE_NAME];
    const sterna_device_info *info;
    sterna_auto_exact exact;
    char why[160];  /* it is not exact, or could not be opened; "" */
    bool refused;   /* it could not be opened */
    char text[240]; /* out: why it is taken, or passed over */
} sterna_candidate;

/* The index of the best candidate, or n when none is possible. Candidates stand in the order of the registry. `memory`:
 * bytes that will be needed; 0: unknown. The caller probes a GPU that is chosen while `exact` is unknown, and asks again. */
uint32_t sterna_auto_choose(sterna_candidate *candidates, uint32_t n, uint64_t memory);

#endif
