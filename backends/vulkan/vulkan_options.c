/* Parsing of a variant: a device, then keys. */
#include "vulkan_options.h"
#include "base/size.h"
#include "gpu/gpu_settings.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct key_row {
    const char *name, *sentence;
    uint64_t low, high;
    size_t offset;
} key_row;

static const key_row keys[] = {
#define KEY(name, low, high, preset, sentence)                                                               \
    {#name, sentence, low, high, offsetof(sterna_vulkan_options, name)},
#include "vulkan_keys.def"
};

static const char names[] =
#define KEY(name, low, high, preset, sentence) ", " #name
#include "vulkan_keys.def"
    ;

static sterna_status copy_text(const char *what, const char *text, size_t length, char *out, size_t size,
                               sterna_fault *fault)
{
    if (length >= size)
        return sterna_fail(fault, STERNA_USAGE, "vulkan: %s '%.40s...' is longer than %zu characters", what,
                           text, size - 1);
    memcpy(out, text, length);
    out[length] = 0;
    return STERNA_OK;
}

static sterna_status set_key(const char *text, size_t name_length, size_t length,
                             sterna_vulkan_options *options, sterna_fault *fault)
{
    const char *value = text + name_length + 1;
    size_t value_length = length - name_length - 1;
    if (name_length == strlen("library") && memcmp(text, "library", name_length) == 0)
        return copy_text("library", value, value_length, options->library, sizeof options->library, fault);
    for (size_t i = 0; i < STERNA_COUNT(keys); i++) {
        uint64_t parsed;
        if (strlen(keys[i].name) != name_length || memcmp(text, keys[i].name, name_length) != 0) continue;
        if (!sterna_gpu_settings_number(value, value_length, &parsed) || parsed < keys[i].low ||
            parsed > keys[i].high)
            return sterna_fail(fault, STERNA_USAGE,
                               "vulkan: %s=%.*s is not a number from %" PRIu64 " to %" PRIu64 " (%s)",
                               keys[i].name, (int)(value_length < 40 ? value_length : 40), value, keys[i].low,
                               keys[i].high, keys[i].sentence);
        memcpy((char *)options + keys[i].offset, &parsed, sizeof parsed);
        return STERNA_OK;
    }
    return sterna_fail(fault, STERNA_USAGE, "vulkan: unknown key '%.*s'; there are library%s",
                       (int)(name_length < 40 ? name_length : 40), text, names);
}

sterna_status sterna_vulkan_options_read(const char *variant, sterna_vulkan_options *options,
                                         sterna_fault *fault)
{
    sterna_vulkan_options made = {
#define KEY(name, low, high, preset, sentence) .name = preset,
#include "vulkan_keys.def"
    };
    sterna_status status = STERNA_OK;
    bool first = true;
    for (const char *at = variant; *at && status == STERNA_OK; first = false) {
        size_t length = strcspn(at, ",");
        const char *sign = memchr(at, '=', length);
        if (sign)
            status = set_key(at, (size_t)(sign - at), length, &made, fault);
        else if (first)
            status = copy_text("device", at, length, made.device, sizeof made.device, fault);
        else if (length)
            status = sterna_fail(fault, STERNA_USAGE,
                                 "vulkan: '%.*s' is not key=value; a device stands first, keys behind it",
                                 (int)(length < 40 ? length : 40), at);
        at += length;
        if (*at) at++;
    }
    if (status == STERNA_OK) *options = made;
    return status;
}
