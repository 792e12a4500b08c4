/* Status codes as text and exit codes, and the one way to report a failure.
 * Owns: sterna_fail, names, exit codes. The codes themselves are ABI and stand in sterna_backend.h. */
#ifndef STERNA_STATUS_H
#define STERNA_STATUS_H

#include "sterna_backend.h"
#include <stdarg.h>

#if defined(__GNUC__)
#define STERNA_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define STERNA_PRINTF(fmt, first)
#endif

/* Records status and sentence in *fault (may be NULL; an earlier failure is kept) and returns status, so that
 * a function can `return sterna_fail(fault, STERNA_FILE, "%s: ...", path)`. The sentence names the object
 * (file, key, tensor, offset, flag) and says what to do. Every failure passes here: break on this function
 * when debugging. */
sterna_status sterna_fail(sterna_fault *fault, sterna_status status, const char *format, ...)
    STERNA_PRINTF(3, 4);

/* These two are part of libsterna's interface (sterna.h). "FILE", "MEMORY", ...; "?" for a number outside the list. */
STERNA_API const char *sterna_status_name(sterna_status status);
/* The sentence of the list, for use where no fault text exists. */
STERNA_API const char *sterna_status_text(sterna_status status);
/* The process exit code of a status: documented in docs/errors.md, always below 125. */
int sterna_status_exit_code(sterna_status status);

#endif
