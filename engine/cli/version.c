/* `sterna --version`: what this build is. */
#include "build_info.h"
#include "cli/about.h"
#include "cli/json.h"
#include "cli/main.h"
#include "registry.h"

sterna_status sterna_print_version(sterna_out *out, bool as_json, sterna_fault *fault)
{
    if (!as_json) {
        sterna_out_print(out, "sterna %s\ncommit    %s\ncompiler  %s\nbuild     %s %s\nbackends ",
                         STERNA_VERSION, STERNA_BUILD_COMMIT[0] ? STERNA_BUILD_COMMIT : "unknown",
                         STERNA_BUILD_COMPILER, STERNA_BUILD_TYPE, STERNA_BUILD_FLAGS);
        for (uint32_t i = 0; i < sterna_registry_count(); i++)
            if (sterna_registry_get(i)->api) sterna_out_print(out, " %s", sterna_registry_get(i)->name);
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
    for (uint32_t i = 0; i < sterna_registry_count(); i++)
        if (sterna_registry_get(i)->api) sterna_json_string(&json, array, NULL, sterna_registry_get(i)->name);
    return sterna_json_print(&json, out, fault);
}

const sterna_build *sterna_build_get(void)
{
    static const sterna_build build = {STERNA_VERSION,
                                       STERNA_BUILD_COMMIT[0] ? STERNA_BUILD_COMMIT : "unknown",
                                       STERNA_BUILD_COMPILER, STERNA_BUILD_TYPE, STERNA_BUILD_FLAGS};
    return &build;
}
