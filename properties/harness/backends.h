/* Which backends the bench knows by name. */
#ifndef STERNA_BENCH_BACKENDS_H
#define STERNA_BENCH_BACKENDS_H

#include "registry.h"

/* As sterna_device_resolve(), and knows "direct", the reference without a device around it (harness/direct.h). */
sterna_status sterna_bench_find_device(const char *spec, sterna_resolved *found, sterna_fault *fault);

#endif
