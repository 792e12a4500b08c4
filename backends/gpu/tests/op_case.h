/* One operation with drawn inputs, run by the reference and through the backend ABI, compared bit by bit.
 * Owns: inputs that make sense for each operation. Leaves to others: which shapes (op_shapes.h) and devices (the
 * drivers' tests). */
#ifndef STERNA_GPU_OP_CASE_H
#define STERNA_GPU_OP_CASE_H

#include "catalogue/catalogue.h"
#include "runner.h"

typedef struct op_case {
    sterna_op op;
    uint32_t scalars[STERNA_MAX_ARGS]; /* by place, as sterna_op_extents takes them */
    uint32_t format;                   /* of the weight */
    sterna_act act;
    bool varying; /* ternary weights: block scales differ */
    bool wild;    /* NaN, infinities, subnormals, indices out of range among the inputs */
    bool hostile; /* with wild: every fourth value is one */
    bool tiny;    /* magnitudes around 2^-118, where quantisers give up */
    uint64_t seed;
} op_case;

/* A case with scalars by name: {"rows", 3}, ..., ended by a NULL name. */
typedef struct op_scalar {
    const char *name;
    uint32_t value;
} op_scalar;
op_case op_case_make(const char *op, const op_scalar *scalars);

/* Host memory for devices: sterna_alloc, logging to nowhere. */
const sterna_host *op_case_host(void);
/* Opens a device; NULL (and the case has failed) when that does not work. */
sterna_device *op_case_open(sterna_test *t, const sterna_backend_api *api, const char *variant);
/* True when the device's outputs and flags equal the reference's. */
bool op_case_equal(sterna_test *t, const sterna_backend_api *api, sterna_device *device, const op_case *c);

#endif
