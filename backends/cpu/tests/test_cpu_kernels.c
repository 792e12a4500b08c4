/* Every row of cpu_kernels.def against the reference, bit for bit, through the ABI: random shapes, buffers of
 * exact size, 1 and 3 threads, all levels of this machine; packing and its inverse; exp over many inputs.
 * Leaves to others: what is right (properties/oracle), refusals (test_cpu_abi.c). */
#include "cpu/cpu_kernels.h"
#include "cpu/tests/cpu_rig.h"

enum { THREADS = 2 };

typedef struct level_devices {
    sterna_device *device[STERNA_LEVEL_COUNT][THREADS];
} level_devices;

static void open_all(sterna_test *t, level_devices *all)
{
    const sterna_backend_api *api = rig_api();
    memset(all, 0, sizeof *all);
    for (uint32_t i = 0; i < api->device_count(); i++) {
        sterna_device_info info = {.size = sizeof info};
        EXPECT(t, api->device_info(i, &info) == STERNA_OK);
        for (uint32_t n = 0; n < THREADS && info.usable; n++) {
            sterna_open_params params = {
                .size = sizeof params, .variant = info.variant, .threads = n ? 3 : 1};
            EXPECT(t, api->open(&rig_host, &params, &all->device[i][n], NULL) == STERNA_OK);
        }
    }
}

static void close_all(level_devices *all)
{
    for (uint32_t i = 0; i < STERNA_LEVEL_COUNT; i++)
        for (uint32_t n = 0; n < THREADS; n++) rig_api()->close(all->device[i][n]);
}

/* Reference once, then every device. */
static bool agrees(sterna_test *t, const level_devices *all, rig_node *node, const char *shape)
{
    if (!EXPECT(t, rig_reference(node))) return false;
    for (uint32_t i = 0; i < STERNA_LEVEL_COUNT; i++)
        for (uint32_t n = 0; n < THREADS; n++) {
            char what[200];
            sterna_device_info info = {.size = sizeof info};
            if (!all->device[i][n]) continue;
            (void)rig_api()->info(all->device[i][n], &info);
            snprintf(what, sizeof what, "%s, %u threads, %s", info.variant, info.threads, shape);
            if (!rig_compare(t, all->device[i][n], node, what)) return false;
        }
    return true;
}

static uint32_t pick(rig_rng *rng, const uint32_t *from, uint32_t n)
{
    return from[rig_below(rng, n)];
}
#define PICK(rng, ...) pick(rng, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

static void plant_bad_value(rig_rng *rng, rig_node *node, const char *argument)
{
    static const uint32_t bad[] = {0x7fc00000u, 0x7f800000u, 0xff800000u,
                                   0x477ff000u, 0x477fefffu, 0x7f000000u};
    uint32_t i = (uint32_t)sterna_op_param(node->op, argument);
    uint64_t at = rig_below(rng, (uint32_t)(node->bytes[i] / 4)) * 4ull;
    memcpy(node->in[i] + at, &bad[rig_below(rng, 6)], 4);
    memcpy(node->ref[i] + at, node->in[i] + at, 4);
}

