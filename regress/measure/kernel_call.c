/* One operation at one shape: inputs from numbers alone, outputs by the reference. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "measure/measure.h"
#include "reference/reference.h"
#include <stdlib.h>
#include <string.h>

#include "measure/kernel_shapes.def"

enum {
#define SHAPE(label, format, act, scalars)      +1
#define OP(name, items, oracle, laws, sentence) SHAPES_OF_##name = 0 STERNA_SHAPES_##name(SHAPE),
#include "catalogue/ops.def"
#undef OP
#undef SHAPE
};

static const struct {
    const char *label;
    uint32_t format;
    sterna_act act;
    const char *scalars;
} rows[] = {
#define SHAPE(label, format, act, scalars)      {label, STERNA_FORMAT_##format, STERNA_ACT_##act, scalars},
#define OP(name, items, oracle, laws, sentence) STERNA_SHAPES_##name(SHAPE)
#include "catalogue/ops.def"
#undef OP
#undef SHAPE
};

const sterna_kernel_shape *sterna_kernel_shapes(uint32_t *count)
{
    static const uint32_t per_op[STERNA_OP_COUNT] = {
#define OP(name, items, oracle, laws, sentence) SHAPES_OF_##name,
#include "catalogue/ops.def"
#undef OP
    };
    static sterna_kernel_shape shapes[STERNA_COUNT(rows)];
    uint32_t n = 0;
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++)
        for (uint32_t i = 0; i < per_op[op]; i++, n++)
            shapes[n] = (sterna_kernel_shape){(sterna_op)op, rows[n].label, rows[n].format, rows[n].act,
                                              rows[n].scalars};
    *count = n;
    return shapes;
}

/* "rows=1 n=2560 eps=1e-5": every scalar once. */
static sterna_status read_scalars(sterna_kernel_call *call, sterna_fault *fault)
{
    const sterna_kernel_shape *shape = call->shape;
    uint32_t given = 0, scalars = 0;
    for (const char *at = shape->scalars; *at;) {
        size_t n = strcspn(at, "=");
        char *end = NULL;
        for (uint32_t i = 0; i < call->info->n_params && at[n]; i++) {
            const sterna_param *p = &call->info->params[i];
            if (at[n] != '=' || strlen(p->name) != n || strncmp(p->name, at, n) != 0) continue;
            if (p->kind == STERNA_PARAM_U32) call->scalars[i] = (uint32_t)strtoul(at + n + 1, &end, 10);
            if (p->kind == STERNA_PARAM_F32) {
                float value = strtof(at + n + 1, &end);
                memcpy(&call->scalars[i], &value, sizeof value);
            }
        }
        if (!end || (*end && *end != ' '))
            return sterna_fail(fault, STERNA_USAGE, "%s %s: cannot read \"%s\"", call->info->name,
                               shape->label, at);
        at = end + (*end == ' ');
        given++;
    }
    for (uint32_t i = 0; i < call->info->n_params; i++)
        scalars += call->info->params[i].kind >= STERNA_PARAM_U32;
    const char *broken =
        given == scalars ? sterna_op_domain(shape->op, call->scalars) : "every scalar is given once";
    if (!broken && !sterna_op_takes(shape->op, shape->format, shape->act))
        broken = "the operation takes weights of this format";
    if (broken)
        return sterna_fail(fault, STERNA_USAGE, "%s %s: must hold: %s", call->info->name, shape->label,
                           broken);
    return STERNA_OK;
}

static uint32_t word_at(uint32_t stream, uint64_t i)
{
    return sterna_philox4x32(0x626E6368, stream, (uint32_t)i, (uint32_t)(i >> 32), 0, 0).word[0];
}

/* Uniform in [-1, 1). */
static float unit_at(uint32_t stream, uint64_t i)
{
    return (float)(word_at(stream, i) >> 8) * 0x1p-23f - 1.0f;
}

/* Indices stay below the scalar that bounds them. */
static uint32_t limit_of(const sterna_kernel_call *call, const char *name)
{
    static const char *const bounds[][2] = {
        {"ids", "vocab"}, {"index", "source_rows"}, {"slot", "slots"}, {"seq", "seqs"}, {"pos", "positions"}};
    for (size_t i = 0; i < STERNA_COUNT(bounds); i++) {
        int at = sterna_op_param(call->shape->op, bounds[i][1]);
        if (strcmp(name, bounds[i][0]) == 0 && at >= 0) return call->scalars[at];
    }
    return 0;
}

