/* bench_cpu [level] [threads] [layers]: the CPU backend at the shape of BitNet 2B4T, held against the limits
 * measured in the same run. A developer's tool: random weights, plans built by hand; `sterna bench` measures
 * models. Verifies the first outputs of every kind of node against level scalar before anything is timed. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/sys.h"
#include "cpu/cpu_backend.h"
#include "cpu/cpu_roofline.h"
#include "reference/ref_math.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WIDTH = 2560,
    FFN = 6912,
    HEADS = 20,
    KV_HEADS = 5,
    DIM = 128,
    VOCAB = 128256,
    KV_WIDTH = KV_HEADS * DIM,
    CONTEXT = 640,
    BATCH = 512,
    PAGE = 64,
    MAX_LAYERS = 30,
    NODES_PER_LAYER = 24,
    MAX_NODES = MAX_LAYERS * NODES_PER_LAYER + 8
};

static void *allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    return sterna_alloc_aligned(bytes, alignment);
}
static void release(void *context, void *memory)
{
    (void)context;
    sterna_free(memory);
}
static void log_text(void *context, int level, const char *text)
{
    (void)context, (void)level;
    fprintf(stderr, "%s\n", text);
}
static const sterna_host host = {sizeof host, STERNA_ABI_VERSION, NULL, allocate, release, log_text};

static const sterna_backend_api *api;
static sterna_fault fault;

static void must(sterna_status status)
{
    if (status == STERNA_OK) return;
    fprintf(stderr, "bench_cpu: %s\n", fault.text);
    exit(1);
}

typedef struct model {
    sterna_device *device;
    uint32_t threads, layers, n_nodes;
    sterna_weight *w[MAX_LAYERS][7], *table;
    sterna_buffer *x, *norm, *q8, *scale, *q, *k, *v, *att, *out, *gate, *up, *act, *ones, *rope, *pos, *seq,
        *slot, *pages, *ids, *last, *one_row, *logits, *kc[MAX_LAYERS], *vc[MAX_LAYERS];
    sterna_arg args[MAX_NODES][STERNA_MAX_ARGS];
    sterna_node nodes[MAX_NODES];
    sterna_plan *plan;
    uint8_t *f16;
} model;

static sterna_buffer *buffer(model *m, uint64_t bytes)
{
    sterna_buffer *b = NULL;
    must(api->buffer_create(m->device, bytes, &b, &fault));
    return b;
}

static sterna_weight *ternary(model *m, uint32_t rows, uint32_t cols, uint32_t seed)
{
    uint64_t row_bytes = cols / 256 * 66, n = rows * row_bytes;
    uint8_t *data = sterna_alloc_aligned(n, 64);
    sterna_weight *weight = NULL;
    if (!data) exit(1);
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (uint64_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        uint32_t r = (uint32_t)(state >> 33);
        data[i] = (uint8_t)(r % 3 | r / 3 % 3 << 2 | r / 9 % 3 << 4 | r / 27 % 3 << 6);
    }
    for (uint64_t b = 0; b < n; b += 66) data[b + 64] = 0x00, data[b + 65] = 0x24;
    sterna_tensor tensor = {.size = sizeof tensor,
                            .format = 35,
                            .act = STERNA_ACT_TOKEN,
                            .rows = rows,
                            .cols = cols,
                            .row_bytes = row_bytes,
                            .data = data,
                            .name = "w"};
    must(api->weight_create(m->device, &tensor, &weight, &fault));
    sterna_free(data);
    return weight;
}

#define B(h)                                                                                                 \
    {                                                                                                        \
        .kind = STERNA_ARG_BUFFER, .buffer = (h)                                                             \
    }
#define W(h)                                                                                                 \
    {                                                                                                        \
        .kind = STERNA_ARG_WEIGHT, .weight = (h)                                                             \
    }
#define N(v)                                                                                                 \
    {                                                                                                        \
        .kind = STERNA_ARG_U32, .u32 = (v)                                                                   \
    }
#define F(v)                                                                                                 \
    {                                                                                                        \
        .kind = STERNA_ARG_F32, .u32 = sterna_bits(v)                                                        \
    }
#define ROWS                                                                                                 \
    {                                                                                                        \
        .kind = STERNA_ARG_SLOT, .u32 = 0                                                                    \
    }
#define NODE(name, ...)                                                                                      \
    do {                                                                                                     \
        const sterna_arg list[] = {__VA_ARGS__};                                                             \
        memcpy(m->args[m->n_nodes], list, sizeof list);                                                      \
        m->nodes[m->n_nodes] =                                                                               \
            (sterna_node){name, m->args[m->n_nodes], sizeof list / sizeof list[0], m->n_nodes};              \
        m->n_nodes++;                                                                                        \
    } while (0)

static void norm_and_quantise(model *m, sterna_buffer *x, uint32_t n)
{
    NODE("rmsnorm", B(x), B(m->ones), B(m->norm), ROWS, N(n), F(1e-5f));
    NODE("quant_token", B(m->norm), B(m->q8), B(m->scale), ROWS, N(n));
}

static void linear(model *m, sterna_weight *w, sterna_buffer *y, uint32_t rows, uint32_t cols)
{
    NODE("matmul_ternary", B(m->q8), B(m->scale), B(y), W(w), ROWS, N(rows), N(cols));
}

static void layer_nodes(model *m, uint32_t l)
{
    norm_and_quantise(m, m->x, WIDTH);
    linear(m, m->w[l][0], m->q, WIDTH, WIDTH);
    linear(m, m->w[l][1], m->k, KV_WIDTH, WIDTH);
    linear(m, m->w[l][2], m->v, KV_WIDTH, WIDTH);
    NODE("rope", B(m->q), B(m->pos), B(m->rope), ROWS, N(HEADS), N(DIM), N(DIM), N(CONTEXT), N(1));
    NODE("rope", B(m->k), B(m->pos), B(m->rope), ROWS, N(KV_HEADS), N(DIM), N(DIM), N(CONTEXT), N(1));
    NODE("kv_append", B(m->k), B(m->slot), B(m->kc[l]), ROWS, N(KV_WIDTH), N(CONTEXT), N(1));
    NODE("kv_append", B(m->v), B(m->slot), B(m->vc[l]), ROWS, N(KV_WIDTH), N(CONTEXT), N(1));
    NODE("attention", B(m->q), B(m->kc[l]), B(m->vc[l]), B(m->pos), B(m->seq), B(m->pages), B(m->att), ROWS,
         N(HEADS), N(KV_HEADS), N(DIM), N(CONTEXT), N(1), N(CONTEXT / PAGE), N(PAGE), N(1),
         F(0.08838834764f));
    norm_and_quantise(m, m->att, WIDTH);
    linear(m, m->w[l][3], m->out, WIDTH, WIDTH);
    NODE("add", B(m->x), B(m->out), ROWS, N(WIDTH));
    norm_and_quantise(m, m->x, WIDTH);
    linear(m, m->w[l][4], m->gate, FFN, WIDTH);
    linear(m, m->w[l][5], m->up, FFN, WIDTH);
    NODE("glu", B(m->gate), B(m->up), B(m->act), ROWS, N(FFN), N(1));
    norm_and_quantise(m, m->act, FFN);
    linear(m, m->w[l][6], m->out, WIDTH, FFN);
    NODE("add", B(m->x), B(m->out), ROWS, N(WIDTH));
}

static void fill(model *m, sterna_buffer *b, uint64_t n, uint32_t seed)
{
    float *data = sterna_alloc(n, sizeof *data);
    if (!data) exit(1);
    for (uint64_t i = 0; i < n; i++)
        data[i] = (float)(int32_t)sterna_philox4x32(seed, 0, (uint32_t)i, 0, 0, 0).word[0] * 0x1p-31f;
    must(api->buffer_write(m->device, b, 0, data, n * sizeof *data, &fault));
    sterna_free(data);
}

static void build(model *m, const char *level, uint32_t threads, uint32_t layers, uint8_t *f16)
{
    static const uint32_t shape[7][2] = {{WIDTH, WIDTH}, {KV_WIDTH, WIDTH}, {KV_WIDTH, WIDTH}, {WIDTH, WIDTH},
                                         {FFN, WIDTH},   {FFN, WIDTH},      {WIDTH, FFN}};
    sterna_open_params params = {.size = sizeof params, .variant = level, .threads = threads};
    memset(m, 0, sizeof *m);
    must(api->open(&host, &params, &m->device, &fault));
    m->layers = layers;
    m->threads = threads;
    for (uint32_t l = 0; l < layers; l++)
        for (uint32_t i = 0; i < 7; i++) m->w[l][i] = ternary(m, shape[i][0], shape[i][1], l * 7 + i);
    sterna_tensor table = {.size = sizeof table,
                           .format = 1,
                           .act = STERNA_ACT_F32,
                           .rows = VOCAB,
                           .cols = WIDTH,
                           .outlives = 1,
                           .row_bytes = WIDTH * 2,
                           .data = f16,
                           .name = "output"};
    must(api->weight_create(m->device, &table, &m->table, &fault));
    const uint64_t row = 4ull * BATCH;
    m->x = buffer(m, row * WIDTH), m->norm = buffer(m, row * FFN), m->q8 = buffer(m, (uint64_t)BATCH * FFN);
    m->scale = buffer(m, row), m->q = buffer(m, row * WIDTH), m->k = buffer(m, row * KV_WIDTH);
    m->v = buffer(m, row * KV_WIDTH), m->att = buffer(m, row * WIDTH), m->out = buffer(m, row * WIDTH);
    m->gate = buffer(m, row * FFN), m->up = buffer(m, row * FFN), m->act = buffer(m, row * FFN);
    m->ones = buffer(m, 4 * FFN), m->rope = buffer(m, 4ull * CONTEXT * DIM), m->pos = buffer(m, row);
    m->seq = buffer(m, row), m->slot = buffer(m, row), m->pages = buffer(m, 4 * (CONTEXT / PAGE));
    m->ids = buffer(m, row), m->last = buffer(m, 4), m->one_row = buffer(m, 4 * WIDTH),
    m->logits = buffer(m, 4 * VOCAB);
    for (uint32_t l = 0; l < layers; l++) {
        m->kc[l] = buffer(m, 2ull * CONTEXT * KV_WIDTH);
        m->vc[l] = buffer(m, 2ull * CONTEXT * KV_WIDTH);
    }
    float one[FFN];
    for (uint32_t i = 0; i < FFN; i++) one[i] = 1.0f;
    must(api->buffer_write(m->device, m->ones, 0, one, sizeof one, &fault));
    float *angles = sterna_alloc((size_t)CONTEXT * DIM, 4);
    sterna_rope_params rope = {.n_rot = DIM, .base = 500000, .scale = 1};
    sterna_rope_table(&rope, 0, CONTEXT, angles);
    must(api->buffer_write(m->device, m->rope, 0, angles, 4ull * CONTEXT * DIM, &fault));
    sterna_free(angles);
    uint32_t pages[CONTEXT / PAGE], zero[BATCH] = {0};
    for (uint32_t i = 0; i < CONTEXT / PAGE; i++) pages[i] = i;
    must(api->buffer_write(m->device, m->pages, 0, pages, sizeof pages, &fault));
    must(api->buffer_write(m->device, m->seq, 0, zero, sizeof zero, &fault));
    fill(m, m->x, (uint64_t)BATCH * WIDTH, 1);
    for (uint32_t l = 0; l < layers; l++) layer_nodes(m, l);
    NODE("gather", B(m->x), B(m->last), B(m->one_row), N(1), ROWS, N(WIDTH));
    NODE("rmsnorm", B(m->one_row), B(m->ones), B(m->norm), N(1), N(WIDTH), F(1e-5f));
    NODE("matmul_float", B(m->norm), B(m->logits), W(m->table), N(1), N(VOCAB), N(WIDTH));
    uint32_t most = BATCH;
    sterna_plan_params plan = {
        .size = sizeof plan, .nodes = m->nodes, .n_nodes = m->n_nodes, .n_slots = 1, .slot_max = &most};
    must(api->plan_create(m->device, &plan, &m->plan, &fault));
}

/* One thread is timed by the processor time it gets, which a busy machine disturbs less; several by the
 * clock. */
