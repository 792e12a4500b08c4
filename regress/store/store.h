/* The store of results: one SQLite file that several programs may write at once. Owns: the schema (schema/), its
 * migrations, what a transaction holds. Leaves to others: what results mean.
 *
 * A run is written in one transaction: after a kill, a full disk or a power cut it is there in whole or not at all (WAL,
 * synchronous=FULL). Writers wait up to 30 s for each other. Memory and files of SQLite go through base/mem.h and the
 * fault point of system calls. */
#ifndef STERNA_STORE_H
#define STERNA_STORE_H

#include "measure/result.h"

typedef struct sterna_store sterna_store;

/* Opens, creates where nothing is, and brings an older schema up to date. FILE: cannot be opened, or holds something else
 * than a store. UNSUPPORTED: written by a newer Sterna. */
sterna_status sterna_store_open(const char *path, sterna_store **store, sterna_fault *fault);
/* NULL is allowed. */
void sterna_store_close(sterna_store *store);

/* Writes a run. *run (may be NULL) gets its number. */
sterna_status sterna_store_put(sterna_store *store, const sterna_results *results, int64_t *run,
                               sterna_fault *fault);

/* One point of a benchmark's history. Texts live until the visitor returns. */
typedef struct sterna_store_point {
    int64_t series; /* equal: same benchmark, settings, model, machine, device and threads */
    const char *name, *settings, *model, *device, *processor, *unit;
    uint32_t threads;
    double work;
    const char *began, *commit;
    uint8_t digest[STERNA_HASH_BYTES], code[STERNA_HASH_BYTES];
    bool has_code;
    const double *seconds; /* [n], sorted */
    uint32_t n;
} sterna_store_point;
/* Every timed result, series by series, each in the order of time. A status other than OK ends the walk. */
typedef sterna_status sterna_store_visit(void *context, const sterna_store_point *point, sterna_fault *fault);
sterna_status sterna_store_walk(sterna_store *store, sterna_store_visit *visit, void *context,
                                sterna_fault *fault);

/* One run of `check`, summed up. */
typedef struct sterna_store_check {
    char began[24], commit[64], device[64];
    uint64_t properties, passed, failed, unsupported;
} sterna_store_check;
typedef sterna_status sterna_store_check_visit(void *context, const sterna_store_check *check,
                                               sterna_fault *fault);
/* In the order of time. */
sterna_status sterna_store_checks(sterna_store *store, sterna_store_check_visit *visit, void *context,
                                  sterna_fault *fault);

/* What a gate found. Texts and arrays are the caller's. */
typedef struct sterna_store_ratio {
    const char *name, *verdict;
    double ratio, low, high, p;
    bool same_code;
} sterna_store_ratio;
typedef struct sterna_store_gate {
    const sterna_results *base,
        *head; /* machine, programs, device, threads, time: head's where both have one */
    uint32_t rounds, n;
    const char *outcome;
    const sterna_store_ratio *ratios; /* [n] */
} sterna_store_gate;
sterna_status sterna_store_put_gate(sterna_store *store, const sterna_store_gate *gate, sterna_fault *fault);
/* Log ratios between equal code that earlier gates on this machine and device found for a benchmark, the latest first:
 * up to `capacity` of them. */
sterna_status sterna_store_null_history(sterna_store *store, const sterna_results *like, const char *name,
                                        double *logs, uint32_t capacity, uint32_t *n, sterna_fault *fault);

#endif
