/* The pinned digests of cases.def on one device. Owns: running rows and skipping where there is no such device. */
#ifndef STERNA_GOLDEN_PINNED_H
#define STERNA_GOLDEN_PINNED_H

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

static const golden_case golden_cases[] = {
#define GOLDEN(model, kv, prompt, tokens, digest) {model, STERNA_KV_##kv, prompt, tokens, digest},
#include "cases.def"
#undef GOLDEN
};
enum { GOLDEN_CASES = (int)(sizeof golden_cases / sizeof golden_cases[0]) };

/* Why there is no such device here; "" when there is one, be it defective. */
static inline void golden_absent(const char *device, char why[500])
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
        golden_absent(device, why_);                                                                         \
        if (why_[0]) SKIP(t, "%s", why_);                                                                    \
    } while (0)

/* The digest of a row's greedy generation of so many tokens. */
static inline bool golden_digest_of(sterna_test *t, const golden_case *c, const sterna_session_params *params,
                                    uint32_t tokens, char hex[65])
{
    sterna_fault fault = {0};
    golden_run run;
    char path[256];
    snprintf(path, sizeof path, "golden/models/%s", c->model);
    sterna_status status = golden_open(sterna_test_repo(t, path), params, &run, &fault);
    if (status == STERNA_OK) {
        status = golden_digest(&run, c->prompt, tokens, hex, &fault);
        golden_close(&run);
    }
    if (status != STERNA_OK) sterna_test_note(t, "%s on %s: %s", c->model, params->device, fault.text);
    return EXPECT(t, status == STERNA_OK);
}

/* Rows [first, first + count) of cases.def give their digests on this device. */
static inline void golden_pinned(sterna_test *t, const char *device, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        const golden_case *c = &golden_cases[i];
        char hex[65] = "";
        sterna_session_params params = golden_params(device, c->kv);
        if (golden_digest_of(t, c, &params, c->tokens, hex) && !EXPECT(t, strcmp(hex, c->digest) == 0))
            sterna_test_note(t, "%s, %s cache, on %s: %s", c->model, c->kv == STERNA_KV_F32 ? "F32" : "F16",
                             device, hex);
    }
}

#endif
