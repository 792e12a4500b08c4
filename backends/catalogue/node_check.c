/* Checking a plan's nodes against the catalogue, for every backend alike. */
#include "base/size.h"
#include "catalogue/catalogue.h"
#include <inttypes.h>

void sterna_node_scalars(const sterna_node *node, const uint32_t *slots, uint32_t scalars[STERNA_MAX_ARGS])
{
    for (uint32_t i = 0; i < node->n_args; i++) {
        const sterna_arg *arg = &node->args[i];
        scalars[i] = arg->kind == STERNA_ARG_SLOT                                 ? slots[arg->u32]
                     : arg->kind == STERNA_ARG_U32 || arg->kind == STERNA_ARG_F32 ? arg->u32
                                                                                  : 0;
    }
}

static bool kind_fits(sterna_param_kind kind, uint32_t given)
{
    switch (kind) {
    case STERNA_PARAM_IN:
    case STERNA_PARAM_OUT:
    case STERNA_PARAM_INOUT:
        return given == STERNA_ARG_BUFFER;
    case STERNA_PARAM_WEIGHT:
        return given == STERNA_ARG_WEIGHT;
    case STERNA_PARAM_U32:
        return given == STERNA_ARG_U32 || given == STERNA_ARG_SLOT;
    case STERNA_PARAM_F32:
        return given == STERNA_ARG_F32;
    }
    return false;
}

static bool is_output(sterna_param_kind kind)
{
    return kind == STERNA_PARAM_OUT || kind == STERNA_PARAM_INOUT;
}
static bool is_buffer(sterna_param_kind kind)
{
    return kind <= STERNA_PARAM_INOUT;
}

#define WHERE "node %u, %s, argument %s: "

static sterna_status check_kinds(const sterna_node *node, uint32_t index, const sterna_plan_params *plan,
                                 const sterna_op_info *info, sterna_fault *fault)
{
    if (node->n_args != info->n_params || !node->args)
        return sterna_fail(fault, STERNA_USAGE, "node %u, %s: %u arguments given, %u wanted", index,
                           info->name, node->n_args, info->n_params);
    for (uint32_t i = 0; i < node->n_args; i++) {
        const sterna_arg *arg = &node->args[i];
        const char *name = info->params[i].name;
        if (!kind_fits(info->params[i].kind, arg->kind))
            return sterna_fail(fault, STERNA_USAGE, WHERE "has the wrong kind %u", index, info->name, name,
                               arg->kind);
        if (arg->kind == STERNA_ARG_SLOT && arg->u32 >= plan->n_slots)
            return sterna_fail(fault, STERNA_USAGE, WHERE "slot %u of %u", index, info->name, name, arg->u32,
                               plan->n_slots);
        if ((arg->kind == STERNA_ARG_BUFFER && !arg->buffer) ||
            (arg->kind == STERNA_ARG_WEIGHT && !arg->weight))
            return sterna_fail(fault, STERNA_USAGE, WHERE "no handle given", index, info->name, name);
    }
    return STERNA_OK;
}

/* Blocks of activations are those of the weight: another size would read past its rows. It is fixed with the
 * plan, since the weight is. */
static sterna_status check_block(const sterna_node *node, uint32_t index, sterna_op op,
                                 const sterna_weight_view *view, sterna_fault *fault)
{
    const char *name = sterna_op_get(op)->name;
    int block = sterna_op_param(op, "block");
    if (block < 0) return STERNA_OK;
    if (node->args[block].kind != STERNA_ARG_U32)
        return sterna_fail(fault, STERNA_USAGE, WHERE "has to be a number, not a slot", index, name, "block");
    if (node->args[block].u32 != view->format->values)
        return sterna_fail(fault, STERNA_USAGE, WHERE "is %u, but blocks of %s hold %u values", index, name,
                           "block", node->args[block].u32, view->format->name, view->format->values);
    return STERNA_OK;
}

