/* Each detector against kernels with one planted defect: found under every warp size and schedule, at the
 * right line. */
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "gpu/tests/op_case.h"
#include "mock_driver.h"
#include "mock_memory.h"
#include "mock_rig.h"
#include <stdio.h>
#include <string.h>

enum { SEEDS = 8 };
static const uint32_t warps[] = {4, 8, 16, 32, 64};

static bool open_rig(sterna_test *t, rig *r, uint32_t warp, uint32_t seed, const sterna_host *host)
{
    char variant[60];
    snprintf(variant, sizeof variant, "warp=%u,seed=%u", warp, seed);
    return rig_open(t, r, variant, host);
}

/* True when that line of planted.kc holds "BUG <defect>". */
static bool line_is_marked(sterna_test *t, int line, const char *defect)
{
    sterna_mapping file = {0};
    char want[80], text[200] = "";
    if (sterna_sys_map(sterna_test_repo(t, "mockgpu/tests/planted/planted.kc"), &file, NULL) != STERNA_OK)
        return false;
    const char *p = (const char *)file.data, *end = p + file.size;
    for (int at = 1; p < end; at++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        if (at == line) snprintf(text, sizeof text, "%.*s", (int)(stop - p), p);
        p = stop + 1;
    }
    sterna_sys_unmap(&file);
    snprintf(want, sizeof want, "BUG %s", defect);
    return strstr(text, want) != NULL;
}

/* The report names a marked line, and where it tells of another access, that line is marked, too. */
static bool names_the_line(sterna_test *t, const char *report, const char *defect)
{
    const char *here = strstr(report, "planted/planted.kc:"), *other = strstr(report, ", line ");
    int line = 0;
    if (!here || sscanf(here, "planted/planted.kc:%d", &line) != 1 || !line_is_marked(t, line, defect))
        return false;
    return !other || (sscanf(other, ", line %d", &line) == 1 && line_is_marked(t, line, defect));
}

/* The report starts with the kernel's name, holds each of `parts`, and names the line. */
static void found(sterna_test *t, const mock_kernel *kernel, const char *part, const char *also)
{
    const char *defect = kernel->name + strlen("planted_");
    for (uint32_t w = 0; w < STERNA_COUNT(warps); w++)
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            rig r;
            uint32_t tag = 0;
            if (!open_rig(t, &r, warps[w], seed, op_case_host())) return;
            sterna_status status = rig_run(&r, kernel, &tag);
            char start[80];
            snprintf(start, sizeof start, "mock:%s: ", kernel->name);
            bool good = EXPECT(t, status == STERNA_DEVICE) && EXPECT(t, tag == 77) &&
                        EXPECT(t, strncmp(r.fault.text, start, strlen(start)) == 0) &&
                        EXPECT(t, strstr(r.fault.text, part) != NULL) &&
                        EXPECT(t, strstr(r.fault.text, also) != NULL) &&
                        EXPECT(t, strstr(r.fault.text, "group (") != NULL) &&
                        EXPECT(t, names_the_line(t, r.fault.text, defect));
            if (!good)
                sterna_test_note(t, "warp %u, seed %u: status %d, '%s'", warps[w], seed, (int)status,
                                 r.fault.text);
            rig_close(&r);
            if (!good) return;
        }
}

#define FOUND(t, id, part, also) found((t), &sterna_mock_kernel_planted_##id, part, also)

static void a_sound_kernel_passes(sterna_test *t)
{
    for (uint32_t w = 0; w < STERNA_COUNT(warps); w++)
        for (uint32_t seed = 0; seed < SEEDS; seed++) {
            rig r;
            uint32_t got[WORDS], flags, tag;
            if (!open_rig(t, &r, warps[w], seed, op_case_host())) return;
            CHECK_MSG(t, rig_run(&r, &sterna_mock_kernel_planted_none, &tag) == STERNA_OK, "%s",
                      r.fault.text);
            CHECK(t, sterna_mock_driver.download(r.gpu, r.y, 0, got, sizeof got, &r.fault) == STERNA_OK);
            CHECK(t, sterna_mock_driver.download(r.gpu, r.status, 0, &flags, 4, &r.fault) == STERNA_OK);
            for (uint32_t i = 0; i < WORDS; i++) {
                uint32_t base = i / 64 * 64, sum = 0;
                for (uint32_t j = 0; j < 64; j++) sum += (base + j) * 3 + 1;
                CHECK_MSG(t, got[i] == (base + 63 - i % 64) * 3 + 1 + sum, "word %u: %u", i, got[i]);
            }
            CHECK(t, flags == 4);
            rig_close(&r);
        }
}