/* Page tables are the identity; positions of attention are the last ones, so that it sees all it can. */
static void fill_u32(const sterna_kernel_call *call, uint32_t arg, uint32_t *out, uint64_t n)
{
    const char *name = call->info->params[arg].name;
    uint32_t limit = limit_of(call, name);
    int pages = sterna_op_param(call->shape->op, "max_pages"),
        size = sterna_op_param(call->shape->op, "page_size");
    for (uint64_t i = 0; i < n; i++) {
        if (strcmp(name, "slot") == 0 || strcmp(name, "pages") == 0)
            out[i] = (uint32_t)i;
        else if (limit)
            out[i] = word_at(arg, i) % limit;
        else if (pages >= 0 && size >= 0)
            out[i] = call->scalars[pages] * call->scalars[size] - (uint32_t)(n - i);
    }
}

static void fill(const sterna_kernel_call *call, uint32_t arg)
{
    const sterna_param *p = &call->info->params[arg];
    uint64_t n = call->bytes[arg];
    uint8_t *data = call->data[arg];
    int kv = sterna_op_param(call->shape->op, "kv_type");
    bool halves = strcmp(p->type, "byte") == 0 && kv >= 0 && call->scalars[kv] == 1;
    /* Scales of activations are positive. */
    bool scale = strcmp(p->name, "s") == 0 || strcmp(p->name, "d") == 0;
    if (strcmp(p->type, "u32") == 0) {
        fill_u32(call, arg, (uint32_t *)(void *)data, n / 4);
    } else if (strcmp(p->type, "i8") == 0) {
        for (uint64_t i = 0; i < n; i++) data[i] = (uint8_t)(int8_t)(word_at(arg, i) % 255 - 127);
    } else if (halves) {
        for (uint64_t i = 0; i < n / 2; i++)
            ((uint16_t *)(void *)data)[i] = sterna_f32_to_f16(unit_at(arg, i));
    } else {
        for (uint64_t i = 0; i < n / 4; i++)
            ((float *)(void *)data)[i] = scale ? 1.5f + unit_at(arg, i) / 2 : unit_at(arg, i);
    }
}

enum { ROWS_MADE = 32 };

/* Distinct rows are packed up to ROWS_MADE and repeated: dense kernels take the same time for any values. Ternary ones
 * get equal scales, as BitNet models have. */
static sterna_status make_weight(sterna_kernel_call *call, uint32_t m, uint32_t k, sterna_fault *fault)
{
    const sterna_format *format = sterna_format_find(call->shape->format);
    uint64_t row_bytes, bytes;
    if (!format || !format->pack || !sterna_format_row_bytes(format, k, &row_bytes) ||
        !sterna_mul_u64(row_bytes, m, &bytes))
        return sterna_fail(fault, STERNA_USAGE, "%s %s: rows of %u values do not fit the format",
                           call->info->name, call->shape->label, k);
    float *row = sterna_alloc(k, sizeof *row);
    call->weight = sterna_alloc_aligned((size_t)bytes, 64);
    sterna_status status = row && call->weight
                               ? STERNA_OK
                               : sterna_fail(fault, STERNA_MEMORY, "out of memory for a weight of %s %s",
                                             call->info->name, call->shape->label);
    for (uint32_t r = 0; r < m && status == STERNA_OK; r++) {
        uint8_t *at = call->weight + r * row_bytes;
        if (r >= ROWS_MADE) {
            memcpy(at, at - ROWS_MADE * row_bytes, (size_t)row_bytes);
            continue;
        }
        for (uint32_t i = 0; i < k; i++) {
            uint64_t place = (uint64_t)r * k + i;
            row[i] = call->shape->act == STERNA_ACT_TOKEN
                         ? (float)((int)(word_at(99, place) % 3) - 1) * 0.0625f
                         : unit_at(99, place);
        }
        status = format->pack(row, k, at);
    }
    sterna_free(row);
    call->tensor = (sterna_tensor){.size = sizeof call->tensor,
                                   .format = format->id,
                                   .act = call->shape->act,
                                   .rows = m,
                                   .cols = k,
                                   .outlives = 1,
                                   .row_bytes = row_bytes,
                                   .data = call->weight,
                                   .name = call->info->name};
    return status;
}

