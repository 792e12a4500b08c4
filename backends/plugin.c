/* Loading a foreign backend's library and mistrusting its table. */
#include "base/sys.h"
#include "registry.h"
#include <string.h>

/* Members of the table that must be there, by name. */
#define MEMBERS(X)                                                                                           \
    X(name)                                                                                                  \
    X(device_count)                                                                                          \
    X(device_info)                                                                                           \
    X(open)                                                                                                  \
    X(close)                                                                                                 \
    X(info)                                                                                                  \
    X(supports) X(buffer_create) X(buffer_destroy) X(buffer_write) X(buffer_read) X(weight_create)           \
        X(weight_destroy) X(plan_create) X(plan_destroy) X(submit) X(wait) X(kernels_used)

static const char *missing_member(const sterna_backend_api *api)
{
#define CHECK_MEMBER(member)                                                                                 \
    if (!api->member) return #member;
    MEMBERS(CHECK_MEMBER)
#undef CHECK_MEMBER
    return NULL;
}

static sterna_status check_table(const char *path, const sterna_backend_api *api, sterna_fault *fault)
{
    if (!api)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: does not speak ABI version %u", path,
                           STERNA_ABI_VERSION);
    if (api->abi_version != STERNA_ABI_VERSION)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: speaks ABI version %u, wanted %u", path,
                           api->abi_version, STERNA_ABI_VERSION);
    if (api->size < sizeof *api)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: its table has %u bytes, wanted %zu; rebuild it",
                           path, api->size, sizeof *api);
    const char *missing = missing_member(api);
    if (missing) return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: its table lacks %s", path, missing);
    if (strlen(api->name) == 0 || strlen(api->name) > 31)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: its name must have 1 to 31 characters", path);
    return STERNA_OK;
}

sterna_status sterna_plugin_load(const char *path, void **library, const sterna_backend_api **api,
                                 sterna_fault *fault)
{
    void *handle;
    sterna_status status = sterna_sys_dlopen(path, &handle, fault);
    if (status != STERNA_OK) return status;
    void *symbol = sterna_sys_dlsym(handle, STERNA_BACKEND_ENTRY_NAME);
    if (!symbol) {
        sterna_sys_dlclose(handle);
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: not a backend: it exports no %s", path,
                           STERNA_BACKEND_ENTRY_NAME);
    }
    sterna_backend_entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry); /* POSIX: a function's address fits a void pointer */
    const sterna_backend_api *table = entry(STERNA_ABI_VERSION);
    status = check_table(path, table, fault);
    if (status != STERNA_OK) {
        sterna_sys_dlclose(handle);
        return status;
    }
    *library = handle;
    *api = table;
    return STERNA_OK;
}

void sterna_plugin_unload(void *library)
{
    sterna_sys_dlclose(library);
}
