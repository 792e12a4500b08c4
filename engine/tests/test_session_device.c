/* What a session asks of its device: one write, one submission and one read for a token; and that a wait which times out
 * loses nothing. The device's table is replaced by one that counts and passes on. */
#include "base/mem.h"
#include "base/size.h"
#include "runner.h"
#include "session/session.h"
#include <string.h>

static const sterna_backend_api *real;
static uint32_t writes, reads, submissions, waits, patience;

static sterna_status counted_write(sterna_device *device, sterna_buffer *buffer, uint64_t offset,
                                   const void *src, uint64_t bytes, sterna_fault *fault)
{
    writes++;
    return real->buffer_write(device, buffer, offset, src, bytes, fault);
}

static sterna_status counted_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                  uint64_t bytes, sterna_fault *fault)
{
    reads++;
    return real->buffer_read(device, buffer, offset, dst, bytes, fault);
}

static sterna_status counted_submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                                    const uint32_t *slots, sterna_fence *fence, sterna_fault *fault)
{
    submissions++;
    return real->submit(device, plan, first, count, slots, fence, fault);
}

/* `patience` milliseconds instead of as long as it takes. */
static sterna_status impatient_wait(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                                    sterna_result *result, sterna_fault *fault)
{
    waits++;
    return real->wait(device, fence, milliseconds ? milliseconds : patience, result, fault);
}

static sterna_session *watched(sterna_test *t, sterna_model *model, const char *device, uint32_t n_batch,
                               sterna_backend_api *api)
{
    sterna_fault fault = {0};
    sterna_session *s = NULL;
    sterna_session_params params = {.size = sizeof params,
                                    .device = device,
                                    .threads = 1,
                                    .n_ctx = 16,
                                    .n_batch = n_batch,
                                    .page_size = 4};
    if (!EXPECT(t, sterna_session_open(model, &params, &s, &fault) == STERNA_OK)) {
        sterna_test_note(t, "%s", fault.text);
        return NULL;
    }
    real = s->device.api;
    *api = *real;
    api->buffer_write = counted_write;
    api->buffer_read = counted_read;
    api->submit = counted_submit;
    api->wait = impatient_wait;
    s->device.api = api;
    writes = reads = submissions = waits = patience = 0;
    return s;
}

static sterna_model *open_model(sterna_test *t)
{
    sterna_model *model = NULL;
    EXPECT(t, sterna_model_open(sterna_test_repo(t, "golden/models/golden.gguf"), &model, NULL) == STERNA_OK);
    return model;
}

static sterna_status feed(sterna_session *s, uint32_t first, uint32_t n, sterna_fault *fault)
{
    uint32_t ids[16], positions[16];
    for (uint32_t i = 0; i < n; i++) {
        ids[i] = 3 * (first + i) + 1;
        positions[i] = first + i;
    }
    sterna_batch batch = {n, ids, positions, NULL, NULL};
    return sterna_session_run(s, &batch, fault);
}

static void a_token_is_one_submission(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", "mock"};
    sterna_model *model = open_model(t);
    for (uint32_t d = 0; d < STERNA_COUNT(devices); d++) {
        sterna_backend_api api;
        sterna_session *s = watched(t, model, devices[d], 8, &api);
        if (!s) break;
        for (uint32_t p = 0; p < 8; p++) {
            writes = reads = submissions = waits = 0;
            CHECK(t, feed(s, p, 1, NULL) == STERNA_OK);
            CHECK_MSG(t, submissions == 1 && waits == 1 && reads == 1, "%u submissions, %u waits, %u reads",
                      submissions, waits, reads);
            /* A position that begins a page also brings the page table. */
#if STERNA_HOSTILE
            uint32_t wanted = 5 + (p % 4 == 0);
#else
            uint32_t wanted = 1 + (p % 4 == 0);
#endif
            CHECK_MSG(t, writes == wanted, "position %u: %u writes", p, writes);
        }
        sterna_session_close(s);
    }
    sterna_model_close(model);
}

/* The seventh launch hangs. The first wait gives up; the run is undone and says TIMEOUT; the next run waits for the old
 * submission, not past it; closing waits, too. When the watchdog takes the device down, that is what is told. */
