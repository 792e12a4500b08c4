/* Which cache slot holds which position of which sequence. Owns: the page table and the free list, on the
 * host. Leaves to others: the keys and values themselves (device buffers of the session).
 *
 * Position p of sequence s lies in slot pages[s][p / page_size] * page_size + p % page_size. Contiguous is
 * the table with one page per sequence.
 *
 * INVARIANTS
 *   1. A page belongs to at most one sequence; all others are on the free list.
 *   2. Sequence s holds exactly the pages of its positions [0, length[s]), in order; other entries are NO_PAGE. */
#ifndef STERNA_KV_CACHE_H
#define STERNA_KV_CACHE_H

#include "base/status.h"

#define STERNA_NO_PAGE UINT32_MAX

typedef struct sterna_kv_cache {
    uint32_t n_seqs, page_size, max_pages;
    uint32_t n_pages; /* n_seqs * max_pages: the cache never runs short */
    uint32_t *pages;  /* [n_seqs][max_pages] */
    uint32_t *length; /* [n_seqs] */
    uint32_t *free;   /* [n_pages], the first n_free are free; taken from the end */
    uint32_t n_free;
    uint32_t changed; /* 1: pages differs from what the device has; the session clears it */
} sterna_kv_cache;

/* page_size 0: contiguous, n_ctx positions in one page. MEMORY when refused. Pages are handed out in an order
 * shuffled by `seed` (0: ascending), so that tests can show that placement changes nothing. */
sterna_status sterna_kv_cache_init(sterna_kv_cache *cache, uint32_t n_seqs, uint32_t n_ctx,
                                   uint32_t page_size, uint32_t seed);
void sterna_kv_cache_free(sterna_kv_cache *cache);

/* Makes room for the next position of a sequence and returns its slot; UINT32_MAX when it is full. */
uint32_t sterna_kv_cache_append(sterna_kv_cache *cache, uint32_t sequence);
/* Gives back the pages of the positions from `length` on. */
void sterna_kv_cache_truncate(sterna_kv_cache *cache, uint32_t sequence, uint32_t length);
/* Slots of the device's cache buffers: n_pages * page_size. */
uint64_t sterna_kv_cache_slots(const sterna_kv_cache *cache);

#endif