static void races(sterna_test *t)
{
    FOUND(t, missing_barrier, "race in shared array part", ", line ");
    FOUND(t, missing_second_barrier, "race in shared array part", ", line ");
    FOUND(t, subgroup_is_no_barrier, "race in shared array part", ", line ");
    FOUND(t, same_value, "race in shared array part, index 0", "two writes of the same value");
    FOUND(t, other_value, "race in shared array part, index 0", "two writes of different values");
}

static void races_in_device_memory(sterna_test *t)
{
    FOUND(t, groups_write_alike,
          "race in argument y, index 3 of 256 words: two writes of the same value (item 9 of group",
          "in one launch");
    FOUND(t, groups_write,
          "race in argument y, index 3 of 256 words: two writes of different values (item 9 of group",
          "in one launch");
    FOUND(t, items_write, "race in argument y", "two writes of different values");
    FOUND(t, barrier_orders_shared_only, "race in argument y", "in one launch");
}

/* Where it depends on the order of the groups which of two accesses is the second one. */
static void seen_from_either_side(sterna_test *t)
{
    static const struct {
        const mock_kernel *kernel;
        const char *defect, *one, *other;
    } rows[] = {{&sterna_mock_kernel_planted_atomic_and_plain, "atomic_and_plain",
                 "atomic operation after another item's write (item 5 of group 1)",
                 "(an atomic operation) in one launch"},
                {&sterna_mock_kernel_planted_atomic_and_read, "atomic_and_read",
                 "atomic operation after another item's read (item 5 of group 1)",
                 "read after another item's write (an atomic operation) in one launch"},
                {&sterna_mock_kernel_planted_atomic_of_reader, "atomic_of_reader",
                 "atomic operation after another item's read or write (item 5 of group 1)",
                 "read after another item's write (an atomic operation) in one launch"},
                {&sterna_mock_kernel_planted_atomic_of_writer, "atomic_of_writer",
                 "atomic operation after another item's read or write (item 5 of group 1)",
                 "two writes of different values (an atomic operation) in one launch"},
                {&sterna_mock_kernel_planted_copy_and_load, "copy_and_load",
                 "write after another item's read (item 5 of group 1)",
                 "read after another item's write (item 5 of group 2) in one launch"}};
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        uint32_t first = 0, second = 0;
        for (uint32_t seed = 0; seed < 3 * SEEDS; seed++) {
            rig r;
            uint32_t tag = 0, zeros[WORDS] = {0};
            if (!open_rig(t, &r, 8, seed, op_case_host())) return;
            CHECK(t, sterna_mock_driver.upload(r.gpu, r.y, 0, zeros, sizeof zeros, &r.fault) == STERNA_OK);
            CHECK(t, rig_run(&r, rows[i].kernel, &tag) == STERNA_DEVICE);
            CHECK_MSG(t,
                      strstr(r.fault.text, "race in argument y, index 2 of 256 words") &&
                          names_the_line(t, r.fault.text, rows[i].defect),
                      "%s", r.fault.text);
            first += strstr(r.fault.text, rows[i].one) != NULL;
            second += strstr(r.fault.text, rows[i].other) != NULL;
            rig_close(&r);
        }
        CHECK_MSG(t, first + second == 3 * SEEDS && first > 0 && second > 0, "%s: %u and %u", rows[i].defect,
                  first, second);
    }
}

/* Which of two items reads first is nothing to a write of either. */
static void a_word_that_several_read(sterna_test *t)
{
    const uint32_t zeros[WORDS] = {0};
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        rig r;
        uint32_t tag = 0;
        if (!open_rig(t, &r, 8, seed, op_case_host())) return;
        CHECK(t, sterna_mock_driver.upload(r.gpu, r.y, 0, zeros, sizeof zeros, &r.fault) == STERNA_OK);
        CHECK(t, rig_run(&r, &sterna_mock_kernel_planted_several_readers, &tag) == STERNA_DEVICE);
        CHECK_MSG(
            t,
            strstr(r.fault.text, "index 2 of 256 words: write after another item's read (several items)") &&
                names_the_line(t, r.fault.text, "several_readers"),
            "%s", r.fault.text);
        rig_close(&r);
    }
}

