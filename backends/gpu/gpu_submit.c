/* Submissions: a node becomes one launch per part of its weight; status words come back with the fence. */
#include "gpu/gpu_private.h"
#include <inttypes.h>

/* Everything that launches of one node share. */
typedef struct launch_inputs {
    uint32_t scalars[STERNA_MAX_ARGS];
    uint64_t extents[STERNA_MAX_ARGS];
    uint32_t status_at;
    sterna_gpu_range status;
} launch_inputs;

/* Where the status words of a submission from node `first` on begin. */
static uint64_t words_at(const sterna_plan *plan, uint32_t ring, uint32_t first)
{
    return plan->status.offset + ring * plan->status_stride + (uint64_t)first * 4;
}

static uint32_t limited(uint64_t groups, uint32_t most)
{
    return groups < most ? (uint32_t)groups : most; /* kernels stride over the grid */
}

/* Ranges and words in the order of kernels/DIALECT.md: buffers, then the status words; scalars, then where
 * they are. */
static sterna_status launch_part(sterna_device *device, const gpu_node *node, uint32_t index, uint32_t row,
                                 const gpu_part *part, const launch_inputs *inputs, sterna_fault *fault)
{
    const sterna_gpu_kernel_row *kernel = sterna_gpu_kernel_row_at(row);
    const sterna_op_info *info = sterna_op_get(node->op);
    sterna_gpu_range ranges[STERNA_MAX_ARGS + 1];
    uint32_t words[STERNA_MAX_ARGS + 5], n_ranges = 0, n_words = 0;
    uint64_t x, y;
    for (uint32_t i = 0; i < node->node.n_args; i++) {
        switch (info->params[i].kind) {
        case STERNA_PARAM_IN:
        case STERNA_PARAM_OUT:
        case STERNA_PARAM_INOUT:
            ranges[n_ranges++] =
                (sterna_gpu_range){node->places[i].memory, node->places[i].offset + node->node.args[i].offset,
                                   inputs->extents[i]};
            break;
        case STERNA_PARAM_WEIGHT:
            ranges[n_ranges++] = (sterna_gpu_range){part->place.memory, part->place.offset, part->bytes};
            words[n_words++] = part->first;
            words[n_words++] = part->count;
            words[n_words++] = node->stride;
            words[n_words++] = node->scale;
            break;
        case STERNA_PARAM_U32:
        case STERNA_PARAM_F32:
            words[n_words++] = inputs->scalars[i];
            break;
        }
    }
    ranges[n_ranges++] = inputs->status;
    words[n_words++] = inputs->status_at;
    kernel->grid(inputs->scalars, part ? part->count : 0, &x, &y);
    sterna_gpu_launch launch = {.kernel = device->kernels[row].kernel,
                                .groups_x = limited(x, device->limits.max_groups),
                                .groups_y = limited(y, device->limits.max_groups),
                                .ranges = ranges,
                                .words = words,
                                .n_ranges = n_ranges,
                                .n_words = n_words,
                                .tag = index};
    sterna_fault why = {0};
    sterna_status status = device->driver->launch(device->gpu, &launch, &why);
    if (status != STERNA_OK)
        return sterna_fail(fault, status, "node %u, %s: %s", index, info->name, why.text);
    device->kernels[row].launches++;
    return STERNA_OK;
}

/* The kernel with the largest min_rows that this batch reaches. */
static uint32_t choose(const gpu_node *node, const launch_inputs *inputs)
{
    int at = sterna_op_param(node->op, "rows");
    uint32_t rows = at >= 0 ? inputs->scalars[at] : 1, k = 0;
    while (k + 1 < node->n_kernels && sterna_gpu_kernel_row_at(node->kernels[k])->min_rows > rows) k++;
    return node->kernels[k];
}

