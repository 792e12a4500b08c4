/* `sterna check`: the bench on one device, for people and for scripts.
 * Owns: what it prints. Leaves to others: running (harness/bench.h), options (engine/cli). */
#include "base/mem.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/say.h"
#include "harness/repro.h"
#include "registry.h"
#include <stdio.h>
#include <string.h>

static void list_operations(sterna_out *out)
{
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++) {
        sterna_out_print(out, "%s: %s\n", sterna_op_get((sterna_op)op)->name,
                         sterna_op_get((sterna_op)op)->sentence);
        for (uint32_t law = 0; law < STERNA_LAW_COUNT; law++)
            if (sterna_law_applies((sterna_law_id)law, (sterna_op)op))
                sterna_out_print(out, "    %-13s %s\n", sterna_law_get((sterna_law_id)law)->name,
                                 sterna_law_get((sterna_law_id)law)->sentence);
    }
}

static bool same_line(const sterna_job *a, const sterna_job *b)
{
    return a->op == b->op && a->format == b->format && a->act == b->act;
}

/* One line per operation and format: what its laws came to. */
static void print_table(sterna_out *out, const sterna_bench_report *report)
{
    static const char *const acts[] = {"", "/token", "/block32", "/block256"};
    sterna_out_print(out, "%-15s %-15s %5s %8s  %s\n", "operation", "format", "laws", "cases", "verdict");
    for (uint32_t i = 0; i < report->n_jobs;) {
        const sterna_job *job = &report->jobs[i].job;
        uint64_t passed = 0, failed = 0, unsupported = 0, laws = 0;
        char format[32];
        for (; i < report->n_jobs && same_line(job, &report->jobs[i].job); i++) {
            passed += report->jobs[i].passed;
            failed += report->jobs[i].failed;
            unsupported += report->jobs[i].unsupported != 0;
            laws += report->jobs[i].passed || report->jobs[i].failed;
        }
        snprintf(format, sizeof format, "%s%s", sterna_format_find(job->format)->name, acts[job->act]);
        sterna_out_print(out, "%-15s %-15s %5llu %8llu  %s\n", sterna_op_get(job->op)->name, format,
                         (unsigned long long)laws, (unsigned long long)(passed + failed),
                         failed        ? "FAILED"
                         : passed      ? "ok"
                         : unsupported ? "unsupported"
                                       : "not run");
    }
}

/* "rmsnorm rows=1 n=2 eps=1e-05": the first line of the story. */
static void print_story(sterna_out *out, const char *story)
{
    const char *end = strchr(story, '\n');
    sterna_out_text(out, "     ");
    sterna_out_write(out, story, end ? (size_t)(end - story) : strlen(story));
    sterna_out_text(out, "\n");
}

typedef struct failure_names {
    char path[1200], line[STERNA_REPRO_LINE];
} failure_names;

static sterna_status write_repro(const sterna_cli *cli, const sterna_bench_params *params,
                                 const sterna_failure *failure, failure_names *names, sterna_fault *fault)
{
    sterna_repro_line(&params->spec, failure, names->line);
    return sterna_repro_write(sterna_option_text(cli->options, STERNA_OPT_repro_folder), &params->spec,
                              failure, names->path, sizeof names->path, fault);
}

static sterna_status print_failures(const sterna_cli *cli, const sterna_bench_params *params,
                                    const sterna_bench_report *report, sterna_fault *fault)
{
    static failure_names names;
    char word[sizeof names.path + 100];
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < report->n_failures && status == STERNA_OK; i++) {
        const sterna_failure *f = &report->failures[i];
        sterna_out_print(cli->out, "FAIL %s %s %s: %s: ", sterna_op_get(f->job.op)->name,
                         sterna_format_find(f->job.format)->name, sterna_law_get(f->job.law)->name,
                         sterna_verdict_name(f->verdict.code));
        sterna_out_text(cli->out, f->verdict.text);
        sterna_out_text(cli->out, "\n");
        print_story(cli->out, f->story);
        status = write_repro(cli, params, f, &names, fault);
        if (status != STERNA_OK) continue;
        sterna_out_text(cli->out, "     sterna replay ");
        sterna_out_text(cli->out, sterna_out_word(names.path, word, sizeof word));
        sterna_out_text(cli->out, "\n");
    }
    return status;
}