static sterna_status check_sizes(const sterna_node *node, uint32_t index, sterna_op op,
                                 const uint64_t *extents, const sterna_handles *handles, sterna_fault *fault)
{
    const sterna_op_info *info = sterna_op_get(op);
    for (uint32_t i = 0; i < node->n_args; i++) {
        const sterna_param *param = &info->params[i];
        const sterna_arg *arg = &node->args[i];
        if (param->kind == STERNA_PARAM_WEIGHT) {
            const sterna_weight_view *view = handles->weight_view(arg->weight);
            if (((uint64_t)view->rows << 32 | view->cols) != extents[i])
                return sterna_fail(fault, STERNA_USAGE, WHERE "the weight is %u x %u, wanted %u x %u", index,
                                   info->name, param->name, view->rows, view->cols,
                                   (uint32_t)(extents[i] >> 32), (uint32_t)extents[i]);
            if (!sterna_op_takes(op, view->format->id, view->act))
                return sterna_fail(fault, STERNA_UNSUPPORTED,
                                   WHERE "does not take format %s with activation kind %d", index, info->name,
                                   param->name, view->format->name, (int)view->act);
            sterna_status status = check_block(node, index, op, view, fault);
            if (status != STERNA_OK) return status;
        } else if (is_buffer(param->kind)) {
            uint64_t size = handles->buffer_bytes(arg->buffer), end;
            if (arg->offset % handles->alignment)
                return sterna_fail(fault, STERNA_USAGE, WHERE "offset %" PRIu64 " is not a multiple of %u",
                                   index, info->name, param->name, arg->offset, handles->alignment);
            if (!sterna_add_u64(arg->offset, extents[i], &end) || end > size)
                return sterna_fail(fault, STERNA_USAGE,
                                   WHERE "needs %" PRIu64 " bytes at %" PRIu64 ", the buffer has %" PRIu64,
                                   index, info->name, param->name, extents[i], arg->offset, size);
        }
    }
    return STERNA_OK;
}

static sterna_status check_overlap(const sterna_node *node, uint32_t index, const sterna_op_info *info,
                                   const uint64_t *extents, sterna_fault *fault)
{
    for (uint32_t i = 0; i < node->n_args; i++)
        for (uint32_t j = 0; j < node->n_args; j++) {
            const sterna_arg *a = &node->args[i], *b = &node->args[j];
            if (i == j || !is_output(info->params[i].kind) || !is_buffer(info->params[j].kind)) continue;
            if (a->buffer == b->buffer && a->offset < b->offset + extents[j] &&
                b->offset < a->offset + extents[i])
                return sterna_fail(fault, STERNA_USAGE, "node %u, %s: output %s overlaps argument %s", index,
                                   info->name, info->params[i].name, info->params[j].name);
        }
    return STERNA_OK;
}

sterna_status sterna_node_check(const sterna_node *node, uint32_t index, const sterna_plan_params *plan,
                                const sterna_handles *handles, sterna_op *op, sterna_fault *fault)
{
    uint32_t scalars[STERNA_MAX_ARGS];
    uint64_t extents[STERNA_MAX_ARGS];
    if (!node->op || !sterna_op_find(node->op, op))
        return sterna_fail(fault, STERNA_UNSUPPORTED, "node %u: unknown operation '%s'", index,
                           node->op ? node->op : "");
    const sterna_op_info *info = sterna_op_get(*op);
    sterna_status status = check_kinds(node, index, plan, info, fault);
    if (status != STERNA_OK) return status;
    sterna_node_scalars(node, plan->slot_max, scalars);
    const char *broken = sterna_op_domain(*op, scalars);
    if (broken)
        return sterna_fail(fault, STERNA_USAGE, "node %u, %s: does not hold: %s", index, info->name, broken);
    sterna_op_extents(*op, scalars, extents);
    status = check_sizes(node, index, *op, extents, handles, fault);
    if (status != STERNA_OK) return status;
    return check_overlap(node, index, info, extents, fault);
}
