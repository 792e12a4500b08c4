/* Drawing inputs, running both sides, comparing. */
#include "gpu/tests/op_case.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "reference/reference.h"
#include <string.h>

typedef struct generator {
    uint64_t seed;
    uint32_t at;
} generator;

static uint32_t draw(generator *g)
{
    return sterna_philox4x32((uint32_t)g->seed, (uint32_t)(g->seed >> 32), g->at++, 7, 0, 0).word[0];
}

static float of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Magnitudes from 2^-10 to 2^10, both signs; wild ones rarely, so that rows without any occur, too. */
static float draw_float(generator *g, const op_case *c)
{
    static const uint32_t odd[] = {0x00000000u, 0x80000000u, 0x7f800000u, 0xff800000u,
                                   0x7fc00000u, 0x00000001u, 0x807fffffu, 0x7f7fffffu,
                                   0x477ff000u, 0x47800000u, 0x33000000u, 0x38800000u};
    uint32_t bits = draw(g), pick = draw(g), rarity = c->hostile ? 4 : 97;
    if (c->wild && pick % rarity == 0) return of_bits(odd[pick / rarity % STERNA_COUNT(odd)]);
    return of_bits((bits & 0x807fffffu) | (c->tiny ? pick % (7 + g->at / 128 % 6) : 117u + pick % 21) << 23);
}

op_case op_case_make(const char *op, const op_scalar *scalars)
{
    op_case c = {0};
    sterna_op_find(op, &c.op);
    for (; scalars->name; scalars++) {
        int at = sterna_op_param(c.op, scalars->name);
        if (at >= 0) c.scalars[at] = scalars->value;
    }
    return c;
}

static uint32_t scalar(const op_case *c, const char *name)
{
    int at = sterna_op_param(c->op, name);
    return at >= 0 ? c->scalars[at] : 0;
}

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* Indices that the operation can use; wild: sometimes just outside. */
static void draw_indices(const op_case *c, generator *g, const char *name, uint32_t *out, uint64_t count)
{
    uint32_t limit = is(name, "ids")     ? scalar(c, "vocab")
                     : is(name, "index") ? scalar(c, "source_rows")
                     : is(name, "seq")   ? scalar(c, "seqs")
                     : is(name, "slot")  ? scalar(c, "slots")
                     : is(name, "pos") && c->op == STERNA_OP_rope
                         ? scalar(c, "positions")
                         : scalar(c, "max_pages") * scalar(c, "page_size");
    for (uint64_t i = 0; i < count; i++) {
        uint32_t value = limit ? draw(g) % limit : 0;
        if (is(name, "slot"))
            value = (uint32_t)((i * 7 + c->seed) % scalar(c, "slots")); /* distinct while rows <= slots */
        if (is(name, "pages")) value = draw(g) % (scalar(c, "slots") / scalar(c, "page_size"));
        if (c->wild && draw(g) % 29 == 0) value = draw(g) % 2 ? 0xffffffffu : limit;
        out[i] = value;
    }
}

static void draw_cache(const op_case *c, generator *g, uint8_t *out, uint64_t bytes)
{
    bool half = scalar(c, "kv_type") == 1;
    for (uint64_t i = 0; i < bytes; i += half ? 2 : 4) {
        float value = draw_float(g, c);
        uint16_t narrow = sterna_f32_to_f16(value);
        if (half)
            memcpy(out + i, &narrow, 2);
        else
            memcpy(out + i, &value, 4);
    }
}

static void draw_buffer(const op_case *c, generator *g, const sterna_param *param, uint8_t *out,
                        uint64_t bytes)
{
    if (is(param->type, "u32")) {
        draw_indices(c, g, param->name, (uint32_t *)(void *)out, bytes / 4);
    } else if (is(param->type, "byte")) {
        draw_cache(c, g, out, bytes);
    } else if (is(param->type, "i8")) {
        for (uint64_t i = 0; i < bytes; i++) out[i] = (uint8_t)(int8_t)((int32_t)(draw(g) % 255) - 127);
    } else {
        bool positive = is(param->name, "s") || is(param->name, "d"); /* scales */
        for (uint64_t i = 0; i < bytes; i += 4) {
            float value = draw_float(g, positive ? &(op_case){0} : c);
            if (positive && value < 0) value = -value;
            memcpy(out + i, &value, 4);
        }
    }
}

