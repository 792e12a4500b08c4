/* Repro files of a comparison: captured calls made small, judged on both devices, written. */
#include "compare/reduce.h"
#include "compare/report.h"
#include "harness/repro.h"
#include <stdio.h>
#include <string.h>

/* What may stand in a file's name, of a device's. */
static void plain_name(const char *name, char *text, size_t size)
{
    const char *slash = strrchr(name, '/');
    size_t n = 0;
    for (const char *at = slash ? slash + 1 : name; *at && n + 1 < size; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        text[n++] = plain || *at == '.' ? *at : '_';
    }
    text[n] = 0;
}

static bool is_file(const char *where)
{
    size_t n = strlen(where);
    return n > 6 && strcmp(where + n - 6, ".repro") == 0;
}

static bool choose_path(const sterna_compare_summary *s, const char *where, uint32_t d, bool first,
                        char path[1200])
{
    char name[64];
    const sterna_call *call = &s->run->devices[d].capture.call;
    if (is_file(where)) {
        snprintf(path, 1200, "%s", where);
        return first && strlen(where) < 1200;
    }
    plain_name(s->params->devices[d], name, sizeof name);
    int n = snprintf(path, 1200, "%s/compare-%s-%s-%s.repro", where, call->info->name,
                     sterna_format_find(call->format)->name, name);
    return n > 0 && n < 1200;
}

/* Opens anew: a device that just failed would hide what the operation alone does. */
static sterna_verdict judge_on(const sterna_subject_spec *spec, const sterna_recorded *recorded)
{
    static sterna_subject subject;
    sterna_fault fault = {0};
    sterna_manner manner = sterna_recorded_manner(recorded);
    sterna_trial trial = {.subject = &subject, .op = recorded->call.op};
    if (sterna_subject_open(&subject, spec, &fault) != STERNA_OK) {
        sterna_judge(&trial.verdict, STERNA_VERDICT_UNSUPPORTED, "%s", fault.text);
        return trial.verdict;
    }
    sterna_trial_judge(&trial, &recorded->call, &manner);
    sterna_subject_close(&subject, NULL);
    return trial.verdict;
}

static sterna_status save_one(sterna_compare_summary *s, const char *where, uint32_t d, bool first,
                              sterna_fault *fault)
{
    sterna_lockstep_device *device = &s->run->devices[d];
    sterna_compare_repro *repro = &s->repro[d];
    const sterna_divergence *x = &device->kept[0];
    sterna_subject_spec spec = {device->spec, s->run->profile, s->params->session.threads},
                        reference = {s->run->devices[0].spec, s->run->profile, s->params->session.threads};
    sterna_recorded recorded;
    char origin[500], place[STERNA_PLACE_BYTES];
    if (!choose_path(s, where, d, first, repro->path)) {
        repro->path[0] = 0;
        snprintf(repro->why, sizeof repro->why, "one file was asked for, and it holds another device's");
        return STERNA_OK;
    }
    sterna_reduce(&spec, &device->capture, x->row, x->index, &recorded, &repro->device);
    repro->reference = judge_on(&reference, &recorded);
    for (uint32_t i = 0; i < recorded.call.info->n_params; i++)
        if (recorded.call.info->params[i].kind != STERNA_PARAM_OUT) repro->bytes += recorded.call.bytes[i];
    snprintf(origin, sizeof origin, "%.120s: %s", s->model, sterna_compare_place(x, s->run->profile, place));
    sterna_status status = sterna_repro_record(repro->path, &spec, &recorded, &repro->device, origin, fault);
    sterna_recorded_free(&recorded);
    return status;
}

sterna_status sterna_compare_save(sterna_compare_summary *s, const char *where, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    bool first = true;
    for (uint32_t d = 0; d < s->run->n_devices && status == STERNA_OK; d++) {
        const sterna_lockstep_device *device = &s->run->devices[d];
        if (!device->diverging) continue;
        if (!device->captured) {
            snprintf(s->repro[d].why, sizeof s->repro[d].why, "%s", device->capture_fault.text);
            continue;
        }
        if (first && !is_file(where)) status = sterna_sys_make_folder(where, fault);
        if (status == STERNA_OK) status = save_one(s, where, d, first, fault);
        first = false;
    }
    return status;
}
