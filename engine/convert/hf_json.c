/* cJSON with our allocator and stricter manners. Its allocator is global: it is set for the length of a call
 * and put back, so that trees of other users of cJSON are not touched. */
#include "convert/hf_json.h"
#include "base/mem.h"
#include "base/sys.h"
#include "token/utf8.h"
#include <math.h>
#include <string.h>

static _Thread_local bool refused;

static void *allocate(size_t bytes)
{
    void *block = sterna_alloc_aligned(bytes, 16);
    if (!block) refused = true;
    return block;
}

static void ours(bool on)
{
    cJSON_Hooks hooks = {allocate, sterna_free};
    cJSON_InitHooks(on ? &hooks : NULL);
}

/* Valid UTF-8 without NUL bytes or \u0000: cJSON's strings end at a NUL. Returns the offset of the first
 * offence, or `bytes`. */
static size_t first_bad_byte(const char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        sterna_utf8_step step = sterna_utf8_next((const uint8_t *)text + at, bytes - at);
        if (step.verdict != STERNA_UTF8_VALID || step.code == 0) return at;
        if (step.code == '\\' && bytes - at >= 6 && memcmp(text + at, "\\u0000", 6) == 0) return at;
        at += step.code == '\\' ? 2 : step.bytes; /* what follows a backslash is ASCII, or cJSON refuses it */
    }
    return bytes;
}

static bool numbers_are_finite(const cJSON *value)
{
    if (cJSON_IsNumber(value)) return isfinite(value->valuedouble);
    const cJSON *child;
    cJSON_ArrayForEach(child, value)
    {
        if (!numbers_are_finite(child)) return false; /* cJSON nests at most 1000 deep */
    }
    return true;
}

sterna_status sterna_hf_json_parse(const char *label, const char *text, size_t bytes, cJSON **root,
                                   sterna_fault *fault)
{
    size_t bad = first_bad_byte(text, bytes);
    if (bad < bytes)
        return sterna_fail(fault, STERNA_FILE, "%s: byte %zu: not UTF-8, or a NUL character", label, bad);
    const char *end = NULL;
    refused = false;
    ours(true);
    cJSON *tree = cJSON_ParseWithLengthOpts(text, bytes, &end, 0);
    ours(false);
    if (!tree && refused) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", label);
    size_t at = end ? (size_t)(end - text) : 0;
    while (tree && at < bytes && strchr(" \t\r\n", text[at])) at++;
    if (!tree || at < bytes) {
        sterna_hf_json_free(tree);
        return sterna_fail(fault, STERNA_FILE, "%s: byte %zu: this is not JSON", label, at);
    }
    if (!numbers_are_finite(tree)) {
        sterna_hf_json_free(tree);
        return sterna_fail(fault, STERNA_FILE, "%s: a number is too large to be represented", label);
    }
    *root = tree;
    return STERNA_OK;
}

sterna_status sterna_hf_json_read(const char *path, uint64_t limit, cJSON **root, sterna_fault *fault)
{
    sterna_mapping mapping = {0};
    sterna_status status = sterna_sys_read(path, limit, &mapping, fault);
    if (status) return status;
    status = sterna_hf_json_parse(path, (const char *)mapping.data, (size_t)mapping.size, root, fault);
    sterna_sys_unmap(&mapping);
    return status;
}

void sterna_hf_json_free(cJSON *root)
{
    ours(true);
    cJSON_Delete(root);
    ours(false);
}

const cJSON *sterna_hf_json_get(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNull(value) ? NULL : value;
}

bool sterna_hf_json_u64(const cJSON *value, uint64_t most, uint64_t *out)
{
    if (!cJSON_IsNumber(value)) return false;
    double number = value->valuedouble;
    /* Doubles hold whole numbers exactly up to 2^53. */
    if (!(number >= 0 && number <= 0x1p53) || number != floor(number) || (uint64_t)number > most)
        return false;
    *out = (uint64_t)number;
    return true;
}

bool sterna_hf_json_is(const cJSON *value, const char *text)
{
    return cJSON_IsString(value) && strcmp(value->valuestring, text) == 0;
}

bool sterna_hf_json_bool(const cJSON *object, const char *key, bool otherwise)
{
    const cJSON *value = sterna_hf_json_get(object, key);
    return cJSON_IsBool(value) ? cJSON_IsTrue(value) : otherwise;
}
