/* Results as JSON: what one program tells another (the gate), or a store (import). */
#include "base/mem.h"
#include "base/size.h"
#include "measure/measure.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_hash(sterna_json *json, cJSON *into, const char *key, const uint8_t *hash, bool known)
{
    if (known)
        sterna_json_hex(json, into, key, hash);
    else
        sterna_json_string(json, into, key, NULL);
}

static void put_item(sterna_json *json, cJSON *list, const sterna_benchmark *b)
{
    cJSON *object = sterna_json_object(json, list, NULL);
    sterna_json_string(json, object, "name", b->name);
    sterna_json_string(json, object, "settings", b->settings);
    sterna_json_string(json, object, "model", b->model);
    put_hash(json, object, "model_root", b->root, b->has_root);
    put_hash(json, object, "digest", b->digest, b->kind == STERNA_RESULT_TIME);
    put_hash(json, object, "code", b->code, b->has_code);
    if (b->kind == STERNA_RESULT_VERDICT) {
        sterna_json_u64(json, object, "passed", b->passed);
        sterna_json_u64(json, object, "failed", b->failed);
        sterna_json_u64(json, object, "unsupported", b->unsupported);
        return;
    }
    sterna_json_real(json, object, "work", b->work);
    sterna_json_string(json, object, "unit", b->unit);
    cJSON *seconds = sterna_json_array(json, object, "seconds");
    for (uint32_t i = 0; i < b->n; i++) sterna_json_real(json, seconds, NULL, b->seconds[i]);
    cJSON *kernels = sterna_json_array(json, object, "kernels");
    for (uint32_t i = 0; i < b->n_kernels; i++) {
        cJSON *kernel = sterna_json_object(json, kernels, NULL);
        sterna_json_string(json, kernel, "name", b->kernels[i].name);
        put_hash(json, kernel, "code", b->kernels[i].code, b->kernels[i].has_code);
    }
}

void sterna_results_put(const sterna_results *r, sterna_json *json)
{
    sterna_json_string(json, json->root, "began", r->began);
    sterna_json_string(json, json->root, "command", r->command);
    sterna_json_string(json, json->root, "arguments", r->arguments);
    sterna_json_string(json, json->root, "device", r->device);
    sterna_json_u64(json, json->root, "threads", r->threads);
    sterna_json_string(json, json->root, "profile", r->profile);
    cJSON *machine = sterna_json_object(json, json->root, "machine");
    sterna_json_string(json, machine, "processor", r->machine.processor);
    sterna_json_string(json, machine, "architecture", r->machine.architecture);
    sterna_json_string(json, machine, "system", r->machine.system);
    sterna_json_u64(json, machine, "processors", r->machine.processors);
    sterna_json_u64(json, machine, "features", r->machine.features);
    sterna_json_u64(json, machine, "memory_bytes", r->machine.memory_bytes);
    sterna_json_hex(json, machine, "fingerprint", r->machine.fingerprint);
    cJSON *program = sterna_json_object(json, json->root, "program");
    sterna_json_string(json, program, "commit", r->program.commit);
    sterna_json_string(json, program, "compiler", r->program.compiler);
    sterna_json_string(json, program, "type", r->program.type);
    sterna_json_string(json, program, "flags", r->program.flags);
    put_hash(json, program, "code", r->program.code, r->program.has_code);
    cJSON *list = sterna_json_array(json, json->root, "results");
    for (uint32_t i = 0; i < r->n; i++) put_item(json, list, &r->items[i]);
}

/* --- Reading. A field that is missing or of another type is noted, and the object refused in the end. --- */

typedef struct reader {
    const char *label, *wrong; /* wrong: the first key that is not as it must be */
} reader;

static void blame(reader *r, const char *key)
{
    if (!r->wrong) r->wrong = key;
}

static void get_text(reader *r, const cJSON *object, const char *key, char *out, size_t bytes)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsString(item) || strlen(item->valuestring) >= bytes) {
        blame(r, key);
        return;
    }
    snprintf(out, bytes, "%s", item->valuestring);
}

static double get_number(reader *r, const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsNumber(item) && isfinite(item->valuedouble) && item->valuedouble >= 0)
        return item->valuedouble;
    blame(r, key);
    return 0;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 64 hex digits, or null for unknown. */
static bool get_hash(reader *r, const cJSON *object, const char *key, uint8_t hash[STERNA_HASH_BYTES])
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsNull(item)) return false;
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    bool good = strlen(text) == 2 * STERNA_HASH_BYTES;
    for (size_t i = 0; i < STERNA_HASH_BYTES && good; i++) {
        int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
        good = high >= 0 && low >= 0;
        if (good) hash[i] = (uint8_t)(high << 4 | low);
    }
    if (!good) blame(r, key);
    return good;
}

