/* `sterna bench`: what a model and the operations it is made of cost here, verified, printed, and kept when asked. */
#include "cli/command.h"
#include "cli/common.h"
#include "cli/main.h"
#include "cli/say.h"
#include "cpu/cpu_roofline.h"
#include "measure/measure.h"
#include "measure/table.h"
#include "session/session.h"
#include "store/store.h"
#include <stdio.h>
#include <string.h>

/* Places in --suite's list. */
enum { SUITE_MODEL, SUITE_KERNELS, SUITE_FILES, SUITE_ALL };

typedef struct bench {
    const sterna_cli *cli;
    const sterna_options *o;
    const char *path, *label, *filter; /* label: the file's name without its folder */
    bool model, kernels, files;        /* suites */
    bool kept;                         /* results leave this program: they need the model's root */
    uint8_t root[STERNA_HASH_BYTES];
    sterna_model *opened; /* until the end: the table names its architecture */
    sterna_results results;
} bench;

static void cancel(void *context)
{
    sterna_session_cancel(context);
}

/* The tests that -p and -n ask for; 0 asks for none, and --only may leave some out. */
static sterna_status plan_tests(const bench *b, sterna_speed *speed, uint32_t *longest, sterna_fault *fault)
{
    static const sterna_option_id lists[] = {STERNA_OPT_bench_prompt, STERNA_OPT_bench_gen};
    uint32_t asked = 0;
    *longest = 0;
    for (uint32_t kind = 0; kind < 2; kind++) {
        const sterna_option_value *list = &b->o->values[lists[kind]];
        for (uint32_t i = 0; i < list->n_list; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s%u", kind == STERNA_SPEED_PP ? "pp" : "tg", list->list[i]);
            if (list->list[i] == 0) continue;
            asked++;
            if (!sterna_measure_wanted(b->filter, name)) continue;
            speed->tests[speed->n_tests].kind = (sterna_speed_kind)kind;
            speed->tests[speed->n_tests++].n = list->list[i];
            if (list->list[i] > *longest) *longest = list->list[i];
        }
    }
    return asked || b->kernels || b->files
               ? STERNA_OK
               : sterna_fail(fault, STERNA_NOTHING, "-p 0 and -n 0 leave nothing to measure");
}

static sterna_status open_session(const sterna_options *o, sterna_model *model, uint32_t longest,
                                  sterna_session **session, sterna_fault *fault)
{
    sterna_session_params params;
    sterna_status status = sterna_cli_session(o, &params, fault);
    if (status != STERNA_OK) return status;
    if (params.n_ctx == 0) params.n_ctx = longest;
    if (params.n_ctx < longest)
        return sterna_fail(fault, STERNA_USAGE, "--ctx-size %u: a test of %u rows needs as many positions",
                           params.n_ctx, longest);
    return sterna_session_open(model, &params, session, fault);
}

/* --receipt: a short generation on the same session, as evidence of what computed the figures. */
static sterna_status record_generation(const sterna_cli *cli, sterna_session *session, sterna_fault *fault)
{
    enum { PROMPT = 4, TOKENS = 32 };
    uint32_t prompt[PROMPT], n_ctx = session->params.n_ctx, n_prompt = n_ctx < PROMPT ? n_ctx : PROMPT;
    sterna_generate_params params = {.size = sizeof params,
                                     .prompt = prompt,
                                     .n_prompt = n_prompt,
                                     .n_predict =
                                         n_ctx - n_prompt + 1 < TOKENS ? n_ctx - n_prompt + 1 : TOKENS,
                                     .ignore_end = 1,
                                     .sampling = {.size = sizeof params.sampling, .top_p = 1.0f}};
    sterna_generate_result result;
    void *record = NULL;
    for (uint32_t i = 0; i < PROMPT; i++) prompt[i] = (i + 1) % session->model->h.n_vocab;
    sterna_session_truncate(session, 0, 0);
    sterna_status status = sterna_cli_record(cli, session, &params, &record, fault);
    if (status == STERNA_OK && record) {
        status = sterna_generate(session, &params, NULL, NULL, &result, fault);
        if (status == STERNA_OK) status = cli->recorder->end(record, &result, fault);
        cli->recorder->release(record);
    }
    return status;
}

/* Memory bandwidth and int8 peak of the same processor at the same level with the same threads. Other devices have no
 * limit that is measured here; a machine too small for the measurement goes without. */
