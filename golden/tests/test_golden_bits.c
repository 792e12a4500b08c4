/* Same bits everywhere: the pinned digests of cases.def, and their independence of device, threads, batch
 * size, prompt split and cache layout. */
#include "pinned.h"

static void pinned_digests_hold(sterna_test *t)
{
    golden_pinned(t, "auto", 0, GOLDEN_CASES);
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
        if (golden_digest_of(t, c, &params, tokens, hex) && !EXPECT(t, strcmp(hex, want) == 0))
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
        for (size_t i = 0; i < GOLDEN_CASES; i++)
            all_ways_agree(t, &golden_cases[i], devices[d], ways, sizeof ways / sizeof *ways,
                           golden_cases[i].tokens, golden_cases[i].digest);
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
    for (size_t i = 0; i < GOLDEN_CASES; i++) {
        char want[65];
        sterna_session_params params = golden_params("cpu:scalar", golden_cases[i].kv);
        CHECK(t, golden_digest_of(t, &golden_cases[i], &params, TOKENS, want));
        all_ways_agree(t, &golden_cases[i], "mock:warp=32,seed=1", ways, 1, TOKENS, want);
        all_ways_agree(t, &golden_cases[i], "mock:warp=8,seed=2", paged, 1, TOKENS, want);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"pinned_digests_hold", pinned_digests_hold, 60},
    {"every_cpu_level_and_way_agrees", every_cpu_level_and_way_agrees, 120},
    {"the_mock_gpu_agrees", the_mock_gpu_agrees, 120},
    {0},
};
