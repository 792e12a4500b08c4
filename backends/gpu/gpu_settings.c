/* Reading settings: one pass over the text, one table of keys. */
#include "gpu/gpu_settings.h"
#include "base/size.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool sterna_gpu_settings_number(const char *text, size_t length, uint64_t *out)
{
    static const char units[] = "kmg";
    const char *unit = length > 1 ? strchr(units, text[length - 1]) : NULL;
    uint64_t value = 0, factor = unit ? 1024ull << (10 * (unit - units)) : 1;
    if (unit) length--;
    if (length == 0) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        if (!sterna_mul_u64(value, 10, &value) || !sterna_add_u64(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    return sterna_mul_u64(value, factor, out);
}

static sterna_status set(const char *prefix, const sterna_gpu_key *key, const char *value, size_t length,
                         void *settings, sterna_fault *fault)
{
    uint64_t parsed;
    if (!sterna_gpu_settings_number(value, length, &parsed) || parsed < key->low || parsed > key->high)
        return sterna_fail(
            fault, STERNA_USAGE, "%s %s = '%.*s' is not a number from %" PRIu64 " to %" PRIu64 " (%s)",
            prefix, key->name, length < 40 ? (int)length : 40, value, key->low, key->high, key->sentence);
    memcpy((char *)settings + key->offset, &parsed, sizeof parsed);
    return STERNA_OK;
}

static sterna_status unknown(const char *prefix, const char *text, size_t length, const sterna_gpu_key *keys,
                             size_t n_keys, sterna_fault *fault)
{
    char known[200] = "";
    size_t at = 0;
    for (size_t i = 0; i < n_keys && at < sizeof known; i++) {
        int n = snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", keys[i].name);
        at += n > 0 ? (size_t)n : 0;
    }
    return sterna_fail(fault, STERNA_USAGE, "%s '%.*s' is no setting; key=value with one of: %s", prefix,
                       length < 60 ? (int)length : 60, text, known);
}

sterna_status sterna_gpu_settings_read(const char *prefix, const char *text, const sterna_gpu_key *keys,
                                       size_t n_keys, void *settings, sterna_fault *fault)
{
    while (*text) {
        size_t length = strcspn(text, ","), name = strcspn(text, "=,"), i = 0;
        while (i < n_keys && (strlen(keys[i].name) != name || memcmp(keys[i].name, text, name) != 0)) i++;
        if (i == n_keys || name == length) return unknown(prefix, text, length, keys, n_keys, fault);
        sterna_status status = set(prefix, &keys[i], text + name + 1, length - name - 1, settings, fault);
        if (status != STERNA_OK) return status;
        text += length + (text[length] == ',');
    }
    return STERNA_OK;
}
