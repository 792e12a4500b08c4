/* Pools on a driver that only counts: parts never overlap, best fit against a map of pages, blocks come and go, refusals
 * of the driver and of the host at every place, thousands of parts in a few allocations. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "gpu/gpu_pool.h"
#include "gpu/gpu_private.h"
#include "op_case.h"
#include "runner.h"
#include <string.h>

enum { PAGE = 4096, MOST_MEMORY = 512, MOST_PAGES = 4096 };

/* A driver whose allocations are a number and a size. */
typedef struct counter {
    uint64_t bytes[MOST_MEMORY + 1]; /* by handle; 0: not live */
    uint32_t allocations, live, most_live, limit;
    uint32_t fail_at;
    bool wrong;
} counter;

static sterna_status count_alloc(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault)
{
    counter *c = gpu;
    c->wrong |= bytes == 0 || bytes % PAGE;
    if (++c->allocations == c->fail_at || c->live == c->limit || c->allocations > MOST_MEMORY)
        return sterna_fail(fault, STERNA_MEMORY, "no more than %u", c->live);
    c->bytes[c->allocations] = bytes;
    if (++c->live > c->most_live) c->most_live = c->live;
    *memory = c->allocations;
    return STERNA_OK;
}

static void count_free(void *gpu, sterna_gpu_memory memory)
{
    counter *c = gpu;
    c->wrong |= memory == 0 || memory > MOST_MEMORY || c->bytes[memory] == 0;
    c->bytes[memory] = 0;
    c->live--;
}

static const sterna_gpu_driver counting = {.prefix = "count:", .alloc = count_alloc, .free = count_free};

static gpu_pool make_pool(counter *c, uint64_t block, uint32_t alignment)
{
    gpu_pool pool;
    const sterna_gpu_limits limits = {.pool_bytes = block, .alignment = alignment};
    *c = (counter){.limit = UINT32_MAX};
    sterna_gpu_pool_init(&pool, &counting, c, op_case_host(), &limits);
    return pool;
}

/* Pages of each allocation: 0 free, 1 given out. The oracle of the pool. */
static uint8_t used[MOST_MEMORY + 1][MOST_PAGES];

/* The smallest free run of pages that holds `pages`, over all live blocks; 0: there is none. */
static uint32_t smallest_run(const counter *c, const bool *is_block, uint32_t pages)
{
    uint32_t best = 0;
    for (uint32_t m = 1; m <= c->allocations && m <= MOST_MEMORY; m++)
        for (uint64_t at = 0, total = is_block[m] ? c->bytes[m] / PAGE : 0; at < total;) {
            uint32_t run = 0;
            while (at + run < total && !used[m][at + run]) run++;
            if (run >= pages && (!best || run < best)) best = run;
            at += run ? run : 1;
        }
    return best;
}

static uint32_t run_around(const counter *c, const gpu_place *place)
{
    uint64_t first = place->offset / PAGE, end = first, total = c->bytes[place->memory] / PAGE;
    while (first > 0 && !used[place->memory][first - 1]) first--;
    while (end < total && !used[place->memory][end]) end++;
    return (uint32_t)(end - first);
}

static void mark(const gpu_place *place, uint8_t value)
{
    memset(&used[place->memory][place->offset / PAGE], value, place->bytes / PAGE);
}

static bool is_free(const gpu_place *place)
{
    for (uint64_t i = 0; i < place->bytes / PAGE; i++)
        if (used[place->memory][place->offset / PAGE + i]) return false;
    return true;
}

