/* Parsing of settings: one table of keys, two spellings. */
#include "mock_profile.h"
#include "base/size.h"
#include "base/sys.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct key_row {
    const char *name, *sentence;
    uint64_t low, high;
    size_t offset;
} key_row;

static const key_row keys[] = {
#define KEY(name, low, high, preset, sentence) {#name, sentence, low, high, offsetof(mock_settings, name)},
#include "mock_keys.def"
#undef KEY
};

/* A piece of text between two places. */
typedef struct piece {
    const char *text;
    size_t length;
} piece;

static piece trimmed(const char *text, size_t length)
{
    while (length && (text[0] == ' ' || text[0] == '\t')) text++, length--;
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t' || text[length - 1] == '\r'))
        length--;
    return (piece){text, length};
}

static bool same(piece a, const char *name)
{
    return a.length == strlen(name) && memcmp(a.text, name, a.length) == 0;
}

static bool number(piece text, uint64_t *out)
{
    uint64_t value = 0, unit = 1;
    if (text.length > 1) {
        char last = text.text[text.length - 1];
        unit = last == 'k' ? 1ull << 10 : last == 'm' ? 1ull << 20 : last == 'g' ? 1ull << 30 : 1;
        if (unit > 1) text.length--;
    }
    if (text.length == 0) return false;
    for (size_t i = 0; i < text.length; i++) {
        uint64_t digit = (uint64_t)(text.text[i] - '0');
        if (text.text[i] < '0' || text.text[i] > '9' || !sterna_mul_u64(value, 10, &value) ||
            !sterna_add_u64(value, digit, &value))
            return false;
    }
    return sterna_mul_u64(value, unit, out);
}

static sterna_status set_key(piece name, piece value, const char *where, sterna_status code,
                             mock_settings *settings, sterna_fault *fault)
{
    for (size_t i = 0; i < STERNA_COUNT(keys); i++) {
        uint64_t parsed;
        if (!same(name, keys[i].name)) continue;
        if (!number(value, &parsed) || parsed < keys[i].low || parsed > keys[i].high)
            return sterna_fail(
                fault, code, "%s: %s = '%.*s' is not a number from %" PRIu64 " to %" PRIu64 " (%s)", where,
                keys[i].name, (int)value.length, value.text, keys[i].low, keys[i].high, keys[i].sentence);
        memcpy((char *)settings + keys[i].offset, &parsed, sizeof parsed);
        return STERNA_OK;
    }
    return sterna_fail(fault, code, "%s: unknown key '%.*s'; docs/mockgpu.md lists them", where,
                       (int)name.length, name.text);
}

static sterna_status check(const mock_settings *settings, const char *where, sterna_status code,
                           sterna_fault *fault)
{
    if (!sterna_is_pow2(settings->warp))
        return sterna_fail(fault, code, "%s: warp = %" PRIu64 " is not 4, 8, 16, 32 or 64", where,
                           settings->warp);
    if (!sterna_is_pow2(settings->alignment))
        return sterna_fail(fault, code, "%s: alignment = %" PRIu64 " is not a power of two", where,
                           settings->alignment);
    return STERNA_OK;
}

static sterna_status read_profile(piece path, mock_settings *settings, sterna_fault *fault)
{
    char name[512], where[540];
    sterna_mapping file = {0};
    if (path.length == 0 || path.length >= sizeof name)
        return sterna_fail(fault, STERNA_USAGE, "mock: profile= needs the name of a file");
    snprintf(name, sizeof name, "%.*s", (int)path.length, path.text);
    sterna_status status = sterna_sys_map(name, &file, fault);
    if (status != STERNA_OK) return status;
    const char *text = (const char *)file.data;
    uint32_t line = 1;
    for (size_t at = 0; at < file.size && status == STERNA_OK; line++) {
        const char *end = memchr(text + at, '\n', (size_t)file.size - at);
        size_t length = end ? (size_t)(end - (text + at)) : (size_t)file.size - at;
        const char *comment = memchr(text + at, '#', length);
        piece content = trimmed(text + at, comment ? (size_t)(comment - (text + at)) : length);
        const char *sign = content.length ? memchr(content.text, '=', content.length) : NULL;
        snprintf(where, sizeof where, "%s:%u", name, line);
        if (content.length && !sign)
            status = sterna_fail(fault, STERNA_FILE, "%s: '%.*s' is not 'key = value'", where,
                                 content.length < 40 ? (int)content.length : 40, content.text);
        else if (content.length)
            status = set_key(trimmed(content.text, (size_t)(sign - content.text)),
                             trimmed(sign + 1, content.length - (size_t)(sign + 1 - content.text)), where,
                             STERNA_FILE, settings, fault);
        if (status == STERNA_OK) status = check(settings, where, STERNA_FILE, fault);
        at += length + 1;
    }
    sterna_sys_unmap(&file);
    return status;
}

sterna_status sterna_mock_settings(const char *variant, mock_settings *settings, sterna_fault *fault)
{
    mock_settings made = {
#define KEY(name, low, high, preset, sentence) .name = preset,
#include "mock_keys.def"
#undef KEY
    };
    const char *at = variant;
    while (*at == ',') at++;
    while (*at) {
        size_t length = strcspn(at, ",");
        const char *sign = memchr(at, '=', length);
        if (!sign)
            return sterna_fail(fault, STERNA_USAGE,
                               "mock: '%.*s' is not key=value; docs/mockgpu.md lists the keys", (int)length,
                               at);
        piece name = trimmed(at, (size_t)(sign - at)),
              value = trimmed(sign + 1, length - (size_t)(sign + 1 - at));
        sterna_status status = same(name, "profile")
                                   ? read_profile(value, &made, fault)
                                   : set_key(name, value, "mock", STERNA_USAGE, &made, fault);
        if (status == STERNA_OK) status = check(&made, "mock", STERNA_USAGE, fault);
        if (status != STERNA_OK) return status;
        at += length;
        while (*at == ',') at++;
    }
    *settings = made;
    return STERNA_OK;
}
