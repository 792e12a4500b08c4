/* Comparing a session's device with the reference: right devices agree, a device that lies about one bit is found, and
 * the session is as new afterwards. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "runner.h"
#include "session/session.h"
#include <string.h>

#define MODEL "golden/models/stories260K-q8_0.gguf"

static sterna_model *model;
static sterna_session *session;

static bool open_on(sterna_test *t, const char *device)
{
    sterna_session_params params = {.size = sizeof params, .device = device, .threads = 1, .n_ctx = 16};
    return EXPECT(t, sterna_model_open(sterna_test_repo(t, MODEL), &model, NULL) == STERNA_OK) &&
           EXPECT(t, sterna_session_open(model, &params, &session, NULL) == STERNA_OK);
}

static void close_both(void)
{
    sterna_session_close(session);
    sterna_model_close(model);
}

static void right_devices_agree(sterna_test *t)
{
    static const char *const devices[] = {"cpu:scalar", "cpu", "mock:seed=5,warp=8"};
    uint64_t values, different;
    uint32_t id = 1, position = 0;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        CHECK(t, open_on(t, devices[i]));
        CHECK(t, sterna_session_verify(session, &values, &different, NULL) == STERNA_OK);
        CHECK_MSG(t, values == 512 && different == 0, "%s", devices[i]);
        CHECK(t, sterna_session_length(session, 0) == 0);
        sterna_batch batch = {1, &id, &position, NULL, NULL};
        CHECK(t, sterna_session_run(session, &batch, NULL) == STERNA_OK);
        CHECK(t, sterna_session_verify(session, &values, &different, NULL) == STERNA_USAGE);
        close_both();
    }
}

static const sterna_backend_api *honest;

/* The last bit of the third value of whatever is read. */
static sterna_status lying_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *to,
                                uint64_t bytes, sterna_fault *fault)
{
    sterna_status status = honest->buffer_read(device, buffer, offset, to, bytes, fault);
    if (status == STERNA_OK && bytes > 12) ((uint8_t *)to)[8] ^= 1;
    return status;
}

static void one_wrong_bit_is_found(sterna_test *t)
{
    uint64_t values, different;
    CHECK(t, open_on(t, "cpu"));
    honest = session->device.api;
    sterna_backend_api lying = *honest;
    lying.buffer_read = lying_read;
    session->device.api = &lying;
    CHECK(t, sterna_session_verify(session, &values, &different, NULL) == STERNA_OK);
    CHECK_MSG(t, values == 512 && different == 1, "%llu different", (unsigned long long)different);
    close_both();
}

/* Refused memory: not verified, or an error; never "verified" and never a leak. */
static void refused_memory_verifies_nothing(sterna_test *t)
{
    uint64_t values, different, tried = 0;
    for (uint64_t n = 1;; n++) {
        CHECK(t, open_on(t, "cpu:scalar"));
        int64_t live = sterna_mem_live();
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, true);
        sterna_status status = sterna_session_verify(session, &values, &different, NULL);
        bool reached = sterna_fault_count(STERNA_FAULT_ALLOC) >= n;
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK(t, sterna_mem_live() == live && (!reached || values == 0));
        CHECK(t, status == STERNA_OK || status == STERNA_MEMORY);
        close_both();
        if (!reached) break;
        tried++;
    }
    CHECK(t, tried > 10);
}

const sterna_test_case sterna_test_cases[] = {
    {"right_devices_agree", right_devices_agree, 0},
    {"one_wrong_bit_is_found", one_wrong_bit_is_found, 0},
    {"refused_memory_verifies_nothing", refused_memory_verifies_nothing, 0},
    {0}};
