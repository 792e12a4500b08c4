/* The mock behind the backend ABI: one device, always usable, never mistaken for a real one. */
#include "gpu/gpu_host.h"
#include "mock_driver.h"
#include <stdio.h>
#include <string.h>

static uint32_t device_count(void)
{
    return 1;
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    if (index > 0) return STERNA_USAGE;
    sterna_device_info full = {.size = info->size,
                               .usable = 1,
                               .is_mock = 1,
                               .kind = STERNA_KIND_EMULATED,
                               .subgroup = 32,
                               .memory_bytes = 4ull << 30,
                               .max_binding_bytes = 128ull << 20,
                               .buffer_alignment = 256};
    snprintf(full.description, sizeof full.description,
             "mock GPU: runs the device kernels on the CPU, watched (docs/mockgpu.md)");
    memcpy(info, &full, info->size < sizeof full ? info->size : sizeof full);
    return STERNA_OK;
}

STERNA_GPU_BACKEND(mock, sterna_mock_driver, device_count, device_info)