static sterna_status launch_node(sterna_device *device, const sterna_plan *plan, uint32_t index,
                                 uint32_t ring, const uint32_t *slots, sterna_fault *fault)
{
    const gpu_node *node = &plan->nodes[index];
    launch_inputs inputs = {
        .status_at = index,
        .status = {plan->status.memory, words_at(plan, ring, 0), (uint64_t)plan->n_nodes * 4}};
    sterna_node_scalars(&node->node, slots, inputs.scalars);
    sterna_op_extents(node->op, inputs.scalars, inputs.extents);
    uint32_t row = choose(node, &inputs);
    if (!node->parts) return launch_part(device, node, index, row, NULL, &inputs, fault);
    for (uint32_t p = 0; p < node->n_parts; p++) {
        sterna_status status = launch_part(device, node, index, row, &node->parts[p], &inputs, fault);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}

static sterna_status check_slots(const sterna_plan *plan, uint32_t first, uint32_t count,
                                 const uint32_t *slots, sterna_fault *fault)
{
    if (first > plan->n_nodes || count > plan->n_nodes - first)
        return sterna_fail(fault, STERNA_USAGE, "submit: nodes %u to %" PRIu64 " of a plan of %u", first,
                           (uint64_t)first + count, plan->n_nodes);
    if (plan->n_slots && !slots)
        return sterna_fail(fault, STERNA_USAGE, "submit: the plan's slots have no values");
    for (uint32_t i = 0; i < plan->n_slots; i++)
        if (slots[i] > plan->slot_max[i])
            return sterna_fail(fault, STERNA_USAGE, "submit: slot %u is %u, the plan was made for at most %u",
                               i, slots[i], plan->slot_max[i]);
    for (uint32_t i = first; i < first + count; i++) {
        const gpu_node *node = &plan->nodes[i];
        uint32_t scalars[STERNA_MAX_ARGS];
        if (!node->uses_slots) continue;
        sterna_node_scalars(&node->node, slots, scalars);
        const char *broken = sterna_op_domain(node->op, scalars);
        if (broken)
            return sterna_fail(fault, STERNA_USAGE, "submit: node %u, %s: does not hold: %s", i,
                               node->node.op, broken);
    }
    return STERNA_OK;
}

sterna_status sterna_gpu_submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                                const uint32_t *slots, sterna_fence *fence, sterna_fault *fault)
{
    sterna_status status = check_slots(plan, first, count, slots, fault);
    if (status != STERNA_OK) return status;
    uint32_t ring = plan->next_ring;
    /* The words of the submission before the last few are still unread: read them before they are used again. */
    if (plan->ring[ring] && sterna_gpu_collect(device, plan->ring[ring], 0) == STERNA_TIMEOUT)
        return sterna_fail(fault, STERNA_TIMEOUT,
                           "submit: %u submissions of this plan are under way, and the first: %s",
                           (uint32_t)STATUS_RING, plan->ring[ring]->fault.text);
    gpu_submission *submission = sterna_gpu_host_alloc(device, 1, sizeof *submission);
    if (!submission) return sterna_fail(fault, STERNA_MEMORY, "submit: out of host memory");
    if (count > 0)
        status = device->driver->clear(device->gpu, plan->status.memory, words_at(plan, ring, first),
                                       (uint64_t)count * 4, fault);
    for (uint32_t i = first; i < first + count && status == STERNA_OK; i++)
        status = launch_node(device, plan, i, ring, slots, fault);
    if (status == STERNA_OK) status = device->driver->fence(device->gpu, &submission->driver_fence, fault);
    if (status != STERNA_OK) {
        sterna_gpu_host_free(device, submission);
        return status;
    }
    submission->fence = device->next_fence++;
    submission->plan = plan;
    submission->first = first;
    submission->count = count;
    submission->ring = ring;
    plan->ring[ring] = submission;
    plan->next_ring = (ring + 1) % STATUS_RING;
    sterna_gpu_link_in(&device->submissions, &submission->link);
    *fence = submission->fence;
    return STERNA_OK;
}

static bool have_words(sterna_device *device, uint32_t count)
{
    if (count <= device->n_words) return true;
    uint32_t *words = sterna_gpu_host_alloc(device, count, sizeof *words);
    if (!words) return false;
    sterna_gpu_host_free(device, device->words);
    device->words = words;
    device->n_words = count;
    return true;
}

