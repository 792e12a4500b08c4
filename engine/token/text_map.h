/* A hash table from texts to ids. Owns: hashing and probing. Leaves to others: the texts, which it only
 * points to. */
#ifndef STERNA_TEXT_MAP_H
#define STERNA_TEXT_MAP_H

#include "token/tokenizer.h"

typedef struct sterna_text_map {
    uint64_t *slot; /* hash's upper half << 32 | id + 1; 0: free */
    uint64_t mask;
    const sterna_token_text *texts;
    size_t longest; /* of the texts in it, in bytes */
} sterna_text_map;

uint64_t sterna_text_hash(const char *data, size_t bytes);
/* Room for `count` ids of texts[]; MEMORY. */
sterna_status sterna_text_map_create(sterna_text_map *map, const sterna_token_text *texts, uint32_t count);
void sterna_text_map_free(sterna_text_map *map);
/* Adds texts[id] unless an equal text is in the map already. */
void sterna_text_map_add(sterna_text_map *map, uint32_t id);
/* STERNA_TOKEN_NONE when absent. */
uint32_t sterna_text_map_find(const sterna_text_map *map, const char *data, size_t bytes);

#endif
