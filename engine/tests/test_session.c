/* Sessions on the golden model: what must not change a bit, what must be refused, and that failures leave no
 * trace. */
#include "base/fault_point.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/thread.h"
#include "runner.h"
#include "session/session.h"
#include <stdio.h>
#include <string.h>

enum { PROMPT = 24 };
#define MODEL "golden/models/golden.gguf"

static const uint32_t prompt[PROMPT] = {0,   47,  78,  322, 426, 259, 376, 12,  371, 281, 259, 369,
                                        417, 500, 408, 14,  290, 501, 268, 362, 339, 306, 732, 267};

static sterna_session *open_session(sterna_test *t, sterna_model *model, const char *device, uint32_t n_batch,
                                    uint32_t n_seqs, uint32_t page_size)
{
    sterna_fault fault = {0};
    sterna_session *session = NULL;
    sterna_session_params params = {.size = sizeof params,
                                    .device = device,
                                    .threads = 1,
                                    .n_ctx = 64,
                                    .n_batch = n_batch,
                                    .n_seqs = n_seqs,
                                    .page_size = page_size};
    if (!EXPECT(t, sterna_session_open(model, &params, &session, &fault) == STERNA_OK))
        sterna_test_note(t, "%s", fault.text);
    return session;
}

static sterna_model *open_model(sterna_test *t)
{
    sterna_fault fault = {0};
    sterna_model *model = NULL;
    if (!EXPECT(t, sterna_model_open(sterna_test_repo(t, MODEL), &model, &fault) == STERNA_OK))
        sterna_test_note(t, "%s", fault.text);
    return model;
}

/* Runs rows [first, first + n) of the prompt as sequence `sequence`. */
static sterna_status feed(sterna_session *s, uint32_t sequence, uint32_t first, uint32_t n,
                          sterna_fault *fault)
{
    uint32_t positions[PROMPT], sequences[PROMPT];
    for (uint32_t i = 0; i < n; i++) {
        positions[i] = first + i;
        sequences[i] = sequence;
    }
    sterna_batch batch = {n, prompt + first, positions, sequences, NULL};
    return sterna_session_run(s, &batch, fault);
}

static bool same_logits(sterna_test *t, const sterna_session *s, uint32_t row, const float *want)
{
    const float *got = sterna_session_logits(s, row);
    return EXPECT(t, got != NULL) && EXPECT(t, memcmp(got, want, s->model->h.n_vocab * sizeof *want) == 0);
}

static float *reference_logits(sterna_test *t, sterna_model *model)
{
    sterna_session *s = open_session(t, model, "cpu:scalar", 64, 1, 0);
    float *copy = sterna_alloc(model->h.n_vocab, sizeof *copy);
    if (EXPECT(t, feed(s, 0, 0, PROMPT, NULL) == STERNA_OK))
        memcpy(copy, sterna_session_logits(s, 0), model->h.n_vocab * sizeof *copy);
    sterna_session_close(s);
    return copy;
}

static void splits_and_pages_change_nothing(sterna_test *t)
{
    static const uint32_t batches[] = {1, 7, 64}, pages[] = {0, 1, 5, 16};
    sterna_model *model = open_model(t);
    float *want = reference_logits(t, model);
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (size_t p = 0; p < sizeof pages / sizeof *pages; p++) {
            sterna_session *s = open_session(t, model, "cpu", batches[b], 1, pages[p]);
            CHECK(t, feed(s, 0, 0, 10, NULL) == STERNA_OK);
            CHECK(t, feed(s, 0, 10, PROMPT - 10, NULL) == STERNA_OK);
            if (!same_logits(t, s, 0, want)) sterna_test_note(t, "batch %u, page %u", batches[b], pages[p]);
            sterna_session_close(s);
        }
    sterna_free(want);
    sterna_model_close(model);
}

