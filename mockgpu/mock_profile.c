/* Parsing of settings: one table of keys, two spellings; one table of named profiles. */
#include "mock_profile.h"
#include "base/size.h"
#include "base/sys.h"
#include "gpu/gpu_settings.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef enum key_kind { NUMBER, WORD, NAME } key_kind;

typedef struct key_row {
    const char *name, *sentence, *words;
    uint64_t low, high;
    size_t offset;
    key_kind kind;
} key_row;

static const key_row keys[] = {
#define AT(name)                               offsetof(mock_settings, name)
#define KEY(name, low, high, preset, sentence) {#name, sentence, "", low, high, AT(name), NUMBER},
#define CHOICE(name, words, sentence)          {#name, sentence, words, 0, 0, AT(name), WORD},
#define TEXT(name, sentence)                   {#name, sentence, "", 0, 0, AT(name), NAME},
#include "mock_keys.def"
#undef AT
};

static const struct {
    const char *name, *keys;
} profiles[] = {
#define PROFILE(name, keys, sentence) {#name, keys},
#include "mock_profiles.def"
};

static const char all_keys[] = "profile"
#define KEY(name, low, high, preset, sentence) ", " #name
#define CHOICE(name, words, sentence)          ", " #name
#define TEXT(name, sentence)                   ", " #name
#include "mock_keys.def"
    ;
static const char all_profiles[] = ""
#define PROFILE(name, keys, sentence) " " #name
#include "mock_profiles.def"
    ;

const char *sterna_mock_profile_name(uint32_t i)
{
    return i < STERNA_COUNT(profiles) ? profiles[i].name : NULL;
}

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

/* The place of a word in "drop|shift|cut". */
static bool word(piece text, const char *words, uint64_t *out)
{
    for (uint64_t i = 0; *words; i++) {
        size_t length = strcspn(words, "|");
        if (text.length == length && memcmp(text.text, words, length) == 0) {
            *out = i;
            return true;
        }
        words += length + (words[length] != 0);
    }
    return false;
}

static sterna_status set_value(const key_row *row, piece value, const char *where, sterna_status code,
                               mock_settings *settings, sterna_fault *fault)
{
    char *to = (char *)settings + row->offset;
    uint64_t parsed;
    switch (row->kind) {
    case NUMBER:
        if (!sterna_gpu_settings_number(value.text, value.length, &parsed) || parsed < row->low ||
            parsed > row->high)
            return sterna_fail(fault, code,
                               "%s: %s = '%.*s' is not a number from %" PRIu64 " to %" PRIu64 " (%s)", where,
                               row->name, (int)value.length, value.text, row->low, row->high, row->sentence);
        memcpy(to, &parsed, sizeof parsed);
        break;
    case WORD:
        if (!word(value, row->words, &parsed))
            return sterna_fail(fault, code, "%s: %s = '%.*s' is not one of %s (%s)", where, row->name,
                               (int)value.length, value.text, row->words, row->sentence);
        memcpy(to, &parsed, sizeof parsed);
        break;
    case NAME:
        if (value.length >= MOCK_TEXT_MAX)
            return sterna_fail(fault, code, "%s: %s: a name of at most %d bytes is wanted", where, row->name,
                               MOCK_TEXT_MAX - 1);
        memcpy(to, value.text, value.length);
        to[value.length] = 0;
        break;
    }
    return STERNA_OK;
}

static sterna_status set_key(piece name, piece value, const char *where, sterna_status code,
                             mock_settings *settings, sterna_fault *fault)
{
    for (size_t i = 0; i < STERNA_COUNT(keys); i++)
        if (same(name, keys[i].name)) return set_value(&keys[i], value, where, code, settings, fault);
    return sterna_fail(fault, code, "%s: unknown key '%.*s'; there are %s", where, (int)name.length,
                       name.text, all_keys);
}

static sterna_status check(const mock_settings *settings, const char *where, sterna_status code,
                           sterna_fault *fault)
{
    if (!sterna_is_pow2(settings->warp))
        return sterna_fail(fault, code, "%s: warp = %" PRIu64 " is not a power of two", where,
                           settings->warp);
    if (!sterna_is_pow2(settings->alignment))
        return sterna_fail(fault, code, "%s: alignment = %" PRIu64 " is not a power of two", where,
                           settings->alignment);
    if (settings->real_alignment && !sterna_is_pow2(settings->real_alignment))
        return sterna_fail(fault, code, "%s: real_alignment = %" PRIu64 " is not a power of two", where,
                           settings->real_alignment);
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

/* "key=value,key=value" on top of what is set already. `names`: profiles may be named, too. */
static sterna_status read_pieces(const char *at, bool names, mock_settings *settings, sterna_fault *fault);

static sterna_status named_profile(piece name, mock_settings *settings, sterna_fault *fault)
{
    for (size_t i = 0; i < STERNA_COUNT(profiles); i++) {
        if (!same(name, profiles[i].name)) continue;
        if (!settings->profile[0])
            snprintf(settings->profile, sizeof settings->profile, "%s", profiles[i].name);
        return read_pieces(profiles[i].keys, false, settings, fault);
    }
    return sterna_fail(fault, STERNA_USAGE, "mock: '%.*s' is neither key=value nor one of the profiles:%s",
                       (int)name.length, name.text, all_profiles);
}

static sterna_status read_pieces(const char *at, bool names, mock_settings *settings, sterna_fault *fault)
{
    while (*at == ',') at++;
    while (*at) {
        size_t length = strcspn(at, ",");
        const char *sign = memchr(at, '=', length);
        piece name = trimmed(at, sign ? (size_t)(sign - at) : length);
        piece value = sign ? trimmed(sign + 1, length - (size_t)(sign + 1 - at)) : (piece){"", 0};
        sterna_status status;
        if (!sign && names)
            status = named_profile(name, settings, fault);
        else if (same(name, "profile"))
            status = read_profile(value, settings, fault);
        else
            status = set_key(name, value, "mock", STERNA_USAGE, settings, fault);
        if (status == STERNA_OK) status = check(settings, "mock", STERNA_USAGE, fault);
        if (status != STERNA_OK) return status;
        at += length;
        while (*at == ',') at++;
    }
    return STERNA_OK;
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
