/* The bench over every device that `make check` has: all laws of all operations and formats, a few cases of
 * each, with a fixed seed. Longer runs are `sterna check --budget`. */
#include "harness/bench.h"
#include "harness/direct.h"
#include "runner.h"
#include <stdio.h>

static void print_failure(sterna_test *t, const sterna_failure *f)
{
    sterna_test_note(t, "%s/%u/%d %s: %s: %s (%u choices, from %u)", sterna_op_get(f->job.op)->name,
                     f->job.format, (int)f->job.act, sterna_law_get(f->job.law)->name,
                     sterna_verdict_name(f->verdict.code), f->verdict.text, f->count, f->original_count);
    sterna_test_note(t, "%s", f->story);
}

static void bench(sterna_test *t, const char *device, sterna_profile profile, uint32_t cases)
{
    sterna_bench_report report;
    sterna_fault fault = {0};
    sterna_bench_params params = {.spec = {device, profile, 2}, .seed = 1, .cases = cases};
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
    CHECK(t, passed >= jobs * cases / 2 && refused == 0);
}

static void direct(sterna_test *t)
{
    bench(t, "direct", STERNA_PROFILE_EXACT, 20);
}

static void scalar(sterna_test *t)
{
    bench(t, "cpu:scalar", STERNA_PROFILE_EXACT, 20);
}

const sterna_test_case sterna_test_cases[] = {{"direct", direct, 120}, {"scalar", scalar, 120}, {0}};