/* One block bound to an argument that is read and to one that is written. */
static void arguments_that_overlap(sterna_test *t)
{
    static const mock_kernel *const kernels[] = {&sterna_mock_kernel_planted_aliased,
                                                 &sterna_mock_kernel_planted_copy_aliased};
    static const char *const defects[] = {"aliased", "copy_aliased"};
    for (uint32_t i = 0; i < STERNA_COUNT(kernels); i++) {
        rig r;
        uint64_t fence;
        uint32_t tag;
        if (!open_rig(t, &r, 8, 1, op_case_host())) return;
        CHECK_MSG(t, rig_run(&r, kernels[i], &tag) == STERNA_OK, "%s", r.fault.text);
        CHECK(t, rig_launch(&r, kernels[i], r.x, r.x, 3) == STERNA_OK &&
                     sterna_mock_driver.fence(r.gpu, &fence, &r.fault) == STERNA_OK);
        CHECK(t, sterna_mock_driver.wait(r.gpu, fence, 0, &tag, &r.fault) == STERNA_DEVICE && tag == 3);
        CHECK_MSG(t, strstr(r.fault.text, "race in argument ") && names_the_line(t, r.fault.text, defects[i]),
                  "%s", r.fault.text);
        rig_close(&r);
    }
}

/* COPY4 looks at four words together and reports as for one. */
static void copies_of_four(sterna_test *t)
{
    FOUND(t, copy_read_beyond, "out-of-bounds read of argument x", "index 256 of 256 words");
    FOUND(t, copy_write_beyond, "out-of-bounds write of argument y", "index 256 of 256 words");
    FOUND(t, copy_far_beyond, "out-of-bounds read of argument x", "index 4294967292 of 256 words");
    FOUND(t, copy_misaligned_read, "misaligned read of argument x", "index 38 of 256 words is no multiple");
    FOUND(t, copy_misaligned_write, "misaligned write of argument y", "index 37 of 256 words is no multiple");
    FOUND(t, copy_writes_alike,
          "race in argument y, index 8 of 256 words: two writes of the same value (item 9 of group",
          "in one launch");
    FOUND(t, copy_and_store,
          "race in argument y, index 11 of 256 words: two writes of different values (item 9 of group",
          "in one launch");
}

/* What is copied counts as written, word for word, and is counted. A source that lacks a byte is not copied, and of a range
 * that ends inside of four words there are only the first. */
