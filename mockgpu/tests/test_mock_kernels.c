/* Every device kernel against the reference, bit by bit: shapes around its tiles, every warp size, several
 * schedules. */
#include "base/size.h"
#include "gpu/gpu_kernels.h"
#include "mock_driver.h"
#include "op_case.h"
#include <stdio.h>

static const uint32_t warps[] = {4, 8, 16, 32, 64};

typedef struct shape {
    op_scalar scalars[12];
    uint32_t eps; /* bits of the F32 scalar */
} shape;

/* Runs each shape with each of `formats` (one entry of 0xffff: no weight), tame and wild, on every warp size. */
static void run_shapes(sterna_test *t, const char *op, const shape *shapes, uint32_t n_shapes,
                       const uint32_t *formats, uint32_t n_formats, sterna_act act, bool varying, bool wild)
{
    const sterna_backend_api *api = sterna_backend_mock_entry(STERNA_ABI_VERSION);
    for (uint32_t w = 0; w < STERNA_COUNT(warps); w++) {
        char variant[60];
        snprintf(variant, sizeof variant, "warp=%u,seed=%u,alignment=4", warps[w], w * 11 + 1);
        sterna_device *device = op_case_open(t, variant);
        bool equal = device != NULL;
        for (uint32_t s = 0; s < n_shapes && equal; s++)
            for (uint32_t f = 0; f < n_formats && equal; f++)
                for (uint32_t kind = 0; kind < (wild ? 5 : 1) && equal; kind++) {
                    op_case c = op_case_make(op, shapes[s].scalars);
                    const sterna_op_info *info = sterna_op_get(c.op);
                    for (uint32_t i = 0; i < info->n_params; i++)
                        if (info->params[i].kind == STERNA_PARAM_F32) c.scalars[i] = shapes[s].eps;
                    const sterna_format *format = sterna_format_find(formats[f]);
                    c.format = formats[f];
                    c.act = act;
                    if (act == STERNA_ACT_BLOCK32) {
                        c.act = format->act;
                        c.scalars[sterna_op_param(c.op, "block")] = format->values;
                    }
                    c.varying = varying;
                    c.wild = kind > 0 && kind < 4;
                    c.hostile = kind == 3;
                    c.tiny = kind == 4;
                    c.seed = s * 100 + f * 10 + kind + 1;
                    equal = op_case_equal(t, device, &c);
                    if (!equal)
                        sterna_test_note(t, "  on %s, format %s", variant, format ? format->name : "none");
                }
        if (device) api->close(device);
        if (!equal) return;
    }
}

static const uint32_t none[] = {0xffff}, all[] = {0, 1, 8, 12, 30, 35}, blocks[] = {12, 35},
                      floats[] = {0, 1, 30}, q8[] = {8}, ternary[] = {35};

#define ROWS(...) static const shape shapes[] = {__VA_ARGS__}
#define RUN(op, formats, act, varying, wild)                                                                 \
    run_shapes(t, op, shapes, STERNA_COUNT(shapes), formats, STERNA_COUNT(formats), act, varying, wild)

static void embed(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"vocab", 5}, {"n", 256}}, 0}, {{{"rows", 33}, {"vocab", 40}, {"n", 512}}, 0},
         {{{"rows", 3}, {"vocab", 7}, {"n", 768}}, 0});
    RUN("embed", all, STERNA_ACT_F32, true, true);
}

static void embed_odd(sterna_test *t)
{
    ROWS({{{"rows", 4}, {"vocab", 3}, {"n", 1}}, 0}, {{{"rows", 4}, {"vocab", 9}, {"n", 67}}, 0});
    RUN("embed", floats, STERNA_ACT_F32, false, true);
}

static void rmsnorm(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"n", 1}}, 0x3727c5acu}, {{{"rows", 3}, {"n", 31}}, 0x3727c5acu},
         {{{"rows", 2}, {"n", 33}}, 0}, {{{"rows", 5}, {"n", 256}}, 0x358637bdu},
         {{{"rows", 1}, {"n", 1000}}, 0x3727c5acu});
    RUN("rmsnorm", none, STERNA_ACT_F32, false, true);
}

static void quant_token(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"n", 4}}, 0}, {{{"rows", 3}, {"n", 36}}, 0}, {{{"rows", 7}, {"n", 128}}, 0},
         {{{"rows", 2}, {"n", 1028}}, 0});
    RUN("quant_token", none, STERNA_ACT_F32, false, true);
}

static void quant_block(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"n", 32}, {"block", 32}}, 0}, {{{"rows", 3}, {"n", 160}, {"block", 32}}, 0},
         {{{"rows", 2}, {"n", 768}, {"block", 256}}, 0}, {{{"rows", 5}, {"n", 1280}, {"block", 256}}, 0});
    RUN("quant_block", none, STERNA_ACT_F32, false, true);
}

static void matmul_float(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"m", 1}, {"k", 1}}, 0}, {{{"rows", 1}, {"m", 9}, {"k", 33}}, 0},
         {{{"rows", 2}, {"m", 8}, {"k", 64}}, 0}, {{{"rows", 3}, {"m", 17}, {"k", 31}}, 0},
         {{{"rows", 9}, {"m", 7}, {"k", 100}}, 0});
    RUN("matmul_float", floats, STERNA_ACT_F32, false, false);
}

static void matmul_ternary(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"m", 1}, {"k", 256}}, 0}, {{{"rows", 1}, {"m", 9}, {"k", 768}}, 0},
         {{{"rows", 3}, {"m", 4}, {"k", 512}}, 0}, {{{"rows", 6}, {"m", 16}, {"k", 256}}, 0},
         {{{"rows", 17}, {"m", 19}, {"k", 512}}, 0}, {{{"rows", 33}, {"m", 3}, {"k", 256}}, 0});
    RUN("matmul_ternary", ternary, STERNA_ACT_TOKEN, false, false);
}

