/* Device memory in large blocks, given out in parts. Owns: which part of which block is free. Leaves to others: what
 * may lie in a pool (gpu_memory.c), what stands in the parts.
 *
 * Drivers refuse or slow down with thousands of allocations (Vulkan guarantees 4096; others hang after about a thousand
 * small ones), a model has hundreds of tensors, and a driver may keep a page or more beside each. So parts of up to a
 * quarter of the largest block share blocks; larger ones are allocations of their own. Blocks double in size from one to
 * the next, so that a small model takes little and a large one needs few. A part begins at a multiple of 4 KiB, or of the
 * device's alignment where that is larger. Of the free ranges that suffice the smallest is taken; ranges beside each
 * other become one; a block without parts goes back to the driver. When the driver refuses a block, the part is tried as
 * an allocation of its own before that is an error.
 *
 * The device's queue runs in order, so a part that is freed while work on it is queued can be given out at once: what
 * its next owner does comes behind that work. Freeing never fails and needs no memory. */
#ifndef STERNA_GPU_POOL_H
#define STERNA_GPU_POOL_H

#include "gpu/gpu_driver.h"
#include <stdbool.h>

typedef struct gpu_block gpu_block;

/* Where something lies: bytes [offset, offset + bytes) of `memory`. memory 0: nowhere. */
typedef struct gpu_place {
    sterna_gpu_memory memory;
    uint64_t offset, bytes;
    gpu_block *block; /* NULL: an allocation of its own */
} gpu_place;

typedef struct gpu_pool {
    const sterna_gpu_driver *driver;
    void *gpu;
    const sterna_host *host;
    uint64_t granule; /* of sizes and offsets, a power of two */
    uint64_t largest; /* block; 0: everything is an allocation of its own */
    uint64_t held;    /* bytes of all blocks */
    gpu_block *blocks;
} gpu_pool;

/* Block sizes by the device's limits. */
void sterna_gpu_pool_init(gpu_pool *pool, const sterna_gpu_driver *driver, void *gpu, const sterna_host *host,
                          const sterna_gpu_limits *limits);
/* At least `bytes` bytes; `alone`: as an allocation of its own. MEMORY, or what the driver says, with `what` in front. */
sterna_status sterna_gpu_pool_take(gpu_pool *pool, uint64_t bytes, bool alone, const char *what,
                                   gpu_place *place, sterna_fault *fault);
/* Sets the place to nowhere; from nowhere does nothing. */
void sterna_gpu_pool_give(gpu_pool *pool, gpu_place *place);
uint32_t sterna_gpu_pool_blocks(const gpu_pool *pool);

#endif