static void matmuls(sterna_test *t, sterna_op op, uint32_t format_id, sterna_act act, uint32_t rounds)
{
    level_devices all;
    rig_rng rng = {.seed = 100 + format_id + 1000 * (uint32_t)act};
    const uint32_t bounds[STERNA_MAX_ARGS] = {0};
    const sterna_format *format = sterna_format_find(format_id);
    open_all(t, &all);
    bool ok = true;
    for (uint32_t round = 0; round < rounds && ok; round++) {
        rig_node node = {.op = op};
        char shape[100];
        uint32_t rows = rig_set(&node, "rows", PICK(&rng, 1, 1, 2, 3, 4, 5, 7, 8, 9, 12, 17, 65, 70));
        uint32_t m = rig_set(&node, "m", PICK(&rng, 1, 3, 15, 16, 17, 31, 33, 48, 130, 300));
        uint32_t step = act == STERNA_ACT_F32 ? 1 : format->values;
        uint32_t k = step == 1    ? PICK(&rng, 1, 5, 31, 32, 33, 64, 100, 257)
                     : step == 32 ? 32 * PICK(&rng, 1, 2, 3, 8, 9, 65, 70)
                                  : 256 * PICK(&rng, 1, 2, 3, 4, 5, 8, 9, 17);
        if (round == 0 && step == 256) k = 256 * 300; /* beyond 2^16 columns */
        if (round == 1) rows = rig_set(&node, "rows", 530);
        rig_set(&node, "k", k);
        rig_set(&node, "block", act == STERNA_ACT_BLOCK32 ? 32 : 256);
        bool same = act == STERNA_ACT_TOKEN && rig_below(&rng, 3) > 0;
        node.tensor = (sterna_tensor){.size = sizeof node.tensor,
                                      .format = format_id,
                                      .act = act,
                                      .rows = m,
                                      .cols = k,
                                      .outlives = rig_below(&rng, 2),
                                      .name = "w"};
        node.tensor.data = rig_weight(&rng, format, m, k, same, &node.tensor.row_bytes);
        snprintf(shape, sizeof shape, "round %u: %s, rows %u, m %u, k %u, one scale %d", round, format->name,
                 rows, m, k, same);
        ok = EXPECT(t, node.tensor.data && rig_fill(&node, &rng, bounds)) && agrees(t, &all, &node, shape);
        rig_free(&node);
    }
    close_all(&all);
}

static void ternary(sterna_test *t)
{
    matmuls(t, STERNA_OP_matmul_ternary, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, 60);
}
static void tq2_0(sterna_test *t)
{
    matmuls(t, STERNA_OP_matmul_block, STERNA_FORMAT_TQ2_0, STERNA_ACT_BLOCK256, 40);
}
static void q8_0(sterna_test *t)
{
    matmuls(t, STERNA_OP_matmul_block, STERNA_FORMAT_Q8_0, STERNA_ACT_BLOCK32, 60);
}
static void q4_k(sterna_test *t)
{
    matmuls(t, STERNA_OP_matmul_block, STERNA_FORMAT_Q4_K, STERNA_ACT_BLOCK256, 40);
}
static void f32(sterna_test *t)
{
    matmuls(t, STERNA_OP_matmul_float, STERNA_FORMAT_F32, STERNA_ACT_F32, 60);
}
static void f16(sterna_test *t)
{
    matmuls(t, STERNA_OP_matmul_float, STERNA_FORMAT_F16, STERNA_ACT_F32, 60);
}
static void bf16(sterna_test *t)
{
    matmuls(t, STERNA_OP_matmul_float, STERNA_FORMAT_BF16, STERNA_ACT_F32, 60);
}