static void matmul_ternary_varying(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"m", 2}, {"k", 512}}, 0}, {{{"rows", 1}, {"m", 9}, {"k", 2304}}, 0},
         {{{"rows", 3}, {"m", 5}, {"k", 768}}, 0}, {{{"rows", 6}, {"m", 8}, {"k", 2560}}, 0});
    RUN("matmul_ternary", ternary, STERNA_ACT_TOKEN, true, false);
}

static void matmul_block256(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"m", 1}, {"k", 256}}, 0}, {{{"rows", 2}, {"m", 9}, {"k", 2560}}, 0},
         {{{"rows", 3}, {"m", 8}, {"k", 768}}, 0}, {{{"rows", 9}, {"m", 3}, {"k", 512}}, 0});
    RUN("matmul_block", blocks, STERNA_ACT_BLOCK32, true, false);
}

static void matmul_block32(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"m", 1}, {"k", 32}}, 0}, {{{"rows", 2}, {"m", 9}, {"k", 288}}, 0},
         {{{"rows", 5}, {"m", 8}, {"k", 416}}, 0}, {{{"rows", 4}, {"m", 17}, {"k", 96}}, 0});
    RUN("matmul_block", q8, STERNA_ACT_BLOCK32, false, false);
}

static void rope(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"heads", 1}, {"dim", 2}, {"n_rot", 2}, {"positions", 1}, {"kind", 0}}, 0},
         {{{"rows", 5}, {"heads", 3}, {"dim", 64}, {"n_rot", 64}, {"positions", 9}, {"kind", 1}}, 0},
         {{{"rows", 4}, {"heads", 5}, {"dim", 80}, {"n_rot", 40}, {"positions", 7}, {"kind", 0}}, 0},
         {{{"rows", 2}, {"heads", 4}, {"dim", 96}, {"n_rot", 50}, {"positions", 3}, {"kind", 1}}, 0});
    RUN("rope", none, STERNA_ACT_F32, false, false);
}

static void kv_append(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"n", 2}, {"slots", 1}, {"kv_type", 0}}, 0},
         {{{"rows", 1}, {"n", 2}, {"slots", 4}, {"kv_type", 1}}, 0},
         {{{"rows", 9}, {"n", 130}, {"slots", 10}, {"kv_type", 0}}, 0},
         {{{"rows", 9}, {"n", 258}, {"slots", 10}, {"kv_type", 1}}, 0});
    RUN("kv_append", none, STERNA_ACT_F32, false, true);
}

static void attention(sterna_test *t)
{
    ROWS({{{"rows", 1},
           {"heads", 1},
           {"kv_heads", 1},
           {"dim", 2},
           {"slots", 1},
           {"seqs", 1},
           {"max_pages", 1},
           {"page_size", 1},
           {"kv_type", 0}},
          0x3f800000u},
         {{{"rows", 5},
           {"heads", 4},
           {"kv_heads", 2},
           {"dim", 64},
           {"slots", 40},
           {"seqs", 2},
           {"max_pages", 5},
           {"page_size", 7},
           {"kv_type", 1}},
          0x3e000000u},
         {{{"rows", 3},
           {"heads", 2},
           {"kv_heads", 1},
           {"dim", 34},
           {"slots", 300},
           {"seqs", 3},
           {"max_pages", 300},
           {"page_size", 1},
           {"kv_type", 0}},
          0x3a000000u},
         {{{"rows", 4},
           {"heads", 2},
           {"kv_heads", 2},
           {"dim", 128},
           {"slots", 600},
           {"seqs", 1},
           {"max_pages", 1},
           {"page_size", 600},
           {"kv_type", 1}},
          0x3a000000u});
    RUN("attention", none, STERNA_ACT_F32, false, true);
}

static void add(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"n", 1}}, 0}, {{{"rows", 3}, {"n", 65}}, 0}, {{{"rows", 7}, {"n", 256}}, 0});
    RUN("add", none, STERNA_ACT_F32, false, false);
}

static void glu(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"n", 1}, {"act", 0}}, 0}, {{{"rows", 3}, {"n", 65}, {"act", 0}}, 0},
         {{{"rows", 3}, {"n", 700}, {"act", 0}}, 0}, {{{"rows", 7}, {"n", 256}, {"act", 1}}, 0});
    RUN("glu", none, STERNA_ACT_F32, false, false);
}

static void gather(sterna_test *t)
{
    ROWS({{{"rows", 1}, {"source_rows", 1}, {"n", 1}}, 0}, {{{"rows", 9}, {"source_rows", 4}, {"n", 65}}, 0},
         {{{"rows", 40}, {"source_rows", 3}, {"n", 130}}, 0});
    RUN("gather", none, STERNA_ACT_F32, false, true);
}

const sterna_test_case sterna_test_cases[] = {
    {"embed", embed, 0},
    {"embed_odd", embed_odd, 0},
    {"rmsnorm", rmsnorm, 0},
    {"quant_token", quant_token, 0},
    {"quant_block", quant_block, 0},
    {"matmul_float", matmul_float, 0},
    {"matmul_ternary", matmul_ternary, 0},
    {"matmul_ternary_varying", matmul_ternary_varying, 0},
    {"matmul_block256", matmul_block256, 0},
    {"matmul_block32", matmul_block32, 0},
    {"rope", rope, 0},
    {"kv_append", kv_append, 0},
    {"attention", attention, 0},
    {"add", add, 0},
    {"glu", glu, 0},
    {"gather", gather, 0},
    {0},
};
