/* Sampling: greedy ties, filters against a sorted model of them, frequencies, and refusal of bad logits. */
#include "base/philox.h"
#include "reference/ref_math.h"
#include "runner.h"
#include "sterna.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 50 };

static void make_logits(float *logits, uint32_t seed)
{
    for (uint32_t i = 0; i < N; i++)
        logits[i] = (float)(sterna_philox4x32(seed, 0, i, 0, 0, 0).word[0] % 4000) / 400.0f - 5.0f;
}

static void greedy_takes_the_lowest_id_of_a_tie(sterna_test *t)
{
    sterna_sampling greedy = {.size = sizeof greedy};
    float logits[4] = {1, 3, 3, 2};
    uint32_t order[4], token = 9;
    CHECK(t, sterna_sample(&greedy, logits, 4, 0, 0, order, &token, NULL) == STERNA_OK && token == 1);
}

static const float *sorted_by;
static int by_logit(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (sorted_by[x] != sorted_by[y]) return sorted_by[x] > sorted_by[y] ? -1 : 1;
    return x < y ? -1 : 1;
}

/* The set of ids that may come out, by the definition: sort, cut at top_k, at top_p, at min_p. */
static uint32_t allowed(const sterna_sampling *s, const float *logits, uint32_t ids[N])
{
    double p[N], sum = 0, total = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < N; i++) {
        ids[i] = i;
        p[i] = exp((double)logits[i] / (double)s->temperature);
        sum += p[i];
    }
    sorted_by = logits;
    qsort(ids, N, sizeof *ids, by_logit);
    while (kept < N && (!s->top_k || kept < s->top_k)) {
        if (kept && s->top_p < 1 && total >= (double)s->top_p) break;
        if (kept && p[ids[kept]] < (double)s->min_p * p[ids[0]]) break;
        total += p[ids[kept++]] / sum;
    }
    return kept;
}

static void filters_keep_what_they_should(sterna_test *t)
{
    static const sterna_sampling all[] = {{sizeof *all, 1, 1.0f, 0, 1.0f, 0.0f},
                                          {sizeof *all, 2, 0.7f, 5, 1.0f, 0.0f},
                                          {sizeof *all, 3, 1.3f, 0, 0.8f, 0.0f},
                                          {sizeof *all, 4, 1.0f, 0, 1.0f, 0.1f},
                                          {sizeof *all, 5, 2.0f, 9, 0.9f, 0.05f}};
    for (size_t c = 0; c < sizeof all / sizeof *all; c++) {
        float logits[N];
        uint32_t ids[N], order[N], hits[N] = {0};
        make_logits(logits, (uint32_t)c);
        uint32_t kept = allowed(&all[c], logits, ids);
        for (uint32_t draw = 0; draw < 4000; draw++) {
            uint32_t token = N, place = 0;
            CHECK(t, sterna_sample(&all[c], logits, N, draw, 0, order, &token, NULL) == STERNA_OK);
            while (place < N && ids[place] != token) place++;
            CHECK_MSG(t, place < kept, "case %zu: token %u is in place %u, %u are kept", c, token, place,
                      kept);
            hits[place]++;
        }
        CHECK(t, hits[0] > 0 && (kept < 2 || hits[1] > 0));
    }
}

static void frequencies_follow_the_softmax(sterna_test *t)
{
    enum { DRAWS = 40000 };
    float logits[4] = {0.0f, 1.0f, -1.0f, 0.5f};
    double p[4], sum = 0;
    uint32_t order[4], hits[4] = {0};
    sterna_sampling s = {sizeof s, 42, 1.0f, 0, 1.0f, 0.0f};
    for (int i = 0; i < 4; i++) sum += p[i] = exp((double)logits[i]);
    for (uint32_t draw = 0; draw < DRAWS; draw++) {
        uint32_t token;
        CHECK(t, sterna_sample(&s, logits, 4, draw, 3, order, &token, NULL) == STERNA_OK);
        hits[token]++;
    }
    for (int i = 0; i < 4; i++) {
        /* Five standard deviations of a binomial count. */
        double expected = DRAWS * p[i] / sum, deviation = sqrt(expected * (1 - p[i] / sum));
        CHECK_MSG(t, fabs(hits[i] - expected) < 5 * deviation, "id %d: %u of %g", i, hits[i], expected);
    }
}

static void the_same_input_draws_the_same_token(sterna_test *t)
{
    float logits[N];
    uint32_t order[N], a, b, differ = 0;
    sterna_sampling s = {sizeof s, 7, 1.0f, 0, 1.0f, 0.0f}, other = s;
    other.seed = 8;
    make_logits(logits, 3);
    for (uint32_t p = 0; p < 200; p++) {
        CHECK(t, sterna_sample(&s, logits, N, p, 1, order, &a, NULL) == STERNA_OK);
        CHECK(t, sterna_sample(&s, logits, N, p, 1, order, &b, NULL) == STERNA_OK && a == b);
        CHECK(t, sterna_sample(&other, logits, N, p, 1, order, &b, NULL) == STERNA_OK);
        differ += a != b;
    }
    CHECK(t, differ > 50);
}

