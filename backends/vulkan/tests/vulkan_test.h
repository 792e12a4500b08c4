/* What the tests of the Vulkan backend share. Owns: opening the device they run on, or the reason to skip. */
#ifndef STERNA_VULKAN_TEST_H
#define STERNA_VULKAN_TEST_H

#include "gpu/tests/op_case.h"
#include "vulkan/vulkan_driver.h"
#include <stdio.h>

/* NULL, or why there is nothing to test on; the text lives until the next call. */
static inline const char *vulkan_absent(void)
{
    static char why[200];
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    sterna_device_info info = {.size = sizeof info};
    for (uint32_t i = 0; i < api->device_count(); i++)
        if (api->device_info(i, &info) == STERNA_OK && info.usable) return NULL;
    snprintf(why, sizeof why, "no Vulkan device: %.150s", info.why);
    return why;
}

#define SKIP_WITHOUT_VULKAN(t)                                                                               \
    do {                                                                                                     \
        const char *absent_ = vulkan_absent();                                                               \
        if (absent_) SKIP(t, "%s", absent_);                                                                 \
    } while (0)

#endif