static void copies_word_for_word(sterna_test *t)
{
    const mock_kernel *kernel = &sterna_mock_kernel_planted_copy;
    for (uint32_t missing = 0; missing < 17; missing++) {
        rig r;
        uint32_t got[WORDS], tag;
        uint64_t fence;
        sterna_gpu_memory from;
        char text[80];
        if (!open_rig(t, &r, 8, missing, op_case_host())) return;
        CHECK(t, sterna_mock_driver.download(r.gpu, r.x, 0, got, sizeof got, &r.fault) == STERNA_OK);
        CHECK(t, sterna_mock_driver.alloc(r.gpu, 4096, &from, &r.fault) == STERNA_OK);
        const uint8_t *bytes = (const uint8_t *)got;
        const uint32_t gap = 64 + missing; /* with 16 there is none */
        if (missing < 16)
            CHECK(t, sterna_mock_driver.upload(r.gpu, from, 0, bytes, gap, &r.fault) == STERNA_OK &&
                         sterna_mock_driver.upload(r.gpu, from, gap + 1, bytes + gap + 1,
                                                   sizeof got - gap - 1, &r.fault) == STERNA_OK);
        else
            CHECK(t, sterna_mock_driver.upload(r.gpu, from, 0, bytes, sizeof got, &r.fault) == STERNA_OK);
        CHECK(t, rig_launch(&r, kernel, from, r.y, 5) == STERNA_OK &&
                     sterna_mock_driver.fence(r.gpu, &fence, &r.fault) == STERNA_OK);
        sterna_status status = sterna_mock_driver.wait(r.gpu, fence, 0, &tag, &r.fault);
        if (missing < 16) {
            snprintf(text, sizeof text, "read of uninitialised memory, argument x, index %u of", gap / 4);
            CHECK_MSG(t, status == STERNA_DEVICE && strstr(r.fault.text, text), "%u: %s", missing,
                      r.fault.text);
        } else {
            CHECK_MSG(t, status == STERNA_OK, "%s", r.fault.text);
            CHECK(t, sterna_mock_driver.download(r.gpu, r.y, 0, got, sizeof got, &r.fault) == STERNA_OK);
            for (uint32_t i = 0; i < WORDS; i++)
                CHECK_MSG(t, got[i] == (WORDS - 4 - i / 4 * 4 + i % 4) * 3 + 1, "word %u: %u", i, got[i]);
            /* A launch that reads all of y finds it written. */
            CHECK(t, rig_launch(&r, kernel, r.y, from, 6) == STERNA_OK &&
                         sterna_mock_driver.fence(r.gpu, &fence, &r.fault) == STERNA_OK);
            CHECK_MSG(t, sterna_mock_driver.wait(r.gpu, fence, 0, &tag, &r.fault) == STERNA_OK, "%s",
                      r.fault.text);
            const sterna_gpu_range ranges[] = {
                {r.x, 0, WORDS * 4}, {r.y, 0, (WORDS - 2) * 4}, {r.status, 0, 4}};
            const uint32_t words[] = {WORDS, 0};
            sterna_gpu_launch launch = {kernel, 4, 1, ranges, words, 3, 2, 7};
            CHECK(t, sterna_mock_driver.launch(r.gpu, &launch, &r.fault) == STERNA_OK &&
                         sterna_mock_driver.fence(r.gpu, &fence, &r.fault) == STERNA_OK);
            CHECK_MSG(t,
                      sterna_mock_driver.wait(r.gpu, fence, 0, &tag, &r.fault) == STERNA_DEVICE &&
                          strstr(r.fault.text, "out-of-bounds write of argument y, index 254 of 254 words"),
                      "%s", r.fault.text);
        }
        sterna_mock_driver.free(r.gpu, from);
        rig_close(&r);
    }
}

static void divergence(sterna_test *t)
{
    FOUND(t, divergent_barrier, "divergent barrier", "16 items are there, 16 have finished");
    FOUND(t, two_barriers, "divergent barrier", "waits at planted.kc:");
    FOUND(t, divergent_subgroup, "divergent subgroup operation", "items of subgroup");
    FOUND(t, two_subgroups, "divergent subgroup operation", "wait at several places");
}

/* Nothing else would come back from these: they are found by counting turns, the watchdog ends them. */
static void endless_loops(sterna_test *t)
{
    static const struct {
        const mock_kernel *kernel;
        const char *part, *defect;
    } rows[] = {
        {&sterna_mock_kernel_planted_endless_loop, "a loop went round 5000 times", "endless_loop"},
        {&sterna_mock_kernel_planted_endless_helper, "a loop went round 5000 times", "endless_helper"},
        {&sterna_mock_kernel_planted_endless_load, "a loop went round 5000 times", "endless_load"},
        {&sterna_mock_kernel_planted_endless_barriers, "barriers in one group", "endless_barriers"}};
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        rig r;
        uint32_t tag = 0;
        if (!rig_open(t, &r, "steps=5000,watchdog=100", op_case_host())) return;
        CHECK_MSG(t, rig_run(&r, rows[i].kernel, &tag) == STERNA_DEVICE && tag == 77, "%s", r.fault.text);
        CHECK_MSG(t,
                  strstr(r.fault.text, "did not end within the watchdog's 100 ms") &&
                      strstr(r.fault.text, rows[i].part) && names_the_line(t, r.fault.text, rows[i].defect),
                  "%s", r.fault.text);
        rig_close(&r);
    }
    /* 64 turns and two barriers are no hang. */
    rig r;
    uint32_t tag;
    if (!rig_open(t, &r, "steps=1000", op_case_host())) return;
    CHECK_MSG(t, rig_run(&r, &sterna_mock_kernel_planted_none, &tag) == STERNA_OK, "%s", r.fault.text);
    rig_close(&r);
}

static void bounds(sterna_test *t)
{
    FOUND(t, read_beyond, "out-of-bounds read of argument x", "index 256 of 256 words");
    FOUND(t, write_beyond, "out-of-bounds write of argument y", "index 256 of 256 words");
    FOUND(t, read_before, "out-of-bounds read of argument x", "index 4294967295 of 256 words");
    FOUND(t, shared_read_beyond, "out-of-bounds read of shared array part", "index 64 of 64");
    FOUND(t, shared_write_beyond, "out-of-bounds write of shared array part", "of 64");
}

