/* Whole models on the mock GPU: the CPU's bits under many schedules, and every announced fault at every n of a run of
 * two tokens. */
#include "base/mem.h"
#include "base/size.h"
#include "convert/convert.h"
#include "golden_test.h"
#include <stdio.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

enum { TOKENS = 2, MOST_RUNS = 2000 };
/* Sanitizer builds look at the code, not at the orders, and are ten times slower. */
#ifdef SANITIZED
enum { SEEDS = 3, STEP = 5 };
#else
enum { SEEDS = 64, STEP = 1 };
#endif
static const uint32_t warps[] = {4, 8, 16, 32, 64};

/* One run from opening to closing; `hex` is its digest when it ends well. */
static sterna_status run(const char *path, const char *device, uint32_t tokens, char hex[65],
                         sterna_fault *fault)
{
    golden_run one;
    sterna_session_params params = golden_params(device, STERNA_KV_F16);
    params.n_ctx = 64;
    sterna_status status = golden_open(path, &params, &one, fault);
    if (status != STERNA_OK) return status;
    status = golden_digest(&one, "the", tokens, hex, fault);
    golden_close(&one);
    return status;
}

static bool make_model(sterna_test *t, const char *shape, const char *type, char *path, size_t size)
{
    sterna_fault fault = {0};
    const sterna_synth_params params = {.shape = shape, .type = type, .seed = 7, .layers = 1};
    snprintf(path, size, "%s/%s-%s.gguf", sterna_test_folder(t), shape, type);
    if (EXPECT(t, sterna_synth(&params, path, &fault) == STERNA_OK)) return true;
    sterna_test_note(t, "%s", fault.text);
    return false;
}

/* Every warp size with `seeds` schedules, against the scalar reference. */
static void agree(sterna_test *t, const char *path, uint32_t seeds, uint32_t tokens)
{
    char want[65], hex[65], device[60];
    sterna_fault fault = {0};
    CHECK_MSG(t, run(path, "cpu:scalar", tokens, want, &fault) == STERNA_OK, "%s", fault.text);
    for (uint32_t w = 0; w < STERNA_COUNT(warps); w++)
        for (uint32_t seed = 0; seed < seeds; seed++) {
            snprintf(device, sizeof device, "mock:warp=%u,seed=%u", warps[w], seed);
            CHECK_MSG(t, run(path, device, tokens, hex, &fault) == STERNA_OK, "%s: %s", device, fault.text);
            CHECK_MSG(t, strcmp(hex, want) == 0, "%s: %s, the reference has %s", device, hex, want);
        }
}

static void schedules_ternary(sterna_test *t)
{
    char path[1200];
    if (make_model(t, "bitnet-small", "tq2_0", path, sizeof path)) agree(t, path, SEEDS, TOKENS);
}

static void schedules_block(sterna_test *t)
{
    static const char *const types[] = {"q8_0", "q4_k", "bf16"};
    for (uint32_t i = 0; i < STERNA_COUNT(types); i++) {
        char path[1200];
        if (make_model(t, "llama-small", types[i], path, sizeof path))
            agree(t, path, SEEDS > 16 ? SEEDS / 16 : 1, TOKENS);
    }
}

static void schedules_golden(sterna_test *t)
{
    agree(t, sterna_test_repo(t, "golden/models/golden.gguf"), 2, 4);
}

/* Weights in pieces and grids of one group, as small devices have them. */
static void a_small_device(sterna_test *t)
{
    char path[1200], want[65], hex[65];
    sterna_fault fault = {0};
    if (!make_model(t, "bitnet-small", "tq2_0", path, sizeof path)) return;
    CHECK_MSG(t, run(path, "cpu:scalar", TOKENS, want, &fault) == STERNA_OK, "%s", fault.text);
    CHECK_MSG(t,
              run(path, "mock:max_binding=128k,max_groups=3,alignment=64,warp=8", TOKENS, hex, &fault) ==
                  STERNA_OK,
              "%s", fault.text);
    CHECK(t, strcmp(hex, want) == 0);
}

/* "<key>=n" for n = 1, 2, ... until the run ends well: each earlier one ends with `wanted` and a sentence that holds
 * `part`, and leaves no memory behind. */
static void sweep(sterna_test *t, const char *path, const char *key, sterna_status wanted, const char *part)
{
    char want[65], hex[65], device[80];
    sterna_fault fault = {0};
    CHECK_MSG(t, run(path, "cpu:scalar", TOKENS, want, &fault) == STERNA_OK, "%s", fault.text);
    for (uint32_t n = 1; n < MOST_RUNS; n += STEP) {
        int64_t live = sterna_mem_live();
        fault = (sterna_fault){0};
        snprintf(device, sizeof device, "mock:%s=%u", key, n);
        sterna_status status = run(path, device, TOKENS, hex, &fault);
        CHECK_MSG(t, sterna_mem_live() == live, "%s: %d blocks leaked", device,
                  (int)(sterna_mem_live() - live));
        if (status == STERNA_OK) {
            CHECK_MSG(t, strcmp(hex, want) == 0, "%s: %s, the reference has %s", device, hex, want);
            printf("%s: %u places\n", key, n - 1);
            CHECK(t, n > 10);
            return;
        }
        CHECK_MSG(t, status == wanted && fault.status == wanted && strstr(fault.text, part),
                  "%s: status %d, '%s'", device, (int)status, fault.text);
    }
    CHECK(t, false && "the run ends well for some n");
}

static void every_fault_at_every_n(sterna_test *t)
{
    char path[1200];
    if (!make_model(t, "bitnet-small", "tq2_0", path, sizeof path)) return;
    sweep(t, path, "fail_alloc", STERNA_MEMORY, "refused by its profile");
    sweep(t, path, "fail_launch", STERNA_DEVICE, "refused by its profile");
    sweep(t, path, "lose_launch", STERNA_DEVICE, "device lost in launch");
    sweep(t, path, "hang_launch", STERNA_DEVICE, "watchdog");
}

const sterna_test_case sterna_test_cases[] = {
    {"schedules_ternary", schedules_ternary, 60},
    {"schedules_block", schedules_block, 60},
    {"schedules_golden", schedules_golden, 60},
    {"a_small_device", a_small_device, 60},
    {"every_fault_at_every_n", every_fault_at_every_n, 120},
    {0},
};
