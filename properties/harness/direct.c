/* The direct backend: the smallest complete backend there is, on mapped memory between forbidden pages. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "harness/direct.h"
#include "base/philox.h"
#include "base/size.h"
#include "reference/reference.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGNMENT = 64, CANARY = 0xC5, MAX_NODES = 64, IN_FLIGHT = 16 };

struct sterna_buffer {
    sterna_buffer *next;
    uint8_t *map, *data, *room; /* room: the accessible pages */
    uint64_t map_bytes, room_bytes, bytes;
};

struct sterna_weight {
    sterna_weight *next;
    sterna_weight_view view;
    uint8_t *copy;
};

struct sterna_plan {
    sterna_plan *next;
    sterna_node nodes[MAX_NODES];
    sterna_arg args[MAX_NODES][STERNA_MAX_ARGS];
    sterna_op ops[MAX_NODES];
    uint32_t n_nodes;
};

struct sterna_device {
    const sterna_host *host;
    sterna_kernel_table *table;
    sterna_buffer *buffers;
    sterna_weight *weights;
    sterna_plan *plans;
    sterna_fence last;                /* submissions run at once; */
    sterna_result results[IN_FLIGHT]; /* their results wait here, */
    uint8_t waiting[IN_FLIGHT];       /* 1 until they are asked for */
    uint32_t counter;
    uint64_t launches[STERNA_OP_COUNT];
};

static sterna_kernel_table *chosen_table;

void sterna_direct_use(sterna_kernel_table *table)
{
    chosen_table = table;
}

static uint32_t device_count(void)
{
    return 1;
}

static void fill_info(sterna_device_info *info)
{
    sterna_device_info full = {.usable = 1, .threads = 1, .buffer_alignment = ALIGNMENT};
    snprintf(full.description, sizeof full.description, "kernels called directly on guarded host memory");
    full.size = info->size;
    memcpy(info, &full, info->size < sizeof full ? info->size : sizeof full);
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    if (index > 0) return STERNA_USAGE;
    fill_info(info);
    return STERNA_OK;
}

static sterna_status open_device(const sterna_host *host, const sterna_open_params *params,
                                 sterna_device **device, sterna_fault *fault)
{
    if (params->variant && params->variant[0])
        return sterna_fail(fault, STERNA_UNSUPPORTED, "direct has no variant '%s'", params->variant);
    sterna_device *d = host->allocate(host->context, sizeof *d, ALIGNMENT);
    if (!d) return sterna_fail(fault, STERNA_MEMORY, "direct: no memory for a device");
    memset(d, 0, sizeof *d);
    d->host = host;
    d->table = chosen_table ? chosen_table : sterna_reference;
    *device = d;
    return STERNA_OK;
}

static sterna_status info(sterna_device *device, sterna_device_info *out)
{
    (void)device;
    fill_info(out);
    return STERNA_OK;
}

static int supports(sterna_device *device, const char *name, uint32_t format, sterna_act act)
{
    sterna_op op;
    return sterna_op_find(name, &op) && device->table(op) && sterna_op_takes(op, format, act);
}

