/* Timing what happens before the first token: opening a GGUF file, tokenizing; and end-to-end samples as results. */
#include "base/mem.h"
#include "base/sys.h"
#include "gguf/gguf.h"
#include "measure/measure.h"
#include <stdio.h>
#include <string.h>

static const double SAMPLE_SECONDS = 0.002;
enum { REPEATS_MAX = 4096 };

/* Something that is done again and again, and hashes what came of it when asked. */
typedef struct job {
    const char *path;
    const sterna_model *model;
    char *text;
    size_t bytes;
    uint32_t *ids;
    size_t capacity;
    sterna_status (*once)(struct job *job, sterna_sha256 *hash,
                          sterna_fault *fault); /* hash NULL: nobody asks */
} job;

/* Everything the reader found: keys and their places, tensors, shapes and places. */
static sterna_status open_file(job *j, sterna_sha256 *hash, sterna_fault *fault)
{
    sterna_gguf *file = NULL;
    uint64_t n;
    sterna_status status = sterna_gguf_open(j->path, STERNA_GGUF_MAP, &file, fault);
    if (status != STERNA_OK || !hash) {
        sterna_gguf_close(file);
        return status;
    }
    const sterna_gguf_value *values = sterna_gguf_values(file, &n);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t place[] = {values[i].key.length, values[i].type, values[i].count, values[i].offset,
                                  values[i].bytes};
        sterna_sha256_update(hash, place, sizeof place);
        sterna_sha256_update(hash, values[i].key.data, (size_t)values[i].key.length);
    }
    const sterna_gguf_tensor *tensors = sterna_gguf_tensors(file, &n);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t place[] = {tensors[i].name.length, tensors[i].format->id, tensors[i].offset,
                                  tensors[i].bytes};
        sterna_sha256_update(hash, place, sizeof place);
        sterna_sha256_update(hash, tensors[i].ne, sizeof tensors[i].ne);
        sterna_sha256_update(hash, tensors[i].name.data, (size_t)tensors[i].name.length);
    }
    sterna_gguf_close(file);
    return STERNA_OK;
}

static sterna_status tokenize(job *j, sterna_sha256 *hash, sterna_fault *fault)
{
    size_t count = 0;
    sterna_status status =
        sterna_tokenize(j->model, j->text, j->bytes, 0, j->ids, j->capacity, &count, fault);
    if (status == STERNA_OK && hash) sterna_sha256_update(hash, j->ids, count * sizeof *j->ids);
    return status;
}

static sterna_status hashed(job *j, uint8_t digest[STERNA_HASH_BYTES], sterna_fault *fault)
{
    sterna_sha256 hash;
    sterna_sha256_init(&hash);
    sterna_status status = j->once(j, &hash, fault);
    sterna_sha256_final(&hash, digest);
    return status;
}

static sterna_status repeat(job *j, uint32_t n, double *seconds, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    double began = sterna_sys_now();
    for (uint32_t i = 0; i < n && status == STERNA_OK; i++) status = j->once(j, NULL, fault);
    *seconds = sterna_sys_now() - began;
    return status;
}

static sterna_status time_job(job *j, const sterna_measure_params *params, sterna_benchmark *out,
                              const sterna_program *program, sterna_fault *fault)
{
    uint8_t digest[STERNA_HASH_BYTES];
    double seconds = 0, wanted = params->sample_seconds > 0 ? params->sample_seconds : SAMPLE_SECONDS;
    sterna_status status = hashed(j, out->digest, fault);
    if (status == STERNA_OK) status = repeat(j, 1, &seconds, fault);
    double fit = seconds > 0 ? wanted / seconds : REPEATS_MAX;
    uint32_t n = fit < 1 ? 1 : fit > REPEATS_MAX ? REPEATS_MAX : (uint32_t)fit;
    for (uint32_t i = 0; i < params->reps && status == STERNA_OK; i++) {
        status = repeat(j, n, &seconds, fault);
        if (status == STERNA_OK) status = hashed(j, digest, fault);
        if (status == STERNA_OK && memcmp(digest, out->digest, sizeof digest) != 0)
            status = sterna_fail(fault, STERNA_FLAKY, "%s: repetition %u gives another result", out->name, i);
        if (status == STERNA_OK) status = sterna_benchmark_sample(out, seconds / n, fault);
    }
    if (status == STERNA_OK) status = sterna_benchmark_code(out, NULL, 0, program, fault);
    return status;
}

