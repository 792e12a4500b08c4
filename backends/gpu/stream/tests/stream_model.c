/* The stream driver against a model: drawn sequences of launches, uploads, clears, marks and frees, from so few values that
 * lists often begin alike, come again, or differ in one word late. The host does the same additions. */
#include "stream_rig.h"

enum { OPERANDS = 3, WORDS = 8, STEPS = 1500 };

typedef struct model {
    void *gpu;
    const void *add;
    sterna_gpu_memory x, operands[OPERANDS], status;
    float x_want[WORDS], operands_want[OPERANDS][WORDS];
    sterna_fault fault;
} model;

static uint32_t draw(uint32_t step, uint32_t what, uint32_t below)
{
    return sterna_philox4x32(11, 0, step, what, 0, 0).word[0] % below;
}

/* x += operand, on the first n words. */
static sterna_status launch_add(model *m, uint32_t operand, uint32_t n)
{
    const sterna_gpu_range ranges[] = {
        {m->x, 0, WORDS * 4}, {m->operands[operand], 0, WORDS * 4}, {m->status, 0, 256}};
    const uint32_t words[] = {1, n, 0}; /* rows, n, status_at */
    const sterna_gpu_launch launch = {m->add, 1, 1, ranges, words, 3, 3, 0};
    for (uint32_t i = 0; i < n; i++) m->x_want[i] += m->operands_want[operand][i];
    return sterna_stream_launch(m->gpu, &launch, &m->fault);
}

static sterna_status upload_operand(model *m, uint32_t step, uint32_t operand)
{
    for (uint32_t i = 0; i < WORDS; i++) m->operands_want[operand][i] = (float)draw(step, 10 + i, 4);
    return sterna_stream_upload(m->gpu, m->operands[operand], 0, m->operands_want[operand], WORDS * 4,
                                &m->fault);
}

static sterna_status clear_x(model *m)
{
    memset(m->x_want, 0, sizeof m->x_want);
    return sterna_stream_clear(m->gpu, m->x, 0, WORDS * 4, &m->fault);
}

/* Another allocation takes the place of an operand that launches read which begin like a list, and are held back. */
static sterna_status replace_operand(model *m, uint32_t step)
{
    sterna_status status = launch_add(m, 0, WORDS);
    if (status == STERNA_OK) status = launch_add(m, 1, WORDS);
    sterna_stream_free(m->gpu, m->operands[1]);
    if (status == STERNA_OK) status = sterna_stream_alloc(m->gpu, 4096, &m->operands[1], &m->fault);
    return status == STERNA_OK ? upload_operand(m, step, 1) : status;
}

static bool same_x(sterna_test *t, model *m, uint32_t step)
{
    float got[WORDS];
    if (!EXPECT(t, sterna_stream_download(m->gpu, m->x, 0, got, sizeof got, &m->fault) == STERNA_OK))
        return false;
    if (EXPECT(t, memcmp(got, m->x_want, sizeof got) == 0)) return true;
    for (uint32_t i = 0; i < WORDS; i++)
        sterna_test_note(t, "step %u, word %u: %g, wanted %g", step, i, (double)got[i], (double)m->x_want[i]);
    return false;
}

/* Four to six launches; the last ones vary least. */
static sterna_status launch_list(model *m, uint32_t step)
{
    uint32_t kind = draw(step, 1, 6), count = 4 + draw(step, 2, 3);
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < count && status == STERNA_OK; i++)
        status = launch_add(m, i < 2 ? i : (kind + i) % OPERANDS, i == 3 && kind >= 3 ? kind : WORDS);
    return status;
}

static sterna_status one_step(sterna_test *t, model *m, uint32_t step)
{
    uint32_t tag;
    uint64_t fence;
    switch (draw(step, 0, 20)) {
    case 0:
        return upload_operand(m, step, draw(step, 3, OPERANDS));
    case 1:
        return clear_x(m);
    case 2:
        return same_x(t, m, step) ? STERNA_OK : STERNA_FAILED;
    case 3:
        return step % 4 == 0 ? replace_operand(m, step) : STERNA_OK;
    case 4:
        return launch_add(m, 0, WORDS); /* joins the list that follows */
    case 5:
        if (sterna_stream_fence(m->gpu, &fence, &m->fault) != STERNA_OK) return STERNA_FAILED;
        return sterna_stream_wait(m->gpu, fence, 0, &tag, &m->fault);
    default: {
        sterna_status status = launch_list(m, step);
        return status == STERNA_OK ? sterna_stream_fence(m->gpu, &fence, &m->fault) : status;
    }
    }
}

