/* Kernels against their oracles and laws: the first bytes choose a job of the bench (operation, format,
 * activations, law) and an instruction set, the rest is the choice stream from which the bench makes its
 * case. A verdict that the bench would report is a finding. */
#include "base/size.h"
#include "fuzz.h"
#include "harness/bench.h"
#include "harness/direct.h"
#include "harness/subject.h"
#include "run_job.h"
#include <string.h>

enum { STORY_BYTES = 2400 };

/* "direct" is the reference itself on guarded pages: what it reads or writes out of bounds is a signal. */
static const char *const names[] = {"direct", "cpu:scalar", "cpu:avx2", "cpu:avx512"};
static sterna_subject subjects[STERNA_COUNT(names)];
static uint32_t n_subjects;
static sterna_job jobs[STERNA_BENCH_JOBS];
static uint32_t n_jobs;

static void close_subjects(void)
{
    while (n_subjects > 0) sterna_subject_close(&subjects[--n_subjects], NULL);
    n_jobs = 0;
}

/* Opens what this machine has; scalar there is always. */
static void open_subjects(void)
{
    if (n_jobs) return;
    sterna_fuzz_on_release(close_subjects);
    n_jobs = sterna_bench_jobs(NULL, NULL, NULL, jobs);
    FUZZ_REQUIRE(n_jobs > 0 && n_jobs <= STERNA_BENCH_JOBS, "%u jobs", n_jobs);
    sterna_subject_offer(sterna_direct_backend(), true);
    for (size_t i = 0; i < STERNA_COUNT(names); i++) {
        sterna_fault fault = {0};
        sterna_subject_spec spec = {.name = names[i], .profile = STERNA_PROFILE_EXACT, .threads = 1};
        sterna_status status = sterna_subject_open(&subjects[n_subjects], &spec, &fault);
        if (status == STERNA_OK) n_subjects++;
        FUZZ_REQUIRE(status == STERNA_OK || i >= 2, "%s: %s", names[i], fault.text);
    }
}

void sterna_fuzz_run_job(const sterna_job *job, uint32_t subject_number, const uint8_t *bytes, size_t n)
{
    static sterna_choices choices;
    static char story[STORY_BYTES];
    open_subjects();
    sterna_subject *subject = &subjects[subject_number % n_subjects];
    sterna_trial trial = {.subject = subject,
                          .choices = &choices,
                          .op = job->op,
                          .format = job->format,
                          .act = job->act,
                          .story = story,
                          .story_size = sizeof story};
    sterna_choice_from_bytes(&choices, bytes, n);
    subject->salt = 0; /* the same input meets the same poison */
    story[0] = 0;
    sterna_law_get(job->law)->run(&trial);
    FUZZ_REQUIRE(!sterna_verdict_failed(trial.verdict.code), "%s, %s on %s: %s: %s\n%s",
                 sterna_op_get(job->op)->name, sterna_law_get(job->law)->name, subject->name,
                 sterna_verdict_name(trial.verdict.code), trial.verdict.text, story);
}

int sterna_fuzz_kernels(const uint8_t *data, size_t size)
{
    sterna_fuzz_bytes in = {data, size};
    open_subjects();
    uint32_t number = sterna_fuzz_take_u8(&in);
    number |= (uint32_t)sterna_fuzz_take_u8(&in) << 8;
    uint32_t subject = sterna_fuzz_take_u8(&in);
    sterna_fuzz_run_job(&jobs[number % n_jobs], subject, in.data, in.left);
    return 0;
}
