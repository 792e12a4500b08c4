/* The arithmetic probe: fixed inputs through a device's operations, compared with the reference bit by bit.
 * Owns: the inputs. They are chosen for what devices are known to do differently (docs/numerics.md section 1): flushed
 * subnormals, fused multiply-add, approximate division and square root, rounding of ties, conversions. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "reference/ref_math.h"
#include "reference/reference.h"
#include "registry.h"
#include <stdio.h>

/* How the f32 inputs of a case are made. */
typedef enum fill {
    FILL_GRID,   /* first input: value of the row, second: value of the column */
    FILL_TIES,   /* multiples of 1/2 up to 127, a power of two per row */
    FILL_HALVES, /* around the rounding ties of f16, subnormal ones too */
    FILL_NEAR_1, /* ordinary numbers with all bits set at random */
} fill;

typedef struct probe_case {
    const char *op;
    fill fill;
    uint32_t format, cols, weight_rows; /* of the weight, if there is one */
    uint32_t scalars[10];               /* U32 and F32 (bits) in the order of the catalogue's row */
} probe_case;

enum { SIDE = 64 };
static const uint32_t EPS = 0x3727c5acu; /* 1e-5 */

static const probe_case cases[] = {
    {"add", FILL_GRID, 0, 0, 0, {SIDE, SIDE}},
    {"add", FILL_NEAR_1, 0, 0, 0, {SIDE, SIDE}},
    {"glu", FILL_GRID, 0, 0, 0, {SIDE, SIDE, 1}}, /* squares and products */
    {"glu", FILL_GRID, 0, 0, 0, {SIDE, SIDE, 0}}, /* exp, division */
    {"glu", FILL_NEAR_1, 0, 0, 0, {SIDE, SIDE, 0}},
    {"rmsnorm", FILL_NEAR_1, 0, 0, 0, {SIDE * SIDE, 1, EPS}}, /* square root, division */
    {"rmsnorm", FILL_NEAR_1, 0, 0, 0, {SIDE, 100, EPS}},      /* sums of squares: fused or reordered */
    {"quant_token", FILL_TIES, 0, 0, 0, {SIDE, SIDE}},
    {"quant_token", FILL_NEAR_1, 0, 0, 0, {SIDE, 256}},
    {"quant_block", FILL_TIES, 0, 0, 0, {SIDE, SIDE, 32}},
    {"rope", FILL_NEAR_1, 0, 0, 0, {SIDE, 2, 32, 32, SIDE, 0}},
    {"rope", FILL_NEAR_1, 0, 0, 0, {SIDE, 2, 32, 32, SIDE, 1}},
    {"kv_append", FILL_HALVES, 0, 0, 0, {SIDE, SIDE, SIDE, 1}},
    {"embed", FILL_GRID, STERNA_FORMAT_F16, SIDE, SIDE, {SIDE, SIDE, SIDE}},
    {"embed", FILL_GRID, STERNA_FORMAT_BF16, SIDE, SIDE, {SIDE, SIDE, SIDE}},
    {"matmul_float", FILL_NEAR_1, STERNA_FORMAT_F32, 100, 16, {4, 16, 100}},
    {"matmul_float", FILL_NEAR_1, STERNA_FORMAT_F16, 100, 16, {4, 16, 100}},
    /* Sums above 2^24, which do not fit a float. */
    {"matmul_ternary", FILL_NEAR_1, STERNA_FORMAT_TQ2_0, 1u << 18, 2, {1, 2, 1u << 18}},
    {"matmul_block", FILL_NEAR_1, STERNA_FORMAT_Q8_0, 512, 16, {2, 16, 512, 32}},
    {"matmul_block", FILL_NEAR_1, STERNA_FORMAT_Q4_K, 512, 16, {2, 16, 512, 256}},
};

/* One case in flight. */
typedef struct probe_run {
    const probe_case *from;
    sterna_op op;
    const sterna_op_info *info;
    uint32_t scalars[STERNA_MAX_ARGS];
    uint64_t bytes[STERNA_MAX_ARGS];
    uint8_t *data[STERNA_MAX_ARGS]; /* inputs; after the reference ran, its results */
    sterna_tensor tensor;
    uint8_t *stored;
    uint32_t flags;
} probe_run;

static uint32_t random_word(uint32_t stream, uint64_t i)
{
    return sterna_philox4x32(0x70726f62u, stream, (uint32_t)i, 0, 0, 0).word[0];
}

