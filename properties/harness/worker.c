/* The worker: runs cases on one open device and shrinks what fails without crashing. */
#include "base/sys.h"
#include "gen/shrink.h"
#include "harness/bench_private.h"
#include <stdio.h>
#include <string.h>

/* With a budget, jobs take turns of this many cases. */
enum { TURN = 3, SHRINK_ATTEMPTS = 600 };
static const double SHRINK_SECONDS = 5.0;

void sterna_bench_trial(sterna_trial *t, sterna_law_id law)
{
    memset(&t->verdict, 0, sizeof t->verdict);
    t->subject->salt = 0; /* a replay sees the same poison */
    sterna_law_get(law)->run(t);
}

void sterna_bench_keep(sterna_failure *failure, const sterna_choices *choices)
{
    memcpy(failure->value, choices->value, choices->count * sizeof *choices->value);
    memcpy(failure->max, choices->max, choices->count * sizeof *choices->max);
    failure->count = choices->count;
}

sterna_failure *sterna_bench_record(sterna_bench_shared *shared, const sterna_job *job,
                                    const sterna_verdict *verdict, const sterna_choices *choices)
{
    if (shared->n_failures == STERNA_BENCH_FAILURES) return NULL;
    sterna_failure *failure = &shared->failures[shared->n_failures++];
    failure->job = *job;
    failure->verdict = *verdict;
    failure->original_count = choices->count;
    sterna_bench_keep(failure, choices);
    return failure;
}

/* Same seed, same job, same number: same case, whatever else is run or left out. */
static uint32_t stream_of(const sterna_job *job, uint32_t number)
{
    const char *names[] = {sterna_op_get(job->op)->name, sterna_law_get(job->law)->name};
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < 2; i++)
        for (const char *c = names[i]; *c; c++) hash = (hash ^ (uint8_t)*c) * 16777619u;
    hash = (hash ^ job->format) * 16777619u;
    hash = (hash ^ (uint32_t)job->act) * 16777619u;
    return hash + number * 0x9E3779B9u;
}

typedef struct judge_context {
    sterna_trial *trial;
    sterna_bench_shared *shared;
    sterna_law_id law;
    sterna_verdict_code code;
} judge_context;

static bool still_fails(void *context, sterna_choices *c)
{
    judge_context *j = context;
    (void)c; /* the trial draws from it */
    atomic_fetch_add(&j->shared->pulse.beats, 1);
    sterna_bench_trial(j->trial, j->law);
    return j->trial->verdict.code == j->code;
}

static void shrink(const sterna_bench_params *params, sterna_bench_shared *shared, sterna_trial *trial,
                   const sterna_job *job)
{
    sterna_failure *failure = sterna_bench_record(shared, job, &trial->verdict, trial->choices);
    if (!failure) return;
    judge_context context = {trial, shared, job->law, trial->verdict.code};
    atomic_store(&shared->stage, STAGE_SHRINKING);
    trial->story = failure->story;
    trial->story_size = sizeof failure->story;
    double start = sterna_sys_now();
    sterna_shrink_stats stats = {0};
    sterna_shrink(trial->choices, still_fails, &context, params->no_shrink ? 0 : SHRINK_ATTEMPTS,
                  SHRINK_SECONDS, &stats);
    /* A case that fails only now and then keeps its first verdict and choices. */
    if (trial->verdict.code == failure->verdict.code) {
        failure->verdict = trial->verdict;
        sterna_bench_keep(failure, trial->choices);
    }
    failure->shrink_attempts = stats.attempts;
    failure->shrink_seconds = sterna_sys_now() - start;
    trial->story = NULL;
    atomic_store(&shared->stage, STAGE_RUNNING);
}

static void count(sterna_job_result *result, sterna_verdict_code code)
{
    if (sterna_verdict_failed(code))
        result->failed++;
    else if (code == STERNA_VERDICT_UNSUPPORTED)
        result->unsupported++;
    else if (code == STERNA_VERDICT_REFUSED)
        result->refused++;
    else
        result->passed++;
}

/* A job that failed, or cannot be run here, is not tried again. */
static bool settled(const sterna_job_result *result)
{
    return result->failed || (result->unsupported && !result->passed);
}

/* False when a case failed: whatever it left behind on the device must not reach the next one. */
static bool run_turn(const sterna_bench_params *params, sterna_bench_shared *shared, sterna_subject *subject,
                     uint32_t turn, double deadline)
{
    sterna_job_result *result = &shared->jobs[shared->job];
    const sterna_job *job = &result->job;
    sterna_trial trial = {.subject = subject,
                          .choices = &shared->choices,
                          .op = job->op,
                          .format = job->format,
                          .act = job->act};
    for (; shared->at < turn && !settled(result); shared->at++) {
        if (params->budget > 0 && shared->round > 0 && sterna_sys_now() > deadline) return true;
        atomic_fetch_add(&shared->pulse.beats, 1);
        sterna_choice_random(trial.choices, params->seed, stream_of(job, shared->round * turn + shared->at));
        sterna_bench_trial(&trial, job->law);
        count(result, trial.verdict.code);
        if (!sterna_verdict_failed(trial.verdict.code)) continue;
        shrink(params, shared, &trial, job);
        return false;
    }
    shared->at = 0;
    return true;
}

/* Which kernels the cases ran on, for who keeps evidence of it. */
static void list_kernels(sterna_bench_shared *shared, const sterna_subject *subject)
{
    for (uint32_t i = 0; i < STERNA_BENCH_KERNELS; i++) shared->kernels[i].size = sizeof shared->kernels[i];
    uint32_t n = subject->api->kernels_used(subject->device, shared->kernels, STERNA_BENCH_KERNELS);
    shared->n_kernels = n < STERNA_BENCH_KERNELS ? n : STERNA_BENCH_KERNELS;
    shared->info = subject->info;
}

void sterna_bench_work(const sterna_bench_params *params, sterna_bench_shared *shared, double deadline)
{
    static sterna_subject subject;
    sterna_verdict closing = {0};
    if (sterna_subject_open(&subject, &params->spec, &shared->fault) != STERNA_OK) {
        atomic_store(&shared->stage, STAGE_NO_DEVICE);
        return;
    }
    snprintf(shared->device, sizeof shared->device, "%.*s", (int)sizeof shared->device - 1,
             subject.info.description);
    atomic_store(&shared->stage, STAGE_RUNNING);
    uint32_t turn = params->budget > 0 && params->cases > TURN ? TURN : params->cases;
    bool more = true;
    while (more) {
        for (; shared->job < shared->n_jobs; shared->job++) {
            if (run_turn(params, shared, &subject, turn, deadline)) continue;
            atomic_store(&shared->stage, STAGE_AGAIN);
            return;
        }
        shared->job = 0;
        shared->round++;
        more = params->budget > 0 && sterna_sys_now() < deadline;
    }
    shared->job = shared->n_jobs - 1;
    list_kernels(shared, &subject);
    atomic_store(&shared->stage, STAGE_CLOSING);
    sterna_subject_close(&subject, &closing);
    if (sterna_verdict_failed(closing.code)) {
        sterna_choices *none = &shared->choices;
        none->count = 0;
        shared->jobs[shared->job].failed++;
        sterna_bench_record(shared, &shared->jobs[shared->job].job, &closing, none);
    }
    atomic_store(&shared->stage, STAGE_DONE);
}
