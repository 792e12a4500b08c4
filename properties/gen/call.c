/* Calls: allocation, look-up by name, printing. */
#include "gen/call.h"
#include "base/mem.h"
#include "base/size.h"
#include <stdio.h>
#include <string.h>

static uint64_t weight_bytes(const sterna_call *call, uint64_t shape)
{
    const sterna_format *format = sterna_format_find(call->format);
    uint64_t row_bytes;
    if (!format || !sterna_format_row_bytes(format, (uint32_t)shape, &row_bytes)) return UINT64_MAX;
    return sterna_sat_mul(row_bytes, shape >> 32);
}

bool sterna_call_make(sterna_call *call, sterna_op op, const uint32_t *scalars, uint32_t format,
                      sterna_act act)
{
    uint64_t extents[STERNA_MAX_ARGS];
    *call = (sterna_call){.op = op, .info = sterna_op_get(op), .format = format, .act = act};
    memcpy(call->scalars, scalars, sizeof call->scalars);
    if (sterna_op_domain(op, scalars)) return false;
    sterna_op_extents(op, scalars, extents);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        sterna_param_kind kind = call->info->params[i].kind;
        if (!sterna_param_is_buffer(kind) && kind != STERNA_PARAM_WEIGHT) continue;
        uint64_t bytes = kind == STERNA_PARAM_WEIGHT ? weight_bytes(call, extents[i]) : extents[i];
        call->data[i] = bytes < SIZE_MAX ? sterna_alloc((size_t)bytes, 1) : NULL;
        if (!call->data[i]) {
            sterna_call_free(call);
            return false;
        }
        call->bytes[i] = bytes;
    }
    return true;
}

bool sterna_call_copy(sterna_call *copy, const sterna_call *call)
{
    if (!sterna_call_make(copy, call->op, call->scalars, call->format, call->act)) return false;
    for (uint32_t i = 0; i < call->info->n_params; i++)
        if (call->data[i]) memcpy(copy->data[i], call->data[i], (size_t)call->bytes[i]);
    return true;
}

void sterna_call_free(sterna_call *call)
{
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) sterna_free(call->data[i]);
    memset(call->data, 0, sizeof call->data);
}

int sterna_call_index(const sterna_call *call, const char *name)
{
    return sterna_op_param(call->op, name);
}

uint32_t sterna_call_u32(const sterna_call *call, const char *name)
{
    return call->scalars[sterna_op_param(call->op, name)];
}

void *sterna_call_data(const sterna_call *call, const char *name)
{
    return call->data[sterna_op_param(call->op, name)];
}

void sterna_call_strides(sterna_op op, const uint32_t *scalars, uint64_t stride[STERNA_MAX_ARGS])
{
    uint32_t one[STERNA_MAX_ARGS], two[STERNA_MAX_ARGS];
    uint64_t a[STERNA_MAX_ARGS], b[STERNA_MAX_ARGS];
    const sterna_op_info *info = sterna_op_get(op);
    int rows = sterna_op_param(op, "rows");
    memcpy(one, scalars, sizeof one);
    memcpy(two, scalars, sizeof two);
    one[rows] = 1;
    two[rows] = 2;
    sterna_op_extents(op, one, a);
    sterna_op_extents(op, two, b);
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) stride[i] = 0;
    for (uint32_t i = 0; i < info->n_params; i++)
        if (sterna_param_is_buffer(info->params[i].kind)) stride[i] = b[i] - a[i];
}

bool sterna_call_tensor(const sterna_call *call, sterna_tensor *tensor)
{
    uint64_t extents[STERNA_MAX_ARGS];
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        if (call->info->params[i].kind != STERNA_PARAM_WEIGHT) continue;
        sterna_op_extents(call->op, call->scalars, extents);
        uint32_t rows = (uint32_t)(extents[i] >> 32);
        *tensor = (sterna_tensor){.size = sizeof *tensor,
                                  .format = call->format,
                                  .act = call->act,
                                  .rows = rows,
                                  .cols = (uint32_t)extents[i],
                                  .row_bytes = call->bytes[i] / rows,
                                  .data = call->data[i],
                                  .name = "w"};
        return true;
    }
    return false;
}

void sterna_call_args(const sterna_call *call, uint8_t *const *data, const sterna_weight_view *view,
                      sterna_args *args)
{
    sterna_value values[STERNA_MAX_ARGS];
    memset(args, 0, sizeof *args);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        sterna_param_kind kind = call->info->params[i].kind;
        if (sterna_param_is_buffer(kind))
            values[i].buffer = data && data[i] ? data[i] : call->data[i];
        else if (kind == STERNA_PARAM_WEIGHT)
            values[i].weight = view;
        else
            values[i].u32 = call->scalars[i];
    }
    sterna_args_bind(call->op, values, args);
}

typedef struct printer {
    char *text;
    size_t size, length;
} printer;

static void put(printer *p, const char *format, ...) STERNA_PRINTF(2, 3);
static void put(printer *p, const char *format, ...)
{
    va_list arguments;
    if (p->length + 1 >= p->size) return;
    va_start(arguments, format);
    int n = vsnprintf(p->text + p->length, p->size - p->length, format, arguments);
    va_end(arguments);
    if (n > 0) p->length += (size_t)n < p->size - p->length ? (size_t)n : p->size - p->length - 1;
}

static void put_values(printer *p, const sterna_param *param, const uint8_t *data, uint64_t bytes,
                       uint32_t values)
{
    uint64_t count = param->element ? bytes / param->element : bytes;
    put(p, "[%llu] =", (unsigned long long)count);
    for (uint64_t i = 0; i < count && i < values; i++) {
        float f;
        uint32_t u;
        if (param->type[0] == 'f')
            memcpy(&f, data + 4 * i, 4), put(p, " %.9g", (double)f);
        else if (param->type[0] == 'u')
            memcpy(&u, data + 4 * i, 4), put(p, " %u", u);
        else if (param->type[0] == 'i')
            put(p, " %d", (int8_t)data[i]);
        else
            put(p, " %02x", data[i]);
    }
    put(p, count > values ? " ...\n" : "\n");
}

size_t sterna_call_print(const sterna_call *call, uint32_t values, char *text, size_t size)
{
    printer p = {text, size, 0};
    const sterna_format *format = sterna_format_find(call->format);
    text[0] = 0;
    put(&p, "%s", call->info->name);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        float f;
        memcpy(&f, &call->scalars[i], sizeof f);
        if (param->kind == STERNA_PARAM_U32) put(&p, " %s=%u", param->name, call->scalars[i]);
        if (param->kind == STERNA_PARAM_F32) put(&p, " %s=%.9g", param->name, (double)f);
        if (param->kind == STERNA_PARAM_WEIGHT) put(&p, " %s=%s", param->name, format ? format->name : "?");
    }
    if (!values) return p.length;
    put(&p, "\n");
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        if (param->kind == STERNA_PARAM_OUT || !call->data[i]) continue;
        put(&p, "%s %s", param->name, param->kind == STERNA_PARAM_WEIGHT ? "bytes" : param->type);
        put_values(&p, param, call->data[i], call->bytes[i], values);
    }
    return p.length;
}