/* All products at their largest: where a 16-bit or 32-bit sum would overflow if any could. */
static void extremes(sterna_test *t)
{
    static const struct {
        sterna_op op;
        uint32_t format;
        sterna_act act;
    } rows[] = {{STERNA_OP_matmul_ternary, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN},
                {STERNA_OP_matmul_block, STERNA_FORMAT_TQ2_0, STERNA_ACT_BLOCK256},
                {STERNA_OP_matmul_block, STERNA_FORMAT_Q8_0, STERNA_ACT_BLOCK32},
                {STERNA_OP_matmul_block, STERNA_FORMAT_Q4_K, STERNA_ACT_BLOCK256}};
    const uint32_t bounds[STERNA_MAX_ARGS] = {0};
    level_devices all;
    rig_rng rng = {.seed = 5};
    open_all(t, &all);
    bool ok = true;
    for (uint32_t i = 0; i < 4 && ok; i++)
        for (uint32_t fill = 0; fill < 8 && ok; fill++) {
            rig_node node = {.op = rows[i].op};
            const sterna_format *format = sterna_format_find(rows[i].format);
            const uint32_t k = 256 * 260, m = 17;
            char shape[60];
            rig_set(&node, "rows", fill & 4 ? 9 : 1);
            rig_set(&node, "m", m);
            rig_set(&node, "k", k);
            rig_set(&node, "block", rows[i].act == STERNA_ACT_BLOCK32 ? 32 : 256);
            node.tensor = (sterna_tensor){.size = sizeof node.tensor,
                                          .format = rows[i].format,
                                          .act = rows[i].act,
                                          .rows = m,
                                          .cols = k,
                                          .name = "w"};
            uint8_t *data = rig_weight(&rng, format, m, k, true, &node.tensor.row_bytes);
            node.tensor.data = data;
            ok = EXPECT(t, data && rig_fill(&node, &rng, bounds));
            for (uint64_t b = 0; ok && b < m * node.tensor.row_bytes / format->bytes; b++) {
                uint32_t scale = format->id == STERNA_FORMAT_TQ2_0 ? 64 : 0,
                         header = format->id == STERNA_FORMAT_Q4_K ? 4 : 2;
                uint8_t *block = data + b * format->bytes, keep[4];
                memcpy(keep, block + scale, header);
                memset(block,
                       fill & 1                           ? 0xff
                       : format->id == STERNA_FORMAT_Q8_0 ? 0x80
                                                          : 0xfe,
                       format->bytes);
                memcpy(block + scale, keep, header);
            }
            for (uint64_t j = 0; ok && j < node.bytes[0]; j++)
                node.in[0][j] = node.ref[0][j] = fill & 2 ? 0x7f : 0x80;
            snprintf(shape, sizeof shape, "%s, filling %u", format->name, fill);
            ok = ok && agrees(t, &all, &node, shape);
            rig_free(&node);
        }
    close_all(&all);
}

static void attention(sterna_test *t)
{
    level_devices all;
    rig_rng rng = {.seed = 77};
    open_all(t, &all);
    bool ok = true;
    for (uint32_t round = 0; round < 120 && ok; round++) {
        rig_node node = {.op = STERNA_OP_attention};
        uint32_t bounds[STERNA_MAX_ARGS] = {0};
        char shape[160];
        uint32_t rows = rig_set(&node, "rows", PICK(&rng, 1, 1, 2, 3, 6));
        uint32_t kv_heads = rig_set(&node, "kv_heads", PICK(&rng, 1, 1, 2, 3));
        uint32_t heads = rig_set(&node, "heads", kv_heads * PICK(&rng, 1, 2, 3, 4, 5, 8));
        uint32_t dim = rig_set(&node, "dim", PICK(&rng, 2, 6, 16, 30, 32, 34, 64, 80, 128));
        uint32_t page = rig_set(&node, "page_size", PICK(&rng, 1, 7, 16, 64, 300));
        uint32_t pages = rig_set(&node, "max_pages", 1 + rig_below(&rng, 700) / page);
        uint32_t seqs = rig_set(&node, "seqs", PICK(&rng, 1, 2));
        uint32_t slots = rig_set(&node, "slots", page * (1 + rig_below(&rng, pages * seqs)));
        uint32_t kv_type = rig_set(&node, "kv_type", rig_below(&rng, 2));
        node.scalars[sterna_op_param(node.op, "scale")] = sterna_bits(1.0f / sqrtf((float)dim));
        /* Sometimes one position, sequence or page too many. */
        uint32_t beyond = rig_below(&rng, 8) == 0;
        bounds[sterna_op_param(node.op, "pos")] = pages * page + beyond;
        bounds[sterna_op_param(node.op, "seq")] = seqs + beyond;
        bounds[sterna_op_param(node.op, "pages")] = slots / page + beyond;
        snprintf(shape, sizeof shape, "round %u: rows %u, heads %u/%u, dim %u, page %u x %u, kv %u", round,
                 rows, heads, kv_heads, dim, page, pages, kv_type);
        ok = EXPECT(t, rig_fill(&node, &rng, bounds));
        for (const char *const *name = (const char *const[]){"k_cache", "v_cache", NULL}; ok && *name;
             name++) {
            uint32_t i = (uint32_t)sterna_op_param(node.op, *name);
            for (uint64_t j = 0; j < node.bytes[i]; j += 4) {
                float v = (float)(int32_t)rig_u32(&rng) * 0x1p-30f;
                uint16_t half[2] = {sterna_f32_to_f16(v), sterna_f32_to_f16(v * 0.7f)};
                memcpy(node.in[i] + j, kv_type == 0 ? (void *)&v : (void *)half, 4);
            }
            memcpy(node.ref[i], node.in[i], (size_t)node.bytes[i]);
        }
        uint32_t q = (uint32_t)sterna_op_param(node.op, "q");
        for (uint64_t j = 0; ok && j < node.bytes[q]; j += 4) {
            float v = (float)(int32_t)rig_u32(&rng) * 0x1p-30f;
            memcpy(node.in[q] + j, &v, 4);
            memcpy(node.ref[q] + j, &v, 4);
        }
        if (ok && rig_below(&rng, 6) == 0) plant_bad_value(&rng, &node, "q");
        ok = ok && agrees(t, &all, &node, shape);
        rig_free(&node);
    }
    close_all(&all);
}

