/* Parsing of settings: one table of keys, two spellings; one table of named profiles. */
#include "mock_profile.h"
#include "base/size.h"
#include "base/sys.h"
#include "gpu/gpu_settings.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Settings while they are read. */
typedef struct reading {
    mock_settings settings; /* first: keys are at their places in it */
    char profile[512];      /* file to be read; "": none */
} reading;

static const sterna_gpu_key keys[] = {
#define KEY(name, low, high, preset, sentence) STERNA_GPU_NUMBER(mock_settings, name, low, high, sentence),
#define CHOICE(name, words, sentence)          STERNA_GPU_WORD(mock_settings, name, words, sentence),
#define TEXT(name, sentence)                   STERNA_GPU_TEXT(mock_settings, name, sentence),
#include "mock_keys.def"
    STERNA_GPU_TEXT(reading, profile, "a file of keys"), /* last: a file names no other */
};

static const struct {
    const char *name, *keys;
} profiles[] = {
#define PROFILE(name, keys, sentence) {#name, keys},
#include "mock_profiles.def"
};

static const char all_profiles[] = ""
#define PROFILE(name, keys, sentence) " " #name
#include "mock_profiles.def"
    ;

const char *sterna_mock_profile_name(uint32_t i)
{
    return i < STERNA_COUNT(profiles) ? profiles[i].name : NULL;
}

static sterna_status check(const mock_settings *settings, const char *where, sterna_fault *fault)
{
    const struct {
        const char *name;
        uint64_t value;
    } powers[] = {{"warp", settings->warp},
                  {"alignment", settings->alignment},
                  {"real_alignment", settings->real_alignment ? settings->real_alignment : 1}};
    for (size_t i = 0; i < STERNA_COUNT(powers); i++)
        if (!sterna_is_pow2(powers[i].value))
            return sterna_fail(fault, STERNA_USAGE, "%s: %s = %" PRIu64 " is not a power of two", where,
                               powers[i].name, powers[i].value);
    return STERNA_OK;
}

/* One line of a file. */
static sterna_status read_line(const char *text, size_t length, const char *where, mock_settings *settings,
                               sterna_fault *fault)
{
    const char *comment = memchr(text, '#', length);
    sterna_fault why = {0};
    sterna_status status = STERNA_OK;
    if (comment) length = (size_t)(comment - text);
    while (length && strchr(" \t\r", text[length - 1])) length--;
    if (length)
        status = sterna_gpu_settings_one(where, text, length, keys, STERNA_COUNT(keys) - 1, settings, &why);
    if (status == STERNA_OK) status = check(settings, where, &why);
    return status == STERNA_OK ? STERNA_OK : sterna_fail(fault, STERNA_FILE, "%s", why.text);
}

static sterna_status read_profile(const char *name, mock_settings *settings, sterna_fault *fault)
{
    char where[540];
    sterna_mapping file = {0};
    sterna_status status = sterna_sys_map(name, &file, fault);
    if (status != STERNA_OK) return status;
    const char *text = (const char *)file.data;
    uint32_t line = 1;
    for (size_t at = 0; at < file.size && status == STERNA_OK; line++) {
        const char *end = memchr(text + at, '\n', (size_t)file.size - at);
        size_t length = end ? (size_t)(end - (text + at)) : (size_t)file.size - at;
        snprintf(where, sizeof where, "%s:%u", name, line);
        status = read_line(text + at, length, where, settings, fault);
        at += length + 1;
    }
    sterna_sys_unmap(&file);
    return status;
}

/* "key=value,key=value" on top of what is set already. `names`: profiles may be named, too. */
static sterna_status read_pieces(const char *at, bool names, mock_settings *settings, sterna_fault *fault);

static sterna_status named_profile(const char *name, size_t length, mock_settings *settings,
                                   sterna_fault *fault)
{
    for (size_t i = 0; i < STERNA_COUNT(profiles); i++) {
        if (strlen(profiles[i].name) != length || memcmp(profiles[i].name, name, length) != 0) continue;
        if (!settings->profile[0])
            snprintf(settings->profile, sizeof settings->profile, "%s", profiles[i].name);
        return read_pieces(profiles[i].keys, false, settings, fault);
    }
    return sterna_fail(fault, STERNA_USAGE, "mock: '%.*s' is neither key=value nor one of the profiles:%s",
                       length < 40 ? (int)length : 40, name, all_profiles);
}

static sterna_status read_pieces(const char *at, bool names, mock_settings *settings, sterna_fault *fault)
{
    reading r = {.settings = *settings};
    sterna_status status = STERNA_OK;
    while (*at && status == STERNA_OK) {
        const size_t length = strcspn(at, ",");
        r.profile[0] = 0;
        if (names && length && !memchr(at, '=', length))
            status = named_profile(at, length, &r.settings, fault);
        else if (length)
            status = sterna_gpu_settings_one("mock", at, length, keys, STERNA_COUNT(keys), &r, fault);
        if (status == STERNA_OK && r.profile[0]) status = read_profile(r.profile, &r.settings, fault);
        if (status == STERNA_OK) status = check(&r.settings, "mock", fault);
        at += length + (at[length] == ',');
    }
    *settings = r.settings;
    return status;
}

sterna_status sterna_mock_settings(const char *variant, mock_settings *settings, sterna_fault *fault)
{
    mock_settings made = {
#define KEY(name, low, high, preset, sentence) .name = preset,
#include "mock_keys.def"
    };
    sterna_status status = read_pieces(variant, true, &made, fault);
    if (status == STERNA_OK) *settings = made;
    return status;
}
