/* Open addressing with linear probing, at most half full. Owns: the hash function.
 * Leaves to others: which tokens belong into which map. */
#include "token/text_map.h"
#include "base/mem.h"
#include <string.h>

/* Eight bytes a step, multiplied and folded; ends with the length, so that zero bytes count. */
uint64_t sterna_text_hash(const char *data, size_t bytes)
{
    uint64_t hash = 0x9E3779B97F4A7C15u ^ (uint64_t)bytes;
    while (bytes > 0) {
        uint64_t word = 0;
        size_t step = bytes < 8 ? bytes : 8;
        memcpy(&word, data, step);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
        data += step;
        bytes -= step;
    }
    hash *= 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 32;
}

sterna_status sterna_text_map_create(sterna_text_map *map, const sterna_token_text *texts, uint32_t count)
{
    uint64_t slots = 16;
    while (slots < 2 * (uint64_t)count) slots *= 2;
    *map = (sterna_text_map){.mask = slots - 1, .texts = texts};
    map->slot = sterna_alloc(slots, sizeof map->slot[0]);
    return map->slot ? STERNA_OK : STERNA_MEMORY;
}

void sterna_text_map_free(sterna_text_map *map)
{
    sterna_free(map->slot);
    *map = (sterna_text_map){0};
}

/* The slot that holds the text, or the free one where it would go. */
static uint64_t *slot_of(const sterna_text_map *map, const char *data, size_t bytes, uint64_t hash)
{
    for (uint64_t at = hash & map->mask;; at = (at + 1) & map->mask) {
        uint64_t held = map->slot[at];
        if (held == 0) return &map->slot[at];
        if (held >> 32 != hash >> 32) continue;
        const sterna_token_text *text = &map->texts[(uint32_t)held - 1];
        if (text->bytes == bytes && (bytes == 0 || memcmp(text->data, data, bytes) == 0))
            return &map->slot[at];
    }
}

void sterna_text_map_add(sterna_text_map *map, uint32_t id)
{
    const sterna_token_text *text = &map->texts[id];
    uint64_t hash = sterna_text_hash(text->data, text->bytes);
    uint64_t *slot = slot_of(map, text->data, text->bytes, hash);
    if (*slot == 0) *slot = (hash >> 32) << 32 | ((uint64_t)id + 1);
    if (text->bytes > map->longest) map->longest = text->bytes;
}

uint32_t sterna_text_map_find(const sterna_text_map *map, const char *data, size_t bytes)
{
    if (bytes > map->longest) return STERNA_TOKEN_NONE;
    uint64_t held = *slot_of(map, data, bytes, sterna_text_hash(data, bytes));
    return held == 0 ? STERNA_TOKEN_NONE : (uint32_t)held - 1;
}
