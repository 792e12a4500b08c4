/* Plans and submissions of the CPU backend: arguments bound once, slots patched, nodes run in order.
 *
 * Work runs on the threads of whoever waits: submit() only puts it into a ring, and wait(), a read, a write,
 * or a destroy runs what is there. The processor that would otherwise sleep in wait() computes, no thread
 * exists that competes with the pool, and a time limit is looked at between nodes. */
#include "base/size.h"
#include "base/sys.h"
#include "cpu/cpu_device.h"
#include <inttypes.h>
#include <string.h>

static uint64_t buffer_bytes(const sterna_buffer *buffer)
{
    return buffer->bytes;
}

static const sterna_weight_view *weight_view(const sterna_weight *weight)
{
    return &weight->view;
}

/* Handles of another device would pass every other check. */
static sterna_status check_owner(const sterna_device *device, const sterna_node *node, uint32_t index,
                                 sterna_fault *fault)
{
    for (uint32_t i = 0; node->args && i < node->n_args && i < STERNA_MAX_ARGS; i++) {
        const sterna_arg *arg = &node->args[i];
        if ((arg->kind == STERNA_ARG_BUFFER && arg->buffer && arg->buffer->device != device) ||
            (arg->kind == STERNA_ARG_WEIGHT && arg->weight && arg->weight->device != device))
            return sterna_fail(fault, STERNA_USAGE, "node %u, argument %u: the handle is another device's",
                               index, i);
    }
    return STERNA_OK;
}

#if STERNA_HOSTILE
static const uint64_t WORTH_SHARING = 1;
enum { PIECES_PER_THREAD = 1000 };
#else
/* About the time it takes to hand a piece to another thread, in elementary steps. */
static const uint64_t WORTH_SHARING = 8192;
enum { PIECES_PER_THREAD = 4 };
#endif

/* Few enough pieces that handing out costs nothing, enough that an interrupted thread does not hold up the
 * rest. */
static uint64_t piece_items(uint64_t items, sterna_cpu_split split, uint32_t threads)
{
    uint64_t units = (items + split.grain - 1) / split.grain;
    uint64_t unit_work = sterna_sat_mul(split.work ? split.work : 1, split.grain);
    uint64_t units_per_piece = (units + threads * PIECES_PER_THREAD - 1) / (threads * PIECES_PER_THREAD);
    uint64_t least = WORTH_SHARING / unit_work + 1;
    if (units_per_piece < least) units_per_piece = least;
    return units_per_piece * split.grain;
}

static void scalars_of(const sterna_cpu_binding *binding, const uint32_t *slots,
                       uint32_t scalars[STERNA_MAX_ARGS])
{
    const sterna_op_info *info = sterna_op_get(binding->op);
    for (uint32_t i = 0; i < binding->n_args; i++)
        scalars[i] = binding->slot[i] != STERNA_CPU_NO_SLOT     ? slots[binding->slot[i]]
                     : info->params[i].kind >= STERNA_PARAM_U32 ? binding->values[i].u32
                                                                : 0;
}

/* Puts the slots' values into the node's arguments. */
static void bind(const sterna_device *device, sterna_cpu_node *node, sterna_cpu_binding *binding,
                 const uint32_t *slots)
{
    uint32_t scalars[STERNA_MAX_ARGS];
    for (uint32_t i = 0; i < binding->n_args; i++)
        if (binding->slot[i] != STERNA_CPU_NO_SLOT) binding->values[i].u32 = slots[binding->slot[i]];
    sterna_args_bind(binding->op, binding->values, &node->args);
    scalars_of(binding, slots, scalars);
    node->items = sterna_op_items(binding->op, scalars);
    node->piece = piece_items(node->items, sterna_cpu_split_of(binding->op, &node->args), device->threads);
}

