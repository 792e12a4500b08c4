/* The page table: slots are unique while held, truncation gives pages back, full is full. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/philox.h"
#include "cache/kv_cache.h"
#include "runner.h"

/* Every held position has a slot of its own and every page is either held or free. */
static bool consistent(sterna_test *t, const sterna_kv_cache *cache)
{
    uint32_t used = 0;
    uint8_t seen[4096] = {0};
    for (uint32_t s = 0; s < cache->n_seqs; s++)
        for (uint32_t i = 0; i < cache->max_pages; i++) {
            uint32_t page = cache->pages[s * cache->max_pages + i];
            bool held = i * cache->page_size < cache->length[s];
            if (!EXPECT(t, held == (page != STERNA_NO_PAGE))) return false;
            if (!held) continue;
            if (!EXPECT(t, page < cache->n_pages && !seen[page])) return false;
            seen[page] = 1;
            used++;
        }
    return EXPECT(t, used + cache->n_free == cache->n_pages);
}

static void random_walk(sterna_test *t)
{
    sterna_kv_cache cache;
    CHECK(t, sterna_kv_cache_init(&cache, 5, 40, 3, 7) == STERNA_OK);
    for (uint32_t i = 0; i < 20000; i++) {
        sterna_philox r = sterna_philox4x32(1, 2, i, 0, 0, 0);
        uint32_t s = r.word[0] % 5, length = cache.length[s];
        if (r.word[1] % 8 == 0) {
            uint32_t to = r.word[2] % (length + 2);
            sterna_kv_cache_truncate(&cache, s, to);
            CHECK(t, cache.length[s] == (to < length ? to : length));
        } else {
            uint32_t slot = sterna_kv_cache_append(&cache, s);
            CHECK(t, (slot == UINT32_MAX) == (length == cache.max_pages * cache.page_size));
            CHECK(t, slot == UINT32_MAX || slot < sterna_kv_cache_slots(&cache));
        }
        if (i % 16 == 0) CHECK(t, consistent(t, &cache));
    }
    sterna_kv_cache_free(&cache);
}

static void contiguous_is_the_identity(sterna_test *t)
{
    sterna_kv_cache cache;
    CHECK(t, sterna_kv_cache_init(&cache, 1, 100, 0, 0) == STERNA_OK);
    for (uint32_t i = 0; i < 100; i++) CHECK(t, sterna_kv_cache_append(&cache, 0) == i);
    CHECK(t, sterna_kv_cache_append(&cache, 0) == UINT32_MAX);
    sterna_kv_cache_truncate(&cache, 0, 60);
    CHECK(t, sterna_kv_cache_append(&cache, 0) == 60);
    sterna_kv_cache_free(&cache);
}

static void refused_memory_is_an_error(sterna_test *t)
{
    for (uint64_t n = 1; n <= 3; n++) {
        sterna_kv_cache cache;
        int64_t before = sterna_mem_live();
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = sterna_kv_cache_init(&cache, 2, 16, 4, 0);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK(t, status == STERNA_MEMORY && sterna_mem_live() == before);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"random_walk", random_walk, 0},
    {"contiguous_is_the_identity", contiguous_is_the_identity, 0},
    {"refused_memory_is_an_error", refused_memory_is_an_error, 0},
    {0},
};
