/* `sterna --version`: what this build is. */
#include "build_info.h"
#include "cli/about.h"
#include "cli/json.h"
#include "cli/main.h"
#include "registry.h"
#include <string.h>

typedef struct names {
    sterna_json *json;
    cJSON *array;
    sterna_out *out;
    const char *last;
} names;

/* One name per backend, however many devices it has. */
static bool visit(void *context, const sterna_backend_api *api, const sterna_device_info *info)
{
    names *n = context;
    (void)info;
    if (n->last && !strcmp(n->last, api->name)) return true;
    n->last = api->name;
    if (n->json)
        sterna_json_string(n->json, n->array, NULL, api->name);
    else
        sterna_out_print(n->out, " %s", api->name);
    return true;
}

sterna_status sterna_print_version(sterna_out *out, bool as_json, sterna_fault *fault)
{
    if (!as_json) {
        sterna_out_print(out, "sterna %s\ncommit    %s\ncompiler  %s\nbuild     %s %s\nbackends ",
                         STERNA_VERSION, STERNA_BUILD_COMMIT[0] ? STERNA_BUILD_COMMIT : "unknown",
                         STERNA_BUILD_COMPILER, STERNA_BUILD_TYPE, STERNA_BUILD_FLAGS);
        sterna_registry_list(visit, &(names){.out = out});
        sterna_out_text(out, "\n");
        return STERNA_OK;
    }
    sterna_json json;
    sterna_json_begin(&json, "version");
    sterna_json_string(&json, json.root, "commit", STERNA_BUILD_COMMIT[0] ? STERNA_BUILD_COMMIT : NULL);
    sterna_json_string(&json, json.root, "compiler", STERNA_BUILD_COMPILER);
    sterna_json_string(&json, json.root, "build_type", STERNA_BUILD_TYPE);
    sterna_json_string(&json, json.root, "flags", STERNA_BUILD_FLAGS);
    sterna_json_u64(&json, json.root, "backend_abi", STERNA_ABI_VERSION);
    cJSON *array = sterna_json_array(&json, json.root, "backends");
    sterna_registry_list(visit, &(names){.json = &json, .array = array});
    return sterna_json_print(&json, out, fault);
}

const sterna_build *sterna_build_get(void)
{
    static const sterna_build build = {STERNA_VERSION,
                                       STERNA_BUILD_COMMIT[0] ? STERNA_BUILD_COMMIT : "unknown",
                                       STERNA_BUILD_COMPILER, STERNA_BUILD_TYPE, STERNA_BUILD_FLAGS};
    return &build;
}
