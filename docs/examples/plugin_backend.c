/* A complete backend in one file, as a starting point for your own: it computes `add` and `rmsnorm` on the
 * host with canonical arithmetic, and says of everything else that it cannot. It includes nothing of Sterna
 * but the ABI.
 *
 *   cc -O2 -std=c11 -ffp-contract=off -shared -fPIC -I backends -o plugin.so docs/examples/plugin_backend.c
 * -lm sterna check --backend ./plugin.so
 *
 * -ffp-contract=off matters: a fused multiply-add rounds once where the canonical arithmetic rounds twice. */
#include "sterna_backend.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NODES = 1024, ALIGNMENT = 16, IN_FLIGHT = 16 };

/* Arguments of an operation after handles and slots have been resolved. */
typedef union value {
    float *f;
    uint32_t u;
} value;

typedef struct operation {
    const char *name;
    const char *kinds; /* per argument: i input, o output, b both, u U32, f F32 */
    void (*extents)(const value *v, uint64_t *floats); /* of each buffer */
    uint32_t (*run)(const value *v);                   /* returns STERNA_FLAG_* */
} operation;

/* add: x[rows * n] += y[rows * n] */
static void add_extents(const value *v, uint64_t *floats)
{
    floats[0] = floats[1] = (uint64_t)v[2].u * v[3].u;
}

static uint32_t add_run(const value *v)
{
    for (uint64_t i = 0; i < (uint64_t)v[2].u * v[3].u; i++) v[0].f[i] = v[0].f[i] + v[1].f[i];
    return 0;
}

/* rmsnorm: x, w, y, rows, n, eps */
static void rmsnorm_extents(const value *v, uint64_t *floats)
{
    floats[0] = floats[2] = (uint64_t)v[3].u * v[4].u;
    floats[1] = v[4].u;
}

/* The reduction R32 of docs/numerics.md section 2: 32 lanes, folded in halves. */
static float sum_of_squares(const float *x, uint32_t n)
{
    float lane[32] = {0};
    for (uint32_t i = 0; i < n; i++) lane[i % 32] = lane[i % 32] + x[i] * x[i];
    for (uint32_t half = 16; half > 0; half /= 2)
        for (uint32_t l = 0; l < half; l++) lane[l] = lane[l] + lane[l + half];
    return lane[0];
}

static uint32_t rmsnorm_run(const value *v)
{
    uint32_t rows = v[3].u, n = v[4].u, flags = 0;
    float eps;
    memcpy(&eps, &v[5].u, sizeof eps);
    for (uint32_t r = 0; r < rows; r++) {
        const float *x = v[0].f + (uint64_t)r * n;
        float *y = v[2].f + (uint64_t)r * n, sum = sum_of_squares(x, n);
        uint32_t bad = isnan(sum) ? STERNA_FLAG_NAN : isinf(sum) ? STERNA_FLAG_INF : 0;
        float scale = 1.0f / sqrtf(sum / (float)n + eps);
        for (uint32_t i = 0; i < n; i++) y[i] = bad ? 0.0f : (x[i] * scale) * v[1].f[i];
        flags |= bad;
    }
    return flags;
}

static const operation operations[] = {{"add", "biuu", add_extents, add_run},
                                       {"rmsnorm", "iiouuf", rmsnorm_extents, rmsnorm_run}};

static const operation *find(const char *name)
{
    for (size_t i = 0; name && i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0) return &operations[i];
    return NULL;
}

struct sterna_buffer {
    sterna_device *device;
    uint64_t bytes;
    sterna_buffer *next;
    _Alignas(64) unsigned char data[];
};

struct sterna_plan {
    sterna_plan *next;
    uint32_t n_nodes, n_slots;
    struct {
        const operation *op;
        sterna_arg args[STERNA_MAX_ARGS];
        uint32_t label;
    } nodes[];
};

struct sterna_device {
    const sterna_host *host;
    sterna_buffer *buffers;
    sterna_plan *plans;
    sterna_fence last;                /* submissions run at once; */
    sterna_result results[IN_FLIGHT]; /* their results wait here, */
    uint8_t waiting[IN_FLIGHT];       /* 1 until they are asked for */
    uint64_t launches[sizeof operations / sizeof *operations];
};

static sterna_status fail(sterna_fault *fault, sterna_status status, const char *format, ...)
{
    if (fault && fault->status == STERNA_OK) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(fault->text, sizeof fault->text, format, arguments);
        va_end(arguments);
        fault->status = status;
    }
    return status;
}

static uint32_t device_count(void)
{
    return 1;
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    if (index != 0) return STERNA_USAGE;
    sterna_device_info full = {.description = "example plug-in on the host",
                               .usable = 1,
                               .threads = 1,
                               .buffer_alignment = ALIGNMENT};
    full.size = info->size;
    memcpy(info, &full,
           info->size < sizeof full ? info->size : sizeof full); /* the caller may be older or newer */
    return STERNA_OK;
}

static sterna_status info(sterna_device *device, sterna_device_info *out)
{
    (void)device;
    return device_info(0, out);
}

