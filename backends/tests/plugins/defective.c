/* A backend's table with one defect, chosen by DEFECT; built several times for test_plugin_load.c.
 * Owns: the defects. The table's functions are never called. */
#include "sterna_backend.h"

STERNA_API const sterna_backend_api *sterna_backend_entry(uint32_t abi_version);

static uint32_t device_count(void)
{
    return 0;
}
static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    (void)index;
    (void)info;
    return STERNA_USAGE;
}
static void close_device(sterna_device *device)
{
    (void)device;
}

enum { SOUND, NO_TABLE, OTHER_VERSION, SHORT_TABLE, MISSING_MEMBER, EMPTY_NAME };

const sterna_backend_api *sterna_backend_entry(uint32_t abi_version)
{
    static sterna_backend_api table;
    /* Addresses that are not null; what stands behind them does not matter to a test of the loader. */
    const void **members = (const void **)(void *)&table.name;
    for (size_t i = 0; i < (sizeof table - offsetof(sterna_backend_api, name)) / sizeof *members; i++)
        members[i] = &table;
    table.size = DEFECT == SHORT_TABLE ? (uint32_t)sizeof table - 8 : (uint32_t)sizeof table;
    table.abi_version = DEFECT == OTHER_VERSION ? abi_version + 1 : abi_version;
    table.name = DEFECT == EMPTY_NAME ? "" : "defective";
    table.device_count = device_count;
    table.device_info = device_info;
    table.close = close_device;
    if (DEFECT == MISSING_MEMBER) table.submit = 0;
    return DEFECT == NO_TABLE ? 0 : &table;
}