static void uninitialised(sterna_test *t)
{
    FOUND(t, uninitialised, "read of uninitialised memory, argument y", "index 31 of 256 words");
    FOUND(t, shared_uninitialised, "read of uninitialised shared memory, array part, index 7",
          "work item 7 of 32");
    FOUND(t, shared_of_last_group, "read of uninitialised shared memory, array part", "group (");
}

/* Three of a word's four bytes written are not a word. */
static void uninitialised_byte(sterna_test *t)
{
    static const uint8_t bytes[4] = {1, 2, 3, 4};
    for (uint32_t written = 3; written <= 4; written++) {
        rig r;
        uint32_t tag;
        if (!open_rig(t, &r, 8, 1, op_case_host())) return;
        CHECK(t, sterna_mock_driver.upload(r.gpu, r.y, 0, bytes, 1, &r.fault) == STERNA_OK);
        CHECK(t, sterna_mock_driver.upload(r.gpu, r.y, 1, bytes + 1, written - 1, &r.fault) == STERNA_OK);
        sterna_status status = rig_run(&r, &sterna_mock_kernel_planted_uninitialised_byte, &tag);
        CHECK_MSG(t, status == (written == 4 ? STERNA_OK : STERNA_DEVICE), "%u: %s", written, r.fault.text);
        rig_close(&r);
    }
}

/* Code that thinks subgroups have 32 items is right on two warp sizes of five. */
static void a_warp_size_taken_for_granted_shows(sterna_test *t)
{
    for (uint32_t w = 0; w < STERNA_COUNT(warps); w++) {
        rig r;
        uint32_t got, tag;
        if (!open_rig(t, &r, warps[w], 3, op_case_host())) return;
        CHECK_MSG(t, rig_run(&r, &sterna_mock_kernel_planted_warp_of_32, &tag) == STERNA_OK, "%s",
                  r.fault.text);
        CHECK(t, sterna_mock_driver.download(r.gpu, r.y, 0, &got, 4, &r.fault) == STERNA_OK);
        CHECK_MSG(t, (got == 31 * 32 / 2 * 3 + 32) == (warps[w] >= 32), "warp %u: %u", warps[w], got);
        rig_close(&r);
    }
}

static void use_after_free(sterna_test *t)
{
    rig r;
    uint32_t tag, value = 1;
    if (!open_rig(t, &r, 32, 0, op_case_host())) return;
    sterna_gpu_memory freed = r.x;
    sterna_mock_driver.free(r.gpu, r.x);
    CHECK(t, sterna_mock_driver.alloc(r.gpu, 4096, &r.x, &r.fault) == STERNA_OK);
    CHECK(t, r.x != freed);
    rig bad = r;
    bad.x = freed;
    CHECK(t, rig_run(&bad, &sterna_mock_kernel_planted_none, &tag) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(bad.fault.text, "planted_none, argument x: use after free"), "%s", bad.fault.text);
    /* The device is lost from there on, for the same reason. */
    sterna_fault fault = {0};
    CHECK(t, sterna_mock_driver.upload(r.gpu, r.y, 0, &value, 4, &fault) == STERNA_DEVICE);
    CHECK_MSG(t, strcmp(fault.text, bad.fault.text) == 0, "%s", fault.text);
    rig_close(&r);
}

static void free_twice(sterna_test *t)
{
    rig r;
    uint32_t value = 1;
    if (!open_rig(t, &r, 32, 0, op_case_host())) return;
    sterna_mock_driver.free(r.gpu, r.y);
    sterna_mock_driver.free(r.gpu, r.y);
    CHECK(t, sterna_mock_driver.upload(r.gpu, r.x, 0, &value, 4, &r.fault) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(r.fault.text, "free: use after free"), "%s", r.fault.text);
    rig_close(&r);
}

static void host_copies_are_checked(sterna_test *t)
{
    rig r;
    uint8_t bytes[8] = {0};
    if (!open_rig(t, &r, 32, 0, op_case_host())) return;
    CHECK(t, sterna_mock_driver.download(r.gpu, r.x, 4092, bytes, 8, &r.fault) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(r.fault.text, "download: 8 bytes at 4092 of memory"), "%s", r.fault.text);
    rig_close(&r);
}