/* The first node whose word is not zero. */
static sterna_status read_flags(sterna_device *device, gpu_submission *s, sterna_result *result)
{
    if (s->count == 0) return STERNA_OK;
    if (!have_words(device, s->count))
        return sterna_fail(&s->fault, STERNA_MEMORY, "status words: out of host memory");
    sterna_status status =
        sterna_gpu_download(device, s->plan->status.memory, words_at(s->plan, s->ring, s->first),
                            device->words, (uint64_t)s->count * 4, "status words", &s->fault);
    uint32_t i = 0;
    while (status == STERNA_OK && i < s->count && device->words[i] == 0) i++;
    if (status != STERNA_OK || i == s->count) return status;
    /* Cleared before the first launch and only ever or-ed with flags: anything else was not computed. */
    if (device->words[i] & ~(STERNA_FLAG_NAN | STERNA_FLAG_INF | STERNA_FLAG_RANGE))
        return sterna_fail(
            &s->fault, STERNA_DEVICE,
            "%s the status word of node %u is 0x%08x, which no kernel writes: work was reported done "
            "that is not, or memory was lost on the way back",
            device->driver->prefix, s->first + i, device->words[i]);
    result->flags = device->words[i];
    result->node = s->first + i;
    result->label = s->plan->nodes[result->node].node.label;
    return STERNA_OK;
}

sterna_status sterna_gpu_collect(sterna_device *device, gpu_submission *s, uint32_t milliseconds)
{
    uint32_t tag = STERNA_GPU_NO_TAG;
    sterna_result result = {.size = sizeof result};
    s->fault = (sterna_fault){0};
    sterna_status status = device->driver->wait(device->gpu, s->driver_fence, milliseconds, &tag, &s->fault);
    if (status == STERNA_TIMEOUT) return status;
    if (status == STERNA_OK) status = read_flags(device, s, &result);
    if (status != STERNA_OK) {
        result.flags = STERNA_FLAG_DEVICE;
        result.node = tag != STERNA_GPU_NO_TAG && tag < s->plan->n_nodes ? tag : s->first;
        result.label = s->count ? s->plan->nodes[result.node].node.label : 0;
    }
    result.status = status;
    s->result = result;
    s->plan->ring[s->ring] = NULL;
    s->plan = NULL;
    return status;
}

void sterna_gpu_abandon(sterna_device *device, gpu_submission *s)
{
    if (sterna_gpu_collect(device, s, 0) != STERNA_TIMEOUT) return;
    s->result = (sterna_result){.size = sizeof s->result,
                                .status = STERNA_DEVICE,
                                .flags = STERNA_FLAG_DEVICE,
                                .node = s->first,
                                .label = s->count ? s->plan->nodes[s->first].node.label : 0};
    s->fault.status = STERNA_DEVICE;
    s->plan->ring[s->ring] = NULL;
    s->plan = NULL;
}

sterna_status sterna_gpu_wait(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                              sterna_result *result, sterna_fault *fault)
{
    gpu_submission *s = NULL;
    for (gpu_link *link = device->submissions.next; link != &device->submissions; link = link->next)
        if (((gpu_submission *)link)->fence == fence) s = (gpu_submission *)link;
    if (!s)
        return sterna_fail(fault, STERNA_USAGE,
                           "wait: no submission has fence %" PRIu64 ", or it was waited for before", fence);
    if (s->plan && sterna_gpu_collect(device, s, milliseconds) == STERNA_TIMEOUT)
        return sterna_fail(fault, STERNA_TIMEOUT, "%s", s->fault.text);
    sterna_status status = s->result.status;
    if (status != STERNA_OK) sterna_fail(fault, status, "%s", s->fault.text);
    if (result) {
        s->result.size = result->size;
        memcpy(result, &s->result, result->size < sizeof *result ? result->size : sizeof *result);
    }
    sterna_gpu_link_out(&s->link);
    sterna_gpu_host_free(device, s);
    return status;
}
