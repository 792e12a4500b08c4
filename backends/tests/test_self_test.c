/* The self-test finds what it is for: devices with one defect each fail the one test, and say where. */
#include "base/mem.h"
#include "runner.h"
#include "self_test.h"
#include <stdio.h>
#include <string.h>

static const sterna_backend_api *honest;

typedef enum defect {
    NONE,
    FEW_ALLOCATIONS,  /* the thousandth small buffer is refused */
    SHARED_BUFFERS,   /* what is freed is still read: two handles, one memory */
    REUSED_TOO_EARLY, /* what is made anew lies in a buffer that lives */
    ALIGNED_WRITES,   /* a write at an odd offset lands at the multiple of 4 below */
    LONG_READS,       /* a read writes one byte more than was asked */
    STALE_PARTS,      /* a part that a kernel wrote reads as it was before */
    WRONG_ALIGNMENT,  /* the alignment is no power of two */
    EARLY_WRITES,     /* a write overtakes what was submitted before it */
    ENDLESS_FENCES,   /* a fence may be waited for again */
    FLUSHES,          /* subnormals read as zero */
    SIGNED_OFFSETS,   /* offsets lose bit 31 and above */
    SHORT_OFFSETS,    /* offsets have 32 bits */
    NO_ADD,           /* no kernel for add */
    CUT_COPIES,       /* a large copy lacks its last byte */
    ODD_READS,        /* a read at an odd offset begins at the even one below */
    EARLY_READS,      /* a read writes the byte before what was asked */
    FLAGGED,          /* whole numbers added set a flag */
    WRONG_PIECES,     /* a piece of a part reads as something else */
    WIDE_KERNELS,     /* a kernel writes beside its part */
    EVEN_PARTS,       /* parts at small offsets are where they should be at large ones only */
    EARLY_FENCES,     /* a fence is reached before the work is */
    DEFECTS
} defect;

static defect planted;
static uint32_t created, destroyed, reads;
static int32_t plans;
static sterna_buffer *first_small;

static sterna_status buffer_create(sterna_device *device, uint64_t bytes, sterna_buffer **buffer,
                                   sterna_fault *fault)
{
    if (planted == FEW_ALLOCATIONS && ++created > 1000)
        return sterna_fail(fault, STERNA_MEMORY, "too many allocations");
    if (planted == SHARED_BUFFERS && ++created == 40) {
        *buffer = first_small;
        return STERNA_OK;
    }
    if (planted == REUSED_TOO_EARLY && destroyed == 7 && first_small) {
        destroyed++;
        *buffer = first_small;
        return STERNA_OK;
    }
    sterna_status status = honest->buffer_create(device, bytes, buffer, fault);
    if (planted == REUSED_TOO_EARLY) created++;
    if (created == 20) first_small = *buffer;
    return status;
}

static void buffer_destroy(sterna_device *device, sterna_buffer *buffer)
{
    destroyed += buffer != NULL;
    if ((planted == SHARED_BUFFERS || (planted == REUSED_TOO_EARLY && destroyed > 8)) && buffer &&
        buffer == first_small) {
        first_small = NULL; /* the first of two owners */
        return;
    }
    honest->buffer_destroy(device, buffer);
}

static uint64_t bent(uint64_t offset)
{
    return planted == SIGNED_OFFSETS  ? offset & 0x7fffffffu
           : planted == SHORT_OFFSETS ? offset & 0xffffffffu
                                      : offset;
}

static struct {
    sterna_buffer *buffer;
    const uint32_t *slots;
    sterna_plan *plan;
    uint32_t first, count;
    sterna_fence *fence;
    sterna_fence given;
    bool waiting;
} late; /* a submission that the device has accepted and not begun */

static sterna_status begin_late(sterna_device *device, sterna_fault *fault)
{
    sterna_fence inner;
    if (!late.waiting) return STERNA_OK;
    late.waiting = false;
    sterna_status status = honest->submit(device, late.plan, late.first, late.count, NULL, &inner, fault);
    late.given = inner;
    return status;
}

