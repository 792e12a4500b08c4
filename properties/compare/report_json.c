/* The comparison as one JSON object, schema sterna-compare/1. */
#include "cli/about.h"
#include "cli/json.h"
#include "compare/report.h"

static void put_divergence(sterna_json *json, cJSON *into, const sterna_divergence *x, bool fast)
{
    sterna_json_string(json, into, "operation", sterna_op_get(x->op)->name);
    sterna_json_string(json, into, "output", x->output);
    sterna_json_u64(json, into, "layer", x->layer);
    sterna_json_u64(json, into, "node", x->node);
    sterna_json_u64(json, into, "step", x->step);
    sterna_json_u64(json, into, "position", x->position + x->row);
    sterna_json_u64(json, into, "row", x->row);
    sterna_json_u64(json, into, "index", x->index);
    sterna_json_real(json, into, "got", x->got);
    sterna_json_real(json, into, "want", x->want);
    sterna_json_u64(json, into, "different", x->different);
    sterna_json_u64(json, into, "compared", x->compared);
    if (fast)
        sterna_json_real(json, into, "ratio", x->ratio);
    else
        sterna_json_u64(json, into, "worst_ulp", x->worst_ulp);
}

static void put_tallies(sterna_json *json, cJSON *into, const sterna_lockstep_device *device, bool fast)
{
    cJSON *list = sterna_json_array(json, into, "operations");
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++) {
        const sterna_tally *t = &device->tally[op];
        if (!t->nodes) continue;
        cJSON *one = sterna_json_object(json, list, NULL);
        sterna_json_string(json, one, "operation", sterna_op_get((sterna_op)op)->name);
        sterna_json_u64(json, one, "nodes", t->nodes);
        sterna_json_u64(json, one, "values", t->values);
        sterna_json_u64(json, one, "diverging", t->diverging);
        sterna_json_u64(json, one, "different", t->different);
        if (fast)
            sterna_json_real(json, one, "worst_ratio", t->worst_ratio);
        else
            sterna_json_u64(json, one, "worst_ulp", t->worst_ulp);
        if (t->diverging) put_divergence(json, sterna_json_object(json, one, "first"), &t->first, fast);
    }
}

static void put_kernels(sterna_json *json, cJSON *into, const sterna_lockstep_device *device)
{
    cJSON *list = sterna_json_array(json, into, "kernels");
    for (uint32_t k = 0; k < device->n_kernels; k++) {
        cJSON *one = sterna_json_object(json, list, NULL);
        sterna_json_string(json, one, "name", device->kernels[k].name);
        sterna_json_u64(json, one, "launches", device->kernels[k].launches);
        if (device->kernels[k].has_hash) sterna_json_hex(json, one, "sha256", device->kernels[k].code_hash);
    }
}

static void put_repro(sterna_json *json, cJSON *into, const sterna_compare_repro *r)
{
    if (!r->path[0] && !r->why[0]) return;
    cJSON *one = sterna_json_object(json, into, "repro");
    sterna_json_string(json, one, "file", r->path[0] ? r->path : NULL);
    if (!r->path[0]) {
        sterna_json_string(json, one, "why", r->why);
        return;
    }
    sterna_json_u64(json, one, "bytes", r->bytes);
    sterna_json_string(json, one, "verdict", sterna_verdict_name(r->device.code));
    sterna_json_string(json, one, "text", r->device.text);
    sterna_json_string(json, one, "reference_verdict", sterna_verdict_name(r->reference.code));
}

static void put_device(sterna_json *json, cJSON *devices, const sterna_compare_summary *s, uint32_t d)
{
    const sterna_lockstep_device *device = &s->run->devices[d];
    bool fast = s->run->profile == STERNA_PROFILE_FAST;
    cJSON *one = sterna_json_object(json, devices, NULL);
    sterna_json_string(json, one, "device", s->params->devices[d]);
    sterna_json_string(json, one, "spec", device->spec);
    sterna_json_bool(json, one, "is_reference", d == 0);
    sterna_json_string(json, one, "description", device->info.description);
    sterna_json_string(json, one, "driver", device->info.driver);
    sterna_json_bool(json, one, "is_mock", device->info.is_mock != 0);
    sterna_json_u64(json, one, "compared", device->values);
    sterna_json_u64(json, one, "diverging", device->diverging);
    if (device->failure.status != STERNA_OK) sterna_json_string(json, one, "failure", device->failure.text);
    put_tallies(json, one, device, fast);
    cJSON *list = sterna_json_array(json, one, "divergences");
    for (uint32_t i = 0; i < device->n_kept; i++)
        put_divergence(json, sterna_json_object(json, list, NULL), &device->kept[i], fast);
    put_repro(json, one, &s->repro[d]);
    put_kernels(json, one, device);
}

sterna_status sterna_compare_json(const sterna_compare_summary *s, sterna_out *out, sterna_fault *fault)
{
    sterna_json json = {0};
    const sterna_build *build = sterna_build_get();
    sterna_json_begin(&json, "compare");
    sterna_json_string(&json, json.root, "commit", build->commit);
    sterna_json_string(&json, json.root, "model", s->model);
    sterna_json_string(&json, json.root, "reference", s->params->devices[0]);
    sterna_json_string(&json, json.root, "profile",
                       s->run->profile == STERNA_PROFILE_FAST ? "fast" : "exact");
    sterna_json_u64(&json, json.root, "operations", s->run->operations);
    sterna_json_u64(&json, json.root, "steps", s->run->steps);
    sterna_json_ids(&json, json.root, "ids", s->run->tokens, s->run->n_tokens);
    if (s->run->ended.status != STERNA_OK) sterna_json_string(&json, json.root, "ended", s->run->ended.text);
    cJSON *devices = sterna_json_array(&json, json.root, "devices");
    for (uint32_t d = 0; d < s->run->n_devices; d++) put_device(&json, devices, s, d);
    return sterna_json_print(&json, out, fault);
}
