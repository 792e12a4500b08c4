/* The tables of shapes, and running through them. */
#include "gpu/tests/op_shapes.h"
#include "base/size.h"
#include "gpu/gpu_kernels.h"

typedef struct target {
    sterna_test *t;
    const sterna_backend_api *api;
    sterna_device *device;
} target;

typedef struct shape {
    op_scalar scalars[12];
    uint32_t eps; /* bits of the F32 scalar */
} shape;

/* Runs each shape with each of `formats` (one entry of 0xffff: no weight), tame and, if asked for, wild. */
static bool run_shapes(const target *on, const char *op, const shape *shapes, uint32_t n_shapes,
                       const uint32_t *formats, uint32_t n_formats, sterna_act act, bool varying, bool wild)
{
    for (uint32_t s = 0; s < n_shapes; s++)
        for (uint32_t f = 0; f < n_formats; f++)
            for (uint32_t kind = 0; kind < (wild ? 5 : 1); kind++) {
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
                if (!op_case_equal(on->t, on->api, on->device, &c)) {
                    sterna_test_note(on->t, "  format %s", format ? format->name : "none");
                    return false;
                }
            }
    return true;
}

static const uint32_t none[] = {0xffff}, all[] = {0, 1, 8, 12, 30, 35}, blocks[] = {12, 35},
                      floats[] = {0, 1, 30}, q8[] = {8}, ternary[] = {35};

#define ROWS(...) static const shape shapes[] = {__VA_ARGS__}
#define RUN(op, formats, act, varying, wild)                                                                 \
    run_shapes(on, op, shapes, STERNA_COUNT(shapes), formats, STERNA_COUNT(formats), act, varying, wild)

static bool run_embed(const target *on)
{
    ROWS({{{"rows", 1}, {"vocab", 5}, {"n", 256}}, 0}, {{{"rows", 33}, {"vocab", 40}, {"n", 512}}, 0},
         {{{"rows", 3}, {"vocab", 7}, {"n", 768}}, 0});
    return RUN("embed", all, STERNA_ACT_F32, true, true);
}

static bool run_embed_odd(const target *on)
{
    ROWS({{{"rows", 4}, {"vocab", 3}, {"n", 1}}, 0}, {{{"rows", 4}, {"vocab", 9}, {"n", 67}}, 0});
    return RUN("embed", floats, STERNA_ACT_F32, false, true);
}

static bool run_rmsnorm(const target *on)
{
    ROWS({{{"rows", 1}, {"n", 1}}, 0x3727c5acu}, {{{"rows", 3}, {"n", 31}}, 0x3727c5acu},
         {{{"rows", 2}, {"n", 33}}, 0}, {{{"rows", 5}, {"n", 256}}, 0x358637bdu},
         {{{"rows", 1}, {"n", 1000}}, 0x3727c5acu});
    return RUN("rmsnorm", none, STERNA_ACT_F32, false, true);
}

static bool run_quant_token(const target *on)
{
    ROWS({{{"rows", 1}, {"n", 4}}, 0}, {{{"rows", 3}, {"n", 36}}, 0}, {{{"rows", 7}, {"n", 128}}, 0},
         {{{"rows", 2}, {"n", 1028}}, 0});
    return RUN("quant_token", none, STERNA_ACT_F32, false, true);
}

static bool run_quant_block(const target *on)
{
    ROWS({{{"rows", 1}, {"n", 32}, {"block", 32}}, 0}, {{{"rows", 3}, {"n", 160}, {"block", 32}}, 0},
         {{{"rows", 2}, {"n", 768}, {"block", 256}}, 0}, {{{"rows", 5}, {"n", 1280}, {"block", 256}}, 0});
    return RUN("quant_block", none, STERNA_ACT_F32, false, true);
}

