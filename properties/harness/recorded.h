/* A call that was met in a model's run, kept with its data: what `sterna compare` saves of the first divergence.
 * Owns: the type, its lines in a repro file, judging it. Leaves to others: the rest of the file (repro.h), where the call
 * comes from (compare/).
 *
 * Lines of a repro file in place of `choices`: "most-rows N" (the plan is made for so many rows; 0: rows are no slot),
 * "label N" (of the node: the layer), "scalar NAME HEX" (a word), "arg NAME HEX" (bytes as they lie in memory, for every
 * buffer that is read and for the weight)).
 * "origin TEXT" says where it was met. */
#ifndef STERNA_RECORDED_H
#define STERNA_RECORDED_H

#include "base/sys.h"
#include "laws/laws.h"

typedef struct sterna_recorded {
    sterna_call call;
    uint32_t label, most_rows;
    uint64_t room; /* while lines are read: bytes that the file can hold at most */
    uint32_t seen; /* while lines are read: bit i: argument i has its data */
} sterna_recorded;

/* How it is brought to a device: as the model's plan did. */
sterna_manner sterna_recorded_manner(const sterna_recorded *recorded);

/* Writes the lines. */
sterna_status sterna_recorded_write(const sterna_recorded *recorded, sterna_writer *writer,
                                    sterna_fault *fault);
/* Lines are taken one by one into a zeroed struct whose call has op, format and act, and whose `room` is the file's size.
 * False when a line has a value that does not fit. `value` is changed. */
bool sterna_recorded_takes(const char *key);
bool sterna_recorded_take(sterna_recorded *recorded, const char *key, char *value);
/* After the last line: true when the call is complete. */
bool sterna_recorded_whole(const sterna_recorded *recorded);
void sterna_recorded_free(sterna_recorded *recorded);

#endif
