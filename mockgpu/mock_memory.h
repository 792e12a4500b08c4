/* Device memory of the mock: blocks behind handles that are never used twice, with red zones, poison and
 * shadow. Owns: blocks and their checks. Leaves to others: when they are used (mock_queue.c), what kernels
 * may do (mock_item.h). */
#ifndef STERNA_MOCK_MEMORY_H
#define STERNA_MOCK_MEMORY_H

#include "gpu/gpu_driver.h"
#include "mock_item.h"

typedef struct mock_block {
    uint8_t *base;       /* red zone, words, red zone, shadow; NULL once freed */
    mock_touch *touched; /* one per word; NULL until bound to an argument that is written */
    uint64_t bytes;
    uint64_t freed_bytes; /* of a freed block, for reports */
} mock_block;

typedef struct mock_memory {
    const sterna_host *host;
    mock_block *blocks; /* handle h is blocks[h - 1] */
    uint32_t count, capacity, live;
    uint64_t used, limit;
} mock_memory;

void sterna_mock_memory_init(mock_memory *memory, const sterna_host *host, uint64_t limit);
/* Releases all blocks; returns how many were still allocated. */
uint32_t sterna_mock_memory_end(mock_memory *memory);
/* A block of poisoned, unwritten bytes (a multiple of 4). MEMORY when the limit or the host refuses. */
sterna_status sterna_mock_memory_alloc(mock_memory *memory, uint64_t bytes, sterna_gpu_memory *handle,
                                       sterna_fault *fault);
/* Poisons and releases. DEVICE when a red zone was written to, or when the handle is no live block. */
sterna_status sterna_mock_memory_free(mock_memory *memory, sterna_gpu_memory handle, sterna_fault *fault);
/* Bytes and shadow of a range that lies inside a live block, else DEVICE; `what` names the access. */
sterna_status sterna_mock_memory_range(const mock_memory *memory, sterna_gpu_memory handle, uint64_t offset,
                                       uint64_t bytes, const char *what, uint8_t **data, uint8_t **shadow,
                                       sterna_fault *fault);
/* Makes the marks of a block that a launch will write to. MEMORY when the host refuses; a handle that is no live block
 * is left for the launch to find. */
sterna_status sterna_mock_memory_watch(mock_memory *memory, sterna_gpu_memory handle, sterna_fault *fault);
/* The marks of a live block from a byte offset on. */
mock_touch *sterna_mock_memory_touched(const mock_memory *memory, sterna_gpu_memory handle, uint64_t offset);
/* Forgets all marks. */
void sterna_mock_memory_forget(mock_memory *memory);
/* DEVICE when a red zone of the block was written to. */
sterna_status sterna_mock_memory_check(const mock_memory *memory, sterna_gpu_memory handle,
                                       sterna_fault *fault);
/* What a range of a block holds before anything was written to it. */
void sterna_mock_memory_fresh(uint8_t *to, uint64_t offset, uint64_t bytes);
/* Marks bytes of a range as written; `shadow` is that of the word at or before the first byte. */
void sterna_mock_memory_written(uint8_t *shadow, uint64_t offset, uint64_t bytes);

#endif