void stream_agrees_with_a_model(sterna_test *t)
{
    static const char *const settings[] = {"seed=1", "seed=2,late=0", "seed=3,late=20"};
    NEEDS_MOCK(t);
    for (uint32_t s = 0; s < STERNA_COUNT(settings); s++) {
        model m = {0};
        uint8_t hash[32];
        sterna_device *device = stream_open(t, settings[s], "");
        CHECK(t, device != NULL);
        m.gpu = device->gpu;
        CHECK(t, sterna_stream_kernel(m.gpu, "add", &m.add, hash, &m.fault) == STERNA_OK);
        CHECK(t, sterna_stream_alloc(m.gpu, 4096, &m.x, &m.fault) == STERNA_OK);
        CHECK(t, sterna_stream_alloc(m.gpu, 4096, &m.status, &m.fault) == STERNA_OK);
        CHECK(t, sterna_stream_clear(m.gpu, m.status, 0, 4096, &m.fault) == STERNA_OK &&
                     clear_x(&m) == STERNA_OK);
        for (uint32_t i = 0; i < OPERANDS; i++) {
            CHECK(t, sterna_stream_alloc(m.gpu, 4096, &m.operands[i], &m.fault) == STERNA_OK);
            CHECK(t, upload_operand(&m, STEPS + i, i) == STERNA_OK);
        }
        for (uint32_t step = 0; step < STEPS; step++)
            CHECK_MSG(t, one_step(t, &m, step) == STERNA_OK, "step %u of %s: %s", step, settings[s],
                      m.fault.text);
        CHECK(t, same_x(t, &m, STEPS));
        CHECK(t, ((stream_device *)m.gpu)->graph_launches > (GRAPHS > 1 ? STEPS / 10 : 0));
        for (uint32_t i = 0; i < OPERANDS; i++) sterna_stream_free(m.gpu, m.operands[i]);
        sterna_stream_free(m.gpu, m.x);
        sterna_stream_free(m.gpu, m.status);
        stream_api_table()->close(device);
        CHECK(t, stream_nothing_left(t));
    }
}

/* A handle whose memory was freed is known as such, also when its entry serves another allocation. */
void stream_freed_memory_is_found(sterna_test *t)
{
    sterna_gpu_memory old, new;
    uint32_t word = 0;
    sterna_fault fault = {0};
    NEEDS_MOCK(t);
    sterna_device *device = stream_open(t, "", "");
    CHECK(t, device != NULL);
    CHECK(t, sterna_stream_alloc(device->gpu, 4096, &old, &fault) == STERNA_OK);
    sterna_stream_free(device->gpu, old);
    for (uint32_t turn = 0; turn < 2; turn++) {
        const sterna_gpu_range ranges[] = {{old, 0, 4}, {old, 0, 4}, {old, 0, 4}};
        const uint32_t words[] = {1, 1, 0};
        uint8_t hash[32];
        sterna_gpu_launch launch = {NULL, 1, 1, ranges, words, 3, 3, 0};
        CHECK(t, sterna_stream_kernel(device->gpu, "add", &launch.kernel, hash, &fault) == STERNA_OK);
        CHECK(t, sterna_stream_launch(device->gpu, &launch, &fault) == STERNA_DEVICE);
        CHECK_MSG(t, strstr(fault.text, "add, argument 0: ") && strstr(fault.text, "the memory was freed"),
                  "%s", fault.text);
        fault = (sterna_fault){0};
        CHECK(t, sterna_stream_upload(device->gpu, old, 0, &word, 4, &fault) == STERNA_DEVICE);
        fault = (sterna_fault){0};
        CHECK(t, sterna_stream_download(device->gpu, old, 0, &word, 4, &fault) == STERNA_DEVICE);
        fault = (sterna_fault){0};
        if (turn == 0) CHECK(t, sterna_stream_alloc(device->gpu, 4096, &new, &fault) == STERNA_OK);
    }
    CHECK(t, sterna_stream_upload(device->gpu, new, 4093, &word, 4, &fault) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(fault.text, "4 bytes at 4093 of an allocation of 4096"), "%s", fault.text);
    sterna_stream_free(device->gpu, new);
    stream_api_table()->close(device);
    CHECK(t, stream_nothing_left(t));
}

static uint32_t lines_logged;
static char logged[200];

static void keep_log(void *context, int level, const char *text)
{
    (void)context, (void)level;
    lines_logged++;
    snprintf(logged, sizeof logged, "%s", text);
}

