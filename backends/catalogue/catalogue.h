/* The catalogue of operations as data: names, arguments, extents, domains.
 * Owns: the expansion of ops.def, args.def and domain.def. Rows name symbols of upper rooms; those expand
 * there. */
#ifndef STERNA_CATALOGUE_H
#define STERNA_CATALOGUE_H

#include "catalogue/args.h"
#include <stdbool.h>

typedef enum sterna_op {
#define OP(name, items, oracle, laws, sentence) STERNA_OP_##name,
#include "catalogue/ops.def"
#undef OP
    STERNA_OP_COUNT
} sterna_op;

typedef enum sterna_param_kind {
    STERNA_PARAM_IN,
    STERNA_PARAM_OUT,
    STERNA_PARAM_INOUT,
    STERNA_PARAM_WEIGHT,
    STERNA_PARAM_U32,
    STERNA_PARAM_F32
} sterna_param_kind;

typedef enum sterna_weight_class {
    STERNA_CLASS_ANY,     /* embedding: every computed format, act F32 */
    STERNA_CLASS_FLOAT,   /* F32, F16, BF16, act F32 */
    STERNA_CLASS_TERNARY, /* act TOKEN */
    STERNA_CLASS_BLOCK    /* act BLOCK32 or BLOCK256 */
} sterna_weight_class;

/* One argument of an operation, in ABI order. */
typedef struct sterna_param {
    sterna_param_kind kind;
    const char *name;
    const char *type;          /* "f32", "u32", "i8", "byte"; "" for weights and scalars */
    const char *extent;        /* as written in args.def; for a weight "rows x cols" */
    const char *range;         /* of a U32, as a sentence */
    uint32_t element;          /* bytes of one element of a buffer */
    uint32_t low, high;        /* range of a U32 */
    sterna_weight_class klass; /* of a weight */
} sterna_param;

typedef struct sterna_op_info {
    const char *name, *sentence, *items;
    const sterna_param *params;
    uint32_t n_params;
} sterna_op_info;

const sterna_op_info *sterna_op_get(sterna_op op);
/* False when no row has that name. */
bool sterna_op_find(const char *name, sterna_op *op);
/* Index of a parameter by name; -1 when there is none. */
int sterna_op_param(sterna_op op, const char *name);

/* The functions below take `scalars`: one word per argument, used at the places of U32 arguments. They never
 * wrap: UINT64_MAX means too large. Ask for the domain first: extents and items assume that it holds. */

/* Bytes each buffer argument must hold; 0 at the places of other arguments. For a weight: out[i] = rows << 32
 * | cols. */
void sterna_op_extents(sterna_op op, const uint32_t *scalars, uint64_t *out);
/* Number of independent work items. */
uint64_t sterna_op_items(sterna_op op, const uint32_t *scalars);
/* NULL when the scalars are in range and in the domain, else the sentence that does not hold. */
const char *sterna_op_domain(sterna_op op, const uint32_t *scalars);

/* One argument after its handle has been resolved. */
typedef union sterna_value {
    void *buffer;
    const sterna_weight_view *weight;
    uint32_t u32; /* a U32, or the bits of an F32 */
} sterna_value;

/* Fills args->NAME from n_params values. */
void sterna_args_bind(sterna_op op, const sterna_value *values, sterna_args *args);

/* Checks a tensor and makes the view of it that kernels get (packed = NULL): known computed format, sizes
 * that fit, act that suits the format, finite scales; finds out whether a ternary tensor's scales are all
 * equal. UNSUPPORTED or FILE, naming the tensor. The data are read once. */
sterna_status sterna_weight_view_make(const sterna_tensor *tensor, sterna_weight_view *view,
                                      sterna_fault *fault);
/* True when a weight of this format and act can stand where the operation's WEIGHT argument is. Without a
 * weight argument: true. */
bool sterna_op_takes(sterna_op op, uint32_t format, sterna_act act);

/* Checks one node against its row: number and kinds of arguments, scalars in range and domain (slots at
 * slot_max), weights of the right class and size, buffers that hold their extents at aligned offsets, outputs
 * that overlap nothing. The two callbacks tell about the backend's handles. USAGE with node number, operation
 * and argument. */
typedef struct sterna_handles {
    uint64_t (*buffer_bytes)(const sterna_buffer *buffer);
    const sterna_weight_view *(*weight_view)(const sterna_weight *weight);
    uint32_t alignment;
} sterna_handles;
sterna_status sterna_node_check(const sterna_node *node, uint32_t index, const sterna_plan_params *plan,
                                const sterna_handles *handles, sterna_op *op, sterna_fault *fault);
/* The node's scalars with slots replaced: words in argument order, zero at other places. */
void sterna_node_scalars(const sterna_node *node, const uint32_t *slots, uint32_t scalars[STERNA_MAX_ARGS]);

#endif