static sterna_status buffer_write(sterna_device *device, sterna_buffer *buffer, uint64_t offset,
                                  const void *src, uint64_t bytes, sterna_fault *fault)
{
    if (planted == ALIGNED_WRITES && bytes > 4) offset &= ~3ull;
    return honest->buffer_write(device, buffer, bent(offset), src, bytes, fault);
}

static sterna_status buffer_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                 uint64_t bytes, sterna_fault *fault)
{
    sterna_status status = begin_late(device, fault);
    if (status == STERNA_OK) status = honest->buffer_read(device, buffer, bent(offset), dst, bytes, fault);
    if (planted == LONG_READS && bytes < 5000 && bytes % 4 != 0) ((uint8_t *)dst)[bytes] = 0x11;
    if (planted == STALE_PARTS && offset > 0 && bytes == 4000) memset(dst, 0, 8);
    for (uint64_t i = 0; planted == FLUSHES && i + 4 <= bytes; i += 4) {
        uint32_t word;
        memcpy(&word, (uint8_t *)dst + i, 4);
        /* Only where a probe puts them: other tests may copy such bits, too. */
        if ((word & 0x7f800000u) == 0 && (word & 0x7fffffu) && bytes == 16384)
            memset((uint8_t *)dst + i, 0, 4);
    }
    uint8_t *bytes_read = dst;
    if (planted == CUT_COPIES && bytes > 8u << 20) bytes_read[bytes - 1] ^= 1;
    if (planted == ODD_READS && offset % 2 && bytes < 8) bytes_read[0] ^= 1;
    if (planted == EARLY_READS && offset % 2 && bytes == 3) bytes_read[-1] = 0x11;
    if (planted == WRONG_PIECES && bytes == 1001) bytes_read[1000] ^= 1;
    if (planted == WIDE_KERNELS && offset == 0 && bytes == 16 * 8192) bytes_read[3 * 8192 - 1] ^= 1;
    if (planted == EVEN_PARTS && offset % 4096 && bytes == 4000) bytes_read[0] ^= 1;
    if (planted == EARLY_FENCES && bytes == 4 * 65536 && ++created == 1) memset(dst, 0, 4);
    reads++;
    return status;
}

/* The last submission before a write is held back until somebody reads or waits. */
static sterna_status submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                            const uint32_t *slots, sterna_fence *fence, sterna_fault *fault)
{
    if (planted != EARLY_WRITES || count == 1)
        return honest->submit(device, plan, first, count, slots, fence, fault);
    sterna_status status = begin_late(device, fault);
    late.plan = plan;
    late.first = first;
    late.count = count;
    late.waiting = true;
    *fence = ++late.given;
    return status;
}

static sterna_status wait_for(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                              sterna_result *result, sterna_fault *fault)
{
    if (planted == EARLY_WRITES && begin_late(device, fault) == STERNA_OK) {
        result->status = STERNA_OK;
        result->flags = 0;
        return STERNA_OK;
    }
    sterna_status status = honest->wait(device, fence, milliseconds, result, fault);
    if (planted == FLAGGED && result) result->flags |= STERNA_FLAG_INF;
    return planted == ENDLESS_FENCES && status == STERNA_USAGE ? STERNA_OK : status;
}

static sterna_status plan_create(sterna_device *device, const sterna_plan_params *params, sterna_plan **plan,
                                 sterna_fault *fault)
{
    sterna_status status = honest->plan_create(device, params, plan, fault);
    plans += status == STERNA_OK;
    return status;
}

static void plan_destroy(sterna_device *device, sterna_plan *plan)
{
    plans -= plan != NULL;
    honest->plan_destroy(device, plan);
}

static int supports(sterna_device *device, const char *op, uint32_t format, sterna_act act)
{
    return planted == NO_ADD && !strcmp(op, "add") ? 0 : honest->supports(device, op, format, act);
}

typedef struct seen {
    sterna_self_row rows[STERNA_SELF_COUNT];
    uint32_t begun, ended;
} seen;

