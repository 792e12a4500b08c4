/* Plans: nodes checked against the catalogue and the device's limits, kernels chosen, everything copied. */
#include "gpu/gpu_private.h"
#include <inttypes.h>

static uint64_t buffer_bytes(const sterna_buffer *buffer)
{
    return buffer->bytes;
}

static const sterna_weight_view *weight_view(const sterna_weight *weight)
{
    return &weight->view;
}

static const sterna_weight *weight_of(const sterna_node *node)
{
    for (uint32_t i = 0; i < node->n_args; i++)
        if (node->args[i].kind == STERNA_ARG_WEIGHT) return node->args[i].weight;
    return NULL;
}

/* The catalogue's rules, a kernel, and bindings the device can make. */
static sterna_status check_node(sterna_device *device, const sterna_plan_params *params, uint32_t index,
                                sterna_fault *fault)
{
    const sterna_node *node = &params->nodes[index];
    const sterna_handles handles = {buffer_bytes, weight_view, device->limits.alignment};
    uint32_t scalars[STERNA_MAX_ARGS], rows[STERNA_GPU_KERNELS];
    uint64_t extents[STERNA_MAX_ARGS];
    sterna_op op;
    sterna_status status = sterna_node_check(node, index, params, &handles, &op, fault);
    if (status != STERNA_OK) return status;
    const sterna_weight *weight = weight_of(node);
    if (sterna_gpu_kernels_for(op, weight ? &weight->view : NULL, &device->limits, rows) == 0)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "node %u, %s: %s has no kernel for it%s%s", index,
                           node->op, device->driver->prefix, weight ? " with format " : "",
                           weight ? weight->view.format->name : "");
    sterna_node_scalars(node, params->slot_max, scalars);
    sterna_op_extents(op, scalars, extents);
    for (uint32_t i = 0; i < node->n_args; i++)
        if (node->args[i].kind == STERNA_ARG_BUFFER && extents[i] > device->max_binding)
            return sterna_fail(
                fault, STERNA_UNSUPPORTED,
                "node %u, %s, argument %s: needs %" PRIu64
                " bytes in one binding, this device allows %" PRIu64 "; use a smaller batch or context",
                index, node->op, sterna_op_get(op)->params[i].name, extents[i], device->max_binding);
    return STERNA_OK;
}

typedef struct plan_sizes {
    uint64_t args, parts;
} plan_sizes;

static void release(sterna_device *device, sterna_plan *plan)
{
    sterna_gpu_give(device, &plan->status);
    sterna_gpu_host_free(device, plan->nodes);
    sterna_gpu_host_free(device, plan->args);
    sterna_gpu_host_free(device, plan->places);
    sterna_gpu_host_free(device, plan->parts);
    sterna_gpu_host_free(device, plan->kernels);
    sterna_gpu_host_free(device, plan);
}

static sterna_status reserve(sterna_device *device, sterna_plan *plan, const plan_sizes *sizes,
                             sterna_fault *fault)
{
    plan->nodes = sterna_gpu_host_alloc(device, plan->n_nodes, sizeof *plan->nodes);
    plan->args = sterna_gpu_host_alloc(device, sizes->args, sizeof *plan->args);
    plan->places = sterna_gpu_host_alloc(device, sizes->args, sizeof *plan->places);
    plan->parts = sterna_gpu_host_alloc(device, sizes->parts, sizeof *plan->parts);
    plan->kernels =
        sterna_gpu_host_alloc(device, (uint64_t)plan->n_nodes * STERNA_GPU_KERNELS, sizeof *plan->kernels);
    if (!plan->nodes || !plan->args || !plan->places || !plan->parts || !plan->kernels)
        return sterna_fail(fault, STERNA_MEMORY, "plan of %u nodes: out of host memory", plan->n_nodes);
    if (!sterna_align_u64((uint64_t)plan->n_nodes * 4, device->limits.alignment, &plan->status_stride) ||
        plan->status_stride > device->max_binding)
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "plan of %u nodes: its status words exceed the %" PRIu64
                           " bytes this device can bind",
                           plan->n_nodes, device->max_binding);
    return sterna_gpu_take(device, STATUS_RING * plan->status_stride, GPU_READ_BACK, "status words",
                           &plan->status, fault);
}

