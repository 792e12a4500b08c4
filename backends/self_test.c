/* The self-test of a device: memory, copies, parts of buffers, submissions. Contents are small whole numbers and
 * counters, so that a wrong byte says where it came from. */
#include "self_test.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SMALL_BUFFERS = 1100, /* drivers are known that hang or fail after a thousand small allocations */
    SMALL_BYTES = 64,
    MIRROR_BYTES = 70001,
    LARGE_COPY = (8 << 20) + 3,
    CHAIN = 8,    /* submissions in flight */
    REPEATS = 16, /* additions in each */
    WAIT_LIMIT = 30,
};

/* One test at work. */
typedef struct self_test {
    const sterna_open_device *d;
    sterna_fault *fault;
    char text[240]; /* what was done, or why not */
} self_test;

const char *sterna_self_name(uint32_t test)
{
    static const char *const names[] = {
#define SELF(id, name) name,
        STERNA_SELF_TESTS(SELF)
#undef SELF
    };
    return test < STERNA_SELF_COUNT ? names[test] : "?";
}

const char *sterna_self_verdict_name(uint32_t verdict)
{
    static const char *const names[] = {"passed", "FAILED", "not tested"};
    return verdict < STERNA_COUNT(names) ? names[verdict] : "?";
}

/* Byte i of the contents that `seed` names; no two seeds below 256 agree in a row of bytes. */
static uint8_t pattern(uint32_t seed, uint64_t i)
{
    return (uint8_t)((uint32_t)i * 167u + (uint32_t)(i >> 8) * 13u + seed * 31u + 7u);
}

static void fill(uint8_t *bytes, uint64_t n, uint32_t seed)
{
    for (uint64_t i = 0; i < n; i++) bytes[i] = pattern(seed, i);
}

static sterna_status no_memory(sterna_fault *fault)
{
    return sterna_fail(fault, STERNA_MEMORY, "no memory on the host");
}

/* FAILED with the first byte that is not what it should be. */
static sterna_status same(const uint8_t *got, const uint8_t *want, uint64_t n, const char *what, uint64_t at,
                          sterna_fault *fault)
{
    for (uint64_t i = 0; i < n; i++)
        if (got[i] != want[i])
            return sterna_fail(fault, STERNA_FAILED, "%s: byte %" PRIu64 " reads %02x, %02x was written",
                               what, at + i, got[i], want[i]);
    return STERNA_OK;
}

static sterna_status make_filled(const self_test *s, uint32_t seed, uint64_t bytes, uint8_t *room,
                                 sterna_buffer **buffer)
{
    const sterna_open_device *d = s->d;
    sterna_status status = d->api->buffer_create(d->device, bytes, buffer, s->fault);
    fill(room, bytes, seed);
    return status == STERNA_OK ? d->api->buffer_write(d->device, *buffer, 0, room, bytes, s->fault) : status;
}

static sterna_status still_filled(const self_test *s, uint32_t seed, uint64_t bytes, uint8_t *room,
                                  sterna_buffer *buffer)
{
    char what[60];
    sterna_status status = s->d->api->buffer_read(s->d->device, buffer, 0, room, bytes, s->fault);
    snprintf(what, sizeof what, "buffer %u of %" PRIu64 " bytes", seed, bytes);
    for (uint64_t i = 0; i < bytes && status == STERNA_OK; i++) {
        uint8_t want = pattern(seed, i);
        status = same(room + i, &want, 1, what, i, s->fault);
    }
    return status;
}

/* Sizes around what allocators round to; then many small ones. */
static uint64_t size_of(uint32_t i)
{
    static const uint32_t sizes[] = {1, 3, 4, 255, 256, 257, 4095, 4096, 4097, 65536, 1 << 20, (1 << 20) + 1};
    return i < STERNA_COUNT(sizes) ? sizes[i] : SMALL_BYTES;
}