static void a_timed_out_wait_is_taken_up_again(sterna_test *t)
{
    sterna_model *model = open_model(t);
    sterna_backend_api api;
    int64_t live = sterna_mem_live();
    sterna_session *s = watched(t, model, "mock:hang_launch=7,watchdog=100", 8, &api);
    CHECK(t, s != NULL);
    patience = 30;
    sterna_fault fault = {0};
    CHECK(t, feed(s, 0, 3, &fault) == STERNA_TIMEOUT && s->unfinished != 0);
    CHECK_MSG(t, strstr(fault.text, "has not ended after 30 ms"), "%s", fault.text);
    CHECK(t, submissions == 1 && sterna_session_length(s, 0) == 0 && !sterna_session_logits(s, 0));
    fault = (sterna_fault){0};
    CHECK(t, feed(s, 0, 3, &fault) == STERNA_TIMEOUT && s->unfinished != 0);
    CHECK_MSG(t, strstr(fault.text, "has not finished the submission before"), "%s", fault.text);
    CHECK(t, submissions == 1);
    fault = (sterna_fault){0};
    patience = 60;
    CHECK(t, feed(s, 0, 3, &fault) == STERNA_DEVICE && s->unfinished == 0);
    CHECK_MSG(t, submissions == 1 && strstr(fault.text, "watchdog's 100 ms; device lost"), "%s", fault.text);
    sterna_session_close(s);
    CHECK(t, sterna_mem_live() == live);

    s = watched(t, model, "mock:hang_launch=7,watchdog=100", 8, &api);
    CHECK(t, s != NULL);
    patience = 30;
    CHECK(t, feed(s, 0, 3, NULL) == STERNA_TIMEOUT);
    waits = 0;
    sterna_session_close(s);
    CHECK(t, waits == 1 && sterna_mem_live() == live);
    sterna_model_close(model);
}

/* Slow, not stuck: the submission ends while nobody waits, and the session goes on with the right bits. */
static sterna_status late(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                          sterna_result *result, sterna_fault *fault)
{
    if (patience > 0) {
        patience--;
        return sterna_fail(fault, STERNA_TIMEOUT, "not yet");
    }
    return real->wait(device, fence, milliseconds, result, fault);
}

static void a_late_submission_changes_no_bit(sterna_test *t)
{
    sterna_model *model = open_model(t);
    sterna_backend_api api, plain;
    sterna_session *want = watched(t, model, "cpu:scalar", 8, &plain);
    CHECK(t, want && feed(want, 0, 5, NULL) == STERNA_OK);
    const sterna_backend_api *first = real;
    sterna_session *s = watched(t, model, "mock", 8, &api);
    CHECK(t, s != NULL);
    api.wait = late;
    patience = 2;
    CHECK(t, feed(s, 0, 5, NULL) == STERNA_TIMEOUT && feed(s, 0, 5, NULL) == STERNA_TIMEOUT);
    CHECK(t, feed(s, 0, 5, NULL) == STERNA_OK && s->unfinished == 0 && sterna_session_length(s, 0) == 5);
    CHECK(t, memcmp(sterna_session_logits(s, 0), sterna_session_logits(want, 0),
                    model->h.n_vocab * sizeof(float)) == 0);
    sterna_session_close(s);
    want->device.api = first;
    sterna_session_close(want);
    sterna_model_close(model);
}

/* Where memory comes from is not seen in the bits: pools of the GPU host, activations apart. Apart, the mock also sees
 * every read of what was not written, since no other activation ever lay there. */
static void layouts_change_no_bit(sterna_test *t)
{
    static const struct {
        const char *device;
        uint32_t separate;
    } rows[] = {{"cpu:scalar", 0},         {"cpu:scalar", 1},   {"mock:seed=3", 0},
                {"mock:seed=4,warp=8", 1}, {"mock:pool=1m", 0}, {"mock:pool=100k,alignment=4096", 1}};
    sterna_model *model = open_model(t);
    uint64_t bytes = model->h.n_vocab * sizeof(float);
    float *want = sterna_alloc((size_t)bytes, 1);
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_fault fault = {0};
        sterna_session *s = NULL;
        sterna_session_params params = {.size = sizeof params,
                                        .device = rows[i].device,
                                        .threads = 1,
                                        .n_ctx = 16,
                                        .n_batch = 6,
                                        .separate = rows[i].separate};
        CHECK_MSG(t, sterna_session_open(model, &params, &s, &fault) == STERNA_OK, "%s", fault.text);
        CHECK_MSG(t, feed(s, 0, 9, &fault) == STERNA_OK && feed(s, 9, 1, &fault) == STERNA_OK, "%s: %s",
                  rows[i].device, fault.text);
        if (i == 0) memcpy(want, sterna_session_logits(s, 0), (size_t)bytes);
        CHECK_MSG(t, memcmp(want, sterna_session_logits(s, 0), (size_t)bytes) == 0, "%s", rows[i].device);
        sterna_session_close(s);
    }
    sterna_free(want);
    sterna_model_close(model);
}

const sterna_test_case sterna_test_cases[] = {
    {"layouts_change_no_bit", layouts_change_no_bit, 0},
    {"a_token_is_one_submission", a_token_is_one_submission, 0},
    {"a_timed_out_wait_is_taken_up_again", a_timed_out_wait_is_taken_up_again, 0},
    {"a_late_submission_changes_no_bit", a_late_submission_changes_no_bit, 0},
    {0},
};
