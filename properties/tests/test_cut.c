/* Cutting calls: whatever is left out, the rest computes what it computed in the whole. */
#include "gen/cut.h"
#include "gen/gen.h"
#include "harness/bench.h"
#include "harness/subject.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>

static sterna_choices choices;

static sterna_window draw(sterna_choices *c, uint32_t size, uint32_t unit)
{
    uint32_t units = (size + unit - 1) / unit, first = sterna_choose(c, units - 1);
    uint32_t end = (first + 1 + sterna_choose(c, units - 1 - first)) * unit;
    return (sterna_window){first * unit, (end < size ? end : size) - first * unit};
}

/* Row r of an output of the small call is that part of a row of the whole one. */
static bool same_part(const sterna_call *whole, const sterna_call *small, const sterna_cut *cut, uint32_t arg,
                      const uint8_t *want, const uint8_t *got)
{
    const sterna_param *param = &whole->info->params[arg];
    bool cache = strcmp(param->type, "byte") == 0;
    uint32_t rows = cut->rows.count;
    uint64_t from = cache ? whole->bytes[arg] / sterna_call_u32(whole, "slots")
                          : whole->bytes[arg] / sterna_call_u32(whole, "rows");
    uint64_t to = cache ? small->bytes[arg] / sterna_call_u32(small, "slots") : small->bytes[arg] / rows;
    const uint32_t *slots = cache ? sterna_call_data(whole, "slot") : NULL;
    const uint32_t *new_slots = cache ? sterna_call_data(small, "slot") : NULL;
    uint64_t offset = (uint64_t)(cut->outputs.first + cut->width.first) * param->element;
    for (uint32_t r = 0; r < rows; r++) {
        uint64_t row = slots ? slots[cut->rows.first + r] : cut->rows.first + r;
        uint64_t at = new_slots ? new_slots[r] : r;
        if (memcmp(got + at * to, want + row * from + offset, (size_t)to) != 0) return false;
    }
    return true;
}

/* A slot that is written twice keeps the last one; the compact call has one for each row. */
static bool slots_differ(const sterna_call *call)
{
    if (call->op != STERNA_OP_kv_append) return true;
    const uint32_t *slots = sterna_call_data(call, "slot");
    for (uint32_t r = 1; r < sterna_call_u32(call, "rows"); r++)
        for (uint32_t q = 0; q < r; q++)
            if (slots[q] == slots[r]) return false;
    return true;
}

/* One draw. Values of a row may be left out only where they do not depend on each other. */
static bool one(sterna_test *t, const sterna_job *job, uint32_t stream, uint32_t *cuts)
{
    sterna_call whole, small;
    sterna_outcome want = {{NULL}, 0}, got = {{NULL}, 0};
    sterna_fault fault = {0};
    sterna_choice_random(&choices, 5, stream);
    if (!EXPECT(t, sterna_gen_call(&choices, job->op, job->format, job->act, STERNA_GEN_VALID, &whole)))
        return false;
    sterna_source source = sterna_source_of(&whole);
    sterna_cut_room room = sterna_cut_room_of(&source);
    sterna_cut cut = {.rows = draw(&choices, room.rows, 1),
                      .outputs = draw(&choices, room.outputs, 1),
                      .width = {0, room.width},
                      .compact = room.compacts && sterna_choose(&choices, 1)};
    if (room.elementwise) cut.width = draw(&choices, room.width, room.unit);
    bool good = true;
    if (slots_differ(&whole)) {
        uint64_t bytes = sterna_cut_bytes(&source, &cut);
        good = EXPECT(t, sterna_cut_apply(&source, &cut, &small));
        if (good) {
            uint64_t sum = 0;
            good = EXPECT(t, sterna_reference_run(&whole, &want, &fault)) &&
                   EXPECT(t, sterna_reference_run(&small, &got, &fault));
            for (uint32_t i = 0; i < whole.info->n_params && good; i++) {
                sum += small.bytes[i];
                if (want.data[i])
                    good = EXPECT(t, same_part(&whole, &small, &cut, i, want.data[i], got.data[i]));
            }
            if (good) good = EXPECT(t, sum == bytes);
            ++*cuts;
            sterna_call_free(&small);
        }
    }
    if (!good)
        sterna_test_note(t, "%s format %u: rows %u+%u outputs %u+%u width %u+%u compact %d, stream %u",
                         whole.info->name, job->format, cut.rows.first, cut.rows.count, cut.outputs.first,
                         cut.outputs.count, cut.width.first, cut.width.count, cut.compact, stream);
    sterna_outcome_free(&want);
    sterna_outcome_free(&got);
    sterna_call_free(&whole);
    return good;
}

static void parts_compute_what_the_whole_did(sterna_test *t)
{
    static sterna_job jobs[STERNA_BENCH_JOBS];
    uint32_t n = sterna_bench_jobs(NULL, NULL, "reference", jobs), cuts = 0;
    CHECK(t, n >= STERNA_OP_COUNT);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < 60; k++)
            if (!one(t, &jobs[i], i * 1000 + k, &cuts)) return;
    CHECK_MSG(t, cuts > n * 40, "%u cuts of %u jobs", cuts, n);
}

static void refusals(sterna_test *t)
{
    uint32_t scalars[STERNA_MAX_ARGS] = {0};
    sterna_call call, out;
    scalars[sterna_op_param(STERNA_OP_embed, "rows")] = 2;
    scalars[sterna_op_param(STERNA_OP_embed, "vocab")] = 3;
    scalars[sterna_op_param(STERNA_OP_embed, "n")] = 4;
    CHECK(t, sterna_call_make(&call, STERNA_OP_embed, scalars, STERNA_FORMAT_F32, STERNA_ACT_F32));
    sterna_source source = sterna_source_of(&call);
    sterna_cut cut = sterna_cut_whole(&source);
    cut.rows = (sterna_window){1, 2};
    EXPECT(t, !sterna_cut_apply(&source, &cut, &out) && sterna_cut_bytes(&source, &cut) == UINT64_MAX);
    cut.rows = (sterna_window){0, 0};
    EXPECT(t, !sterna_cut_apply(&source, &cut, &out));
    cut = sterna_cut_whole(&source);
    cut.compact = true;
    EXPECT(t, sterna_cut_apply(&source, &cut, &out));
    sterna_call_free(&out);
    const uint32_t outside = 3; /* an id that the table does not have */
    memcpy((uint8_t *)sterna_call_data(&call, "ids") + 4, &outside, 4);
    EXPECT(t, !sterna_cut_apply(&source, &cut, &out));
    sterna_call_free(&call);
}

const sterna_test_case sterna_test_cases[] = {
    {"parts_compute_what_the_whole_did", parts_compute_what_the_whole_did, 60},
    {"refusals", refusals, 0},
    {0}};
