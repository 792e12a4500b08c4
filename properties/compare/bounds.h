/* Outputs of a node against the oracle, with the bounds of the fast profile (judge/bound.h): sums in any order.
 * Owns: which values of a device belong to which of the oracle's. Leaves to others: the oracle (oracle/), the loop. */
#ifndef STERNA_BOUNDS_H
#define STERNA_BOUNDS_H

#include "compare/lockstep.h"
#include "oracle/oracle.h"

/* The oracle's say about one node of a step. */
typedef struct sterna_bounds {
    sterna_capture capture;
    sterna_truth truth;
} sterna_bounds;

/* Before the node runs. A weight that is too large to look at whole is looked at around another output in each call:
 * `spread` chooses it. */
sterna_status sterna_bounds_begin(sterna_session *reference, const sterna_step *step, uint32_t node,
                                  uint64_t spread, sterna_bounds *bounds, sterna_fault *fault);
/* Compares output `arg` of a device, as read from it; rows of `row_bytes`, of which row r of the submission stands at
 * slots[r] (NULL: r). Fills different, compared, row, index, got, want and ratio; True when a value leaves its bound. */
bool sterna_bounds_judge(const sterna_bounds *bounds, uint32_t arg, const uint8_t *got, uint64_t row_bytes,
                         const uint32_t *slots, sterna_divergence *x);
void sterna_bounds_end(sterna_bounds *bounds);

#endif
