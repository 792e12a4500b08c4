/* Reading STERNA_FAKE_DEVICES. */
#include "fake_devices.h"
#include "base/size.h"
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {
    [STERNA_KIND_UNKNOWN] = "unknown",   [STERNA_KIND_CPU] = "cpu",
    [STERNA_KIND_EMULATED] = "emulated", [STERNA_KIND_INTEGRATED] = "integrated",
    [STERNA_KIND_DISCRETE] = "discrete", [STERNA_KIND_ACCELERATOR] = "accelerator"};

static bool is_word(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(text, word, n) == 0;
}

static bool read_bytes(const char *text, size_t n, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    uint64_t value = 0;
    size_t i = 0;
    for (; i < n && text[i] >= '0' && text[i] <= '9'; i++)
        if (!sterna_mul_u64(value, 10, &value) || !sterna_add_u64(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    const char *unit = i + 1 == n ? strchr(units, text[i]) : NULL;
    if (i == 0 || (i < n && !unit)) return false;
    return sterna_mul_u64(value, unit ? 1ull << (10 * (unit - units + 1)) : 1, bytes);
}

static bool read_kind(const char *text, size_t n, uint32_t *kind)
{
    for (uint32_t k = 0; k < STERNA_COUNT(kinds); k++)
        if (is_word(text, n, kinds[k])) {
            *kind = k;
            return true;
        }
    return false;
}

/* key=value of n bytes. */
static bool read_key(const char *text, size_t n, sterna_fake_device *device)
{
    const char *equals = memchr(text, '=', n);
    if (!equals) return false;
    size_t key = (size_t)(equals - text), rest = n - key - 1;
    const char *value = equals + 1;
    bool one = is_word(value, rest, "1"), flag = one || is_word(value, rest, "0");
    if (is_word(text, key, "kind")) return read_kind(value, rest, &device->info.kind);
    if (is_word(text, key, "memory")) return read_bytes(value, rest, &device->info.memory_bytes);
    if (is_word(text, key, "exact"))
        device->exact = one;
    else if (is_word(text, key, "usable"))
        device->info.usable = one;
    else if (is_word(text, key, "mock"))
        device->info.is_mock = one;
    else
        return false;
    return flag;
}

/* One device of n bytes. */
static bool read_device(const char *text, size_t n, sterna_fake_device *device)
{
    size_t used = 0;
    *device = (sterna_fake_device){
        .exact = true, .info = {.size = sizeof device->info, .usable = 1, .buffer_alignment = 256}};
    for (bool first = true; used <= n; first = false) {
        const char *comma = memchr(text + used, ',', n - used);
        size_t part = comma ? (size_t)(comma - text) - used : n - used;
        if (first) {
            const char *colon = memchr(text, ':', part);
            size_t name = colon ? (size_t)(colon - text) : 0, variant = colon ? part - name - 1 : 0;
            if (name == 0 || name >= sizeof device->backend || variant == 0 ||
                variant >= sizeof device->info.variant)
                return false;
            memcpy(device->backend, text, name);
            memcpy(device->info.variant, colon + 1, variant);
        } else if (!read_key(text + used, part, device)) {
            return false;
        }
        used += part + 1;
    }
    snprintf(device->info.description, sizeof device->info.description, "invented by STERNA_FAKE_DEVICES");
    if (!device->info.usable)
        snprintf(device->info.why, sizeof device->info.why, "STERNA_FAKE_DEVICES says so");
    return true;
}

sterna_status sterna_fake_devices_parse(const char *text, sterna_fake_device devices[STERNA_REGISTRY_DEVICES],
                                        uint32_t *n, sterna_fault *fault)
{
    *n = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ";");
        if (*n == STERNA_REGISTRY_DEVICES)
            return sterna_fail(fault, STERNA_USAGE, "STERNA_FAKE_DEVICES: more than %d devices",
                               STERNA_REGISTRY_DEVICES);
        if (!read_device(at, length, &devices[*n]))
            return sterna_fail(fault, STERNA_USAGE,
                               "STERNA_FAKE_DEVICES: '%.*s': want BACKEND:DEVICE with keys as in "
                               "cuda:0,kind=discrete,memory=80G,exact=1,usable=1,mock=0; between devices ;",
                               (int)(length < 80 ? length : 80), at);
        *n += 1;
        at += length;
        if (!*at) return STERNA_OK;
    }
}