static sterna_status fill_buffers(const self_test *s, sterna_buffer **buffers, uint8_t *room)
{
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < SMALL_BUFFERS && status == STERNA_OK; i++)
        status = make_filled(s, i, size_of(i), room, &buffers[i]);
    /* Every second one anew: freed memory is used again, and must not be anybody else's. */
    for (uint32_t i = 0; i < SMALL_BUFFERS && status == STERNA_OK; i += 2) {
        s->d->api->buffer_destroy(s->d->device, buffers[i]);
        buffers[i] = NULL;
        status = make_filled(s, i, size_of(i), room, &buffers[i]);
    }
    for (uint32_t i = 0; i < SMALL_BUFFERS && status == STERNA_OK; i++)
        status = still_filled(s, i, size_of(i), room, buffers[i]);
    return status;
}

static sterna_status test_allocation(self_test *s)
{
    sterna_buffer **buffers = sterna_alloc(SMALL_BUFFERS, sizeof *buffers);
    uint8_t *room = sterna_alloc((1 << 20) + 1, 1);
    sterna_status status = buffers && room ? fill_buffers(s, buffers, room) : no_memory(s->fault);
    for (uint32_t i = 0; buffers && i < SMALL_BUFFERS; i++)
        s->d->api->buffer_destroy(s->d->device, buffers[i]);
    sterna_free(buffers);
    sterna_free(room);
    snprintf(s->text, sizeof s->text, "%d buffers of 1 byte to 1 MiB keep their contents apart",
             SMALL_BUFFERS);
    return status;
}

static const uint32_t odd[] = {0, 1, 2, 3, 5, 7, 63, 64, 65, 255, 256, 257, 4095, 4096, 4097, 65535};

static sterna_status copy_in(const self_test *s, sterna_buffer *buffer, uint8_t *mirror, uint8_t *room)
{
    const sterna_open_device *d = s->d;
    fill(mirror, MIRROR_BYTES, 1);
    sterna_status status = d->api->buffer_write(d->device, buffer, 0, mirror, MIRROR_BYTES, s->fault);
    uint32_t seed = 2;
    for (size_t o = 0; o < STERNA_COUNT(odd); o++)
        for (size_t b = 1; b < STERNA_COUNT(odd) && status == STERNA_OK; b++) {
            if (odd[o] + odd[b] > MIRROR_BYTES || odd[b] > 4097) continue;
            fill(room, odd[b], ++seed);
            memcpy(mirror + odd[o], room, odd[b]);
            status = d->api->buffer_write(d->device, buffer, odd[o], room, odd[b], s->fault);
            memset(room, 0xa5, odd[b]); /* writes copy before they return */
        }
    return status;
}

static sterna_status copy_out(const self_test *s, sterna_buffer *buffer, const uint8_t *mirror, uint8_t *room)
{
    const sterna_open_device *d = s->d;
    sterna_status status = d->api->buffer_read(d->device, buffer, 0, room, MIRROR_BYTES, s->fault);
    if (status == STERNA_OK)
        status = same(room, mirror, MIRROR_BYTES, "after writes at odd offsets", 0, s->fault);
    for (size_t o = 0; o < STERNA_COUNT(odd); o++)
        for (size_t b = 1; b < STERNA_COUNT(odd) && status == STERNA_OK; b++) {
            static const uint8_t fence[16] = {0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a,
                                              0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a};
            if (odd[o] + odd[b] > MIRROR_BYTES || odd[b] > 4097) continue;
            memset(room, 0x5a, odd[b] + 2 * sizeof fence);
            status = d->api->buffer_read(d->device, buffer, odd[o], room + sizeof fence, odd[b], s->fault);
            if (status != STERNA_OK) break;
            status =
                same(room + sizeof fence, mirror + odd[o], odd[b], "read at an odd offset", odd[o], s->fault);
            if (status == STERNA_OK && (memcmp(room, fence, sizeof fence) != 0 ||
                                        memcmp(room + sizeof fence + odd[b], fence, sizeof fence) != 0))
                status =
                    sterna_fail(s->fault, STERNA_FAILED,
                                "a read of %u bytes at %u writes beside its destination", odd[b], odd[o]);
        }
    return status;
}

