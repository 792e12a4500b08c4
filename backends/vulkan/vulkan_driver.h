/* Vulkan as a driver of backends/gpu, and as a backend. Owns: the table, the entry. */
#ifndef STERNA_VULKAN_DRIVER_H
#define STERNA_VULKAN_DRIVER_H

#include "gpu/gpu_driver.h"

extern const sterna_gpu_driver sterna_vulkan_driver;

/* The backend's entry (sterna_backend.h); its row stands in backends/backends.def. device_count() and device_info() load
 * the Vulkan loader, make an instance and give both back: they keep nothing. Drivers are foreign code that may crash. */
const sterna_backend_api *sterna_backend_vulkan_entry(uint32_t abi_version);

#endif