/* Three sequences interleaved in one batch give what each gives alone. */
static void sequences_do_not_see_each_other(sterna_test *t)
{
    sterna_model *model = open_model(t);
    float *want = reference_logits(t, model);
    uint32_t ids[3 * PROMPT], positions[3 * PROMPT], sequences[3 * PROMPT];
    uint8_t wanted[3 * PROMPT] = {0};
    for (uint32_t i = 0; i < 3 * PROMPT; i++) {
        positions[i] = i / 3;
        sequences[i] = i % 3;
        ids[i] = i % 3 == 1 ? prompt[i / 3] : prompt[PROMPT - 1 - i / 3];
    }
    wanted[3 * (PROMPT - 1) + 1] = 1;
    sterna_session *s = open_session(t, model, "cpu", 17, 3, 4);
    sterna_batch batch = {3 * PROMPT, ids, positions, sequences, wanted};
    CHECK(t, sterna_session_run(s, &batch, NULL) == STERNA_OK);
    CHECK(t, same_logits(t, s, 0, want));
    CHECK(t, sterna_session_length(s, 2) == PROMPT);
    sterna_session_close(s);
    sterna_free(want);
    sterna_model_close(model);
}

static void truncation_forgets(sterna_test *t)
{
    sterna_model *model = open_model(t);
    float *want = reference_logits(t, model);
    sterna_session *s = open_session(t, model, "cpu", 64, 1, 3);
    uint32_t other[2] = {5, 6}, positions[2] = {12, 13};
    sterna_batch wrong = {2, other, positions, NULL, NULL};
    CHECK(t, feed(s, 0, 0, 12, NULL) == STERNA_OK);
    CHECK(t, sterna_session_run(s, &wrong, NULL) == STERNA_OK);
    sterna_session_truncate(s, 0, 12);
    CHECK(t, feed(s, 0, 12, PROMPT - 12, NULL) == STERNA_OK);
    CHECK(t, same_logits(t, s, 0, want));
    sterna_session_close(s);
    sterna_free(want);
    sterna_model_close(model);
}

typedef struct refusal {
    uint32_t id, position, sequence;
    sterna_status status;
    const char *says;
} refusal;

static void bad_batches_are_refused(sterna_test *t)
{
    static const refusal all[] = {{2048, 0, 0, STERNA_USAGE, "token 2048"},
                                  {1, 1, 0, STERNA_USAGE, "position 1"},
                                  {1, 0, 1, STERNA_USAGE, "sequence 1"}};
    sterna_model *model = open_model(t);
    sterna_session *s = open_session(t, model, "cpu", 64, 1, 0);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sterna_fault fault = {0};
        sterna_batch batch = {1, &all[i].id, &all[i].position, &all[i].sequence, NULL};
        CHECK(t, sterna_session_run(s, &batch, &fault) == all[i].status);
        CHECK_MSG(t, strstr(fault.text, all[i].says), "%s", fault.text);
        CHECK(t, sterna_session_length(s, 0) == 0);
    }
    uint32_t positions[65], ids[65] = {0};
    for (uint32_t i = 0; i < 65; i++) positions[i] = i;
    sterna_batch too_long = {65, ids, positions, NULL, NULL};
    CHECK(t, sterna_session_run(s, &too_long, NULL) == STERNA_MEMORY && sterna_session_length(s, 0) == 0);
    uint8_t wanted[2] = {1, 1};
    sterna_batch too_many = {2, ids, positions, NULL, wanted};
    CHECK(t, sterna_session_run(s, &too_many, NULL) == STERNA_USAGE);
    sterna_session_close(s);
    sterna_model_close(model);
}

typedef struct heard {
    uint32_t ops, logits, stop_after;
    char last[32];
} heard;

static sterna_status listen(void *context, const sterna_event *event)
{
    heard *h = context;
    if (event->kind == STERNA_EVENT_OP) {
        h->ops++;
        snprintf(h->last, sizeof h->last, "%s", event->op);
    }
    if (event->kind == STERNA_EVENT_LOGITS) h->logits++;
    return h->stop_after && h->ops >= h->stop_after ? STERNA_FAILED : STERNA_OK;
}

