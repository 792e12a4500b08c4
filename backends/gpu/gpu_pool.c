/* Best fit over the free ranges of all blocks, which stand in ascending order in one array per block. */
#include "gpu/gpu_pool.h"
#include "base/size.h"
#include <inttypes.h>
#include <string.h>

enum { PAGE = 4096, SMALLEST_POOL = 1 << 20, PARTS_PER_BLOCK = 4 };
static const uint64_t LARGEST_BLOCK = 64ull << 20;
#if STERNA_HOSTILE
enum { FIRST_BLOCK = 4 * PAGE };
#else
enum { FIRST_BLOCK = 1 << 20 };
#endif

typedef struct range {
    uint64_t offset, bytes;
} range;

struct gpu_block {
    gpu_block *next;
    sterna_gpu_memory memory;
    uint64_t bytes;
    uint32_t parts; /* given out */
    uint32_t n_free, capacity;
    range *free; /* ascending, none beside another; room for parts + 1, the most there can be */
};

void sterna_gpu_pool_init(gpu_pool *pool, const sterna_gpu_driver *driver, void *gpu, const sterna_host *host,
                          const sterna_gpu_limits *limits)
{
    uint64_t granule = limits->alignment > PAGE ? limits->alignment : PAGE, largest = LARGEST_BLOCK;
    if (limits->memory_bytes && largest > limits->memory_bytes / 16) largest = limits->memory_bytes / 16;
    if (limits->max_binding_bytes && largest > limits->max_binding_bytes) largest = limits->max_binding_bytes;
    if (largest < SMALLEST_POOL) largest = 0;
    if (limits->pool_bytes) largest = limits->pool_bytes == STERNA_GPU_NO_POOL ? 0 : limits->pool_bytes;
    *pool = (gpu_pool){
        .driver = driver, .gpu = gpu, .host = host, .granule = granule, .largest = largest & ~(granule - 1)};
}

static range *make_ranges(const gpu_pool *pool, uint32_t capacity)
{
    return pool->host->allocate(pool->host->context, (size_t)capacity * sizeof(range), 64);
}

/* Room in the array for one more part, so that giving parts back needs none. */
static bool reserve(const gpu_pool *pool, gpu_block *block)
{
    if (block->parts + 2 <= block->capacity) return true;
    uint32_t capacity = block->capacity * 2;
    range *ranges = make_ranges(pool, capacity);
    if (!ranges) return false;
    memcpy(ranges, block->free, block->n_free * sizeof *ranges);
    pool->host->release(pool->host->context, block->free);
    block->free = ranges;
    block->capacity = capacity;
    return true;
}

static void remove_range(gpu_block *block, uint32_t at)
{
    block->n_free--;
    memmove(&block->free[at], &block->free[at + 1], (block->n_free - at) * sizeof *block->free);
}

static gpu_place cut(gpu_block *block, uint32_t at, uint64_t bytes)
{
    range *from = &block->free[at];
    gpu_place place = {block->memory, from->offset, bytes, block};
    from->offset += bytes;
    from->bytes -= bytes;
    if (from->bytes == 0) remove_range(block, at);
    block->parts++;
    return place;
}

/* The smallest free range that suffices. */
static bool take_from_blocks(gpu_pool *pool, uint64_t bytes, gpu_place *place)
{
    gpu_block *best = NULL;
    uint32_t at = 0;
    for (gpu_block *block = pool->blocks; block; block = block->next)
        for (uint32_t i = 0; i < block->n_free; i++)
            if (block->free[i].bytes >= bytes && (!best || block->free[i].bytes < best->free[at].bytes)) {
                best = block;
                at = i;
            }
    if (!best || !reserve(pool, best)) return false;
    *place = cut(best, at, bytes);
    return true;
}

