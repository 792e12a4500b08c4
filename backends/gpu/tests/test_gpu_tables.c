/* What the GPU host decides without a device: layout of weight rows, choice of kernels, grids. */
#include "base/philox.h"
#include "base/size.h"
#include "gpu/gpu_kernels.h"
#include "gpu/gpu_layout.h"
#include "runner.h"
#include <string.h>

static const uint32_t formats[] = {STERNA_FORMAT_F32,  STERNA_FORMAT_F16,  STERNA_FORMAT_Q8_0,
                                   STERNA_FORMAT_Q4_K, STERNA_FORMAT_BF16, STERNA_FORMAT_TQ2_0};

/* Byte `at` of block b in a packed row of `blocks` blocks, by the drawing in gpu_layout.h. */
static uint8_t packed_byte(const sterna_format *format, const uint8_t *packed, uint32_t blocks, uint32_t b,
                           uint32_t at)
{
    uint32_t half = format->id == STERNA_FORMAT_Q8_0    ? 0
                    : format->id == STERNA_FORMAT_TQ2_0 ? 64
                                                        : UINT32_MAX;
    if (half == UINT32_MAX) return packed[b * format->bytes + at];
    uint32_t body = format->bytes - 2;
    if (at >= half && at < half + 2) return packed[blocks * body + 2 * b + (at - half)];
    return packed[b * body + (at < half ? at : at - 2)];
}

static void rows_keep_every_byte(sterna_test *t)
{
    enum { MOST_BLOCKS = 7 };
    for (uint32_t f = 0; f < STERNA_COUNT(formats); f++)
        for (uint32_t blocks = 1; blocks <= MOST_BLOCKS; blocks++) {
            const sterna_format *format = sterna_format_find(formats[f]);
            uint8_t row[MOST_BLOCKS * 144], out[MOST_BLOCKS * 144 + 4];
            uint32_t cols = blocks * format->values, bytes = blocks * format->bytes, words;
            for (uint32_t i = 0; i < bytes; i++)
                row[i] = (uint8_t)sterna_philox4x32(f, blocks, i, 0, 0, 0).word[0];
            memset(out, 0xee, sizeof out);
            CHECK(t, sterna_gpu_row_words(format, cols, &words) && words == (bytes + 3) / 4);
            sterna_gpu_pack_row(format, cols, row, out);
            for (uint32_t b = 0; b < blocks; b++)
                for (uint32_t at = 0; at < format->bytes; at++)
                    CHECK_MSG(t, packed_byte(format, out, blocks, b, at) == row[b * format->bytes + at],
                              "%s, block %u of %u, byte %u", format->name, b, blocks, at);
            for (uint32_t i = bytes; i < words * 4; i++) CHECK(t, out[i] == 0);
            CHECK(t, out[words * 4] == 0xee);
        }
}

static const sterna_gpu_limits ample = {.max_group_items = 256, .max_groups = 65535};

/* Every operation with every weight it takes has a kernel for a batch of one, and the list ends with it. */
static void every_node_has_a_kernel(sterna_test *t)
{
    uint32_t lists = 0;
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++) {
        const sterna_op_info *info = sterna_op_get((sterna_op)op);
        bool weighted = false;
        for (uint32_t i = 0; i < info->n_params; i++) weighted |= info->params[i].kind == STERNA_PARAM_WEIGHT;
        for (uint32_t f = 0; f < STERNA_COUNT(formats); f++)
            for (uint32_t uniform = 0; uniform < 2; uniform++)
                for (uint32_t act = 0; act < 4; act++) {
                    sterna_weight_view view = {
                        .format = sterna_format_find(formats[f]), .act = (sterna_act)act, .uniform = uniform};
                    uint32_t rows[STERNA_GPU_KERNELS];
                    if (weighted && !sterna_op_takes((sterna_op)op, formats[f], (sterna_act)act)) continue;
                    uint32_t n = sterna_gpu_kernels_for((sterna_op)op, weighted ? &view : NULL, &ample, rows);
                    CHECK_MSG(t, n > 0 && sterna_gpu_kernel_row_at(rows[n - 1])->min_rows == 1, "%s, %s",
                              info->name, view.format->name);
                    for (uint32_t k = 0; k < n; k++) {
                        const sterna_gpu_kernel_row *row = sterna_gpu_kernel_row_at(rows[k]);
                        CHECK(t, row->op == (sterna_op)op && (!weighted || row->format == formats[f]));
                        CHECK(t, row->scales == STERNA_GPU_ANY ||
                                     (row->scales == STERNA_GPU_UNIFORM) == (uniform == 1));
                        CHECK(t, k == 0 || sterna_gpu_kernel_row_at(rows[k - 1])->min_rows > row->min_rows);
                    }
                    lists++;
                }
    }
    CHECK(t, lists > 100);
}