static sterna_status open_device(const sterna_host *host, const sterna_open_params *params,
                                 sterna_device **device, sterna_fault *fault)
{
    if (params->variant && params->variant[0])
        return fail(fault, STERNA_UNSUPPORTED, "plugin: there is no variant '%s'", params->variant);
    sterna_device *d = host->allocate(host->context, sizeof *d, 64);
    if (!d) return fail(fault, STERNA_MEMORY, "plugin: no memory for the device");
    memset(d, 0, sizeof *d);
    d->host = host;
    *device = d;
    return STERNA_OK;
}

static int supports(sterna_device *device, const char *op, uint32_t format, sterna_act act)
{
    (void)device, (void)format, (void)act;
    return find(op) != NULL;
}

static sterna_status buffer_create(sterna_device *device, uint64_t bytes, sterna_buffer **buffer,
                                   sterna_fault *fault)
{
    if (bytes == 0 || bytes > SIZE_MAX / 2)
        return fail(fault, STERNA_USAGE, "plugin: a buffer of %llu bytes", (unsigned long long)bytes);
    sterna_buffer *b = device->host->allocate(device->host->context, sizeof *b + (size_t)bytes, 64);
    if (!b) return fail(fault, STERNA_MEMORY, "plugin: no memory for %llu bytes", (unsigned long long)bytes);
    b->device = device;
    b->bytes = bytes;
    b->next = device->buffers;
    *buffer = device->buffers = b;
    return STERNA_OK;
}

static void buffer_destroy(sterna_device *device, sterna_buffer *buffer)
{
    for (sterna_buffer **at = &device->buffers; buffer && *at; at = &(*at)->next)
        if (*at == buffer) {
            *at = buffer->next;
            device->host->release(device->host->context, buffer);
            return;
        }
}

static int in_range(const sterna_buffer *b, uint64_t offset, uint64_t bytes)
{
    return offset <= b->bytes && bytes <= b->bytes - offset;
}

static sterna_status buffer_write(sterna_device *device, sterna_buffer *buffer, uint64_t offset,
                                  const void *src, uint64_t bytes, sterna_fault *fault)
{
    (void)device;
    if (!in_range(buffer, offset, bytes))
        return fail(fault, STERNA_USAGE, "plugin: a write past the end of the buffer");
    memcpy(buffer->data + offset, src, (size_t)bytes);
    return STERNA_OK;
}

static sterna_status buffer_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                 uint64_t bytes, sterna_fault *fault)
{
    (void)device;
    if (!in_range(buffer, offset, bytes))
        return fail(fault, STERNA_USAGE, "plugin: a read past the end of the buffer");
    memcpy(dst, buffer->data + offset, (size_t)bytes);
    return STERNA_OK;
}

/* No operation here takes a weight. */
static sterna_status weight_create(sterna_device *device, const sterna_tensor *tensor, sterna_weight **weight,
                                   sterna_fault *fault)
{
    (void)device, (void)weight;
    return fail(fault, STERNA_UNSUPPORTED, "plugin: %s: no operation takes weights",
                tensor->name ? tensor->name : "(unnamed)");
}

static void weight_destroy(sterna_device *device, sterna_weight *weight)
{
    (void)device, (void)weight;
}

/* Scalars and buffers of a node, with `slots` in the slots' places. */
static void resolve(const operation *op, const sterna_arg *args, const uint32_t *slots, value *v)
{
    for (uint32_t i = 0; op->kinds[i]; i++) {
        if (args[i].kind == STERNA_ARG_BUFFER)
            v[i].f = (float *)(void *)(args[i].buffer->data + args[i].offset);
        else
            v[i].u = args[i].kind == STERNA_ARG_SLOT ? slots[args[i].u32] : args[i].u32;
    }
}

static int kind_fits(char kind, const sterna_arg *arg, uint32_t n_slots)
{
    switch (kind) {
    case 'u':
        return arg->kind == STERNA_ARG_U32 || (arg->kind == STERNA_ARG_SLOT && arg->u32 < n_slots);
    case 'f':
        return arg->kind == STERNA_ARG_F32;
    default:
        return arg->kind == STERNA_ARG_BUFFER && arg->buffer && arg->offset % ALIGNMENT == 0;
    }
}