/* Fresh memory is a NaN, and a red zone that was written to is found at the next check. */
static void poison_and_red_zones(sterna_test *t)
{
    mock_memory memory;
    sterna_gpu_memory handle;
    sterna_fault fault = {0};
    uint8_t *data, *shadow;
    float value;
    sterna_mock_memory_init(&memory, op_case_host(), 1 << 20);
    CHECK(t, sterna_mock_memory_alloc(&memory, 4096, &handle, &fault) == STERNA_OK);
    CHECK(t, sterna_mock_memory_range(&memory, handle, 0, 4096, "test", &data, &shadow, &fault) == STERNA_OK);
    for (uint32_t i = 0; i < 4096; i += 4) {
        memcpy(&value, data + i, 4);
        CHECK(t, value != value && shadow[i / 4] == 0);
    }
    CHECK(t, sterna_mock_memory_check(&memory, handle, &fault) == STERNA_OK);
    data[4096] = 0;
    CHECK(t, sterna_mock_memory_check(&memory, handle, &fault) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(fault.text, "red zone behind it"), "%s", fault.text);
    data[4096] = 0xfd;
    data[-1] = 7;
    fault = (sterna_fault){0};
    CHECK(t, sterna_mock_memory_free(&memory, handle, &fault) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(fault.text, "red zone before it"), "%s", fault.text);
    CHECK(t, sterna_mock_memory_end(&memory) == 0);
}

static uint32_t given_back;

/* What a block holds behind its red zone when the host gets it back. */
static void look_at_release(void *context, void *memory)
{
    uint32_t word;
    if (memory) {
        memcpy(&word, (uint8_t *)memory + 64, sizeof word);
        given_back += word == 0x7fdd7fddu;
    }
    op_case_host()->release(context, memory);
}

/* Freed memory is poisoned before it goes: who still follows a pointer into it meets a NaN. */
static void freed_memory_is_poisoned(sterna_test *t)
{
    sterna_host host = *op_case_host();
    mock_memory memory;
    sterna_gpu_memory handle;
    host.release = look_at_release;
    sterna_mock_memory_init(&memory, &host, 4096); /* all that there is, to the last byte */
    CHECK(t, sterna_mock_memory_alloc(&memory, 4096, &handle, NULL) == STERNA_OK && given_back == 0);
    CHECK(t, sterna_mock_memory_free(&memory, handle, NULL) == STERNA_OK && given_back == 1);
    memory.host = op_case_host();
    CHECK(t, sterna_mock_memory_end(&memory) == 0);
}

/* What a launch may not ask for, and what a range may not be. */
static void launches_beyond_the_limits(sterna_test *t)
{
    static const struct {
        const char *variant;
        uint32_t groups_x, groups_y;
        uint64_t offset, bytes; /* of x */
        sterna_status status;
        const char *says;
    } rows[] = {
        {"max_groups=3,max_binding=4k", 3, 1, 256, 1024, STERNA_OK, ""},
        {"max_groups=3", 4, 1, 0, 1024, STERNA_INTERNAL, "a grid of 4 x 1 groups; from 1 to 3"},
        {"max_groups=3", 1, 4, 0, 1024, STERNA_INTERNAL, "a grid of 1 x 4 groups; from 1 to 3"},
        {"", 0, 1, 0, 1024, STERNA_INTERNAL, "a grid of 0 x 1"},
        {"max_group_items=32", 1, 1, 0, 1024, STERNA_INTERNAL, "groups of 64 items; 32 are"},
        {"", 1, 1, 128, 1024, STERNA_DEVICE, "1024 bytes at 128 cannot be bound (alignment 256"},
        {"real_alignment=512", 1, 1, 256, 1024, STERNA_DEVICE, "cannot be bound (alignment 512"},
        {"", 1, 1, 0, 1022, STERNA_DEVICE, "1022 bytes at 0 cannot be bound"},
        {"max_binding=4k", 1, 1, 0, 4100, STERNA_DEVICE, "at most 4096 bytes"},
    };
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        rig r;
        uint64_t fence;
        uint32_t tag;
        if (!rig_open(t, &r, rows[i].variant, op_case_host())) return;
        const sterna_gpu_range ranges[] = {
            {r.x, rows[i].offset, rows[i].bytes}, {r.y, 0, WORDS * 4}, {r.status, 0, 4}};
        const uint32_t words[] = {WORDS, 0};
        const sterna_gpu_launch launch = {
            &sterna_mock_kernel_planted_none, rows[i].groups_x, rows[i].groups_y, ranges, words, 3, 2, 1};
        sterna_status status = sterna_mock_driver.launch(r.gpu, &launch, &r.fault);
        if (status == STERNA_OK) status = sterna_mock_driver.fence(r.gpu, &fence, &r.fault);
        if (status == STERNA_OK) status = sterna_mock_driver.wait(r.gpu, fence, 0, &tag, &r.fault);
        CHECK_MSG(t, status == rows[i].status && strstr(r.fault.text, rows[i].says),
                  "row %u: status %d, '%s'", i, (int)status, r.fault.text);
        rig_close(&r);
    }
}

