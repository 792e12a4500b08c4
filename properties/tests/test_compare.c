/* Lock-step comparison: devices that agree are found equal, and a planted defect is named by operation and layer, without
 * the echo of what follows from it. */
#include "compare/lockstep.h"
#include "runner.h"
#include <string.h>

#define PLANTED STERNA_BINARY_DIR "/tests/planted_backend.so:scalar"

static const uint32_t prompt[] = {1, 5, 9, 2, 7, 4, 3};

static sterna_status compare(sterna_test *t, const char *model, const char *const *devices, uint32_t n,
                             uint32_t n_batch, sterna_lockstep_report *report, sterna_fault *fault)
{
    sterna_lockstep_params params = {.devices = devices,
                                     .n_devices = n,
                                     .prompt = prompt,
                                     .n_prompt = 7,
                                     .n_predict = 6,
                                     .ignore_end = true,
                                     .session = {.size = sizeof params.session,
                                                 .n_ctx = 64,
                                                 .n_batch = n_batch,
                                                 .threads = 2,
                                                 .page_size = 4},
                                     .sampling = {.size = sizeof params.sampling, .top_p = 1}};
    sterna_status status = sterna_model_open(sterna_test_repo(t, model), &params.model, fault);
    if (status == STERNA_OK) status = sterna_lockstep_run(&params, report, fault);
    sterna_model_close(params.model);
    return status;
}

static void equal(sterna_test *t, const char *model, const char *const *devices, uint32_t n)
{
    sterna_lockstep_report report = {0};
    sterna_fault fault = {0};
    sterna_status status = compare(t, model, devices, n, 3, &report, &fault);
    uint64_t diverging = 0;
    for (uint32_t d = 0; d < n; d++) diverging += report.diverging[d];
    bool right = status == STERNA_OK && diverging == 0 && report.n_kept == 0 && report.n_tokens == 6 &&
                 report.operations > 100 && report.values > 1000;
    sterna_lockstep_free(&report);
    if (status == STERNA_UNSUPPORTED) SKIP(t, "%s", fault.text);
    CHECK_MSG(t, right, "%s: %s, %llu operations differ", model, fault.text, (unsigned long long)diverging);
}

static void golden_is_equal(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", "cpu", "mock"};
    equal(t, "golden/models/golden.gguf", devices, 3);
}

static void stories_are_equal(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", "cpu"};
    equal(t, "golden/models/stories260K-q8_0.gguf", devices, 2);
}

/* Re-seeding: what differs is what was planted, in every submission, and nothing else. */
static void planted_defect_is_named(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", PLANTED, "cpu"};
    sterna_lockstep_report report = {0};
    sterna_fault fault = {0};
    sterna_status status = compare(t, "golden/models/golden.gguf", devices, 3, 3, &report, &fault);
    CHECK_MSG(t, status == STERNA_OK, "%s", fault.text);
    /* Layer 1 has four norms (two of them sub-norms); 7 prompt tokens in threes and 5 further steps are 8 submissions. */
    uint64_t diverging = report.diverging[1], others = report.diverging[2];
    sterna_divergence first = report.kept[0];
    uint32_t kept = report.n_kept;
    sterna_lockstep_free(&report);
    CHECK_MSG(t, first.op == STERNA_OP_rmsnorm && first.layer == 1 && first.step == 0 && first.device == 1,
              "%s of layer %u", sterna_op_get(first.op)->name, first.layer);
    CHECK(t, strcmp(first.output, "y") == 0 && first.different > 0 && first.different <= first.compared &&
                 first.worst_ulp > 0);
    CHECK_MSG(t, diverging > 8 && diverging <= 4 * 8 && others == 0 && kept == 4, "%llu and %llu",
              (unsigned long long)diverging, (unsigned long long)others);
}

static void refusals(sterna_test *t)
{
    static const char *const one[] = {"cpu:scalar"}, *const unknown[] = {"cpu:scalar", "cpu:nonsense"},
                             *const losing[] = {"cpu:scalar", "mock:lose_launch=40"};
    sterna_lockstep_report report = {0};
    sterna_fault fault = {0};
    EXPECT(t, compare(t, "golden/models/golden.gguf", one, 1, 3, &report, &fault) == STERNA_USAGE);
    sterna_lockstep_free(&report);
    fault = (sterna_fault){0};
    EXPECT(t, compare(t, "golden/models/golden.gguf", unknown, 2, 3, &report, &fault) == STERNA_UNSUPPORTED &&
                  strstr(fault.text, "nonsense"));
    sterna_lockstep_free(&report);
    fault = (sterna_fault){0};
    EXPECT(t, compare(t, "golden/models/golden.gguf", losing, 2, 3, &report, &fault) == STERNA_DEVICE &&
                  strstr(fault.text, "mock:lose_launch=40"));
    sterna_test_note(t, "%s", fault.text);
    sterna_lockstep_free(&report);
}

const sterna_test_case sterna_test_cases[] = {{"golden_is_equal", golden_is_equal, 60},
                                              {"stories_are_equal", stories_are_equal, 60},
                                              {"planted_defect_is_named", planted_defect_is_named, 60},
                                              {"refusals", refusals, 60},
                                              {0}};
