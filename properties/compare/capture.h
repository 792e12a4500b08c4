/* The call that a node of a session's plan makes, with the inputs it had.
 * Owns: collecting them from the device and the model's file. Leaves to others: what to leave out (gen/cut.h), where
 * a difference stands (lockstep.h). */
#ifndef STERNA_CAPTURE_H
#define STERNA_CAPTURE_H

#include "gen/cut.h"
#include "session/session.h"

/* What a captured call may hold, in bytes, unless said otherwise: more is cut around the row and output that matter. */
enum { STERNA_CAPTURE_BYTES = 48 << 20 };

/* What a node will overwrite (INOUT arguments but caches), read before it runs. */
typedef struct sterna_before {
    uint8_t *data[STERNA_MAX_ARGS];
} sterna_before;

sterna_status sterna_capture_before(sterna_session *session, const sterna_step *step, uint32_t node,
                                    sterna_before *before, sterna_fault *fault);
void sterna_before_free(sterna_before *before);

typedef struct sterna_capture {
    sterna_call call;
    sterna_cut cut;     /* which part of the node's call it is */
    uint32_t most_rows; /* that the plan was made for; 0: the number of rows is no slot */
    uint32_t label;
} sterna_capture;

/* Collects the call after the node has run (inputs are as they were) or before. `row` and `output` (of a row, in
 * elements) stay in it whatever is cut; `compact` leaves out what no row refers to even where there is room.
 * `limit` 0: STERNA_CAPTURE_BYTES. MEMORY when it cannot be held. */
sterna_status sterna_capture_take(sterna_session *session, const sterna_step *step, uint32_t node,
                                  const sterna_before *before, uint32_t row, uint64_t output, bool compact,
                                  uint64_t limit, sterna_capture *capture, sterna_fault *fault);
void sterna_capture_free(sterna_capture *capture);

/* The node's scalars in this step, as sterna_call.scalars. */
void sterna_capture_scalars(const sterna_session *session, const sterna_step *step, uint32_t node,
                            uint32_t scalars[STERNA_MAX_ARGS]);

#endif
