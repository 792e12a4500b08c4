/* `sterna bench`: prefill and decode speed of a model beside the machine's limits. */
#include "cli/command.h"
#include "cli/common.h"
#include "cli/main.h"
#include "cli/say.h"
#include "cli/speed.h"
#include "cpu/cpu_roofline.h"
#include "session/session.h"
#include <string.h>

static void cancel(void *context)
{
    sterna_session_cancel(context);
}

/* The tests that -p and -n ask for; 0 asks for none. */
static sterna_status plan_tests(const sterna_options *o, sterna_speed *bench, uint32_t *longest,
                                sterna_fault *fault)
{
    static const sterna_option_id lists[] = {STERNA_OPT_bench_prompt, STERNA_OPT_bench_gen};
    *longest = 0;
    for (uint32_t kind = 0; kind < 2; kind++) {
        const sterna_option_value *list = &o->values[lists[kind]];
        for (uint32_t i = 0; i < list->n_list; i++) {
            if (list->list[i] == 0) continue;
            bench->tests[bench->n_tests].kind = (sterna_speed_kind)kind;
            bench->tests[bench->n_tests++].n = list->list[i];
            if (list->list[i] > *longest) *longest = list->list[i];
        }
    }
    return bench->n_tests ? STERNA_OK
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
static void measure_limits(const sterna_session *session, sterna_speed *bench)
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
        status = sterna_cpu_measure_roofline(sterna_host_default(), level, bench->threads, &limits, &fault);
    sterna_say_progress_end();
    if (status != STERNA_OK) {
        sterna_say("limits not measured: %s", fault.text);
        return;
    }
    bench->read_bytes_per_second = limits.read_bytes_per_second;
    bench->int8_ops_per_second = 2 * limits.int8_macs_per_second; /* a multiplication and an addition */
}

sterna_status sterna_cmd_bench(const sterna_cli *cli, sterna_fault *fault)
{
    static sterna_speed bench; /* its samples are too many for a stack */
    const sterna_options *o = cli->options;
    sterna_model *model = NULL;
    sterna_session *session = NULL;
    uint32_t longest;
    bench = (sterna_speed){.path = sterna_option_text(o, STERNA_OPT_model)};
    sterna_status status = plan_tests(o, &bench, &longest, fault);
    if (status == STERNA_OK) status = sterna_model_open(bench.path, &model, fault);
    if (status == STERNA_OK) status = open_session(o, model, longest, &session, fault);
    if (status == STERNA_OK) status = sterna_cli_policy(o, session, fault);
    if (status == STERNA_OK) {
        bench.device = session->device.spec;
        bench.threads = session->device.info.threads;
        bench.n_batch = session->params.n_batch;
        bench.kv_type = sterna_cli_kv_name(session->params.kv_type);
        sterna_speed_describe(&bench, model);
        if (!sterna_option_flag(o, STERNA_OPT_no_limits)) measure_limits(session, &bench);
        sterna_on_interrupt(cancel, session);
        uint32_t reps = (uint32_t)sterna_option_integer(o, STERNA_OPT_repetitions);
        for (uint32_t i = 0; i < bench.n_tests && status == STERNA_OK; i++)
            status = sterna_speed_measure(session, &bench, &bench.tests[i], reps, fault);
        sterna_on_interrupt(NULL, NULL);
    }
    if (status == STERNA_OK) {
        sterna_speed_format format = (sterna_speed_format)sterna_option_integer(o, STERNA_OPT_format);
        if (sterna_option_flag(o, STERNA_OPT_json)) format = STERNA_SPEED_JSON;
        status = sterna_speed_print(&bench, format, cli->out, fault);
    }
    if (status == STERNA_OK && sterna_option_text(o, STERNA_OPT_receipt))
        status = record_generation(cli, session, fault);
    sterna_session_close(session);
    sterna_model_close(model);
    return status;
}