static double seconds_now(const model *m)
{
    struct timespec t;
    if (m->threads > 1) return sterna_sys_now();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Runs nodes for `rows` tokens at position `first`; seconds. */
static double step(model *m, uint32_t first, uint32_t rows, uint32_t node, uint32_t count)
{
    uint32_t pos[BATCH], last = rows - 1;
    sterna_fence fence;
    sterna_result result = {.size = sizeof result};
    for (uint32_t i = 0; i < rows; i++) pos[i] = first + i;
    must(api->buffer_write(m->device, m->pos, 0, pos, 4ull * rows, &fault));
    must(api->buffer_write(m->device, m->slot, 0, pos, 4ull * rows, &fault));
    must(api->buffer_write(m->device, m->last, 0, &last, 4, &fault));
    double start = seconds_now(m);
    must(api->submit(m->device, m->plan, node, count, &rows, &fence, &fault));
    must(api->wait(m->device, fence, 0, &result, &fault));
    double seconds = seconds_now(m) - start;
    if (result.flags) {
        fprintf(stderr, "bench_cpu: flags %u at node %u\n", result.flags, result.node);
        exit(1);
    }
    return seconds;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* One layer and part of the output on this level and on scalar: the same bits, or nothing is timed. */
static void verify(const char *level, uint32_t threads, uint8_t *f16)
{
    static model a, b;
    static float got[BATCH * WIDTH], want[BATCH * WIDTH];
    build(&a, level, threads, 1, f16);
    build(&b, "scalar", threads, 1, f16);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t rows = i ? 9 : 1;
        step(&a, i ? 1 : 0, rows, 0, a.n_nodes - 1);
        step(&b, i ? 1 : 0, rows, 0, b.n_nodes - 1);
        must(api->buffer_read(a.device, a.x, 0, got, 4ull * rows * WIDTH, &fault));
        must(api->buffer_read(b.device, b.x, 0, want, 4ull * rows * WIDTH, &fault));
        if (memcmp(got, want, 4ull * rows * WIDTH) != 0) {
            fprintf(stderr, "bench_cpu: %s computes other bits than scalar\n", level);
            exit(1);
        }
    }
    api->close(a.device);
    api->close(b.device);
}

/* The best time of every node by itself, summed by kind: on a busy machine the nearest thing to a quiet one. */
static double by_kind(model *m, uint32_t first, uint32_t rows, uint32_t repeats)
{
    static double best[MAX_NODES];
    const char *names[32];
    double total[32] = {0}, all = 0;
    uint32_t n = 0;
    for (uint32_t r = 0; r < repeats; r++)
        for (uint32_t i = 0; i < m->n_nodes; i++) {
            double seconds = step(m, first, rows, i, 1);
            if (r == 0 || seconds < best[i]) best[i] = seconds;
        }
    for (uint32_t i = 0; i < m->n_nodes; i++) {
        uint32_t k = 0;
        while (k < n && strcmp(names[k], m->nodes[i].op) != 0) k++;
        if (k == n) names[n++] = m->nodes[i].op;
        total[k] += best[i];
        all += best[i];
    }
    for (uint32_t k = 0; k < n; k++) printf("    %-16s %9.3f ms\n", names[k], total[k] * 1e3);
    return all;
}

int main(int argc, char **argv)
{
    static model m;
    const char *level = argc > 1 ? argv[1] : "";
    uint32_t threads = argc > 2 ? (uint32_t)atoi(argv[2]) : sterna_sys_processors();
    uint32_t layers = argc > 3 ? (uint32_t)atoi(argv[3]) : MAX_LAYERS;
    sterna_cpu_level which;
    sterna_cpu_roofline roof;
    if (layers < 1 || layers > MAX_LAYERS) layers = MAX_LAYERS;
    api = sterna_backend_cpu_entry(STERNA_ABI_VERSION);
    must(sterna_cpu_level_find(level, strlen(level), sterna_cpu_features(), &which, &fault));
    level = sterna_cpu_level_name(which);
    must(sterna_cpu_measure_roofline(&host, which, threads, &roof, &fault));
    printf("%s, %u threads: read %.1f GB/s, int8 peak %.0f G multiply-adds/s\n", level, threads,
           roof.read_bytes_per_second * 1e-9, roof.int8_macs_per_second * 1e-9);

    uint64_t bytes = (uint64_t)VOCAB * WIDTH * 2;
    uint8_t *f16 = sterna_alloc_aligned(bytes, (size_t)2 << 20);
    if (!f16) return 1;
    sterna_sys_huge_pages(f16, bytes);
    for (uint64_t i = 0; i < bytes; i += 2) {
        f16[i] = (uint8_t)(i * 2654435761u >> 7);
        f16[i + 1] = (uint8_t)(0x20 | (i * 40503u >> 5 & 0x83)); /* small numbers of both signs */
    }
    verify(level, threads, f16);
    double start = sterna_sys_now();
    build(&m, level, threads, layers, f16);
    printf("made and packed %u layers in %.1f s\n", layers, sterna_sys_now() - start);

    const double linear = (double)layers * (2.0 * WIDTH * WIDTH + 2.0 * KV_WIDTH * WIDTH + 3.0 * FFN * WIDTH);
    const double moved = linear / 4 + (double)bytes;
    double t[15];
    step(&m, 0, 128, 0, m.n_nodes);
    for (uint32_t i = 0; i < 15; i++) t[i] = step(&m, 128 + i, 1, 0, m.n_nodes);
    qsort(t, 15, sizeof *t, by_value);
    printf("decode: best %.2f ms, median %.2f ms; %.1f tokens/s; %.2f GB moved at %.1f GB/s = %.0f %% of "
           "read (median %.0f %%)\n",
           t[0] * 1e3, t[7] * 1e3, 1 / t[0], moved * 1e-9, moved / t[0] * 1e-9,
           100 * moved / t[0] / roof.read_bytes_per_second, 100 * moved / t[7] / roof.read_bytes_per_second);
    double quiet = by_kind(&m, 150, 1, 9);
    printf("  sum of each node's best: %.2f ms, %.0f %% of read\n", quiet * 1e3,
           100 * moved / quiet / roof.read_bytes_per_second);
    for (uint32_t rows = 128; rows <= BATCH; rows *= 4) {
        for (uint32_t i = 0; i < 5; i++) t[i] = step(&m, 0, rows, 0, m.n_nodes);
        qsort(t, 5, sizeof *t, by_value);
        printf("prefill(%u): best %.1f ms, median %.1f ms; %.1f tokens/s; %.0f G multiply-adds/s = %.0f %% "
               "of int8 peak (median %.0f %%)\n",
               rows, t[0] * 1e3, t[2] * 1e3, rows / t[0], linear * rows / t[0] * 1e-9,
               100 * linear * rows / t[0] / roof.int8_macs_per_second,
               100 * linear * rows / t[2] / roof.int8_macs_per_second);
        quiet = by_kind(&m, 0, rows, rows == 128 ? 5 : 2);
        printf("  sum of each node's best: %.2f ms, %.0f %% of int8 peak\n", quiet * 1e3,
               100 * linear * rows / quiet / roof.int8_macs_per_second);
    }
    api->close(m.device);
    sterna_free(f16);
    return 0;
}