/* Goes down its stack to the mark at the end, and over it. */
__attribute__((no_sanitize("address"))) static void go_too_deep(const mock_item *restrict I,
                                                                const void *restrict params)
{
    (void)params;
    volatile uint8_t here = 0, *volatile at = &here;
    uint32_t run = 0;
    if (I->local != 0) return;
    for (; run < 16; at--) run = *at == 0x5c ? run + 1 : 0;
    at[1] = 0;
}

static void (*bind_well)(const mock_bound *bounds, const uint32_t *words, void *params);

/* The first word behind y, which no kernel reaches: its accesses are checked. */
static void bind_and_spoil(const mock_bound *bounds, const uint32_t *words, void *params)
{
    bind_well(bounds, words, params);
    bounds[1].words[BLOCK_WORDS] = 0;
}

/* A work item with too much on its stack, and a kernel whose groups share more than there is. */
static void kernels_beyond_the_machine(sterna_test *t)
{
    rig r;
    uint32_t tag;
    mock_kernel deep = sterna_mock_kernel_planted_none, wide = deep;
    deep.body = go_too_deep;
    wide.shared_bytes = MOCK_MAX_SHARED * 4 + 4;
    if (!rig_open(t, &r, "", op_case_host())) return;
    CHECK(t, rig_run(&r, &deep, &tag) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(r.fault.text, "a work item used more than 65536 bytes of stack"), "%s", r.fault.text);
    rig_close(&r);
    if (!rig_open(t, &r, "", op_case_host())) return;
    CHECK(t, rig_run(&r, &wide, &tag) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(r.fault.text, "shared memory is beyond this device"), "%s", r.fault.text);
    rig_close(&r);
    /* Red zones are looked at behind every launch. */
    mock_kernel spoiling = sterna_mock_kernel_planted_none;
    bind_well = spoiling.bind;
    spoiling.bind = bind_and_spoil;
    if (!rig_open(t, &r, "", op_case_host())) return;
    CHECK(t, rig_run(&r, &spoiling, &tag) == STERNA_DEVICE);
    CHECK_MSG(t, tag == 77 && strstr(r.fault.text, "the red zone behind it was overwritten"), "%u: %s", tag,
              r.fault.text);
    rig_close(&r);
}

static char logged[200];

static void keep_log(void *context, int level, const char *text)
{
    (void)context;
    snprintf(logged, sizeof logged, "%d %s", level, text);
}

static void leaks(sterna_test *t)
{
    sterna_host host = *op_case_host();
    host.log = keep_log;
    rig r;
    uint32_t tag;
    if (!open_rig(t, &r, 32, 0, &host)) return;
    CHECK(t, rig_run(&r, &sterna_mock_kernel_planted_none, &tag) == STERNA_OK); /* which leaves marks on y */
    sterna_mock_driver.free(r.gpu, r.x);
    sterna_mock_driver.close(r.gpu);
    CHECK_MSG(t, strcmp(logged, "0 mock: 2 allocations of 8192 bytes leaked at close") == 0, "%s", logged);
    logged[0] = 0;
    if (!open_rig(t, &r, 32, 0, &host)) return;
    rig_close(&r);
    CHECK_MSG(t, logged[0] == 0, "%s", logged);
}

