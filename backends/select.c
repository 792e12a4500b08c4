/* From the text of --device to an open device: resolving, choosing under `auto`, the snapshot. */
#include "auto_choice.h"
#include "base/size.h"
#include "registry.h"
#include "registry_private.h"
#include "spec.h"
#include <stdio.h>
#include <string.h>

typedef struct text_list {
    char text[STERNA_DETECTED_BYTES];
    size_t used;
} text_list;

static void append_usable(text_list *list, const sterna_backend_state *backend, bool with_mock)
{
    for (uint32_t i = 0; i < backend->n_devices; i++) {
        const sterna_device_info *info = &backend->devices[i];
        char name[STERNA_DEVICE_NAME];
        if (!info->usable || (info->is_mock && !with_mock)) continue;
        sterna_device_name(backend->name, info, name);
        list->used += (size_t)snprintf(list->text + list->used, sizeof list->text - list->used, "%s%s",
                                       list->used ? "," : "", name);
    }
}

/* What was looked for in this process and is usable: "cpu:avx2,cpu:scalar,vulkan:0". */
static void detected(text_list *list)
{
    *list = (text_list){.used = 0};
    for (uint32_t b = 0; b < sterna_registry_count(); b++) {
        const sterna_backend_state *backend = sterna_registry_get(b);
        if (backend->looked) append_usable(list, backend, false);
    }
}

/* The failure, and what could be asked for instead: whole names, as many as a sentence holds. */
static sterna_status with_usable(sterna_status status, const sterna_fault *inner, sterna_fault *fault)
{
    enum { ROOM = 180 };
    text_list list = {.used = 0};
    sterna_registry_look_all();
    for (uint32_t b = 0; b < sterna_registry_count(); b++) append_usable(&list, sterna_registry_get(b), true);
    if (list.used >= ROOM) {
        size_t end = ROOM - sizeof ", ... (sterna devices)";
        while (end > 0 && list.text[end] != ',') end--;
        snprintf(list.text + end, sizeof list.text - end, ", ... (sterna devices)");
    }
    return sterna_fail(fault, status, "%.290s; usable here: %s", inner->text, list.text);
}

/* A device's name, with the keys that stood behind a comma. */
static sterna_status set_variant(sterna_resolved *out, const char *variant, const char *keys,
                                 sterna_fault *fault)
{
    int n = snprintf(out->variant, sizeof out->variant, "%s%s%s", variant, keys[0] ? "," : "", keys);
    if (n >= 0 && (size_t)n < sizeof out->variant) return STERNA_OK;
    return sterna_fail(fault, STERNA_USAGE, "--device %s: %.60s...: too long", out->name, variant);
}

/* A device behind a vendor's driver: the child lists, this process picks. */
static sterna_status find_isolated(const sterna_backend_state *backend, const char *wanted,
                                   sterna_resolved *out, sterna_fault *fault)
{
    uint32_t index;
    sterna_registry_look(backend->name);
    if (backend->why[0])
        return sterna_fail(fault, backend->api ? STERNA_DEVICE : STERNA_UNSUPPORTED, "--device %s: %s",
                           backend->name, backend->why);
    sterna_status status = sterna_spec_match(backend, wanted, &index, fault);
    if (status != STERNA_OK) return status;
    const sterna_device_info *info = &backend->devices[index];
    if (!info->usable)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "--device %s%s%s: %s", backend->name,
                           info->variant[0] ? ":" : "", info->variant, info->why);
    status = set_variant(out, info->variant, sterna_spec_keys(wanted), fault);
    if (status == STERNA_OK && sterna_registry_is_fake(backend))
        return sterna_fail(fault, STERNA_DEVICE,
                           "--device %s:%s: STERNA_FAKE_DEVICES invents it; it cannot be opened",
                           backend->name, out->variant);
    return status;
}

/* The child tries what was picked. The probe runs a kernel of almost every kind: what crashes a driver's compiler does so in
 * the child. What it has compiled is found in the driver's cache here. */
static sterna_status try_isolated(sterna_resolved *out, sterna_fault *fault)
{
    char what[STERNA_SPEC_BYTES];
    sterna_tried found;
    snprintf(what, sizeof what, "%.40s:%s", out->name, out->variant);
    sterna_registry_try(what, STERNA_PROBE_EXACT, &found);
    if (found.status != STERNA_OK)
        return sterna_fail(fault, found.status, "--device %s: %s", what, found.why);
    if (!found.probe.exact) snprintf(out->doubt, sizeof out->doubt, "%s", found.probe.why);
    return STERNA_OK;
}

