/* Choice streams, the shrinker and the generators: replay is exact, every stream is legal, minimal cases are
 * found, and what is drawn covers what it promises. */
#include "base/mem.h"
#include "gen/gen.h"
#include "gen/shrink.h"
#include "runner.h"
#include <math.h>
#include <string.h>

static sterna_choices c, d;

static void replay_is_exact(sterna_test *t)
{
    static uint8_t bytes[4 * STERNA_CHOICE_LIMIT];
    uint32_t drawn[200];
    sterna_choice_random(&c, 7, 9);
    for (uint32_t i = 0; i < 200; i++) drawn[i] = sterna_choose(&c, i * i * 1000003u);
    sterna_choice_replay(&d, c.value, c.count);
    for (uint32_t i = 0; i < 200; i++) CHECK(t, sterna_choose(&d, i * i * 1000003u) == drawn[i]);
    size_t n = sterna_choice_bytes(&c, bytes, sizeof bytes);
    sterna_choice_from_bytes(&d, bytes, n);
    for (uint32_t i = 0; i < 200; i++) CHECK(t, sterna_choose(&d, i * i * 1000003u) == drawn[i]);
    /* Dry streams give 0 for ever; larger values than asked for are lowered. */
    CHECK(t, sterna_choose(&d, 99) == 0 && sterna_choose(&d, UINT32_MAX) == 0);
    uint32_t large = 1000;
    sterna_choice_replay(&d, &large, 1);
    CHECK(t, sterna_choose(&d, 10) == 10);
    /* More draws than there is room for: zeros, and it is told. */
    sterna_choice_random(&c, 1, 1);
    for (uint32_t i = 0; i < STERNA_CHOICE_LIMIT + 5; i++) sterna_choose(&c, 5);
    CHECK(t, c.overrun && c.count == STERNA_CHOICE_LIMIT && sterna_choose(&c, 5) == 0);
}

static void random_is_uniform(sterna_test *t)
{
    uint32_t seen[10] = {0};
    for (uint32_t s = 0; s < 1000; s++) {
        sterna_choice_random(&c, s, 3);
        for (uint32_t i = 0; i < 10; i++) seen[sterna_choose(&c, 9)]++;
    }
    /* 10,000 draws: 1,000 each, deviation 30; 8 deviations never happen. */
    for (uint32_t i = 0; i < 10; i++) EXPECT(t, seen[i] > 760 && seen[i] < 1240);
}

/* A list of numbers in spans; fails when two of them are at least 1000 and the later one is larger. */
static bool list_fails(void *context, sterna_choices *s)
{
    uint32_t *calls = context, previous = 0;
    bool failing = false;
    if (calls) ++*calls;
    for (;;) {
        sterna_span_begin(s);
        bool more = sterna_choose(s, 1);
        uint32_t value = more ? sterna_choose(s, 1000000) : 0;
        sterna_span_end(s);
        if (!more || s->overrun) return failing;
        if (previous >= 1000 && value > previous) failing = true;
        if (value >= 1000) previous = value;
    }
}

static void shrinker_finds_the_minimum(sterna_test *t)
{
    static const uint32_t minimum[] = {1, 1000, 1, 1001, 0};
    uint32_t found = 0;
    for (uint32_t seed = 0; seed < 200; seed++) {
        uint32_t calls = 0;
        sterna_shrink_stats stats;
        sterna_choice_random(&c, seed, 5);
        if (!list_fails(NULL, &c)) continue;
        found++;
        sterna_shrink(&c, list_fails, &calls, 2000, 5.0, &stats);
        bool minimal = sterna_choice_compare(c.value, c.count, minimum, 5) == 0;
        CHECK_MSG(t, minimal, "seed %u: %u choices after %u attempts", seed, c.count, stats.attempts);
        CHECK(t, stats.attempts < 1000 && calls == stats.attempts + 1);
    }
    CHECK(t, found > 20);
}