static bool run_matmul_float(const target *on)
{
    ROWS({{{"rows", 1}, {"m", 1}, {"k", 1}}, 0}, {{{"rows", 1}, {"m", 9}, {"k", 33}}, 0},
         {{{"rows", 2}, {"m", 8}, {"k", 64}}, 0}, {{{"rows", 3}, {"m", 17}, {"k", 31}}, 0},
         {{{"rows", 9}, {"m", 7}, {"k", 100}}, 0});
    return RUN("matmul_float", floats, STERNA_ACT_F32, false, false);
}

static bool run_matmul_ternary(const target *on)
{
    ROWS({{{"rows", 1}, {"m", 1}, {"k", 256}}, 0}, {{{"rows", 1}, {"m", 9}, {"k", 768}}, 0},
         {{{"rows", 3}, {"m", 4}, {"k", 512}}, 0}, {{{"rows", 6}, {"m", 16}, {"k", 256}}, 0},
         {{{"rows", 17}, {"m", 19}, {"k", 512}}, 0}, {{{"rows", 33}, {"m", 3}, {"k", 256}}, 0});
    return RUN("matmul_ternary", ternary, STERNA_ACT_TOKEN, false, false);
}

static bool run_matmul_ternary_varying(const target *on)
{
    ROWS({{{"rows", 1}, {"m", 2}, {"k", 512}}, 0}, {{{"rows", 1}, {"m", 9}, {"k", 2304}}, 0},
         {{{"rows", 3}, {"m", 5}, {"k", 768}}, 0}, {{{"rows", 6}, {"m", 8}, {"k", 2560}}, 0});
    return RUN("matmul_ternary", ternary, STERNA_ACT_TOKEN, true, false);
}

static bool run_matmul_block256(const target *on)
{
    ROWS({{{"rows", 1}, {"m", 1}, {"k", 256}}, 0}, {{{"rows", 2}, {"m", 9}, {"k", 2560}}, 0},
         {{{"rows", 3}, {"m", 8}, {"k", 768}}, 0}, {{{"rows", 9}, {"m", 3}, {"k", 512}}, 0});
    return RUN("matmul_block", blocks, STERNA_ACT_BLOCK32, true, false);
}

static bool run_matmul_block32(const target *on)
{
    ROWS({{{"rows", 1}, {"m", 1}, {"k", 32}}, 0}, {{{"rows", 2}, {"m", 9}, {"k", 288}}, 0},
         {{{"rows", 5}, {"m", 8}, {"k", 416}}, 0}, {{{"rows", 4}, {"m", 17}, {"k", 96}}, 0});
    return RUN("matmul_block", q8, STERNA_ACT_BLOCK32, false, false);
}

static bool run_rope(const target *on)
{
    ROWS({{{"rows", 1}, {"heads", 1}, {"dim", 2}, {"n_rot", 2}, {"positions", 1}, {"kind", 0}}, 0},
         {{{"rows", 5}, {"heads", 3}, {"dim", 64}, {"n_rot", 64}, {"positions", 9}, {"kind", 1}}, 0},
         {{{"rows", 4}, {"heads", 5}, {"dim", 80}, {"n_rot", 40}, {"positions", 7}, {"kind", 0}}, 0},
         {{{"rows", 2}, {"heads", 4}, {"dim", 96}, {"n_rot", 50}, {"positions", 3}, {"kind", 1}}, 0});
    return RUN("rope", none, STERNA_ACT_F32, false, false);
}

static bool run_kv_append(const target *on)
{
    ROWS({{{"rows", 1}, {"n", 2}, {"slots", 1}, {"kv_type", 0}}, 0},
         {{{"rows", 1}, {"n", 2}, {"slots", 4}, {"kv_type", 1}}, 0},
         {{{"rows", 9}, {"n", 130}, {"slots", 10}, {"kv_type", 0}}, 0},
         {{{"rows", 9}, {"n", 258}, {"slots", 10}, {"kv_type", 1}}, 0});
    return RUN("kv_append", none, STERNA_ACT_F32, false, true);
}

