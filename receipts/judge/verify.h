/* Judging a receipt: signature, gates, the files it speaks of, replay. Owns: the order of the questions and
 * what counts as proof. Leaves to others: the command line (verify_main.c).
 *
 * A receipt that passes its gates is consistent, which anybody can write. It is proven by a signature of a
 * key that the verifier was given, or by replay. With neither the verdict is NOTHING. */
#ifndef STERNA_VERIFY_H
#define STERNA_VERIFY_H

#include "format/keys.h"
#include "judge/gates.h"
#include "judge/replay.h"
#include <stdbool.h>

typedef struct sterna_verify_params {
    const sterna_public_key *key; /* NULL: the signature is not checked */
    const char *model;            /* file to compare with model.merkle; NULL: not compared */
    const char *program;          /* file to compare with build.program_sha256; NULL: not compared */
    bool replay;                  /* needs model */
    const char *device;           /* that replays; NULL: cpu */
    uint32_t threads;
    sterna_gate_policy policy;
} sterna_verify_params;

typedef struct sterna_verify_report {
    sterna_status status;
    sterna_fault fault;     /* one sentence when status is not OK */
    sterna_finding finding; /* of INVALID and POLICY */
    uint32_t gates_passed;
    bool is_signed;                                       /* has a signature, checked or not */
    bool key_holds, model_holds, program_holds, replayed; /* what was proven */
    sterna_replay_result replay;
    sterna_receipt receipt; /* as far as it was read; the report owns it */
} sterna_verify_report;

/* Judges the file's text. OK: valid. INVALID, POLICY: *finding names gate, field, expected and found. FILE:
 * no receipt. NOTHING: consistent, but nothing proves it. Other statuses: it could not be judged. */
sterna_status sterna_verify_text(const char *text, size_t bytes, const sterna_verify_params *params,
                                 sterna_verify_report *report);
/* The same for a file. */
sterna_status sterna_verify_file(const char *path, const sterna_verify_params *params,
                                 sterna_verify_report *report);
void sterna_verify_free(sterna_verify_report *report);

#endif
