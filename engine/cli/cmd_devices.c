/* `sterna devices`: what --device can name: compiled in, found on this machine, usable; and why not. Owns: the short
 * list. Leaves to others: finding (registry.h), testing (cmd_doctor.c). */
#include "cli/command.h"
#include "cli/devices.h"
#include "cli/json.h"

static const char *const kinds[] = {
    [STERNA_KIND_UNKNOWN] = "unknown",   [STERNA_KIND_CPU] = "processor",
    [STERNA_KIND_EMULATED] = "emulated", [STERNA_KIND_INTEGRATED] = "integrated",
    [STERNA_KIND_DISCRETE] = "discrete", [STERNA_KIND_ACCELERATOR] = "accelerator"};

const char *sterna_device_kind_name(uint32_t kind)
{
    return kinds[kind <= STERNA_KIND_ACCELERATOR ? kind : STERNA_KIND_UNKNOWN];
}

uint32_t sterna_devices_detected(const sterna_backend_state *backend)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < backend->n_devices; i++) {
        const sterna_device_info *info = &backend->devices[i];
        n += info->usable || (info->kind != STERNA_KIND_UNKNOWN && info->kind != STERNA_KIND_CPU);
    }
    return n;
}

void sterna_json_device(sterna_json *json, cJSON *into, const char *backend, const sterna_device_info *info)
{
    char name[STERNA_DEVICE_NAME];
    sterna_device_name(backend, info, name);
    sterna_json_string(json, into, "device", name);
    sterna_json_string(json, into, "backend", backend);
    sterna_json_string(json, into, "description", info->description);
    sterna_json_string(json, into, "driver", info->driver[0] ? info->driver : NULL);
    sterna_json_string(json, into, "kind", sterna_device_kind_name(info->kind));
    sterna_json_bool(json, into, "usable", info->usable != 0);
    sterna_json_string(json, into, "why", info->why[0] ? info->why : NULL);
    sterna_json_bool(json, into, "mock", info->is_mock != 0);
    sterna_json_u64(json, into, "threads", info->threads);
    sterna_json_u64(json, into, "subgroup", info->subgroup);
    sterna_json_u64(json, into, "memory_bytes", info->memory_bytes);
    sterna_json_u64(json, into, "max_binding_bytes", info->max_binding_bytes);
    sterna_json_u64(json, into, "buffer_alignment", info->buffer_alignment);
}

void sterna_json_backend(sterna_json *json, cJSON *into, const sterna_backend_state *backend)
{
    sterna_json_string(json, into, "backend", backend->name);
    sterna_json_bool(json, into, "compiled", backend->api != NULL);
    sterna_json_bool(json, into, "isolated", backend->isolated);
    sterna_json_string(json, into, "why", backend->why[0] ? backend->why : NULL);
    sterna_json_u64(json, into, "found", sterna_devices_detected(backend));
    sterna_json_real(json, into, "seconds", backend->seconds);
}

static void print_list(sterna_out *out)
{
    for (uint32_t b = 0; b < sterna_registry_count(); b++) {
        const sterna_backend_state *backend = sterna_registry_get(b);
        if (backend->n_devices == 0)
            sterna_out_print(out, "%-20s %-9s %s\n", backend->name, "absent", backend->why);
        for (uint32_t i = 0; i < backend->n_devices; i++) {
            const sterna_device_info *info = &backend->devices[i];
            char name[STERNA_DEVICE_NAME];
            sterna_device_name(backend->name, info, name);
            sterna_out_print(out, "%-20s %-9s %s%s%s%s%s\n", name, info->usable ? "usable" : "absent",
                             info->description, info->driver[0] ? "; " : "", info->driver,
                             info->usable ? "" : ": ", info->usable ? "" : info->why);
        }
    }
}

static const sterna_auto_reason *reason_of(const sterna_auto_reason *reasons, uint32_t n, const char *name)
{
    uint32_t i = 0;
    while (i < n && strcmp(reasons[i].device, name) != 0) i++;
    return i < n ? &reasons[i] : NULL;
}

static sterna_status print_json(const sterna_auto_reason *reasons, uint32_t n, sterna_out *out,
                                sterna_fault *fault)
{
    sterna_json json;
    sterna_json_begin(&json, "devices");
    cJSON *devices = sterna_json_array(&json, json.root, "devices");
    cJSON *backends = sterna_json_array(&json, json.root, "backends");
    for (uint32_t b = 0; b < sterna_registry_count(); b++) {
        const sterna_backend_state *backend = sterna_registry_get(b);
        sterna_json_backend(&json, sterna_json_object(&json, backends, NULL), backend);
        for (uint32_t i = 0; i < backend->n_devices; i++) {
            cJSON *device = sterna_json_object(&json, devices, NULL);
            char name[STERNA_DEVICE_NAME];
            sterna_device_name(backend->name, &backend->devices[i], name);
            const sterna_auto_reason *reason = reason_of(reasons, n, name);
            sterna_json_device(&json, device, backend->name, &backend->devices[i]);
            sterna_json_string(&json, device, "auto", reason ? reason->text : NULL);
        }
    }
    cJSON *chosen = sterna_json_object(&json, json.root, "auto");
    sterna_json_string(&json, chosen, "device", n ? reasons[0].device : NULL);
    sterna_json_string(&json, chosen, "reason", n ? reasons[0].text : NULL);
    return sterna_json_print(&json, out, fault);
}

sterna_status sterna_cmd_devices(const sterna_cli *cli, sterna_fault *fault)
{
    static sterna_auto_reason reasons[STERNA_AUTO_REASONS];
    uint32_t n;
    sterna_status status = sterna_auto_explain(0, reasons, &n, fault);
    if (status != STERNA_OK) return status;
    if (sterna_option_flag(cli->options, STERNA_OPT_json)) return print_json(reasons, n, cli->out, fault);
    print_list(cli->out);
    sterna_out_print(cli->out, "auto takes %s: %s\n", reasons[0].device, reasons[0].text);
    for (uint32_t i = 1; i < n; i++)
        if (strncmp(reasons[i].device, "cpu", 3) != 0 && strncmp(reasons[i].device, "mock", 4) != 0)
            sterna_out_print(cli->out, "     not %s: %s\n", reasons[i].device, reasons[i].text);
    return STERNA_OK;
}
