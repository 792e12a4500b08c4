/* Results of `check` as results like any other; and what all results made here have in common. */
#include "base/mem.h"
#include "base/sys.h"
#include "cli/about.h"
#include "measure/measure.h"
#include <stdio.h>
#include <string.h>

void sterna_results_begin(sterna_results *r, const char *command)
{
    const sterna_build *build = sterna_build_get();
    snprintf(r->program.version, sizeof r->program.version, "%s", build->version);
    snprintf(r->program.commit, sizeof r->program.commit, "%s", build->commit);
    snprintf(r->program.compiler, sizeof r->program.compiler, "%s", build->compiler);
    snprintf(r->program.type, sizeof r->program.type, "%s", build->type);
    snprintf(r->program.flags, sizeof r->program.flags, "%s", build->flags);
    sterna_program_code(&r->program);
    sterna_machine_here(&r->machine);
    sterna_sys_date(r->began);
    snprintf(r->command, sizeof r->command, "%s", command);
}

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool count_of(const cJSON *object, const char *key, uint64_t *sum)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 1e15) return false;
    *sum += (uint64_t)item->valuedouble;
    return true;
}

/* Jobs that differ in the activations alone count as one. */
static sterna_status add_job(const cJSON *job, const char *label, sterna_results *r, sterna_fault *fault)
{
    char name[STERNA_RESULT_NAME];
    const char *op = text_of(job, "operation"), *format = text_of(job, "format"), *law = text_of(job, "law");
    sterna_benchmark *b = NULL;
    if (op && format && law) {
        snprintf(name, sizeof name, "check/%.40s/%.40s/%.40s", op, format, law);
        for (uint32_t i = 0; i < r->n && !b; i++)
            if (strcmp(r->items[i].name, name) == 0) b = &r->items[i];
        if (!b) b = sterna_results_add(r, name, fault);
        if (!b) return STERNA_MEMORY;
        b->kind = STERNA_RESULT_VERDICT;
        if (count_of(job, "passed", &b->passed) && count_of(job, "failed", &b->failed) &&
            count_of(job, "unsupported", &b->unsupported))
            return STERNA_OK;
    }
    return sterna_fail(fault, STERNA_FILE, "%s: job %u is not as `sterna check --json` writes it", label,
                       r->n);
}

sterna_status sterna_results_from_check(const char *text, size_t bytes, const char *label, sterna_results *r,
                                        sterna_fault *fault)
{
    *r = (sterna_results){0};
    cJSON *root = cJSON_ParseWithLength(text, bytes);
    const cJSON *jobs = cJSON_GetObjectItemCaseSensitive(root, "jobs"), *job;
    const char *schema = text_of(root, "schema"), *device = text_of(root, "device"),
               *profile = text_of(root, "profile");
    sterna_status status = STERNA_OK;
    if (!root || !schema || strcmp(schema, "sterna-check/1") != 0 || !device || !profile ||
        !cJSON_IsArray(jobs))
        status = sterna_fail(fault, STERNA_FILE,
                             "%s: not what `sterna check --json` writes, or out of memory", label);
    if (status == STERNA_OK) {
        sterna_results_begin(r, "check");
        snprintf(r->device, sizeof r->device, "%.*s", (int)sizeof r->device - 1, device);
        snprintf(r->profile, sizeof r->profile, "%.7s", profile);
    }
    cJSON_ArrayForEach(job, jobs)
    {
        if (status == STERNA_OK) status = add_job(job, label, r, fault);
    }
    cJSON_Delete(root);
    if (status == STERNA_OK && r->n == 0)
        status = sterna_fail(fault, STERNA_NOTHING, "%s: no property was checked", label);
    if (status != STERNA_OK) sterna_results_free(r);
    return status;
}