static sterna_benchmark *add(sterna_results *results, const char *name, const char *label,
                             const uint8_t root[STERNA_HASH_BYTES], sterna_fault *fault)
{
    sterna_benchmark *out = sterna_results_add(results, name, fault);
    if (!out) return NULL;
    snprintf(out->model, sizeof out->model, "%.159s", label);
    memcpy(out->root, root, sizeof out->root);
    out->has_root = true;
    return out;
}

static sterna_status measure_open(const char *path, const char *label, const uint8_t root[STERNA_HASH_BYTES],
                                  const sterna_measure_params *params, sterna_results *results,
                                  sterna_fault *fault)
{
    job j = {.path = path, .once = open_file};
    if (!sterna_measure_wanted(params->filter, "file/gguf_open")) return STERNA_OK;
    sterna_benchmark *out = add(results, "file/gguf_open", label, root, fault);
    return out ? time_job(&j, params, out, &results->program, fault) : STERNA_MEMORY;
}

enum { TEXT_COPIES = 64 };

static sterna_status measure_text(const char *path, const char *label, const uint8_t root[STERNA_HASH_BYTES],
                                  const sterna_measure_params *params, sterna_results *results,
                                  sterna_fault *fault)
{
    /* Words, numbers, punctuation, and letters of two and three bytes. */
    static const char sentence[] = "One day, the little dog found 37 stones; \"Oh!\" it said. Caf\xc3\xa9 "
                                   "\xe5\xb0\x8f\xe7\x8b\x97, http://a.b/c?d=e\n  and so on... ";
    sterna_model *model = NULL;
    job j = {.once = tokenize, .bytes = TEXT_COPIES * (sizeof sentence - 1)};
    if (!sterna_measure_wanted(params->filter, "text/tokenize")) return STERNA_OK;
    sterna_status status = sterna_model_open(path, &model, fault);
    if (status != STERNA_OK) return status;
    j.model = model;
    j.capacity = j.bytes + 16; /* a token holds a byte at least; some vocabularies add a space in front */
    j.text = sterna_alloc(j.bytes, 1);
    j.ids = sterna_alloc(j.capacity, sizeof *j.ids);
    if (j.text && j.ids) {
        for (size_t i = 0; i < TEXT_COPIES; i++)
            memcpy(j.text + i * (sizeof sentence - 1), sentence, sizeof sentence - 1);
        sterna_benchmark *out = add(results, "text/tokenize", label, root, fault);
        if (out) {
            out->work = (double)j.bytes;
            snprintf(out->unit, sizeof out->unit, "byte");
        }
        status = out ? time_job(&j, params, out, &results->program, fault) : STERNA_MEMORY;
    } else {
        status = sterna_fail(fault, STERNA_MEMORY, "out of memory for a text of %zu bytes", j.bytes);
    }
    sterna_free(j.text);
    sterna_free(j.ids);
    sterna_model_close(model);
    return status;
}

sterna_status sterna_measure_files(const char *path, const char *label, const uint8_t root[STERNA_HASH_BYTES],
                                   const sterna_measure_params *params, sterna_results *results,
                                   sterna_fault *fault)
{
    sterna_status status = measure_open(path, label, root, params, results, fault);
    return status == STERNA_OK ? measure_text(path, label, root, params, results, fault) : status;
}

sterna_status sterna_measure_speed(const sterna_speed *speed, const char *label,
                                   const uint8_t root[STERNA_HASH_BYTES], const sterna_kernel_use *uses,
                                   uint32_t n_uses, sterna_results *results, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < speed->n_tests && status == STERNA_OK; i++) {
        const sterna_speed_test *test = &speed->tests[i];
        char name[32];
        snprintf(name, sizeof name, "%s%u", test->kind == STERNA_SPEED_PP ? "pp" : "tg", test->n);
        sterna_benchmark *out = add(results, name, label, root, fault);
        if (!out) return STERNA_MEMORY;
        snprintf(out->settings, sizeof out->settings, "kv=%s batch=%u", speed->kv_type, speed->n_batch);
        out->work = test->n;
        snprintf(out->unit, sizeof out->unit, "token");
        memcpy(out->digest, test->hash, sizeof out->digest);
        for (uint32_t s = 0; s < test->reps && status == STERNA_OK; s++)
            status = sterna_benchmark_sample(out, test->seconds[s], fault);
        if (status == STERNA_OK) status = sterna_benchmark_code(out, uses, n_uses, &results->program, fault);
    }
    return status;
}
