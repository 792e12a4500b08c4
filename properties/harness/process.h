/* Child processes that may crash, hang or lie about their end, and memory shared with them.
 * Owns: fork, watching, saying how a child ended. Leaves to others: what it does. */
#ifndef STERNA_PROCESS_H
#define STERNA_PROCESS_H

#include "judge/verdict.h"
#include <stdatomic.h>
#include <stddef.h>

/* Zeroed memory that children of this process share; NULL when refused. */
void *sterna_process_map(size_t bytes);
void sterna_process_unmap(void *memory, size_t bytes);

/* First member of what is shared. */
typedef struct sterna_pulse {
    _Atomic uint32_t beats; /* the child counts up while it gets on */
    _Atomic int finished;   /* set when its body has returned: exit(0) from within is no proper end */
} sterna_pulse;

/* Runs body(context) in a child and waits. PASS when it returned; HANG when the pulse stood still for
 * `seconds` (the child is killed); CRASH with the signal or exit code otherwise. With `quiet`, what the child
 * writes to standard error is dropped. REFUSED when there is no process to be had. */
sterna_verdict sterna_process_run(void (*body)(void *context), void *context, sterna_pulse *pulse,
                                  double seconds, bool quiet);

/* How long nothing may happen in a case: a minute, multiplied by STERNA_TIME_SCALE. */
double sterna_process_patience(void);

#endif
