/* Blocks: [red zone][words][red zone][one shadow byte per word]. A freed handle stays in the table, so that
 * any later use of it is found. */
#include "mock_memory.h"
#include "base/size.h"
#include <inttypes.h>
#include <string.h>

enum { RED_BYTES = 64, RED = 0xfd };

/* Fresh and freed memory: a NaN as f32 and as two f16, an unlikely index as u32. */
static const uint32_t POISON_NEW = 0x7fa57fa5u, POISON_FREED = 0x7fdd7fddu;

static void poison(uint8_t *at, uint64_t bytes, uint32_t word)
{
    for (uint64_t i = 0; i < bytes; i += 4) memcpy(at + i, &word, 4);
}

void sterna_mock_memory_init(mock_memory *memory, const sterna_host *host, uint64_t limit)
{
    *memory = (mock_memory){.host = host, .limit = limit};
}

uint32_t sterna_mock_memory_end(mock_memory *memory)
{
    uint32_t leaked = memory->live;
    for (uint32_t i = 0; i < memory->count; i++) {
        memory->host->release(memory->host->context, memory->blocks[i].base);
        memory->host->release(memory->host->context, memory->blocks[i].touched);
    }
    memory->host->release(memory->host->context, memory->blocks);
    *memory = (mock_memory){0};
    return leaked;
}

static bool have_room(mock_memory *memory)
{
    if (memory->count < memory->capacity) return true;
    uint32_t capacity = memory->capacity ? memory->capacity * 2 : 64;
    mock_block *blocks = memory->host->allocate(memory->host->context, (size_t)capacity * sizeof *blocks, 64);
    if (!blocks) return false;
    if (memory->count) memcpy(blocks, memory->blocks, memory->count * sizeof *blocks);
    memory->host->release(memory->host->context, memory->blocks);
    memory->blocks = blocks;
    memory->capacity = capacity;
    return true;
}

sterna_status sterna_mock_memory_alloc(mock_memory *memory, uint64_t bytes, sterna_gpu_memory *handle,
                                       sterna_fault *fault)
{
    uint64_t left = memory->limit - memory->used;
    if (bytes > left)
        return sterna_fail(fault, STERNA_MEMORY,
                           "mock: %" PRIu64 " bytes wanted, %" PRIu64 " of %" PRIu64
                           " bytes of device memory are left",
                           bytes, left, memory->limit);
    uint64_t total = 2 * RED_BYTES + bytes + bytes / 4;
    uint8_t *base =
        have_room(memory) ? memory->host->allocate(memory->host->context, (size_t)total, 64) : NULL;
    if (!base) return sterna_fail(fault, STERNA_MEMORY, "mock: the host refuses %" PRIu64 " bytes", total);
    memset(base, RED, RED_BYTES);
    poison(base + RED_BYTES, bytes, POISON_NEW);
    memset(base + RED_BYTES + bytes, RED, RED_BYTES);
    memset(base + 2 * RED_BYTES + bytes, 0, (size_t)(bytes / 4));
    memory->blocks[memory->count++] = (mock_block){.base = base, .bytes = bytes};
    memory->used += bytes;
    memory->live++;
    *handle = memory->count;
    return STERNA_OK;
}

static const mock_block *block_of(const mock_memory *memory, sterna_gpu_memory handle, const char *what,
                                  sterna_fault *fault)
{
    if (handle == 0 || handle > memory->count) {
        sterna_fail(fault, STERNA_DEVICE, "mock: %s: %" PRIu64 " is not a memory handle", what, handle);
        return NULL;
    }
    const mock_block *block = &memory->blocks[handle - 1];
    if (block->base) return block;
    sterna_fail(fault, STERNA_DEVICE, "mock: %s: use after free of memory %" PRIu64 " (%" PRIu64 " bytes)",
                what, handle, block->freed_bytes);
    return NULL;
}

