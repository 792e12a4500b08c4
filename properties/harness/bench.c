/* The runner: starts workers, watches them, blames the case a worker died at, and adds up. */
#include "harness/bench.h"
#include "base/mem.h"
#include "base/sys.h"
#include "gen/shrink.h"
#include "harness/bench_private.h"
#include "harness/recorded.h"
#include <stdio.h>
#include <string.h>

enum { CRASH_ATTEMPTS = 150 };
static const double CRASH_SECONDS = 10.0;

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* True when the comma-separated list (NULL: everything) has the name, upper or lower case. */
static bool listed(const char *list, const char *name)
{
    if (!list) return true;
    while (*list) {
        const char *c = name;
        while (*c && lower(*list) == lower(*c)) list++, c++;
        if (*c == 0 && (*list == 0 || *list == ',')) return true;
        while (*list && *list != ',') list++;
        if (*list == ',') list++;
    }
    return false;
}

static uint32_t jobs_of(sterna_op op, uint32_t format, sterna_act act, const char *law, sterna_job *jobs,
                        uint32_t n)
{
    for (uint32_t id = 0; id < STERNA_LAW_COUNT; id++) {
        if (!sterna_law_applies((sterna_law_id)id, op) ||
            !listed(law, sterna_law_get((sterna_law_id)id)->name))
            continue;
        if (n < STERNA_BENCH_JOBS) jobs[n] = (sterna_job){op, format, act, (sterna_law_id)id};
        n++;
    }
    return n;
}

uint32_t sterna_bench_jobs(const char *op_name, const char *format_name, const char *law, sterna_job *jobs)
{
    uint32_t n = 0, n_formats;
    const sterna_format *formats = sterna_format_all(&n_formats);
    for (uint32_t o = 0; o < STERNA_OP_COUNT; o++) {
        sterna_op op = (sterna_op)o;
        const sterna_op_info *info = sterna_op_get(op);
        bool weighted = false;
        if (!listed(op_name, info->name)) continue;
        for (uint32_t i = 0; i < info->n_params; i++) weighted |= info->params[i].kind == STERNA_PARAM_WEIGHT;
        if (!weighted) {
            if (!format_name) n = jobs_of(op, STERNA_FORMAT_F32, STERNA_ACT_F32, law, jobs, n);
            continue;
        }
        for (uint32_t f = 0; f < n_formats; f++)
            for (uint32_t act = STERNA_ACT_F32; act <= STERNA_ACT_BLOCK256; act++)
                if (listed(format_name, formats[f].name) &&
                    sterna_op_takes(op, formats[f].id, (sterna_act)act))
                    n = jobs_of(op, formats[f].id, (sterna_act)act, law, jobs, n);
    }
    return n;
}

/* What an isolated case is about. */
typedef struct isolated {
    sterna_bench_shared *shared;
    const sterna_subject_spec *spec;
    const sterna_job *job;
    const uint32_t *values; /* or bytes */
    const uint8_t *bytes;
    size_t count;
    const sterna_recorded *recorded; /* or a call, without job and choices */
} isolated;

static void run_recorded(const isolated *x, sterna_subject *subject)
{
    sterna_bench_shared *shared = x->shared;
    sterna_manner manner = sterna_recorded_manner(x->recorded);
    sterna_trial trial = {.subject = subject, .op = x->recorded->call.op};
    sterna_call_print(&x->recorded->call, 8, shared->story, sizeof shared->story);
    sterna_trial_judge(&trial, &x->recorded->call, &manner);
    shared->verdict = trial.verdict;
}

static void run_job(const isolated *x, sterna_subject *subject)
{
    sterna_bench_shared *shared = x->shared;
    sterna_trial trial = {.subject = subject,
                          .choices = &shared->choices,
                          .op = x->job->op,
                          .format = x->job->format,
                          .act = x->job->act,
                          .story = shared->story,
                          .story_size = sizeof shared->story};
    if (x->values)
        sterna_choice_replay(&shared->choices, x->values, (uint32_t)x->count);
    else
        sterna_choice_from_bytes(&shared->choices, x->bytes, x->count);
    sterna_bench_trial(&trial, x->job->law);
    shared->verdict = trial.verdict;
}

static void run_isolated(void *context)
{
    static sterna_subject subject;
    const isolated *x = context;
    sterna_bench_shared *shared = x->shared;
    if (sterna_subject_open(&subject, x->spec, &shared->fault) != STERNA_OK) {
        atomic_store(&shared->stage, STAGE_NO_DEVICE);
        return;
    }
    atomic_store(&shared->stage, STAGE_RUNNING);
    if (x->recorded)
        run_recorded(x, &subject);
    else
        run_job(x, &subject);
    sterna_subject_close(&subject, &shared->verdict);
    atomic_store(&shared->stage, STAGE_DONE);
}

