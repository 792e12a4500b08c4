/* What the CPU tests share: random data, and running one operation on a device and on the reference side by
 * side. Owns: nothing that ships. */
#ifndef STERNA_CPU_RIG_H
#define STERNA_CPU_RIG_H

#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "cpu/cpu_backend.h"
#include "cpu/cpu_features.h"
#include "cpu/cpu_pack.h"
#include "reference/ref_math.h"
#include "reference/reference.h"
#include "runner.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct rig_rng {
    uint32_t seed, counter;
} rig_rng;

static inline uint32_t rig_u32(rig_rng *rng)
{
    return sterna_philox4x32(rng->seed, 7, rng->counter++, 0, 0, 0).word[0];
}

static inline uint32_t rig_below(rig_rng *rng, uint32_t n)
{
    return (uint32_t)((uint64_t)rig_u32(rng) * n >> 32);
}

/* Mostly ordinary magnitudes, sometimes zeros of both signs, subnormals, or very large and very small ones. */
static inline float rig_float(rig_rng *rng)
{
    uint32_t bits = rig_u32(rng), kind = rig_below(rng, 24);
    float unit = (float)(int32_t)bits * 0x1p-31f;
    switch (kind) {
    case 0:
        return 0.0f;
    case 1:
        return -0.0f;
    case 2:
        return sterna_float((bits & 0x807fffffu)); /* subnormal */
    case 3:
        return unit * 0x1p-60f;
    case 4:
        return unit * 0x1p20f;
    default:
        return unit * 4.0f;
    }
}

static void *rig_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    return sterna_alloc_aligned(bytes, alignment);
}
static void rig_release(void *context, void *memory)
{
    (void)context;
    sterna_free(memory);
}
static void rig_log(void *context, int level, const char *text)
{
    (void)context, (void)level, (void)text;
}
static const sterna_host rig_host = {sizeof(sterna_host), STERNA_ABI_VERSION, NULL,
                                     rig_allocate,        rig_release,        rig_log};

static inline const sterna_backend_api *rig_api(void)
{
    return sterna_backend_cpu_entry(STERNA_ABI_VERSION);
}

/* A random matrix in a stored format, made from random bytes with finite scales. Freed by the caller. */
static inline uint8_t *rig_weight(rig_rng *rng, const sterna_format *format, uint32_t rows, uint32_t cols,
                                  bool same_scales, uint64_t *row_bytes)
{
    uint32_t per_row = cols / format->values;
    *row_bytes = (uint64_t)per_row * format->bytes;
    uint8_t *data = sterna_alloc_aligned((size_t)(rows * *row_bytes), 16);
    if (!data) return NULL;
    for (uint64_t i = 0; i < rows * *row_bytes; i++) data[i] = (uint8_t)(rig_u32(rng) >> 13);
    for (uint64_t b = 0; b < (uint64_t)rows * per_row; b++) {
        uint8_t *block = data + b * format->bytes;
        if (format->id == STERNA_FORMAT_F32) {
            float v = rig_float(rng);
            memcpy(block, &v, 4);
            continue;
        }
        uint32_t offset = format->id == STERNA_FORMAT_TQ2_0 ? 64 : 0;
        for (uint32_t h = 0; h < (format->id == STERNA_FORMAT_Q4_K ? 2u : 1u); h++) {
            uint16_t half = (uint16_t)rig_u32(rng);
            if (format->id == STERNA_FORMAT_BF16)
                half = sterna_f32_to_bf16(rig_float(rng));
            else if ((half & 0x7c00u) == 0x7c00u)
                half &= 0xbfffu;
            if (same_scales) half = 0x2e66;
            memcpy(block + offset + 2 * h, &half, 2);
        }
    }
    return data;
}

/* One operation, its buffers and what the reference made of them. */
typedef struct rig_node {
    sterna_op op;
    uint32_t scalars[STERNA_MAX_ARGS];
    uint8_t *in[STERNA_MAX_ARGS];  /* contents before */
    uint8_t *ref[STERNA_MAX_ARGS]; /* contents after the reference */
    uint64_t bytes[STERNA_MAX_ARGS];
    sterna_tensor tensor;
    uint32_t ref_flags;
} rig_node;

static inline uint32_t rig_set(rig_node *node, const char *name, uint32_t value)
{
    int i = sterna_op_param(node->op, name);
    if (i >= 0) node->scalars[i] = value;
    return value;
}

static inline void rig_free(rig_node *node)
{
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) {
        sterna_free(node->in[i]);
        sterna_free(node->ref[i]);
        node->in[i] = node->ref[i] = NULL;
    }
    sterna_free((void *)(uintptr_t)node->tensor.data);
    node->tensor.data = NULL;
}

/* Allocates all buffers at their exact extents and fills them: f32 with rig_float, u32 below `u32_bound` of
 * that argument's index, i8 and byte with anything. */
