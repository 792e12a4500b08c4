/* JSON files that others wrote, through cJSON. Owns: strictness (UTF-8, no NUL, finite numbers, nothing
 * behind the value), allocation through base/mem, and messages that name file and key. Leaves to others: what
 * keys mean. */
#ifndef STERNA_HF_JSON_H
#define STERNA_HF_JSON_H

#include "base/status.h"
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `label` names the file in messages. FILE with the byte offset where it stops being JSON; MEMORY. */
sterna_status sterna_hf_json_parse(const char *label, const char *text, size_t bytes, cJSON **root,
                                   sterna_fault *fault);
/* Reads and parses a file of at most `limit` bytes. */
sterna_status sterna_hf_json_read(const char *path, uint64_t limit, cJSON **root, sterna_fault *fault);
/* Of trees from the functions above only. NULL is allowed. */
void sterna_hf_json_free(cJSON *root);

/* The member of that name, letter by letter; NULL when absent or null. */
const cJSON *sterna_hf_json_get(const cJSON *object, const char *key);
/* A whole number from 0 to `most`. */
bool sterna_hf_json_u64(const cJSON *value, uint64_t most, uint64_t *out);
/* Whether the value is that string. NULL is not. */
bool sterna_hf_json_is(const cJSON *value, const char *text);
/* A boolean member, or `otherwise` when absent or no boolean. */
bool sterna_hf_json_bool(const cJSON *object, const char *key, bool otherwise);

#endif
