/* Golden runs on top of the public interface alone: what a user of libsterna could do. */
#include "golden.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

sterna_status golden_open(const char *path, const sterna_session_params *params, golden_run *run,
                          sterna_fault *fault)
{
    *run = (golden_run){.info = {.size = sizeof run->info}};
    sterna_status status = sterna_model_open(path, &run->model, fault);
    if (status == STERNA_OK) {
        sterna_model_get_info(run->model, &run->info);
        status = sterna_session_open(run->model, params, &run->session, fault);
    }
    if (status != STERNA_OK) golden_close(run);
    return status;
}

void golden_close(golden_run *run)
{
    sterna_session_close(run->session);
    sterna_model_close(run->model);
    *run = (golden_run){0};
}

sterna_status golden_force(golden_run *run, const uint32_t *ids, uint32_t n, float *out, sterna_fault *fault)
{
    uint32_t *positions = sterna_alloc(n, sizeof *positions);
    uint8_t *wanted = sterna_alloc(n, 1);
    if (!positions || !wanted) {
        sterna_free(positions);
        sterna_free(wanted);
        return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u rows", n);
    }
    for (uint32_t i = 0; i < n; i++) {
        positions[i] = i;
        wanted[i] = 1;
    }
    sterna_session_truncate(run->session, 0, 0);
    sterna_batch batch = {n, ids, positions, NULL, wanted};
    sterna_status status = sterna_session_run(run->session, &batch, fault);
    for (uint32_t i = 0; status == STERNA_OK && i < n; i++)
        memcpy(out + (size_t)i * run->info.n_vocab, sterna_session_logits(run->session, i),
               run->info.n_vocab * sizeof *out);
    sterna_free(positions);
    sterna_free(wanted);
    return status;
}

typedef struct collector {
    uint32_t *out, n;
} collector;

static sterna_status collect(void *context, uint32_t token)
{
    collector *c = context;
    c->out[c->n++] = token;
    return STERNA_OK;
}

sterna_status golden_greedy(golden_run *run, const uint32_t *prompt, uint32_t n_prompt, uint32_t n_predict,
                            uint32_t *out, uint32_t *n_out, sterna_fault *fault)
{
    sterna_generate_result result;
    sterna_generate_params params = {.size = sizeof params,
                                     .prompt = prompt,
                                     .n_prompt = n_prompt,
                                     .n_predict = n_predict,
                                     .ignore_end = 1,
                                     .sampling = {.size = sizeof params.sampling}};
    collector c = {out, 0};
    sterna_session_truncate(run->session, 0, 0);
    sterna_status status = sterna_generate(run->session, &params, collect, &c, &result, fault);
    *n_out = c.n;
    return status;
}

sterna_status golden_digest(golden_run *run, const char *prompt, uint32_t n_predict, char hex[65],
                            sterna_fault *fault)
{
    enum { MOST = 1024 };
    uint32_t ids[MOST], out[MOST], n_out;
    uint8_t root[32], value[32];
    size_t n = 0;
    sterna_digest *digest = NULL;
    if (n_predict > MOST) return sterna_fail(fault, STERNA_USAGE, "at most %d tokens", MOST);
    sterna_status status =
        sterna_tokenize(run->model, prompt, strlen(prompt), STERNA_TOKENIZE_BOS, ids, MOST, &n, fault);
    if (status == STERNA_OK) status = sterna_model_hash(run->model, 1, root, fault);
    if (status == STERNA_OK) status = sterna_digest_attach(run->session, root, 0, &digest, fault);
    if (status == STERNA_OK) status = golden_greedy(run, ids, (uint32_t)n, n_predict, out, &n_out, fault);
    if (status == STERNA_OK) {
        sterna_digest_get(digest, value);
        sterna_hash_hex(value, hex);
    }
    /* The session still refers to the digest: its owner closes the session first and lets no run follow. */
    sterna_session_close(run->session);
    run->session = NULL;
    sterna_digest_free(digest);
    return status;
}

static uint32_t argmax(const float *row, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (row[i] > row[best]) best = i;
    return best;
}

/* Largest less second largest. */
static double margin_of(const float *row, uint32_t n)
{
    uint32_t best = argmax(row, n);
    double second = -INFINITY;
    for (uint32_t i = 0; i < n; i++)
        if (i != best && row[i] > second) second = row[i];
    return row[best] - second;
}

golden_agreement golden_compare(const float *got, const float *want, uint32_t rows, uint32_t width,
                                double margin)
{
    golden_agreement a = {.min_cosine = 1.0, .rows = rows};
    double differences = 0, squares = 0;
    for (uint32_t r = 0; r < rows; r++) {
        const float *g = got + (size_t)r * width, *w = want + (size_t)r * width;
        double gg = 0, ww = 0, gw = 0;
        for (uint32_t i = 0; i < width; i++) {
            double x = g[i], y = w[i];
            gg += x * x;
            ww += y * y;
            gw += x * y;
            differences += (x - y) * (x - y);
        }
        squares += ww;
        /* A NaN or an all-zero row agrees with nothing. */
        double cosine = gg > 0 && ww > 0 ? gw / sqrt(gg * ww) : -1.0;
        if (!(cosine >= -1.0)) cosine = -1.0;
        a.mean_cosine += cosine / rows;
        if (cosine < a.min_cosine) a.min_cosine = cosine;
        if (argmax(g, width) == argmax(w, width))
            a.argmax_equal++;
        else if (margin_of(w, width) > margin)
            a.wide_margin_misses++;
    }
    a.nmse = squares > 0 ? differences / squares : INFINITY;
    return a;
}

uint32_t golden_numbers(const char *text, uint32_t *out, uint32_t capacity)
{
    uint32_t n = 0;
    while (*text && *text != '\n') {
        char *end;
        unsigned long value = strtoul(text, &end, 10);
        if (end == text) break;
        if (n < capacity) out[n] = (uint32_t)value;
        n++;
        text = end;
        while (*text == ' ') text++;
    }
    return n;
}

const char *golden_line(const char *text, uint32_t index)
{
    while (index-- > 0) {
        text = strchr(text, '\n');
        if (!text) return NULL;
        text++;
    }
    return text;
}
