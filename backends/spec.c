/* Reading the text of --device. */
#include "spec.h"
#include <stdio.h>
#include <string.h>

/* Behind the last ".so" that ends a name or stands before a colon. */
static const char *library_end(const char *spec)
{
    const char *dot = strstr(spec, ".so");
    while (dot && dot[3] != 0 && dot[3] != ':') dot = strstr(dot + 1, ".so");
    return dot ? dot + 3 : NULL;
}

static bool names_backend(const char *spec, size_t length)
{
    for (uint32_t b = 0; b < sterna_registry_count(); b++) {
        const char *name = sterna_registry_get(b)->name;
        if (strlen(name) == length && memcmp(name, spec, length) == 0) return true;
    }
    return false;
}

sterna_status sterna_spec_split(const char *spec, char name[STERNA_SPEC_NAME], const char **variant,
                                sterna_fault *fault)
{
    size_t plain = strcspn(spec, ":");
    const char *end = names_backend(spec, plain) ? spec + plain : library_end(spec);
    if (!end) end = strchr(spec, '/') ? spec + strlen(spec) : spec + plain;
    size_t length = (size_t)(end - spec);
    if (length == 0 || length >= STERNA_SPEC_NAME)
        return sterna_fail(fault, STERNA_USAGE,
                           "--device '%.100s': want auto, a backend (cpu, mock), a backend's device "
                           "(cpu:avx2, vulkan:0) or a library (./x.so)",
                           spec);
    memcpy(name, spec, length);
    name[length] = 0;
    *variant = *end == ':' ? end + 1 : end;
    return STERNA_OK;
}

bool sterna_spec_is_library(const char *name)
{
    return strchr(name, '/') || library_end(name);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Does text hold part[0, n), whatever the case? */
static bool holds(const char *text, const char *part, size_t n)
{
    for (; *text; text++) {
        size_t i = 0;
        while (i < n && text[i] && lower(text[i]) == lower(part[i])) i++;
        if (i == n) return true;
    }
    return false;
}

/* The best of them for who does not say which. */
static uint32_t best_kind(const sterna_backend_state *backend)
{
    static const uint32_t ranks[] = {
        [STERNA_KIND_DISCRETE] = 6, [STERNA_KIND_INTEGRATED] = 5, [STERNA_KIND_ACCELERATOR] = 4,
        [STERNA_KIND_UNKNOWN] = 3,  [STERNA_KIND_CPU] = 2,        [STERNA_KIND_EMULATED] = 1};
    uint32_t best = 0, highest = 0;
    for (uint32_t i = 0; i < backend->n_devices; i++) {
        const sterna_device_info *info = &backend->devices[i];
        uint32_t kind = info->kind <= STERNA_KIND_ACCELERATOR ? info->kind : STERNA_KIND_UNKNOWN;
        uint32_t rank = info->usable ? ranks[kind] : 0;
        if (rank > highest) {
            highest = rank;
            best = i;
        }
    }
    return best;
}

static bool is_number(const char *text, size_t n, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || i == 4) return false;
        *value = 10 * *value + (uint32_t)(text[i] - '0');
    }
    return n > 0;
}

const char *sterna_spec_keys(const char *wanted)
{
    size_t n = strcspn(wanted, ",");
    if (memchr(wanted, '=', n)) return wanted;
    return wanted[n] ? wanted + n + 1 : wanted + n;
}

sterna_status sterna_spec_match(const sterna_backend_state *backend, const char *wanted, uint32_t *index,
                                sterna_fault *fault)
{
    size_t n = sterna_spec_keys(wanted) == wanted ? 0 : strcspn(wanted, ",");
    uint32_t number, found = 0;
    if (backend->n_devices == 0)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "--device %s: no device was found", backend->name);
    if (n == 0) {
        *index = best_kind(backend);
        return STERNA_OK;
    }
    /* A device without a name stands for none, and has the reason: whatever is asked for gets that. */
    if (backend->n_devices == 1 && !backend->devices[0].usable && !backend->devices[0].variant[0]) {
        *index = 0;
        return STERNA_OK;
    }
    for (uint32_t i = 0; i < backend->n_devices; i++)
        if (strlen(backend->devices[i].variant) == n && !memcmp(backend->devices[i].variant, wanted, n)) {
            *index = i;
            return STERNA_OK;
        }
    /* One or two digits are a number; more may be a part of a name ("3090"). */
    const bool numbered = n <= 2 && is_number(wanted, n, &number);
    if (numbered) {
        *index = number;
        if (number < backend->n_devices) return STERNA_OK;
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           backend->n_devices == 1 ? "--device %s:%.*s: there is %u device, number 0"
                                                   : "--device %s:%.*s: there are %u devices, from number 0",
                           backend->name, (int)n, wanted, backend->n_devices);
    }
    for (uint32_t i = backend->n_devices; i-- > 0;) {
        const sterna_device_info *info = &backend->devices[i];
        if (!holds(info->variant, wanted, n) && !holds(info->description, wanted, n) &&
            !holds(info->driver, wanted, n))
            continue;
        *index = i;
        found++;
    }
    if (found == 1) return STERNA_OK;
    return sterna_fail(fault, found ? STERNA_USAGE : STERNA_UNSUPPORTED,
                       "--device %s:%.*s: %s of its devices %s that name", backend->name, (int)n, wanted,
                       found ? "several" : "none", found ? "have" : "has");
}