static void measure_limits(const sterna_session *session, sterna_speed *speed)
{
    static const char prefix[] = "cpu:";
    const char *spec = session->device.spec;
    sterna_cpu_level level;
    sterna_cpu_roofline limits;
    sterna_fault fault = {0};
    if (session->device.library || strncmp(spec, prefix, sizeof prefix - 1) != 0) return;
    spec += sizeof prefix - 1;
    sterna_say_progress("memory bandwidth and int8 peak");
    sterna_status status =
        sterna_cpu_level_find(spec, strcspn(spec, ","), sterna_cpu_features(), &level, &fault);
    if (status == STERNA_OK)
        status = sterna_cpu_measure_roofline(sterna_host_default(), level, speed->threads, &limits, &fault);
    sterna_say_progress_end();
    if (status != STERNA_OK) {
        sterna_say("limits not measured: %s", fault.text);
        return;
    }
    speed->read_bytes_per_second = limits.read_bytes_per_second;
    speed->int8_ops_per_second = 2 * limits.int8_macs_per_second; /* a multiplication and an addition */
}

/* Takes model and session through their tests. */
static sterna_status run_tests(bench *b, sterna_speed *speed, sterna_model *model, sterna_session *session,
                               sterna_fault *fault)
{
    static sterna_kernel_use uses[STERNA_RESULT_KERNELS];
    uint32_t reps = (uint32_t)sterna_option_integer(b->o, STERNA_OPT_repetitions);
    sterna_status status = STERNA_OK;
    snprintf(b->results.device, sizeof b->results.device, "%s", session->device.spec);
    b->results.threads = session->device.info.threads;
    speed->device = b->results.device; /* the session will be closed when it is printed */
    speed->threads = session->device.info.threads;
    speed->n_batch = session->params.n_batch;
    speed->kv_type = sterna_cli_kv_name(session->params.kv_type);
    sterna_speed_describe(speed, model);
    if (!sterna_option_flag(b->o, STERNA_OPT_no_limits)) measure_limits(session, speed);
    sterna_on_interrupt(cancel, session);
    for (uint32_t i = 0; i < speed->n_tests && status == STERNA_OK; i++)
        status = sterna_speed_measure(session, speed, &speed->tests[i], reps, fault);
    sterna_on_interrupt(NULL, NULL);
    for (uint32_t i = 0; i < STERNA_RESULT_KERNELS; i++)
        uses[i] = (sterna_kernel_use){.size = sizeof uses[i]};
    uint32_t n = sterna_session_kernels(session, uses, STERNA_RESULT_KERNELS);
    if (n > STERNA_RESULT_KERNELS) n = STERNA_RESULT_KERNELS;
    if (status == STERNA_OK)
        status = sterna_measure_speed(speed, b->label, b->root, uses, n, &b->results, fault);
    return status;
}

static sterna_status measure_model(bench *b, sterna_speed *speed, sterna_model *model, sterna_fault *fault)
{
    sterna_session *session = NULL;
    uint32_t longest;
    sterna_status status = plan_tests(b, speed, &longest, fault);
    if (status != STERNA_OK || speed->n_tests == 0) return status;
    status = open_session(b->o, model, longest, &session, fault);
    if (status == STERNA_OK) status = sterna_cli_policy(b->o, session, fault);
    if (status == STERNA_OK) status = run_tests(b, speed, model, session, fault);
    if (status == STERNA_OK && sterna_option_text(b->o, STERNA_OPT_receipt))
        status = record_generation(b->cli, session, fault);
    sterna_session_close(session);
    return status;
}

static sterna_status measure_kernels(bench *b, const sterna_measure_params *params, sterna_fault *fault)
{
    sterna_open_device device = {0};
    if (sterna_option_integer(b->o, STERNA_OPT_profile) != 0)
        return sterna_fail(fault, STERNA_USAGE,
                           "--profile fast: single operations are timed in the exact profile, in "
                           "which their bits can be compared");
    sterna_status status =
        sterna_option_flag(b->o, STERNA_OPT_strict) ? sterna_strict_environment(fault) : STERNA_OK;
    if (status != STERNA_OK) return status;
    status = sterna_device_open(sterna_option_text(b->o, STERNA_OPT_device),
                                (uint32_t)sterna_option_integer(b->o, STERNA_OPT_threads),
                                STERNA_PROFILE_EXACT, &device, fault);
    if (status != STERNA_OK) return status;
    snprintf(b->results.device, sizeof b->results.device, "%s", device.spec);
    b->results.threads = device.info.threads;
    if (sterna_option_flag(b->o, STERNA_OPT_strict))
        status = sterna_strict_device(&device, STERNA_PROFILE_EXACT, fault);
    if (status == STERNA_OK) status = sterna_measure_kernels(&device, params, &b->results, fault);
    sterna_device_close(&device);
    return status;
}

