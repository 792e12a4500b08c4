/* The formats: table, ggml's vectors, the integer view against the float one, bad scales, values that cannot
 * be kept. Owns: the check of formats/ but for the conversions of one value (test_half.c). */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "base/sys.h"
#include "formats/format.h"
#include "runner.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VECTOR = 1024 };

static const struct {
    uint32_t id;
    const char *stem;
    uint32_t scale_at[2]; /* byte offsets of the f16 scales of a block */
} quantised[] = {
    {STERNA_FORMAT_Q8_0, "08_q8_0", {0, 0}},
    {STERNA_FORMAT_Q4_K, "12_q4_K", {0, 2}},
    {STERNA_FORMAT_TQ2_0, "35_tq2_0", {64, 64}},
};
static const uint32_t computed[] = {STERNA_FORMAT_F32,  STERNA_FORMAT_F16,  STERNA_FORMAT_BF16,
                                    STERNA_FORMAT_Q8_0, STERNA_FORMAT_Q4_K, STERNA_FORMAT_TQ2_0};

static void table_is_sorted_and_found(sterna_test *t)
{
    uint32_t count;
    const sterna_format *all = sterna_format_all(&count);
    CHECK(t, count >= 34);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_MSG(t, i == 0 || all[i - 1].id < all[i].id, "%s is out of order", all[i].name);
        CHECK(t, sterna_format_find(all[i].id) == &all[i] && sterna_format_named(all[i].name) == &all[i]);
        CHECK(t, all[i].values > 0 && all[i].bytes > 0 && all[i].values % all[i].group == 0);
        CHECK(t, !all[i].unpack == !all[i].pack && !all[i].unpack == !all[i].validate);
        if (all[i].decode)
            CHECK(t,
                  all[i].values <= 256 && all[i].values / all[i].group <= 8 && all[i].act != STERNA_ACT_F32);
    }
    for (size_t i = 0; i < STERNA_COUNT(computed); i++) CHECK(t, sterna_format_find(computed[i])->unpack);
    CHECK(t, sterna_format_named("tq2_0") == sterna_format_find(35) && sterna_format_named("Q4_k")->id == 12);
    CHECK(t, !sterna_format_named("q4") && !sterna_format_named("") && !sterna_format_named("q4_kk"));
    static const uint32_t unknown[] = {4, 5, 31, 32, 33, 36, 37, 38, 43, 134, UINT32_MAX};
    for (size_t i = 0; i < STERNA_COUNT(unknown); i++) CHECK(t, !sterna_format_find(unknown[i]));
}

static void row_bytes_are_checked(sterna_test *t)
{
    const sterna_format *q4 = sterna_format_find(STERNA_FORMAT_Q4_K);
    uint64_t bytes = 7;
    CHECK(t, sterna_format_row_bytes(q4, 512, &bytes) && bytes == 288);
    CHECK(t, sterna_format_row_bytes(q4, 0, &bytes) && bytes == 0);
    CHECK(t, !sterna_format_row_bytes(q4, 128, &bytes) && !sterna_format_row_bytes(q4, 513, &bytes));
    CHECK(t, !sterna_format_row_bytes(sterna_format_find(STERNA_FORMAT_F32), UINT64_MAX / 4 + 1, &bytes));
    CHECK(t, sterna_format_row_bytes(sterna_format_find(STERNA_FORMAT_F32), UINT64_MAX / 4, &bytes));
}

/* Reads a vector into `out` (of `capacity` bytes), behind one byte of offset so that nothing is aligned. */
static bool load(sterna_test *t, const char *stem, const char *rest, uint8_t *out, uint64_t bytes)
{
    char name[80];
    sterna_mapping file = {0};
    sterna_fault fault = {0};
    snprintf(name, sizeof name, "backends/tests/vectors/%s_%s", stem, rest);
    if (!EXPECT(t, sterna_sys_map(sterna_test_repo(t, name), &file, &fault) == STERNA_OK)) return false;
    bool whole = EXPECT(t, file.size == bytes);
    if (whole) memcpy(out, file.data, bytes);
    sterna_sys_unmap(&file);
    return whole;
}