/* The operations whose rows are n values wide. */
static void rows_of(sterna_test *t, sterna_op op)
{
    level_devices all;
    rig_rng rng = {.seed = 300 + (uint32_t)op};
    open_all(t, &all);
    bool ok = true;
    for (uint32_t round = 0; round < 120 && ok; round++) {
        rig_node node = {.op = op};
        uint32_t bounds[STERNA_MAX_ARGS] = {0};
        char shape[100];
        uint32_t rows = rig_set(&node, "rows", PICK(&rng, 1, 1, 2, 5, 33));
        uint32_t n = PICK(&rng, 1, 2, 4, 12, 16, 31, 32, 33, 64, 100, 300, 2560);
        if (op == STERNA_OP_quant_token) n = (n + 3) / 4 * 4;
        if (op == STERNA_OP_kv_append) n = (n + 1) / 2 * 2;
        if (op == STERNA_OP_quant_block) {
            uint32_t block = rig_set(&node, "block", PICK(&rng, 32, 256));
            n = block * PICK(&rng, 1, 2, 5, 10);
        }
        rig_set(&node, "n", n);
        rig_set(&node, "act", round & 1);
        rig_set(&node, "kv_type", round & 1);
        uint32_t slots = rig_set(&node, "slots", 1 + rig_below(&rng, 50));
        if (op == STERNA_OP_kv_append)
            bounds[sterna_op_param(op, "slot")] = slots + (rig_below(&rng, 6) == 0);
        int eps = sterna_op_param(op, "eps");
        if (eps >= 0) node.scalars[eps] = sterna_bits(1e-5f);
        snprintf(shape, sizeof shape, "round %u: rows %u, n %u", round, rows, n);
        ok = EXPECT(t, rig_fill(&node, &rng, bounds));
        /* One slot for one row: two threads may not store to the same place. */
        if (ok && op == STERNA_OP_kv_append && rows > 1) {
            uint32_t i = (uint32_t)sterna_op_param(op, "slot");
            for (uint32_t r = 0; r < rows; r++) {
                uint32_t slot = (r * 7 + 3) % 101;
                memcpy(node.in[i] + 4 * r, &slot, 4);
                memcpy(node.ref[i] + 4 * r, &slot, 4);
            }
        }
        /* Alone in its row, the first value that F16 cannot hold, or the last that it can. */
        for (uint64_t j = 0; ok && op == STERNA_OP_kv_append && round % 8 == 3 && j < node.bytes[0]; j += 4) {
            const uint32_t one = 0x3f800000u, edge = round % 16 == 3 ? 0x477ff000u : 0x477fefffu;
            memcpy(node.in[0] + j, j ? &one : &edge, 4);
            memcpy(node.ref[0] + j, node.in[0] + j, 4);
        }
        bool takes_bad = op != STERNA_OP_add && op != STERNA_OP_glu;
        if (ok && takes_bad && rig_below(&rng, 4) == 0) plant_bad_value(&rng, &node, "x");
        ok = ok && agrees(t, &all, &node, shape);
        rig_free(&node);
    }
    close_all(&all);
}