static sterna_status buffer_create(sterna_device *device, uint64_t bytes, sterna_buffer **out,
                                   sterna_fault *fault)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), room;
    if (bytes == 0 || !sterna_align_u64(bytes, page, &room) || room > SIZE_MAX - 2 * page)
        return sterna_fail(fault, STERNA_USAGE, "direct: a buffer of %llu bytes", (unsigned long long)bytes);
    sterna_buffer *b = device->host->allocate(device->host->context, sizeof *b, ALIGNMENT);
    uint8_t *map =
        b ? mmap(NULL, (size_t)(room + 2 * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    if (map == MAP_FAILED || mprotect(map + page, (size_t)room, PROT_READ | PROT_WRITE) != 0) {
        if (map != MAP_FAILED) munmap(map, (size_t)(room + 2 * page));
        device->host->release(device->host->context, b);
        return sterna_fail(fault, STERNA_MEMORY, "direct: no memory for %llu bytes",
                           (unsigned long long)bytes);
    }
    *b = (sterna_buffer){.next = device->buffers,
                         .map = map,
                         .map_bytes = room + 2 * page,
                         .room = map + page,
                         .room_bytes = room,
                         .bytes = bytes};
    /* Against the page behind, as far as the alignment allows; every fourth time against the page before. */
    b->data = b->room + (device->counter++ % 4 == 3 ? 0 : (room - bytes) / ALIGNMENT * ALIGNMENT);
    memset(b->room, CANARY, (size_t)room);
    device->buffers = b;
    *out = b;
    return STERNA_OK;
}

static bool intact(const sterna_buffer *b)
{
    for (const uint8_t *p = b->room; p < b->room + b->room_bytes; p++)
        if ((p < b->data || p >= b->data + b->bytes) && *p != CANARY) return false;
    return true;
}

static void buffer_destroy(sterna_device *device, sterna_buffer *buffer)
{
    for (sterna_buffer **at = &device->buffers; buffer && *at; at = &(*at)->next)
        if (*at == buffer) {
            *at = buffer->next;
            munmap(buffer->map, (size_t)buffer->map_bytes);
            device->host->release(device->host->context, buffer);
            return;
        }
}

static bool in_range(const sterna_buffer *b, uint64_t offset, uint64_t bytes)
{
    return offset <= b->bytes && bytes <= b->bytes - offset;
}

static sterna_status buffer_write(sterna_device *device, sterna_buffer *b, uint64_t offset, const void *src,
                                  uint64_t bytes, sterna_fault *fault)
{
    (void)device;
    if (!in_range(b, offset, bytes))
        return sterna_fail(fault, STERNA_USAGE, "direct: a write past the buffer's end");
    memcpy(b->data + offset, src, (size_t)bytes);
    return STERNA_OK;
}

static sterna_status buffer_read(sterna_device *device, sterna_buffer *b, uint64_t offset, void *dst,
                                 uint64_t bytes, sterna_fault *fault)
{
    (void)device;
    if (!in_range(b, offset, bytes))
        return sterna_fail(fault, STERNA_USAGE, "direct: a read past the buffer's end");
    if (!intact(b)) return sterna_fail(fault, STERNA_DEVICE, "direct: memory beside the buffer was written");
    memcpy(dst, b->data + offset, (size_t)bytes);
    return STERNA_OK;
}

static sterna_status weight_create(sterna_device *device, const sterna_tensor *tensor, sterna_weight **out,
                                   sterna_fault *fault)
{
    sterna_weight_view view;
    sterna_status status = sterna_weight_view_make(tensor, &view, fault);
    if (status != STERNA_OK) return status;
    size_t bytes = (size_t)(view.row_bytes * view.rows);
    sterna_weight *w = device->host->allocate(device->host->context, sizeof *w, ALIGNMENT);
    uint8_t *copy = w ? device->host->allocate(device->host->context, bytes, ALIGNMENT) : NULL;
    if (!copy) {
        device->host->release(device->host->context, w);
        return sterna_fail(fault, STERNA_MEMORY, "direct: no memory for a weight");
    }
    memcpy(copy, view.data, bytes);
    view.data = copy;
    *w = (sterna_weight){device->weights, view, copy};
    device->weights = w;
    *out = w;
    return STERNA_OK;
}

static void weight_destroy(sterna_device *device, sterna_weight *weight)
{
    for (sterna_weight **at = &device->weights; weight && *at; at = &(*at)->next)
        if (*at == weight) {
            *at = weight->next;
            device->host->release(device->host->context, weight->copy);
            device->host->release(device->host->context, weight);
            return;
        }
}

static uint64_t bytes_of(const sterna_buffer *buffer)
{
    return buffer->bytes;
}

static const sterna_weight_view *view_of(const sterna_weight *weight)
{
    return &weight->view;
}

static sterna_status plan_create(sterna_device *device, const sterna_plan_params *params, sterna_plan **out,
                                 sterna_fault *fault)
{
    static const sterna_handles handles = {bytes_of, view_of, ALIGNMENT};
    if (params->n_nodes > MAX_NODES)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "direct: %u nodes, at most %d", params->n_nodes,
                           MAX_NODES);
    sterna_plan *plan = device->host->allocate(device->host->context, sizeof *plan, ALIGNMENT);
    if (!plan) return sterna_fail(fault, STERNA_MEMORY, "direct: no memory for a plan");
    plan->n_nodes = params->n_nodes;
    for (uint32_t i = 0; i < params->n_nodes; i++) {
        sterna_status status =
            sterna_node_check(&params->nodes[i], i, params, &handles, &plan->ops[i], fault);
        if (status != STERNA_OK) {
            device->host->release(device->host->context, plan);
            return status;
        }
        memcpy(plan->args[i], params->nodes[i].args, params->nodes[i].n_args * sizeof(sterna_arg));
        plan->nodes[i] = params->nodes[i];
        plan->nodes[i].args = plan->args[i];
    }
    plan->next = device->plans;
    device->plans = plan;
    *out = plan;
    return STERNA_OK;
}

static void plan_destroy(sterna_device *device, sterna_plan *plan)
{
    for (sterna_plan **at = &device->plans; plan && *at; at = &(*at)->next)
        if (*at == plan) {
            *at = plan->next;
            device->host->release(device->host->context, plan);
            return;
        }
}

