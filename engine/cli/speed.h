/* Speed of a model on a device. Owns: what a test is, how it is timed, and that nothing is timed that
 * computes other bits than it did before. Leaves to others: the machine's limits
 * (backends/cpu/cpu_roofline.h), history (a store). */
#ifndef STERNA_SPEED_H
#define STERNA_SPEED_H

#include "cli/json.h"
#include "cli/out.h"
#include "sterna.h"

#define STERNA_SPEED_TESTS 32u
#define STERNA_SPEED_REPS  1000u

typedef enum sterna_speed_kind {
    STERNA_SPEED_PP, /* prefill: n rows at once, logits of the last one */
    STERNA_SPEED_TG  /* decode: n rows one by one from an empty cache, logits of each */
} sterna_speed_kind;

typedef struct sterna_speed_test {
    sterna_speed_kind kind;
    uint32_t n;       /* rows */
    uint8_t hash[32]; /* SHA-256 of the logits, equal in every repetition */
    double seconds[STERNA_SPEED_REPS];
    uint32_t reps;
    double rate, deviation, median; /* tokens per second: mean, standard deviation of the samples, median */
    /* What the test has to do by the model's tensors; caches and activations not counted. */
    double bytes_per_token; /* TG: weights read for a token */
    double ops_per_token;   /* PP: multiplications and additions in matrices for a token */
} sterna_speed_test;

typedef struct sterna_speed {
    const char *path, *device; /* as opened: "cpu:avx2" */
    sterna_model_info model;
    char type[16]; /* stored type of the linear layers */
    uint32_t threads, n_batch;
    const char *kv_type;
    uint32_t n_tests;
    sterna_speed_test tests[STERNA_SPEED_TESTS];
    /* Measured in the same run; 0: not measured. */
    double read_bytes_per_second, int8_ops_per_second;
} sterna_speed;

/* What the tests will do, from the model's tensors: fills model, type and the figures per token. */
void sterna_speed_describe(sterna_speed *bench, const sterna_model *model);
/* One run that is not timed, then `reps` that are. FLAKY when a repetition gives other logits. */
sterna_status sterna_speed_measure(sterna_session *session, const sterna_speed *bench,
                                   sterna_speed_test *test, uint32_t reps, sterna_fault *fault);

/* The share of the measured limit that a test reaches, 0 when unknown. */
double sterna_speed_share(const sterna_speed *bench, const sterna_speed_test *test);

typedef enum sterna_speed_format { STERNA_SPEED_MD, STERNA_SPEED_CSV, STERNA_SPEED_JSON } sterna_speed_format;
/* As a table, MD or CSV. */
void sterna_speed_print(const sterna_speed *bench, sterna_speed_format format, sterna_out *out);
/* Model, settings, limits and "tests", as members of an object. */
void sterna_speed_put(const sterna_speed *bench, sterna_json *json);

#endif
