/* Parsing of a variant: device, then key=value. */
#include "gpu/stream/stream_private.h"

static const struct key {
    const char *name, *sentence;
    uint32_t low, high;
    size_t offset;
} keys[] = {
#define STREAM_KEY(name, low, high, preset, sentence)                                                        \
    {#name, sentence, low, high, offsetof(stream_settings, name)},
#include "gpu/stream/keys.def"
};

static bool number(const char *text, size_t length, uint32_t *out)
{
    uint64_t value = 0;
    if (length == 0 || length > 9) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = (uint32_t)value;
    return true;
}

static sterna_status text_value(const stream_family *family, const char *what, const char *text,
                                size_t length, char *out, size_t size, sterna_fault *fault)
{
    if (length == 0 || length >= size)
        return sterna_fail(fault, STERNA_USAGE, "%s: %s needs from 1 to %zu letters", family->name, what,
                           size - 1);
    memcpy(out, text, length);
    out[length] = 0;
    return STERNA_OK;
}

static sterna_status set_key(const stream_family *family, const char *name, size_t name_length,
                             const char *value, size_t length, stream_settings *settings, sterna_fault *fault)
{
    if (name_length == 7 && memcmp(name, "library", 7) == 0)
        return text_value(family, "library=", value, length, settings->library, sizeof settings->library,
                          fault);
    for (size_t i = 0; i < STERNA_COUNT(keys); i++) {
        uint32_t parsed;
        if (strlen(keys[i].name) != name_length || memcmp(keys[i].name, name, name_length) != 0) continue;
        if (!number(value, length, &parsed) || parsed < keys[i].low || parsed > keys[i].high)
            return sterna_fail(fault, STERNA_USAGE, "%s: %s = '%.*s' is not a number from %u to %u (%s)",
                               family->name, keys[i].name, (int)length, value, keys[i].low, keys[i].high,
                               keys[i].sentence);
        memcpy((char *)settings + keys[i].offset, &parsed, sizeof parsed);
        return STERNA_OK;
    }
    return sterna_fail(fault, STERNA_USAGE, "%s: unknown key '%.*s'; there are library%s", family->name,
                       (int)name_length, name,
#define STREAM_KEY(name, low, high, preset, sentence) ", " #name
#include "gpu/stream/keys.def"
    );
}

sterna_status sterna_stream_settings(const stream_family *family, const char *variant,
                                     stream_settings *settings, sterna_fault *fault)
{
    stream_settings made = {
#define STREAM_KEY(name, low, high, preset, sentence) .name = preset,
#include "gpu/stream/keys.def"
    };
    bool first = true;
    for (const char *at = variant; *at;) {
        size_t length = strcspn(at, ",");
        const char *sign = memchr(at, '=', length);
        sterna_status status = STERNA_OK;
        if (sign)
            status = set_key(family, at, (size_t)(sign - at), sign + 1, length - (size_t)(sign + 1 - at),
                             &made, fault);
        else if (length && first)
            status =
                text_value(family, "a device's name", at, length, made.device, sizeof made.device, fault);
        else if (length)
            status = sterna_fail(fault, STERNA_USAGE, "%s: '%.*s' is not key=value", family->name,
                                 (int)length, at);
        if (status != STERNA_OK) return status;
        first = false;
        at += length + (at[length] == ',');
    }
    *settings = made;
    return STERNA_OK;
}