/* Value i of the grid, of 64: zeros, subnormals, the smallest normals, neighbours of 1, ties, the largest. */
static float grid_value(uint32_t i)
{
    static const uint32_t magnitudes[SIDE / 2] = {
        0x00000000, 0x00000001, 0x00000002, 0x00000003, 0x00400000, 0x007fffff, 0x00800000, 0x00800001,
        0x01000000, 0x0d000001, 0x1a2b3c4d, 0x2effffff, 0x33800000, 0x33800001, 0x34000000, 0x3727c5ac,
        0x3dcccccd, 0x3e800001, 0x3eaaaaab, 0x3f000000, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000,
        0x40490fdb, 0x41200000, 0x42aeac50, 0x42fe0000, 0x4b800000, 0x4b800001, 0x5f000003, 0x7f7fffff};
    return sterna_float(magnitudes[i % (SIDE / 2)] | (i >= SIDE / 2 ? 0x80000000u : 0));
}

static float value_of(const probe_run *run, uint32_t argument, uint64_t i)
{
    const uint32_t random = random_word(argument, i);
    switch (run->from->fill) {
    case FILL_GRID:
        return grid_value((uint32_t)(argument == 0 ? i / SIDE : i) % SIDE);
    case FILL_TIES: {
        uint32_t column = (uint32_t)(i % SIDE);
        float tie = column % 32 == 0 ? 127.0f : (float)(random % 254) * 0.5f;
        return (random >> 31 ? -tie : tie) * sterna_float((uint32_t)(i / SIDE + 96) << 23);
    }
    case FILL_HALVES: {
        /* A finite half, plus none, half or nearly half of its last place. */
        float value = sterna_f16_to_f32((uint16_t)((random & 0x8000u) | random % 0x7800u));
        float step = sterna_f16_to_f32((uint16_t)((random % 0x7800u) + 1)) - sterna_abs(value);
        float part[4] = {0.0f, 0.5f, 0.49999997f, 0.50000006f};
        return value + (value < 0 ? -step : step) * part[i % 4];
    }
    case FILL_NEAR_1:
        break;
    }
    return sterna_float((random & 0x807fffffu) | (125u + (random >> 24 & 3u)) << 23);
}

static void fill_argument(probe_run *run, uint32_t a)
{
    const char *type = run->info->params[a].type;
    for (uint64_t i = 0; i < run->bytes[a]; i += run->info->params[a].element) {
        uint32_t word = random_word(a, i);
        float value = value_of(run, a, i / 4);
        if (type[0] == 'f') {
            memcpy(run->data[a] + i, &value, 4);
        } else if (type[0] == 'u') { /* ids, positions and slots: each once */
            word = (uint32_t)(i / 4);
            memcpy(run->data[a] + i, &word, 4);
        } else {
            run->data[a][i] = type[0] == 'i' ? (uint8_t)(64 + word % 64) : 0;
        }
    }
}

/* Weights: halves and bfloats of every exponent, ordinary floats, blocks of random codes with ordinary scales. */
static void fill_weight(probe_run *run, const sterna_format *format, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i += format->bytes) {
        uint8_t *block = run->stored + i;
        uint32_t word = random_word(99, i);
        uint16_t half = (uint16_t)(word & 0xbfffu);
        if (format->id == STERNA_FORMAT_F32) {
            float value = sterna_float((word & 0x807fffffu) | 0x3f000000u);
            memcpy(block, &value, 4);
            continue;
        }
        if (format->id == STERNA_FORMAT_F16 || format->id == STERNA_FORMAT_BF16) {
            memcpy(block, &half, 2);
            continue;
        }
        for (uint32_t j = 0; j < format->bytes; j++) block[j] = (uint8_t)random_word(98, i + j);
        uint32_t scale = format->id == STERNA_FORMAT_TQ2_0 ? 64 : 0;
        half = format->id == STERNA_FORMAT_TQ2_0 ? 0x2e66 : (uint16_t)(half & 0x33ffu);
        memcpy(block + scale, &half, 2);
        if (format->id == STERNA_FORMAT_Q4_K) memcpy(block + 2, &half, 2);
        if (format->id == STERNA_FORMAT_TQ2_0) memset(block, 0xff, 64); /* the largest sums */
    }
}