/* The same seed gives the same report; some other seed gives another (the race is met by other items). */
static void reports_repeat(sterna_test *t)
{
    char first[500] = "";
    uint32_t different = 0;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        char once[500] = "";
        for (uint32_t run = 0; run < 2; run++) {
            rig r;
            uint32_t tag;
            if (!open_rig(t, &r, 8, seed, op_case_host())) return;
            CHECK(t, rig_run(&r, &sterna_mock_kernel_planted_missing_barrier, &tag) == STERNA_DEVICE);
            if (run == 0) snprintf(once, sizeof once, "%s", r.fault.text);
            CHECK_MSG(t, strcmp(once, r.fault.text) == 0, "%s\n%s", once, r.fault.text);
            rig_close(&r);
        }
        if (seed == 0) snprintf(first, sizeof first, "%s", once);
        different += strcmp(first, once) != 0;
    }
    CHECK(t, different > 0);
}

/* Nothing runs before somebody waits: the launch that breaks the rules is accepted. */
static void the_queue_runs_late(sterna_test *t)
{
    const sterna_gpu_driver *d = &sterna_mock_driver;
    rig r;
    if (!open_rig(t, &r, 32, 0, op_case_host())) return;
    const sterna_gpu_range ranges[] = {{r.x, 0, WORDS * 4}, {r.y, 0, WORDS * 4}, {r.status, 0, 4}};
    const uint32_t words[] = {WORDS, 0};
    sterna_gpu_launch good = {&sterna_mock_kernel_planted_none, 4, 1, ranges, words, 3, 2, 1};
    sterna_gpu_launch bad = {&sterna_mock_kernel_planted_read_beyond, 4, 1, ranges, words, 3, 2, 2};
    uint64_t fences[3];
    uint32_t tag = 0, value = 5;
    CHECK(t, d->launch(r.gpu, &good, &r.fault) == STERNA_OK &&
                 d->fence(r.gpu, &fences[0], &r.fault) == STERNA_OK);
    CHECK(t, d->launch(r.gpu, &bad, &r.fault) == STERNA_OK &&
                 d->fence(r.gpu, &fences[1], &r.fault) == STERNA_OK);
    CHECK(t, d->upload(r.gpu, r.x, 0, &value, 4, &r.fault) == STERNA_OK);
    CHECK(t, d->launch(r.gpu, &good, &r.fault) == STERNA_OK &&
                 d->fence(r.gpu, &fences[2], &r.fault) == STERNA_OK);
    CHECK(t, d->wait(r.gpu, fences[0], 0, &tag, &r.fault) == STERNA_OK && tag == 0);
    CHECK(t, d->wait(r.gpu, fences[2], 0, &tag, &r.fault) == STERNA_DEVICE &&
                 tag == 0); /* not its launch's fault */
    CHECK(t, d->wait(r.gpu, fences[1], 0, &tag, &r.fault) == STERNA_DEVICE && tag == 2);
    CHECK(t, d->wait(r.gpu, fences[0], 0, &tag, &r.fault) == STERNA_OK);
    rig_close(&r);
}

const sterna_test_case sterna_test_cases[] = {
    {"a_sound_kernel_passes", a_sound_kernel_passes, 0},
    {"races", races, 0},
    {"races_in_device_memory", races_in_device_memory, 0},
    {"seen_from_either_side", seen_from_either_side, 0},
    {"a_word_that_several_read", a_word_that_several_read, 0},
    {"arguments_that_overlap", arguments_that_overlap, 0},
    {"copies_of_four", copies_of_four, 0},
    {"copies_word_for_word", copies_word_for_word, 0},
    {"divergence", divergence, 0},
    {"endless_loops", endless_loops, 0},
    {"bounds", bounds, 0},
    {"uninitialised", uninitialised, 0},
    {"uninitialised_byte", uninitialised_byte, 0},
    {"a_warp_size_taken_for_granted_shows", a_warp_size_taken_for_granted_shows, 0},
    {"use_after_free", use_after_free, 0},
    {"free_twice", free_twice, 0},
    {"host_copies_are_checked", host_copies_are_checked, 0},
    {"poison_and_red_zones", poison_and_red_zones, 0},
    {"freed_memory_is_poisoned", freed_memory_is_poisoned, 0},
    {"launches_beyond_the_limits", launches_beyond_the_limits, 0},
    {"kernels_beyond_the_machine", kernels_beyond_the_machine, 0},
    {"leaks", leaks, 0},
    {"reports_repeat", reports_repeat, 0},
    {"the_queue_runs_late", the_queue_runs_late, 0},
    {0},
};
