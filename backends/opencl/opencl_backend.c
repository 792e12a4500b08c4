/* OpenCL behind the backend ABI: every device of every platform, and why one cannot be used. */
#include "gpu/gpu_host.h"
#include "opencl/opencl_driver.h"
#include <stdio.h>
#include <string.h>

/* Asks the drivers; where there is no OpenCL the list has one entry that says why. */
static void ask(opencl_list *list)
{
    const opencl_api *cl;
    sterna_fault fault = {0};
    sterna_status status = sterna_opencl_load(&cl, &fault);
    if (status == STERNA_OK) status = sterna_opencl_list(cl, list, &fault);
    if (status == STERNA_OK) return;
    opencl_device *none = &list->devices[0];
    *none = (opencl_device){.id = NULL};
    snprintf(none->why, sizeof none->why, "%.150s", fault.text);
    snprintf(none->limits.description, sizeof none->limits.description, "OpenCL");
    list->count = 1;
}

static uint32_t device_count(void)
{
    opencl_list list;
    ask(&list);
    return list.count;
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    opencl_list list;
    ask(&list);
    if (index >= list.count) return STERNA_USAGE;
    const opencl_device *d = &list.devices[index];
    sterna_device_info full = {.size = info->size,
                               .usable = !d->why[0],
                               .subgroup = d->limits.subgroup,
                               .memory_bytes = d->limits.memory_bytes,
                               .max_binding_bytes = d->limits.max_binding_bytes,
                               .buffer_alignment = d->limits.alignment,
                               .kind = d->limits.kind};
    memcpy(full.variant, d->limits.variant, sizeof full.variant);
    memcpy(full.description, d->limits.description, sizeof full.description);
    memcpy(full.driver, d->limits.driver, sizeof full.driver);
    memcpy(full.why, d->why, sizeof full.why);
    memcpy(info, &full, info->size < sizeof full ? info->size : sizeof full);
    return STERNA_OK;
}

STERNA_GPU_BACKEND(opencl, sterna_opencl_driver, device_count, device_info)