static void rmsnorm(sterna_test *t)
{
    rows_of(t, STERNA_OP_rmsnorm);
}
static void quant_token(sterna_test *t)
{
    rows_of(t, STERNA_OP_quant_token);
}
static void quant_block(sterna_test *t)
{
    rows_of(t, STERNA_OP_quant_block);
}
static void kv_append(sterna_test *t)
{
    rows_of(t, STERNA_OP_kv_append);
}
static void add(sterna_test *t)
{
    rows_of(t, STERNA_OP_add);
}
static void glu(sterna_test *t)
{
    rows_of(t, STERNA_OP_glu);
}

static void rope(sterna_test *t)
{
    level_devices all;
    rig_rng rng = {.seed = 9};
    open_all(t, &all);
    bool ok = true;
    for (uint32_t round = 0; round < 80 && ok; round++) {
        rig_node node = {.op = STERNA_OP_rope};
        uint32_t bounds[STERNA_MAX_ARGS] = {0};
        char shape[100];
        uint32_t dim = rig_set(&node, "dim", PICK(&rng, 2, 8, 30, 64, 100, 128));
        uint32_t n_rot = rig_set(&node, "n_rot", 2 + rig_below(&rng, dim / 2) * 2);
        rig_set(&node, "rows", PICK(&rng, 1, 3, 20));
        rig_set(&node, "heads", PICK(&rng, 1, 3, 25));
        uint32_t positions = rig_set(&node, "positions", 1 + rig_below(&rng, 40));
        rig_set(&node, "kind", round & 1);
        bounds[sterna_op_param(node.op, "pos")] = positions + (rig_below(&rng, 6) == 0);
        snprintf(shape, sizeof shape, "round %u: dim %u, n_rot %u, kind %u", round, dim, n_rot, round & 1);
        ok = EXPECT(t, rig_fill(&node, &rng, bounds)) && agrees(t, &all, &node, shape);
        rig_free(&node);
    }
    close_all(&all);
}

/* silu with u = 1 walks exp through every 251st float of both signs. */
static void exp_everywhere(sterna_test *t)
{
    level_devices all;
    rig_rng rng = {.seed = 1};
    const uint32_t bounds[STERNA_MAX_ARGS] = {0}, n = 1u << 16, stride = 251;
    open_all(t, &all);
    bool ok = true;
    for (uint64_t first = 0; first < 0x100000000ull && ok; first += (uint64_t)n * stride) {
        rig_node node = {.op = STERNA_OP_glu};
        rig_set(&node, "rows", 1);
        rig_set(&node, "n", n);
        ok = EXPECT(t, rig_fill(&node, &rng, bounds));
        for (uint32_t i = 0; i < n && ok; i++) {
            uint32_t bits = (uint32_t)(first + (uint64_t)i * stride);
            if ((bits & 0x7fffffffu) > 0x7f800000u) bits = 0; /* NaN has many payloads */
            const float one = 1.0f;
            memcpy(node.in[0] + 4 * i, &bits, 4);
            memcpy(node.ref[0] + 4 * i, &bits, 4);
            memcpy(node.in[1] + 4 * i, &one, 4);
            memcpy(node.ref[1] + 4 * i, &one, 4);
        }
        ok = ok && agrees(t, &all, &node, "exp");
        rig_free(&node);
    }
    close_all(&all);
}

