/* Environment variables by the table of env.def. Owns: their names, the form of a switch, finding misspelt
 * ones. Leaves to others: options whose default a variable gives (cli/options.def), what the values mean. */
#ifndef STERNA_ENV_H
#define STERNA_ENV_H

#include "base/status.h"
#include <stdbool.h>

typedef enum sterna_env {
#define ENV(name, kind, reader, sentence) STERNA_ENV_##name,
#include "base/env.def"
    STERNA_ENV_COUNT
} sterna_env;

/* "STERNA_STRICT" */
const char *sterna_env_name(sterna_env variable);
/* The value, or NULL when unset or empty. */
const char *sterna_env_get(sterna_env variable);
/* A switch: 1, true, on, yes are true; 0, false, off, no, empty and unset are false. USAGE for anything else,
 * so that a misspelt value never means "off". */
sterna_status sterna_env_flag(sterna_env variable, bool *value, sterna_fault *fault);
/* USAGE, naming the variable and what is allowed, when one of those that are set has a value that is none of its kind:
 * a misspelt value never counts as unset. */
sterna_status sterna_env_check(sterna_fault *fault);
/* Calls warn for every variable that begins with STERNA_ and is not in the table. */
void sterna_env_warn_unknown(void (*warn)(const char *name));

#endif
