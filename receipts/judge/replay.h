/* Computing a generation again. Owns: one teacher-forced pass over prompt and tokens that gives every step's
 * logits, the digests of those, and the tokens the sampler draws from them. Leaves to others: what a
 * difference means. */
#ifndef STERNA_REPLAY_H
#define STERNA_REPLAY_H

#include "judge/gates.h"
#include "registry.h"
#include "sterna.h"

typedef struct sterna_replay_result {
    uint32_t steps; /* whose digest and token were found equal */
    double seconds;
    char device[STERNA_OPENED_BYTES]; /* that computed it */
} sterna_replay_result;

/* Runs prompt and tokens through `model` on `device` ("cpu" when NULL) and compares every step's digest and
 * token. INVALID with *finding: the first step that differs. NOTHING: the receipt is of the fast profile or
 * of a check, which nothing can replay. Other statuses: the pass itself failed. In the exact profile the bits
 * of a batched pass are those of decoding token by token (docs/numerics.md section 7). */
sterna_status sterna_replay(sterna_model *model, const sterna_receipt *receipt, const char *device,
                            uint32_t threads, sterna_replay_result *result, sterna_finding *finding,
                            sterna_fault *fault);

#endif