/* With `tried` false a driver is asked for its list and nothing else. */
static sterna_status resolve_named(const char *spec, bool tried, sterna_resolved *out, sterna_fault *fault)
{
    const char *variant = "";
    bool set;
    sterna_fault inner = {0};
    sterna_status status = sterna_registry_fakes(&set, fault);
    if (status == STERNA_OK) status = sterna_spec_split(spec, out->name, &variant, fault);
    if (status != STERNA_OK) return status;
    const sterna_backend_state *backend = sterna_registry_find(out->name);
    if (!backend && sterna_spec_is_library(out->name)) {
        status = sterna_plugin_load(out->name, &out->library, &out->api, fault);
        return status == STERNA_OK ? set_variant(out, variant, "", fault) : status;
    }
    if (!backend) {
        const size_t n = strcspn(out->name, ",");
        char name[STERNA_SPEC_NAME];
        snprintf(name, sizeof name, "%.*s", (int)n, out->name);
        if (out->name[n] && sterna_registry_find(name))
            return sterna_fail(fault, STERNA_USAGE,
                               "--device %.100s: a colon stands between a backend and its keys: %s:%.100s",
                               spec, name, spec + n + 1);
        sterna_fail(&inner, STERNA_UNSUPPORTED, "--device: no backend is called '%.60s'", out->name);
        return with_usable(STERNA_UNSUPPORTED, &inner, fault);
    }
    out->api = backend->api;
    if (!backend->isolated) {
        sterna_registry_look(backend->name);
        return set_variant(out, variant, "", fault);
    }
    status = find_isolated(backend, variant, out, &inner);
    if (status == STERNA_OK && tried) status = try_isolated(out, &inner);
    return status == STERNA_OK ? STERNA_OK : with_usable(status, &inner, fault);
}

/* All devices that are no library's, in the order of the registry. */
static uint32_t gather(bool everywhere, sterna_candidate candidates[STERNA_AUTO_REASONS])
{
    uint32_t n = 0;
    if (everywhere)
        sterna_registry_look_all();
    else
        sterna_registry_look("cpu");
    for (uint32_t b = 0; b < sterna_registry_count(); b++) {
        const sterna_backend_state *backend = sterna_registry_get(b);
        for (uint32_t i = 0; i < backend->n_devices && n < STERNA_AUTO_REASONS; i++) {
            sterna_candidate *c = &candidates[n++];
            *c = (sterna_candidate){.backend = backend->name, .info = &backend->devices[i]};
            sterna_device_name(backend->name, c->info, c->name);
        }
    }
    return n;
}

/* The best one, whose arithmetic has been probed if it is no CPU. */
static uint32_t choose(sterna_candidate *candidates, uint32_t n, uint64_t memory)
{
    for (;;) {
        uint32_t best = sterna_auto_choose(candidates, n, memory);
        if (best == n || candidates[best].info->kind == STERNA_KIND_CPU || candidates[best].exact)
            return best;
        sterna_candidate *c = &candidates[best];
        sterna_tried found;
        sterna_registry_try(c->name, STERNA_PROBE_EXACT, &found);
        c->exact = found.status == STERNA_OK && found.probe.exact ? STERNA_AUTO_EXACT : STERNA_AUTO_NOT_EXACT;
        snprintf(c->why, sizeof c->why, "%.*s", (int)sizeof c->why - 1,
                 found.status != STERNA_OK ? found.why : found.probe.why);
    }
}

/* Takes the best candidate that `take` accepts. What was better but failed stands in out->passed. */
typedef sterna_status take_candidate(void *context, sterna_resolved *r, sterna_fault *fault);