static sterna_act act_of(const probe_case *from, const sterna_format *format)
{
    return strcmp(from->op, "matmul_ternary") == 0 ? STERNA_ACT_TOKEN
           : strcmp(from->op, "embed") == 0        ? STERNA_ACT_F32
                                                   : format->act;
}

static void run_free(probe_run *run)
{
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) sterna_free(run->data[i]);
    sterna_free(run->stored);
}

/* Everything of a case but the device. */
static sterna_status run_prepare(const probe_case *from, probe_run *run, sterna_fault *fault)
{
    *run = (probe_run){.from = from};
    if (!sterna_op_find(from->op, &run->op))
        return sterna_fail(fault, STERNA_INTERNAL, "probe: no operation is called %s", from->op);
    run->info = sterna_op_get(run->op);
    for (uint32_t i = 0, s = 0; i < run->info->n_params; i++)
        if (run->info->params[i].kind >= STERNA_PARAM_U32) run->scalars[i] = from->scalars[s++];
    const char *broken = sterna_op_domain(run->op, run->scalars);
    if (broken) return sterna_fail(fault, STERNA_INTERNAL, "probe: %s: does not hold: %s", from->op, broken);
    sterna_op_extents(run->op, run->scalars, run->bytes);
    for (uint32_t i = 0; i < run->info->n_params; i++) {
        if (run->info->params[i].kind > STERNA_PARAM_INOUT) continue;
        run->data[i] = sterna_alloc((size_t)run->bytes[i], 1);
        if (!run->data[i]) return sterna_fail(fault, STERNA_MEMORY, "probe: no memory");
        fill_argument(run, i);
    }
    if (!from->cols) return STERNA_OK;
    const sterna_format *format = sterna_format_find(from->format);
    run->tensor = (sterna_tensor){.size = sizeof run->tensor,
                                  .format = from->format,
                                  .act = act_of(from, format),
                                  .rows = from->weight_rows,
                                  .cols = from->cols,
                                  .outlives = 1,
                                  .name = "the probe's weight"};
    uint64_t bytes;
    if (!sterna_format_row_bytes(format, from->cols, &run->tensor.row_bytes)) return STERNA_INTERNAL;
    bytes = run->tensor.row_bytes * from->weight_rows;
    run->tensor.data = run->stored = sterna_alloc((size_t)bytes, 1);
    if (!run->stored) return sterna_fail(fault, STERNA_MEMORY, "probe: no memory");
    fill_weight(run, format, bytes);
    return STERNA_OK;
}

/* The device's results, in copies of the buffers. */
typedef struct probe_handles {
    sterna_buffer *buffer[STERNA_MAX_ARGS];
    sterna_weight *weight;
    sterna_plan *plan;
} probe_handles;

static sterna_status run_device(const sterna_open_device *d, const probe_run *run, probe_handles *handles,
                                sterna_result *result, sterna_fault *fault)
{
    sterna_arg args[STERNA_MAX_ARGS];
    sterna_fence fence = 0;
    memset(args, 0, sizeof args);
    for (uint32_t i = 0; i < run->info->n_params; i++) {
        sterna_status status = STERNA_OK;
        switch (run->info->params[i].kind) {
        case STERNA_PARAM_IN:
        case STERNA_PARAM_OUT:
        case STERNA_PARAM_INOUT:
            status = d->api->buffer_create(d->device, run->bytes[i], &handles->buffer[i], fault);
            if (status == STERNA_OK)
                status = d->api->buffer_write(d->device, handles->buffer[i], 0, run->data[i], run->bytes[i],
                                              fault);
            args[i] = (sterna_arg){.kind = STERNA_ARG_BUFFER, .buffer = handles->buffer[i]};
            break;
        case STERNA_PARAM_WEIGHT:
            status = d->api->weight_create(d->device, &run->tensor, &handles->weight, fault);
            args[i] = (sterna_arg){.kind = STERNA_ARG_WEIGHT, .weight = handles->weight};
            break;
        case STERNA_PARAM_U32:
        case STERNA_PARAM_F32:
            args[i].kind = run->info->params[i].kind == STERNA_PARAM_U32 ? STERNA_ARG_U32 : STERNA_ARG_F32;
            args[i].u32 = run->scalars[i];
            break;
        }
        if (status != STERNA_OK) return status;
    }
    const sterna_node node = {run->info->name, args, run->info->n_params, 0};
    const sterna_plan_params params = {.size = sizeof params, .nodes = &node, .n_nodes = 1};
    sterna_status status = d->api->plan_create(d->device, &params, &handles->plan, fault);
    if (status == STERNA_OK) status = d->api->submit(d->device, handles->plan, 0, 1, NULL, &fence, fault);
    return status == STERNA_OK ? d->api->wait(d->device, fence, 0, result, fault) : status;
}