static sterna_status copy_large(const self_test *s, uint8_t *there, uint8_t *back)
{
    const sterna_open_device *d = s->d;
    sterna_buffer *buffer = NULL;
    sterna_status status = d->api->buffer_create(d->device, LARGE_COPY + 1, &buffer, s->fault);
    fill(there, LARGE_COPY, 9);
    if (status == STERNA_OK) status = d->api->buffer_write(d->device, buffer, 1, there, LARGE_COPY, s->fault);
    if (status == STERNA_OK) status = d->api->buffer_read(d->device, buffer, 1, back, LARGE_COPY, s->fault);
    if (status == STERNA_OK) status = same(back, there, LARGE_COPY, "a copy of 8 MiB", 1, s->fault);
    d->api->buffer_destroy(d->device, buffer);
    return status;
}

static sterna_status test_copies(self_test *s)
{
    uint8_t *mirror = sterna_alloc(LARGE_COPY, 1), *room = sterna_alloc(LARGE_COPY, 1);
    sterna_buffer *buffer = NULL;
    sterna_status status = mirror && room ? STERNA_OK : no_memory(s->fault);
    if (status == STERNA_OK) status = s->d->api->buffer_create(s->d->device, MIRROR_BYTES, &buffer, s->fault);
    if (status == STERNA_OK) status = copy_in(s, buffer, mirror, room);
    if (status == STERNA_OK) status = copy_out(s, buffer, mirror, room);
    s->d->api->buffer_destroy(s->d->device, buffer);
    if (status == STERNA_OK) status = copy_large(s, mirror, room);
    sterna_free(mirror);
    sterna_free(room);
    snprintf(s->text, sizeof s->text, "to and from offsets and sizes from 1 to 65535, and 8 MiB at once");
    return status;
}

sterna_status sterna_self_plan(const sterna_open_device *d, sterna_buffer *x, uint64_t x_offset,
                               sterna_buffer *y, uint64_t y_offset, uint32_t n, uint32_t repeats,
                               sterna_plan **plan, sterna_fault *fault)
{
    const sterna_arg args[] = {{.kind = STERNA_ARG_BUFFER, .buffer = x, .offset = x_offset},
                               {.kind = STERNA_ARG_BUFFER, .buffer = y, .offset = y_offset},
                               {.kind = STERNA_ARG_U32, .u32 = 1},
                               {.kind = STERNA_ARG_U32, .u32 = n}};
    sterna_node nodes[REPEATS];
    if (repeats > REPEATS) return sterna_fail(fault, STERNA_INTERNAL, "self-test: %u repeats", repeats);
    for (uint32_t i = 0; i < repeats; i++) nodes[i] = (sterna_node){"add", args, STERNA_COUNT(args), i};
    const sterna_plan_params params = {.size = sizeof params, .nodes = nodes, .n_nodes = repeats};
    return d->api->plan_create(d->device, &params, plan, fault);
}

static sterna_status look_at(const sterna_result *result, sterna_fault *fault)
{
    if (result->flags == 0) return STERNA_OK;
    return sterna_fail(fault, STERNA_FAILED, "adding whole numbers ends with status word %08x",
                       result->flags);
}

sterna_status sterna_self_run(const sterna_open_device *d, sterna_plan *plan, sterna_fault *fault)
{
    sterna_fence fence;
    sterna_result result = {.size = sizeof result};
    sterna_status status = d->api->submit(d->device, plan, 0, 1, NULL, &fence, fault);
    if (status == STERNA_OK) status = d->api->wait(d->device, fence, 0, &result, fault);
    return status == STERNA_OK ? look_at(&result, fault) : status;
}

static bool can_add(self_test *s)
{
    if (s->d->api->supports(s->d->device, "add", 0, STERNA_ACT_F32)) return true;
    snprintf(s->text, sizeof s->text, "the device has no kernel for the operation add");
    return false;
}

