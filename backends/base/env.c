/* The table, and a look through the whole environment. */
#include "base/env.h"
#include "base/size.h"
#include "base/sys.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ; /* POSIX demands that the program declares it */

static const char *const names[] = {
#define ENV(name, kind, reader, sentence) "STERNA_" #name,
#include "base/env.def"
};

enum { KIND_FLAG, KIND_WHOLE, KIND_REAL, KIND_TEXT };

static const struct {
    int kind;
    double low, high;
} values[] = {
#define FLAG                              KIND_FLAG, 0, 1
#define INTEGER(low, high)                KIND_WHOLE, low, high
#define REAL(low, high)                   KIND_REAL, low, high
#define TEXT                              KIND_TEXT, 0, 0
#define ENV(name, kind, reader, sentence) {kind},
#include "base/env.def"
#undef FLAG
#undef INTEGER
#undef REAL
#undef TEXT
};

const char *sterna_env_name(sterna_env variable)
{
    return names[variable];
}

const char *sterna_env_get(sterna_env variable)
{
    const char *value = sterna_sys_getenv(names[variable]);
    return value && value[0] ? value : NULL;
}

static bool is_one_of(const char *value, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(value, words[i]) == 0) return true;
    return false;
}

sterna_status sterna_env_flag(sterna_env variable, bool *value, sterna_fault *fault)
{
    static const char *const on[] = {"1", "true", "on", "yes"}, *const off[] = {"0", "false", "off", "no"};
    const char *text = sterna_env_get(variable);
    *value = text && is_one_of(text, on, STERNA_COUNT(on));
    if (!text || *value || is_one_of(text, off, STERNA_COUNT(off))) return STERNA_OK;
    return sterna_fail(fault, STERNA_USAGE, "%s='%.40s': want 1 or 0", names[variable], text);
}

/* Digits, with one point for a REAL: no sign, no exponent, no space. */
static bool is_number(const char *text, int kind, double low, double high)
{
    size_t digits = strspn(text, "0123456789"), all = strlen(text);
    bool plain = digits > 0 && all < 20;
    if (plain && kind == KIND_REAL && text[digits] == '.')
        digits += 1 + strspn(text + digits + 1, "0123456789");
    if (!plain || digits != all) return false;
    double value = strtod(text, NULL);
    return value >= low && value <= high;
}

sterna_status sterna_env_check(sterna_fault *fault)
{
    for (int i = 0; i < STERNA_ENV_COUNT; i++) {
        const char *text = sterna_env_get((sterna_env)i);
        bool ignored;
        if (!text || values[i].kind == KIND_TEXT) continue;
        if (values[i].kind == KIND_FLAG) {
            sterna_status status = sterna_env_flag((sterna_env)i, &ignored, fault);
            if (status != STERNA_OK) return status;
        } else if (!is_number(text, values[i].kind, values[i].low, values[i].high)) {
            return sterna_fail(fault, STERNA_USAGE, "%s='%.40s': want a %s from %.0f to %.0f", names[i], text,
                               values[i].kind == KIND_WHOLE ? "whole number" : "number", values[i].low,
                               values[i].high);
        }
    }
    return STERNA_OK;
}

void sterna_env_warn_unknown(void (*warn)(const char *name))
{
    char name[64];
    for (char **entry = environ; entry && *entry; entry++) {
        size_t n = strcspn(*entry, "=");
        if (strncmp(*entry, "STERNA_", 7) != 0) continue;
        snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : (int)sizeof name - 1, *entry);
        if (!is_one_of(name, names, STERNA_COUNT(names))) warn(name);
    }
}
