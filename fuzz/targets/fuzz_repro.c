/* Repro files: refused with a sentence, or a case that its one-line form describes as well, and that can be run on the
 * reference without a finding (a case that failed somewhere does not fail there). */
#include "base/mem.h"
#include "fuzz.h"
#include "harness/repro.h"
#include "run_job.h"
#include <stdio.h>
#include <string.h>

static const char *const acts[] = {"f32", "token", "block32", "block256"};

static void one_line(const sterna_repro *repro)
{
    static char line[STERNA_REPRO_LINE + STERNA_REPRO_DEVICE];
    static sterna_repro back;
    sterna_fault fault = {0};
    const sterna_job *job = &repro->job;
    int head =
        snprintf(line, sizeof line, "x@%s/%s/%s/%s/", sterna_op_get(job->op)->name,
                 sterna_format_find(job->format)->name, acts[job->act], sterna_law_get(job->law)->name);
    if (2 * repro->n_bytes + (size_t)head >= STERNA_REPRO_LINE) return;
    for (size_t i = 0; i < repro->n_bytes; i++) snprintf(line + head + 2 * i, 3, "%02x", repro->bytes[i]);
    sterna_status status = sterna_repro_read(line, &back, &fault);
    FUZZ_REQUIRE(status == STERNA_OK, "%s: %s", line, fault.text);
    FUZZ_REQUIRE(back.job.op == job->op && back.job.format == job->format && back.job.act == job->act &&
                     back.job.law == job->law && back.n_bytes == repro->n_bytes &&
                     memcmp(back.bytes, repro->bytes, repro->n_bytes) == 0,
                 "%s comes back as another case", line);
}

/* A call with data that came from outside: the reference takes it or says why not. */
static void recorded(const sterna_repro *repro)
{
    sterna_outcome outcome;
    sterna_fault fault = {0};
    const sterna_call *call = &repro->recorded.call;
    if (sterna_op_items(call->op, call->scalars) > 1u << 16) return;
    if (sterna_reference_run(call, &outcome, &fault))
        sterna_outcome_free(&outcome);
    else
        FUZZ_REQUIRE(fault.text[0], "refused without a sentence");
}

int sterna_fuzz_repro(const uint8_t *data, size_t size)
{
    static sterna_repro repro;
    sterna_fault fault = {0};
    int64_t before = sterna_mem_bytes();
    sterna_status status = sterna_repro_read(sterna_fuzz_file(data, size), &repro, &fault);
    if (status == STERNA_OK) {
        FUZZ_REQUIRE(memchr(repro.device, 0, sizeof repro.device) && repro.verdict < STERNA_VERDICTS &&
                         repro.n_bytes <= sizeof repro.bytes,
                     "fields out of range");
        FUZZ_REQUIRE(sterna_law_applies(repro.job.law, repro.job.op), "a law that does not apply");
        if (repro.recorded.call.info) {
            recorded(&repro);
        } else {
            one_line(&repro);
            int64_t held = sterna_mem_bytes();
            sterna_fuzz_run_job(&repro.job, 0, repro.bytes, repro.n_bytes);
            before += sterna_mem_bytes() - held; /* the bench keeps its devices open */
        }
        sterna_repro_free(&repro);
    } else {
        sterna_fuzz_refusal("read", status, &fault);
    }
    FUZZ_REQUIRE(sterna_mem_bytes() == before, "%lld bytes of memory are not given back",
                 (long long)(sterna_mem_bytes() - before));
    return 0;
}