static sterna_verdict run_case(isolated *x, double seconds, char *story, size_t story_size)
{
    sterna_verdict v = {0};
    sterna_bench_shared *shared = sterna_process_map(sizeof *shared);
    if (story) story[0] = 0;
    if (!shared) {
        sterna_judge(&v, STERNA_VERDICT_REFUSED, "no memory for the case");
        return v;
    }
    x->shared = shared;
    v = sterna_process_run(run_isolated, x, &shared->pulse, seconds, story == NULL);
    if (v.code == STERNA_VERDICT_PASS && atomic_load(&shared->stage) == STAGE_NO_DEVICE)
        sterna_judge(&v, STERNA_VERDICT_UNSUPPORTED, "%s", shared->fault.text);
    else if (v.code == STERNA_VERDICT_PASS)
        v = shared->verdict;
    if (story) snprintf(story, story_size, "%s", shared->story);
    sterna_process_unmap(shared, sizeof *shared);
    return v;
}

sterna_verdict sterna_bench_isolated(const sterna_subject_spec *spec, const sterna_job *job,
                                     const uint32_t *values, uint32_t n_values, double seconds, char *story,
                                     size_t story_size)
{
    isolated x = {.spec = spec, .job = job, .values = values, .count = n_values};
    return run_case(&x, seconds, story, story_size);
}

sterna_verdict sterna_bench_isolated_bytes(const sterna_subject_spec *spec, const sterna_job *job,
                                           const uint8_t *bytes, size_t count, double seconds, char *story,
                                           size_t story_size)
{
    isolated x = {.spec = spec, .job = job, .bytes = bytes, .count = count};
    return run_case(&x, seconds, story, story_size);
}

sterna_verdict sterna_bench_isolated_call(const sterna_subject_spec *spec, const sterna_recorded *recorded,
                                          double seconds, char *story, size_t story_size)
{
    isolated x = {.spec = spec, .recorded = recorded};
    return run_case(&x, seconds, story, story_size);
}

typedef struct crash_context {
    const sterna_bench_params *params;
    sterna_failure *failure;
    double seconds;
} crash_context;

static bool still_crashes(void *context, sterna_choices *c)
{
    crash_context *x = context;
    sterna_verdict v = sterna_bench_isolated(&x->params->spec, &x->failure->job, c->replay, c->replay_count,
                                             x->seconds, NULL, 0);
    /* What the child drew stayed there; the candidate itself is the best knowledge of it. */
    memcpy(c->value, c->replay, c->replay_count * sizeof *c->value);
    for (uint32_t i = 0; i < c->replay_count; i++) c->max[i] = UINT32_MAX;
    c->count = c->replay_count;
    return v.code == x->failure->verdict.code;
}

/* The worker died at the current case. Shrinking goes on in processes of their own, one per attempt. */
static void blame(const sterna_bench_params *params, sterna_bench_shared *shared, const sterna_verdict *v)
{
    sterna_job_result *result = &shared->jobs[shared->job];
    result->failed++;
    sterna_failure *failure = sterna_bench_record(shared, &result->job, v, &shared->choices);
    if (!failure) return;
    double start_time = sterna_sys_now();
    if (v->code == STERNA_VERDICT_CRASH && !params->no_shrink) {
        static sterna_choices c;
        crash_context context = {params, failure, params->case_seconds};
        sterna_shrink_stats stats = {0};
        c = shared->choices;
        sterna_shrink(&c, still_crashes, &context, CRASH_ATTEMPTS, CRASH_SECONDS, &stats);
        /* Crashes that do not come again (state of the process) keep the original choices. */
        if (stats.improvements) {
            memcpy(failure->value, c.value, c.count * sizeof *c.value);
            failure->count = c.count;
        }
        failure->shrink_attempts = stats.attempts;
    }
    sterna_bench_isolated(&params->spec, &failure->job, failure->value, failure->count, params->case_seconds,
                          failure->story, sizeof failure->story);
    failure->shrink_seconds = sterna_sys_now() - start_time;
}

