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

static sterna_status open_device(const sterna_host *host, const sterna_open_params *params,
                                 sterna_device **device, sterna_fault *fault)
{
    return sterna_gpu_open(&sterna_mock_driver, host, params, device, fault);
}

static const sterna_backend_api api = {
    .name = "mock",
    .device_count = device_count,
    .device_info = device_info,
    .open = open_device,
    STERNA_GPU_API,
};

const sterna_backend_api *sterna_backend_mock_entry(uint32_t abi_version)
{
    return abi_version == STERNA_ABI_VERSION ? &api : NULL;
}
