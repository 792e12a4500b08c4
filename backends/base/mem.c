/* The allocator: a header before each block holds its size and the distance to what malloc returned. */
#include "base/mem.h"
#include "base/fault_point.h"
#include "base/size.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Alignment leaves slack behind a block; under AddressSanitizer it may not be touched either, or overruns of up to 64
 * bytes would pass unseen. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STERNA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define STERNA_ASAN 1
#endif
#if STERNA_ASAN
#include <sanitizer/asan_interface.h>
#define FORBID(memory, bytes) ASAN_POISON_MEMORY_REGION(memory, bytes)
#else
#define FORBID(memory, bytes) ((void)0)
#endif

enum { HEADER = 16, DEFAULT_ALIGNMENT = 64 };

typedef struct block_header {
    uint64_t bytes;
    uint64_t shift; /* from malloc's pointer to the block */
} block_header;
_Static_assert(sizeof(block_header) == HEADER, "the header keeps 16-byte alignment");

static _Atomic int64_t live_blocks, live_bytes, peak_bytes;

static void count_bytes(int64_t delta)
{
    int64_t now = atomic_fetch_add_explicit(&live_bytes, delta, memory_order_relaxed) + delta;
    int64_t peak = atomic_load_explicit(&peak_bytes, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak(&peak_bytes, &peak, now)) {}
}

void *sterna_alloc_aligned(size_t bytes, size_t alignment)
{
    uint64_t total;
    if (alignment < 16) alignment = 16;
    if (!sterna_is_pow2(alignment) || !sterna_add_u64(bytes, alignment + HEADER, &total) ||
        total > PTRDIFF_MAX)
        return NULL;
    if (sterna_fault_here(STERNA_FAULT_ALLOC)) return NULL;
    unsigned char *raw = malloc((size_t)total);
    if (!raw) return NULL;
    uintptr_t start = ((uintptr_t)raw + HEADER + alignment - 1) & ~(uintptr_t)(alignment - 1);
    unsigned char *block = raw + (start - (uintptr_t)raw);
    block_header header = {bytes, (uint64_t)(block - raw)};
    memcpy(block - HEADER, &header, HEADER);
    FORBID(block + bytes, (size_t)total - header.shift - bytes);
    atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    count_bytes((int64_t)bytes);
    return block;
}

void *sterna_alloc(size_t count, size_t size)
{
    uint64_t bytes;
    if (!sterna_mul_u64(count, size, &bytes) || bytes > SIZE_MAX) return NULL;
    void *block = sterna_alloc_aligned((size_t)bytes, DEFAULT_ALIGNMENT);
    if (block) memset(block, 0, (size_t)bytes);
    return block;
}

void *sterna_realloc(void *block, size_t count, size_t size)
{
    uint64_t bytes;
    if (!sterna_mul_u64(count, size, &bytes) || bytes > SIZE_MAX) return NULL;
    void *bigger = sterna_alloc_aligned((size_t)bytes, DEFAULT_ALIGNMENT);
    if (!bigger) return NULL;
    if (block) {
        block_header header;
        memcpy(&header, (unsigned char *)block - HEADER, HEADER);
        memcpy(bigger, block, header.bytes < bytes ? (size_t)header.bytes : (size_t)bytes);
        sterna_free(block);
    }
    return bigger;
}

void sterna_free(void *block)
{
    if (!block) return;
    block_header header;
    memcpy(&header, (unsigned char *)block - HEADER, HEADER);
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
    count_bytes(-(int64_t)header.bytes);
    free((unsigned char *)block - header.shift);
}

char *sterna_strndup(const char *text, size_t n)
{
    if (n == SIZE_MAX) return NULL;
    char *copy = sterna_alloc_aligned(n + 1, 16);
    if (!copy) return NULL;
    memcpy(copy, text, n);
    copy[n] = 0;
    return copy;
}

int64_t sterna_mem_live(void)
{
    return atomic_load(&live_blocks);
}
int64_t sterna_mem_bytes(void)
{
    return atomic_load(&live_bytes);
}
int64_t sterna_mem_peak(void)
{
    return atomic_load(&peak_bytes);
}