static sterna_status check_node(sterna_device *device, const sterna_node *node,
                                const sterna_plan_params *plan, sterna_fault *fault)
{
    const operation *op = find(node->op);
    value v[STERNA_MAX_ARGS];
    uint64_t floats[STERNA_MAX_ARGS] = {0};
    if (!op)
        return fail(fault, STERNA_UNSUPPORTED, "plugin: there is no operation '%s'",
                    node->op ? node->op : "");
    if (node->n_args != strlen(op->kinds))
        return fail(fault, STERNA_USAGE, "plugin: %s has %zu arguments, not %u", op->name, strlen(op->kinds),
                    node->n_args);
    for (uint32_t i = 0; i < node->n_args; i++)
        if (!kind_fits(op->kinds[i], &node->args[i], plan->n_slots) ||
            (node->args[i].kind == STERNA_ARG_BUFFER && node->args[i].buffer->device != device))
            return fail(fault, STERNA_USAGE, "plugin: %s, argument %u is not what it has to be", op->name, i);
    resolve(op, node->args, plan->slot_max, v);
    for (uint32_t i = 0; i < node->n_args; i++)
        if (op->kinds[i] == 'u' && (v[i].u == 0 || v[i].u > 1u << 20))
            return fail(fault, STERNA_USAGE, "plugin: %s, argument %u is %u", op->name, i, v[i].u);
    op->extents(v, floats);
    for (uint32_t i = 0; i < node->n_args; i++) {
        const sterna_arg *a = &node->args[i];
        if (a->kind != STERNA_ARG_BUFFER) continue;
        if (!in_range(a->buffer, a->offset, 4 * floats[i]))
            return fail(fault, STERNA_USAGE, "plugin: %s, argument %u does not fit its buffer", op->name, i);
        for (uint32_t j = 0; j < node->n_args; j++) {
            const sterna_arg *b = &node->args[j];
            if (i != j && op->kinds[i] != 'i' && b->kind == STERNA_ARG_BUFFER && a->buffer == b->buffer &&
                a->offset < b->offset + 4 * floats[j] && b->offset < a->offset + 4 * floats[i])
                return fail(fault, STERNA_USAGE, "plugin: %s, output %u overlaps argument %u", op->name, i,
                            j);
        }
    }
    return STERNA_OK;
}

static sterna_status plan_create(sterna_device *device, const sterna_plan_params *params, sterna_plan **plan,
                                 sterna_fault *fault)
{
    sterna_plan *p;
    if (params->n_nodes == 0 || params->n_nodes > MAX_NODES)
        return fail(fault, STERNA_USAGE, "plugin: a plan of %u nodes", params->n_nodes);
    for (uint32_t n = 0; n < params->n_nodes; n++) {
        sterna_status status = check_node(device, &params->nodes[n], params, fault);
        if (status != STERNA_OK) return status;
    }
    p = device->host->allocate(device->host->context, sizeof *p + params->n_nodes * sizeof p->nodes[0], 64);
    if (!p) return fail(fault, STERNA_MEMORY, "plugin: no memory for a plan");
    p->n_nodes = params->n_nodes;
    p->n_slots = params->n_slots;
    for (uint32_t n = 0; n < p->n_nodes; n++) {
        p->nodes[n].op = find(params->nodes[n].op);
        p->nodes[n].label = params->nodes[n].label;
        memcpy(p->nodes[n].args, params->nodes[n].args, params->nodes[n].n_args * sizeof(sterna_arg));
    }
    p->next = device->plans;
    *plan = device->plans = p;
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

static sterna_status submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                            const uint32_t *slots, sterna_fence *fence, sterna_fault *fault)
{
    if (first > plan->n_nodes || count > plan->n_nodes - first)
        return fail(fault, STERNA_USAGE, "plugin: nodes %u + %u of %u", first, count, plan->n_nodes);
    uint32_t place = (uint32_t)((device->last + 1) % IN_FLIGHT);
    if (device->waiting[place])
        return fail(fault, STERNA_UNSUPPORTED, "plugin: more than %d submissions that nobody waited for",
                    IN_FLIGHT);
    sterna_result *result = &device->results[place];
    memset(result, 0, sizeof *result);
    result->size = sizeof *result;
    for (uint32_t n = first; n < first + count; n++) {
        value v[STERNA_MAX_ARGS];
        resolve(plan->nodes[n].op, plan->nodes[n].args, slots, v);
        uint32_t flags = plan->nodes[n].op->run(v);
        device->launches[plan->nodes[n].op - operations]++;
        if (flags && !result->flags) {
            result->flags = flags;
            result->node = n;
            result->label = plan->nodes[n].label;
        }
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
        return fail(fault, STERNA_USAGE, "plugin: fence %llu is not waitable", (unsigned long long)fence);
    device->waiting[place] = 0;
    *result = device->results[place];
    return STERNA_OK;
}

static uint32_t kernels_used(sterna_device *device, sterna_kernel_use *uses, uint32_t capacity)
{
    uint32_t used = 0;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (!device->launches[i]) continue;
        if (used < capacity) {
            memset(&uses[used], 0, sizeof *uses);
            uses[used].size = sizeof *uses;
            uses[used].launches = device->launches[i];
            snprintf(uses[used].name, sizeof uses[used].name, "%s/plugin", operations[i].name);
        }
        used++;
    }
    return used;
}

static void close_device(sterna_device *device)
{
    while (device->plans) plan_destroy(device, device->plans);
    while (device->buffers) buffer_destroy(device, device->buffers);
    device->host->release(device->host->context, device);
}

#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const sterna_backend_api *
sterna_backend_entry(uint32_t abi_version);

const sterna_backend_api *sterna_backend_entry(uint32_t abi_version)
{
    static const sterna_backend_api api = {.size = sizeof api,
                                           .abi_version = STERNA_ABI_VERSION,
                                           .name = "plugin",
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
    return abi_version == STERNA_ABI_VERSION ? &api : NULL;
}
