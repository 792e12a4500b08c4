/* The backends that the bench finds by name: the direct one, and those of the registry. */
#include "harness/backends.h"
#include "harness/direct.h"
#include "registry.h"
#include <string.h>

typedef struct search {
    const char *name;
    const sterna_backend_api *found;
} search;

static bool look(void *context, const sterna_backend_api *api, const sterna_device_info *info)
{
    search *s = context;
    (void)info;
    if (strcmp(api->name, s->name) == 0) s->found = api;
    return !s->found;
}

sterna_status sterna_bench_find_backend(const char *name, const sterna_backend_api **api, sterna_fault *fault)
{
    search s = {name, NULL};
    if (strcmp(name, "direct") == 0)
        s.found = sterna_direct_backend();
    else
        sterna_registry_list(look, &s);
    if (!s.found)
        return sterna_fail(
            fault, STERNA_UNSUPPORTED,
            "%s: no backend of that name is built in (a plug-in is named by its path, with a slash)", name);
    *api = s.found;
    return STERNA_OK;
}
