/* The pinned digests of cases.def on a Vulkan device: as it is, with its features unused, with all copies staged, and under
 * the validation layer, which must stay silent from prefill to close. */
#include "golden_test.h"
#include "registry.h"
#include <stdio.h>
#include <string.h>

typedef struct golden_case {
    const char *model;
    sterna_kv_type kv;
    const char *prompt;
    uint32_t tokens;
    const char *digest;
} golden_case;

static const golden_case cases[] = {
#define GOLDEN(model, kv, prompt, tokens, digest) {model, STERNA_KV_##kv, prompt, tokens, digest},
#include "cases.def"
#undef GOLDEN
};
enum { CASES = (int)(sizeof cases / sizeof cases[0]) };

/* Why there is no such device here; "" when there is one, be it defective. */
static void absent(const char *device, char why[500])
{
    sterna_open_device open = {0};
    sterna_fault fault = {0};
    why[0] = 0;
    if (sterna_device_open(device, 0, STERNA_PROFILE_EXACT, &open, &fault) == STERNA_UNSUPPORTED)
        snprintf(why, 500, "%s", fault.text);
    sterna_device_close(&open);
}

#define SKIP_WITHOUT(t, device)                                                                              \
    do {                                                                                                     \
        char why_[500];                                                                                      \
        absent(device, why_);                                                                                \
        if (why_[0]) SKIP(t, "%s", why_);                                                                    \
    } while (0)

static void pinned(sterna_test *t, const char *device, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        char hex[65] = "", path[256];
        sterna_fault fault = {0};
        golden_run run;
        sterna_session_params params = golden_params(device, cases[i].kv);
        snprintf(path, sizeof path, "golden/models/%s", cases[i].model);
        sterna_status status = golden_open(sterna_test_repo(t, path), &params, &run, &fault);
        if (status == STERNA_OK) {
            status = golden_digest(&run, cases[i].prompt, cases[i].tokens, hex, &fault);
            golden_close(&run);
        }
        CHECK_MSG(t, status == STERNA_OK && strcmp(hex, cases[i].digest) == 0, "%s on %s: %s%s",
                  cases[i].model, device, hex, fault.text);
    }
}

static void all_models(sterna_test *t)
{
    SKIP_WITHOUT(t, "vulkan");
    pinned(t, "vulkan", 0, CASES);
}

static void without_features(sterna_test *t)
{
    SKIP_WITHOUT(t, "vulkan");
    pinned(t, "vulkan:features=0,staging=1", 0, 2);
}

/* cases 0: ternary, 6: Q4_K. */
static void validated(sterna_test *t)
{
    SKIP_WITHOUT(t, "vulkan:validate=1");
    pinned(t, "vulkan:validate=1", 0, 1);
    pinned(t, "vulkan:validate=1,staging=1", 6, 1);
}

const sterna_test_case sterna_test_cases[] = {{"all_models", all_models, 60},
                                              {"without_features", without_features, 60},
                                              {"validated", validated, 60},
                                              {0}};