static void whole_numbers(uint8_t *bytes, uint32_t n, float first)
{
    for (uint32_t i = 0; i < n; i++) {
        float value = first + (float)i;
        memcpy(bytes + 4 * i, &value, 4);
    }
}

enum { PART_FLOATS = 1000, PARTS = 16 };

/* x at part 3 and y at part 9 of one buffer, `step` bytes each; all else holds a pattern that must stay. */
static sterna_status one_part(const self_test *s, uint64_t step, uint32_t shift, uint8_t *mirror,
                              uint8_t *room)
{
    const sterna_open_device *d = s->d;
    const uint64_t bytes = step * PARTS, n = 4 * PART_FLOATS, x = step * 3 + shift, y = step * 9 + shift;
    sterna_buffer *buffer = NULL;
    sterna_plan *plan = NULL;
    fill(mirror, bytes, 5);
    whole_numbers(mirror + x, PART_FLOATS, 1);
    whole_numbers(mirror + y, PART_FLOATS, 1000);
    sterna_status status = d->api->buffer_create(d->device, bytes, &buffer, s->fault);
    if (status == STERNA_OK) status = d->api->buffer_write(d->device, buffer, 0, mirror, bytes, s->fault);
    if (status == STERNA_OK)
        status = sterna_self_plan(d, buffer, x, buffer, y, PART_FLOATS, 1, &plan, s->fault);
    if (status == STERNA_OK) status = sterna_self_run(d, plan, s->fault);
    for (uint32_t i = 0; i < PART_FLOATS; i++) {
        float sum = 1001 + 2 * (float)i;
        memcpy(mirror + x + 4 * i, &sum, 4);
    }
    if (status == STERNA_OK) status = d->api->buffer_read(d->device, buffer, x, room, n, s->fault);
    if (status == STERNA_OK) status = same(room, mirror + x, n, "the part a kernel wrote", x, s->fault);
    if (status == STERNA_OK)
        status = d->api->buffer_read(d->device, buffer, x + n / 2 + 1, room, n / 4 + 1, s->fault);
    if (status == STERNA_OK)
        status =
            same(room, mirror + x + n / 2 + 1, n / 4 + 1, "a piece of that part", x + n / 2 + 1, s->fault);
    if (status == STERNA_OK) status = d->api->buffer_read(d->device, buffer, 0, room, bytes, s->fault);
    if (status == STERNA_OK)
        status = same(room, mirror, bytes, "the whole buffer, a kernel having written a part", 0, s->fault);
    d->api->plan_destroy(d->device, plan);
    d->api->buffer_destroy(d->device, buffer);
    return status;
}

static sterna_status test_sub_buffer(self_test *s)
{
    uint32_t alignment = s->d->info.buffer_alignment;
    uint64_t step = alignment > 4096 ? alignment : 8192;
    if (!can_add(s)) return STERNA_NOTHING;
    if (!sterna_is_pow2(alignment) || alignment > 1u << 20)
        return sterna_fail(s->fault, STERNA_FAILED, "says that offsets are multiples of %u bytes", alignment);
    uint8_t *mirror = sterna_alloc((size_t)step, PARTS), *room = sterna_alloc((size_t)step, PARTS);
    sterna_status status = mirror && room ? STERNA_OK : no_memory(s->fault);
    if (status == STERNA_OK) status = one_part(s, step, 0, mirror, room);
    /* The smallest offset that it allows: an even one gets by where an odd multiple does not. */
    uint32_t shift = alignment < 4 ? 4 : alignment;
    if (status == STERNA_OK && shift <= 4096) status = one_part(s, step, shift, mirror, room);
    sterna_free(mirror);
    sterna_free(room);
    snprintf(s->text, sizeof s->text,
             "written by a kernel at offsets in steps of %u bytes, read back in parts", alignment);
    return status;
}

enum { EVENT_FLOATS = 65536 };

