/* The bench on one device as a test: every failure is printed with its story. Owns: that. */
#ifndef STERNA_BENCH_DEVICE_H
#define STERNA_BENCH_DEVICE_H

#include "harness/bench.h"
#include "runner.h"
#include <stdio.h>

static inline void print_failure(sterna_test *t, const sterna_failure *f)
{
    sterna_test_note(t, "%s/%u/%d %s: %s: %s (%u choices, from %u)", sterna_op_get(f->job.op)->name,
                     f->job.format, (int)f->job.act, sterna_law_get(f->job.law)->name,
                     sterna_verdict_name(f->verdict.code), f->verdict.text, f->count, f->original_count);
    sterna_test_note(t, "%s", f->story);
}

/* patience: seconds that a case may take, 0 for what is usual. A driver compiles kernels while one runs. */
static inline void bench(sterna_test *t, const char *device, sterna_profile profile, uint32_t cases,
                         double patience)
{
    sterna_bench_report report;
    sterna_fault fault = {0};
    sterna_bench_params params = {
        .spec = {device, profile, 2}, .seed = 1, .cases = cases, .case_seconds = patience};
    sterna_status status = sterna_bench_run(&params, &report, &fault);
    printf("%s: %llu passed, %llu failed, %llu unsupported, %llu refused, %u workers, %.2f s\n", device,
           (unsigned long long)report.passed, (unsigned long long)report.failed,
           (unsigned long long)report.unsupported, (unsigned long long)report.refused, report.workers,
           report.seconds);
    for (uint32_t i = 0; i < report.n_failures; i++) print_failure(t, &report.failures[i]);
    bool clean = status == STERNA_OK && report.n_failures == 0 && report.failed == 0;
    uint64_t passed = report.passed, jobs = report.n_jobs, refused = report.refused;
    sterna_bench_free(&report);
    if (status == STERNA_UNSUPPORTED) SKIP(t, "%s", fault.text);
    CHECK_MSG(t, clean, "%s", fault.text);
    /* Everything can be done everywhere, but for the law of threads on devices without. */
    CHECK(t, passed >= jobs * cases * 4 / 5 && refused == 0);
}

#endif
