/* Timing operations through the backend's ABI: verified before, and after every sample. */
#include "base/mem.h"
#include "base/sys.h"
#include "cli/say.h"
#include "measure/measure.h"
#include <stdio.h>
#include <string.h>

enum { REPEATS_MAX = 256 };
static const double SAMPLE_SECONDS = 0.002;

bool sterna_measure_wanted(const char *filter, const char *name)
{
    if (!filter) return true;
    for (const char *at = filter; *at;) {
        size_t n = strcspn(at, ",");
        if (n > 0 && strncmp(name, at, n) == 0 && (name[n] == 0 || name[n] == '/')) return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* One call on a device. */
typedef struct bound {
    sterna_open_device *d;
    const sterna_kernel_call *call;
    sterna_arg args[STERNA_MAX_ARGS];
    sterna_plan *plan;
    uint8_t *room, *first; /* outputs as read back, and those of the first sample of repeated calls */
    uint64_t room_bytes;
} bound;

static void release(bound *b)
{
    const sterna_backend_api *api = b->d->api;
    api->plan_destroy(b->d->device, b->plan);
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) {
        api->buffer_destroy(b->d->device, b->args[i].buffer);
        api->weight_destroy(b->d->device, b->args[i].weight);
    }
    sterna_free(b->room);
    sterna_free(b->first);
}

/* Puts the inputs back: all of them at first, later what calls change. */
static sterna_status write_inputs(bound *b, bool all, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < b->call->info->n_params && status == STERNA_OK; i++)
        if (b->args[i].buffer && (all || b->call->wanted[i]))
            status = b->d->api->buffer_write(b->d->device, b->args[i].buffer, 0, b->call->data[i],
                                             b->call->bytes[i], fault);
    return status;
}

static sterna_status bind(bound *b, sterna_fault *fault)
{
    const sterna_backend_api *api = b->d->api;
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < b->call->info->n_params && status == STERNA_OK; i++) {
        const sterna_param *p = &b->call->info->params[i];
        sterna_arg *arg = &b->args[i];
        arg->u32 = b->call->scalars[i];
        switch (p->kind) {
        case STERNA_PARAM_WEIGHT:
            arg->kind = STERNA_ARG_WEIGHT;
            status = api->weight_create(b->d->device, &b->call->tensor, &arg->weight, fault);
            break;
        case STERNA_PARAM_U32:
            arg->kind = STERNA_ARG_U32;
            break;
        case STERNA_PARAM_F32:
            arg->kind = STERNA_ARG_F32;
            break;
        default:
            arg->kind = STERNA_ARG_BUFFER;
            status = api->buffer_create(b->d->device, b->call->bytes[i], &arg->buffer, fault);
            if (b->call->wanted[i]) b->room_bytes += b->call->bytes[i];
        }
    }
    if (status != STERNA_OK) return status;
    b->room = sterna_alloc((size_t)b->room_bytes, 1);
    b->first = sterna_alloc((size_t)b->room_bytes, 1);
    if (!b->room || !b->first)
        return sterna_fail(fault, STERNA_MEMORY, "out of memory for the outputs of %s", b->call->info->name);
    return write_inputs(b, true, fault);
}

/* A plan that calls the operation `repeats` times, as a model's plan calls many. */
static sterna_status make_plan(bound *b, uint32_t repeats, sterna_fault *fault)
{
    static sterna_node nodes[REPEATS_MAX];
    for (uint32_t i = 0; i < repeats; i++)
        nodes[i] =
            (sterna_node){.op = b->call->info->name, .args = b->args, .n_args = b->call->info->n_params};
    sterna_plan_params params = {.size = sizeof params, .nodes = nodes, .n_nodes = repeats};
    b->d->api->plan_destroy(b->d->device, b->plan);
    b->plan = NULL;
    return b->d->api->plan_create(b->d->device, &params, &b->plan, fault);
}

static sterna_status run(bound *b, uint32_t repeats, double *seconds, sterna_fault *fault)
{
    sterna_fence fence = 0;
    sterna_result result = {.size = sizeof result};
    double began = sterna_sys_now();
    sterna_status status = b->d->api->submit(b->d->device, b->plan, 0, repeats, NULL, &fence, fault);
    if (status == STERNA_OK) status = b->d->api->wait(b->d->device, fence, 0, &result, fault);
    *seconds = sterna_sys_now() - began;
    if (status == STERNA_OK && result.flags)
        status = sterna_fail(fault, STERNA_FAILED,
                             "%s on %s: the device reports flags %u for inputs without fault",
                             b->call->info->name, b->d->spec, result.flags);
    return status;
}

static sterna_status read_outputs(bound *b, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    uint64_t at = 0;
    for (uint32_t i = 0; i < b->call->info->n_params && status == STERNA_OK; i++) {
        if (!b->call->wanted[i]) continue;
        status = b->d->api->buffer_read(b->d->device, b->args[i].buffer, 0, b->room + at, b->call->bytes[i],
                                        fault);
        at += b->call->bytes[i];
    }
    return status;
}

/* One call gives the reference's bits. */
static sterna_status verify(bound *b, const char *name, sterna_fault *fault)
{
    double seconds;
    uint64_t at = 0;
    sterna_status status = make_plan(b, 1, fault);
    if (status == STERNA_OK) status = run(b, 1, &seconds, fault);
    if (status == STERNA_OK) status = read_outputs(b, fault);
    for (uint32_t i = 0; i < b->call->info->n_params && status == STERNA_OK; i++) {
        if (!b->call->wanted[i]) continue;
        if (memcmp(b->room + at, b->call->wanted[i], (size_t)b->call->bytes[i]) != 0)
            status =
                sterna_fail(fault, STERNA_FAILED,
                            "%s: %s gives other bits in %s than the reference; not timed. `sterna check "
                            "--device %s --op %s` finds the smallest case",
                            name, b->d->spec, b->call->info->params[i].name, b->d->spec, b->call->info->name);
        at += b->call->bytes[i];
    }
    return status;
}

