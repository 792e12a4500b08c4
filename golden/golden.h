/* Golden runs: whole models against references. Owns: opening a model for a run, teacher forcing, agreement
 * figures, digests of a generation. Leaves to others: which files and figures (cases.def, tests/). */
#ifndef STERNA_GOLDEN_H
#define STERNA_GOLDEN_H

#include "sterna.h"
#include <stdbool.h>

/* A model and one session on it. */
typedef struct golden_run {
    sterna_model *model;
    sterna_session *session;
    sterna_model_info info;
} golden_run;

/* Opens both. params->n_ctx etc. as in sterna.h. */
sterna_status golden_open(const char *path, const sterna_session_params *params, golden_run *run,
                          sterna_fault *fault);
void golden_close(golden_run *run);

/* Teacher forcing: logits of every position of ids[0, n), in one batch, to out [n][n_vocab]. The session
 * keeps n rows. */
sterna_status golden_force(golden_run *run, const uint32_t *ids, uint32_t n, float *out, sterna_fault *fault);

/* Greedy continuation of a prompt; *n_out tokens written, at most n_predict. */
sterna_status golden_greedy(golden_run *run, const uint32_t *prompt, uint32_t n_prompt, uint32_t n_predict,
                            uint32_t *out, uint32_t *n_out, sterna_fault *fault);

/* The digest of a greedy generation of n_predict tokens (end tokens do not stop it) after prompt text, from
 * an empty session, as 64 hex digits. */
sterna_status golden_digest(golden_run *run, const char *prompt, uint32_t n_predict, char hex[65],
                            sterna_fault *fault);

/* How well rows of logits agree with a reference. */
typedef struct golden_agreement {
    double mean_cosine, min_cosine,
        nmse; /* nmse: sum of squared differences over sum of squares of the reference */
    uint32_t argmax_equal, rows;
    uint32_t
        wide_margin_misses; /* rows where the reference's margin exceeds `margin` and the argmax differs */
} golden_agreement;

golden_agreement golden_compare(const float *got, const float *want, uint32_t rows, uint32_t width,
                                double margin);

/* Whole numbers of a line of text, at most `capacity`; returns how many there are. */
uint32_t golden_numbers(const char *text, uint32_t *out, uint32_t capacity);
/* Line `index` of a text (0: the first); NULL when there are fewer. */
const char *golden_line(const char *text, uint32_t index);

#endif
