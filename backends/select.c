/* Parsing --device, choosing under `auto`, and the list of built-in backends. */
#include "base/mem.h"
#include "base/sys.h"
#include "registry.h"
#include <stdio.h>
#include <string.h>

#define BACKEND(name, entry) const sterna_backend_api *entry(uint32_t abi_version);
#include "backends.def"

typedef struct builtin {
    const char *name;
    sterna_backend_entry_fn entry;
} builtin;

static const builtin builtins[] = {
#define BACKEND(name, entry) {#name, entry},
#include "backends.def"
};
enum { N_BUILTINS = (int)(sizeof builtins / sizeof builtins[0]) };

static void *host_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    return sterna_alloc_aligned(bytes, alignment);
}

static void host_release(void *context, void *memory)
{
    (void)context;
    sterna_free(memory);
}

static void host_log(void *context, int level, const char *text)
{
    (void)context, (void)level;
    char line[600];
    int n = snprintf(line, sizeof line, "%s\n", text);
    if (n > 0) (void)sterna_sys_write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1, NULL);
}

const sterna_host *sterna_host_default(void)
{
    static const sterna_host host = {sizeof host,   STERNA_ABI_VERSION, NULL,
                                     host_allocate, host_release,       host_log};
    return &host;
}

void sterna_registry_list(sterna_device_visit *visit, void *context)
{
    for (int b = 0; b < N_BUILTINS; b++) {
        const sterna_backend_api *api = builtins[b].entry(STERNA_ABI_VERSION);
        for (uint32_t i = 0; api && i < api->device_count(); i++) {
            sterna_device_info info = {.size = sizeof info};
            if (api->device_info(i, &info) == STERNA_OK && !visit(context, api, &info)) return;
        }
    }
}

typedef struct text_list {
    char text[300];
    size_t used;
    bool with_mock;
} text_list;

static bool append_usable(void *context, const sterna_backend_api *api, const sterna_device_info *info)
{
    text_list *list = context;
    if (!info->usable || (info->is_mock && !list->with_mock)) return true;
    int n = snprintf(list->text + list->used, sizeof list->text - list->used, "%s%s%s%s",
                     list->used ? "," : "", api->name, info->variant[0] ? ":" : "", info->variant);
    list->used += n > 0 ? (size_t)n : 0;
    return list->used < sizeof list->text;
}

/* Usable devices of this machine: "cpu:avx2,cpu:scalar". */
static void usable_devices(text_list *list, bool with_mock)
{
    *list = (text_list){.with_mock = with_mock};
    sterna_registry_list(append_usable, list);
}

/* A path holds a slash or ends in .so before the first colon that is not part of it. */
static const char *library_end(const char *spec)
{
    const char *dot = strstr(spec, ".so");
    while (dot && dot[3] != 0 && dot[3] != ':') dot = strstr(dot + 1, ".so");
    return dot ? dot + 3 : NULL;
}

/* A built-in's name comes first: what stands behind its colon may hold slashes ("mock:profile=./small.txt"). */
static bool names_builtin(const char *spec, size_t length)
{
    for (int b = 0; b < N_BUILTINS; b++)
        if (strlen(builtins[b].name) == length && memcmp(builtins[b].name, spec, length) == 0) return true;
    return false;
}

/* Where a name ends and what follows it: "cpu:avx2" -> "cpu", "avx2". */
static sterna_status split(const char *spec, char *name, size_t size, const char **variant,
                           sterna_fault *fault)
{
    size_t plain = strcspn(spec, ":");
    const char *end = names_builtin(spec, plain) ? spec + plain : library_end(spec);
    if (!end) end = strchr(spec, '/') ? spec + strlen(spec) : spec + strcspn(spec, ":");
    size_t length = (size_t)(end - spec);
    if (length == 0 || length >= size)
        return sterna_fail(fault, STERNA_USAGE,
                           "--device '%.100s': want auto, cpu, cpu:LEVEL, mock or a library", spec);
    memcpy(name, spec, length);
    name[length] = 0;
    *variant = *end == ':' ? end + 1 : end;
    return STERNA_OK;
}

static sterna_status find_backend(const char *name, sterna_open_device *out, sterna_fault *fault)
{
    if (strchr(name, '/') || library_end(name))
        return sterna_plugin_load(name, &out->library, &out->api, fault);
    for (int b = 0; b < N_BUILTINS; b++)
        if (strcmp(builtins[b].name, name) == 0) {
            out->api = builtins[b].entry(STERNA_ABI_VERSION);
            return STERNA_OK;
        }
    text_list list;
    usable_devices(&list, true);
    return sterna_fail(fault, STERNA_UNSUPPORTED, "--device: no backend is called '%.60s'; usable here: %s",
                       name, list.text);
}

static sterna_status open_named(const char *spec, const sterna_open_params *given, sterna_open_device *out,
                                sterna_fault *fault)
{
    char name[256];
    const char *variant = "";
    sterna_open_params params = *given;
    sterna_status status = split(spec, name, sizeof name, &variant, fault);
    if (status == STERNA_OK) status = find_backend(name, out, fault);
    if (status != STERNA_OK) return status;
    params.variant = variant;
    status = out->api->open(sterna_host_default(), &params, &out->device, fault);
    if (status != STERNA_OK) {
        /* A foreign backend may have failed without a word. */
        sterna_fail(fault, status, "--device %.100s: cannot be opened: %s", spec, sterna_status_text(status));
        return status;
    }
    out->info.size = sizeof out->info;
    status = out->api->info(out->device, &out->info);
    if (status != STERNA_OK)
        return sterna_fail(fault, status, "--device %.100s: tells nothing of itself", spec);
    /* Keys after the variant's name are part of what was opened; the variant itself may have been a short
     * form. */
    const char *keys = strchr(variant, ',');
    const char *shown = out->library || strchr(variant, '=') ? variant : out->info.variant;
    snprintf(out->spec, sizeof out->spec, "%s%s%s%s", name, shown[0] ? ":" : "", shown,
             shown != variant && keys ? keys : "");
    return STERNA_OK;
}

sterna_status sterna_device_open(const char *spec, uint32_t threads, sterna_profile profile,
                                 sterna_open_device *out, sterna_fault *fault)
{
    const sterna_open_params params = {.size = sizeof params, .profile = profile, .threads = threads};
    return sterna_device_open_with(spec, &params, out, fault);
}

sterna_status sterna_device_open_with(const char *spec, const sterna_open_params *params,
                                      sterna_open_device *out, sterna_fault *fault)
{
    bool automatic = !spec || !spec[0] || strcmp(spec, "auto") == 0;
    text_list list;
    *out = (sterna_open_device){0};
    sterna_status status = open_named(automatic ? "cpu" : spec, params, out, fault);
    if (status != STERNA_OK) {
        sterna_device_close(out);
        return status;
    }
    if (automatic)
        snprintf(out->reason, sizeof out->reason,
                 "the best level of this processor; no other device is chosen unasked");
    usable_devices(&list, false);
    snprintf(out->snapshot, sizeof out->snapshot, "requested=%.100s detected=[%s] selected=%.60s",
             automatic ? "auto" : spec, list.text, out->spec);
    return STERNA_OK;
}

void sterna_device_close(sterna_open_device *device)
{
    if (device->device) device->api->close(device->device);
    if (device->library) sterna_plugin_unload(device->library);
    *device = (sterna_open_device){0};
}