sterna_status sterna_mock_memory_check(const mock_memory *memory, sterna_gpu_memory handle,
                                       sterna_fault *fault)
{
    const mock_block *block = block_of(memory, handle, "red zones", fault);
    if (!block) return STERNA_DEVICE;
    const uint8_t *behind = block->base + RED_BYTES + block->bytes;
    for (uint32_t i = 0; i < RED_BYTES; i++)
        if (block->base[i] != RED || behind[i] != RED)
            return sterna_fail(fault, STERNA_DEVICE,
                               "mock: memory %" PRIu64 " (%" PRIu64
                               " bytes): the red zone %s it was overwritten",
                               handle, block->bytes, block->base[i] != RED ? "before" : "behind");
    return STERNA_OK;
}

sterna_status sterna_mock_memory_free(mock_memory *memory, sterna_gpu_memory handle, sterna_fault *fault)
{
    if (!block_of(memory, handle, "free", fault)) return STERNA_DEVICE;
    sterna_status status = sterna_mock_memory_check(memory, handle, fault);
    mock_block *block = &memory->blocks[handle - 1];
    poison(block->base + RED_BYTES, block->bytes, POISON_FREED);
    memory->host->release(memory->host->context, block->base);
    memory->host->release(memory->host->context, block->touched);
    memory->used -= block->bytes;
    memory->live--;
    *block = (mock_block){.freed_bytes = block->bytes};
    return status;
}

sterna_status sterna_mock_memory_range(const mock_memory *memory, sterna_gpu_memory handle, uint64_t offset,
                                       uint64_t bytes, const char *what, uint8_t **data, uint8_t **shadow,
                                       sterna_fault *fault)
{
    const mock_block *block = block_of(memory, handle, what, fault);
    uint64_t end;
    if (!block) return STERNA_DEVICE;
    if (!sterna_add_u64(offset, bytes, &end) || end > block->bytes)
        return sterna_fail(fault, STERNA_DEVICE,
                           "mock: %s: %" PRIu64 " bytes at %" PRIu64 " of memory %" PRIu64
                           ", which has %" PRIu64,
                           what, bytes, offset, handle, block->bytes);
    *data = block->base + RED_BYTES + offset;
    *shadow = block->base + 2 * RED_BYTES + block->bytes + offset / 4;
    return STERNA_OK;
}

sterna_status sterna_mock_memory_watch(mock_memory *memory, sterna_gpu_memory handle, sterna_fault *fault)
{
    if (handle == 0 || handle > memory->count) return STERNA_OK;
    mock_block *block = &memory->blocks[handle - 1];
    if (!block->base || block->touched) return STERNA_OK;
    size_t bytes = (size_t)(block->bytes / 4) * sizeof *block->touched;
    block->touched = memory->host->allocate(memory->host->context, bytes, 64);
    if (!block->touched)
        return sterna_fail(fault, STERNA_MEMORY,
                           "mock: out of host memory for the marks of %" PRIu64 " bytes", block->bytes);
    memset(block->touched, 0, bytes);
    return STERNA_OK;
}

mock_touch *sterna_mock_memory_touched(const mock_memory *memory, sterna_gpu_memory handle, uint64_t offset)
{
    return memory->blocks[handle - 1].touched + offset / 4;
}

void sterna_mock_memory_forget(mock_memory *memory)
{
    for (uint32_t i = 0; i < memory->count; i++)
        if (memory->blocks[i].touched)
            memset(memory->blocks[i].touched, 0,
                   (size_t)(memory->blocks[i].bytes / 4) * sizeof *memory->blocks[i].touched);
}

void sterna_mock_memory_fresh(uint8_t *to, uint64_t offset, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++) to[i] = (uint8_t)(POISON_NEW >> (offset + i) % 4 * 8);
}

void sterna_mock_memory_written(uint8_t *shadow, uint64_t offset, uint64_t bytes)
{
    uint64_t first = offset % 4, end = first + bytes;
    if (first == 0) {
        for (uint64_t i = 0; i < bytes / 4; i++) shadow[i] |= MOCK_WRITTEN;
        first = bytes - bytes % 4;
    }
    for (uint64_t i = first; i < end; i++) shadow[i / 4] = (uint8_t)(shadow[i / 4] | 1u << (i % 4));
}