/* The reference computes on run->data in place. */
static sterna_status run_reference(probe_run *run, sterna_fault *fault)
{
    sterna_value values[STERNA_MAX_ARGS];
    sterna_weight_view view;
    sterna_args args;
    for (uint32_t i = 0; i < run->info->n_params; i++) {
        if (run->info->params[i].kind <= STERNA_PARAM_INOUT) {
            values[i].buffer = run->data[i];
        } else if (run->info->params[i].kind == STERNA_PARAM_WEIGHT) {
            sterna_status status = sterna_weight_view_make(&run->tensor, &view, fault);
            if (status != STERNA_OK) return status;
            values[i].weight = &view;
        } else {
            values[i].u32 = run->scalars[i];
        }
    }
    sterna_args_bind(run->op, values, &args);
    sterna_reference(run->op)(&args, 0, sterna_op_items(run->op, run->scalars), &run->flags);
    return STERNA_OK;
}

static void note(sterna_probe *probe, const probe_run *run, const char *argument, uint64_t i, uint32_t got,
                 uint32_t wanted)
{
    if (probe->different++ == 0)
        snprintf(probe->why, sizeof probe->why, "%s, %s[%llu]: %08x, the reference has %08x", run->info->name,
                 argument, (unsigned long long)i, got, wanted);
}

static sterna_status compare(const sterna_open_device *d, const probe_run *run, const probe_handles *handles,
                             const sterna_result *result, sterna_probe *probe, sterna_fault *fault)
{
    if (result->flags != run->flags) note(probe, run, "status", 0, result->flags, run->flags);
    for (uint32_t a = 0; a < run->info->n_params; a++) {
        const sterna_param *param = &run->info->params[a];
        if (param->kind != STERNA_PARAM_OUT && param->kind != STERNA_PARAM_INOUT) continue;
        const uint32_t element = param->element;
        uint8_t *got = sterna_alloc((size_t)run->bytes[a], 1);
        if (!got) return sterna_fail(fault, STERNA_MEMORY, "probe: no memory");
        sterna_status status =
            d->api->buffer_read(d->device, handles->buffer[a], 0, got, run->bytes[a], fault);
        for (uint64_t i = 0; i < run->bytes[a] && status == STERNA_OK; i += element) {
            uint32_t mine = 0, wanted = 0;
            memcpy(&mine, got + i, element);
            memcpy(&wanted, run->data[a] + i, element);
            probe->compared++;
            if (mine != wanted) note(probe, run, param->name, i / element, mine, wanted);
        }
        sterna_free(got);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}

static sterna_status probe_one(const sterna_open_device *d, const probe_case *from, sterna_probe *probe,
                               sterna_fault *fault)
{
    probe_run run;
    probe_handles handles = {.plan = NULL};
    sterna_result result = {.size = sizeof result};
    sterna_status status = run_prepare(from, &run, fault);
    if (status == STERNA_OK && d->api->supports(d->device, from->op, run.tensor.format, run.tensor.act)) {
        status = run_device(d, &run, &handles, &result, fault);
        if (status == STERNA_OK) status = run_reference(&run, fault);
        if (status == STERNA_OK) status = compare(d, &run, &handles, &result, probe, fault);
        d->api->plan_destroy(d->device, handles.plan);
        d->api->weight_destroy(d->device, handles.weight);
        for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) d->api->buffer_destroy(d->device, handles.buffer[i]);
    }
    run_free(&run);
    return status;
}

sterna_status sterna_device_probe(const sterna_open_device *device, sterna_probe *out, sterna_fault *fault)
{
    sterna_probe probe = {.exact = false};
    for (uint32_t i = 0; i < STERNA_COUNT(cases); i++) {
        sterna_status status = probe_one(device, &cases[i], &probe, fault);
        if (status != STERNA_OK) return status;
    }
    probe.exact = probe.compared > 0 && probe.different == 0;
    if (probe.compared == 0) snprintf(probe.why, sizeof probe.why, "no operation of the probe runs here");
    *out = probe;
    return STERNA_OK;
}
