/* The bench: many cases of every law of every operation on one device, each failure found once, shrunk, and
 * told in a way that can be replayed. Owns: the list of jobs, worker processes, time limits, failures. Leaves
 * to others: laws (laws/), printing (commands).
 *
 * A worker process opens the device and runs cases; the runner only watches. A crash or a hang ends the
 * worker: the case it was at gets the verdict, a new worker goes on behind it. So does
 * every other failure once it is shrunk: what it left on the device must not reach the next case. */
#ifndef STERNA_BENCH_H
#define STERNA_BENCH_H

#include "laws/laws.h"

/* One law of one operation on one format. */
typedef struct sterna_job {
    sterna_op op;
    uint32_t format;
    sterna_act act;
    sterna_law_id law;
} sterna_job;

enum {
    STERNA_STORY_BYTES = 2400,
    STERNA_BENCH_JOBS = 1024,
    STERNA_BENCH_FAILURES = 64,
    STERNA_BENCH_KERNELS = 512
};

typedef struct sterna_failure {
    sterna_job job;
    sterna_verdict verdict;
    uint32_t value[STERNA_CHOICE_LIMIT], max[STERNA_CHOICE_LIMIT], count; /* the choices, shrunk */
    uint32_t original_count, shrink_attempts;
    double shrink_seconds;
    char story[STERNA_STORY_BYTES]; /* the decoded case */
} sterna_failure;

typedef struct sterna_bench_params {
    sterna_subject_spec spec;
    const char *op, *format, *law; /* comma-separated names; NULL: all */
    uint32_t seed;
    uint32_t cases;      /* of each job; with a budget: at least that many, time permitting */
    double budget;       /* seconds; 0: `cases` and no more */
    double case_seconds; /* a case that runs longer hangs; 0: sterna_process_patience() */
    bool no_shrink;
} sterna_bench_params;

typedef struct sterna_job_result {
    sterna_job job;
    uint32_t passed, failed, unsupported, refused;
} sterna_job_result;

typedef struct sterna_bench_report {
    sterna_job_result *jobs;
    uint32_t n_jobs;
    sterna_failure *failures; /* one per job at most */
    uint32_t n_failures;
    uint64_t passed, failed, unsupported, refused;
    uint32_t workers; /* processes started */
    double seconds;
    char device[160]; /* its description */
    sterna_device_info info;
    sterna_kernel_use *kernels; /* that ran in the last worker, as its device counted them */
    uint32_t n_kernels;         /* at most STERNA_BENCH_KERNELS */
} sterna_bench_report;

/* Runs. OK: see the report. NOTHING: no job matches the filters, or not one case passed or failed. Otherwise
 * the device could not be opened. The report is freed by the caller in every case. */
sterna_status sterna_bench_run(const sterna_bench_params *params, sterna_bench_report *report,
                               sterna_fault *fault);
void sterna_bench_free(sterna_bench_report *report);

/* One case in a process of its own: replays the choices. Always gives a verdict. `story` may be NULL. */
sterna_verdict sterna_bench_isolated(const sterna_subject_spec *spec, const sterna_job *job,
                                     const uint32_t *values, uint32_t count, double seconds, char *story,
                                     size_t story_size);
/* The same from bytes (sterna_choice_from_bytes). */
sterna_verdict sterna_bench_isolated_bytes(const sterna_subject_spec *spec, const sterna_job *job,
                                           const uint8_t *bytes, size_t count, double seconds, char *story,
                                           size_t story_size);

/* The same for a call with its data: what the law `reference` says of it. */
struct sterna_recorded;
sterna_verdict sterna_bench_isolated_call(const sterna_subject_spec *spec,
                                          const struct sterna_recorded *recorded, double seconds, char *story,
                                          size_t story_size);

/* Jobs that match (lists as above); returns how many there are and writes at most STERNA_BENCH_JOBS of them. */
uint32_t sterna_bench_jobs(const char *op, const char *format, const char *law, sterna_job *jobs);

#endif