/* Lets the reference compute the outputs, and hashes them. */
static sterna_status compute(sterna_kernel_call *call, sterna_fault *fault)
{
    sterna_value values[STERNA_MAX_ARGS] = {{0}};
    sterna_weight_view view;
    sterna_args args;
    sterna_sha256 hash;
    uint32_t flags = 0;
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *p = &call->info->params[i];
        values[i].u32 = call->scalars[i];
        if (p->kind <= STERNA_PARAM_INOUT)
            values[i].buffer = call->wanted[i] ? call->wanted[i] : call->data[i];
        if (p->kind != STERNA_PARAM_WEIGHT) continue;
        sterna_status status = sterna_weight_view_make(&call->tensor, &view, fault);
        if (status != STERNA_OK) return status;
        values[i].weight = &view;
    }
    sterna_args_bind(call->shape->op, values, &args);
    sterna_reference(call->shape->op)(&args, 0, sterna_op_items(call->shape->op, call->scalars), &flags);
    if (flags)
        return sterna_fail(fault, STERNA_INTERNAL, "%s %s: the inputs set flags %u", call->info->name,
                           call->shape->label, flags);
    sterna_sha256_init(&hash);
    for (uint32_t i = 0; i < call->info->n_params; i++)
        if (call->wanted[i]) sterna_sha256_update(&hash, call->wanted[i], (size_t)call->bytes[i]);
    sterna_sha256_final(&hash, call->digest);
    return STERNA_OK;
}

static sterna_status make_arguments(sterna_kernel_call *call, sterna_fault *fault)
{
    uint64_t extents[STERNA_MAX_ARGS];
    sterna_op_extents(call->shape->op, call->scalars, extents);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        sterna_param_kind kind = call->info->params[i].kind;
        if (kind == STERNA_PARAM_WEIGHT) {
            uint32_t m = (uint32_t)(extents[i] >> 32), k = (uint32_t)extents[i];
            sterna_status status = make_weight(call, m, k, fault);
            if (status != STERNA_OK) return status;
            int rows_at = sterna_op_param(call->shape->op, "rows");
            /* A table of embeddings is read at as many rows as there are ids. */
            uint32_t read = call->shape->op == STERNA_OP_embed ? call->scalars[rows_at] : m;
            call->touched += (double)call->tensor.row_bytes * read;
        }
        if (kind > STERNA_PARAM_INOUT) continue;
        bool out = kind != STERNA_PARAM_IN;
        call->bytes[i] = extents[i];
        /* Caches are written, and tables read, at a few rows: not counted. */
        const char *name = call->info->params[i].name;
        if (strcmp(name, "cache") != 0 && strcmp(name, "table") != 0)
            call->touched += (double)extents[i] * (kind == STERNA_PARAM_INOUT ? 2 : 1);
        call->data[i] = sterna_alloc((size_t)extents[i], 1);
        if (out) call->wanted[i] = sterna_alloc((size_t)extents[i], 1);
        if (!call->data[i] || (out && !call->wanted[i]))
            return sterna_fail(fault, STERNA_MEMORY, "out of memory for %s %s", call->info->name,
                               call->shape->label);
        if (kind != STERNA_PARAM_OUT) fill(call, i);
        if (out) memcpy(call->wanted[i], call->data[i], (size_t)extents[i]);
    }
    return STERNA_OK;
}

sterna_status sterna_kernel_call_make(const sterna_kernel_shape *shape, sterna_kernel_call *call,
                                      sterna_fault *fault)
{
    *call = (sterna_kernel_call){.shape = shape, .info = sterna_op_get(shape->op)};
    sterna_status status = read_scalars(call, fault);
    if (status == STERNA_OK) status = make_arguments(call, fault);
    if (status == STERNA_OK) status = compute(call, fault);
    if (status != STERNA_OK) sterna_kernel_call_free(call);
    return status;
}

void sterna_kernel_call_free(sterna_kernel_call *call)
{
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) {
        sterna_free(call->data[i]);
        sterna_free(call->wanted[i]);
        call->data[i] = call->wanted[i] = NULL;
    }
    sterna_free(call->weight);
    call->weight = NULL;
}
