/* Handles: places in one table, which only grows. The number of a place is made into a pointer that no memory has. */
#include "base/mem.h"
#include "vendor.h"

typedef struct place {
    vendor_kind kind; /* NONE once forgotten */
    void *object;
} place;

static place *places;
static uint32_t count, capacity;

/* On 64-bit systems no process has memory there. */
static const uint64_t FIRST = 0x00fa000000000000ull;

void *sterna_vendor_handle(vendor_kind kind, void *object)
{
    if (count == capacity) {
        uint32_t wanted = capacity ? capacity * 2 : 256;
        place *more = sterna_realloc(places, wanted, sizeof *more);
        if (!more) return NULL;
        places = more;
        capacity = wanted;
    }
    places[count] = (place){kind, object};
    return (void *)(uintptr_t)(FIRST + 16 * (uint64_t)count++);
}

static place *find(const void *handle)
{
    uint64_t offset = (uint64_t)(uintptr_t)handle - FIRST;
    return offset % 16 == 0 && offset / 16 < count ? &places[offset / 16] : NULL;
}

void *sterna_vendor_object(vendor_kind kind, const void *handle)
{
    const place *at = find(handle);
    return at && at->kind == kind ? at->object : NULL;
}

void sterna_vendor_forget(const void *handle)
{
    place *at = find(handle);
    if (at) *at = (place){VENDOR_NONE, NULL};
}

void sterna_vendor_table_end(void)
{
    sterna_free(places);
    places = NULL;
    count = capacity = 0;
}
