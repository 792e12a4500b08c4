/* The golden ternary model against its binary64 oracle (golden/references): teacher-forced logits and greedy
 * tokens. */
#include "base/mem.h"
#include "golden_test.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 320, VOCAB = 2048 };

/* How close a right implementation comes: golden/README.md. */
static const double MEAN_COSINE = 0.99998, MIN_COSINE = 0.9997, NMSE = 5e-5, MARGIN = 0.5;

static void logits_agree(sterna_test *t, const char *device)
{
    sterna_fault fault = {0};
    golden_run run;
    sterna_mapping ids = {0}, oracle = {0};
    sterna_session_params params = golden_params(device, STERNA_KV_F32);
    params.n_logits = params.n_ctx = ROWS;
    CHECK(t, golden_read(t, "golden/references/teacher.ids", &ids) && ids.size == ROWS * 4);
    CHECK(t,
          golden_read(t, "golden/references/teacher.oracle.f32", &oracle) && oracle.size == ROWS * VOCAB * 4);
    CHECK_MSG(
        t, golden_open(sterna_test_repo(t, "golden/models/golden.gguf"), &params, &run, &fault) == STERNA_OK,
        "%s", fault.text);
    float *got = sterna_alloc(ROWS * VOCAB, sizeof *got);
    CHECK_MSG(t, golden_force(&run, (const uint32_t *)(const void *)ids.data, ROWS, got, &fault) == STERNA_OK,
              "%s", fault.text);
    golden_agreement a = golden_compare(got, (const float *)(const void *)oracle.data, ROWS, VOCAB, MARGIN);
    printf("mean cosine %.6f, lowest %.6f, NMSE %.2e, argmax %u of %u, %u misses with a wide margin\n",
           a.mean_cosine, a.min_cosine, a.nmse, a.argmax_equal, a.rows, a.wide_margin_misses);
    EXPECT(t, a.mean_cosine >= MEAN_COSINE);
    EXPECT(t, a.min_cosine >= MIN_COSINE);
    EXPECT(t, a.nmse <= NMSE);
    EXPECT(t, a.wide_margin_misses == 0);
    sterna_free(got);
    sterna_sys_unmap(&ids);
    sterna_sys_unmap(&oracle);
    golden_close(&run);
}

static void logits_agree_with_the_oracle(sterna_test *t)
{
    logits_agree(t, "auto");
}

static void scalar_logits_agree_with_the_oracle(sterna_test *t)
{
    logits_agree(t, "cpu:scalar");
}

/* One prompt of greedy.json: along the oracle's own tokens, every step whose margin is wide must choose the
 * same. */
static void follow_greedy(sterna_test *t, golden_run *run, const cJSON *entry, uint32_t *steps)
{
    enum { MOST = 256 };
    sterna_fault fault = {0};
    uint32_t ids[MOST], n = 0;
    const cJSON *item, *prompt = cJSON_GetObjectItem(entry, "prompt_ids"),
                       *tokens = cJSON_GetObjectItem(entry, "ids"),
                       *margins = cJSON_GetObjectItem(entry, "margins");
    CHECK(t, prompt && tokens && margins && cJSON_GetArraySize(prompt) + cJSON_GetArraySize(tokens) <= MOST);
    cJSON_ArrayForEach(item, prompt) ids[n++] = (uint32_t)item->valueint;
    uint32_t first = n - 1;
    cJSON_ArrayForEach(item, tokens) ids[n++] = (uint32_t)item->valueint;
    float *got = sterna_alloc((size_t)n * VOCAB, sizeof *got);
    CHECK_MSG(t, got && golden_force(run, ids, n, got, &fault) == STERNA_OK, "%s", fault.text);
    for (uint32_t i = first; i + 1 < n; i++) {
        const float *row = got + (size_t)i * VOCAB;
        uint32_t best = 0;
        for (uint32_t v = 1; v < VOCAB; v++)
            if (row[v] > row[best]) best = v;
        if (cJSON_GetArrayItem(margins, (int)(i - first))->valuedouble <= MARGIN) continue;
        ++*steps;
        if (!EXPECT(t, best == ids[i + 1]))
            sterna_test_note(t, "step %u: %u, the oracle chose %u", i, best, ids[i + 1]);
    }
    sterna_free(got);
}

static void greedy_tokens_agree_where_the_margin_is_wide(sterna_test *t)
{
    sterna_fault fault = {0};
    golden_run run;
    sterna_mapping json = {0};
    sterna_session_params params = golden_params("auto", STERNA_KV_F32);
    uint32_t steps = 0;
    params.n_logits = params.n_ctx = 256;
    CHECK(t, golden_read(t, "golden/references/greedy.json", &json));
    cJSON *root = cJSON_ParseWithLength((const char *)json.data, json.size);
    const cJSON *entry;
    CHECK(t, root && cJSON_GetArraySize(root) == 5);
    CHECK_MSG(
        t, golden_open(sterna_test_repo(t, "golden/models/golden.gguf"), &params, &run, &fault) == STERNA_OK,
        "%s", fault.text);
    cJSON_ArrayForEach(entry, root) follow_greedy(t, &run, entry, &steps);
    EXPECT(t, steps > 300);
    golden_close(&run);
    cJSON_Delete(root);
    sterna_sys_unmap(&json);
}

/* The tokenizer of the model gives the prompt ids of the reference. */
static void prompts_tokenise(sterna_test *t)
{
    sterna_fault fault = {0};
    sterna_model *model = NULL;
    sterna_mapping json = {0};
    CHECK(t, golden_read(t, "golden/references/greedy.json", &json));
    cJSON *root = cJSON_ParseWithLength((const char *)json.data, json.size);
    const cJSON *entry, *item;
    CHECK(t, root != NULL);
    CHECK_MSG(
        t, sterna_model_open(sterna_test_repo(t, "golden/models/golden.gguf"), &model, &fault) == STERNA_OK,
        "%s", fault.text);
    cJSON_ArrayForEach(entry, root)
    {
        uint32_t ids[64], i = 0;
        size_t n = 0;
        const char *text = cJSON_GetObjectItem(entry, "prompt")->valuestring;
        CHECK(t, sterna_tokenize(model, text, strlen(text), STERNA_TOKENIZE_BOS, ids, 64, &n, &fault) ==
                     STERNA_OK);
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(entry, "prompt_ids"))
        {
            EXPECT(t, i < n && ids[i] == (uint32_t)item->valueint);
            i++;
        }
        EXPECT(t, i == n);
    }
    sterna_model_close(model);
    cJSON_Delete(root);
    sterna_sys_unmap(&json);
}

const sterna_test_case sterna_test_cases[] = {
    {"logits_agree_with_the_oracle", logits_agree_with_the_oracle, 60},
    {"scalar_logits_agree_with_the_oracle", scalar_logits_agree_with_the_oracle, 60},
    {"greedy_tokens_agree_where_the_margin_is_wide", greedy_tokens_agree_where_the_margin_is_wide, 60},
    {"prompts_tokenise", prompts_tokenise, 0},
    {0},
};
