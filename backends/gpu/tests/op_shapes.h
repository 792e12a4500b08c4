/* The shapes that every driver's kernels are held to. Owns: which shapes, formats and kinds of input stand for an
 * operation. Leaves to others: running one case (op_case.h), devices (the drivers' tests). */
#ifndef STERNA_GPU_OP_SHAPES_H
#define STERNA_GPU_OP_SHAPES_H

#include "gpu/tests/op_case.h"

/* One group is one test case: an operation, or one kind of its weights. */
#define OP_GROUPS(X)                                                                                         \
    X(embed)                                                                                                 \
    X(embed_odd)                                                                                             \
    X(rmsnorm) X(quant_token) X(quant_block) X(matmul_float) X(matmul_ternary) X(matmul_ternary_varying)     \
        X(matmul_block256) X(matmul_block32) X(rope) X(kv_append) X(attention) X(add) X(glu) X(gather)

/* Shapes around the tiles of the kernels, in each format; tame inputs, and for operations that tell of bad values wild,
 * hostile and tiny ones, too. False, and the case has failed, when a bit differs. */
#define OP_GROUP(name)                                                                                       \
    bool op_shapes_##name(sterna_test *t, const sterna_backend_api *api, sterna_device *device);
OP_GROUPS(OP_GROUP)
#undef OP_GROUP

/* Weights that come in several parts. `large` opens a device that binds at most 10 KiB, `small` one of 4 KiB. */
bool op_shapes_split(sterna_test *t, const sterna_backend_api *api, const char *large, const char *small);
/* More work than groups in any direction: for a device with a small max_groups. */
bool op_shapes_strided(sterna_test *t, const sterna_backend_api *api, sterna_device *device);

/* The smallest shapes that reach every kernel of the table that a device with these features has, for watchers that are
 * a thousand times slower than the device; false when a kernel did not run, too. */
bool op_shapes_tiny(sterna_test *t, const sterna_backend_api *api, sterna_device *device, uint32_t features);

#endif