/* Two positions, scores 0 and -x, values 0 and 1: the output is exp(-x) as it is, down to where it vanishes. */
static void exp_where_it_vanishes(sterna_test *t)
{
    level_devices all;
    rig_rng rng = {.seed = 21};
    const uint32_t rows = 3000;
    uint32_t bounds[STERNA_MAX_ARGS] = {0}, small = 0;
    open_all(t, &all);
    rig_node node = {.op = STERNA_OP_attention};
    rig_set(&node, "rows", rows);
    for (const char *const *one = (const char *const[]){"heads", "kv_heads", "seqs", "max_pages", NULL}; *one;
         one++)
        rig_set(&node, *one, 1);
    for (const char *const *two = (const char *const[]){"dim", "slots", "page_size", NULL}; *two; two++)
        rig_set(&node, *two, 2);
    node.scalars[sterna_op_param(node.op, "scale")] = sterna_bits(1.0f);
    bounds[sterna_op_param(node.op, "seq")] = bounds[sterna_op_param(node.op, "pages")] = 1;
    bounds[sterna_op_param(node.op, "pos")] = 1;
    bool ok = EXPECT(t, rig_fill(&node, &rng, bounds));
    float cache[2][4] = {{0, 0, -1, 0}, {0, 0, 1, 1}};
    for (uint32_t i = 0; ok && i < 2; i++) {
        uint32_t a = (uint32_t)sterna_op_param(node.op, i ? "v_cache" : "k_cache");
        memcpy(node.in[a], cache[i], sizeof cache[i]);
        memcpy(node.ref[a], cache[i], sizeof cache[i]);
    }
    for (uint32_t r = 0; ok && r < rows; r++) {
        const uint32_t q = (uint32_t)sterna_op_param(node.op, "q"),
                       pos = (uint32_t)sterna_op_param(node.op, "pos"), one = 1;
        float query[2] = {r < 2000 ? 87.2f + 0.0001f * (float)r : 0.05f * (float)(r - 2000), 0};
        memcpy(node.in[q] + 8ull * r, query, 8);
        memcpy(node.ref[q] + 8ull * r, query, 8);
        memcpy(node.in[pos] + 4ull * r, &one, 4);
        memcpy(node.ref[pos] + 4ull * r, &one, 4);
    }
    ok = ok && agrees(t, &all, &node, "exp of scores");
    for (uint32_t r = 0; ok && r < 2000; r++) {
        float y;
        memcpy(&y, node.ref[sterna_op_param(node.op, "y")] + 8ull * r, 4);
        small += y > 0.0f && y < 0x1p-125f;
    }
    EXPECT(t, !ok || (small > 100 && small < 1990)); /* both sides of the edge were met */
    rig_free(&node);
    close_all(&all);
}

static void packs_and_reads_back(sterna_test *t)
{
    static const struct {
        sterna_cpu_pack pack;
        uint32_t format;
        sterna_act act;
        bool same;
    } rows[] = {{STERNA_CPU_PACK_TERNARY, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, true},
                {STERNA_CPU_PACK_TERNARY, STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, false},
                {STERNA_CPU_PACK_TERNARY, STERNA_FORMAT_TQ2_0, STERNA_ACT_BLOCK256, true},
                {STERNA_CPU_PACK_Q8, STERNA_FORMAT_Q8_0, STERNA_ACT_BLOCK32, false},
                {STERNA_CPU_PACK_Q4K, STERNA_FORMAT_Q4_K, STERNA_ACT_BLOCK256, false}};
    rig_rng rng = {.seed = 3};
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++)
        for (uint32_t m = 1; m < 40; m += 6) {
            const sterna_format *format = sterna_format_find(rows[i].format);
            sterna_tensor tensor = {.size = sizeof tensor,
                                    .format = rows[i].format,
                                    .act = rows[i].act,
                                    .rows = m,
                                    .cols = 3 * format->values,
                                    .name = "w"};
            sterna_weight_view view;
            uint8_t *data = rig_weight(&rng, format, m, tensor.cols, rows[i].same, &tensor.row_bytes);
            tensor.data = data;
            CHECK(t, data && sterna_weight_view_make(&tensor, &view, NULL) == STERNA_OK);
            uint8_t *packed = sterna_alloc_aligned((size_t)sterna_cpu_pack_bytes(rows[i].pack, &view), 64);
            CHECK(t, packed != NULL);
            sterna_cpu_pack_panels(rows[i].pack, &view, packed, 0, (m + 15) / 16);
            for (uint32_t r = 0; r < m; r++)
                for (uint32_t b = 0; b < 3; b++) {
                    sterna_block want, got;
                    memset(&want, 0, sizeof want);
                    format->decode(data + r * tensor.row_bytes + b * format->bytes, &want);
                    sterna_cpu_pack_read(rows[i].pack, &view, packed, r, b, &got);
                    CHECK_MSG(t,
                              memcmp(want.q, got.q, format->values) == 0 && want.d == got.d &&
                                  want.dmin == got.dmin,
                              "%s row %u block %u", format->name, r, b);
                    for (uint32_t g = 0; g < format->values / format->group; g++)
                        CHECK(t, want.scale[g] == got.scale[g] && want.min[g] == got.min[g]);
                }
            sterna_free(packed);
            sterna_free(data);
        }
}