static sterna_status resolve(const sterna_device *device, const sterna_plan_params *params, uint32_t index,
                             sterna_plan *plan, sterna_fault *fault)
{
    static const sterna_handles handles = {buffer_bytes, weight_view, STERNA_CPU_ALIGNMENT};
    const sterna_node *from = &params->nodes[index];
    sterna_cpu_node *node = &plan->nodes[index];
    sterna_cpu_binding *binding = &plan->bindings[index];
    const sterna_weight_view *weight = NULL;
    uint32_t scalars[STERNA_MAX_ARGS];
    sterna_op op;
    sterna_status status = check_owner(device, from, index, fault);
    if (status == STERNA_OK) status = sterna_node_check(from, index, params, &handles, &op, fault);
    if (status != STERNA_OK) return status;
    *binding = (sterna_cpu_binding){.op = op, .n_args = from->n_args};
    for (uint32_t i = 0; i < from->n_args; i++) {
        const sterna_arg *arg = &from->args[i];
        binding->slot[i] = STERNA_CPU_NO_SLOT;
        switch ((sterna_arg_kind)arg->kind) {
        case STERNA_ARG_BUFFER:
            binding->values[i].buffer = arg->buffer->data + arg->offset;
            binding->handles[i] = arg->buffer;
            break;
        case STERNA_ARG_WEIGHT:
            binding->values[i].weight = weight = &arg->weight->view;
            binding->handles[i] = arg->weight;
            break;
        case STERNA_ARG_SLOT:
            binding->slot[i] = (uint8_t)arg->u32;
            binding->n_slots++;
            break;
        case STERNA_ARG_U32:
        case STERNA_ARG_F32:
            binding->values[i].u32 = arg->u32;
            break;
        }
    }
    sterna_node_scalars(from, params->slot_max, scalars);
    sterna_op_extents(op, scalars, binding->room);
    node->kernel = sterna_cpu_kernel_find(device->level, op, weight ? weight->format->id : 0,
                                          weight ? weight->act : STERNA_ACT_F32);
    node->run = sterna_cpu_kernel_get(node->kernel)->run;
    node->label = from->label;
    bind(device, node, binding, plan->slot_max);
    return STERNA_OK;
}

static void plan_free(const sterna_device *device, sterna_plan *plan)
{
    const sterna_host *host = device->host;
    host->release(host->context, plan->nodes);
    host->release(host->context, plan->bindings);
    host->release(host->context, plan);
}

static sterna_plan *plan_new(sterna_device *device, const sterna_plan_params *params)
{
    const sterna_host *host = device->host;
    sterna_plan *plan = host->allocate(host->context, sizeof *plan, 64);
    if (!plan) return NULL;
    *plan = (sterna_plan){.device = device, .n_nodes = params->n_nodes, .n_slots = params->n_slots};
    if (params->n_slots) memcpy(plan->slot_max, params->slot_max, params->n_slots * sizeof *params->slot_max);
    memcpy(plan->bound, plan->slot_max, sizeof plan->bound);
    plan->nodes = host->allocate(host->context, params->n_nodes * sizeof *plan->nodes, 64);
    plan->bindings = host->allocate(host->context, params->n_nodes * sizeof *plan->bindings, 64);
    if (plan->nodes && plan->bindings) return plan;
    plan_free(device, plan);
    return NULL;
}

sterna_status sterna_cpu_plan_create(sterna_device *device, const sterna_plan_params *given,
                                     sterna_plan **out, sterna_fault *fault)
{
    sterna_plan_params params = {0};
    memcpy(&params, given, given->size < sizeof params ? given->size : sizeof params);
    if (params.n_nodes == 0 || !params.nodes || params.n_slots > STERNA_MAX_SLOTS ||
        (params.n_slots && !params.slot_max) || params.n_nodes > UINT32_MAX / sizeof(sterna_cpu_binding))
        return sterna_fail(fault, STERNA_USAGE,
                           "plan: %u nodes, %u slots (at least 1 node, at most %u slots)", params.n_nodes,
                           params.n_slots, STERNA_MAX_SLOTS);
    for (uint32_t s = 0; s < params.n_slots; s++)
        if (params.slot_max[s] == 0)
            return sterna_fail(fault, STERNA_USAGE, "plan: the largest value of slot %u is 0", s);
    sterna_plan *plan = plan_new(device, &params);
    if (!plan)
        return sterna_fail(fault, STERNA_MEMORY, "cpu: no memory for a plan of %u nodes", params.n_nodes);
    for (uint32_t i = 0; i < params.n_nodes; i++) {
        sterna_status status = resolve(device, &params, i, plan, fault);
        if (status != STERNA_OK) {
            plan_free(device, plan);
            return status;
        }
    }
    sterna_cpu_link_add(&device->plans, &plan->link);
    *out = plan;
    return STERNA_OK;
}

