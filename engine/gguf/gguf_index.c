/* Names to records in constant time, whatever the names are.
 * Owns: the hash table. The hash is SipHash-2-4 (Aumasson, Bernstein, INDOCRYPT 2012) under a key that a
 * file's author cannot know, so that names made to collide do not make opening quadratic. */
#include "gguf/gguf_private.h"
#include <sodium/crypto_shorthash_siphash24.h>

static const sterna_gguf_text *name_of(const void *records, uint64_t i, size_t stride)
{
    return (const sterna_gguf_text *)(const void *)((const uint8_t *)records + i * stride);
}

static uint64_t hash_of(const sterna_gguf_index *index, sterna_gguf_text name)
{
    uint8_t out[crypto_shorthash_siphash24_BYTES];
    crypto_shorthash_siphash24(out, (const uint8_t *)name.data, name.length, index->key);
    return sterna_gguf_load_u64(out);
}

/* Nothing that is seen depends on the key; the address of the table and the clock are enough to keep it from
 * a file. */
static void choose_key(sterna_gguf_index *index)
{
    double now = sterna_sys_now();
    uintptr_t place = (uintptr_t)index->slot;
    memcpy(index->key, &now, sizeof now);
    memcpy(index->key + 8, &place, sizeof place);
}

/* The slot of the name, or the free slot where it belongs. */
static uint64_t *slot_of(const sterna_gguf_index *index, const void *records, size_t stride,
                         sterna_gguf_text name, uint64_t hash)
{
    uint64_t tag = hash >> 32 << 32;
    for (uint64_t at = hash & index->mask;; at = (at + 1) & index->mask) {
        uint64_t entry = index->slot[at];
        if (entry == 0) return &index->slot[at];
        if ((entry >> 32 << 32) != tag) continue;
        const sterna_gguf_text *other = name_of(records, (uint32_t)entry - 1u, stride);
        if (other->length == name.length && memcmp(other->data, name.data, name.length) == 0)
            return &index->slot[at];
    }
}

sterna_status sterna_gguf_index_build(sterna_gguf_index *index, const void *records, uint64_t count,
                                      size_t stride, uint64_t *first, uint64_t *second)
{
    uint64_t slots = 8;
    while (slots < 2 * count) slots *= 2; /* count <= 2^30; half full at most */
    index->slot = sterna_alloc(slots, sizeof *index->slot);
    if (!index->slot) return STERNA_MEMORY;
    index->mask = slots - 1;
    choose_key(index);
    for (uint64_t i = 0; i < count; i++) {
        sterna_gguf_text name = *name_of(records, i, stride);
        uint64_t hash = hash_of(index, name);
        uint64_t *slot = slot_of(index, records, stride, name, hash);
        if (*slot != 0) {
            *first = (uint32_t)*slot - 1u;
            *second = i;
            return STERNA_FILE;
        }
        *slot = hash >> 32 << 32 | (i + 1);
    }
    return STERNA_OK;
}

const void *sterna_gguf_index_find(const sterna_gguf_index *index, const void *records, size_t stride,
                                   sterna_gguf_text name)
{
    uint64_t entry = *slot_of(index, records, stride, name, hash_of(index, name));
    return entry ? name_of(records, (uint32_t)entry - 1u, stride) : NULL;
}

void sterna_gguf_index_free(sterna_gguf_index *index)
{
    sterna_free(index->slot);
    *index = (sterna_gguf_index){0};
}
