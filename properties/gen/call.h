/* One call of an operation on host memory: scalars, inputs, and room for nothing else.
 * Owns: the type, allocation by the catalogue's extents, printing. Leaves to others: what is put in (gen.h),
 * running it (harness/) and what should come out (oracle/). */
#ifndef STERNA_CALL_H
#define STERNA_CALL_H

#include "catalogue/catalogue.h"

typedef struct sterna_call {
    sterna_op op;
    const sterna_op_info *info;
    uint32_t scalars[STERNA_MAX_ARGS]; /* U32 values and F32 bits at their places, 0 elsewhere */
    uint8_t *data[STERNA_MAX_ARGS];    /* contents before the call: IN, INOUT, weights; zeros for OUT */
    uint64_t bytes[STERNA_MAX_ARGS];   /* of data */
    uint32_t format;                   /* of the weight, F32 when the operation has none */
    sterna_act act;
} sterna_call;

/* Allocates zeroed data for scalars that are in the operation's domain. False when memory is refused (nothing
 * is kept) or the domain is left. */
bool sterna_call_make(sterna_call *call, sterna_op op, const uint32_t *scalars, uint32_t format,
                      sterna_act act);
bool sterna_call_copy(sterna_call *copy, const sterna_call *call);
void sterna_call_free(sterna_call *call);

/* By parameter name; the name must exist in the row of args.def. */
uint32_t sterna_call_u32(const sterna_call *call, const char *name);
void *sterna_call_data(const sterna_call *call, const char *name);
int sterna_call_index(const sterna_call *call, const char *name);

/* The weight as the ABI hands it over; false when the operation has none. */
bool sterna_call_tensor(const sterna_call *call, sterna_tensor *tensor);
/* Argument structs over `data` (one pointer per argument; NULL entries mean call->data). The weight pointer
 * is `view`, which may be NULL for users that look at the tensor themselves. */
void sterna_call_args(const sterna_call *call, uint8_t *const *data, const sterna_weight_view *view,
                      sterna_args *args);
/* "rmsnorm rows=3 n=17 eps=1e-05 x=f32[51] ...": scalars, and the first values of each input when `values` >
 * 0. Always terminated; returns the length written. */
size_t sterna_call_print(const sterna_call *call, uint32_t values, char *text, size_t size);

/* Bytes per row of each buffer argument whose extent grows with the argument `rows`, 0 for the others. */
void sterna_call_strides(sterna_op op, const uint32_t *scalars, uint64_t stride[STERNA_MAX_ARGS]);

static inline bool sterna_param_is_buffer(sterna_param_kind kind)
{
    return kind <= STERNA_PARAM_INOUT;
}
static inline bool sterna_param_is_output(sterna_param_kind kind)
{
    return kind == STERNA_PARAM_OUT || kind == STERNA_PARAM_INOUT;
}

#endif