static void copy_node(sterna_device *device, sterna_plan *plan, const sterna_node *from, gpu_node *to,
                      plan_sizes *used)
{
    const sterna_weight *weight = weight_of(from);
    sterna_arg *args = plan->args + used->args;
    gpu_place *places = plan->places + used->args;
    sterna_op_find(from->op, &to->op);
    memcpy(args, from->args, from->n_args * sizeof *args);
    to->node = (sterna_node){sterna_op_get(to->op)->name, args, from->n_args, from->label};
    to->places = places;
    for (uint32_t i = 0; i < from->n_args; i++) {
        if (args[i].kind == STERNA_ARG_BUFFER) places[i] = args[i].buffer->place;
        to->uses_slots |= args[i].kind == STERNA_ARG_SLOT;
    }
    used->args += from->n_args;
    if (weight) {
        memcpy(plan->parts + used->parts, weight->parts, weight->n_parts * sizeof *weight->parts);
        to->parts = plan->parts + used->parts;
        to->n_parts = weight->n_parts;
        to->stride = weight->stride;
        memcpy(&to->scale, &weight->view.scale, sizeof to->scale);
        used->parts += weight->n_parts;
    }
    uint32_t *kernels = plan->kernels + (uint64_t)(to - plan->nodes) * STERNA_GPU_KERNELS;
    to->kernels = kernels;
    to->n_kernels = sterna_gpu_kernels_for(to->op, weight ? &weight->view : NULL, &device->limits, kernels);
}

sterna_status sterna_gpu_load_kernel(sterna_device *device, uint32_t row, sterna_fault *fault)
{
    if (device->kernels[row].kernel) return STERNA_OK;
    sterna_status status =
        device->driver->kernel(device->gpu, sterna_gpu_kernel_row_at(row)->id, &device->kernels[row].kernel,
                               device->kernels[row].hash, fault);
    if (status != STERNA_OK || device->kernels[row].kernel) return status;
    return sterna_fail(fault, STERNA_DEVICE,
                       "%s%s: the driver says that it loaded this kernel, and gives none",
                       device->driver->prefix, sterna_gpu_kernel_row_at(row)->id);
}

/* A kernel is looked up when the first plan may launch it, so that a missing one is an error of plan_create. */
static sterna_status look_up(sterna_device *device, const gpu_node *node, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    for (uint32_t k = 0; k < node->n_kernels && status == STERNA_OK; k++) {
        const uint32_t needs = sterna_gpu_kernel_row_at(node->kernels[k])->needs;
        sterna_fault why = {0};
        status = sterna_gpu_load_kernel(device, node->kernels[k], &why);
        if (status == STERNA_UNSUPPORTED && needs) /* this row alone: the features have been tried */
            return sterna_fail(fault, status, "%.440s; the key features=%u does without it", why.text,
                               device->limits.features & ~needs);
        if (status != STERNA_OK) return sterna_fail(fault, status, "%s", why.text);
    }
    return status;
}

sterna_status sterna_gpu_plan_create(sterna_device *device, const sterna_plan_params *params,
                                     sterna_plan **out, sterna_fault *fault)
{
    if (!params->nodes || params->n_nodes == 0)
        return sterna_fail(fault, STERNA_USAGE, "a plan needs at least one node");
    if (params->n_slots > STERNA_MAX_SLOTS || (params->n_slots && !params->slot_max))
        return sterna_fail(fault, STERNA_USAGE,
                           "a plan has at most %u slots, each with its largest value; %u given",
                           STERNA_MAX_SLOTS, params->n_slots);
    plan_sizes sizes = {0, 0}, used = {0, 0};
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < params->n_nodes; i++) {
        status = check_node(device, params, i, fault);
        if (status != STERNA_OK) return status;
        const sterna_weight *weight = weight_of(&params->nodes[i]);
        sizes.args += params->nodes[i].n_args;
        sizes.parts += weight ? weight->n_parts : 0;
    }
    sterna_plan *plan = sterna_gpu_host_alloc(device, 1, sizeof *plan);
    if (!plan) return sterna_fail(fault, STERNA_MEMORY, "plan: out of host memory");
    plan->n_nodes = params->n_nodes;
    plan->n_slots = params->n_slots;
    if (params->n_slots) memcpy(plan->slot_max, params->slot_max, params->n_slots * sizeof *plan->slot_max);
    status = reserve(device, plan, &sizes, fault);
    for (uint32_t i = 0; i < params->n_nodes && status == STERNA_OK; i++) {
        copy_node(device, plan, &params->nodes[i], &plan->nodes[i], &used);
        status = look_up(device, &plan->nodes[i], fault);
    }
    if (status != STERNA_OK) {
        release(device, plan);
        return status;
    }
    sterna_gpu_link_in(&device->plans, &plan->link);
    *out = plan;
    return STERNA_OK;
}

void sterna_gpu_plan_destroy(sterna_device *device, sterna_plan *plan)
{
    if (!plan) return;
    for (uint32_t r = 0; r < STATUS_RING; r++)
        if (plan->ring[r]) sterna_gpu_abandon(device, plan->ring[r]);
    sterna_gpu_link_out(&plan->link);
    release(device, plan);
}