static uint64_t vector_bytes(const sterna_format *format)
{
    return VECTOR / format->values * format->bytes;
}

static void unpacks_ggml_vectors(sterna_test *t)
{
    static uint8_t storage[4 * VECTOR + 1];
    static float want[VECTOR], got[VECTOR];
    uint8_t *blocks = storage + 1;
    for (size_t i = 0; i < STERNA_COUNT(quantised); i++) {
        const sterna_format *format = sterna_format_find(quantised[i].id);
        static const char *const kinds[][2] = {{"quant.blk", "quant.f32"}, {"rand.blk", "rand.f32"}};
        for (size_t k = 0; k < 2; k++) {
            CHECK(t, load(t, quantised[i].stem, kinds[k][0], blocks, vector_bytes(format)));
            CHECK(t, load(t, quantised[i].stem, kinds[k][1], (uint8_t *)want, sizeof want));
            format->unpack(blocks, VECTOR, got);
            for (uint32_t j = 0; j < VECTOR; j++)
                CHECK_MSG(t, memcmp(&got[j], &want[j], 4) == 0, "%s %s value %u: %a, ggml has %a",
                          format->name, kinds[k][0], j, (double)got[j], (double)want[j]);
        }
    }
}

/* "hard": groups for which the last trial of Q4_K's search is the best, and values half-way between levels. */
static void packs_ggml_vectors(sterna_test *t)
{
    static const struct {
        uint32_t id;
        const char *stem, *src, *blk;
    } rows[] = {
        {STERNA_FORMAT_Q8_0, "08_q8_0", "quant.src_f32", "quant.blk"},
        {STERNA_FORMAT_Q4_K, "12_q4_K", "quant.src_f32", "quant.blk"},
        {STERNA_FORMAT_Q4_K, "12_q4_K", "hard.src_f32", "hard.blk"},
        {STERNA_FORMAT_TQ2_0, "35_tq2_0", "quant.src_f32", "quant.blk"},
    };
    static uint8_t want[4 * VECTOR], storage[4 * VECTOR + 1];
    static float in[VECTOR];
    uint8_t *got = storage + 1;
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        const sterna_format *format = sterna_format_find(rows[i].id);
        CHECK(t, load(t, rows[i].stem, rows[i].src, (uint8_t *)in, sizeof in));
        CHECK(t, load(t, rows[i].stem, rows[i].blk, want, vector_bytes(format)));
        memset(storage, 0xA5, sizeof storage);
        CHECK(t, format->pack(in, VECTOR, got) == STERNA_OK);
        for (uint64_t j = 0; j < vector_bytes(format); j++)
            CHECK_MSG(t, got[j] == want[j], "%s %s byte %llu of block %llu: %02x, ggml has %02x",
                      format->name, rows[i].blk, (unsigned long long)(j % format->bytes),
                      (unsigned long long)(j / format->bytes), got[j], want[j]);
        CHECK_MSG(t, got[vector_bytes(format)] == 0xA5, "%s writes past its row", format->name);
    }
}

/* Random blocks whose scales are finite; `salt` makes them differ. */
static void random_blocks(const sterna_format *format, const uint32_t scale_at[2], uint32_t salt,
                          uint8_t *blocks)
{
    uint64_t bytes = vector_bytes(format);
    for (uint64_t j = 0; j < bytes; j++)
        blocks[j] = (uint8_t)sterna_philox4x32(format->id, 1, (uint32_t)j, salt, 0, 0).word[0];
    for (uint32_t b = 0; b < VECTOR / format->values; b++)
        for (uint32_t s = 0; s < 2; s++) {
            uint8_t *high = blocks + b * format->bytes + scale_at[s] + 1;
            if ((*high & 0x7C) == 0x7C) *high &= 0x3F;
        }
}

