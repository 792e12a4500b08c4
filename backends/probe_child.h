/* Asking a driver in a child process, so that its crash, abort or hang is a sentence and not the end of the program.
 * Owns: which program the child is, what is asked and answered, the time limits. Leaves to others: processes
 * (base/child_process.h), what is done with the answer (registry.c, select.c, `sterna doctor`).
 *
 * The child is this program again, when it has said that it can serve (sterna_probe_serve), else `sterna-probe` beside
 * this program or library, or where it was installed (docs/decisions/0010). */
#ifndef STERNA_PROBE_CHILD_H
#define STERNA_PROBE_CHILD_H

#include "registry.h"
#include "self_test.h"

typedef enum sterna_probe_task {
    STERNA_PROBE_LIST,  /* device_count() and device_info(): `what` names a backend or a library */
    STERNA_PROBE_OPEN,  /* open one and compute with it: `what` is "backend:variant,keys" */
    STERNA_PROBE_EXACT, /* the arithmetic probe */
    STERNA_PROBE_TEST,  /* the whole self-test */
} sterna_probe_task;

typedef struct sterna_probe_answer {
    sterna_status status; /* OK: it lived, and did what was asked. DEVICE: it died. Others: as it answered */
    char why[240];        /* of a status other than OK */
    double seconds;
    uint32_t n_devices;
    sterna_device_info devices[STERNA_REGISTRY_DEVICES]; /* LIST; else [0]: of the open device */
    sterna_probe probe;                                  /* EXACT */
    uint32_t n_rows;
    sterna_self_row rows[STERNA_SELF_COUNT]; /* TEST, as far as it came */
} sterna_probe_answer;

typedef struct sterna_probe_child sterna_probe_child;

/* Starts one; several may run at a time. `seconds` 0: the usual limit of the task. FILE when there is no program that
 * could be the child. */
sterna_status sterna_probe_start(sterna_probe_task task, const char *what, double seconds,
                                 sterna_probe_child **child, sterna_fault *fault);
/* Waits for its answer and frees it. Never fails: *answer says what happened. */
void sterna_probe_finish(sterna_probe_child *child, sterna_probe_answer *answer);
/* Both, at once. */
void sterna_probe_ask(sterna_probe_task task, const char *what, double seconds, sterna_probe_answer *answer);

/* To be called first of all by main() of a program that can be the child. True when it was started as one: it has
 * answered, and *code is to be returned. Otherwise the program is remembered as able to serve. */
bool sterna_probe_serve(int argc, char **argv, int *code);

#endif
