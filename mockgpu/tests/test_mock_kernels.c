/* Every device kernel against the reference, bit by bit: shapes around its tiles, every warp size, several
 * schedules. */
#include "base/size.h"
#include "gpu/tests/op_shapes.h"
#include "mock_testing.h"
#include <stdio.h>

typedef bool run_group(sterna_test *t, const sterna_backend_api *api, sterna_device *device);

static void on_every_warp(sterna_test *t, run_group *run)
{
    static const uint32_t warps[] = {4, 8, 16, 32, 64};
    for (uint32_t w = 0; w < STERNA_COUNT(warps); w++) {
        char variant[60];
        snprintf(variant, sizeof variant, "warp=%u,seed=%u,alignment=4,features=%u", warps[w], w * 11 + 1,
                 w % 4);
        sterna_device *device = op_case_open(t, mock_api(), variant);
        if (!device) return;
        bool equal = run(t, mock_api(), device);
        mock_api()->close(device);
        CHECK_MSG(t, equal, "on %s", variant);
    }
}

#define OP_GROUP(name)                                                                                       \
    static void name(sterna_test *t)                                                                         \
    {                                                                                                        \
        on_every_warp(t, op_shapes_##name);                                                                  \
    }
OP_GROUPS(OP_GROUP)
#undef OP_GROUP

const sterna_test_case sterna_test_cases[] = {
#define OP_GROUP(name) {#name, name, 0},
    OP_GROUPS(OP_GROUP)
#undef OP_GROUP
        {0},
};