static void listeners_hear_every_operation(sterna_test *t)
{
    sterna_model *model = open_model(t);
    float *want = reference_logits(t, model);
    sterna_session *s = open_session(t, model, "cpu", 64, 1, 0);
    heard h = {0};
    CHECK(t, sterna_session_observe(s, STERNA_EVENT_OP | STERNA_EVENT_LOGITS, listen, &h) == STERNA_OK);
    CHECK(t, feed(s, 0, 0, PROMPT, NULL) == STERNA_OK);
    CHECK(t, h.ops == s->graph->n_nodes && h.logits == 1 && strcmp(h.last, "matmul_float") == 0);
    CHECK(t, same_logits(t, s, 0, want));
    h.ops = 0;
    h.stop_after = 5;
    sterna_session_truncate(s, 0, 0);
    CHECK(t, feed(s, 0, 0, PROMPT, NULL) == STERNA_FAILED);
    CHECK(t, h.ops == 5 && sterna_session_length(s, 0) == 0);
    sterna_session_close(s);
    sterna_free(want);
    sterna_model_close(model);
}

static void cancelling_stops_and_restores(sterna_test *t)
{
    sterna_model *model = open_model(t);
    sterna_session *s = open_session(t, model, "cpu", 4, 1, 0);
    sterna_session_cancel(s);
    CHECK(t, feed(s, 0, 0, PROMPT, NULL) == STERNA_INTERRUPTED && sterna_session_length(s, 0) == 0);
    CHECK(t, feed(s, 0, 0, PROMPT, NULL) == STERNA_OK);
    sterna_session_close(s);
    sterna_model_close(model);
}

/* A run that fails in its second submission, with two sequences and pages half full: lengths, pages and bits are as if
 * it had never been. */
static void a_failed_run_leaves_no_trace(sterna_test *t)
{
    sterna_model *model = open_model(t);
    float *want = reference_logits(t, model);
    sterna_session *s = open_session(t, model, "cpu", 4, 2, 3);
    uint32_t ids[12], positions[12], sequences[12];
    heard h = {0};
    for (uint32_t i = 0; i < 12; i++) {
        ids[i] = 7 + i;
        sequences[i] = i % 2;
        positions[i] = (i % 2 ? 0 : 5) + i / 2;
    }
    sterna_batch batch = {12, ids, positions, sequences, NULL};
    CHECK(t, feed(s, 0, 0, 5, NULL) == STERNA_OK);
    CHECK(t, sterna_session_observe(s, STERNA_EVENT_OP, listen, &h) == STERNA_OK);
    h.stop_after = s->graph->n_body + 3;
    CHECK(t, sterna_session_run(s, &batch, NULL) == STERNA_FAILED);
    CHECK(t, h.ops == h.stop_after && sterna_session_logits(s, 0) == NULL);
    CHECK(t, sterna_session_length(s, 0) == 5 && sterna_session_length(s, 1) == 0);
    CHECK(t, s->cache.n_free == s->cache.n_pages - 2);
    h.stop_after = 0;
    CHECK(t, feed(s, 1, 0, PROMPT, NULL) == STERNA_OK && same_logits(t, s, 0, want));
    CHECK(t, feed(s, 0, 5, PROMPT - 5, NULL) == STERNA_OK && same_logits(t, s, 0, want));
    sterna_session_close(s);
    sterna_free(want);
    sterna_model_close(model);
}

/* The digest by its definition (sterna.h), from what a listener hears, bytes put in order by hand. */
typedef struct chain {
    uint8_t value[32], *message;
    uint32_t n_vocab;
} chain;

static void put_word(uint8_t *at, uint32_t word)
{
    for (uint32_t b = 0; b < 4; b++) at[b] = (uint8_t)(word >> (8 * b));
}

