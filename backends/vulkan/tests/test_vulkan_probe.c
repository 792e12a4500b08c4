/* The arithmetic probe on real Vulkan drivers whose habits are known: lavapipe keeps every bit, SwiftShader flushes
 * subnormals and must be found out. Which drivers there are is the environment's choice (VK_ICD_FILENAMES). */
#include "registry.h"
#include "vulkan_test.h"
#include <string.h>

/* The device with this in its description is probed; skipped without one. */
static void probe(sterna_test *t, const char *name, bool want_exact)
{
    SKIP_WITHOUT_VULKAN(t);
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    sterna_device_info info = {.size = sizeof info};
    for (uint32_t i = 0; i < api->device_count(); i++) {
        if (api->device_info(i, &info) != STERNA_OK || !info.usable || !strstr(info.description, name))
            continue;
        sterna_open_device device = {.api = api};
        sterna_probe found = {0};
        sterna_fault fault = {0};
        device.device = op_case_open(t, api, info.variant);
        CHECK(t, device.device != NULL);
        device.info = info;
        sterna_status status = sterna_device_probe(&device, &found, &fault);
        api->close(device.device);
        CHECK_MSG(t, status == STERNA_OK && found.exact == want_exact, "%s: %u of %u values differ; %s%s",
                  info.description, found.different, found.compared, found.why, fault.text);
        CHECK_MSG(t, found.compared > 10000 && (found.exact || (found.different > 0 && found.why[0])), "%s",
                  found.why);
        sterna_test_note(t, "%s: %u of %u values differ; %s", info.description, found.different,
                         found.compared, found.why);
        return;
    }
    SKIP(t, "no device is called %s", name);
}

static void lavapipe_is_exact(sterna_test *t)
{
    probe(t, "llvmpipe", true);
}

static void swiftshader_is_found_out(sterna_test *t)
{
    probe(t, "SwiftShader", false);
}

const sterna_test_case sterna_test_cases[] = {{"lavapipe_is_exact", lavapipe_is_exact, 60},
                                              {"swiftshader_is_found_out", swiftshader_is_found_out, 60},
                                              {0}};
