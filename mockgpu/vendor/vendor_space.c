/* The device's address space: a list of allocations that only grows, and the page-locked blocks of the host. */
#include "base/mem.h"
#include "base/size.h"
#include "vendor.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Beyond what any process has; 256 bytes are what the APIs promise of an address, so 512 are avoided. */
static const uint64_t FIRST = 0x0100000000000000ull;
enum { GAP = 1 << 20, ALIGNMENT = 512, ODD = 256 };

bool sterna_vendor_space_reserve(vendor_space *space)
{
    if (space->count < space->capacity) return true;
    uint32_t capacity = space->capacity ? space->capacity * 2 : 64;
    vendor_allocation *more = sterna_realloc(space->allocations, capacity, sizeof *more);
    if (!more) return false;
    space->allocations = more;
    space->capacity = capacity;
    return true;
}

uint64_t sterna_vendor_space_add(vendor_space *space, uint64_t bytes, sterna_gpu_memory memory)
{
    if (space->next == 0) space->next = FIRST;
    uint64_t base = space->next + ODD;
    space->allocations[space->count++] = (vendor_allocation){base, bytes, memory, true};
    space->live++;
    space->used += bytes;
    space->next += (bytes + ODD + GAP + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return base;
}

/* The last allocation at or before an address. */
static vendor_allocation *before(const vendor_space *space, uint64_t address)
{
    uint32_t low = 0, high = space->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (space->allocations[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &space->allocations[low - 1] : NULL;
}

vendor_allocation *sterna_vendor_space_range(const vendor_space *space, uint64_t address, uint64_t bytes,
                                             char *why, size_t size)
{
    vendor_allocation *at = before(space, address);
    uint64_t offset = at ? address - at->base : 0;
    if (at && at->live && offset < at->bytes && bytes <= at->bytes - offset) return at;
    if (!at)
        snprintf(why, size, "address %#" PRIx64 " is no device memory", address);
    else if (!at->live && offset < at->bytes)
        snprintf(why, size, "address %#" PRIx64 " lies at byte %" PRIu64 " of %" PRIu64 " that were freed",
                 address, offset, at->bytes);
    else if (offset < at->bytes)
        snprintf(why, size,
                 "%" PRIu64 " bytes at %#" PRIx64 " do not end in their allocation, of %" PRIu64 " bytes",
                 bytes, address, at->bytes);
    else
        snprintf(why, size,
                 "address %#" PRIx64 " lies %" PRIu64 " bytes behind an allocation of %" PRIu64 " bytes",
                 address, offset - at->bytes, at->bytes);
    return NULL;
}

void *sterna_vendor_space_pin(vendor_space *space, size_t bytes)
{
    if (space->n_pinned == space->pinned_capacity) {
        uint32_t capacity = space->pinned_capacity ? space->pinned_capacity * 2 : 16;
        vendor_pinned *more = sterna_realloc(space->pinned, capacity, sizeof *more);
        if (!more) return NULL;
        space->pinned = more;
        space->pinned_capacity = capacity;
    }
    uint8_t *base = sterna_alloc_aligned(bytes, 4096);
    if (!base) return NULL;
    memset(base, 0xa5, bytes); /* undefined, as the API has it */
    space->pinned[space->n_pinned++] = (vendor_pinned){base, bytes};
    return base;
}

vendor_pinned *sterna_vendor_space_pinned(const vendor_space *space, const void *base, uint64_t bytes)
{
    uintptr_t at = (uintptr_t)base;
    for (uint32_t i = 0; i < space->n_pinned; i++) {
        uintptr_t begin = (uintptr_t)space->pinned[i].base;
        if (at >= begin && at - begin < space->pinned[i].bytes &&
            bytes <= space->pinned[i].bytes - (at - begin))
            return &space->pinned[i];
    }
    return NULL;
}

void sterna_vendor_space_unpin(vendor_space *space, vendor_pinned *pinned)
{
    sterna_free(pinned->base);
    *pinned = space->pinned[--space->n_pinned];
}

void sterna_vendor_space_end(vendor_space *space)
{
    while (space->n_pinned) sterna_vendor_space_unpin(space, &space->pinned[space->n_pinned - 1]);
    sterna_free(space->pinned);
    sterna_free(space->allocations);
    *space = (vendor_space){0};
}
