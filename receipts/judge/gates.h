/* The eight gates. Owns: which claims of a receipt contradict each other or the world.
 * Leaves to others: signature (gate 0), model and program files, replay (verify.h). */
#ifndef STERNA_GATES_H
#define STERNA_GATES_H

#include "format/receipt.h"

enum { STERNA_GATES = 8 };

/* How far a decode step may outrun the bandwidth measured beside it: the measurement reads low when other
 * processes are busy, and the run does not. */
#define STERNA_BANDWIDTH_SLACK 1.5

typedef struct sterna_gate_policy {
    bool strict;            /* mock, fallback, unverified device or unknown code: POLICY */
    bool allow_corrections; /* gate 6 lets corrections pass */
} sterna_gate_policy;

typedef struct sterna_finding {
    uint32_t gate; /* number of gates.def; 0 for the signature and what is checked against files */
    const char *name;
    sterna_receipt_defect defect;
} sterna_finding;

/* "path" of gate 2, and so on from 1 to 8; "signature" of all others. */
const char *sterna_gate_name(uint32_t gate);

/* Asks all gates in order. INVALID, or POLICY in strict mode, with the first *finding; *passed counts the
 * gates before it. */
sterna_status sterna_gates_ask(const sterna_receipt *receipt, const sterna_gate_policy *policy,
                               sterna_finding *finding, uint32_t *passed);

/* Fills a finding in; returns false, for `return sterna_finding_set(...)`. */
bool sterna_finding_set(sterna_finding *finding, const char *field, const char *expected, const char *format,
                        ...) STERNA_PRINTF(4, 5);

#endif