static void small_groups_only(sterna_test *t)
{
    const sterna_gpu_limits tight = {.max_group_items = 32, .max_groups = 65535};
    uint32_t rows[STERNA_GPU_KERNELS];
    CHECK(t, sterna_gpu_kernels_for(STERNA_OP_rmsnorm, NULL, &tight, rows) == 1);
    CHECK(t, sterna_gpu_kernels_for(STERNA_OP_add, NULL, &tight, rows) == 0);
    const sterna_weight_view view = {.format = sterna_format_find(STERNA_FORMAT_TQ2_0), .uniform = 1};
    CHECK(t, sterna_gpu_kernels_for(STERNA_OP_matmul_ternary, &view, &ample, rows) == 2);
    CHECK(t, sterna_gpu_kernels_for(STERNA_OP_matmul_ternary, &view, &tight, rows) == 1);
    CHECK(t, sterna_gpu_kernel_row_at(rows[0])->tile_rows == 1);
}

/* The most capable row that fits, batch by batch; without a feature the row that does without. */
static void rows_by_capability(sterna_test *t)
{
    static const struct {
        sterna_op op;
        uint32_t format;
        sterna_act act;
        uint32_t uniform, features, items;
        const char *ids[3]; /* largest batches first */
    } cases[] = {
        {STERNA_OP_matmul_ternary,
         35,
         STERNA_ACT_TOKEN,
         1,
         0,
         256,
         {"matmul_ternary_tq2_0_tile", "matmul_ternary_tq2_0"}},
        {STERNA_OP_matmul_ternary,
         35,
         STERNA_ACT_TOKEN,
         1,
         STERNA_GPU_SUBGROUPS,
         256,
         {"matmul_ternary_tq2_0_tile", "matmul_ternary_tq2_0_subgroup"}},
        {STERNA_OP_matmul_ternary,
         35,
         STERNA_ACT_TOKEN,
         1,
         STERNA_GPU_INT_DOT,
         256,
         {"matmul_ternary_tq2_0_tile_dot", "matmul_ternary_tq2_0_dot"}},
        {STERNA_OP_matmul_ternary,
         35,
         STERNA_ACT_TOKEN,
         1,
         3,
         256,
         {"matmul_ternary_tq2_0_tile_dot", "matmul_ternary_tq2_0_dot_subgroup"}},
        {STERNA_OP_matmul_ternary,
         35,
         STERNA_ACT_TOKEN,
         1,
         3,
         64,
         {"matmul_ternary_tq2_0_tile_dot", "matmul_ternary_tq2_0_dot_subgroup"}},
        {STERNA_OP_matmul_ternary, 35, STERNA_ACT_TOKEN, 1, 3, 32, {"matmul_ternary_tq2_0_dot"}},
        {STERNA_OP_matmul_ternary,
         35,
         STERNA_ACT_TOKEN,
         0,
         2,
         256,
         {"matmul_ternary_tq2_0_blocks_tile", "matmul_ternary_tq2_0_blocks"}},
        {STERNA_OP_matmul_ternary,
         35,
         STERNA_ACT_TOKEN,
         0,
         3,
         256,
         {"matmul_ternary_tq2_0_blocks_tile_dot", "matmul_ternary_tq2_0_blocks_dot"}},
        {STERNA_OP_matmul_block,
         8,
         STERNA_ACT_BLOCK32,
         0,
         1,
         256,
         {"matmul_block_q8_0_tile_dot", "matmul_block_q8_0_dot"}},
        {STERNA_OP_matmul_block,
         12,
         STERNA_ACT_BLOCK256,
         0,
         3,
         256,
         {"matmul_block_q4_k_tile_dot", "matmul_block_q4_k_dot"}},
        {STERNA_OP_matmul_block,
         12,
         STERNA_ACT_BLOCK256,
         0,
         2,
         256,
         {"matmul_block_q4_k_tile", "matmul_block_q4_k"}},
        {STERNA_OP_matmul_block,
         35,
         STERNA_ACT_BLOCK256,
         0,
         1,
         256,
         {"matmul_block_tq2_0_tile_dot", "matmul_block_tq2_0_dot"}},
        {STERNA_OP_attention, UINT32_MAX, 0, 0, 3, 256, {"attention", "attention_wide"}},
        {STERNA_OP_attention, UINT32_MAX, 0, 0, 3, 64, {"attention"}},
    };
    for (uint32_t i = 0; i < STERNA_COUNT(cases); i++) {
        const sterna_gpu_limits limits = {.max_group_items = cases[i].items, .features = cases[i].features};
        const sterna_weight_view view = {
            .format = sterna_format_find(cases[i].format), .act = cases[i].act, .uniform = cases[i].uniform};
        uint32_t rows[STERNA_GPU_KERNELS];
        uint32_t n =
            sterna_gpu_kernels_for(cases[i].op, cases[i].format == UINT32_MAX ? NULL : &view, &limits, rows);
        for (uint32_t k = 0; k < STERNA_COUNT(cases[i].ids); k++) {
            const char *got = k < n ? sterna_gpu_kernel_row_at(rows[k])->id : "none";
            const char *want = cases[i].ids[k] ? cases[i].ids[k] : "none";
            CHECK_MSG(t, strcmp(got, want) == 0, "case %u, place %u: %s, not %s", i, k, got, want);
        }
    }
}

