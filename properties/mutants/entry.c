/* A plug-in around the CPU backend of this tree, so that a planted bug stays out of the bench that looks for it.
 * Owns: the exported symbol. */
#include "cpu/cpu_backend.h"

__attribute__((visibility("default"))) const sterna_backend_api *sterna_backend_entry(uint32_t abi_version);

const sterna_backend_api *sterna_backend_entry(uint32_t abi_version)
{
    return sterna_backend_cpu_entry(abi_version);
}
