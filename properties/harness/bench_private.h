/* What worker processes and the runner share. */
#ifndef STERNA_BENCH_PRIVATE_H
#define STERNA_BENCH_PRIVATE_H

#include "harness/bench.h"
#include "harness/process.h"

typedef enum sterna_stage {
    STAGE_OPENING,
    STAGE_RUNNING,
    STAGE_SHRINKING, /* the failure is recorded already */
    STAGE_CLOSING,
    STAGE_AGAIN, /* a case failed: the next worker goes on with a fresh device */
    STAGE_DONE,
    STAGE_NO_DEVICE,
} sterna_stage;

/* In memory mapped shared before the fork. */
typedef struct sterna_bench_shared {
    sterna_pulse pulse; /* counts cases and shrink attempts */
    _Atomic int stage;
    uint32_t round, job; /* the case being run, or to run next */
    uint32_t at;         /* its number within the job */
    sterna_choices choices;
    sterna_verdict verdict; /* of an isolated case */
    sterna_fault fault;     /* why the device did not open */
    char device[160];
    char story[STERNA_STORY_BYTES];
    sterna_device_info info;
    uint32_t n_kernels;
    sterna_kernel_use kernels[STERNA_BENCH_KERNELS];
    uint32_t n_jobs, n_failures;
    sterna_job_result jobs[STERNA_BENCH_JOBS];
    sterna_failure failures[STERNA_BENCH_FAILURES];
} sterna_bench_shared;

/* Body of a worker, from the position in *shared on. */
void sterna_bench_work(const sterna_bench_params *params, sterna_bench_shared *shared, double deadline);
/* One replay on an open device; fills t->verdict. */
void sterna_bench_trial(sterna_trial *t, sterna_law_id law);
/* Takes down the failure whose choices and verdict are given. NULL when there is no more room. */
sterna_failure *sterna_bench_record(sterna_bench_shared *shared, const sterna_job *job,
                                    const sterna_verdict *verdict, const sterna_choices *choices);
void sterna_bench_keep(sterna_failure *failure, const sterna_choices *choices);

#endif
