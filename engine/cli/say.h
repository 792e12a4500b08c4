/* Standard error: figures, progress and complaints. Owns: when to use colour and when to redraw a line.
 * Nothing here fails: who cannot be told, cannot be told. */
#ifndef STERNA_SAY_H
#define STERNA_SAY_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

/* A line of its own. */
void sterna_say(const char *format, ...) STERNA_PRINTF(1, 2);
/* "sterna run: error: sentence"; in colour on a terminal, unless NO_COLOR is set and not empty or TERM is
 * dumb. */
void sterna_say_failure(const char *command, const sterna_fault *fault, sterna_status status);
/* Warns of an environment variable that nobody reads (base/env.h). */
void sterna_say_unknown_variable(const char *name);
/* One line that is redrawn, on a terminal only. */
void sterna_say_progress(const char *format, ...) STERNA_PRINTF(1, 2);
void sterna_say_progress_end(void);

/* "4.1 MiB"; always the same buffer size. Returns text. */
#define STERNA_SAY_BYTES_MAX 24u
const char *sterna_say_bytes(uint64_t bytes, char text[STERNA_SAY_BYTES_MAX]);

#endif