/* A new block, and the part as its first: it never stands empty. */
static sterna_status add_block(gpu_pool *pool, uint64_t part, gpu_place *place, sterna_fault *fault)
{
    uint64_t bytes = FIRST_BLOCK;
    while (bytes < pool->largest && (bytes < pool->held || bytes / PARTS_PER_BLOCK < part)) bytes *= 2;
    if (bytes > pool->largest) bytes = pool->largest;
    gpu_block *block = pool->host->allocate(pool->host->context, sizeof *block, 64);
    if (!block) return STERNA_MEMORY;
    *block = (gpu_block){.bytes = bytes, .capacity = 16, .n_free = 1};
    block->free = make_ranges(pool, block->capacity);
    sterna_status status =
        block->free ? pool->driver->alloc(pool->gpu, bytes, &block->memory, fault) : STERNA_MEMORY;
    if (status != STERNA_OK) {
        pool->host->release(pool->host->context, block->free);
        pool->host->release(pool->host->context, block);
        return status;
    }
    block->free[0] = (range){0, bytes};
    block->next = pool->blocks;
    pool->blocks = block;
    pool->held += bytes;
    *place = cut(block, 0, part);
    return STERNA_OK;
}

sterna_status sterna_gpu_pool_take(gpu_pool *pool, uint64_t bytes, bool alone, const char *what,
                                   gpu_place *out, sterna_fault *fault)
{
    uint64_t size;
    if (!sterna_align_u64(bytes ? bytes : 1, pool->granule, &size))
        return sterna_fail(fault, STERNA_MEMORY, "%s: %" PRIu64 " bytes are too many", what, bytes);
    sterna_fault why = {0};
    sterna_status status = STERNA_MEMORY;
    if (!alone && size <= pool->largest / PARTS_PER_BLOCK) {
        if (take_from_blocks(pool, size, out)) return STERNA_OK;
        status = add_block(pool, size, out, &why);
    }
    if (status ==
        STERNA_MEMORY) { /* too large for the pool, or no room for a block: perhaps for this alone */
        gpu_place place = {.bytes = size};
        why = (sterna_fault){0};
        status = pool->driver->alloc(pool->gpu, size, &place.memory, &why);
        if (status == STERNA_OK) *out = place;
    }
    return status == STERNA_OK
               ? status
               : sterna_fail(fault, status, "%s, %" PRIu64 " bytes: %s", what, bytes, why.text);
}

static void drop_block(gpu_pool *pool, gpu_block *block)
{
    gpu_block **link = &pool->blocks;
    while (*link != block) link = &(*link)->next;
    *link = block->next;
    pool->held -= block->bytes;
    pool->driver->free(pool->gpu, block->memory);
    pool->host->release(pool->host->context, block->free);
    pool->host->release(pool->host->context, block);
}

static void put_back(gpu_block *block, range freed)
{
    uint32_t at = 0;
    while (at < block->n_free && block->free[at].offset < freed.offset) at++;
    bool joins_before = at > 0 && block->free[at - 1].offset + block->free[at - 1].bytes == freed.offset;
    bool joins_behind = at < block->n_free && freed.offset + freed.bytes == block->free[at].offset;
    if (joins_before) {
        block->free[at - 1].bytes += freed.bytes + (joins_behind ? block->free[at].bytes : 0);
        if (joins_behind) remove_range(block, at);
    } else if (joins_behind) {
        block->free[at].offset = freed.offset;
        block->free[at].bytes += freed.bytes;
    } else {
        memmove(&block->free[at + 1], &block->free[at], (block->n_free - at) * sizeof *block->free);
        block->free[at] = freed;
        block->n_free++;
    }
}

void sterna_gpu_pool_give(gpu_pool *pool, gpu_place *place)
{
    if (!place->memory) return;
    gpu_block *block = place->block;
    if (!block) {
        pool->driver->free(pool->gpu, place->memory);
    } else {
        put_back(block, (range){place->offset, place->bytes});
        if (--block->parts == 0) drop_block(pool, block);
    }
    *place = (gpu_place){0};
}

uint32_t sterna_gpu_pool_blocks(const gpu_pool *pool)
{
    uint32_t count = 0;
    for (const gpu_block *block = pool->blocks; block; block = block->next) count++;
    return count;
}
