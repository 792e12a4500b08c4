/* Expansion of the operation tables into data and small functions. */
#include "catalogue/catalogue.h"
#include "catalogue/expressions.h"
#include <string.h>

/* Parameter tables. */
#define PARAM_BUFFER(kind, type, name, extent)                                                               \
    {STERNA_PARAM_##kind, #name, #type, #extent, "", (uint32_t)sizeof(sterna_type_##type), 0, 0,             \
     STERNA_CLASS_ANY},
#define PARAM_IN(type, name, extent)    PARAM_BUFFER(IN, type, name, extent)
#define PARAM_OUT(type, name, extent)   PARAM_BUFFER(OUT, type, name, extent)
#define PARAM_INOUT(type, name, extent) PARAM_BUFFER(INOUT, type, name, extent)
#define PARAM_WEIGHT(name, rows, cols, klass)                                                                \
    {STERNA_PARAM_WEIGHT, #name, "", #rows " x " #cols, "", 0, 0, 0, STERNA_CLASS_##klass},
#define PARAM_U32(name, low, high)                                                                           \
    {STERNA_PARAM_U32, #name, "", "", #name " is from " #low " to " #high, 0, low, high, STERNA_CLASS_ANY},
#define PARAM_F32(name) {STERNA_PARAM_F32, #name, "", "", "", 0, 0, 0, STERNA_CLASS_ANY},

#define OP(name, items, oracle, laws, sentence)                                                              \
    static const sterna_param params_##name[] = {                                                            \
        STERNA_ARGS_##name(PARAM_IN, PARAM_OUT, PARAM_INOUT, PARAM_WEIGHT, PARAM_U32, PARAM_F32)};           \
    _Static_assert(STERNA_COUNT(params_##name) <= STERNA_MAX_ARGS, "too many arguments: " #name);
#include "catalogue/ops.def"
#undef OP

static const sterna_op_info infos[STERNA_OP_COUNT] = {
#define OP(name, items, oracle, laws, sentence)                                                              \
    {#name, sentence, #items, params_##name, (uint32_t)STERNA_COUNT(params_##name)},
#include "catalogue/ops.def"
#undef OP
};

const sterna_op_info *sterna_op_get(sterna_op op)
{
    return &infos[op];
}

bool sterna_op_find(const char *name, sterna_op *op)
{
    for (uint32_t i = 0; i < STERNA_OP_COUNT; i++)
        if (strcmp(infos[i].name, name) == 0) {
            *op = (sterna_op)i;
            return true;
        }
    return false;
}

int sterna_op_param(sterna_op op, const char *name)
{
    for (uint32_t i = 0; i < infos[op].n_params; i++)
        if (strcmp(infos[op].params[i].name, name) == 0) return (int)i;
    return -1;
}

#define EXTENT_BUFFER(type, name, extent)      out[i++] = sterna_sat_mul((extent), sizeof(sterna_type_##type));
#define EXTENT_WEIGHT(name, rows, cols, klass) out[i++] = (uint64_t)(rows) << 32 | (uint64_t)(cols);
#define EXTENT_U32(name, low, high)            out[i++] = 0;
#define EXTENT_F32(name)                       out[i++] = 0;
#define REQUIRE(condition, sentence)                                                                         \
    if (!(condition)) return sentence;

#define OP(name, items, oracle, laws, sentence)                                                              \
    static void extents_##name(const uint32_t *scalars, uint64_t *out)                                       \
    {                                                                                                        \
        uint32_t i = 0;                                                                                      \
        LOCALS(name)                                                                                         \
        STERNA_ARGS_##name(EXTENT_BUFFER, EXTENT_BUFFER, EXTENT_BUFFER, EXTENT_WEIGHT, EXTENT_U32,           \
                           EXTENT_F32)(void) i;                                                              \
    }                                                                                                        \
    static uint64_t items_##name(const uint32_t *scalars)                                                    \
    {                                                                                                        \
        LOCALS(name)                                                                                         \
        return items;                                                                                        \
    }                                                                                                        \
    static const char *domain_##name(const uint32_t *scalars)                                                \
    {                                                                                                        \
        LOCALS(name)                                                                                         \
        STERNA_DOMAIN_##name(REQUIRE) return NULL;                                                           \
    }
#include "catalogue/domain.def"
#include "catalogue/ops.def"
#undef OP

void sterna_op_extents(sterna_op op, const uint32_t *scalars, uint64_t *out)
{
    switch (op) {
#define OP(name, items, oracle, laws, sentence)                                                              \
    case STERNA_OP_##name:                                                                                   \
        extents_##name(scalars, out);                                                                        \
        return;
#include "catalogue/ops.def"
#undef OP
    case STERNA_OP_COUNT:
        return;
    }
}

uint64_t sterna_op_items(sterna_op op, const uint32_t *scalars)
{
    switch (op) {
#define OP(name, items, oracle, laws, sentence)                                                              \
    case STERNA_OP_##name:                                                                                   \
        return items_##name(scalars);
#include "catalogue/ops.def"
#undef OP
    case STERNA_OP_COUNT:
        break;
    }
    return 0;
}

const char *sterna_op_domain(sterna_op op, const uint32_t *scalars)
{
    if (op >= STERNA_OP_COUNT) return "unknown operation";
    for (uint32_t i = 0; i < infos[op].n_params; i++) {
        const sterna_param *param = &infos[op].params[i];
        if (param->kind == STERNA_PARAM_U32 && (scalars[i] < param->low || scalars[i] > param->high))
            return param->range;
    }
    switch (op) {
#define OP(name, items, oracle, laws, sentence)                                                              \
    case STERNA_OP_##name:                                                                                   \
        return domain_##name(scalars);
#include "catalogue/ops.def"
#undef OP
    case STERNA_OP_COUNT:
        break;
    }
    return "unknown operation";
}

#define BIND_BUFFER(type, name, extent)      into->name = values[i++].buffer;
#define BIND_WEIGHT(name, rows, cols, klass) into->name = values[i++].weight;
#define BIND_U32(name, low, high)            into->name = values[i++].u32;
#define BIND_F32(name)                       memcpy(&into->name, &values[i++].u32, sizeof(float));

void sterna_args_bind(sterna_op op, const sterna_value *values, sterna_args *args)
{
    uint32_t i = 0;
    switch (op) {
#define OP(opname, items, oracle, laws, sentence)                                                            \
    case STERNA_OP_##opname: {                                                                               \
        sterna_args_##opname *into = &args->opname;                                                          \
        STERNA_ARGS_##opname(BIND_BUFFER, BIND_BUFFER, BIND_BUFFER, BIND_WEIGHT, BIND_U32, BIND_F32) break;  \
    }
#include "catalogue/ops.def"
#undef OP
    case STERNA_OP_COUNT:
        break;
    }
    (void)i;
}
