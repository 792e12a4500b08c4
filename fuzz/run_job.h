/* One case of the bench inside a target. Owns: nothing; targets/fuzz_kernels.c holds the open devices. */
#ifndef STERNA_FUZZ_RUN_JOB_H
#define STERNA_FUZZ_RUN_JOB_H

#include "harness/bench.h"

/* Makes the case from the bytes as choices, runs it on the n-th device that this machine has (0: the reference on
 * guarded pages), and aborts when the bench would report it. */
void sterna_fuzz_run_job(const sterna_job *job, uint32_t device, const uint8_t *bytes, size_t n);

#endif
