/* Opening devices by name, and closing them. */
#include "harness/subject.h"
#include "base/mem.h"
#include "base/size.h"
#include "harness/backends.h"
#include "harness/guard.h"
#include "registry.h"
#include <stdio.h>
#include <string.h>

static void *host_allocate(void *context, size_t bytes, size_t alignment)
{
    sterna_subject *s = context;
    void *block =
        s->fenced ? sterna_guard_allocate(bytes, alignment) : sterna_alloc_aligned(bytes, alignment);
    if (block) __atomic_fetch_add(&s->live, 1, __ATOMIC_RELAXED);
    return block;
}

static void host_release(void *context, void *memory)
{
    sterna_subject *s = context;
    if (memory) __atomic_fetch_sub(&s->live, 1, __ATOMIC_RELAXED);
    if (!s->fenced)
        sterna_free(memory);
    else if (!sterna_guard_release(memory))
        __atomic_fetch_add(&s->burst, 1, __ATOMIC_RELAXED);
}

static void host_log(void *context, int level, const char *text)
{
    (void)context;
    if (level == 0) fprintf(stderr, "backend: %s\n", text);
}

static struct {
    const sterna_backend_api *api;
    bool guarded;
} offered[8];
static uint32_t n_offered;

void sterna_subject_offer(const sterna_backend_api *api, bool guarded)
{
    for (uint32_t i = 0; i < n_offered; i++)
        if (offered[i].api == api) return;
    if (n_offered == STERNA_COUNT(offered)) return;
    offered[n_offered].api = api;
    offered[n_offered++].guarded = guarded;
}

/* Every function of the table is called sooner or later; a missing one is found here. */
static bool complete(const sterna_backend_api *api)
{
    return api->size >= sizeof *api && api->abi_version == STERNA_ABI_VERSION && api->name &&
           api->device_count && api->device_info && api->open && api->close && api->info && api->supports &&
           api->buffer_create && api->buffer_destroy && api->buffer_write && api->buffer_read &&
           api->weight_create && api->weight_destroy && api->plan_create && api->plan_destroy &&
           api->submit && api->wait && api->kernels_used;
}

/* What was offered comes first, then what the registry or a library has. */
static sterna_status find(const char *spec, sterna_resolved *found, bool *guarded, sterna_fault *fault)
{
    size_t n = strcspn(spec, ":");
    *guarded = false;
    for (uint32_t i = 0; i < n_offered; i++)
        if (strlen(offered[i].api->name) == n && !memcmp(offered[i].api->name, spec, n)) {
            *found = (sterna_resolved){.api = offered[i].api};
            *guarded = offered[i].guarded;
            snprintf(found->name, sizeof found->name, "%s", offered[i].api->name);
            snprintf(found->variant, sizeof found->variant, "%s", spec[n] ? spec + n + 1 : "");
            return STERNA_OK;
        }
    sterna_status status = sterna_bench_find_device(spec, found, fault);
    if (status == STERNA_OK) *guarded = strcmp(found->name, "direct") == 0;
    return status;
}

static sterna_status open_found(sterna_subject *s, const sterna_subject_spec *spec, const char *variant,
                                sterna_fault *fault)
{
    const sterna_open_params params = {
        .size = sizeof params, .profile = spec->profile, .variant = variant, .threads = spec->threads};
    sterna_device_info first = {.size = sizeof first};
    s->host = (sterna_host){.size = sizeof s->host,
                            .abi_version = STERNA_ABI_VERSION,
                            .context = s,
                            .allocate = host_allocate,
                            .release = host_release,
                            .log = host_log};
    s->fenced = !s->guarded && s->api->device_info(0, &first) == STERNA_OK && !first.is_mock;
    sterna_status status = s->api->open(&s->host, &params, &s->device, fault);
    if (status != STERNA_OK) return status;
    s->info.size = sizeof s->info;
    status = s->api->info(s->device, &s->info);
    if (status == STERNA_OK && !sterna_is_pow2(s->info.buffer_alignment))
        status = sterna_fail(fault, STERNA_UNSUPPORTED, "%s: buffer_alignment %u is no power of two",
                             spec->name, s->info.buffer_alignment);
    if (status != STERNA_OK) s->api->close(s->device);
    return status;
}

sterna_status sterna_subject_open(sterna_subject *s, const sterna_subject_spec *spec, sterna_fault *fault)
{
    sterna_resolved found = {.api = NULL};
    bool guarded = false;
    memset(s, 0, sizeof *s);
    if (strlen(spec->name) >= sizeof s->name)
        return sterna_fail(fault, STERNA_USAGE, "the device name is too long: %s", spec->name);
    sterna_status status = find(spec->name, &found, &guarded, fault);
    if (status != STERNA_OK) return status;
    s->api = found.api;
    s->library = found.library;
    s->guarded = guarded;
    s->profile = spec->profile;
    status = complete(s->api) ? open_found(s, spec, found.variant, fault)
                              : sterna_fail(fault, STERNA_UNSUPPORTED,
                                            "%s: the backend's table of functions is incomplete", spec->name);
    if (status != STERNA_OK) {
        if (s->library) sterna_plugin_unload(s->library);
        memset(s, 0, sizeof *s);
        return status;
    }
    /* A repro names the device itself, not "the best there is". */
    if (found.reason[0])
        snprintf(s->name, sizeof s->name, "%s:%s", found.name, found.variant);
    else
        snprintf(s->name, sizeof s->name, "%s", spec->name);
    return STERNA_OK;
}

void sterna_subject_close(sterna_subject *s, sterna_verdict *v)
{
    if (!s->device) return;
    s->api->close(s->device);
    if (v && s->live != 0)
        sterna_judge(v, STERNA_VERDICT_LEAK, "%lld host allocations of %s are live after close()",
                     (long long)s->live, s->name);
    if (v && s->burst != 0)
        sterna_judge(v, STERNA_VERDICT_OUT_OF_BOUNDS_WRITE, "%s wrote beside %u of its host allocations",
                     s->name, s->burst);
    if (s->library) sterna_plugin_unload(s->library);
    memset(s, 0, sizeof *s);
}

void sterna_outcome_free(sterna_outcome *outcome)
{
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) sterna_free(outcome->data[i]);
    memset(outcome, 0, sizeof *outcome);
}
