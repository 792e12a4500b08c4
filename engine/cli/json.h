/* JSON objects for --json, over cJSON. Owns: one place that notices refused memory; integers of 64 bits; text
 * that is not UTF-8. Leaves to others: which keys an object has (docs/cli.md). */
#ifndef STERNA_CLI_JSON_H
#define STERNA_CLI_JSON_H

#include "cli/out.h"
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sterna_json {
    cJSON *root;
    bool failed; /* some part could not be made */
} sterna_json;

/* Begins an object with "schema": "sterna-<name>/1" and "version". */
void sterna_json_begin(sterna_json *json, const char *name);
/* Puts an item into an object (key) or an array (key NULL) and owns it from then on; NULL, for an item that
 * could not be made, is noted. Returns the item. */
cJSON *sterna_json_put(sterna_json *json, cJSON *into, const char *key, cJSON *item);

void sterna_json_u64(sterna_json *json, cJSON *into, const char *key, uint64_t value); /* exact to 2^64 - 1 */
void sterna_json_real(sterna_json *json, cJSON *into, const char *key, double value); /* null unless finite */
void sterna_json_bool(sterna_json *json, cJSON *into, const char *key, bool value);
/* Bytes that are not UTF-8 become U+FFFD. */
void sterna_json_text(sterna_json *json, cJSON *into, const char *key, const char *text, size_t bytes);
void sterna_json_string(sterna_json *json, cJSON *into, const char *key,
                        const char *text); /* null when NULL */
void sterna_json_hex(sterna_json *json, cJSON *into, const char *key, const uint8_t hash[32]);
void sterna_json_ids(sterna_json *json, cJSON *into, const char *key, const uint32_t *ids, size_t n);
cJSON *sterna_json_object(sterna_json *json, cJSON *into, const char *key);
cJSON *sterna_json_array(sterna_json *json, cJSON *into, const char *key);

/* Prints the object and a newline, and releases it. MEMORY when it is incomplete. */
sterna_status sterna_json_print(sterna_json *json, sterna_out *out, sterna_fault *fault);
void sterna_json_release(sterna_json *json);

#endif