static sterna_status follow(void *context, const sterna_event *event)
{
    chain *c = context;
    uint64_t bytes = 36 + 4ull * c->n_vocab;
    switch (event->kind) {
    case STERNA_EVENT_PROMPT:
        memcpy(c->message, c->value, 32); /* holds the root */
        for (uint32_t i = 0; i < event->n_ids; i++) put_word(c->message + 32 + 4 * i, event->ids[i]);
        bytes = 32 + 4ull * event->n_ids;
        break;
    case STERNA_EVENT_LOGITS:
        for (uint32_t i = 0; i < event->n_logits; i++) {
            uint32_t word;
            memcpy(&word, &event->logits[i], sizeof word);
            put_word(c->message + 36 + 4ull * i, word);
        }
        return STERNA_OK;
    default:
        memcpy(c->message, c->value, 32);
        put_word(c->message + 32, event->token);
        break;
    }
    sterna_sha256_once(c->message, (size_t)bytes, c->value);
    return STERNA_OK;
}

static void the_digest_is_what_its_definition_says(sterna_test *t)
{
    sterna_model *model = open_model(t);
    sterna_session *s = open_session(t, model, "cpu", 64, 1, 0);
    sterna_digest *digest = NULL;
    sterna_generate_result result;
    sterna_generate_params params = {.size = sizeof params, .prompt = prompt, .n_prompt = 5, .n_predict = 4};
    chain c = {.n_vocab = model->h.n_vocab, .message = sterna_alloc(model->h.n_vocab + 9, 4)};
    uint8_t root[32], value[32];
    CHECK(t, c.message && sterna_model_hash(model, 1, root, NULL) == STERNA_OK);
    memcpy(c.value, root, sizeof root);
    CHECK(t, sterna_digest_attach(s, root, 0, &digest, NULL) == STERNA_OK);
    CHECK(t, sterna_session_observe(s, STERNA_EVENT_PROMPT | STERNA_EVENT_LOGITS | STERNA_EVENT_TOKEN, follow,
                                    &c) == STERNA_OK);
    params.ignore_end = 1;
    CHECK(t, sterna_generate(s, &params, NULL, NULL, &result, NULL) == STERNA_OK && result.n_tokens == 4);
    CHECK(t, sterna_digest_get(digest, value) == 4 && memcmp(value, c.value, sizeof value) == 0);
    sterna_free(c.message);
    sterna_session_close(s);
    sterna_digest_free(digest);
    sterna_model_close(model);
}

static void decoding_allocates_nothing(sterna_test *t)
{
    sterna_model *model = open_model(t);
    sterna_session *s = open_session(t, model, "cpu", 8, 1, 4);
    CHECK(t, feed(s, 0, 0, 8, NULL) == STERNA_OK);
    sterna_fault_arm(STERNA_FAULT_ALLOC, 1, true);
    for (uint32_t i = 8; i < PROMPT; i++) {
        sterna_status status = feed(s, 0, i, 1, NULL);
        CHECK_MSG(t, status == STERNA_OK, "position %u allocates", i);
    }
    CHECK(t, sterna_fault_count(STERNA_FAULT_ALLOC) == 0);
    sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
    sterna_session_close(s);
    sterna_model_close(model);
}

/* Opening a model and a session and running a token, with the n-th allocation failing, for every n. */
static void every_refused_allocation_is_an_error(sterna_test *t)
{
    int64_t before = sterna_mem_live();
    uint64_t n = 0;
    sterna_status status = STERNA_MEMORY;
    const char *path = sterna_test_repo(t, MODEL);
    while (status == STERNA_MEMORY) {
        sterna_fault fault = {0};
        sterna_model *model = NULL;
        sterna_session *session = NULL;
        sterna_session_params params = {
            .size = sizeof params, .device = "cpu:scalar", .threads = 2, .n_ctx = 8, .n_batch = 2};
        sterna_fault_arm(STERNA_FAULT_ALLOC, ++n, false);
        status = sterna_model_open(path, &model, &fault);
        if (status == STERNA_OK) status = sterna_session_open(model, &params, &session, &fault);
        if (status == STERNA_OK) status = feed(session, 0, 0, 2, &fault);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        sterna_session_close(session);
        sterna_model_close(model);
        CHECK_MSG(t, status == STERNA_OK || (status == STERNA_MEMORY && fault.text[0]),
                  "allocation %llu: %s %s", (unsigned long long)n, sterna_status_name(status), fault.text);
        CHECK_MSG(t, sterna_mem_live() == before, "allocation %llu leaks", (unsigned long long)n);
    }
    sterna_test_note(t, "%llu allocations", (unsigned long long)n);
    CHECK(t, status == STERNA_OK && n > 50);
}

