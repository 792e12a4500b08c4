/* Same bits everywhere: the pinned digests of cases.def, and their independence of device, threads, batch
 * size, prompt split and cache layout. */
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

static bool digest_of(sterna_test *t, const golden_case *c, const sterna_session_params *params,
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

static void pinned_digests_hold(sterna_test *t)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char hex[65];
        sterna_session_params params = golden_params("auto", cases[i].kv);
        if (digest_of(t, &cases[i], &params, cases[i].tokens, hex) &&
            !EXPECT(t, strcmp(hex, cases[i].digest) == 0))
            sterna_test_note(t, "%s, %s cache: %s", cases[i].model,
                             cases[i].kv == STERNA_KV_F32 ? "F32" : "F16", hex);
    }
}

/* One way of running: what may differ without changing a bit. */
typedef struct variation {
    uint32_t threads, n_batch, page_size;
} variation;

static void all_ways_agree(sterna_test *t, const golden_case *c, const char *device, const variation *ways,
                           size_t n, uint32_t tokens, const char *want)
{
    for (size_t i = 0; i < n; i++) {
        char hex[65];
        sterna_session_params params = golden_params(device, c->kv);
        params.threads = ways[i].threads;
        params.n_batch = ways[i].n_batch;
        params.page_size = ways[i].page_size;
        if (digest_of(t, c, &params, tokens, hex) && !EXPECT(t, strcmp(hex, want) == 0))
            sterna_test_note(t, "%s on %s, %u threads, batch %u, page %u: %s", c->model, device,
                             ways[i].threads, ways[i].n_batch, ways[i].page_size, hex);
    }
}

static void every_cpu_level_and_way_agrees(sterna_test *t)
{
    static const variation ways[] = {{1, 1, 0}, {2, 7, 0}, {1, 64, 0}, {2, 64, 16}, {1, 7, 5}, {2, 1, 1}};
    static const char *const devices[] = {"cpu:scalar", "cpu:avx2", "cpu:avx512"};
    for (size_t d = 0; d < sizeof devices / sizeof *devices; d++) {
        sterna_fault fault = {0};
        sterna_open_device device = {0};
        if (sterna_device_open(devices[d], 1, STERNA_PROFILE_EXACT, &device, &fault) != STERNA_OK) {
            EXPECT(t, fault.status == STERNA_UNSUPPORTED);
            sterna_test_note(t, "%s is absent here: %s", devices[d], fault.text);
            continue;
        }
        sterna_device_close(&device);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            all_ways_agree(t, &cases[i], devices[d], ways, sizeof ways / sizeof *ways, cases[i].tokens,
                           cases[i].digest);
    }
}

/* The mock GPU is slow: fewer tokens, compared with the scalar reference. */
static void the_mock_gpu_agrees(sterna_test *t)
{
    enum { TOKENS = 3 };
    static const variation ways[] = {{0, 64, 0}};
    static const variation paged[] = {{0, 3, 4}};
    sterna_fault fault = {0};
    sterna_open_device device = {0};
    if (sterna_device_open("mock", 1, STERNA_PROFILE_EXACT, &device, &fault) != STERNA_OK)
        SKIP(t, "this build has no mock GPU: %s", fault.text);
    sterna_device_close(&device);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[65];
        sterna_session_params params = golden_params("cpu:scalar", cases[i].kv);
        CHECK(t, digest_of(t, &cases[i], &params, TOKENS, want));
        all_ways_agree(t, &cases[i], "mock:warp=32,seed=1", ways, 1, TOKENS, want);
        all_ways_agree(t, &cases[i], "mock:warp=8,seed=2", paged, 1, TOKENS, want);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"pinned_digests_hold", pinned_digests_hold, 60},
    {"every_cpu_level_and_way_agrees", every_cpu_level_and_way_agrees, 120},
    {"the_mock_gpu_agrees", the_mock_gpu_agrees, 120},
    {0},
};