static bool run_attention(const target *on)
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
          0x3a000000u},
         {{{"rows", 16},
           {"heads", 2},
           {"kv_heads", 1},
           {"dim", 34},
           {"slots", 300},
           {"seqs", 3},
           {"max_pages", 300},
           {"page_size", 1},
           {"kv_type", 1}},
          0x3e000000u},
         {{{"rows", 19},
           {"heads", 3},
           {"kv_heads", 3},
           {"dim", 130},
           {"slots", 60},
           {"seqs", 2},
           {"max_pages", 6},
           {"page_size", 9},
           {"kv_type", 0}},
          0x3d800000u});
    return RUN("attention", none, STERNA_ACT_F32, false, true);
}

static bool run_add(const target *on)
{
    ROWS({{{"rows", 1}, {"n", 1}}, 0}, {{{"rows", 3}, {"n", 65}}, 0}, {{{"rows", 7}, {"n", 256}}, 0});
    return RUN("add", none, STERNA_ACT_F32, false, false);
}

static bool run_glu(const target *on)
{
    ROWS({{{"rows", 1}, {"n", 1}, {"act", 0}}, 0}, {{{"rows", 3}, {"n", 65}, {"act", 0}}, 0},
         {{{"rows", 3}, {"n", 700}, {"act", 0}}, 0}, {{{"rows", 7}, {"n", 256}, {"act", 1}}, 0});
    return RUN("glu", none, STERNA_ACT_F32, false, false);
}

static bool run_gather(const target *on)
{
    ROWS({{{"rows", 1}, {"source_rows", 1}, {"n", 1}}, 0}, {{{"rows", 9}, {"source_rows", 4}, {"n", 65}}, 0},
         {{{"rows", 40}, {"source_rows", 3}, {"n", 130}}, 0},
         {{{"rows", 5}, {"source_rows", 3}, {"n", 132}}, 0},
         {{{"rows", 3}, {"source_rows", 2}, {"n", 4100}}, 0},
         {{{"rows", 3}, {"source_rows", 2}, {"n", 4101}}, 0});
    return RUN("gather", none, STERNA_ACT_F32, false, true);
}

#define OP_GROUP(name)                                                                                       \
    bool op_shapes_##name(sterna_test *t, const sterna_backend_api *api, sterna_device *device)              \
    {                                                                                                        \
        return run_##name(&(target){t, api, device});                                                        \
    }
OP_GROUPS(OP_GROUP)
#undef OP_GROUP

/* A case of the two tables below. */
typedef struct row {
    const char *op;
    op_scalar scalars[10];
    uint32_t format;
    sterna_act act;
    bool varying;
} row;

static op_case case_of(const row *from, uint64_t seed)
{
    op_case c = op_case_make(from->op, from->scalars);
    int scale = sterna_op_param(c.op, "scale");
    if (scale >= 0) c.scalars[scale] = 0x3d000000u;
    c.format = from->format;
    c.act = from->act;
    c.varying = from->varying;
    c.seed = seed;
    return c;
}

