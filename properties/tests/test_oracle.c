/* The oracle, held against the formats' own code over every field, and against results worked out by hand: two decoders
 * that were written apart agree, and the textbook formulas are the right ones. */
#include "base/mem.h"
#include "gen/gen.h"
#include "oracle/oracle.h"
#include "runner.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* All 65,536 patterns there, and back where a number has one; and the points half-way between two. */
static void halves(sterna_test *t)
{
    for (uint32_t bits = 0; bits < 65536; bits++) {
        if ((bits & 0x7C00) == 0x7C00) continue;
        double value = sterna_oracle_half((uint16_t)bits), engine = (double)sterna_f16_to_f32((uint16_t)bits);
        bool same = value == engine && signbit(value) == signbit(engine);
        CHECK_MSG(t, same && sterna_oracle_to_half(value) == value, "%04x", bits);
        double next = sterna_oracle_half((uint16_t)(bits + 1)), middle = (value + next) / 2;
        if (((bits + 1) & 0x7C00) == 0x7C00) continue;
        double rounded = (double)sterna_f16_to_f32(sterna_f32_to_f16((float)middle));
        CHECK_MSG(t,
                  sterna_oracle_to_half(middle) == rounded &&
                      sterna_oracle_to_half(middle) == (bits & 1 ? next : value),
                  "half-way above %04x", bits);
    }
    CHECK(t, isinf(sterna_oracle_to_half(65520)) && sterna_oracle_to_half(65519.99) == 65504 &&
                 sterna_oracle_to_half(-1e30) == -(double)INFINITY);
}

static void same_row(sterna_test *t, uint32_t id, const uint8_t *data, uint32_t cols, uint64_t bytes)
{
    static double mine[1024];
    static float theirs[1024];
    const sterna_format *format = sterna_format_find(id);
    const sterna_tensor w = {
        .size = sizeof w, .format = id, .rows = 1, .cols = cols, .row_bytes = bytes, .data = data};
    CHECK(t, sterna_oracle_row(&w, 0, mine));
    format->unpack(data, cols, theirs);
    for (uint32_t i = 0; i < cols; i++) {
        bool same = (float)mine[i] == theirs[i] && !signbit((float)mine[i]) == !signbit(theirs[i]);
        CHECK_MSG(t, same, "%s value %u: %.9g and %.9g", format->name, i, mine[i], (double)theirs[i]);
    }
}

/* Every value of every byte of a block, the others random; then random blocks. */
static void blocks(sterna_test *t)
{
    static const struct {
        uint32_t id, bytes, cols;
    } rows[] = {{8, 34, 32}, {12, 144, 256}, {35, 66, 256}, {0, 4, 1}, {1, 2, 1}, {30, 2, 1}};
    uint8_t data[144];
    uint64_t looked_at = 0;
    for (size_t f = 0; f < sizeof rows / sizeof *rows; f++) {
        const sterna_format *format = sterna_format_find(rows[f].id);
        for (uint32_t at = 0; at < rows[f].bytes; at++)
            for (uint32_t value = 0; value < 256; value++) {
                sterna_gen_blocks_kind(STERNA_BLOCKS_ANY, at * 256 + value, rows[f].id, data, rows[f].bytes);
                data[at] = (uint8_t)value;
                if (format->validate(data, 1) != 1) continue;
                same_row(t, rows[f].id, data, rows[f].cols, rows[f].bytes);
                looked_at++;
            }
        for (uint32_t seed = 0; seed < 20000; seed++) {
            sterna_gen_blocks_kind(seed % STERNA_BLOCKS_INTEGERS, seed, rows[f].id, data, rows[f].bytes);
            same_row(t, rows[f].id, data, rows[f].cols, rows[f].bytes);
        }
    }
    CHECK(t, looked_at > 60000);
}

/* Fills a call's argument from a list. */
static void fill(sterna_call *call, const char *name, const float *values, uint32_t n)
{
    float *data = sterna_call_data(call, name);
    for (uint32_t i = 0; i < call->bytes[sterna_call_index(call, name)] / 4; i++) data[i] = values[i % n];
}

static void by_hand(sterna_test *t, sterna_call *call, const char *output, const double *want, uint32_t n)
{
    sterna_truth truth;
    CHECK(t, sterna_oracle_run(call, false, &truth));
    const sterna_truth_output *out = &truth.out[sterna_call_index(call, output)];
    EXPECT(t, out->count == n && truth.flags == 0);
    for (uint32_t i = 0; i < n && i < out->count; i++)
        if (!EXPECT(t, fabs(out->value[i] - want[i]) <= 0x1p-40 && out->radius[i] >= 0 &&
                           out->radius[i] <= 0x1p-15))
            sterna_test_note(t, "%s[%u] = %.17g +- %.3g", output, i, out->value[i], out->radius[i]);
    sterna_truth_free(&truth);
    sterna_call_free(call);
}

static void rmsnorm_by_hand(sterna_test *t)
{
    sterna_call call;
    uint32_t scalars[STERNA_MAX_ARGS] = {[3] = 1, [4] = 2}; /* rows, n; eps 0 */
    CHECK(t, sterna_call_make(&call, STERNA_OP_rmsnorm, scalars, 0, STERNA_ACT_F32));
    fill(&call, "x", (float[]){1, 7}, 2); /* mean square 25 */
    fill(&call, "w", (float[]){1, 2}, 2);
    by_hand(t, &call, "y", (double[]){0.2, 2.8}, 2);
}

