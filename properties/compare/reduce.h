/* A captured call made small: the least part of it that the device still computes wrongly.
 * Owns: the search. Leaves to others: legal cuts (gen/cut.h), the shrinker (gen/shrink.h), judging (laws/). */
#ifndef STERNA_REDUCE_H
#define STERNA_REDUCE_H

#include "compare/capture.h"
#include "harness/recorded.h"

/* Takes the capture's call and leaves the smallest failing part of it in *recorded; the row and output that
 * differed stay in. *verdict is what the reference law says of the result on the device: when the call alone does
 * not fail there, PASS, and *recorded is the whole call. UNSUPPORTED with the device's sentence when it does not
 * open again. */
void sterna_reduce(const sterna_subject_spec *device, sterna_capture *capture, uint32_t row, uint64_t element,
                   sterna_recorded *recorded, sterna_verdict *verdict);

#endif
