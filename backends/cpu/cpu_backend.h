/* The CPU backend's entry point, the same door as a plug-in's (sterna_backend.h). */
#ifndef STERNA_CPU_BACKEND_H
#define STERNA_CPU_BACKEND_H

#include "sterna_backend.h"

const sterna_backend_api *sterna_backend_cpu_entry(uint32_t abi_version);

#endif
