/* Every device kernel against the reference, bit by bit, on whatever Vulkan device there is: shapes around its tiles, with
 * and without int-dot and subgroups, weights in parts, small grids. */
#include "gpu/gpu_kernels.h"
#include "gpu/tests/op_shapes.h"
#include "vulkan_test.h"
#include <string.h>

/* Keys of the devices that everything runs on. */
static const char *const variants[] = {"", "features=0,staging=1"};

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

/* Marks the rows that ran on a device. */
static void note_used(const sterna_backend_api *api, sterna_device *device, bool used[STERNA_GPU_KERNELS])
{
    sterna_kernel_use uses[STERNA_GPU_KERNELS];
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) uses[i].size = sizeof uses[i];
    uint32_t count = api->kernels_used(device, uses, STERNA_GPU_KERNELS);
    for (uint32_t u = 0; u < count; u++)
        for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++)
            used[i] |= strcmp(uses[u].name + strlen("vulkan:"), sterna_gpu_kernel_row_at(i)->id) == 0;
}

/* Every row that the device can run, under the validation layer: any message would have failed a call. */
static void every_row_validated(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    bool used[STERNA_GPU_KERNELS] = {false};
    sterna_gpu_limits limits;
    void *gpu = NULL;
    CHECK(t, sterna_vulkan_driver.open(op_case_host(), "", &gpu, &limits, NULL) == STERNA_OK);
    sterna_vulkan_driver.close(gpu);
    for (uint32_t features = 0; features < 4; features++) {
        sterna_device *device = NULL;
        sterna_fault fault = {0};
        char variant[40];
        snprintf(variant, sizeof variant, "validate=1,features=%u", features);
        const sterna_open_params params = {.size = sizeof params, .variant = variant};
        if (api->open(op_case_host(), &params, &device, &fault) == STERNA_UNSUPPORTED)
            SKIP(t, "%s", fault.text);
        CHECK_MSG(t, device != NULL, "%s", fault.text);
        bool equal = true;
#define VALIDATED(name) equal = equal && op_shapes_##name(t, api, device);
        OP_GROUPS(VALIDATED)
#undef VALIDATED
        note_used(api, device, used);
        api->close(device);
        CHECK_MSG(t, equal, "with features=%u", features);
    }
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        const sterna_gpu_kernel_row *row = sterna_gpu_kernel_row_at(i);
        if (!EXPECT(t, used[i] || (row->needs & ~limits.features)))
            sterna_test_note(t, "%s never ran", row->id);
    }
}

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
        {"every_row_validated", every_row_validated, 60},
    {"weights_in_parts", weights_in_parts, 60},
    {"small_grids", small_grids, 60},
    {0},
};
