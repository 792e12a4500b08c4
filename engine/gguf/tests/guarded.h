/* Bytes that end at a page which cannot be touched: a read behind them is a signal, with or without a
 * sanitizer. Owns: that buffer, for the tests of the reader. Needs _GNU_SOURCE (MAP_ANONYMOUS). */
#ifndef STERNA_GGUF_GUARDED_H
#define STERNA_GGUF_GUARDED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guarded {
    uint8_t *map;
    uint64_t mapped; /* without the guard page */
} guarded;

static inline bool guarded_create(guarded *buffer, uint64_t capacity)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    buffer->mapped = (capacity + page - 1) / page * page;
    void *map = mmap(NULL, buffer->mapped + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return false;
    buffer->map = map;
    return mprotect(buffer->map + buffer->mapped, page, PROT_NONE) == 0;
}

/* Where `bytes` bytes (at most the capacity) end at the guard page. */
static inline uint8_t *guarded_place(const guarded *buffer, uint64_t bytes)
{
    return buffer->map + buffer->mapped - bytes;
}

static inline void guarded_destroy(guarded *buffer)
{
    munmap(buffer->map, buffer->mapped + (uint64_t)sysconf(_SC_PAGESIZE));
}

#endif
