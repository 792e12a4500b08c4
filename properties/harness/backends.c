/* The backends that the bench finds by name: the direct one, and those of the registry. */
#include "harness/backends.h"
#include "harness/direct.h"
#include <stdio.h>
#include <string.h>

sterna_status sterna_bench_find_device(const char *spec, sterna_resolved *found, sterna_fault *fault)
{
    size_t n = strcspn(spec, ":");
    if (n != strlen("direct") || memcmp(spec, "direct", n) != 0)
        return sterna_device_resolve(spec, found, fault);
    *found = (sterna_resolved){.api = sterna_direct_backend(), .name = "direct"};
    snprintf(found->variant, sizeof found->variant, "%s", spec[n] ? spec + n + 1 : "");
    return STERNA_OK;
}
