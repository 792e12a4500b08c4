/* Standard error: figures, progress and complaints. */
#include "cli/say.h"
#include "base/env.h"
#include "base/sys.h"
#include "cli/options.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { STANDARD_ERROR = 2 };

static void say_bytes(const char *text, size_t n)
{
    (void)sterna_sys_write(STANDARD_ERROR, text, n, NULL);
}

static void say_list(const char *format, va_list args, const char *before, const char *behind)
{
    char text[6000]; /* the longest: a snapshot (registry.h) */
    size_t used = (size_t)snprintf(text, sizeof text, "%s", before);
    int n = vsnprintf(text + used, sizeof text - used, format, args);
    if (n < 0) return;
    used += (size_t)n;
    if (used > sizeof text - 8) used = sizeof text - 8;
    used += (size_t)snprintf(text + used, sizeof text - used, "%s", behind);
    say_bytes(text, used);
}

void sterna_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_list(format, args, "", "\n");
    va_end(args);
}

static const char *next_variable(const void *context, uint32_t i)
{
    (void)context;
    return i < STERNA_ENV_COUNT ? sterna_env_name((sterna_env)i) : NULL;
}

void sterna_say_unknown_variable(const char *name)
{
    uint32_t nearest = sterna_nearest(name, next_variable, NULL);
    bool meant = nearest != UINT32_MAX;
    sterna_say("warning: %s is set, but nothing reads a variable of that name%s%s%s", name,
               meant ? "; did you mean " : "", meant ? next_variable(NULL, nearest) : "", meant ? "?" : "");
}

/* no-color.org: NO_COLOR counts when it is set and not empty. */
static bool in_colour(void)
{
    const char *no = sterna_sys_getenv("NO_COLOR"), *terminal = sterna_sys_getenv("TERM");
    if ((no && no[0]) || !terminal || !strcmp(terminal, "dumb")) return false;
    return sterna_sys_is_tty(STANDARD_ERROR);
}

void sterna_say_failure(const char *command, const sterna_fault *fault, sterna_status status)
{
    bool colour = in_colour();
    const char *sentence = fault->text[0] ? fault->text : sterna_status_text(status);
    sterna_say("%s: %serror:%s %s", command, colour ? "\033[1;31m" : "", colour ? "\033[0m" : "", sentence);
}

void sterna_say_progress(const char *format, ...)
{
    if (!sterna_sys_is_tty(STANDARD_ERROR)) return;
    va_list args;
    va_start(args, format);
    say_list(format, args, "\r\033[K", "");
    va_end(args);
}

void sterna_say_progress_end(void)
{
    if (sterna_sys_is_tty(STANDARD_ERROR)) say_bytes("\r\033[K", 4);
}

const char *sterna_say_bytes(uint64_t bytes, char text[STERNA_SAY_BYTES_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    uint32_t unit = 0;
    for (; value >= 1024 && unit < 6; unit++) value /= 1024;
    snprintf(text, STERNA_SAY_BYTES_MAX, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}
