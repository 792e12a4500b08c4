/* Every device kernel against the reference, bit by bit, on whatever Vulkan device there is: shapes around its tiles, with
 * and without int-dot and subgroups, weights in parts, small grids. */
#include "gpu/gpu_kernels.h"
#include "gpu/tests/op_shapes.h"
#include "vulkan_test.h"
#include <string.h>

/* Keys of the devices that everything runs on. */
static const char *const variants[] = {"", "features=0,staging=1", "features=1", "features=2"};

#define KERNEL_CASE(name)                                                                                    \
    static void name(sterna_test *t)                                                                         \
    {                                                                                                        \
        SKIP_WITHOUT_VULKAN(t);                                                                              \
        const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);                     \
        for (size_t v = 0; v < sizeof variants / sizeof variants[0]; v++) {                                  \
            sterna_device *device = op_case_open(t, api, variants[v]);                                       \
            CHECK(t, device != NULL);                                                                        \
            bool equal = op_shapes_##name(t, api, device);                                                   \
            api->close(device);                                                                              \
            CHECK(t, equal);                                                                                 \
        }                                                                                                    \
    }
OP_GROUPS(KERNEL_CASE)

static void weights_in_parts(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    CHECK(t, op_shapes_split(t, api, "max_binding=10k", "max_binding=4k"));
}

static void small_grids(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    static const char *const limits[] = {"max_groups=1", "max_groups=3"};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        sterna_device *device = op_case_open(t, api, limits[i]);
        CHECK(t, device != NULL);
        bool equal = op_shapes_strided(t, api, device);
        api->close(device);
        CHECK(t, equal);
    }
}

const sterna_test_case sterna_test_cases[] = {
#define KERNEL_ROW(name) {#name, name, 60},
    OP_GROUPS(KERNEL_ROW)
#undef KERNEL_ROW
        {"weights_in_parts", weights_in_parts, 60},
    {"small_grids", small_grids, 60},
    {0},
};