static void add_up(const sterna_bench_shared *shared, sterna_bench_report *report)
{
    for (uint32_t i = 0; i < shared->n_jobs; i++) {
        const sterna_job_result *job = &shared->jobs[i];
        report->passed += job->passed;
        report->failed += job->failed;
        report->unsupported += job->unsupported;
        report->refused += job->refused;
    }
    report->jobs = sterna_alloc(shared->n_jobs, sizeof *report->jobs);
    report->failures = sterna_alloc(shared->n_failures + 1, sizeof *report->failures);
    if (report->jobs)
        memcpy(report->jobs, shared->jobs, (report->n_jobs = shared->n_jobs) * sizeof *report->jobs);
    if (report->failures)
        memcpy(report->failures, shared->failures,
               (report->n_failures = shared->n_failures) * sizeof *report->failures);
    report->kernels = sterna_alloc(shared->n_kernels + 1, sizeof *report->kernels);
    if (report->kernels)
        memcpy(report->kernels, shared->kernels,
               (report->n_kernels = shared->n_kernels) * sizeof *report->kernels);
    report->info = shared->info;
    snprintf(report->device, sizeof report->device, "%.*s", (int)sizeof report->device - 1, shared->device);
}

typedef struct shift {
    const sterna_bench_params *params;
    sterna_bench_shared *shared;
    double deadline;
} shift;

static void work(void *context)
{
    shift *x = context;
    sterna_bench_work(x->params, x->shared, x->deadline);
}

/* Workers one after the other until the last case is done. */
static sterna_status run_workers(const sterna_bench_params *params, sterna_bench_shared *shared,
                                 sterna_bench_report *report, sterna_fault *fault)
{
    shift x = {params, shared, sterna_sys_now() + params->budget};
    for (;;) {
        atomic_store(&shared->stage, STAGE_OPENING);
        sterna_verdict v = sterna_process_run(work, &x, &shared->pulse, params->case_seconds, false);
        report->workers++;
        if (v.code == STERNA_VERDICT_REFUSED) return sterna_fail(fault, STERNA_MEMORY, "%s", v.text);
        int stage = atomic_load(&shared->stage);
        if (stage == STAGE_NO_DEVICE)
            return sterna_fail(fault, shared->fault.status, "%s", shared->fault.text);
        if (stage == STAGE_OPENING)
            return sterna_fail(fault, STERNA_DEVICE, "%s: opening the device: %s", params->spec.name, v.text);
        if (stage == STAGE_AGAIN && !sterna_verdict_failed(v.code)) continue;
        if (!sterna_verdict_failed(v.code)) return STERNA_OK;
        if (stage == STAGE_CLOSING || stage == STAGE_DONE) {
            shared->choices.count = 0;
            blame(params, shared, &v);
            return STERNA_OK;
        }
        if (stage == STAGE_RUNNING) blame(params, shared, &v);
        shared->at++; /* the job is settled now: the next worker goes on behind it */
    }
}

sterna_status sterna_bench_run(const sterna_bench_params *given, sterna_bench_report *report,
                               sterna_fault *fault)
{
    sterna_job jobs[STERNA_BENCH_JOBS];
    sterna_bench_params params = *given;
    memset(report, 0, sizeof *report);
    if (params.case_seconds <= 0) params.case_seconds = sterna_process_patience();
    if (params.cases == 0) params.cases = params.budget > 0 ? 1000000 : 20;
    uint32_t n = sterna_bench_jobs(params.op, params.format, params.law, jobs);
    if (n == 0)
        return sterna_fail(fault, STERNA_NOTHING, "no operation, format and law match what was asked for");
    if (n > STERNA_BENCH_JOBS)
        return sterna_fail(fault, STERNA_INTERNAL, "%u jobs, room for %d", n, STERNA_BENCH_JOBS);
    sterna_bench_shared *shared = sterna_process_map(sizeof *shared);
    if (!shared) return sterna_fail(fault, STERNA_MEMORY, "no memory for the bench");
    shared->n_jobs = n;
    for (uint32_t i = 0; i < n; i++) shared->jobs[i].job = jobs[i];
    double start_time = sterna_sys_now();
    sterna_status status = run_workers(&params, shared, report, fault);
    report->seconds = sterna_sys_now() - start_time;
    add_up(shared, report);
    sterna_process_unmap(shared, sizeof *shared);
    if (status != STERNA_OK) return status;
    if (report->passed + report->failed == 0)
        return sterna_fail(fault, STERNA_NOTHING,
                           "not one case could be run: %s supports none of what was asked for",
                           params.spec.name);
    return STERNA_OK;
}

void sterna_bench_free(sterna_bench_report *report)
{
    sterna_free(report->jobs);
    sterna_free(report->failures);
    sterna_free(report->kernels);
    memset(report, 0, sizeof *report);
}
