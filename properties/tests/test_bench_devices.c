/* The bench over every device that `make check` has: all laws of all operations and formats, a few cases of
 * each, with a fixed seed. Longer runs are `sterna check --budget`. */
#include "harness/bench.h"
#include "harness/direct.h"
#include "harness/process.h"
#include "registry.h"
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

/* Is there such a device? Asked in a process of its own: drivers of OpenCL do not survive a fork, and the bench forks. */
typedef struct presence {
    sterna_pulse pulse;
    const char *name;
    sterna_status status;
    sterna_fault fault;
} presence;

static void ask(void *context)
{
    presence *p = context;
    sterna_open_device device = {0};
    p->status = sterna_device_open(p->name, 1, STERNA_PROFILE_EXACT, &device, &p->fault);
    sterna_device_close(&device);
}

static void bench_where_present(sterna_test *t, const char *name, uint32_t cases)
{
    presence *p = sterna_process_map(sizeof *p);
    CHECK(t, p != NULL);
    p->name = name;
    sterna_verdict v = sterna_process_run(ask, p, &p->pulse, 60, false);
    presence answer = {.status = p->status, .fault = p->fault};
    sterna_process_unmap(p, sizeof *p);
    CHECK_MSG(t, v.code == STERNA_VERDICT_PASS, "opening %s: %s", name, v.text);
    if (answer.status == STERNA_UNSUPPORTED || answer.status == STERNA_DEVICE)
        SKIP(t, "%s", answer.fault.text);
    bench(t, name, STERNA_PROFILE_EXACT, cases);
}

/* GPU APIs: PoCL and lavapipe where they are installed, CUDA and HIP on the mock libraries that ctest puts in front. */
#define GPU_CASE(name, cases)                                                                                \
    static void name(sterna_test *t)                                                                         \
    {                                                                                                        \
        bench_where_present(t, #name, cases);                                                                \
    }
GPU_CASE(opencl, 10)
GPU_CASE(vulkan, 10)
GPU_CASE(cuda, 4)
GPU_CASE(hip, 4)

#define ROW(name)                                                                                            \
    {                                                                                                        \
#name, name, 120                                                                                     \
    }
const sterna_test_case sterna_test_cases[] = {
    ROW(direct),     ROW(direct_fast), ROW(scalar), ROW(avx2),   ROW(avx512bw), ROW(avx512vnni), ROW(mock),
    ROW(mock_warp4), ROW(mock_warp64), ROW(opencl), ROW(vulkan), ROW(cuda),     ROW(hip),        {0}};
