/* `sterna devices`: what --device can name: compiled in, found on this machine, usable; and why not. */
#include "cli/command.h"
#include "cli/json.h"
#include "registry.h"
#include <stdio.h>

typedef struct listing {
    sterna_out *out;
    sterna_json *json;
    cJSON *array;
} listing;

enum { NAME_BYTES = 80 };

static void device_name(const sterna_backend_api *api, const sterna_device_info *info, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "%s%s%s", api->name, info->variant[0] ? ":" : "", info->variant);
}

static bool print_device(void *context, const sterna_backend_api *api, const sterna_device_info *info)
{
    listing *l = context;
    char name[NAME_BYTES];
    device_name(api, info, name);
    sterna_out_print(l->out, "%-20s %-9s %s%s%s\n", name, info->usable ? "usable" : "absent",
                     info->description, info->usable ? "" : ": ", info->usable ? "" : info->why);
    return l->out->status == STERNA_OK;
}

static bool json_device(void *context, const sterna_backend_api *api, const sterna_device_info *info)
{
    listing *l = context;
    char name[NAME_BYTES];
    device_name(api, info, name);
    cJSON *device = sterna_json_object(l->json, l->array, NULL);
    sterna_json_string(l->json, device, "device", name);
    sterna_json_string(l->json, device, "backend", api->name);
    sterna_json_string(l->json, device, "description", info->description);
    sterna_json_bool(l->json, device, "usable", info->usable != 0);
    sterna_json_string(l->json, device, "why", info->usable ? NULL : info->why);
    sterna_json_bool(l->json, device, "mock", info->is_mock != 0);
    sterna_json_u64(l->json, device, "threads", info->threads);
    sterna_json_u64(l->json, device, "subgroup", info->subgroup);
    sterna_json_u64(l->json, device, "memory_bytes", info->memory_bytes);
    sterna_json_u64(l->json, device, "max_binding_bytes", info->max_binding_bytes);
    return !l->json->failed;
}

sterna_status sterna_cmd_devices(const sterna_cli *cli, sterna_fault *fault)
{
    if (!sterna_option_flag(cli->options, STERNA_OPT_json)) {
        sterna_registry_list(print_device, &(listing){.out = cli->out});
        return STERNA_OK;
    }
    sterna_json json;
    sterna_json_begin(&json, "devices");
    listing l = {.json = &json, .array = sterna_json_array(&json, json.root, "devices")};
    sterna_registry_list(json_device, &l);
    return sterna_json_print(&json, cli->out, fault);
}
