/* Running two programs in turn. Owns: child processes, their order, their environment. */
#ifndef STERNA_GATE_RUN_H
#define STERNA_GATE_RUN_H

#include "gate/gate.h"

enum { STERNA_GATE_ARGUMENTS = 40 };

/* Runs a program to its end and takes what it prints on standard output; *code is its exit code, 128 + n when signal n
 * ended it. `padding` bytes of environment move its stack (Mytkowicz et al., "Producing wrong data without doing
 * anything obviously wrong", 2009). Free *text. */
sterna_status sterna_gate_spawn(const char *program, const char *const *arguments, uint32_t padding,
                                char **text, size_t *bytes, int *code, sterna_fault *fault);

typedef struct sterna_gate_run {
    const char *program[2];       /* base, head */
    const char *const *arguments; /* of `bench --json`, NULL at the end */
    uint64_t seed;                /* of the paddings */
    /* Filled in from the last process of each side. */
    sterna_results results[2];
} sterna_gate_run;
/* `rounds` rounds of four processes, ABBA and BAAB in turn. NOTHING when base cannot be measured, FAILED when head cannot. */
sterna_status sterna_gate_rounds(sterna_gate_run *run, uint32_t rounds, sterna_gate_list *list,
                                 sterna_fault *fault);

#endif