static sterna_status get_item(reader *r, const cJSON *object, sterna_results *results, sterna_fault *fault)
{
    char name[STERNA_RESULT_NAME] = "";
    get_text(r, object, "name", name, sizeof name);
    if (!name[0]) blame(r, "name");
    if (r->wrong) return STERNA_OK;
    if (sterna_results_find(results, name))
        return sterna_fail(fault, STERNA_FILE, "%s: two results are named %s", r->label, name);
    sterna_benchmark *b = sterna_results_add(results, name, fault);
    if (!b) return STERNA_MEMORY;
    get_text(r, object, "settings", b->settings, sizeof b->settings);
    get_text(r, object, "model", b->model, sizeof b->model);
    b->has_root = get_hash(r, object, "model_root", b->root);
    b->has_code = get_hash(r, object, "code", b->code);
    if (!get_hash(r, object, "digest", b->digest)) {
        b->kind = STERNA_RESULT_VERDICT;
        b->passed = (uint64_t)get_number(r, object, "passed");
        b->failed = (uint64_t)get_number(r, object, "failed");
        b->unsupported = (uint64_t)get_number(r, object, "unsupported");
        return STERNA_OK;
    }
    b->work = get_number(r, object, "work");
    get_text(r, object, "unit", b->unit, sizeof b->unit);
    const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(object, "seconds"), *sample;
    if (!cJSON_IsArray(seconds) || !seconds->child) blame(r, "seconds");
    cJSON_ArrayForEach(sample, seconds)
    {
        if (!cJSON_IsNumber(sample) || !isfinite(sample->valuedouble) || sample->valuedouble <= 0) {
            blame(r, "seconds");
            return STERNA_OK;
        }
        sterna_status status = sterna_benchmark_sample(b, sample->valuedouble, fault);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}

static sterna_status get_all(reader *r, const cJSON *root, sterna_results *out, sterna_fault *fault)
{
    const cJSON *machine = cJSON_GetObjectItemCaseSensitive(root, "machine"),
                *program = cJSON_GetObjectItemCaseSensitive(root, "program"),
                *list = cJSON_GetObjectItemCaseSensitive(root, "results"), *item;
    sterna_status status = STERNA_OK;
    get_text(r, root, "began", out->began, sizeof out->began);
    get_text(r, root, "command", out->command, sizeof out->command);
    get_text(r, root, "arguments", out->arguments, sizeof out->arguments);
    get_text(r, root, "device", out->device, sizeof out->device);
    get_text(r, root, "profile", out->profile, sizeof out->profile);
    out->threads = (uint32_t)get_number(r, root, "threads");
    get_text(r, machine, "processor", out->machine.processor, sizeof out->machine.processor);
    get_text(r, machine, "architecture", out->machine.architecture, sizeof out->machine.architecture);
    get_text(r, machine, "system", out->machine.system, sizeof out->machine.system);
    out->machine.processors = (uint32_t)get_number(r, machine, "processors");
    out->machine.features = (uint32_t)get_number(r, machine, "features");
    out->machine.memory_bytes = (uint64_t)get_number(r, machine, "memory_bytes");
    if (!get_hash(r, machine, "fingerprint", out->machine.fingerprint)) blame(r, "fingerprint");
    get_text(r, program, "commit", out->program.commit, sizeof out->program.commit);
    get_text(r, program, "compiler", out->program.compiler, sizeof out->program.compiler);
    get_text(r, program, "type", out->program.type, sizeof out->program.type);
    get_text(r, program, "flags", out->program.flags, sizeof out->program.flags);
    out->program.has_code = get_hash(r, program, "code", out->program.code);
    if (!cJSON_IsArray(list)) blame(r, "results");
    cJSON_ArrayForEach(item, list)
    {
        if (status == STERNA_OK && !r->wrong) status = get_item(r, item, out, fault);
    }
    return status;
}

sterna_status sterna_results_parse(const char *text, size_t bytes, const char *label, sterna_results *results,
                                   sterna_fault *fault)
{
    reader r = {.label = label};
    *results = (sterna_results){0};
    cJSON *root = cJSON_ParseWithLength(text, bytes);
    if (!root)
        return sterna_fail(fault, STERNA_FILE, "%s: not JSON, or out of memory: \"%.*s\"", label,
                           bytes < 60 ? (int)bytes : 60, text);
    sterna_status status = get_all(&r, root, results, fault);
    get_text(&r, root, "version", results->program.version, sizeof results->program.version);
    if (status == STERNA_OK && r.wrong)
        status = sterna_fail(fault, STERNA_FILE,
                             "%s: results without a proper \"%s\"; is it from `sterna bench --json`?", label,
                             r.wrong);
    cJSON_Delete(root);
    if (status != STERNA_OK) sterna_results_free(results);
    return status;
}
