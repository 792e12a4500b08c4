/* The page table of the KV cache. */
#include "cache/kv_cache.h"
#include "base/mem.h"
#include "base/philox.h"

/* Fisher-Yates with one Philox word per step. */
static void shuffle(uint32_t *pages, uint32_t n, uint32_t seed)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = sterna_philox4x32(seed, 0, i, 0, 0, 0).word[0] % i, swap = pages[i - 1];
        pages[i - 1] = pages[j];
        pages[j] = swap;
    }
}

sterna_status sterna_kv_cache_init(sterna_kv_cache *cache, uint32_t n_seqs, uint32_t n_ctx,
                                   uint32_t page_size, uint32_t seed)
{
    if (page_size == 0 || page_size > n_ctx) page_size = n_ctx;
    uint32_t max_pages = n_ctx / page_size + (n_ctx % page_size != 0);
    *cache =
        (sterna_kv_cache){.n_seqs = n_seqs, .page_size = page_size, .max_pages = max_pages, .changed = 1};
    cache->n_pages = cache->n_free = n_seqs * max_pages;
    cache->pages = sterna_alloc(cache->n_pages, sizeof *cache->pages);
    cache->free = sterna_alloc(cache->n_pages, sizeof *cache->free);
    cache->length = sterna_alloc(n_seqs, sizeof *cache->length);
    if (!cache->pages || !cache->free || !cache->length) {
        sterna_kv_cache_free(cache);
        return STERNA_MEMORY;
    }
    for (uint32_t i = 0; i < cache->n_pages; i++) {
        cache->pages[i] = STERNA_NO_PAGE;
        cache->free[i] = cache->n_pages - 1 - i;
    }
    if (seed) shuffle(cache->free, cache->n_pages, seed);
    return STERNA_OK;
}

void sterna_kv_cache_free(sterna_kv_cache *cache)
{
    sterna_free(cache->pages);
    sterna_free(cache->free);
    sterna_free(cache->length);
    *cache = (sterna_kv_cache){0};
}

uint32_t sterna_kv_cache_append(sterna_kv_cache *cache, uint32_t sequence)
{
    uint32_t position = cache->length[sequence], index = position / cache->page_size;
    if (index >= cache->max_pages) return UINT32_MAX;
    uint32_t *page = &cache->pages[(uint64_t)sequence * cache->max_pages + index];
    if (*page == STERNA_NO_PAGE) {
        *page = cache->free[--cache->n_free];
        cache->changed = 1;
    }
    cache->length[sequence] = position + 1;
    return *page * cache->page_size + position % cache->page_size;
}

void sterna_kv_cache_truncate(sterna_kv_cache *cache, uint32_t sequence, uint32_t length)
{
    if (length >= cache->length[sequence]) return;
    uint32_t keep = length / cache->page_size + (length % cache->page_size != 0);
    uint32_t *pages = &cache->pages[(uint64_t)sequence * cache->max_pages];
    for (uint32_t i = cache->max_pages; i > keep; i--) {
        if (pages[i - 1] == STERNA_NO_PAGE) continue;
        cache->free[cache->n_free++] = pages[i - 1];
        pages[i - 1] = STERNA_NO_PAGE;
        cache->changed = 1;
    }
    cache->length[sequence] = length;
}

uint64_t sterna_kv_cache_slots(const sterna_kv_cache *cache)
{
    return (uint64_t)cache->n_pages * cache->page_size;
}
