/* Every device kernel on a real OpenCL driver against the reference, bit by bit; weights in parts, small grids. */
#include "gpu/tests/op_shapes.h"
#include "opencl_testing.h"
#include <stdio.h>

typedef bool run_group(sterna_test *t, const sterna_backend_api *api, sterna_device *device);

static void on_device(sterna_test *t, const char *variant, run_group *run)
{
    NEEDS_OPENCL(t);
    sterna_device *device = op_case_open(t, opencl_backend(), variant);
    if (!device) return;
    run(t, opencl_backend(), device);
    opencl_backend()->close(device);
}

#define OP_GROUP(name)                                                                                       \
    static void name(sterna_test *t)                                                                         \
    {                                                                                                        \
        on_device(t, "", op_shapes_##name);                                                                  \
    }
OP_GROUPS(OP_GROUP)
#undef OP_GROUP

static void weights_are_split(sterna_test *t)
{
    NEEDS_OPENCL(t);
    op_shapes_split(t, opencl_backend(), "max_binding=10k", "max_binding=4k");
}

/* Kernels stride over a grid that is smaller than the work. */
static void small_grids(sterna_test *t)
{
    on_device(t, "max_groups=1", op_shapes_strided);
    on_device(t, "max_groups=3", op_shapes_strided);
}

/* The features of the default device. */
static uint32_t features(void)
{
    opencl_list list;
    const opencl_api *cl;
    const opencl_device *first;
    if (sterna_opencl_load(&cl, NULL) != STERNA_OK || sterna_opencl_list(cl, &list, NULL) != STERNA_OK ||
        sterna_opencl_find(&list, "", &first, NULL) != STERNA_OK)
        return 0;
    return first->limits.features;
}

/* Each kernel at least once, whichever of its features a device makes use of; ci/nightly-oclgrind watches this case. */
static void tiny(sterna_test *t)
{
    NEEDS_OPENCL(t);
    const uint32_t has = features();
    for (uint32_t used = 0; used <= has; used++) {
        char variant[20];
        if (used & ~has) continue;
        snprintf(variant, sizeof variant, "features=%u", used);
        sterna_device *device = op_case_open(t, opencl_backend(), variant);
        if (!device) return;
        bool equal = op_shapes_tiny(t, opencl_backend(), device, used) &&
                     op_shapes_matmul_ternary(t, opencl_backend(), device);
        opencl_backend()->close(device);
        CHECK_MSG(t, equal, "on %s", variant);
    }
}

const sterna_test_case sterna_test_cases[] = {
#define OP_GROUP(name) {#name, name, 120},
    OP_GROUPS(OP_GROUP)
#undef OP_GROUP
        {"weights_are_split", weights_are_split, 120},
    {"small_grids", small_grids, 120},
    {"tiny", tiny, 240},
    {0},
};
