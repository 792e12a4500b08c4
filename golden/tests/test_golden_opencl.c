/* The pinned digests of cases.def on an OpenCL device: as it is, with weights in parts, and on a small grid. */
#include "pinned.h"

static void all_models(sterna_test *t)
{
    SKIP_WITHOUT(t, "opencl");
    golden_pinned(t, "opencl", 0, GOLDEN_CASES);
}

/* cases 0: ternary, 5: Q8_0, 6: Q4_K. */
static void small_devices(sterna_test *t)
{
    SKIP_WITHOUT(t, "opencl");
    golden_pinned(t, "opencl:max_binding=4m,max_groups=5", 0, 1);
    golden_pinned(t, "opencl:max_groups=3", 5, 2);
}

const sterna_test_case sterna_test_cases[] = {
    {"all_models", all_models, 120}, {"small_devices", small_devices, 120}, {0}};