/* How often to call within a sample: the best of three tells how long one takes. */
static sterna_status choose_repeats(bound *b, double wanted, uint32_t *repeats, sterna_fault *fault)
{
    double best = 1e9, seconds;
    sterna_status status = STERNA_OK;
    for (int i = 0; i < 3 && status == STERNA_OK; i++) {
        status = run(b, 1, &seconds, fault);
        if (seconds < best) best = seconds;
    }
    double n = best > 0 ? wanted / best : REPEATS_MAX;
    *repeats = n < 1 ? 1 : n > REPEATS_MAX ? REPEATS_MAX : (uint32_t)n;
    return status;
}

static sterna_status time_call(bound *b, const sterna_measure_params *params, sterna_benchmark *out,
                               sterna_fault *fault)
{
    uint32_t repeats = 1;
    double seconds, wanted = params->sample_seconds > 0 ? params->sample_seconds : SAMPLE_SECONDS;
    sterna_status status = choose_repeats(b, wanted, &repeats, fault);
    if (status == STERNA_OK) status = make_plan(b, repeats, fault);
    for (uint32_t i = 0; i <= params->reps && status == STERNA_OK; i++) { /* the first one warms up */
        status = write_inputs(b, false, fault);
        if (status == STERNA_OK) status = run(b, repeats, &seconds, fault);
        if (status == STERNA_OK) status = read_outputs(b, fault);
        if (status != STERNA_OK) break;
        if (i == 0)
            memcpy(b->first, b->room, (size_t)b->room_bytes);
        else if (memcmp(b->first, b->room, (size_t)b->room_bytes) != 0)
            status =
                sterna_fail(fault, STERNA_FLAKY, "%s: repetition %u gives other bits than the first on %s",
                            out->name, i, b->d->spec);
        else
            status = sterna_benchmark_sample(out, seconds / repeats, fault);
    }
    return status;
}

/* Kernels whose count of launches grew. */
static uint32_t grown(const sterna_open_device *d, const sterna_kernel_use *before, uint32_t n_before,
                      sterna_kernel_use *used)
{
    sterna_kernel_use now[STERNA_RESULT_KERNELS] = {{0}};
    for (uint32_t i = 0; i < STERNA_RESULT_KERNELS; i++) now[i].size = sizeof now[i];
    uint32_t n = d->api->kernels_used(d->device, now, STERNA_RESULT_KERNELS), kept = 0;
    for (uint32_t i = 0; i < n && i < STERNA_RESULT_KERNELS; i++) {
        uint64_t earlier = 0;
        for (uint32_t j = 0; j < n_before; j++)
            if (strcmp(before[j].name, now[i].name) == 0) earlier = before[j].launches;
        if (now[i].launches > earlier) used[kept++] = now[i];
    }
    return kept;
}

static sterna_status measure_one(sterna_open_device *device, const sterna_kernel_shape *shape,
                                 const char *name, const sterna_measure_params *params,
                                 sterna_results *results, sterna_fault *fault)
{
    static sterna_kernel_use before[STERNA_RESULT_KERNELS], used[STERNA_RESULT_KERNELS];
    sterna_kernel_call call;
    sterna_status status = sterna_kernel_call_make(shape, &call, fault);
    if (status != STERNA_OK) return status;
    for (uint32_t i = 0; i < STERNA_RESULT_KERNELS; i++)
        before[i] = (sterna_kernel_use){.size = sizeof before[i]};
    uint32_t n = device->api->kernels_used(device->device, before, STERNA_RESULT_KERNELS);
    bound b = {.d = device, .call = &call};
    status = bind(&b, fault);
    if (status == STERNA_OK) status = verify(&b, name, fault);
    sterna_benchmark *out = status == STERNA_OK ? sterna_results_add(results, name, fault) : NULL;
    if (status == STERNA_OK && !out) status = STERNA_MEMORY;
    if (status == STERNA_OK) {
        memcpy(out->digest, call.digest, sizeof out->digest);
        snprintf(out->settings, sizeof out->settings, "%.159s", shape->scalars);
        out->work = call.touched;
        snprintf(out->unit, sizeof out->unit, "byte");
        status = time_call(&b, params, out, fault);
    }
    if (status == STERNA_OK) {
        n = grown(device, before, n < STERNA_RESULT_KERNELS ? n : STERNA_RESULT_KERNELS, used);
        status = sterna_benchmark_code(out, used, n, NULL, fault);
    }
    release(&b);
    sterna_kernel_call_free(&call);
    return status;
}

sterna_status sterna_measure_kernels(sterna_open_device *device, const sterna_measure_params *params,
                                     sterna_results *results, sterna_fault *fault)
{
    uint32_t count;
    const sterna_kernel_shape *shapes = sterna_kernel_shapes(&count);
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < count && status == STERNA_OK; i++) {
        const char *op = sterna_op_get(shapes[i].op)->name;
        char name[STERNA_RESULT_NAME];
        snprintf(name, sizeof name, "kernel/%s/%s", op, shapes[i].label);
        if (!sterna_measure_wanted(params->filter, name)) continue;
        if (!device->api->supports(device->device, op, shapes[i].format, shapes[i].act)) continue;
        sterna_say_progress("%s", name);
        status = measure_one(device, &shapes[i], name, params, results, fault);
    }
    sterna_say_progress_end();
    return status;
}
