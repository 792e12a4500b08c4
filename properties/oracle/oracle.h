/* Oracles: what each operation should give, naively, in binary64 or exact integers, with a derived bound per
 * element. Owns: the truth. Shares nothing with the engine but argument structs and format ids: the decoders
 * here are second ones, written from the formats' descriptions. Short and slow on purpose. */
#ifndef STERNA_ORACLE_H
#define STERNA_ORACLE_H

#include "gen/call.h"

/* One output argument: element i should be value[i], up to radius[i]. Radius 0: exactly, its zero's sign
 * included. */
typedef struct sterna_truth_output {
    double *value, *radius;
    uint64_t count;
    bool half; /* elements are binary16 (a cache) */
} sterna_truth_output;

typedef struct sterna_truth {
    sterna_truth_output out[STERNA_MAX_ARGS]; /* at the places of OUT and INOUT arguments */
    uint32_t flags, flags_known;              /* expected STERNA_FLAG_*; bits not in flags_known are open */
    bool any_order; /* in: bounds for the fast profile, whose sums may be reordered */
} sterna_truth;

/* Allocates the arrays, runs the operation's oracle. False when memory is refused. */
bool sterna_oracle_run(const sterna_call *call, bool any_order, sterna_truth *truth);
void sterna_truth_free(sterna_truth *truth);

/* The oracle of each row of ops.def; `args` points at the inputs (weights through the tensor). */
#define OP(name, items, oracle, laws, sentence)                                                              \
    bool sterna_oracle_##oracle(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth);
#include "catalogue/ops.def"
#undef OP

/* Decoders. value[i] of a row as exact binary64; false for a format that the oracle does not know. */
bool sterna_oracle_row(const sterna_tensor *w, uint64_t row, double *value);
/* One block of a quantised format: value[i] = d * scale[i] * q[i] - dmin * min[i], in integers. */
typedef struct sterna_oracle_block {
    uint32_t values;
    double d, dmin;
    int q[256], scale[256], min[256];
} sterna_oracle_block;
bool sterna_oracle_block_at(const sterna_tensor *w, uint64_t row, uint32_t block, sterna_oracle_block *out);
/* Values of a block of the format, 1 for float formats, 0 when unknown. */
uint32_t sterna_oracle_block_values(uint32_t format);
/* binary16 as binary64 and the correctly rounded way back (infinity beyond the largest). */
double sterna_oracle_half(uint16_t bits);
double sterna_oracle_to_half(double value);

#endif
