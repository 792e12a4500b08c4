/* The mock as a driver of backends/gpu, and as a backend. Owns: the table, the entry, the list of compiled
 * kernels. */
#ifndef STERNA_MOCK_DRIVER_H
#define STERNA_MOCK_DRIVER_H

#include "gpu/gpu_driver.h"
#include "mock_item.h"

extern const sterna_gpu_driver sterna_mock_driver;

/* The backend's entry (sterna_backend.h); its row stands in backends/backends.def. */
const sterna_backend_api *sterna_backend_mock_entry(uint32_t abi_version);

#endif