static sterna_status all_are(const self_test *s, sterna_buffer *x, float want, float *room, const char *what)
{
    sterna_status status = s->d->api->buffer_read(s->d->device, x, 0, room, 4ull * EVENT_FLOATS, s->fault);
    for (uint32_t i = 0; i < EVENT_FLOATS && status == STERNA_OK; i++)
        if (room[i] != want)
            status = sterna_fail(s->fault, STERNA_FAILED, "%s: value %u is %g, not %g", what, i,
                                 (double)room[i], (double)want);
    return status;
}

/* Waits in steps of a millisecond: TIMEOUT leaves the fence waitable. */
static sterna_status wait_in_steps(const self_test *s, sterna_fence fence, uint32_t *timeouts)
{
    const double limit = sterna_sys_now() + WAIT_LIMIT;
    for (;;) {
        sterna_fault ignored = {0};
        sterna_result result = {.size = sizeof result};
        sterna_status status = s->d->api->wait(s->d->device, fence, 1, &result, &ignored);
        if (status == STERNA_OK) return look_at(&result, s->fault);
        if (status != STERNA_TIMEOUT) return sterna_fail(s->fault, status, "%s", ignored.text);
        *timeouts += 1;
        if (sterna_sys_now() > limit)
            return sterna_fail(s->fault, STERNA_FAILED, "a submission did not end within %d s", WAIT_LIMIT);
    }
}

static sterna_status is_used_up(const self_test *s, sterna_fence fence)
{
    sterna_fault ignored = {0};
    sterna_result result = {.size = sizeof result};
    if (s->d->api->wait(s->d->device, fence, 1, &result, &ignored) != STERNA_OK) return STERNA_OK;
    return sterna_fail(s->fault, STERNA_FAILED, "a fence can be waited for twice");
}

/* x = 0, then +16 eight times, the last fence first; then 1000, +16, with the write in between. */
static sterna_status chain(self_test *s, sterna_buffer *x, sterna_plan *plan, float *room)
{
    const sterna_open_device *d = s->d;
    sterna_fence fences[CHAIN];
    uint32_t timeouts = 0;
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < CHAIN && status == STERNA_OK; i++)
        status = d->api->submit(d->device, plan, 0, REPEATS, NULL, &fences[i], s->fault);
    if (status == STERNA_OK) status = wait_in_steps(s, fences[CHAIN - 1], &timeouts);
    if (status == STERNA_OK) status = all_are(s, x, CHAIN * REPEATS, room, "after the last of 8 submissions");
    for (uint32_t i = 0; i + 1 < CHAIN && status == STERNA_OK; i++)
        status = wait_in_steps(s, fences[i], &timeouts);
    if (status == STERNA_OK) status = is_used_up(s, fences[0]);
    if (status == STERNA_OK) status = d->api->submit(d->device, plan, 0, REPEATS, NULL, &fences[0], s->fault);
    for (uint32_t i = 0; i < EVENT_FLOATS; i++) room[i] = 1000;
    if (status == STERNA_OK)
        status = d->api->buffer_write(d->device, x, 0, room, 4ull * EVENT_FLOATS, s->fault);
    if (status == STERNA_OK) status = d->api->submit(d->device, plan, 0, REPEATS, NULL, &fences[1], s->fault);
    if (status == STERNA_OK)
        status = all_are(s, x, 1000 + REPEATS, room, "after submission, write, submission");
    if (status == STERNA_OK) status = wait_in_steps(s, fences[1], &timeouts);
    if (status == STERNA_OK) status = wait_in_steps(s, fences[0], &timeouts);
    snprintf(s->text, sizeof s->text,
             "%d submissions in order, waited for out of order; %u waits of 1 ms timed out", CHAIN + 2,
             timeouts);
    return status;
}