/* Random blocks with finite scales; ternary ones get one scale for all unless `varying`. */
static void draw_weight(const op_case *c, generator *g, const sterna_format *format, uint8_t *out,
                        uint64_t blocks)
{
    for (uint64_t b = 0; b < blocks; b++) {
        uint8_t *block = out + b * format->bytes;
        for (uint32_t i = 0; i < format->bytes; i++) block[i] = (uint8_t)draw(g);
        if (format->id == STERNA_FORMAT_F32 || format->id == STERNA_FORMAT_BF16) {
            uint32_t top = format->bytes - 2; /* exponents from 2^-16 to 2^15 */
            uint16_t bits = (uint16_t)((block[top] | block[top + 1] << 8) & 0x807f);
            bits = (uint16_t)(bits | (111 + draw(g) % 32) << 7);
            memcpy(block + top, &bits, 2);
        }
        for (uint32_t at = 0;
             format->id != STERNA_FORMAT_F32 && format->id != STERNA_FORMAT_BF16 && at < format->bytes;
             at += 2) {
            bool scale = format->id == STERNA_FORMAT_F16 ||
                         (format->id == STERNA_FORMAT_TQ2_0 ? at == 64 : at == 0) ||
                         (format->id == STERNA_FORMAT_Q4_K && at == 2);
            if (scale) block[at + 1] = (uint8_t)((block[at + 1] & 0x80) | (block[at + 1] & 0x7f) % 0x5c);
            if (format->id == STERNA_FORMAT_TQ2_0 && scale && !c->varying) block[64] = 0x55, block[65] = 0x2c;
        }
    }
}

static void *host_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    return sterna_alloc_aligned(bytes, alignment);
}

static void host_release(void *context, void *memory)
{
    (void)context;
    sterna_free(memory);
}

const sterna_host *op_case_host(void)
{
    static const sterna_host host = {sizeof host,   STERNA_ABI_VERSION, NULL,
                                     host_allocate, host_release,       NULL};
    return &host;
}

sterna_device *op_case_open(sterna_test *t, const sterna_backend_api *api, const char *variant)
{
    sterna_device *device = NULL;
    sterna_fault fault = {0};
    sterna_open_params params = {.size = sizeof params, .variant = variant};
    sterna_status status = api->open(op_case_host(), &params, &device, &fault);
    if (!EXPECT(t, status == STERNA_OK))
        sterna_test_note(t, "open %s:%s: %s", api->name, variant, fault.text);
    return device;
}

/* Everything one run needs; all of it released by end(). */
typedef struct run {
    const sterna_backend_api *api;
    sterna_device *device;
    const sterna_op_info *info;
    uint64_t extents[STERNA_MAX_ARGS];
    uint8_t *data[STERNA_MAX_ARGS]; /* what the reference computes on */
    uint8_t *weights, *got;
    sterna_buffer *buffers[STERNA_MAX_ARGS];
    sterna_weight *weight;
    sterna_plan *plan;
    sterna_fault fault;
} run;

static void end(run *r)
{
    if (r->plan) r->api->plan_destroy(r->device, r->plan);
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) {
        sterna_free(r->data[i]);
        if (r->buffers[i]) r->api->buffer_destroy(r->device, r->buffers[i]);
    }
    if (r->weight) r->api->weight_destroy(r->device, r->weight);
    sterna_free(r->weights);
    sterna_free(r->got);
}

static bool make_weight(run *r, const op_case *c, generator *g, uint64_t extent, sterna_weight_view *view)
{
    const sterna_format *format = sterna_format_find(c->format);
    uint32_t rows = (uint32_t)(extent >> 32), cols = (uint32_t)extent;
    sterna_tensor tensor = {
        .size = sizeof tensor, .format = c->format, .act = c->act, .rows = rows, .cols = cols, .name = "w"};
    sterna_format_row_bytes(format, cols, &tensor.row_bytes);
    r->weights = sterna_alloc(rows, tensor.row_bytes);
    if (!r->weights) return false;
    draw_weight(c, g, format, r->weights, (uint64_t)rows * (cols / format->values));
    tensor.data = r->weights;
    return sterna_weight_view_make(&tensor, view, &r->fault) == STERNA_OK &&
           r->api->weight_create(r->device, &tensor, &r->weight, &r->fault) == STERNA_OK;
}

