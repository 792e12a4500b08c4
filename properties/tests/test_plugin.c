/* A stranger's backend is a file: the example plug-in of the manual passes the bench for what it can do, says
 * of the rest that it cannot, and what is no plug-in is refused. */
#include "harness/bench.h"
#include "runner.h"
#include <string.h>

#define PLUGIN STERNA_BINARY_DIR "/tests/plugin_backend.so"

static void example(sterna_test *t)
{
    sterna_bench_report report;
    sterna_fault fault = {0};
    sterna_bench_params params = {.spec = {PLUGIN, STERNA_PROFILE_EXACT, 0}, .seed = 1, .cases = 40};
    sterna_status status = sterna_bench_run(&params, &report, &fault);
    CHECK_MSG(t, status == STERNA_OK && report.n_failures == 0, "%s %s", fault.text,
              report.n_failures ? report.failures[0].verdict.text : "");
    for (uint32_t i = 0; i < report.n_jobs; i++) {
        const sterna_job_result *job = &report.jobs[i];
        bool can = job->job.op == STERNA_OP_add || job->job.op == STERNA_OP_rmsnorm;
        if (!EXPECT(t, can ? job->passed == 40 : job->passed == 0 && job->unsupported == 1))
            sterna_test_note(t, "%s", sterna_op_get(job->job.op)->name);
    }
    sterna_bench_free(&report);
}

static void no_plugins(sterna_test *t)
{
    static const char *const paths[] = {STERNA_BINARY_DIR "/tests/planted_cases",
                                        STERNA_SOURCE_DIR "/LICENSE", "/nonexistent/x.so"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        sterna_bench_report report;
        sterna_fault fault = {0};
        sterna_bench_params params = {.spec = {paths[i], STERNA_PROFILE_EXACT, 0}, .cases = 1};
        EXPECT(t, sterna_bench_run(&params, &report, &fault) == STERNA_FILE && strstr(fault.text, paths[i]));
        sterna_bench_free(&report);
    }
}

const sterna_test_case sterna_test_cases[] = {{"example", example, 60}, {"no_plugins", no_plugins, 0}, {0}};
