/* Repro files: a failing case as text, to be run again on any machine.
 * Owns: the format. A file is lines of "key value": sterna-repro 1, device, profile, op, format, act, law,
 * verdict, text, choices (hex, as sterna_choice_bytes writes them); then "case" and the decoded case, for
 * people. Readers ignore what follows "case". A case also has a one-line form: DEVICE@OP/FORMAT/ACT/LAW/HEX.
 * A call met in a model's run has its data in place of choices (recorded.h). */
#ifndef STERNA_REPRO_H
#define STERNA_REPRO_H

#include "harness/bench.h"
#include "harness/recorded.h"
#include "registry.h"

enum { STERNA_REPRO_LINE = 10000, STERNA_REPRO_DEVICE = STERNA_OPENED_BYTES, STERNA_REPRO_FILE = 160 << 20 };

typedef struct sterna_repro {
    char device[STERNA_REPRO_DEVICE];
    sterna_profile profile;
    sterna_job job;
    sterna_verdict_code verdict; /* what it came to; PASS in the one-line form, which does not say */
    uint8_t bytes[4 * STERNA_CHOICE_LIMIT];
    size_t n_bytes;
    sterna_recorded recorded; /* in place of bytes when its call has data */
} sterna_repro;

/* The one-line form; "" when it would not fit. */
void sterna_repro_line(const sterna_subject_spec *spec, const sterna_failure *failure,
                       char line[STERNA_REPRO_LINE]);
/* Writes FOLDER/OP-FORMAT-LAW-VERDICT.repro, making the folder; path receives its name. */
sterna_status sterna_repro_write(const char *folder, const sterna_subject_spec *spec,
                                 const sterna_failure *failure, char *path, size_t path_size,
                                 sterna_fault *fault);
/* The same for a call with its data. `origin` says where it was met. */
sterna_status sterna_repro_record(const char *path, const sterna_subject_spec *spec,
                                  const sterna_recorded *recorded, const sterna_verdict *verdict,
                                  const char *origin, sterna_fault *fault);
/* Reads a file, or the one-line form itself (it holds an '@' and names no file). FILE when it is neither.
 * What it holds is given back with sterna_repro_free(); after a failure there is nothing. */
sterna_status sterna_repro_read(const char *path_or_line, sterna_repro *repro, sterna_fault *fault);
void sterna_repro_free(sterna_repro *repro);
/* Runs it again in a process of its own; device NULL: the one in the repro. */
sterna_verdict sterna_repro_run(const sterna_repro *repro, const char *device, double seconds, char *story,
                                size_t story_size);

#endif
