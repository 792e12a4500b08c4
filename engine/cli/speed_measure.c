/* Timing a model. Owns: the rows that are run, what lies inside the clock, the statistics of samples. */
#include "base/hash.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/sys.h"
#include "cli/say.h"
#include "cli/speed.h"
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct rows {
    uint32_t *ids, *positions;
} rows;

/* The same ids for every run of a length: drawn from the vocabulary by Philox. */
static sterna_status make_rows(uint32_t n, uint32_t n_vocab, rows *r, sterna_fault *fault)
{
    r->ids = sterna_alloc(n, 2 * sizeof *r->ids);
    if (!r->ids) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u rows", n);
    r->positions = r->ids + n;
    for (uint32_t i = 0; i < n; i++) {
        r->ids[i] = sterna_philox4x32(0, 0, i, 0, 0, 0).word[0] % n_vocab;
        r->positions[i] = i;
    }
    return STERNA_OK;
}

/* Runs rows [first, first + n) and adds the seconds it took and the logits it gave; hashing stays outside the
 * clock. */
static sterna_status timed_run(sterna_session *session, const rows *r, uint32_t first, uint32_t n,
                               uint32_t n_vocab, double *seconds, sterna_sha256 *hash, sterna_fault *fault)
{
    sterna_batch batch = {.n = n, .ids = r->ids + first, .positions = r->positions + first};
    double began = sterna_sys_now();
    sterna_status status = sterna_session_run(session, &batch, fault);
    *seconds += sterna_sys_now() - began;
    if (status != STERNA_OK) return status;
    const float *logits = sterna_session_logits(session, 0);
    if (!logits) return sterna_fail(fault, STERNA_INTERNAL, "a run of %u rows gave no logits", n);
    sterna_sha256_update(hash, logits, n_vocab * sizeof *logits);
    return STERNA_OK;
}

static sterna_status run_once(sterna_session *session, const sterna_speed_test *test, const rows *r,
                              uint32_t n_vocab, double *seconds, uint8_t digest[STERNA_HASH_BYTES],
                              sterna_fault *fault)
{
    sterna_sha256 hash;
    sterna_status status = STERNA_OK;
    sterna_sha256_init(&hash);
    sterna_session_truncate(session, 0, 0);
    *seconds = 0;
    if (test->kind == STERNA_SPEED_PP) {
        status = timed_run(session, r, 0, test->n, n_vocab, seconds, &hash, fault);
    } else {
        for (uint32_t i = 0; i < test->n && status == STERNA_OK; i++)
            status = timed_run(session, r, i, 1, n_vocab, seconds, &hash, fault);
    }
    sterna_sha256_final(&hash, digest);
    return status;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* From seconds to tokens per second. */
static void summarise(sterna_speed_test *test)
{
    double sorted[STERNA_SPEED_REPS], sum = 0, squares = 0;
    for (uint32_t i = 0; i < test->reps; i++) {
        sorted[i] = (double)test->n / (test->seconds[i] > 0 ? test->seconds[i] : 1e-9);
        sum += sorted[i];
    }
    test->rate = sum / test->reps;
    for (uint32_t i = 0; i < test->reps; i++) squares += (sorted[i] - test->rate) * (sorted[i] - test->rate);
    test->deviation = test->reps > 1 ? sqrt(squares / (test->reps - 1)) : 0;
    qsort(sorted, test->reps, sizeof *sorted, ascending);
    uint32_t half = test->reps / 2;
    test->median = test->reps % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

sterna_status sterna_speed_measure(sterna_session *session, const sterna_speed *bench,
                                   sterna_speed_test *test, uint32_t reps, sterna_fault *fault)
{
    rows r = {0};
    uint32_t n_vocab = bench->model.n_vocab;
    const char *name = test->kind == STERNA_SPEED_PP ? "pp" : "tg";
    sterna_status status = make_rows(test->n, n_vocab, &r, fault);
    for (uint32_t i = 0; i <= reps && status == STERNA_OK; i++) {
        uint8_t hash[STERNA_HASH_BYTES];
        double seconds = 0;
        sterna_say_progress("%s%u: run %u of %u", name, test->n, i, reps);
        status = run_once(session, test, &r, n_vocab, &seconds, hash, fault);
        if (status != STERNA_OK) break;
        if (i == 0) {
            memcpy(test->hash, hash, sizeof hash);
            continue;
        }
        if (memcmp(test->hash, hash, sizeof hash) != 0)
            status =
                sterna_fail(fault, STERNA_FLAKY, "%s%u: run %u gives other logits than the first one on %s",
                            name, test->n, i, bench->device);
        test->seconds[test->reps++] = seconds;
    }
    sterna_say_progress_end();
    sterna_free(r.ids);
    if (status == STERNA_OK) summarise(test);
    return status;
}

void sterna_speed_describe(sterna_speed *bench, const sterna_model *model)
{
    uint64_t layer_bytes = 0, layer_values = 0;
    bench->model.size = sizeof bench->model;
    sterna_model_get_info(model, &bench->model);
    for (uint32_t i = 0; i < model->h.n_layers; i++) {
#define X(slot, name, n_rows, n_cols, families)                                                              \
    layer_bytes += model->layers[i].slot.bytes;                                                              \
    if (model->layers[i].slot.rows > 1)                                                                      \
        layer_values += (uint64_t)model->layers[i].slot.rows * model->layers[i].slot.cols;
        STERNA_LAYER_TENSORS(X)
#undef X
    }
    if (model->h.n_layers > 0) {
        const sterna_format *format = sterna_format_find(model->layers[0].ffn_up.format);
        snprintf(bench->type, sizeof bench->type, "%s", format ? format->name : "");
    }
    for (uint32_t i = 0; i < bench->n_tests; i++) {
        sterna_speed_test *test = &bench->tests[i];
        /* Every row goes through all layers; logits are wanted of each row of TG, of one row of PP. */
        double outputs = test->kind == STERNA_SPEED_TG ? 1.0 : 1.0 / test->n;
        test->bytes_per_token = (double)layer_bytes + (double)model->output.bytes;
        test->ops_per_token =
            2.0 * ((double)layer_values + outputs * (double)model->output.rows * model->output.cols);
    }
}