static sterna_status resolve_auto(uint64_t memory, take_candidate *take, void *context, sterna_resolved *out,
                                  sterna_fault *fault)
{
    static _Thread_local sterna_candidate candidates[STERNA_AUTO_REASONS]; /* 40 KiB are much for a stack */
    bool set;
    sterna_status status = sterna_registry_fakes(&set, fault);
    if (status != STERNA_OK) return status;
    const uint32_t n = gather(set || sterna_registry_gpu_may_exist(), candidates);
    for (;;) {
        sterna_fault inner = {0};
        const uint32_t best = choose(candidates, n, memory);
        if (best == n)
            return sterna_fail(fault, STERNA_UNSUPPORTED, "--device auto: no device is usable here");
        sterna_candidate *c = &candidates[best];
        sterna_resolved r = {.api = NULL};
        status = resolve_named(c->name, true, &r, &inner);
        if (status == STERNA_OK) status = take(context, &r, &inner);
        if (status == STERNA_OK) {
            snprintf(r.reason, sizeof r.reason, "%s", c->text);
            memcpy(r.passed, out->passed, sizeof r.passed);
            *out = r;
            return STERNA_OK;
        }
        /* An invented device is no device to pass over; the CPU's failure is the caller's. */
        if (c->info->kind == STERNA_KIND_CPU || set) return sterna_fail(fault, status, "%s", inner.text);
        c->refused = true;
        snprintf(c->why, sizeof c->why, "%.*s", (int)sizeof c->why - 1, inner.text);
        if (!out->passed[0]) snprintf(out->passed, sizeof out->passed, "%.79s: %.150s", c->name, inner.text);
    }
}

static bool is_auto(const char *spec)
{
    return !spec || !spec[0] || strcmp(spec, "auto") == 0;
}

static sterna_status take_any(void *context, sterna_resolved *r, sterna_fault *fault)
{
    (void)context, (void)r, (void)fault;
    return STERNA_OK;
}

sterna_status sterna_device_resolve(const char *spec, sterna_resolved *out, sterna_fault *fault)
{
    *out = (sterna_resolved){.api = NULL};
    if (is_auto(spec)) return resolve_auto(0, take_any, NULL, out, fault);
    return resolve_named(spec, true, out, fault);
}

sterna_status sterna_device_find(const char *spec, sterna_resolved *out, sterna_fault *fault)
{
    if (is_auto(spec)) return sterna_device_resolve(spec, out, fault);
    *out = (sterna_resolved){.api = NULL};
    return resolve_named(spec, false, out, fault);
}

static void name_device(sterna_open_device *out, const char *name, const char *variant, const char *keys)
{
    const char *colon = variant[0] ? ":" : "";
    snprintf(out->spec, sizeof out->spec, "%s%s%s%s", name, colon, variant, keys);
}

static bool is_isolated(const sterna_resolved *r)
{
    const sterna_backend_state *known = r->library ? NULL : sterna_registry_find(r->name);
    return known && known->isolated;
}

static sterna_status open_resolved(const sterna_device_request *request, const sterna_resolved *r,
                                   const char *asked, sterna_open_device *out, sterna_fault *fault)
{
    sterna_open_params params = request->params;
    params.variant = r->variant;
    *out = (sterna_open_device){.api = r->api, .library = r->library};
    sterna_status status = r->api->open(sterna_host_default(), &params, &out->device, fault);
    if (status != STERNA_OK) {
        /* A foreign backend may have failed without a word. */
        sterna_fail(fault, status, "--device %.100s: cannot be opened: %s", asked,
                    sterna_status_text(status));
        return status;
    }
    out->info.size = sizeof out->info;
    status = r->api->info(out->device, &out->info);
    if (status != STERNA_OK)
        return sterna_fail(fault, status, "--device %.100s: tells nothing of itself", asked);
    /* Keys after the variant's name are part of what was opened; the variant itself may have been a short form. */
    const char *keys = strchr(r->variant, ',');
    bool as_asked = is_isolated(r) || r->library || strchr(r->variant, '=');
    name_device(out, r->name, as_asked ? r->variant : out->info.variant, !as_asked && keys ? keys : "");
    return STERNA_OK;
}

typedef struct opening {
    const sterna_device_request *request;
    sterna_open_device *out;
} opening;

static sterna_status take_open(void *context, sterna_resolved *r, sterna_fault *fault)
{
    const opening *o = context;
    sterna_status status = open_resolved(o->request, r, r->name, o->out, fault);
    if (status != STERNA_OK) sterna_device_close(o->out);
    return status;
}

static void take_snapshot(const sterna_device_request *request, const sterna_resolved *r,
                          sterna_open_device *out)
{
    text_list list;
    memcpy(out->reason, r->reason, sizeof out->reason);
    memcpy(out->passed, r->passed, sizeof out->passed);
    memcpy(out->doubt, r->doubt, sizeof out->doubt);
    sterna_registry_look("cpu");
    detected(&list);
    snprintf(out->snapshot, sizeof out->snapshot, "requested=%s detected=[%s] selected=%s",
             is_auto(request->spec) ? "auto" : request->spec, list.text, out->spec);
}