static const sterna_gpu_kernel_row *row_named(const char *id)
{
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++)
        if (strcmp(sterna_gpu_kernel_row_at(i)->id, id) == 0) return sterna_gpu_kernel_row_at(i);
    return NULL;
}

/* Grids cover the work: ceil(x / tile), by part for weights, without wrapping. */
static void grids(sterna_test *t)
{
    static const struct {
        const char *id;
        uint32_t scalars[12];
        uint64_t part, x, y;
    } rows[] = {
        {"rmsnorm", {0, 0, 0, 9, 100, 0}, 0, 1, 9},
        {"matmul_ternary_tq2_0", {0, 0, 0, 0, 3, 1000, 256}, 17, 3, 3},
        {"matmul_ternary_tq2_0_tile", {0, 0, 0, 0, 33, 1000, 256}, 17, 2, 3},
        {"matmul_float_f16_tile", {0, 0, 0, 5, 1000, 64}, 8, 1, 2},
        {"add", {0, 0, 65536, 1u << 20}, 0, 1u << 30, 1},
        {"quant_block", {0, 0, 0, 2, 288, 32}, 0, 3, 2},
        {"rope", {0, 0, 0, 4, 5, 64, 40, 10, 0}, 0, 2, 4},
    };
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        uint64_t x = 0, y = 0;
        const sterna_gpu_kernel_row *row = row_named(rows[i].id);
        CHECK_MSG(t, row != NULL, "%s", rows[i].id);
        row->grid(rows[i].scalars, rows[i].part, &x, &y);
        CHECK_MSG(t, x == rows[i].x && y == rows[i].y, "%s: %u x %u", rows[i].id, (unsigned)x, (unsigned)y);
    }
}

/* At and around the largest binding, with figures that overflow 32 bits when multiplied. */
static void rows_are_split_at_the_limit(sterna_test *t)
{
    static const struct {
        uint64_t binding;
        uint32_t words, rows, per_part, parts; /* parts 0: one row is too large */
    } cases[] = {
        {4096, 64, 16, 16, 1},
        {4096, 64, 17, 16, 2},
        {4095, 64, 16, 15, 2},
        {4096, 1024, 3, 1, 3},
        {4096, 1025, 3, 0, 0},
        {0xfffff000, 0x3ffffc00, 2, 1, 2},
        {0xfffff000, 0x3ffffc01, 2, 0, 0},
        {0xfffff000, UINT32_MAX, 1, 0, 0},
        {0xfffff000, 0x40000001, 2, 0, 0},
        {0xfffff000, 64, 0xffffff, 0xfffff0, 2},
        {0xfffff000, 64, 0xfffff0, 0xfffff0, 1},
        {0xfffff000, 1, UINT32_MAX, 0x3ffffc00, 5},
        {0xfffff000, 1 << 18, 1 << 24, 4095, 4098},
        {128u << 20, 160, 151936, 151936, 1},
        {128u << 20, 5120, 151936, 6553, 24},
    };
    for (uint32_t i = 0; i < STERNA_COUNT(cases); i++) {
        uint32_t per_part = 0, parts = 0;
        bool fits = sterna_gpu_split_rows(cases[i].binding, cases[i].words, cases[i].rows, &per_part, &parts);
        CHECK_MSG(t,
                  fits == (cases[i].parts != 0) && per_part == cases[i].per_part && parts == cases[i].parts,
                  "case %u: %u parts of %u rows", i, parts, per_part);
        CHECK(t, !fits || (uint64_t)per_part * cases[i].words * 4 <= cases[i].binding);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"rows_are_split_at_the_limit", rows_are_split_at_the_limit, 0},
    {"rows_keep_every_byte", rows_keep_every_byte, 0},
    {"every_node_has_a_kernel", every_node_has_a_kernel, 0},
    {"small_groups_only", small_groups_only, 0},
    {"rows_by_capability", rows_by_capability, 0},
    {"grids", grids, 0},
    {0},
};