static bool always(void *context, sterna_choices *s)
{
    (void)context;
    for (uint32_t i = 0; i < 50; i++) sterna_choose(s, 100);
    return true;
}

static void shrinker_keeps_its_limits(sterna_test *t)
{
    sterna_shrink_stats stats;
    sterna_choice_random(&c, 1, 1);
    always(NULL, &c);
    sterna_shrink(&c, always, NULL, 10, 5.0, &stats);
    CHECK(t, stats.attempts == 10 && c.count == 50);
    /* A stream that shrinks to nothing but zeros. */
    sterna_shrink(&c, always, NULL, 5000, 5.0, &stats);
    for (uint32_t i = 0; i < 50; i++) CHECK(t, c.value[i] == 0);
}

static void each_call(sterna_test *t, void (*look)(sterna_test *, const sterna_call *), sterna_gen_mode mode,
                      uint32_t n)
{
    static const struct {
        uint32_t format;
        sterna_act act;
    } weights[] = {{0, STERNA_ACT_F32},      {1, STERNA_ACT_F32},       {30, STERNA_ACT_F32},
                   {8, STERNA_ACT_F32},      {12, STERNA_ACT_F32},      {35, STERNA_ACT_F32},
                   {35, STERNA_ACT_TOKEN},   {35, STERNA_ACT_BLOCK256}, {8, STERNA_ACT_BLOCK32},
                   {12, STERNA_ACT_BLOCK256}};
    uint32_t made = 0;
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++)
        for (uint32_t w = 0; w < sizeof weights / sizeof *weights; w++) {
            sterna_call call;
            if (!sterna_op_takes((sterna_op)op, weights[w].format, weights[w].act)) continue;
            for (uint32_t s = 0; s < n; s++) {
                sterna_choice_random(&c, s, op);
                CHECK(t, sterna_gen_call(&c, (sterna_op)op, weights[w].format, weights[w].act, mode, &call));
                look(t, &call);
                sterna_call_free(&call);
                made++;
            }
        }
    CHECK(t, made > n * STERNA_OP_COUNT);
}

static void is_legal(sterna_test *t, const sterna_call *call)
{
    uint64_t work = 1;
    EXPECT(t, sterna_op_domain(call->op, call->scalars) == NULL);
    EXPECT(t, c.count < 100 && !c.overrun);
    for (uint32_t i = 0; i < call->info->n_params; i++) work += call->bytes[i];
    EXPECT(t, work < 8u << 20);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        if (param->type[0] == 'i' && param->kind == STERNA_PARAM_IN)
            for (uint64_t b = 0; b < call->bytes[i]; b++) EXPECT(t, (int8_t)call->data[i][b] >= -127);
        if (param->kind != STERNA_PARAM_WEIGHT) continue;
        const sterna_format *format = sterna_format_find(call->format);
        uint64_t blocks = call->bytes[i] / format->bytes;
        EXPECT(t, format->validate(call->data[i], blocks) == blocks);
    }
}

static void calls_are_legal(sterna_test *t)
{
    each_call(t, is_legal, STERNA_GEN_VALID, 60);
    each_call(t, is_legal, STERNA_GEN_ERRORS, 60);
}