static void decode_agrees_with_unpack(sterna_test *t)
{
    static uint8_t blocks[4 * VECTOR];
    static float values[VECTOR];
    for (size_t i = 0; i < STERNA_COUNT(quantised); i++) {
        const sterna_format *format = sterna_format_find(quantised[i].id);
        for (uint32_t salt = 0; salt < 64; salt++) {
            random_blocks(format, quantised[i].scale_at, salt, blocks);
            format->unpack(blocks, VECTOR, values);
            for (uint32_t j = 0; j < VECTOR; j++) {
                static sterna_block block;
                uint32_t at = j % format->values, g = at / format->group;
                if (at == 0) format->decode(blocks + j / format->values * format->bytes, &block);
                /* Exact in binary64 (at most 17 + 4 bits a product), then rounded once. */
                double exact =
                    (double)block.d * block.scale[g] * block.q[at] - (double)block.dmin * block.min[g];
                CHECK_MSG(t, values[j] == (float)exact, "%s value %u: %a, decoded %a", format->name, j,
                          (double)values[j], exact);
            }
        }
    }
}

/* Bits come back for values that the format holds exactly. */
static void repacks_what_it_unpacked(sterna_test *t)
{
    static uint8_t blocks[4 * VECTOR], again[4 * VECTOR];
    static float values[VECTOR];
    for (size_t i = 0; i < STERNA_COUNT(quantised); i++) {
        const sterna_format *format = sterna_format_find(quantised[i].id);
        if (format->has_min) continue; /* a search, not a projection */
        CHECK(t, load(t, quantised[i].stem, "quant.blk", blocks, vector_bytes(format)));
        format->unpack(blocks, VECTOR, values);
        CHECK(t, format->pack(values, VECTOR, again) == STERNA_OK);
        CHECK_MSG(t, memcmp(blocks, again, vector_bytes(format)) == 0, "%s", format->name);
    }
}

static void errors_stay_within_half_a_step(sterna_test *t)
{
    static uint8_t blocks[4 * VECTOR];
    static float in[VECTOR], out[VECTOR];
    const sterna_format *q8 = sterna_format_find(STERNA_FORMAT_Q8_0),
                        *q4 = sterna_format_find(STERNA_FORMAT_Q4_K);
    for (uint32_t salt = 0; salt < 16; salt++) {
        double q4_error = 0, power = 0;
        for (uint32_t j = 0; j < VECTOR; j++)
            in[j] = ldexpf((float)(int32_t)sterna_philox4x32(7, salt, j, 0, 0, 0).word[0],
                           (int)(salt % 8) * 3 - 40);
        CHECK(t, q8->pack(in, VECTOR, blocks) == STERNA_OK);
        q8->unpack(blocks, VECTOR, out);
        for (uint32_t j = 0; j < VECTOR; j++) {
            sterna_block block;
            q8->decode(blocks + j / 32 * q8->bytes, &block);
            /* Half a step, and the rounding of the scale to 11 bits (or to a subnormal) times at most 127. */
            double bound = 0.5 * (double)block.d + 128 * fmax((double)block.d * 0x1p-11, 0x1p-25);
            CHECK_MSG(t, fabs((double)in[j] - (double)out[j]) <= bound, "Q8_0 value %u: %g for %g", j,
                      (double)out[j], (double)in[j]);
        }
        if (salt % 8 < 4) continue; /* below Q4_K's smallest scales */
        CHECK(t, q4->pack(in, VECTOR, blocks) == STERNA_OK);
        q4->unpack(blocks, VECTOR, out);
        for (uint32_t j = 0; j < VECTOR; j++) {
            q4_error += ((double)in[j] - (double)out[j]) * ((double)in[j] - (double)out[j]);
            power += (double)in[j] * (double)in[j];
        }
        /* Uniform data: 15 steps over a range of 2 leave (2/15)^2/12 of 1/3, 0.0045; stored scales cost a
         * little. */
        CHECK_MSG(t, q4_error < 0.006 * power, "Q4_K: %g of the power is lost", q4_error / power);
    }
}