static bool make_inputs(run *r, const op_case *c, sterna_weight_view *view, sterna_arg *args,
                        sterna_value *values)
{
    generator g = {c->seed * 1000003u + c->op, 0};
    for (uint32_t i = 0; i < r->info->n_params; i++) {
        const sterna_param *param = &r->info->params[i];
        args[i] = (sterna_arg){.kind = param->kind == STERNA_PARAM_F32 ? STERNA_ARG_F32 : STERNA_ARG_U32,
                               .u32 = c->scalars[i]};
        values[i].u32 = c->scalars[i];
        if (param->kind == STERNA_PARAM_WEIGHT) {
            if (!make_weight(r, c, &g, r->extents[i], view)) return false;
            args[i] = (sterna_arg){.kind = STERNA_ARG_WEIGHT, .weight = r->weight};
            values[i].weight = view;
        } else if (param->kind <= STERNA_PARAM_INOUT) {
            r->data[i] = sterna_alloc(r->extents[i], 1);
            if (!r->data[i]) return false;
            draw_buffer(c, &g, param, r->data[i], r->extents[i]);
            if (r->api->buffer_create(r->device, r->extents[i], &r->buffers[i], &r->fault) != STERNA_OK)
                return false;
            if (param->kind != STERNA_PARAM_OUT &&
                r->api->buffer_write(r->device, r->buffers[i], 0, r->data[i], r->extents[i], &r->fault) !=
                    STERNA_OK)
                return false;
            args[i] = (sterna_arg){.kind = STERNA_ARG_BUFFER, .buffer = r->buffers[i]};
            values[i].buffer = r->data[i];
        }
    }
    return true;
}

static bool compare(sterna_test *t, run *r, uint32_t flags, const sterna_result *result)
{
    if (!EXPECT(t, flags == result->flags)) {
        sterna_test_note(t, "flags %u, the reference has %u", result->flags, flags);
        return false;
    }
    for (uint32_t i = 0; i < r->info->n_params; i++) {
        if (r->info->params[i].kind != STERNA_PARAM_OUT && r->info->params[i].kind != STERNA_PARAM_INOUT)
            continue;
        sterna_free(r->got);
        r->got = sterna_alloc(r->extents[i], 1);
        if (!r->got ||
            r->api->buffer_read(r->device, r->buffers[i], 0, r->got, r->extents[i], &r->fault) != STERNA_OK)
            return false;
        for (uint64_t b = 0; b < r->extents[i]; b++)
            if (r->got[b] != r->data[i][b]) {
                uint32_t got, want;
                memcpy(&got, r->got + b / 4 * 4, 4);
                memcpy(&want, r->data[i] + b / 4 * 4, 4);
                EXPECT(t, false && "the device's bits equal the reference's");
                sterna_test_note(t, "argument %s, word %u: %08x, the reference has %08x",
                                 r->info->params[i].name, (unsigned)(b / 4), got, want);
                return false;
            }
    }
    return true;
}

bool op_case_equal(sterna_test *t, const sterna_backend_api *api, sterna_device *device, const op_case *c)
{
    run r = {.api = api, .device = device, .info = sterna_op_get(c->op)};
    sterna_weight_view view = {0};
    sterna_arg args[STERNA_MAX_ARGS] = {{0}};
    sterna_value values[STERNA_MAX_ARGS] = {{0}};
    sterna_args bound;
    sterna_result result = {.size = sizeof result};
    sterna_fence fence = 0;
    uint32_t flags = 0;
    bool equal = false;
    const char *broken = sterna_op_domain(c->op, c->scalars);
    if (!EXPECT(t, broken == NULL)) {
        sterna_test_note(t, "the case is outside the domain: %s", broken);
        return false;
    }
    sterna_op_extents(c->op, c->scalars, r.extents);
    sterna_node node = {r.info->name, args, r.info->n_params, 42};
    sterna_plan_params plan = {.size = sizeof plan, .nodes = &node, .n_nodes = 1};
    if (make_inputs(&r, c, &view, args, values) &&
        r.api->plan_create(device, &plan, &r.plan, &r.fault) == STERNA_OK &&
        r.api->submit(device, r.plan, 0, 1, NULL, &fence, &r.fault) == STERNA_OK &&
        r.api->wait(device, fence, 0, &result, &r.fault) == STERNA_OK) {
        sterna_args_bind(c->op, values, &bound);
        sterna_reference(c->op)(&bound, 0, sterna_op_items(c->op, c->scalars), &flags);
        equal = compare(t, &r, flags, &result);
    } else {
        EXPECT(t, false && "the device ran the node");
    }
    if (!equal) {
        sterna_test_note(t, "%s, seed %u: %s", r.info->name, (unsigned)c->seed, r.fault.text);
        for (uint32_t i = 0; i < r.info->n_params; i++)
            if (r.info->params[i].kind == STERNA_PARAM_U32)
                sterna_test_note(t, "  %s = %u", r.info->params[i].name, c->scalars[i]);
    }
    end(&r);
    return equal;
}