static void begins(void *context, uint32_t test)
{
    seen *s = context;
    s->begun += test == s->begun;
}

static void ends(void *context, const sterna_self_row *row)
{
    seen *s = context;
    s->rows[s->ended++] = *row;
}

static void test_device(sterna_test *t, defect d, double seconds, seen *s)
{
    sterna_open_device device = {0};
    const sterna_self_watch watch = {begins, ends, s};
    CHECK(t, sterna_device_open("cpu:scalar", 1, STERNA_PROFILE_EXACT, &device, NULL) == STERNA_OK);
    honest = device.api;
    sterna_backend_api api = *honest;
    api.buffer_create = buffer_create;
    api.buffer_destroy = buffer_destroy;
    api.buffer_write = buffer_write;
    api.buffer_read = buffer_read;
    api.plan_create = plan_create;
    api.plan_destroy = plan_destroy;
    api.submit = submit;
    api.wait = wait_for;
    api.supports = supports;
    device.api = &api;
    planted = d;
    created = destroyed = reads = 0;
    first_small = NULL;
    plans = 0;
    late.waiting = false;
    *s = (seen){.begun = 0};
    if (d == WRONG_ALIGNMENT) device.info.buffer_alignment = 48;
    sterna_self_test(&device, seconds, &watch);
    planted = NONE;
    CHECK(t, s->begun == STERNA_SELF_COUNT && s->ended == STERNA_SELF_COUNT);
    CHECK_MSG(t, plans == 0, "%d plans are left", (int)plans);
    sterna_device_close(&device);
}

static void an_honest_device_passes(sterna_test *t)
{
    static seen s;
    const int64_t live = sterna_mem_live();
    test_device(t, NONE, 100, &s);
    for (uint32_t i = 0; i < STERNA_SELF_COUNT; i++)
        if (!EXPECT(t, s.rows[i].test == i && s.rows[i].text[0] && s.rows[i].verdict != STERNA_SELF_FAILED &&
                           (i >= STERNA_SELF_TWO_GIB || s.rows[i].verdict == STERNA_SELF_PASSED)))
            sterna_test_note(t, "%s: %s", sterna_self_name(i), s.rows[i].text);
    CHECK(t, sterna_mem_live() == live);
}

static void each_defect_fails_its_test(sterna_test *t)
{
    static const struct {
        defect planted;
        sterna_self_id test;
        const char *says;
    } rows[] = {
        {FEW_ALLOCATIONS, STERNA_SELF_ALLOCATION, "too many allocations"},
        {SHARED_BUFFERS, STERNA_SELF_ALLOCATION, "buffer 19 of 64 bytes: byte 0 reads"},
        {REUSED_TOO_EARLY, STERNA_SELF_ALLOCATION, "buffer 19 of 64 bytes: byte 0 reads"},
        {ALIGNED_WRITES, STERNA_SELF_COPIES, "after writes at odd offsets: byte"},
        {LONG_READS, STERNA_SELF_COPIES, "writes beside its destination"},
        {STALE_PARTS, STERNA_SELF_SUB_BUFFER, "the part a kernel wrote: byte 2457"},
        {WRONG_ALIGNMENT, STERNA_SELF_SUB_BUFFER, "multiples of 48 bytes"},
        {EARLY_WRITES, STERNA_SELF_EVENTS, ""},
        {ENDLESS_FENCES, STERNA_SELF_EVENTS, "a fence can be waited for twice"},
        {FLUSHES, STERNA_SELF_ARITHMETIC, "not exact:"},
        {CUT_COPIES, STERNA_SELF_COPIES, "a copy of 8 MiB: byte 8388611 reads"},
        {ODD_READS, STERNA_SELF_COPIES, "read at an odd offset: byte 1 reads"},
        {EARLY_READS, STERNA_SELF_COPIES, "a read of 3 bytes at 1 writes beside its destination"},
        {FLAGGED, STERNA_SELF_SUB_BUFFER, "adding whole numbers ends with status word 00000002"},
        {WRONG_PIECES, STERNA_SELF_SUB_BUFFER, "a piece of that part: byte 27577 reads"},
        {WIDE_KERNELS, STERNA_SELF_SUB_BUFFER, "a kernel having written a part: byte 24575 reads"},
        {EVEN_PARTS, STERNA_SELF_SUB_BUFFER, "the part a kernel wrote: byte 24580 reads"},
        {EARLY_FENCES, STERNA_SELF_EVENTS, "after the last of 8 submissions: value 0 is 0, not 128"},
        {SIGNED_OFFSETS, STERNA_SELF_TWO_GIB, "after copies: byte"},
        {SHORT_OFFSETS, STERNA_SELF_FOUR_GIB, "after copies: byte"},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        static seen s;
        test_device(t, rows[r].planted, 100, &s);
        const sterna_self_row *found = &s.rows[rows[r].test];
        if (found->verdict == STERNA_SELF_NOT_TESTED && rows[r].test >= STERNA_SELF_TWO_GIB) continue;
        if (!EXPECT(t, found->verdict == STERNA_SELF_FAILED && strstr(found->text, rows[r].says)))
            sterna_test_note(t, "defect %d: %s: %s: %s", rows[r].planted, sterna_self_name(rows[r].test),
                             sterna_self_verdict_name(found->verdict), found->text);
        for (uint32_t i = 0; i < rows[r].test; i++) /* those before it are about something else */
            if (!EXPECT(t, s.rows[i].verdict != STERNA_SELF_FAILED || rows[r].planted == LONG_READS))
                sterna_test_note(t, "defect %d fails %s, too: %s", rows[r].planted, sterna_self_name(i),
                                 s.rows[i].text);
    }
}