static void parts_are_the_best_fit(sterna_test *t)
{
    enum { PLACES = 60, STEPS = 300 };
    for (uint32_t seed = 0; seed < 40; seed++) {
        counter c;
        uint32_t alignment = seed % 5 == 4 ? 16384 : 256, grain = seed % 5 == 4 ? 4 : 1;
        gpu_pool pool = make_pool(&c, (uint64_t)(256 + 256 * (seed % 3)) * PAGE, alignment);
        gpu_place places[PLACES] = {{0}};
        bool is_block[MOST_MEMORY + 1] = {false};
        uint32_t fitted = 0;
        memset(used, 0, sizeof used);
        for (uint32_t step = 0; step < STEPS; step++) {
            sterna_philox r = sterna_philox4x32(seed, step, 0, 0, 0, 0);
            gpu_place *place = &places[r.word[0] % PLACES];
            if (place->memory) {
                mark(place, 0);
                sterna_gpu_pool_give(&pool, place);
                CHECK(t, place->memory == 0 && place->block == NULL);
                continue;
            }
            uint64_t bytes = r.word[1] % 3 ? r.word[2] % (20 * PAGE) : r.word[2] % (150 * PAGE);
            uint32_t pages = (uint32_t)((bytes + PAGE * grain - 1) / (PAGE * grain) * grain);
            bool alone = r.word[3] % 16 == 0;
            uint32_t before = c.allocations, want = smallest_run(&c, is_block, pages ? pages : grain);
            CHECK(t, sterna_gpu_pool_take(&pool, bytes, alone, "part", place, NULL) == STERNA_OK);
            CHECK(t, place->bytes >= bytes && place->bytes < bytes + PAGE * grain + (bytes ? 0 : 1));
            CHECK(t, place->offset % (PAGE * grain) == 0 &&
                         place->offset + place->bytes <= c.bytes[place->memory]);
            CHECK(t, is_free(place) && !c.wrong);
            CHECK(t, !alone || place->block == NULL);
            if (place->block) {
                is_block[place->memory] = true;
                if (c.allocations == before) {
                    CHECK_MSG(t, run_around(&c, place) == want, "a run of %u pages, the smallest is %u",
                              run_around(&c, place), want);
                    fitted++;
                } else {
                    CHECK_MSG(t, want == 0, "a new block although %u pages were free", want);
                }
            }
            mark(place, 1);
        }
        for (uint32_t i = 0; i < PLACES; i++) sterna_gpu_pool_give(&pool, &places[i]);
        CHECK_MSG(t, c.live == 0 && pool.held == 0 && sterna_gpu_pool_blocks(&pool) == 0 && !c.wrong,
                  "%u live", c.live);
        CHECK(t, fitted > STEPS / 10);
    }
}

/* Thousands of small parts on a driver that has only a few allocations to give. */
static void many_parts_take_few_allocations(sterna_test *t)
{
    enum { COUNT = 5000 };
    static gpu_place places[COUNT];
    counter c;
    gpu_pool pool = make_pool(&c, 0, 256);
    c.limit = 40;
    CHECK(t, pool.largest == 64u << 20);
    for (uint32_t i = 0; i < COUNT; i++)
        CHECK(t, sterna_gpu_pool_take(&pool, 1 + i % 20000, false, "part", &places[i], NULL) == STERNA_OK);
    CHECK_MSG(t, c.live <= 16, "%u allocations", c.live);
    for (uint32_t i = 0; i < COUNT; i++) sterna_gpu_pool_give(&pool, &places[(i * 7) % COUNT]);
    CHECK(t, c.live == 0 && pool.held == 0 && !c.wrong);
}

static void blocks_suit_the_device(sterna_test *t)
{
    static const struct {
        sterna_gpu_limits limits;
        uint64_t largest;
    } rows[] = {
        {{.memory_bytes = 0}, 64ull << 20},
        {{.memory_bytes = 80ull << 30, .alignment = 256}, 64ull << 20},
        {{.memory_bytes = 160ull << 20}, 10ull << 20},
        {{.memory_bytes = 8ull << 20}, 0},
        {{.max_binding_bytes = 128ull << 20}, 64ull << 20},
        {{.max_binding_bytes = 0xffffffffull >> 8}, 0xfff000},
        {{.pool_bytes = STERNA_GPU_NO_POOL}, 0},
        {{.pool_bytes = 100000}, 98304},
        {{.pool_bytes = 100000, .alignment = 65536}, 65536},
    };
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        gpu_pool pool;
        counter c;
        sterna_gpu_pool_init(&pool, &counting, &c, op_case_host(), &rows[i].limits);
        CHECK_MSG(t, pool.largest == rows[i].largest, "row %u: %u", i, (uint32_t)pool.largest);
    }
    counter c;
    gpu_pool pool = make_pool(&c, 16ull << 20, 256);
    gpu_place large = {0}, small = {0}, nowhere = {0};
    sterna_fault fault = {0};
    CHECK(t, sterna_gpu_pool_take(&pool, (4ull << 20) + 1, false, "large", &large, NULL) == STERNA_OK &&
                 !large.block);
    CHECK(t,
          sterna_gpu_pool_take(&pool, 4ull << 20, false, "small", &small, NULL) == STERNA_OK && small.block);
    CHECK(t, c.bytes[small.memory] == 16ull << 20 && c.live == 2);
    CHECK(t,
          sterna_gpu_pool_take(&pool, UINT64_MAX - 5, false, "blk.0.w", &nowhere, &fault) == STERNA_MEMORY);
    CHECK_MSG(t, !nowhere.memory && strstr(fault.text, "blk.0.w: 18446744073709551610 bytes are too many"),
              "%s", fault.text);
    sterna_gpu_pool_give(&pool, &nowhere);
    sterna_gpu_pool_give(&pool, &large);
    sterna_gpu_pool_give(&pool, &small);
    CHECK(t, c.live == 0 && !c.wrong);
}

