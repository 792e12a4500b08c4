/* A plug-in around a backend of this tree, so that a planted bug stays out of the bench that looks for it.
 * Owns: the exported symbol. ENTRY names the backend's own: sterna_backend_cpu_entry, sterna_backend_mock_entry. */
#include "sterna_backend.h"

const sterna_backend_api *ENTRY(uint32_t abi_version);
__attribute__((visibility("default"))) const sterna_backend_api *sterna_backend_entry(uint32_t abi_version);

const sterna_backend_api *sterna_backend_entry(uint32_t abi_version)
{
    return ENTRY(abi_version);
}