static sterna_status measure_all(bench *b, sterna_speed *speed, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    const sterna_measure_params params = {
        .filter = b->filter, .reps = (uint32_t)sterna_option_integer(b->o, STERNA_OPT_repetitions)};
    if (b->model || b->files) status = sterna_model_open(b->path, &b->opened, fault);
    if (status == STERNA_OK && b->opened && b->kept) status = sterna_model_hash(b->opened, 0, b->root, fault);
    if (status == STERNA_OK && b->model) status = measure_model(b, speed, b->opened, fault);
    if (status == STERNA_OK && b->files)
        status = sterna_measure_files(b->path, b->label, b->root, &params, &b->results, fault);
    if (status == STERNA_OK && b->kernels) status = measure_kernels(b, &params, fault);
    if (status == STERNA_OK && b->results.n == 0)
        status = sterna_fail(fault, STERNA_NOTHING,
                             "--only %s: no benchmark of that name in this suite, or none that "
                             "the device supports",
                             b->filter ? b->filter : "");
    return status;
}

static sterna_status prepare(bench *b, sterna_fault *fault)
{
    int64_t suite = sterna_option_integer(b->o, STERNA_OPT_suite);
    sterna_results *r = &b->results;
    b->path = sterna_option_text(b->o, STERNA_OPT_bench_model);
    b->filter = sterna_option_text(b->o, STERNA_OPT_only);
    b->model = suite == SUITE_MODEL || suite == SUITE_ALL;
    b->kernels = suite == SUITE_KERNELS || suite == SUITE_ALL;
    b->files = suite == SUITE_FILES || suite == SUITE_ALL;
    b->kept = sterna_option_text(b->o, STERNA_OPT_bench_db) || sterna_option_flag(b->o, STERNA_OPT_json) ||
              sterna_option_integer(b->o, STERNA_OPT_format) == STERNA_SPEED_JSON;
    if ((b->model || b->files) && !b->path)
        return sterna_fail(fault, STERNA_USAGE, "--model is missing: only --suite kernels goes without");
    if (!b->model && sterna_option_text(b->o, STERNA_OPT_receipt))
        return sterna_fail(fault, STERNA_USAGE,
                           "--receipt: a receipt is of a model's run; this suite has none");
    const char *slash = b->path ? strrchr(b->path, '/') : NULL;
    b->label = slash ? slash + 1 : b->path ? b->path : "";
    sterna_results_begin(r, "bench");
    snprintf(r->profile, sizeof r->profile, "%s", sterna_option_text(b->o, STERNA_OPT_profile));
    /* What was asked for, but for paths and where results go. */
    snprintf(r->arguments, sizeof r->arguments, "--suite %s -r %lld%s%.300s",
             sterna_option_text(b->o, STERNA_OPT_suite),
             (long long)sterna_option_integer(b->o, STERNA_OPT_repetitions), b->filter ? " --only " : "",
             b->filter ? b->filter : "");
    return STERNA_OK;
}

static sterna_status print(const bench *b, const sterna_speed *speed, sterna_fault *fault)
{
    int64_t format = sterna_option_integer(b->o, STERNA_OPT_format);
    sterna_out *out = b->cli->out;
    if (sterna_option_flag(b->o, STERNA_OPT_json)) format = STERNA_SPEED_JSON;
    if (format == STERNA_SPEED_JSON) {
        sterna_json json;
        sterna_json_begin(&json, "bench");
        if (speed->n_tests) sterna_speed_put(speed, &json);
        sterna_results_put(&b->results, &json);
        return sterna_json_print(&json, out, fault);
    }
    if (speed->n_tests) sterna_speed_print(speed, (sterna_speed_format)format, out);
    if (b->results.n > speed->n_tests) {
        if (speed->n_tests) sterna_out_text(out, "\n");
        return sterna_table_print(&b->results, format == STERNA_SPEED_CSV, out, fault);
    }
    return STERNA_OK;
}

static sterna_status keep(const bench *b, sterna_fault *fault)
{
    const char *path = sterna_option_text(b->o, STERNA_OPT_bench_db);
    sterna_store *store = NULL;
    if (!path) return STERNA_OK;
    sterna_status status = sterna_store_open(path, &store, fault);
    if (status == STERNA_OK) status = sterna_store_put(store, &b->results, NULL, fault);
    sterna_store_close(store);
    return status;
}

sterna_status sterna_cmd_bench(const sterna_cli *cli, sterna_fault *fault)
{
    static sterna_speed speed; /* its samples are too many for a stack */
    bench b = {.cli = cli, .o = cli->options};
    sterna_status status = prepare(&b, fault);
    speed = (sterna_speed){.path = b.path};
    if (status == STERNA_OK) status = measure_all(&b, &speed, fault);
    if (status == STERNA_OK) status = keep(&b, fault);
    if (status == STERNA_OK) status = print(&b, &speed, fault);
    sterna_results_free(&b.results);
    sterna_model_close(b.opened);
    return status;
}
