/* Strict mode: nothing that could pass for a real, exact device without being one. */
#include "base/env.h"
#include "registry_private.h"
#include <string.h>

sterna_status sterna_strict_environment(sterna_fault *fault)
{
    static const sterna_env fakes[] = {STERNA_ENV_GPU_FAKE, STERNA_ENV_FAKE_DEVICES};
    for (uint32_t i = 0; i < sizeof fakes / sizeof fakes[0]; i++)
        if (sterna_env_get(fakes[i]))
            return sterna_fail(fault, STERNA_POLICY, "--strict: %s is set: devices may be invented; unset it",
                               sterna_env_name(fakes[i]));
    return STERNA_OK;
}

/* What it lacks of what it announces; where that is nothing, whether it is exact. */
static sterna_status probe_it(const sterna_open_device *device, sterna_probe *probe, char lacks[160],
                              sterna_fault *fault)
{
    sterna_tried found;
    if (device->device) {
        memcpy(lacks, device->info.why, sizeof device->info.why);
        return lacks[0] ? STERNA_OK : sterna_device_probe(device, probe, fault);
    }
    sterna_registry_try(device->spec, STERNA_PROBE_EXACT, &found);
    *probe = found.probe;
    memcpy(lacks, found.lacks, sizeof found.lacks);
    return found.status == STERNA_OK ? STERNA_OK : sterna_fail(fault, found.status, "%s", found.why);
}

sterna_status sterna_strict_device(const sterna_open_device *device, sterna_profile profile,
                                   sterna_fault *fault)
{
    sterna_probe probe = {.exact = false};
    char lacks[160];
    sterna_status status = sterna_strict_environment(fault);
    if (status != STERNA_OK) return status;
    if (device->info.is_mock)
        return sterna_fail(fault, STERNA_POLICY, "--strict: the device %s is a mock", device->spec);
    if (profile != STERNA_PROFILE_EXACT)
        return sterna_fail(fault, STERNA_POLICY,
                           "--strict: the fast profile has no bits that could be verified");
    if (device->passed[0])
        return sterna_fail(fault, STERNA_POLICY, "--strict: %s would be a fallback, for %s", device->spec,
                           device->passed);
    status = probe_it(device, &probe, lacks, fault);
    if (status == STERNA_OK && lacks[0])
        return sterna_fail(fault, STERNA_POLICY, "--strict: the device %.200s %s", device->spec, lacks);
    if (status != STERNA_OK || probe.exact) return status;
    return sterna_fail(fault, STERNA_POLICY, "--strict: the device %s is not exact: %s", device->spec,
                       probe.why);
}