static void run_node(sterna_device *device, const sterna_plan *plan, uint32_t n, const uint32_t *slots,
                     uint32_t *flags)
{
    const sterna_node *node = &plan->nodes[n];
    sterna_value values[STERNA_MAX_ARGS];
    uint32_t scalars[STERNA_MAX_ARGS] = {0};
    sterna_args args;
    sterna_node_scalars(node, slots, scalars);
    for (uint32_t i = 0; i < node->n_args; i++) {
        if (node->args[i].kind == STERNA_ARG_BUFFER)
            values[i].buffer = node->args[i].buffer->data + node->args[i].offset;
        else if (node->args[i].kind == STERNA_ARG_WEIGHT)
            values[i].weight = &node->args[i].weight->view;
        else
            values[i].u32 = scalars[i];
    }
    sterna_args_bind(plan->ops[n], values, &args);
    /* Up to three ranges, the last one first: threads would do that. */
    uint64_t items = sterna_op_items(plan->ops[n], scalars);
    sterna_philox cut = sterna_philox4x32(device->counter++, 0xD1, 0, 0, 0, 0);
    uint64_t a = cut.word[0] % (items + 1), b = a + cut.word[1] % (items - a + 1);
    sterna_kernel *kernel = device->table(plan->ops[n]);
    if (b < items) kernel(&args, b, items, flags);
    if (0 < a) kernel(&args, 0, a, flags);
    if (a < b) kernel(&args, a, b, flags);
    device->launches[plan->ops[n]]++;
}

static sterna_status submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                            const uint32_t *slots, sterna_fence *fence, sterna_fault *fault)
{
    if (first > plan->n_nodes || count > plan->n_nodes - first)
        return sterna_fail(fault, STERNA_USAGE, "direct: nodes %u + %u of %u", first, count, plan->n_nodes);
    uint32_t place = (uint32_t)((device->last + 1) % IN_FLIGHT);
    if (device->waiting[place])
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "direct: more than %d submissions that nobody waited for", IN_FLIGHT);
    sterna_result *result = &device->results[place];
    *result = (sterna_result){.size = sizeof *result};
    for (uint32_t n = first; n < first + count; n++) {
        uint32_t flags = 0;
        run_node(device, plan, n, slots, &flags);
        if (!flags || result->flags) continue;
        result->flags = flags;
        result->node = n;
        result->label = plan->nodes[n].label;
    }
    device->waiting[place] = 1;
    *fence = ++device->last;
    return STERNA_OK;
}

static sterna_status wait_fence(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                                sterna_result *result, sterna_fault *fault)
{
    (void)milliseconds;
    uint32_t place = (uint32_t)(fence % IN_FLIGHT);
    if (fence == 0 || fence > device->last || device->last - fence >= IN_FLIGHT || !device->waiting[place])
        return sterna_fail(fault, STERNA_USAGE, "direct: fence %llu is not waitable",
                           (unsigned long long)fence);
    device->waiting[place] = 0;
    *result = device->results[place];
    return STERNA_OK;
}

static uint32_t kernels_used(sterna_device *device, sterna_kernel_use *uses, uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++) {
        if (!device->launches[op]) continue;
        if (count < capacity) {
            uses[count] = (sterna_kernel_use){.size = sizeof *uses, .launches = device->launches[op]};
            snprintf(uses[count].name, sizeof uses[count].name, "%s/direct",
                     sterna_op_get((sterna_op)op)->name);
        }
        count++;
    }
    return count;
}

static void close_device(sterna_device *device)
{
    while (device->plans) plan_destroy(device, device->plans);
    while (device->weights) weight_destroy(device, device->weights);
    while (device->buffers) buffer_destroy(device, device->buffers);
    device->host->release(device->host->context, device);
}

const sterna_backend_api *sterna_direct_backend(void)
{
    static const sterna_backend_api api = {.size = sizeof api,
                                           .abi_version = STERNA_ABI_VERSION,
                                           .name = "direct",
                                           .device_count = device_count,
                                           .device_info = device_info,
                                           .open = open_device,
                                           .close = close_device,
                                           .info = info,
                                           .supports = supports,
                                           .buffer_create = buffer_create,
                                           .buffer_destroy = buffer_destroy,
                                           .buffer_write = buffer_write,
                                           .buffer_read = buffer_read,
                                           .weight_create = weight_create,
                                           .weight_destroy = weight_destroy,
                                           .plan_create = plan_create,
                                           .plan_destroy = plan_destroy,
                                           .submit = submit,
                                           .wait = wait_fence,
                                           .kernels_used = kernels_used};
    return &api;
}