void sterna_cpu_plan_destroy(sterna_device *device, sterna_plan *plan)
{
    if (!plan) return;
    sterna_cpu_finish(device);
    sterna_cpu_link_remove(&plan->link);
    plan_free(device, plan);
}

void sterna_cpu_plans_break(sterna_device *device, const void *handle)
{
    for (sterna_cpu_link *link = device->plans; link; link = link->next) {
        sterna_plan *plan = (sterna_plan *)link;
        for (uint32_t n = 0; n < plan->n_nodes && !plan->broken; n++)
            for (uint32_t i = 0; i < plan->bindings[n].n_args; i++)
                if (plan->bindings[n].handles[i] == handle) plan->broken = 1;
    }
}

/* A slot below its maximum may leave the domain, or (as a divisor) need more memory than the maximum does. */
static sterna_status check_slots(const sterna_plan *plan, const uint32_t *slots, sterna_fault *fault)
{
    uint32_t scalars[STERNA_MAX_ARGS];
    uint64_t extents[STERNA_MAX_ARGS];
    for (uint32_t s = 0; s < plan->n_slots; s++)
        if (slots[s] == 0 || slots[s] > plan->slot_max[s])
            return sterna_fail(fault, STERNA_USAGE, "submit: slot %u is %u, wanted 1 to %u", s, slots[s],
                               plan->slot_max[s]);
    if (memcmp(slots, plan->checked, plan->n_slots * sizeof *slots) == 0) return STERNA_OK;
    for (uint32_t n = 0; n < plan->n_nodes; n++) {
        const sterna_cpu_binding *binding = &plan->bindings[n];
        const sterna_op_info *info = sterna_op_get(binding->op);
        if (binding->n_slots == 0) continue;
        scalars_of(binding, slots, scalars);
        const char *broken = sterna_op_domain(binding->op, scalars);
        if (broken)
            return sterna_fail(fault, STERNA_USAGE, "submit: node %u, %s: does not hold: %s", n, info->name,
                               broken);
        sterna_op_extents(binding->op, scalars, extents);
        for (uint32_t i = 0; i < binding->n_args; i++)
            if (extents[i] > binding->room[i] ||
                (info->params[i].kind == STERNA_PARAM_WEIGHT && extents[i] != binding->room[i]))
                return sterna_fail(fault, STERNA_USAGE,
                                   "submit: node %u, %s, argument %s: these slots need another size than the "
                                   "plan was checked for",
                                   n, info->name, info->params[i].name);
    }
    return STERNA_OK;
}