static void what_cannot_fit_is_refused_with_figures(sterna_test *t)
{
    sterna_model *model = open_model(t);
    sterna_fault fault = {0};
    sterna_session *session = NULL;
    sterna_session_params params = {.size = sizeof params, .device = "cpu:scalar", .n_ctx = 16000000};
    CHECK(t, sterna_session_open(model, &params, &session, &fault) == STERNA_MEMORY);
    CHECK_MSG(t, strstr(fault.text, "MiB") && strstr(fault.text, "cache"), "%s", fault.text);
    sterna_model_close(model);
}

typedef struct worker {
    sterna_thread thread;
    sterna_model *model;
    float *logits;
    sterna_status status;
} worker;

static void *work(void *argument)
{
    worker *w = argument;
    sterna_session *s = NULL;
    sterna_session_params params = {
        .size = sizeof params, .device = "cpu", .threads = 2, .n_ctx = 64, .n_batch = 5};
    w->status = sterna_session_open(w->model, &params, &s, NULL);
    if (w->status == STERNA_OK) w->status = feed(s, 0, 0, PROMPT, NULL);
    if (w->status == STERNA_OK)
        memcpy(w->logits, sterna_session_logits(s, 0), w->model->h.n_vocab * sizeof *w->logits);
    sterna_session_close(s);
    return NULL;
}

/* One model, three sessions at once, each with a pool of its own. */
static void sessions_share_a_model(sterna_test *t)
{
    enum { SESSIONS = 3 };
    sterna_model *model = open_model(t);
    float *want = reference_logits(t, model);
    worker workers[SESSIONS];
    for (int i = 0; i < SESSIONS; i++) {
        workers[i] = (worker){.model = model, .logits = sterna_alloc(model->h.n_vocab, sizeof(float))};
        CHECK(t, sterna_thread_start(&workers[i].thread, work, &workers[i]) == STERNA_OK);
    }
    for (int i = 0; i < SESSIONS; i++) {
        sterna_thread_join(&workers[i].thread);
        EXPECT(t, workers[i].status == STERNA_OK);
        EXPECT(t, memcmp(workers[i].logits, want, model->h.n_vocab * sizeof *want) == 0);
        sterna_free(workers[i].logits);
    }
    sterna_free(want);
    sterna_model_close(model);
}

const sterna_test_case sterna_test_cases[] = {
    {"sessions_share_a_model", sessions_share_a_model, 0},
    {"splits_and_pages_change_nothing", splits_and_pages_change_nothing, 30},
    {"sequences_do_not_see_each_other", sequences_do_not_see_each_other, 0},
    {"truncation_forgets", truncation_forgets, 0},
    {"bad_batches_are_refused", bad_batches_are_refused, 0},
    {"listeners_hear_every_operation", listeners_hear_every_operation, 0},
    {"cancelling_stops_and_restores", cancelling_stops_and_restores, 0},
    {"a_failed_run_leaves_no_trace", a_failed_run_leaves_no_trace, 0},
    {"the_digest_is_what_its_definition_says", the_digest_is_what_its_definition_says, 0},
    {"decoding_allocates_nothing", decoding_allocates_nothing, 0},
    {"every_refused_allocation_is_an_error", every_refused_allocation_is_an_error, 60},
    {"what_cannot_fit_is_refused_with_figures", what_cannot_fit_is_refused_with_figures, 0},
    {0},
};