static const row split_rows[] = {
    {"embed", {{"rows", 20}, {"vocab", 160}, {"n", 32}}, STERNA_FORMAT_F32, STERNA_ACT_F32, false},
    {"embed", {{"rows", 9}, {"vocab", 99}, {"n", 256}}, STERNA_FORMAT_Q4_K, STERNA_ACT_F32, false},
    {"embed", {{"rows", 9}, {"vocab", 151}, {"n", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_F32, true},
    {"matmul_float", {{"rows", 2}, {"m", 99}, {"k", 100}}, STERNA_FORMAT_F16, STERNA_ACT_F32, false},
    {"matmul_float", {{"rows", 5}, {"m", 67}, {"k", 100}}, STERNA_FORMAT_BF16, STERNA_ACT_F32, false},
    {"matmul_ternary", {{"rows", 2}, {"m", 200}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, false},
    {"matmul_ternary", {{"rows", 9}, {"m", 100}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, false},
    {"matmul_ternary", {{"rows", 4}, {"m", 150}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, true},
    {"matmul_block",
     {{"rows", 3}, {"m", 140}, {"k", 256}, {"block", 256}},
     STERNA_FORMAT_Q4_K,
     STERNA_ACT_BLOCK256,
     false},
    {"matmul_block",
     {{"rows", 1}, {"m", 300}, {"k", 64}, {"block", 32}},
     STERNA_FORMAT_Q8_0,
     STERNA_ACT_BLOCK32,
     false},
};

/* Launches since the device was opened. */
static uint64_t launches(const sterna_backend_api *api, sterna_device *device)
{
    sterna_kernel_use uses[STERNA_GPU_KERNELS];
    uint64_t sum = 0;
    uint32_t n = api->kernels_used(device, uses, STERNA_GPU_KERNELS);
    for (uint32_t i = 0; i < n; i++) sum += uses[i].launches;
    return sum;
}

bool op_shapes_split(sterna_test *t, const sterna_backend_api *api, const char *large, const char *small)
{
    /* Buffers are not split: embeddings give more than 4 KiB here. */
    sterna_device *for_embed = op_case_open(t, api, large), *others = op_case_open(t, api, small);
    bool equal = for_embed && others;
    for (uint32_t i = 0; i < STERNA_COUNT(split_rows) && equal; i++)
        for (uint32_t wild = 0; wild < 2 && equal; wild++) {
            op_case c = case_of(&split_rows[i], i + 1);
            c.wild = wild == 1 && c.op == STERNA_OP_embed;
            sterna_device *device = c.op == STERNA_OP_embed ? for_embed : others;
            uint64_t before = launches(api, device);
            equal = op_case_equal(t, api, device, &c) && EXPECT(t, launches(api, device) > before + 1);
        }
    if (for_embed) api->close(for_embed);
    if (others) api->close(others);
    return equal;
}

static const row strided_rows[] = {
    {"embed", {{"rows", 7}, {"vocab", 9}, {"n", 256}}, STERNA_FORMAT_Q8_0, STERNA_ACT_F32, false},
    {"rmsnorm", {{"rows", 7}, {"n", 70}}, 0, 0, false},
    {"quant_token", {{"rows", 7}, {"n", 72}}, 0, 0, false},
    {"quant_block", {{"rows", 3}, {"n", 800}, {"block", 32}}, 0, 0, false},
    {"matmul_float", {{"rows", 2}, {"m", 50}, {"k", 40}}, STERNA_FORMAT_F32, 0, false},
    {"matmul_float", {{"rows", 13}, {"m", 50}, {"k", 40}}, STERNA_FORMAT_F32, 0, false},
    {"matmul_ternary", {{"rows", 5}, {"m", 50}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, false},
    {"matmul_ternary", {{"rows", 70}, {"m", 70}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, false},
    {"matmul_ternary", {{"rows", 13}, {"m", 50}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, true},
    {"matmul_block",
     {{"rows", 13}, {"m", 50}, {"k", 64}, {"block", 32}},
     STERNA_FORMAT_Q8_0,
     STERNA_ACT_BLOCK32,
     false},
    {"rope",
     {{"rows", 7}, {"heads", 9}, {"dim", 64}, {"n_rot", 64}, {"positions", 9}, {"kind", 1}},
     0,
     0,
     false},
    {"kv_append", {{"rows", 7}, {"n", 600}, {"slots", 8}, {"kv_type", 1}}, 0, 0, false},
    {"attention",
     {{"rows", 7},
      {"heads", 6},
      {"kv_heads", 3},
      {"dim", 32},
      {"slots", 300},
      {"seqs", 2},
      {"max_pages", 20},
      {"page_size", 15},
      {"kv_type", 1}},
     0,
     0,
     false},
    {"attention",
     {{"rows", 17},
      {"heads", 4},
      {"kv_heads", 2},
      {"dim", 32},
      {"slots", 300},
      {"seqs", 2},
      {"max_pages", 20},
      {"page_size", 15},
      {"kv_type", 0}},
     0,
     0,
     false},
    {"add", {{"rows", 7}, {"n", 300}}, 0, 0, false},
    {"glu", {{"rows", 7}, {"n", 300}, {"act", 1}}, 0, 0, false},
    {"gather", {{"rows", 7}, {"source_rows", 5}, {"n", 8204}}, 0, 0, false},
    {"gather", {{"rows", 7}, {"source_rows", 5}, {"n", 8205}}, 0, 0, false},
};

bool op_shapes_strided(sterna_test *t, const sterna_backend_api *api, sterna_device *device)
{
    for (uint32_t i = 0; i < STERNA_COUNT(strided_rows); i++) {
        op_case c = case_of(&strided_rows[i], i + 1);
        if (!op_case_equal(t, api, device, &c)) return false;
    }
    return true;
}

static const row tiny_rows[] = {
    {"embed", {{"rows", 2}, {"vocab", 3}, {"n", 5}}, STERNA_FORMAT_F32, STERNA_ACT_F32, true},
    {"embed", {{"rows", 2}, {"vocab", 3}, {"n", 6}}, STERNA_FORMAT_F16, STERNA_ACT_F32, true},
    {"embed", {{"rows", 2}, {"vocab", 3}, {"n", 32}}, STERNA_FORMAT_Q8_0, STERNA_ACT_F32, true},
    {"embed", {{"rows", 2}, {"vocab", 3}, {"n", 256}}, STERNA_FORMAT_Q4_K, STERNA_ACT_F32, true},
    {"embed", {{"rows", 2}, {"vocab", 3}, {"n", 6}}, STERNA_FORMAT_BF16, STERNA_ACT_F32, true},
    {"embed", {{"rows", 2}, {"vocab", 3}, {"n", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_F32, true},
    {"rmsnorm", {{"rows", 2}, {"n", 33}}, 0, 0, false},
    {"quant_token", {{"rows", 2}, {"n", 36}}, 0, 0, false},
    {"quant_block", {{"rows", 1}, {"n", 64}, {"block", 32}}, 0, 0, false},
    {"matmul_float", {{"rows", 1}, {"m", 3}, {"k", 34}}, STERNA_FORMAT_F32, STERNA_ACT_F32, false},
    {"matmul_float", {{"rows", 3}, {"m", 3}, {"k", 34}}, STERNA_FORMAT_F32, STERNA_ACT_F32, false},
    {"matmul_float", {{"rows", 1}, {"m", 3}, {"k", 34}}, STERNA_FORMAT_F16, STERNA_ACT_F32, false},
    {"matmul_float", {{"rows", 3}, {"m", 3}, {"k", 34}}, STERNA_FORMAT_F16, STERNA_ACT_F32, false},
    {"matmul_float", {{"rows", 1}, {"m", 3}, {"k", 34}}, STERNA_FORMAT_BF16, STERNA_ACT_F32, false},
    {"matmul_float", {{"rows", 3}, {"m", 3}, {"k", 34}}, STERNA_FORMAT_BF16, STERNA_ACT_F32, false},
    {"matmul_ternary", {{"rows", 1}, {"m", 3}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, false},
    {"matmul_ternary", {{"rows", 6}, {"m", 3}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, false},
    {"matmul_ternary", {{"rows", 1}, {"m", 3}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, true},
    {"matmul_ternary", {{"rows", 3}, {"m", 3}, {"k", 256}}, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, true},
    {"matmul_block",
     {{"rows", 1}, {"m", 3}, {"k", 64}, {"block", 32}},
     STERNA_FORMAT_Q8_0,
     STERNA_ACT_BLOCK32,
     true},
    {"matmul_block",
     {{"rows", 3}, {"m", 3}, {"k", 64}, {"block", 32}},
     STERNA_FORMAT_Q8_0,
     STERNA_ACT_BLOCK32,
     true},
    {"matmul_block",
     {{"rows", 1}, {"m", 3}, {"k", 256}, {"block", 256}},
     STERNA_FORMAT_Q4_K,
     STERNA_ACT_BLOCK256,
     true},
    {"matmul_block",
     {{"rows", 3}, {"m", 3}, {"k", 256}, {"block", 256}},
     STERNA_FORMAT_Q4_K,
     STERNA_ACT_BLOCK256,
     true},
    {"matmul_block",
     {{"rows", 1}, {"m", 3}, {"k", 256}, {"block", 256}},
     STERNA_FORMAT_TQ2_0,
     STERNA_ACT_BLOCK256,
     true},
    {"matmul_block",
     {{"rows", 3}, {"m", 3}, {"k", 256}, {"block", 256}},
     STERNA_FORMAT_TQ2_0,
     STERNA_ACT_BLOCK256,
     true},
    {"rope",
     {{"rows", 2}, {"heads", 2}, {"dim", 6}, {"n_rot", 4}, {"positions", 3}, {"kind", 1}},
     0,
     0,
     false},
    {"kv_append", {{"rows", 2}, {"n", 6}, {"slots", 3}, {"kv_type", 1}}, 0, 0, false},
    {"attention",
     {{"rows", 2},
      {"heads", 2},
      {"kv_heads", 1},
      {"dim", 4},
      {"slots", 6},
      {"seqs", 2},
      {"max_pages", 3},
      {"page_size", 2},
      {"kv_type", 1}},
     0,
     0,
     false},
    {"attention", /* a batch for the kernel of prompts */
     {{"rows", 16},
      {"heads", 1},
      {"kv_heads", 1},
      {"dim", 2},
      {"slots", 4},
      {"seqs", 1},
      {"max_pages", 2},
      {"page_size", 2},
      {"kv_type", 0}},
     0,
     0,
     false},
    {"add", {{"rows", 2}, {"n", 3}}, 0, 0, false},
    {"glu", {{"rows", 2}, {"n", 3}, {"act", 0}}, 0, 0, false},
    {"gather", {{"rows", 2}, {"source_rows", 3}, {"n", 3}}, 0, 0, false},
};

/* How many rows of kernels.def a device with these features, and groups as large as any kernel's, chooses for some node. */
static uint32_t chosen_kernels(uint32_t features)
{
    const sterna_gpu_limits limits = {.max_group_items = 128, .features = features};
    bool chosen[STERNA_GPU_KERNELS] = {false};
    uint32_t rows[STERNA_GPU_KERNELS], count = 0;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        const sterna_gpu_kernel_row *kernel = sterna_gpu_kernel_row_at(i);
        const sterna_format *format = sterna_format_find(kernel->format);
        sterna_weight_view view = {.format = format, .uniform = kernel->scales == STERNA_GPU_UNIFORM};
        uint32_t n = sterna_gpu_kernels_for(kernel->op, format ? &view : NULL, &limits, rows);
        for (uint32_t k = 0; k < n; k++) chosen[rows[k]] = true;
    }
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) count += chosen[i];
    return count;
}

bool op_shapes_tiny(sterna_test *t, const sterna_backend_api *api, sterna_device *device, uint32_t features)
{
    for (uint32_t i = 0; i < STERNA_COUNT(tiny_rows); i++) {
        op_case c = case_of(&tiny_rows[i], i + 1);
        if (!op_case_equal(t, api, device, &c)) return false;
    }
    uint32_t ran = api->kernels_used(device, NULL, 0), wanted = chosen_kernels(features);
    if (EXPECT(t, ran == wanted)) return true;
    sterna_test_note(t, "%u of %u kernels ran", ran, wanted);
    return false;
}