/* The n-th allocation of the driver refused: a block is made up for by an allocation of its own, a second refusal is told,
 * and the pool is as before. */
static void refusals_of_the_driver(sterna_test *t)
{
    for (uint32_t n = 1; n <= 6; n++) {
        counter c;
        gpu_pool pool = make_pool(&c, 64 * PAGE, 256);
        gpu_place places[40] = {{0}};
        uint32_t alone = 0;
        c.fail_at = n;
        for (uint32_t i = 0; i < STERNA_COUNT(places); i++) {
            CHECK(t, sterna_gpu_pool_take(&pool, 9 * PAGE, false, "part", &places[i], NULL) == STERNA_OK);
            alone += !places[i].block;
        }
        CHECK_MSG(t, alone == 1, "%u: %u parts alone", n, alone);
        sterna_fault fault = {0};
        gpu_place more[20] = {{0}};
        uint32_t n_more = 0;
        c.limit = c.live;
        while (sterna_gpu_pool_take(&pool, 9 * PAGE, false, "more", &more[n_more], &fault) == STERNA_OK)
            n_more++;
        CHECK(t, more[n_more].memory == 0);
        CHECK_MSG(t, strstr(fault.text, "more, 36864 bytes: no more than"), "%s", fault.text);
        for (uint32_t i = 0; i < STERNA_COUNT(places); i++) sterna_gpu_pool_give(&pool, &places[i]);
        for (uint32_t i = 0; i < n_more; i++) sterna_gpu_pool_give(&pool, &more[i]);
        CHECK(t, c.live == 0 && pool.held == 0 && !c.wrong);
    }
}

/* The n-th request for host memory refused: parts are still given, and giving back asks for none. */
static void refusals_of_the_host(sterna_test *t)
{
    int64_t live = sterna_mem_live();
    for (uint64_t n = 1; n < 12; n++) {
        counter c;
        gpu_pool pool = make_pool(&c, 64 * PAGE, 256);
        gpu_place places[100] = {{0}};
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        for (uint32_t i = 0; i < STERNA_COUNT(places); i++)
            CHECK(t, sterna_gpu_pool_take(&pool, PAGE, false, "part", &places[i], NULL) == STERNA_OK);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 1, true);
        for (uint32_t i = 0; i < STERNA_COUNT(places); i += 2) sterna_gpu_pool_give(&pool, &places[i]);
        for (uint32_t i = 1; i < STERNA_COUNT(places); i += 2) sterna_gpu_pool_give(&pool, &places[i]);
        CHECK(t, sterna_fault_count(STERNA_FAULT_ALLOC) == 0);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK_MSG(t, c.live == 0 && pool.held == 0 && !c.wrong && sterna_mem_live() == live,
                  "%u: %u live, %d of the host", (uint32_t)n, c.live, (int)(sterna_mem_live() - live));
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"parts_are_the_best_fit", parts_are_the_best_fit, 0},
    {"many_parts_take_few_allocations", many_parts_take_few_allocations, 0},
    {"blocks_suit_the_device", blocks_suit_the_device, 0},
    {"refusals_of_the_driver", refusals_of_the_driver, 0},
    {"refusals_of_the_host", refusals_of_the_host, 0},
    {0},
};
