/* JSON objects for --json, over cJSON. */
#include "cli/json.h"
#include "base/hash.h"
#include "base/mem.h"
#include "token/utf8_stream.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void *allocate(size_t bytes)
{
    return sterna_alloc(bytes, 1);
}

void sterna_json_begin(sterna_json *json, const char *name)
{
    cJSON_Hooks hooks = {allocate, sterna_free};
    char schema[64];
    cJSON_InitHooks(&hooks);
    *json = (sterna_json){.root = cJSON_CreateObject()};
    json->failed = !json->root;
    snprintf(schema, sizeof schema, "sterna-%s/1", name);
    sterna_json_string(json, json->root, "schema", schema);
    sterna_json_string(json, json->root, "version", STERNA_VERSION);
}

cJSON *sterna_json_put(sterna_json *json, cJSON *into, const char *key, cJSON *item)
{
    if (item && into && (key ? cJSON_AddItemToObject(into, key, item) : cJSON_AddItemToArray(into, item)))
        return item;
    cJSON_Delete(item);
    json->failed = true;
    return NULL;
}

void sterna_json_u64(sterna_json *json, cJSON *into, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value); /* cJSON's numbers are doubles */
    sterna_json_put(json, into, key, cJSON_CreateRaw(text));
}

void sterna_json_real(sterna_json *json, cJSON *into, const char *key, double value)
{
    sterna_json_put(json, into, key, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
}

void sterna_json_bool(sterna_json *json, cJSON *into, const char *key, bool value)
{
    sterna_json_put(json, into, key, cJSON_CreateBool(value));
}

void sterna_json_string(sterna_json *json, cJSON *into, const char *key, const char *text)
{
    if (text)
        sterna_json_text(json, into, key, text, strlen(text));
    else
        sterna_json_put(json, into, key, cJSON_CreateNull());
}

void sterna_json_hex(sterna_json *json, cJSON *into, const char *key, const uint8_t hash[32])
{
    char text[2 * STERNA_HASH_BYTES + 1];
    sterna_hash_hex(hash, text);
    sterna_json_string(json, into, key, text);
}

void sterna_json_ids(sterna_json *json, cJSON *into, const char *key, const uint32_t *ids, size_t n)
{
    cJSON *array = sterna_json_array(json, into, key);
    for (size_t i = 0; i < n && !json->failed; i++) sterna_json_u64(json, array, NULL, ids[i]);
}

cJSON *sterna_json_object(sterna_json *json, cJSON *into, const char *key)
{
    return sterna_json_put(json, into, key, cJSON_CreateObject());
}

cJSON *sterna_json_array(sterna_json *json, cJSON *into, const char *key)
{
    return sterna_json_put(json, into, key, cJSON_CreateArray());
}

sterna_status sterna_json_print(sterna_json *json, sterna_out *out, sterna_fault *fault)
{
    char *text = json->failed ? NULL : cJSON_Print(json->root);
    sterna_json_release(json);
    if (!text) return sterna_fail(fault, STERNA_MEMORY, "out of memory for the JSON object");
    sterna_out_write(out, text, strlen(text));
    sterna_out_write(out, "\n", 1);
    cJSON_free(text);
    return STERNA_OK;
}

void sterna_json_release(sterna_json *json)
{
    cJSON_Delete(json->root);
    json->root = NULL;
}

void sterna_json_text(sterna_json *json, cJSON *into, const char *key, const char *text, size_t bytes)
{
    size_t room;
    char *whole = bytes < SIZE_MAX / 4 ? sterna_alloc(STERNA_UTF8_ROOM(bytes) + 1, 1) : NULL;
    if (!whole) {
        json->failed = true;
        return;
    }
    sterna_utf8_stream stream = {0};
    room = sterna_utf8_push(&stream, text, bytes, whole);
    room += sterna_utf8_flush(&stream, whole + room);
    /* A C string ends at NUL, which is legal UTF-8: it becomes U+FFFD as well, in place of what cannot be
     * kept. */
    whole[room] = 0;
    sterna_json_put(json, into, key, cJSON_CreateString(whole));
    sterna_free(whole);
}
