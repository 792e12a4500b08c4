/* Reading settings: pieces between commas, one table of keys. */
#include "gpu/gpu_settings.h"
#include "base/size.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A piece of text between two places. */
typedef struct piece {
    const char *text;
    size_t length;
} piece;

/* For "%.*s": values are quoted as far as a sentence has room. */
#define QUOTED(p) (p).length < 40 ? (int)(p).length : 40, (p).text

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static piece trimmed(const char *text, size_t length)
{
    while (length && blank(text[0])) text++, length--;
    while (length && blank(text[length - 1])) length--;
    return (piece){text, length};
}

static bool same(piece a, const char *name)
{
    return a.length == strlen(name) && memcmp(a.text, name, a.length) == 0;
}

/* False when it is no number or does not fit. */
static bool number(piece p, uint64_t *out)
{
    static const char units[] = "kmg";
    const char *unit = p.length > 1 ? strchr(units, p.text[p.length - 1]) : NULL;
    uint64_t value = 0, factor = unit ? 1024ull << (10 * (unit - units)) : 1;
    if (unit) p.length--;
    if (p.length == 0) return false;
    for (size_t i = 0; i < p.length; i++) {
        if (p.text[i] < '0' || p.text[i] > '9') return false;
        if (!sterna_mul_u64(value, 10, &value) || !sterna_add_u64(value, (uint64_t)(p.text[i] - '0'), &value))
            return false;
    }
    return sterna_mul_u64(value, factor, out);
}

/* The place of a word in "drop|shift|cut". */
static bool word(piece p, const char *words, uint64_t *out)
{
    for (*out = 0;; ++*out) {
        const size_t length = strcspn(words, "|");
        if (p.length == length && memcmp(p.text, words, length) == 0) return true;
        if (!words[length]) return false;
        words += length + 1;
    }
}

static sterna_status set(const char *where, const sterna_gpu_key *key, piece value, void *settings,
                         sterna_fault *fault)
{
    char *to = (char *)settings + key->offset;
    uint64_t parsed;
    if (key->room) {
        if (value.length == 0 || value.length >= key->room)
            return sterna_fail(fault, STERNA_USAGE, "%s: %s = '%.*s' is not a text of 1 to %zu bytes (%s)",
                               where, key->name, QUOTED(value), key->room - 1, key->sentence);
        memcpy(to, value.text, value.length);
        to[value.length] = 0;
        return STERNA_OK;
    }
    if (key->words && !word(value, key->words, &parsed))
        return sterna_fail(fault, STERNA_USAGE, "%s: %s = '%.*s' is not one of %s (%s)", where, key->name,
                           QUOTED(value), key->words, key->sentence);
    if (!key->words && (!number(value, &parsed) || parsed < key->low || parsed > key->high))
        return sterna_fail(fault, STERNA_USAGE,
                           "%s: %s = '%.*s' is not a number from %" PRIu64 " to %" PRIu64 " (%s)", where,
                           key->name, QUOTED(value), key->low, key->high, key->sentence);
    memcpy(to, &parsed, sizeof parsed);
    return STERNA_OK;
}

/* Names the keys there are: all of them, or as many as a sentence holds and dots. */
static sterna_status unknown(const char *where, piece name, const sterna_gpu_key *keys, size_t n_keys,
                             sterna_fault *fault)
{
    char known[sizeof fault->text] = "";
    const size_t taken =
        strlen(where) + (name.length < 40 ? name.length : 40) + sizeof ": unknown key ''; there are , ...";
    const size_t room = taken < sizeof known ? sizeof known - taken : 0;
    size_t used = 0;
    for (size_t i = 0; i < n_keys; i++) {
        const bool fits = used + strlen(keys[i].name) + 2 < room;
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 fits ? keys[i].name : "...");
        if (!fits) break;
    }
    return sterna_fail(fault, STERNA_USAGE, "%s: unknown key '%.*s'; there are %s", where, QUOTED(name),
                       known);
}

sterna_status sterna_gpu_settings_one(const char *where, const char *text, size_t length,
                                      const sterna_gpu_key *keys, size_t n_keys, void *settings,
                                      sterna_fault *fault)
{
    const piece whole = trimmed(text, length);
    const char *sign = whole.length ? memchr(whole.text, '=', whole.length) : NULL;
    if (!sign) return sterna_fail(fault, STERNA_USAGE, "%s: '%.*s' is not key=value", where, QUOTED(whole));
    const piece name = trimmed(whole.text, (size_t)(sign - whole.text));
    const piece value = trimmed(sign + 1, whole.length - (size_t)(sign + 1 - whole.text));
    for (size_t i = 0; i < n_keys; i++)
        if (same(name, keys[i].name)) return set(where, &keys[i], value, settings, fault);
    return unknown(where, name, keys, n_keys, fault);
}

sterna_status sterna_gpu_settings_read(const char *where, const char *text, char *device, size_t device_bytes,
                                       const sterna_gpu_key *keys, size_t n_keys, void *settings,
                                       sterna_fault *fault)
{
    const sterna_gpu_key first = {"device", "its number, or a part of its name", 0, 0, 0, NULL, device_bytes};
    sterna_status status = STERNA_OK;
    device[0] = 0;
    for (const char *at = text; *at && status == STERNA_OK;) {
        const size_t length = strcspn(at, ",");
        const piece p = trimmed(at, length);
        if (at == text && p.length && !memchr(p.text, '=', p.length))
            status = set(where, &first, p, device, fault);
        else if (p.length)
            status = sterna_gpu_settings_one(where, at, length, keys, n_keys, settings, fault);
        at += length + (at[length] == ',');
    }
    return status;
}