static void tq2_code_three_reads_as_two(sterna_test *t)
{
    const sterna_format *tq2 = sterna_format_find(STERNA_FORMAT_TQ2_0);
    uint8_t block[66] = {0};
    float out[256];
    sterna_block view;
    block[33] = 0xC0; /* the top pair of byte 33: value 128 + 96 + 1 */
    block[65] = 0x3E; /* 1.5 */
    tq2->unpack(block, 256, out);
    tq2->decode(block, &view);
    for (uint32_t i = 0; i < 256; i++) {
        CHECK_MSG(t, out[i] == (i == 225 ? 3.0f : -1.5f), "value %u is %g", i, (double)out[i]);
        CHECK(t, view.q[i] == (i == 225 ? 2 : -1));
    }
    CHECK(t, tq2->validate(block, 1) == 1);
}

static void validate_names_the_bad_block(sterna_test *t)
{
    static uint8_t blocks[4 * VECTOR];
    static const uint16_t bad[] = {0x7C00, 0xFC00, 0x7E00, 0xFFFF, 0x7C01};
    for (size_t i = 0; i < STERNA_COUNT(quantised); i++) {
        const sterna_format *format = sterna_format_find(quantised[i].id);
        uint32_t count = VECTOR / format->values;
        random_blocks(format, quantised[i].scale_at, 99, blocks);
        CHECK(t, format->validate(blocks, count) == count && format->validate(blocks, 0) == 0);
        for (uint32_t b = 0; b < count; b++)
            for (uint32_t s = 0; s < 2; s++)
                for (size_t k = 0; k < STERNA_COUNT(bad); k++) {
                    uint8_t *at = blocks + b * format->bytes + quantised[i].scale_at[s],
                            kept[2] = {at[0], at[1]};
                    at[0] = (uint8_t)bad[k];
                    at[1] = (uint8_t)(bad[k] >> 8);
                    CHECK_MSG(t, format->validate(blocks, count) == b, "%s block %u", format->name, b);
                    memcpy(at, kept, 2);
                }
    }
    float values[5] = {1, -2, NAN, INFINITY, 3};
    CHECK(t, sterna_format_find(STERNA_FORMAT_F32)->validate((uint8_t *)values, 5) == 2);
    CHECK(t, sterna_format_find(STERNA_FORMAT_F32)->validate((uint8_t *)values, 2) == 2);
    uint16_t halves[4] = {0x7BFF, 0xFBFF, 0xFC00, 0x7E00}, brains[4] = {0x7F7F, 0xFF7F, 0x7F80, 0xFFC0};
    CHECK(t, sterna_format_find(STERNA_FORMAT_F16)->validate((uint8_t *)halves, 4) == 2);
    CHECK(t, sterna_format_find(STERNA_FORMAT_BF16)->validate((uint8_t *)brains, 4) == 2);
    CHECK(t, sterna_format_find(STERNA_FORMAT_BF16)->validate((uint8_t *)halves, 4) == 4);
}

static void pack_refuses_what_it_cannot_keep(sterna_test *t)
{
    static uint8_t row[2048];
    float in[256];
    for (size_t i = 0; i < STERNA_COUNT(computed); i++) {
        const sterna_format *format = sterna_format_find(computed[i]);
        static const float bad[] = {INFINITY, -INFINITY, NAN};
        for (size_t k = 0; k < STERNA_COUNT(bad); k++)
            for (uint32_t at = 0; at < 256; at += 51) {
                for (uint32_t j = 0; j < 256; j++) in[j] = 1.0f;
                in[at] = bad[k];
                CHECK_MSG(t, format->pack(in, 256, row) == STERNA_FAILED, "%s takes %g", format->name,
                          (double)bad[k]);
            }
        /* Finite, but stored as an infinity (F32 keeps it; BF16 rounds it up). */
        for (uint32_t j = 0; j < 256; j++) in[j] = j & 1 ? -3.4028235e38f : 3.4028235e38f;
        CHECK_MSG(t,
                  format->pack(in, 256, row) == (format->id == STERNA_FORMAT_F32 ? STERNA_OK : STERNA_FAILED),
                  "%s", format->name);
    }
}