sterna_status sterna_device_request_open(const sterna_device_request *request, sterna_open_device *out,
                                         sterna_fault *fault)
{
    sterna_resolved r = {.api = NULL};
    opening o = {request, out};
    sterna_status status;
    *out = (sterna_open_device){0};
    if (is_auto(request->spec)) {
        status = resolve_auto(request->memory, take_open, &o, &r, fault);
    } else {
        status = resolve_named(request->spec, true, &r, fault);
        if (status == STERNA_OK) status = open_resolved(request, &r, request->spec, out, fault);
    }
    if (status != STERNA_OK) {
        if (!out->library && r.library) sterna_plugin_unload(r.library);
        sterna_device_close(out);
        return status;
    }
    take_snapshot(request, &r, out);
    return STERNA_OK;
}

/* What is known of a device that a child process has tried, without opening it here. */
static sterna_status describe(const sterna_resolved *r, sterna_open_device *out, sterna_fault *fault)
{
    const sterna_backend_state *backend = sterna_registry_find(r->name);
    uint32_t index;
    sterna_status status = sterna_spec_match(backend, r->variant, &index, fault);
    if (status != STERNA_OK) return status;
    *out = (sterna_open_device){.api = r->api, .info = backend->devices[index]};
    name_device(out, r->name, r->variant, "");
    return STERNA_OK;
}

sterna_status sterna_device_survey(const sterna_device_request *request, bool strict, sterna_open_device *out,
                                   sterna_fault *fault)
{
    sterna_resolved r = {.api = NULL};
    *out = (sterna_open_device){0};
    sterna_status status = strict ? sterna_strict_environment(fault) : STERNA_OK;
    if (status == STERNA_OK) status = sterna_device_resolve(request->spec, &r, fault);
    if (status != STERNA_OK) return status;
    if (is_isolated(&r)) {
        status = describe(&r, out, fault);
        if (status == STERNA_OK) take_snapshot(request, &r, out);
        if (status == STERNA_OK && strict) status = sterna_strict_device(out, request->params.profile, fault);
        return status;
    }
    if (r.library) sterna_plugin_unload(r.library);
    status = sterna_device_request_open(request, out, fault);
    if (status != STERNA_OK) return status;
    if (strict) status = sterna_strict_device(out, request->params.profile, fault);
    if (out->device) out->api->close(out->device);
    if (out->library) sterna_plugin_unload(out->library);
    out->device = NULL;
    out->library = NULL;
    out->api = NULL;
    return status;
}

sterna_status sterna_device_open_with(const char *spec, const sterna_open_params *params,
                                      sterna_open_device *out, sterna_fault *fault)
{
    const sterna_device_request request = {.spec = spec, .params = *params};
    return sterna_device_request_open(&request, out, fault);
}

sterna_status sterna_device_open(const char *spec, uint32_t threads, sterna_profile profile,
                                 sterna_open_device *out, sterna_fault *fault)
{
    const sterna_open_params params = {.size = sizeof params, .profile = profile, .threads = threads};
    return sterna_device_open_with(spec, &params, out, fault);
}

void sterna_device_close(sterna_open_device *device)
{
    if (device->device) device->api->close(device->device);
    if (device->library) sterna_plugin_unload(device->library);
    *device = (sterna_open_device){0};
}

sterna_status sterna_registry_environment(sterna_fault *fault)
{
    bool set;
    return sterna_registry_fakes(&set, fault);
}

sterna_status sterna_auto_explain(uint64_t memory, sterna_auto_reason reasons[STERNA_AUTO_REASONS],
                                  uint32_t *used, sterna_fault *fault)
{
    static _Thread_local sterna_candidate candidates[STERNA_AUTO_REASONS];
    sterna_status status = sterna_registry_environment(fault);
    if (status != STERNA_OK) return status;
    const uint32_t n = gather(true, candidates), best = sterna_auto_choose(candidates, n, memory);
    if (best == n) return sterna_fail(fault, STERNA_UNSUPPORTED, "no device is usable here");
    *used = 0;
    for (uint32_t turn = 0; turn < 2; turn++) /* what is chosen, then the others in their order */
        for (uint32_t i = 0; i < n; i++) {
            if ((i == best) != (turn == 0)) continue;
            memcpy(reasons[*used].device, candidates[i].name, sizeof reasons[0].device);
            memcpy(reasons[*used].text, candidates[i].text, sizeof reasons[0].text);
            *used += 1;
        }
    return STERNA_OK;
}