static void what_cannot_be_tested_is_said(sterna_test *t)
{
    static seen s;
    test_device(t, NO_ADD, 100, &s);
    CHECK(t, s.rows[STERNA_SELF_SUB_BUFFER].verdict == STERNA_SELF_NOT_TESTED);
    CHECK(t, s.rows[STERNA_SELF_EVENTS].verdict == STERNA_SELF_NOT_TESTED);
    CHECK(t, strstr(s.rows[STERNA_SELF_EVENTS].text, "no kernel for the operation add"));
    test_device(t, NONE, -1, &s);
    for (uint32_t i = 0; i < STERNA_SELF_COUNT; i++)
        CHECK(t, s.rows[i].verdict == STERNA_SELF_NOT_TESTED && strstr(s.rows[i].text, "is used up"));
}

/* A device with less memory than the test needs is not blamed for it. */
static void memory_that_is_not_there(sterna_test *t)
{
    sterna_open_device device = {0};
    char text[240] = "";
    CHECK(t, sterna_device_open("cpu:scalar", 1, STERNA_PROFILE_EXACT, &device, NULL) == STERNA_OK);
    device.info.memory_bytes = 1ull << 31;
    CHECK(t, sterna_self_test_large(&device, 1ull << 31, text, NULL) == STERNA_NOTHING);
    CHECK_MSG(t, strstr(text, "needs 2049 MiB, the device has 2048 MiB"), "%s", text);
    device.info.memory_bytes = 0;
    device.info.is_mock = 1;
    CHECK(t, sterna_self_test_large(&device, 1ull << 31, text, NULL) == STERNA_NOTHING &&
                 strstr(text, "a mock"));
    device.info.is_mock = 0;
    CHECK(t, sterna_self_test_large(&device, 1ull << 60, text, NULL) == STERNA_NOTHING &&
                 strstr(text, "MiB are free"));
    sterna_device_close(&device);
}

const sterna_test_case sterna_test_cases[] = {
    {"an_honest_device_passes", an_honest_device_passes, 60},
    {"each_defect_fails_its_test", each_defect_fails_its_test, 120},
    {"what_cannot_be_tested_is_said", what_cannot_be_tested_is_said, 60},
    {"memory_that_is_not_there", memory_that_is_not_there, 0},
    {0}};
