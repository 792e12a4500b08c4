/* What the OpenCL tests share: the backend, and whether this machine has a device for it. */
#ifndef STERNA_OPENCL_TESTING_H
#define STERNA_OPENCL_TESTING_H

#include "opencl/opencl_driver.h"
#include "runner.h"

static inline const sterna_backend_api *opencl_backend(void)
{
    return sterna_backend_opencl_entry(STERNA_ABI_VERSION);
}

/* "" when a device can be used, else why not. Texts live until the next call. */
static inline const char *opencl_absent(void)
{
    static sterna_device_info info;
    const sterna_backend_api *api = opencl_backend();
    for (uint32_t i = 0; i < api->device_count(); i++) {
        info = (sterna_device_info){.size = sizeof info};
        if (api->device_info(i, &info) == STERNA_OK && info.usable) return "";
    }
    return info.why[0] ? info.why : "no device";
}

/* Ends the case as skipped where there is no OpenCL. */
#define NEEDS_OPENCL(t)                                                                                      \
    do {                                                                                                     \
        const char *absent_ = opencl_absent();                                                               \
        if (absent_[0]) SKIP((t), "%s", absent_);                                                            \
    } while (0)

#endif