static sterna_status print_json(const sterna_cli *cli, const sterna_bench_params *params,
                                const sterna_bench_report *report, sterna_fault *fault)
{
    static failure_names names;
    sterna_json json = {0};
    sterna_status status = STERNA_OK;
    sterna_json_begin(&json, "check");
    sterna_json_string(&json, json.root, "device", params->spec.name);
    sterna_json_string(&json, json.root, "description", report->device);
    sterna_json_string(&json, json.root, "profile",
                       params->spec.profile == STERNA_PROFILE_FAST ? "fast" : "exact");
    sterna_json_u64(&json, json.root, "seed", params->seed);
    sterna_json_u64(&json, json.root, "passed", report->passed);
    sterna_json_u64(&json, json.root, "failed", report->failed);
    sterna_json_u64(&json, json.root, "unsupported", report->unsupported);
    sterna_json_real(&json, json.root, "seconds", report->seconds);
    cJSON *jobs = sterna_json_array(&json, json.root, "jobs");
    for (uint32_t i = 0; i < report->n_jobs; i++) {
        const sterna_job_result *r = &report->jobs[i];
        cJSON *job = sterna_json_object(&json, jobs, NULL);
        sterna_json_string(&json, job, "operation", sterna_op_get(r->job.op)->name);
        sterna_json_string(&json, job, "format", sterna_format_find(r->job.format)->name);
        sterna_json_string(&json, job, "law", sterna_law_get(r->job.law)->name);
        sterna_json_u64(&json, job, "passed", r->passed);
        sterna_json_u64(&json, job, "failed", r->failed);
        sterna_json_u64(&json, job, "unsupported", r->unsupported);
    }
    cJSON *failures = sterna_json_array(&json, json.root, "failures");
    for (uint32_t i = 0; i < report->n_failures && status == STERNA_OK; i++) {
        const sterna_failure *f = &report->failures[i];
        cJSON *failure = sterna_json_object(&json, failures, NULL);
        status = write_repro(cli, params, f, &names, fault);
        sterna_json_string(&json, failure, "operation", sterna_op_get(f->job.op)->name);
        sterna_json_string(&json, failure, "format", sterna_format_find(f->job.format)->name);
        sterna_json_string(&json, failure, "law", sterna_law_get(f->job.law)->name);
        sterna_json_string(&json, failure, "verdict", sterna_verdict_name(f->verdict.code));
        sterna_json_string(&json, failure, "text", f->verdict.text);
        sterna_json_string(&json, failure, "replay", names.line);
        sterna_json_string(&json, failure, "file", names.path);
    }
    if (status == STERNA_OK) return sterna_json_print(&json, cli->out, fault);
    sterna_json_release(&json);
    return status;
}

/* A misspelt name must not look like success. */
static sterna_status check_names(const sterna_bench_params *params, sterna_fault *fault)
{
    static sterna_job jobs[STERNA_BENCH_JOBS];
    if (sterna_bench_jobs(params->op, NULL, NULL, jobs) == 0)
        return sterna_fail(fault, STERNA_USAGE,
                           "--op %s: no such operation; `sterna check --list` names them", params->op);
    if (sterna_bench_jobs(NULL, NULL, params->law, jobs) == 0)
        return sterna_fail(fault, STERNA_USAGE,
                           "--only %s: no such property; `sterna check --list` names them", params->law);
    if (sterna_bench_jobs(NULL, params->format, NULL, jobs) == 0)
        return sterna_fail(fault, STERNA_USAGE, "--format %s: no operation computes with such weights",
                           params->format);
    return STERNA_OK;
}

/* The device by its own name, and how it was selected. */
typedef struct device_choice {
    char name[sizeof((sterna_open_device *)0)->spec], snapshot[sizeof((sterna_open_device *)0)->snapshot];
} device_choice;

/* Devices that only the bench knows, and a stranger's library, are opened by the bench alone. */
static bool is_known(const char *name)
{
    char backend[32];
    size_t n = strcspn(name, ":");
    if (n == 0 || strcmp(name, "auto") == 0) return true;
    snprintf(backend, sizeof backend, "%.*s", (int)(n < sizeof backend ? n : 0), name);
    return sterna_registry_find(backend) != NULL;
}

/* A repro names the device itself, not "the best there is"; a receipt tells how it was selected; strict mode probes it.
 * The workers inherit what their parent has found out of a driver, but no
 * driver survives fork(). */
