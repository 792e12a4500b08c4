/* Programs: several calls on one device, submitted, waited for, read and made anew in any order.
 * Owns: the interpreter. Leaves to others: drawing the calls (laws/). */
#ifndef STERNA_RUN_PROGRAM_H
#define STERNA_RUN_PROGRAM_H

#include "gen/choice.h"
#include "harness/subject.h"

enum { STERNA_PROGRAM_CALLS = 4, STERNA_PROGRAM_STEPS = 40 };

/* Draws steps until the stream says stop, and judges every result read against `alone`, what each call gives by itself. */
void sterna_program_run(sterna_subject *s, sterna_choices *c, const sterna_call *calls,
                        const sterna_outcome *alone, uint32_t n, sterna_verdict *v);

#endif
