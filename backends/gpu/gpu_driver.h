/* What a GPU API has to offer for the common host to make a backend of it: CUDA, HIP, OpenCL, Vulkan and the
 * mock fill in this table. Owns: the contract. Leaves to others: plans, weights, status words (gpu_*.c),
 * kernels (kernels/).
 *
 * One device has one in-order queue: uploads, fills and launches happen in call order; launch() returns
 * before the work is done. Calls of one device come from one thread at a time. On failure *fault says what to
 * do and out-parameters are untouched; a driver never exits, and never does the work elsewhere. Statuses:
 * MEMORY (refused), DEVICE (lost or failed; the text names the cause), TIMEOUT (wait only), UNSUPPORTED. */
#ifndef STERNA_GPU_DRIVER_H
#define STERNA_GPU_DRIVER_H

#include "base/status.h"
#include <stdbool.h>

/* Device memory: a handle, never an address. 0 is none. */
typedef uint64_t sterna_gpu_memory;

/* Features of a device: a dot product of four int8, sums over a subgroup. */
enum { STERNA_GPU_INT_DOT = 1, STERNA_GPU_SUBGROUPS = 2 };

#define STERNA_GPU_NO_POOL UINT64_MAX

typedef struct sterna_gpu_limits {
    char variant[32], description[160];
    uint64_t memory_bytes;      /* 0: unknown */
    uint64_t max_binding_bytes; /* one argument's range; 0: no limit */
    uint32_t alignment;         /* of an argument's offset, a power of two */
    uint32_t max_groups;        /* in one dimension of a launch */
    uint32_t max_group_items;
    uint32_t subgroup; /* items in lock-step, 1 without subgroups */
    uint32_t features; /* what rows of kernels.def may need */
    /* Allocations are cut from blocks of up to this size (gpu_pool.h); 0: the host's choice; STERNA_GPU_NO_POOL. */
    uint64_t pool_bytes;
    uint32_t is_mock;
    uint32_t kind;   /* sterna_device_kind */
    char driver[96]; /* as in sterna_device_info */
} sterna_gpu_limits;

/* A range of device memory bound to a buffer parameter. */
typedef struct sterna_gpu_range {
    sterna_gpu_memory memory;
    uint64_t offset, bytes; /* multiples of 4 */
} sterna_gpu_range;

/* One launch. Ranges and words stand in the order of the kernel's parameters (kernels/DIALECT.md). */
typedef struct sterna_gpu_launch {
    const void *kernel;
    uint32_t groups_x, groups_y;
    const sterna_gpu_range *ranges;
    const uint32_t *words;
    uint32_t n_ranges, n_words;
    uint32_t tag; /* given back by wait() when this launch fails */
} sterna_gpu_launch;

enum { STERNA_GPU_MAX_RANGES = 16, STERNA_GPU_MAX_WORDS = 32, STERNA_GPU_NO_TAG = 0xffffffff };

typedef struct sterna_gpu_driver {
    const char *prefix; /* "mock:"; stands before kernel names */
    bool compiles;      /* kernel() compiles: the features it announces are tried when a device is opened */
    /* `variant` as in sterna_open_params, with the driver's own keys. */
    sterna_status (*open)(const sterna_host *host, const char *variant, void **gpu, sterna_gpu_limits *limits,
                          sterna_fault *fault);
    /* Releases everything. Memory that is still allocated is reported through host->log. */
    void (*close)(void *gpu);

    /* `bytes` is a multiple of 4096 (gpu_pool.c). Contents are undefined. */
    sterna_status (*alloc)(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault);
    /* After all queued work. Never fails; on a lost device, too. */
    void (*free)(void *gpu, sterna_gpu_memory memory);
    /* Copies `src` before it returns. Any offset and size. */
    sterna_status (*upload)(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                            uint64_t bytes, sterna_fault *fault);
    /* Waits for everything queued. */
    sterna_status (*download)(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst, uint64_t bytes,
                              sterna_fault *fault);
    /* Writes zero words; offset and bytes are multiples of 4. */
    sterna_status (*clear)(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                           sterna_fault *fault);

    /* A kernel by the id of its row in kernels.def, with the SHA-256 of its code. UNSUPPORTED when it is not
     * built. */
    sterna_status (*kernel)(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                            sterna_fault *fault);
    sterna_status (*launch)(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault);

    /* A mark behind everything queued so far; values ascend from 1. */
    sterna_status (*fence)(void *gpu, uint64_t *fence, sterna_fault *fault);
    /* Waits for a mark; milliseconds 0: as long as the watchdog allows. TIMEOUT can be followed by another
     * wait. On DEVICE *tag is that of the launch that failed, when it stands between this mark and the one
     * before. */
    sterna_status (*wait)(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                          sterna_fault *fault);
} sterna_gpu_driver;

#endif