static sterna_status choose_device(const sterna_options *options, sterna_bench_params *params,
                                   device_choice *choice, sterna_fault *fault)
{
    const sterna_device_request request = {
        .spec = params->spec.name,
        .params = {.size = sizeof request.params, .profile = params->spec.profile, .threads = 1}};
    sterna_open_device chosen;
    sterna_resolved found = {.api = NULL};
    bool strict = sterna_option_flag(options, STERNA_OPT_strict);
    choice->snapshot[0] = '\0';
    if (strict || sterna_option_text(options, STERNA_OPT_receipt)) {
        sterna_status status = sterna_device_survey(&request, strict, &chosen, fault);
        if (status != STERNA_OK) return status;
        memcpy(choice->name, chosen.spec, sizeof choice->name);
        memcpy(choice->snapshot, chosen.snapshot, sizeof choice->snapshot);
    } else if (is_known(params->spec.name)) {
        sterna_status status = sterna_device_resolve(params->spec.name, &found, fault);
        if (status != STERNA_OK) return status;
        snprintf(choice->name, sizeof choice->name, "%.90s%s%.200s", found.name, found.variant[0] ? ":" : "",
                 found.variant);
    }
    if (strcmp(params->spec.name, "auto") == 0) params->spec.name = choice->name;
    return STERNA_OK;
}

static sterna_status keep_receipt(const sterna_cli *cli, const sterna_bench_params *params,
                                  const sterna_bench_report *report, const char *snapshot,
                                  sterna_fault *fault)
{
    sterna_checked checked = {.snapshot = snapshot,
                              .device = &report->info,
                              .profile = params->spec.profile,
                              .kernels = report->kernels,
                              .n_kernels = report->n_kernels,
                              .passed = report->passed,
                              .failed = report->failed,
                              .skipped = report->unsupported + report->refused};
    if (!sterna_option_text(cli->options, STERNA_OPT_receipt)) return STERNA_OK;
    if (!cli->recorder)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "--receipt: this build has no receipts");
    return cli->recorder->check(cli->options, &checked, fault);
}

sterna_status sterna_cmd_check(const sterna_cli *cli, sterna_fault *fault)
{
    const sterna_options *options = cli->options;
    const char *backend = sterna_option_text(options, STERNA_OPT_backend);
    uint64_t seed = sterna_option_word(options, STERNA_OPT_check_seed);
    sterna_bench_params params = {
        .spec = {.name = backend ? backend : sterna_option_text(options, STERNA_OPT_device),
                 .profile = sterna_option_integer(options, STERNA_OPT_profile) == 1 ? STERNA_PROFILE_FAST
                                                                                    : STERNA_PROFILE_EXACT,
                 .threads = (uint32_t)sterna_option_integer(options, STERNA_OPT_threads)},
        .op = sterna_option_text(options, STERNA_OPT_ops),
        .format = sterna_option_text(options, STERNA_OPT_weight_formats),
        .law = sterna_option_text(options, STERNA_OPT_checks),
        .seed = (uint32_t)(seed ^ seed >> 32),
        .cases = (uint32_t)sterna_option_integer(options, STERNA_OPT_cases),
        .budget = sterna_option_real(options, STERNA_OPT_budget)};
    sterna_bench_report report;
    if (sterna_option_flag(options, STERNA_OPT_list_ops)) {
        list_operations(cli->out);
        return STERNA_OK;
    }
    sterna_status status = check_names(&params, fault);
    if (status != STERNA_OK) return status;
    device_choice device;
    status = choose_device(options, &params, &device, fault);
    if (status != STERNA_OK) return status;
    status = sterna_bench_run(&params, &report, fault);
    if (status == STERNA_OK && sterna_option_flag(options, STERNA_OPT_json)) {
        status = print_json(cli, &params, &report, fault);
    } else if (status == STERNA_OK) {
        sterna_out_print(cli->out, "%s, %s: %s\n", params.spec.name,
                         params.spec.profile == STERNA_PROFILE_FAST ? "fast" : "exact", report.device);
        print_table(cli->out, &report);
        status = print_failures(cli, &params, &report, fault);
        sterna_out_print(cli->out, "%llu passed, %llu failed, %llu unsupported\n",
                         (unsigned long long)report.passed, (unsigned long long)report.failed,
                         (unsigned long long)report.unsupported);
        if (report.refused)
            sterna_say("%llu cases could not be made: no memory", (unsigned long long)report.refused);
        sterna_say("%.2f s, seed %u, %u worker processes", report.seconds, params.seed, report.workers);
    }
    if (status == STERNA_OK) status = keep_receipt(cli, &params, &report, device.snapshot, fault);
    if (status == STERNA_OK && report.n_failures) status = STERNA_FAILED;
    sterna_bench_free(&report);
    return status;
}
