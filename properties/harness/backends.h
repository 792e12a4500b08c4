/* Which backends the bench knows by name. */
#ifndef STERNA_BENCH_BACKENDS_H
#define STERNA_BENCH_BACKENDS_H

#include "base/status.h"

sterna_status sterna_bench_find_backend(const char *name, const sterna_backend_api **api,
                                        sterna_fault *fault);

#endif