/* What the host of a driver forgets is freed at close, and told. */
void stream_leaks_are_told(sterna_test *t)
{
    sterna_host host = *op_case_host();
    char variant[400];
    sterna_gpu_memory one, two;
    sterna_fault fault = {0};
    sterna_device *device = NULL;
    NEEDS_MOCK(t);
    host.log = keep_log;
    snprintf(variant, sizeof variant, "library=%s", stream_library());
    const sterna_open_params params = {.size = sizeof params, .variant = variant};
    CHECK(t, stream_api_table()->open(&host, &params, &device, &fault) == STERNA_OK);
    CHECK(t, sterna_stream_alloc(device->gpu, 4096, &one, &fault) == STERNA_OK);
    CHECK(t, sterna_stream_alloc(device->gpu, 8192, &two, &fault) == STERNA_OK);
    stream_api_table()->close(device);
    CHECK_MSG(t, lines_logged == 1 && strstr(logged, ": 2 allocations of 12288 bytes leaked at close"), "%s",
              logged);
    CHECK(t, stream_nothing_left(t));
}

/* That one mark is reached says nothing about the next. */
void stream_marks_are_their_own(sterna_test *t)
{
    uint64_t first, second;
    uint32_t tag;
    uint8_t hash[32];
    char settings[60];
    model m = {0};
    NEEDS_MOCK(t);
    snprintf(settings, sizeof settings, "hang_launch=%u,watchdog=3600000,late=0",
             stream_opening_launches(t) + 2);
    sterna_device *device = stream_open(t, settings, ",watchdog=60000");
    CHECK(t, device != NULL);
    m.gpu = device->gpu;
    CHECK(t, sterna_stream_kernel(m.gpu, "add", &m.add, hash, &m.fault) == STERNA_OK);
    CHECK(t, sterna_stream_alloc(m.gpu, 4096, &m.x, &m.fault) == STERNA_OK &&
                 sterna_stream_alloc(m.gpu, 4096, &m.operands[0], &m.fault) == STERNA_OK &&
                 sterna_stream_alloc(m.gpu, 4096, &m.status, &m.fault) == STERNA_OK);
    CHECK(t, sterna_stream_clear(m.gpu, m.status, 0, 4096, &m.fault) == STERNA_OK &&
                 clear_x(&m) == STERNA_OK && upload_operand(&m, 0, 0) == STERNA_OK);
    CHECK(t,
          launch_add(&m, 0, WORDS) == STERNA_OK && sterna_stream_fence(m.gpu, &first, &m.fault) == STERNA_OK);
    CHECK(t, launch_add(&m, 0, WORDS) == STERNA_OK &&
                 sterna_stream_fence(m.gpu, &second, &m.fault) == STERNA_OK);
    CHECK_MSG(t, sterna_stream_wait(m.gpu, first, 0, &tag, &m.fault) == STERNA_OK, "%s", m.fault.text);
    CHECK(t, sterna_stream_wait(m.gpu, second, 2, &tag, &m.fault) == STERNA_TIMEOUT);
    ((stream_device *)m.gpu)->settings.watchdog = 1; /* so that it is given up without delay */
    m.fault = (sterna_fault){0};
    CHECK(t, sterna_stream_wait(m.gpu, second, 0, &tag, &m.fault) == STERNA_DEVICE);
    stream_api_table()->close(device);
}

/* A wait ends in time, and a device that never answers is given up by the driver's own watchdog; nothing hangs then. */
void stream_silence_ends(sterna_test *t)
{
    sterna_result result = {.size = sizeof result};
    sterna_fence first, second;
    tiny_plan p;
    uint32_t rounds = 0;
    sterna_status status;
    NEEDS_MOCK(t);
    char settings[60];
    snprintf(settings, sizeof settings, "hang_launch=%u,watchdog=3600000",
             stream_opening_launches(t) + TINY_NODES + 2);
    CHECK(t, stream_make(t, &p, settings, ",watchdog=100"));
    CHECK(t, tiny_submit(&p, 2, &first) == STERNA_OK);
    CHECK(t, p.api->wait(p.device, first, 0, &result, &p.fault) == STERNA_OK);
    CHECK(t, tiny_submit(&p, 2, &second) == STERNA_OK);
    double begin = sterna_sys_now();
    do {
        p.fault = (sterna_fault){0};
        status = p.api->wait(p.device, second, 5, &result, &p.fault);
        rounds++;
    } while (status == STERNA_TIMEOUT && rounds < 1000);
    double took = sterna_sys_now() - begin;
    CHECK_MSG(t, status == STERNA_DEVICE && rounds >= 2 && rounds <= 25, "status %d after %u rounds",
              (int)status, rounds);
    CHECK_MSG(t, strstr(p.fault.text, "the device is given up: no answer to a submission within 100 ms"),
              "%s", p.fault.text);
    CHECK_MSG(t, took > 0.09, "%.3f s", took);
    /* Freeing its memory could wait for ever: it stays. */
    uint32_t allocated = stream_mock_held(t).allocations;
    begin = sterna_sys_now();
    tiny_close(&p);
    CHECK(t, sterna_sys_now() - begin < 5);
    CHECK(t, allocated > 0 && stream_mock_held(t).allocations == allocated);
}