/* Any bytes make a legal call: the stream is a fuzzer's input. */
static void any_bytes_are_a_call(sterna_test *t)
{
    uint8_t bytes[64];
    for (uint32_t s = 0; s < 3000; s++) {
        sterna_call call;
        if (!sterna_op_takes((sterna_op)(s % STERNA_OP_COUNT), 35, STERNA_ACT_BLOCK256)) continue;
        for (uint32_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(sterna_gen_word(s, i) & sterna_gen_word(s + 1, i));
        sterna_choice_from_bytes(&c, bytes, s % 65);
        CHECK(t, sterna_gen_call(&c, (sterna_op)(s % STERNA_OP_COUNT), 35, STERNA_ACT_BLOCK256,
                                 STERNA_GEN_ERRORS, &call));
        is_legal(t, &call);
        sterna_call_free(&call);
    }
}

/* Remainders of a size modulo the widest tile that draws reach. */
static void sizes_cover_tiles(sterna_test *t)
{
    uint32_t seen[64] = {0}, covered = 0, largest = 0;
    for (uint32_t s = 0; s < 4000; s++) {
        sterna_choice_random(&c, s, 77);
        uint32_t size = sterna_gen_size(&c, 1, 700);
        CHECK(t, size >= 1 && size <= 700);
        seen[size % 64]++;
        if (size > largest) largest = size;
    }
    for (uint32_t i = 0; i < 64; i++) covered += seen[i] > 0;
    CHECK(t, covered == 64 && largest > 512);
}

/* Products: rows modulo 8, outputs modulo 16 and blocks modulo 8 are the widest tiles of the kernels; every pair comes. */
static void products_cover_tiles(sterna_test *t)
{
    static uint8_t seen[8][16], blocks[8];
    uint32_t covered = 0, columns = 0, most_rows = 0;
    for (uint32_t s = 0; s < 6000; s++) {
        sterna_call call;
        sterna_choice_random(&c, s, 79);
        CHECK(t, sterna_gen_call(&c, STERNA_OP_matmul_block, 8, STERNA_ACT_BLOCK32, STERNA_GEN_VALID, &call));
        uint32_t rows = sterna_call_u32(&call, "rows");
        seen[rows % 8][sterna_call_u32(&call, "m") % 16] = 1;
        blocks[sterna_call_u32(&call, "k") / 32 % 8] = 1;
        if (rows > most_rows) most_rows = rows;
        sterna_call_free(&call);
    }
    for (uint32_t r = 0; r < 8; r++) {
        for (uint32_t m = 0; m < 16; m++) covered += seen[r][m];
        columns += blocks[r];
    }
    CHECK_MSG(t, covered == 128 && columns == 8 && most_rows >= 64,
              "%u of 128 tiles, %u of 8 remainders, %u rows", covered, columns, most_rows);
}

static void values_are_what_they_say(sterna_test *t)
{
    static float x[20000];
    uint32_t kinds = 0;
    for (uint32_t s = 0; s < 200; s++) {
        sterna_choice_random(&c, s, 78);
        sterna_fill kind = sterna_gen_f32(&c, STERNA_FILL_ANY, x, 20000);
        uint32_t subnormal = 0, zero[2] = {0}, infinite = 0;
        for (uint32_t i = 0; i < 20000; i++) {
            subnormal += fpclassify(x[i]) == FP_SUBNORMAL;
            infinite += !isfinite(x[i]);
            if (x[i] == 0) zero[signbit(x[i]) != 0]++;
        }
        CHECK(t, infinite == 0);
        if (kind == STERNA_FILL_TINY) CHECK(t, subnormal > 1000);
        if (kind == STERNA_FILL_ZEROS) CHECK(t, zero[0] > 5000 && zero[1] > 5000);
        kinds |= 1u << kind;
    }
    CHECK(t, kinds == (1u << STERNA_FILLS) - 1);
}

const sterna_test_case sterna_test_cases[] = {{"replay_is_exact", replay_is_exact, 0},
                                              {"random_is_uniform", random_is_uniform, 0},
                                              {"shrinker_finds_the_minimum", shrinker_finds_the_minimum, 0},
                                              {"shrinker_keeps_its_limits", shrinker_keeps_its_limits, 0},
                                              {"calls_are_legal", calls_are_legal, 0},
                                              {"any_bytes_are_a_call", any_bytes_are_a_call, 0},
                                              {"sizes_cover_tiles", sizes_cover_tiles, 0},
                                              {"products_cover_tiles", products_cover_tiles, 0},
                                              {"values_are_what_they_say", values_are_what_they_say, 0},
                                              {0}};
