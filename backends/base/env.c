/* The table, and a look through the whole environment. */
#include "base/env.h"
#include "base/size.h"
#include "base/sys.h"
#include <stdio.h>
#include <string.h>

extern char **environ; /* POSIX demands that the program declares it */

static const char *const names[] = {
#define ENV(name, reader, sentence) "STERNA_" #name,
#include "base/env.def"
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