static inline bool rig_fill(rig_node *node, rig_rng *rng, const uint32_t *u32_bound)
{
    const sterna_op_info *info = sterna_op_get(node->op);
    sterna_op_extents(node->op, node->scalars, node->bytes);
    for (uint32_t i = 0; i < info->n_params; i++) {
        if (info->params[i].kind > STERNA_PARAM_INOUT) continue;
        uint64_t bytes = node->bytes[i];
        node->in[i] = sterna_alloc_aligned((size_t)bytes, 16);
        node->ref[i] = sterna_alloc_aligned((size_t)bytes, 16);
        if (!node->in[i] || !node->ref[i]) return false;
        const char *type = info->params[i].type;
        if (strcmp(type, "f32") == 0)
            for (uint64_t j = 0; j < bytes / 4; j++) {
                float v = rig_float(rng);
                memcpy(node->in[i] + 4 * j, &v, 4);
            }
        else if (strcmp(type, "u32") == 0)
            for (uint64_t j = 0; j < bytes / 4; j++) {
                uint32_t v = rig_below(rng, u32_bound[i]);
                memcpy(node->in[i] + 4 * j, &v, 4);
            }
        else
            for (uint64_t j = 0; j < bytes; j++) node->in[i][j] = (uint8_t)(rig_u32(rng) >> 11);
        memcpy(node->ref[i], node->in[i], (size_t)bytes);
    }
    return true;
}

/* Runs the reference on the ref copies. */
static inline bool rig_reference(rig_node *node)
{
    const sterna_op_info *info = sterna_op_get(node->op);
    sterna_value values[STERNA_MAX_ARGS];
    sterna_weight_view view;
    sterna_args args;
    for (uint32_t i = 0; i < info->n_params; i++) {
        if (info->params[i].kind <= STERNA_PARAM_INOUT)
            values[i].buffer = node->ref[i];
        else if (info->params[i].kind == STERNA_PARAM_WEIGHT) {
            if (sterna_weight_view_make(&node->tensor, &view, NULL) != STERNA_OK) return false;
            values[i].weight = &view;
        } else
            values[i].u32 = node->scalars[i];
    }
    sterna_args_bind(node->op, values, &args);
    node->ref_flags = 0;
    sterna_reference(node->op)(&args, 0, sterna_op_items(node->op, node->scalars), &node->ref_flags);
    return true;
}

/* Runs it on the device and compares every buffer and the flags; on a difference says where. */
static inline bool rig_compare(sterna_test *t, sterna_device *device, rig_node *node, const char *what)
{
    const sterna_backend_api *api = rig_api();
    const sterna_op_info *info = sterna_op_get(node->op);
    sterna_arg args[STERNA_MAX_ARGS];
    sterna_buffer *buffers[STERNA_MAX_ARGS] = {0};
    sterna_weight *weight = NULL;
    sterna_plan *plan = NULL;
    sterna_fence fence = 0;
    sterna_fault fault = {0};
    sterna_result result = {.size = sizeof result};
    bool ok = true;
    memset(args, 0, sizeof args);
    for (uint32_t i = 0; i < info->n_params && ok; i++) {
        if (info->params[i].kind <= STERNA_PARAM_INOUT) {
            args[i].kind = STERNA_ARG_BUFFER;
            ok = api->buffer_create(device, node->bytes[i], &buffers[i], &fault) == STERNA_OK &&
                 api->buffer_write(device, buffers[i], 0, node->in[i], node->bytes[i], &fault) == STERNA_OK;
            args[i].buffer = buffers[i];
        } else if (info->params[i].kind == STERNA_PARAM_WEIGHT) {
            args[i].kind = STERNA_ARG_WEIGHT;
            ok = api->weight_create(device, &node->tensor, &weight, &fault) == STERNA_OK;
            args[i].weight = weight;
        } else {
            args[i].kind = info->params[i].kind == STERNA_PARAM_F32 ? STERNA_ARG_F32 : STERNA_ARG_U32;
            args[i].u32 = node->scalars[i];
        }
    }
    sterna_node abi_node = {info->name, args, info->n_params, 5};
    sterna_plan_params params = {.size = sizeof params, .nodes = &abi_node, .n_nodes = 1};
    ok = ok && api->plan_create(device, &params, &plan, &fault) == STERNA_OK &&
         api->submit(device, plan, 0, 1, NULL, &fence, &fault) == STERNA_OK &&
         api->wait(device, fence, 0, &result, &fault) == STERNA_OK;
    if (!EXPECT(t, ok)) sterna_test_note(t, "%s %s: %s", info->name, what, fault.text);
    if (ok && !EXPECT(t, result.flags == node->ref_flags)) {
        sterna_test_note(t, "%s %s: flags %u, reference %u", info->name, what, result.flags, node->ref_flags);
        ok = false;
    }
    for (uint32_t i = 0; i < info->n_params && ok; i++) {
        if (!buffers[i]) continue;
        uint8_t *got = sterna_alloc_aligned((size_t)node->bytes[i], 16);
        ok = got && api->buffer_read(device, buffers[i], 0, got, node->bytes[i], &fault) == STERNA_OK;
        uint64_t at = 0;
        while (ok && at < node->bytes[i] && got[at] == node->ref[i][at]) at++;
        if (ok && at < node->bytes[i]) {
            uint32_t a = 0, b = 0;
            memcpy(&a, got + at / 4 * 4, 4);
            memcpy(&b, node->ref[i] + at / 4 * 4, 4);
            EXPECT(t, got[at] == node->ref[i][at]);
            sterna_test_note(t, "%s %s: argument %s, byte %llu: word %08x, reference %08x", info->name, what,
                             info->params[i].name, (unsigned long long)at, a, b);
            ok = false;
        }
        sterna_free(got);
    }
    api->plan_destroy(device, plan);
    api->weight_destroy(device, weight);
    for (uint32_t i = 0; i < info->n_params; i++) api->buffer_destroy(device, buffers[i]);
    return ok;
}

#endif