sterna_status sterna_cpu_submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                                const uint32_t *slots, sterna_fence *fence, sterna_fault *fault)
{
    if (!plan || plan->device != device)
        return sterna_fail(fault, STERNA_USAGE, "submit: the plan is not this device's");
    if (plan->broken)
        return sterna_fail(fault, STERNA_USAGE, "submit: a buffer or weight of this plan was destroyed");
    if (count == 0 || first >= plan->n_nodes || count > plan->n_nodes - first)
        return sterna_fail(fault, STERNA_USAGE, "submit: nodes %u to %" PRIu64 " of %u", first,
                           (uint64_t)first + count, plan->n_nodes);
    if (plan->n_slots && !slots) return sterna_fail(fault, STERNA_USAGE, "submit: no slot values given");
    sterna_status status = plan->n_slots ? check_slots(plan, slots, fault) : STERNA_OK;
    if (status != STERNA_OK) return status;
    sterna_cpu_submission *free_entry = NULL;
    for (uint32_t i = 0; i < STERNA_CPU_MAX_FENCES && !free_entry; i++)
        if (device->ring[i].fence == 0) free_entry = &device->ring[i];
    if (!free_entry)
        return sterna_fail(fault, STERNA_USAGE, "submit: %d submissions were never waited for; wait first",
                           STERNA_CPU_MAX_FENCES);
    *free_entry = (sterna_cpu_submission){.plan = plan,
                                          .fence = ++device->last_fence,
                                          .next = first,
                                          .end = first + count,
                                          .result = {.size = sizeof(sterna_result), .status = STERNA_OK}};
    if (plan->n_slots) {
        memcpy(free_entry->slots, slots, plan->n_slots * sizeof *slots);
        memcpy(plan->checked, slots, plan->n_slots * sizeof *slots);
    }
    *fence = free_entry->fence;
    return STERNA_OK;
}

static void rebind(sterna_device *device, const sterna_cpu_submission *job)
{
    sterna_plan *plan = job->plan;
    if (memcmp(plan->bound, job->slots, sizeof plan->bound) == 0) return;
    for (uint32_t n = 0; n < plan->n_nodes; n++)
        if (plan->bindings[n].n_slots) bind(device, &plan->nodes[n], &plan->bindings[n], job->slots);
    memcpy(plan->bound, job->slots, sizeof plan->bound);
}

static void run_node(const void *context, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_cpu_node *node = context;
    node->run(&node->args, begin, end, flags);
}

/* Runs one submission to its end, or until the deadline (0: none) has passed. */
static bool run(sterna_device *device, sterna_cpu_submission *job, double deadline)
{
    rebind(device, job);
    while (job->next < job->end) {
        const sterna_cpu_node *node = &job->plan->nodes[job->next];
        uint32_t flags = sterna_cpu_pool_run(device->pool, run_node, node, node->items, node->piece);
        device->launches[node->kernel]++;
        if (flags && !job->result.flags) {
            job->result.flags = flags;
            job->result.node = job->next;
            job->result.label = node->label;
        }
        job->next++;
        if (deadline > 0 && job->next < job->end && sterna_sys_now() > deadline) return false;
    }
    return true;
}

static sterna_cpu_submission *find(sterna_device *device, sterna_fence fence)
{
    for (uint32_t i = 0; i < STERNA_CPU_MAX_FENCES; i++)
        if (device->ring[i].fence == fence) return &device->ring[i];
    return NULL;
}

/* Runs submissions in order up to and including `fence`; false when the deadline came first. */
static bool run_up_to(sterna_device *device, sterna_fence fence, double deadline)
{
    if (device->done >= fence) return true;
    uint64_t environment = sterna_cpu_float_enter();
    bool all = true;
    while (all && device->done < fence) {
        sterna_cpu_submission *job = find(device, device->done + 1);
        all = !job || run(device, job, deadline);
        if (all) device->done++;
        if (deadline > 0 && device->done < fence && sterna_sys_now() > deadline) all = false;
    }
    sterna_cpu_float_leave(environment);
    return all;
}

void sterna_cpu_finish(sterna_device *device)
{
    (void)run_up_to(device, device->last_fence, 0);
}

sterna_status sterna_cpu_wait(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                              sterna_result *result, sterna_fault *fault)
{
    sterna_cpu_submission *job = fence ? find(device, fence) : NULL;
    if (!job)
        return sterna_fail(fault, STERNA_USAGE,
                           "wait: fence %" PRIu64 " is unknown or was waited for already", fence);
    double deadline = milliseconds ? sterna_sys_now() + 1e-3 * milliseconds : 0;
    if (!run_up_to(device, fence, deadline))
        return sterna_fail(fault, STERNA_TIMEOUT, "cpu: not done after %u ms; wait again", milliseconds);
    if (result) *result = job->result;
    job->fence = 0;
    return STERNA_OK;
}