/* Zeros, constants and subnormals: defined in every format, and what comes out is valid. */
static void pack_survives_tiny_and_constant_rows(sterna_test *t)
{
    static uint8_t row[2048];
    static const float fill[] = {0.0f,    -0.0f, 1e-45f, -1e-45f, 1e-39f,  1.2e-38f,
                                 -3e-30f, 1e-7f, 1.0f,   -5.0f,   60000.0f};
    float in[256], out[256];
    for (size_t i = 0; i < STERNA_COUNT(computed); i++) {
        const sterna_format *format = sterna_format_find(computed[i]);
        for (size_t k = 0; k < STERNA_COUNT(fill); k++)
            for (uint32_t sparse = 0; sparse < 2; sparse++) {
                for (uint32_t j = 0; j < 256; j++) in[j] = sparse && j % 7 ? 0.0f : fill[k];
                uint32_t blocks = 256 / format->values;
                CHECK_MSG(t, format->pack(in, 256, row) == STERNA_OK, "%s %g", format->name, (double)fill[k]);
                CHECK(t, format->validate(row, blocks) == blocks);
                format->unpack(row, 256, out);
                for (uint32_t j = 0; j < 256; j++)
                    CHECK_MSG(t, fabsf(out[j] - in[j]) <= fmaxf(0.02f * fabsf(fill[k]), 1e-3f),
                              "%s %g gives %g", format->name, (double)in[j], (double)out[j]);
            }
    }
}

/* docs/formats.md lists every row of formats.def, with its sizes. */
static void the_manual_lists_every_format(sterna_test *t)
{
    sterna_mapping manual = {0};
    sterna_fault fault = {0};
    uint32_t count;
    const sterna_format *all = sterna_format_all(&count);
    CHECK(t, sterna_sys_map(sterna_test_repo(t, "docs/formats.md"), &manual, &fault) == STERNA_OK);
    char *text = sterna_strndup((const char *)manual.data, manual.size);
    CHECK(t, text);
    for (uint32_t i = 0; i < count; i++) {
        char row[80];
        snprintf(row, sizeof row, "\n| %u | %s | %u | %u |", (unsigned)all[i].id, all[i].name,
                 (unsigned)all[i].values, (unsigned)all[i].bytes);
        EXPECT(t, strstr(text, row));
        if (!strstr(text, row)) sterna_test_note(t, "missing:%s", row + 1);
    }
    sterna_free(text);
    sterna_sys_unmap(&manual);
}

const sterna_test_case sterna_test_cases[] = {
    {"table_is_sorted_and_found", table_is_sorted_and_found, 0},
    {"row_bytes_are_checked", row_bytes_are_checked, 0},
    {"unpacks_ggml_vectors", unpacks_ggml_vectors, 0},
    {"packs_ggml_vectors", packs_ggml_vectors, 0},
    {"decode_agrees_with_unpack", decode_agrees_with_unpack, 0},
    {"repacks_what_it_unpacked", repacks_what_it_unpacked, 0},
    {"errors_stay_within_half_a_step", errors_stay_within_half_a_step, 0},
    {"tq2_code_three_reads_as_two", tq2_code_three_reads_as_two, 0},
    {"validate_names_the_bad_block", validate_names_the_bad_block, 0},
    {"pack_refuses_what_it_cannot_keep", pack_refuses_what_it_cannot_keep, 0},
    {"pack_survives_tiny_and_constant_rows", pack_survives_tiny_and_constant_rows, 0},
    {"the_manual_lists_every_format", the_manual_lists_every_format, 0},
    {0},
};