/* Settings at their ends: what is drawn when only one answer is right. */
static void settings_at_their_ends(sterna_test *t)
{
    static const sterna_sampling one_left[] = {
        {sizeof *one_left, 5, 1.0f, 0, 0.0f, 0.0f},      /* top-p 0 keeps the first */
        {sizeof *one_left, 5, 1.0f, 1, 1.0f, 0.0f},      /* top-k 1 */
        {sizeof *one_left, 5, 1.0f, 0, 1.0f, 1.0f},      /* min-p 1 */
        {sizeof *one_left, 5, 1e-38f, 0, 1.0f, 0.0f},    /* 20 / temperature is beyond binary32 */
        {sizeof *one_left, 5, 0x1p-149f, 0, 1.0f, 0.0f}, /* and so is 1 / temperature */
    };
    float logits[4] = {-30.0f, 20.0f, 19.0f, 3.0f}, single = -4.0f;
    uint32_t order[4], token;
    for (size_t c = 0; c < sizeof one_left / sizeof *one_left; c++)
        for (uint32_t draw = 0; draw < 100; draw++) {
            token = 9;
            CHECK(t, sterna_sample(&one_left[c], logits, 4, draw, 0, order, &token, NULL) == STERNA_OK);
            CHECK_MSG(t, token == 1, "case %zu, draw %u: token %u", c, draw, token);
            CHECK(t, sterna_sample(&one_left[c], &single, 1, draw, 0, order, &token, NULL) == STERNA_OK);
            CHECK(t, token == 0);
        }
}

static void bad_settings_are_refused(sterna_test *t)
{
    static const sterna_sampling bad[] = {
        {sizeof *bad, 1, NAN, 0, 1.0f, 0.0f},   {sizeof *bad, 1, INFINITY, 0, 1.0f, 0.0f},
        {sizeof *bad, 1, -1.0f, 0, 1.0f, 0.0f}, {sizeof *bad, 1, 1.0f, 0, NAN, 0.0f},
        {sizeof *bad, 1, 1.0f, 0, 1.5f, 0.0f},  {sizeof *bad, 1, 1.0f, 0, -0.5f, 0.0f},
        {sizeof *bad, 1, 1.0f, 0, 1.0f, NAN},   {sizeof *bad, 1, 1.0f, 0, 1.0f, 2.0f},
        {sizeof *bad, 1, 1.0f, 0, 1.0f, -0.1f},
    };
    static const char *const names[] = {"temperature", "temperature", "temperature", "top-p", "top-p",
                                        "top-p",       "min-p",       "min-p",       "min-p"};
    float logits[2] = {1.0f, 2.0f};
    uint32_t order[2], token;
    for (size_t c = 0; c < sizeof bad / sizeof *bad; c++) {
        sterna_fault fault = {0};
        sterna_status status = sterna_sample(&bad[c], logits, 2, 0, 0, order, &token, &fault);
        CHECK_MSG(t, status == STERNA_USAGE && strstr(fault.text, names[c]), "case %zu: %d, '%s'", c,
                  (int)status, fault.text);
    }
    sterna_sampling greedy = {.size = sizeof greedy};
    CHECK(t, sterna_sample(&greedy, logits, 0, 0, 0, order, &token, NULL) == STERNA_USAGE);
}

static void bad_logits_are_refused(sterna_test *t)
{
    sterna_sampling s = {.size = sizeof s};
    float logits[3] = {0, NAN, 1};
    uint32_t order[3], token;
    sterna_fault fault = {0};
    CHECK(t, sterna_sample(&s, logits, 3, 12, 0, order, &token, &fault) == STERNA_NUMERIC);
    CHECK(t, strstr(fault.text, "token 1") && strstr(fault.text, "position 12"));
    logits[1] = INFINITY;
    CHECK(t, sterna_sample(&s, logits, 3, 12, 0, order, &token, NULL) == STERNA_NUMERIC);
}

const sterna_test_case sterna_test_cases[] = {
    {"greedy_takes_the_lowest_id_of_a_tie", greedy_takes_the_lowest_id_of_a_tie, 0},
    {"filters_keep_what_they_should", filters_keep_what_they_should, 0},
    {"frequencies_follow_the_softmax", frequencies_follow_the_softmax, 0},
    {"the_same_input_draws_the_same_token", the_same_input_draws_the_same_token, 0},
    {"settings_at_their_ends", settings_at_their_ends, 0},
    {"bad_settings_are_refused", bad_settings_are_refused, 0},
    {"bad_logits_are_refused", bad_logits_are_refused, 0},
    {0},
};
