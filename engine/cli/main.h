/* What main.c shares with the commands of this room: version and Ctrl-C. */
#ifndef STERNA_MAIN_H
#define STERNA_MAIN_H

#include "cli/out.h"
#include <stdbool.h>

sterna_status sterna_print_version(sterna_out *out, bool as_json, sterna_fault *fault);

/* From now on Ctrl-C (SIGINT, SIGTERM) calls action(context) in the signal handler, once; the next one kills.
 * action NULL: no longer. */
void sterna_on_interrupt(void (*action)(void *context), void *context);

#endif