static void rope_by_hand(sterna_test *t)
{
    for (uint32_t kind = 0; kind < 2; kind++) {
        sterna_call call;
        uint32_t scalars[STERNA_MAX_ARGS] = {1, 1, 5, 4, 1, kind}; /* after x, pos, table */
        memmove(scalars + 3, scalars, 6 * sizeof *scalars);
        CHECK(t, sterna_call_make(&call, STERNA_OP_rope, scalars, 0, STERNA_ACT_F32));
        fill(&call, "x", (float[]){1, 2, 3, 4, 5}, 5);
        fill(&call, "table", (float[]){0, 1, -1, 0}, 4); /* a quarter turn, half a turn */
        double pairs[] = {-2, 1, -3, -4, 5}, halves_[] = {-3, -2, 1, -4, 5};
        by_hand(t, &call, "x", kind == 0 ? pairs : halves_, 5);
    }
}

static void attention_by_hand(sterna_test *t)
{
    sterna_call call;
    /* after six inputs and y: rows heads kv_heads dim slots seqs max_pages page_size kv_type scale */
    uint32_t scalars[STERNA_MAX_ARGS] = {[7] = 1, 2, 1, 2, 3, 1, 3, 1, 0, 0x3F800000};
    CHECK(t, sterna_call_make(&call, STERNA_OP_attention, scalars, 0, STERNA_ACT_F32));
    const float ln2 = 0.693147180559945f;
    fill(&call, "q", (float[]){1, 0, 0, 0}, 4); /* head 1 sees all keys alike */
    fill(&call, "k_cache", (float[]){0, 9, ln2, 9, 77, 77}, 6);
    fill(&call, "v_cache", (float[]){3, 0, 6, 3, 77, 77}, 6);
    uint32_t *pages = sterna_call_data(&call, "pages"), *pos = sterna_call_data(&call, "pos");
    pages[0] = 0, pages[1] = 1, pages[2] = 99;
    pos[0] = 1; /* two keys, with weights 1 and e^ln2 */
    double weight = exp((double)ln2), third = (3 + weight * 6) / (1 + weight);
    by_hand(t, &call, "y", (double[]){third, weight * 3 / (1 + weight), 4.5, 1.5}, 4);
}

static void glu_by_hand(sterna_test *t)
{
    for (uint32_t act = 0; act < 2; act++) {
        sterna_call call;
        uint32_t scalars[STERNA_MAX_ARGS] = {[3] = 1, 3, act};
        CHECK(t, sterna_call_make(&call, STERNA_OP_glu, scalars, 0, STERNA_ACT_F32));
        fill(&call, "g", (float[]){0, 3, -2}, 3);
        fill(&call, "u", (float[]){5, 2, 4}, 3);
        double silu[] = {0, 6 / (1 + exp(-3.0)), -8 / (1 + exp(2.0))}, relu2[] = {0, 18, 0};
        by_hand(t, &call, "y", act == 0 ? silu : relu2, 3);
    }
}

/* An oracle that forgets an element must not let anything pass there. */
static void forgotten_elements_are_within_nothing(sterna_test *t)
{
    sterna_call call;
    sterna_truth truth;
    uint32_t scalars[STERNA_MAX_ARGS] = {[2] = 2, 3};
    CHECK(t, sterna_call_make(&call, STERNA_OP_add, scalars, 0, STERNA_ACT_F32));
    CHECK(t, sterna_oracle_run(&call, false, &truth));
    CHECK(t, truth.out[0].count == 6 && truth.out[1].count == 0);
    for (uint32_t i = 0; i < 6; i++) CHECK(t, !isnan(truth.out[0].value[i]));
    sterna_truth_free(&truth);
    sterna_call_free(&call);
}

/* Redundant truth: the oracle's objects ask the linker for nothing of the engine's but memory. */
static void shares_nothing(sterna_test *t)
{
    static const char *const allowed[] = {"sterna_alloc", "sterna_free", "sterna_oracle_", "sterna_truth_",
                                          "sterna_call_"};
    char line[512], member[128], symbol[256];
    uint32_t looked_at = 0;
    FILE *pipe =
        popen("nm -A --undefined-only '" STERNA_BINARY_DIR "/properties/libsterna_bench.a' 2>/dev/null", "r");
    CHECK(t, pipe != NULL);
    while (fgets(line, sizeof line, pipe)) {
        const char *colon = strstr(line, ".a:");
        if (!colon || sscanf(colon + 3, "%127[^:]: U %255s", member, symbol) != 2) continue;
        if (strncmp(member, "oracle", 6) != 0 && strncmp(member, "decode", 6) != 0) continue;
        looked_at++;
        bool ours = strncmp(symbol, "sterna_", 7) == 0, fine = !ours;
        for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
            fine |= strncmp(symbol, allowed[i], strlen(allowed[i])) == 0;
        if (!EXPECT(t, fine)) sterna_test_note(t, "%s uses %s", member, symbol);
    }
    int ended = pclose(pipe);
    if (ended != 0) SKIP(t, "no nm here to look at the symbols of the oracle");
    CHECK(t, looked_at > 20);
}

const sterna_test_case sterna_test_cases[] = {
    {"halves", halves, 0},
    {"blocks", blocks, 0},
    {"rmsnorm_by_hand", rmsnorm_by_hand, 0},
    {"rope_by_hand", rope_by_hand, 0},
    {"attention_by_hand", attention_by_hand, 0},
    {"shares_nothing", shares_nothing, 0},
    {"glu_by_hand", glu_by_hand, 0},
    {"forgotten_elements_are_within_nothing", forgotten_elements_are_within_nothing, 0},
    {0}};
