/* The pinned digests of cases.def on a Vulkan device: as it is, with its features unused, with all copies staged, and under
 * the validation layer, which must stay silent from prefill to close. */
#include "pinned.h"

static void all_models(sterna_test *t)
{
    SKIP_WITHOUT(t, "vulkan");
    golden_pinned(t, "vulkan", 0, GOLDEN_CASES);
}

static void without_features(sterna_test *t)
{
    SKIP_WITHOUT(t, "vulkan");
    golden_pinned(t, "vulkan:features=0,staging=1", 0, 2);
}

/* cases 0: ternary, 6: Q4_K. */
static void validated(sterna_test *t)
{
    SKIP_WITHOUT(t, "vulkan:validate=1");
    golden_pinned(t, "vulkan:validate=1", 0, 1);
    golden_pinned(t, "vulkan:validate=1,staging=1", 6, 1);
}

const sterna_test_case sterna_test_cases[] = {{"all_models", all_models, 60},
                                              {"without_features", without_features, 60},
                                              {"validated", validated, 60},
                                              {0}};
