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
    /* Everything can be done everywhere, but for the law of threads on devices without. */
    CHECK(t, passed >= jobs * cases * 4 / 5 && refused == 0);
}

#define DEVICE_CASE(name, device, profile, cases)                                                            \
    static void name(sterna_test *t)                                                                         \
    {                                                                                                        \
        bench(t, device, STERNA_PROFILE_##profile, cases);                                                   \
    }
DEVICE_CASE(direct, "direct", EXACT, 20)
DEVICE_CASE(direct_fast, "direct", FAST, 8) /* the oracle alone, with bounds for any order */
DEVICE_CASE(scalar, "cpu:scalar", EXACT, 8)
DEVICE_CASE(avx2, "cpu:avx2", EXACT, 20)
DEVICE_CASE(avx512bw, "cpu:avx512bw", EXACT, 20)
DEVICE_CASE(avx512vnni, "cpu:avx512vnni", EXACT, 20)
DEVICE_CASE(mock, "mock", EXACT, 10)
DEVICE_CASE(mock_warp4, "mock:warp=4,seed=11", EXACT, 4)
DEVICE_CASE(mock_warp64, "mock:warp=64,seed=12", EXACT, 4)

#define ROW(name)                                                                                            \
    {                                                                                                        \
#name, name, 120                                                                                     \
    }
const sterna_test_case sterna_test_cases[] = {
    ROW(direct),     ROW(direct_fast), ROW(scalar),     ROW(avx2),        ROW(avx512bw),
    ROW(avx512vnni), ROW(mock),        ROW(mock_warp4), ROW(mock_warp64), {0}};