static sterna_status test_events(self_test *s)
{
    const sterna_open_device *d = s->d;
    sterna_buffer *x = NULL, *y = NULL;
    sterna_plan *plan = NULL;
    if (!can_add(s)) return STERNA_NOTHING;
    float *room = sterna_alloc(EVENT_FLOATS, sizeof *room);
    sterna_status status = room ? STERNA_OK : no_memory(s->fault);
    const uint64_t bytes = 4ull * EVENT_FLOATS;
    if (status == STERNA_OK) status = d->api->buffer_create(d->device, bytes, &x, s->fault);
    if (status == STERNA_OK) status = d->api->buffer_create(d->device, bytes, &y, s->fault);
    if (status == STERNA_OK) status = d->api->buffer_write(d->device, x, 0, room, bytes, s->fault);
    for (uint32_t i = 0; room && i < EVENT_FLOATS; i++) room[i] = 1;
    if (status == STERNA_OK) status = d->api->buffer_write(d->device, y, 0, room, bytes, s->fault);
    if (status == STERNA_OK) status = sterna_self_plan(d, x, 0, y, 0, EVENT_FLOATS, REPEATS, &plan, s->fault);
    if (status == STERNA_OK) status = chain(s, x, plan, room);
    d->api->plan_destroy(d->device, plan);
    d->api->buffer_destroy(d->device, x);
    d->api->buffer_destroy(d->device, y);
    sterna_free(room);
    return status;
}

static sterna_status test_arithmetic(self_test *s)
{
    sterna_probe probe;
    sterna_status status = sterna_device_probe(s->d, &probe, s->fault);
    if (status != STERNA_OK) return status;
    if (probe.compared == 0) {
        snprintf(s->text, sizeof s->text, "%s", probe.why);
        return STERNA_NOTHING;
    }
    if (!probe.exact)
        return sterna_fail(s->fault, STERNA_FAILED, "not exact: %u of %u values differ; %s", probe.different,
                           probe.compared, probe.why);
    snprintf(s->text, sizeof s->text, "%u values, every bit as the reference has it", probe.compared);
    return STERNA_OK;
}

static sterna_status test_two_gib(self_test *s)
{
    return sterna_self_test_large(s->d, 1ull << 31, s->text, s->fault);
}

static sterna_status test_four_gib(self_test *s)
{
    return sterna_self_test_large(s->d, 1ull << 32, s->text, s->fault);
}

static sterna_status run_test(uint32_t test, self_test *s)
{
    static sterna_status (*const tests[])(self_test * s) = {
        [STERNA_SELF_ALLOCATION] = test_allocation, [STERNA_SELF_COPIES] = test_copies,
        [STERNA_SELF_SUB_BUFFER] = test_sub_buffer, [STERNA_SELF_EVENTS] = test_events,
        [STERNA_SELF_ARITHMETIC] = test_arithmetic, [STERNA_SELF_TWO_GIB] = test_two_gib,
        [STERNA_SELF_FOUR_GIB] = test_four_gib};
    _Static_assert(STERNA_COUNT(tests) == STERNA_SELF_COUNT, "a test per row");
    return tests[test](s);
}

void sterna_self_test(const sterna_open_device *device, double seconds, const sterna_self_watch *watch)
{
    const double start = sterna_sys_now();
    for (uint32_t test = 0; test < STERNA_SELF_COUNT; test++) {
        sterna_self_row row = {.test = test, .verdict = STERNA_SELF_NOT_TESTED};
        sterna_fault fault = {0};
        self_test s = {.d = device, .fault = &fault};
        const double begin = sterna_sys_now();
        if (watch->begin) watch->begin(watch->context, test);
        if (begin - start > seconds) {
            snprintf(row.text, sizeof row.text, "the limit of %.0f s is used up", seconds);
        } else {
            sterna_status status = run_test(test, &s);
            row.verdict = status == STERNA_OK        ? STERNA_SELF_PASSED
                          : status == STERNA_NOTHING ? STERNA_SELF_NOT_TESTED
                                                     : STERNA_SELF_FAILED;
            bool told = row.verdict == STERNA_SELF_FAILED && fault.text[0];
            snprintf(row.text, sizeof row.text, "%.*s", (int)sizeof row.text - 1,
                     told                                ? fault.text
                     : row.verdict == STERNA_SELF_FAILED ? sterna_status_text(status)
                                                         : s.text);
        }
        row.seconds = sterna_sys_now() - begin;
        if (watch->end) watch->end(watch->context, &row);
    }
}