/* Rows of a level shadow those below; a level without one uses the next lower. */
static void dispatch_is_nearest(sterna_test *t)
{
    char name[64];
    uint32_t row = sterna_cpu_kernel_find(STERNA_LEVEL_SCALAR, STERNA_OP_rmsnorm, 0, STERNA_ACT_F32);
    sterna_cpu_kernel_name(row, name);
    CHECK(t, strcmp(name, "rmsnorm/scalar") == 0);
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++)
        for (uint32_t level = 0; level < STERNA_LEVEL_COUNT; level++) {
            row = sterna_cpu_kernel_find((sterna_cpu_level)level, (sterna_op)op, STERNA_FORMAT_F32,
                                         STERNA_ACT_F32);
            CHECK(t, sterna_cpu_kernel_get(row)->op == (sterna_op)op &&
                         sterna_cpu_kernel_get(row)->level <= level);
        }
#if STERNA_CPU_X86
    sterna_cpu_kernel_name(sterna_cpu_kernel_find(STERNA_LEVEL_AVX512VNNI, STERNA_OP_matmul_ternary,
                                                  STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN),
                           name);
    CHECK(t, strcmp(name, "matmul_ternary/avx512vnni") == 0);
    sterna_cpu_kernel_name(
        sterna_cpu_kernel_find(STERNA_LEVEL_AVX512VNNI, STERNA_OP_rmsnorm, 0, STERNA_ACT_F32), name);
    CHECK(t, strcmp(name, "rmsnorm/avx512bw") == 0);
    sterna_cpu_kernel_name(sterna_cpu_kernel_find(STERNA_LEVEL_AVX2, STERNA_OP_matmul_block,
                                                  STERNA_FORMAT_Q4_K, STERNA_ACT_BLOCK256),
                           name);
    CHECK(t, strcmp(name, "matmul_block.Q4_K/avx2") == 0);
    CHECK(t, sterna_cpu_pack_for(STERNA_LEVEL_AVX2, STERNA_FORMAT_TQ2_0, STERNA_ACT_F32) ==
                 STERNA_CPU_PACK_NONE);
#endif
}

const sterna_test_case sterna_test_cases[] = {{"ternary", ternary, 60},
                                              {"tq2_0", tq2_0, 60},
                                              {"q8_0", q8_0, 60},
                                              {"q4_k", q4_k, 60},
                                              {"f32", f32, 60},
                                              {"f16", f16, 60},
                                              {"bf16", bf16, 60},
                                              {"extremes", extremes, 60},
                                              {"attention", attention, 60},
                                              {"rmsnorm", rmsnorm, 0},
                                              {"quant_token", quant_token, 0},
                                              {"quant_block", quant_block, 0},
                                              {"kv_append", kv_append, 0},
                                              {"add", add, 0},
                                              {"glu", glu, 0},
                                              {"rope", rope, 0},
                                              {"exp_everywhere", exp_everywhere, 60},
                                              {"exp_where_it_vanishes", exp_where_it_vanishes, 0},
                                              {"packs_and_reads_back", packs_and_reads_back, 0},
                                              {"dispatch_is_nearest", dispatch_is_nearest, 0},
                                              {0}};
