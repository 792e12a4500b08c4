/* stories260K (llama family) against llama.cpp's tokens and logits, one file per format. */
#include "base/mem.h"
#include "golden_test.h"
#include <stdio.h>

enum { TOKENS = 64, TEACHER = 101, VOCAB = 512 };

/* Float formats and Q8_0: the same 64 greedy tokens as llama.cpp with an F32 cache. */
static void greedy_ids(sterna_test *t, const char *model, const char *tokens)
{
    sterna_fault fault = {0};
    golden_run run;
    sterna_mapping file = {0};
    uint32_t prompt[16], want[TOKENS], got[TOKENS], n_got = 0;
    sterna_session_params params = golden_params("auto", STERNA_KV_F32);
    CHECK(t, golden_read(t, tokens, &file));
    uint32_t n_prompt = golden_numbers((const char *)file.data, prompt, 16);
    CHECK(t, golden_numbers(golden_line((const char *)file.data, 1), want, TOKENS) == TOKENS);
    CHECK_MSG(t, golden_open(sterna_test_repo(t, model), &params, &run, &fault) == STERNA_OK, "%s",
              fault.text);
    CHECK_MSG(t, golden_greedy(&run, prompt, n_prompt, TOKENS, got, &n_got, &fault) == STERNA_OK, "%s",
              fault.text);
    CHECK(t, n_got == TOKENS);
    for (uint32_t i = 0; i < TOKENS; i++)
        CHECK_MSG(t, got[i] == want[i], "token %u: %u, llama.cpp has %u", i, got[i], want[i]);
    golden_close(&run);
    sterna_sys_unmap(&file);
}

static void f32_ids(sterna_test *t)
{
    greedy_ids(t, "golden/models/stories260K-f32.gguf", "golden/references/stories260K-f32.tokens.txt");
}
static void f16_ids(sterna_test *t)
{
    greedy_ids(t, "golden/models/stories260K-F16.gguf", "golden/references/stories260K-F16.tokens.txt");
}
static void bf16_ids(sterna_test *t)
{
    greedy_ids(t, "golden/models/stories260K-BF16.gguf", "golden/references/stories260K-BF16.tokens.txt");
}
static void q8_0_ids(sterna_test *t)
{
    greedy_ids(t, "golden/models/stories260K-q8_0.gguf", "golden/references/stories260K-q8_0.tokens.txt");
}

/* Super-block formats: llama.cpp quantises activations by a signed scale, so tokens part ways after a while;
 * the teacher-forced logits must agree as well as two such roundings let them. */
static void teacher_logits(sterna_test *t, const char *model, const char *logits, double mean_cosine,
                           double nmse)
{
    sterna_fault fault = {0};
    golden_run run;
    sterna_mapping want = {0}, text = {0};
    uint32_t ids[TEACHER];
    sterna_session_params params = golden_params("auto", STERNA_KV_F32);
    params.n_logits = TEACHER;
    CHECK(t, golden_read(t, "golden/references/stories260K.teacher.txt", &text));
    CHECK(t, golden_numbers((const char *)text.data, ids, TEACHER) == TEACHER);
    CHECK(t, golden_read(t, logits, &want) && want.size == TEACHER * VOCAB * sizeof(float));
    CHECK_MSG(t, golden_open(sterna_test_repo(t, model), &params, &run, &fault) == STERNA_OK, "%s",
              fault.text);
    float *got = sterna_alloc(TEACHER * VOCAB, sizeof *got);
    CHECK_MSG(t, got && golden_force(&run, ids, TEACHER, got, &fault) == STERNA_OK, "%s", fault.text);
    golden_agreement a = golden_compare(got, (const float *)(const void *)want.data, TEACHER, VOCAB, 0);
    printf("mean cosine %.6f, lowest %.6f, NMSE %.2e, argmax %u of %u\n", a.mean_cosine, a.min_cosine, a.nmse,
           a.argmax_equal, a.rows);
    EXPECT(t, a.mean_cosine >= mean_cosine);
    EXPECT(t, a.nmse <= nmse);
    sterna_free(got);
    golden_close(&run);
    sterna_sys_unmap(&want);
    sterna_sys_unmap(&text);
}

static void q4_k_logits(sterna_test *t)
{
    teacher_logits(t, "golden/models/stories260K-ff256-q4_K.gguf",
                   "golden/references/stories260K-ff256-q4_K.logits.f32", 0.999, 1e-3);
}
static void tq2_0_logits(sterna_test *t)
{
    teacher_logits(t, "golden/models/stories260K-ff256-tq2_0.gguf",
                   "golden/references/stories260K-ff256-tq2_0.logits.f32", 0.999, 1e-3);
}

const sterna_test_case sterna_test_cases[] = {
    {"f32_ids", f32_ids, 0},
    {"f16_ids", f16_ids, 0},
    {"bf16_ids", bf16_ids, 0},
    {"q8_0_ids", q8_0_ids, 0},
    {"q4_k_logits", q4_k_logits, 0},
    {"tq2_0_logits", tq2_0_logits, 0},
    {0},
};
