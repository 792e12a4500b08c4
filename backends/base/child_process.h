/* A program that runs for a limited time and answers through a pipe of its own. Owns: starting, both pipes, the time
 * limit, how it ended, its last words. Leaves to others: which program, and what the answer means (probe_child.c).
 *
 * posix_spawn, not fork: the caller may be a library in a program with threads, where after fork() nothing but
 * async-signal-safe functions may be called. POSIX. */
#ifndef STERNA_CHILD_PROCESS_H
#define STERNA_CHILD_PROCESS_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The descriptor on which the child answers. Its standard output and error are taken for its last words. */
enum { STERNA_CHILD_CHANNEL = 3 };

typedef enum sterna_child_fate {
    STERNA_CHILD_EXITED,    /* number: the exit code */
    STERNA_CHILD_SIGNALLED, /* number: the signal */
    STERNA_CHILD_TIMED_OUT, /* killed, with what it had started */
    STERNA_CHILD_TALKATIVE, /* killed: its answer is too long to be one */
} sterna_child_fate;

typedef struct sterna_child_end {
    sterna_child_fate fate;
    int number;
    uint8_t *answer; /* free with sterna_free() */
    size_t bytes;
    char words[120]; /* the last line it printed, as far as printable; "" */
} sterna_child_end;

typedef struct sterna_child sterna_child;

/* Starts program with arguments[0..] (NULL behind the last; arguments[0] is its name), an empty standard input and a
 * process group of its own. The limit counts from here. FILE when it cannot be run. */
sterna_status sterna_child_start(const char *program, const char *const *arguments, double seconds,
                                 sterna_child **child, sterna_fault *fault);
/* Waits for the end, or brings it about at the limit; frees the child. MEMORY, with the child gone, too. */
sterna_status sterna_child_finish(sterna_child *child, sterna_child_end *end, sterna_fault *fault);

/* In the child, first of all: dies by itself after `seconds`, whatever becomes of the parent; leaves no core file; what
 * it starts itself does not inherit the channel. */
void sterna_child_begin(uint32_t seconds);
/* In the child, last of all: ends the process at once. Nothing registered with atexit() runs, for a driver that crashes
 * while it is unloaded has already answered. */
void sterna_child_leave(int code);

/* The program file of this process, and the file (program or library) that holds this code. False when unknown or cut. */
bool sterna_child_own_program(char *path, size_t bytes);
bool sterna_child_own_module(char *path, size_t bytes);
/* May it be executed? */
bool sterna_child_executable(const char *path);

#endif
