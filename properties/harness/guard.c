/* Blocks between inaccessible pages: a header page, a guard page, the room with the block, a guard page.
 * Owns: their layout. The header is found from the block: the room starts at the page of its first byte. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "harness/guard.h"
#include "base/fault_point.h"
#include "base/size.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATTERN = 0x5C };

typedef struct header {
    uint8_t *map, *room;
    size_t map_bytes, room_bytes, bytes;
} header;

void *sterna_guard_allocate(size_t bytes, size_t alignment)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), room, total;
    if (bytes == 0) bytes = 1;
    uint64_t extra =
        alignment > page ? alignment : 0; /* to move the room to a multiple of a large alignment */
    if (sterna_fault_here(STERNA_FAULT_ALLOC)) return NULL;
    if (!sterna_align_u64(bytes, page, &room) || !sterna_add_u64(room, 3 * page + extra, &total) ||
        total > SIZE_MAX)
        return NULL;
    uint8_t *map = mmap(NULL, (size_t)total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return NULL;
    uint8_t *start = map + 2 * page;
    if (extra) start += (alignment - (uintptr_t)start % alignment) % alignment;
    if (mprotect(start - 2 * page, (size_t)page, PROT_READ | PROT_WRITE) != 0 ||
        mprotect(start, (size_t)room, PROT_READ | PROT_WRITE) != 0) {
        munmap(map, (size_t)total);
        return NULL;
    }
    uint8_t *block = start + (room - bytes) / alignment * alignment;
    *(header *)(void *)(start - 2 * page) = (header){map, start, (size_t)total, (size_t)room, bytes};
    memset(start, PATTERN, (size_t)room);
    return block;
}

bool sterna_guard_release(void *memory)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uint8_t *block = memory;
    bool intact = true;
    if (!block) return true;
    const header h = *(const header *)(const void *)(block - (uintptr_t)block % page - 2 * page);
    for (const uint8_t *p = h.room; p < h.room + h.room_bytes; p++)
        if ((p < block || p >= block + h.bytes) && *p != PATTERN) intact = false;
    munmap(h.map, h.map_bytes);
    return intact;
}
