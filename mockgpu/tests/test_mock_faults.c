/* Faults on command, through the ABI: every n gives the announced error or the right bits, and nothing leaks. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "gpu/tests/tiny_plan.h"
#include "mock_profile.h"
#include "mock_testing.h"
#include <stdio.h>
#include <string.h>

enum { MOST = TINY_ROWS * TINY_WIDTH };

/* Makes the plan and runs it twice (a prompt, then one row). *in_make tells where it stopped. */
static sterna_status whole_run(const char *variant, float *out, sterna_fault *fault, sterna_result *result,
                               bool *in_make)
{
    tiny_plan p;
    *result = (sterna_result){.size = sizeof *result};
    sterna_status status = tiny_make(&p, mock_api(), op_case_host(), variant);
    *in_make = status != STERNA_OK;
    if (status == STERNA_OK) status = tiny_run(&p, TINY_ROWS, out, result);
    if (status == STERNA_OK) status = tiny_run(&p, 1, out, result);
    *fault = p.fault;
    tiny_close(&p);
    return status;
}

static bool right_bits(const float *out)
{
    static float want[MOST];
    return tiny_reference(1, want) && memcmp(out, want, TINY_WIDTH * 4) == 0;
}

/* Sweeps "<key>=n" until the run ends well; returns that n. Every earlier one gave `status` and a text with
 * `part`. */
static uint32_t sweep(sterna_test *t, const char *key, sterna_status wanted, const char *part)
{
    for (uint32_t n = 1; n < 1000; n++) {
        float out[MOST];
        char variant[80];
        sterna_fault fault;
        sterna_result result;
        bool in_make;
        int64_t live = sterna_mem_live();
        snprintf(variant, sizeof variant, "warp=16,seed=%u,%s=%u", n, key, n);
        sterna_status status = whole_run(variant, out, &fault, &result, &in_make);
        if (!EXPECT(t, sterna_mem_live() == live)) return 0;
        if (status == STERNA_OK) return EXPECT(t, right_bits(out)) ? n : 0;
        if (!EXPECT(t, status == wanted) || !EXPECT(t, fault.status == wanted) ||
            !EXPECT(t, strstr(fault.text, part) != NULL)) {
            sterna_test_note(t, "%s: status %d, '%s'", variant, (int)status, fault.text);
            return 0;
        }
    }
    return 0;
}

static void allocation_refused(sterna_test *t)
{
    /* Seven buffers, two weights, the status words. */
    CHECK(t, sweep(t, "fail_alloc", STERNA_MEMORY, "is refused by its profile") == 11);
}

static void launch_refused(sterna_test *t)
{
    CHECK(t, sweep(t, "fail_launch", STERNA_DEVICE, "is refused by its profile") == 2 * TINY_NODES + 1);
}

static void device_lost(sterna_test *t)
{
    CHECK(t, sweep(t, "lose_launch", STERNA_DEVICE, "device lost in launch") == 2 * TINY_NODES + 1);
}

static void launch_hangs(sterna_test *t)
{
    CHECK(t, sweep(t, "hang_launch", STERNA_DEVICE, "did not end within the watchdog's 2000 ms") ==
                 2 * TINY_NODES + 1);
}

static void host_memory_refused(sterna_test *t)
{
    int64_t live = sterna_mem_live();
    for (uint64_t n = 1; n < 1000; n++) {
        float out[MOST];
        sterna_fault fault;
        sterna_result result;
        bool in_make;
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = whole_run("warp=8", out, &fault, &result, &in_make);
        bool reached = sterna_fault_count(STERNA_FAULT_ALLOC) >= n;
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK(t, sterna_mem_live() == live);
        if (!reached) {
            CHECK(t, status == STERNA_OK && right_bits(out) && n > 20);
            return;
        }
        CHECK_MSG(t, status == STERNA_MEMORY && fault.text[0], "request %u: status %d, '%s'", (unsigned)n,
                  (int)status, fault.text);
    }
    CHECK(t, false && "the run ends without a refusal");
}

/* The result names the node and its label; the host sees the device flag. */
static void results_name_the_node(sterna_test *t)
{
    for (uint32_t n = 1; n <= TINY_NODES; n++) {
        tiny_plan p;
        sterna_result result = {.size = sizeof result};
        sterna_fence fence;
        char variant[60];
        snprintf(variant, sizeof variant, "lose_launch=%u", n);
        CHECK(t, tiny_make(&p, mock_api(), op_case_host(), variant) == STERNA_OK);
        CHECK(t, tiny_submit(&p, 2, &fence) == STERNA_OK);
        CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_DEVICE);
        CHECK_MSG(t,
                  result.status == STERNA_DEVICE && result.flags == STERNA_FLAG_DEVICE &&
                      result.node == n - 1 && result.label == TINY_LABEL + n - 1,
                  "node %u, label %u", result.node, result.label);
        tiny_close(&p);
    }
}

/* After a refused launch the device goes on; after a loss nothing works any more, and says why. */
static void what_comes_after(sterna_test *t)
{
    float out[MOST];
    tiny_plan p;
    sterna_fence fence;
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "fail_launch=3") == STERNA_OK);
    CHECK(t, tiny_run(&p, 1, out, NULL) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(p.fault.text, "node 2, quant_token: mock:quant_token: launch 3"), "%s", p.fault.text);
    CHECK(t, tiny_run(&p, 1, out, NULL) == STERNA_OK && right_bits(out));
    tiny_close(&p);

    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "lose_launch=3") == STERNA_OK);
    CHECK(t, tiny_run(&p, 1, out, NULL) == STERNA_DEVICE);
    sterna_fault after[4] = {{0}};
    sterna_buffer *buffer = NULL;
    CHECK(t, p.api->submit(p.device, p.plan, 0, TINY_NODES, (uint32_t[]){1}, &fence, &after[0]) ==
                 STERNA_DEVICE);
    CHECK(t, p.api->buffer_create(p.device, 4096, &buffer, &after[1]) == STERNA_DEVICE && !buffer);
    CHECK(t, p.api->buffer_write(p.device, p.w, 0, out, 4, &after[2]) == STERNA_DEVICE);
    CHECK(t, p.api->buffer_read(p.device, p.y, 0, out, 4, &after[3]) == STERNA_DEVICE);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_MSG(t, strstr(after[i].text, "mock:quant_token: device lost in launch 3"), "%s", after[i].text);
    tiny_close(&p);
}

/* Short waits time out and leave the fence; together they reach the watchdog. A read runs into it at once. */
static void waiting_for_a_hang(sterna_test *t)
{
    tiny_plan p;
    sterna_fence fence;
    sterna_result result = {.size = sizeof result};
    float value;
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "hang_launch=2,watchdog=100") == STERNA_OK);
    CHECK(t, tiny_submit(&p, 1, &fence) == STERNA_OK);
    for (uint32_t i = 0; i < 3; i++) {
        p.fault = (sterna_fault){0};
        CHECK(t, p.api->wait(p.device, fence, 30, &result, &p.fault) == STERNA_TIMEOUT);
        CHECK_MSG(t, strstr(p.fault.text, "mock:rmsnorm: launch 2 has not ended after"), "%s", p.fault.text);
    }
    p.fault = (sterna_fault){0};
    CHECK(t, p.api->wait(p.device, fence, 30, &result, &p.fault) == STERNA_DEVICE);
    CHECK_MSG(t, result.node == 1 && strstr(p.fault.text, "watchdog's 100 ms; device lost"), "%s",
              p.fault.text);
    p.fault = (sterna_fault){0};
    CHECK(t, p.api->wait(p.device, fence, 30, &result, &p.fault) == STERNA_USAGE);
    tiny_close(&p);

    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "hang_launch=1,watchdog=100") == STERNA_OK);
    CHECK(t, tiny_submit(&p, 1, &fence) == STERNA_OK);
    CHECK(t, p.api->buffer_read(p.device, p.y, 0, &value, 4, &p.fault) == STERNA_DEVICE);
    tiny_close(&p); /* with a fence that nobody waited for */
}

static void little_memory(sterna_test *t)
{
    float out[MOST];
    uint32_t refused = 0;
    for (uint32_t k = 4; k <= 256; k += 4) {
        char variant[60];
        sterna_fault fault;
        sterna_result result;
        bool in_make;
        int64_t live = sterna_mem_live();
        snprintf(variant, sizeof variant, "memory=%uk", k);
        sterna_status status = whole_run(variant, out, &fault, &result, &in_make);
        CHECK(t, sterna_mem_live() == live);
        if (status == STERNA_OK) {
            CHECK(t, right_bits(out) && refused > 0);
            return;
        }
        refused++;
        CHECK_MSG(t,
                  status == STERNA_MEMORY && in_make && strstr(fault.text, "bytes of device memory are left"),
                  "%s", fault.text);
    }
    CHECK(t, false && "256 KiB are enough");
}

static bool write_profile(sterna_test *t, const char *text, char *path, size_t size)
{
    sterna_writer *writer;
    snprintf(path, size, "%s/profile", sterna_test_folder(t));
    return EXPECT(t, sterna_writer_open(path, &writer, NULL) == STERNA_OK) &&
           EXPECT(t, sterna_writer_write(writer, text, strlen(text), NULL) == STERNA_OK) &&
           EXPECT(t, sterna_writer_commit(writer, NULL) == STERNA_OK);
}

static void profiles(sterna_test *t)
{
    static const struct {
        const char *text, *wanted;
    } bad[] = {
        {"warp = 8\nwarp 4\n", ":2: 'warp 4' is not key=value"},
        {"# fine\n\nspeed = 3\n", ":3: unknown key 'speed'; there are warp, features, seed,"},
        {"warp = 12\n", ":1: warp = 12 is not"},
        {"warp = 256\n", ":1: warp = '256' is not a number from 1 to 128"},
        {"seed = -1\n", ":1: seed = '-1' is not a number"},
        {"memory = 99999999999999999999\n", ":1: memory = "},
        {"alignment = 48", ":1: alignment = 48 is not a power of two"},
        {"fail_alloc =\n", ":1: fail_alloc = ''"},
        {"profile = other\n", ":1: unknown key 'profile'"},
    };
    char path[1200], variant[1300];
    for (uint32_t i = 0; i < STERNA_COUNT(bad); i++) {
        mock_settings settings;
        sterna_fault fault = {0};
        if (!write_profile(t, bad[i].text, path, sizeof path)) return;
        snprintf(variant, sizeof variant, "seed=1,profile=%s", path);
        CHECK_MSG(t, sterna_mock_settings(variant, &settings, &fault) == STERNA_FILE, "%s", bad[i].text);
        CHECK_MSG(t, strstr(fault.text, path) && strstr(fault.text, bad[i].wanted), "%s", fault.text);
    }
    mock_settings got;
    sterna_fault fault = {0};
    CHECK(t, write_profile(t, "# a profile\n  warp =  8 # comment\r\n\nlose_launch=17\nmemory = 3m", path,
                           sizeof path));
    snprintf(variant, sizeof variant, ",warp=4,seed=9,profile=%s,max_binding=8k", path);
    CHECK_MSG(t, sterna_mock_settings(variant, &got, &fault) == STERNA_OK, "%s", fault.text);
    CHECK(t, got.warp == 8 && got.seed == 9 && got.lose_launch == 17 && got.memory == 3u << 20 &&
                 got.max_binding == 8192);
    CHECK(t, got.watchdog == 2000 && got.fail_alloc == 0);
}

static void variants(sterna_test *t)
{
    static const struct {
        const char *text;
        sterna_status status;
    } rows[] = {{"", STERNA_OK},
                {",warp=64", STERNA_OK},
                {"warp=64,", STERNA_OK},
                {"warp", STERNA_USAGE},
                {"warp=", STERNA_USAGE},
                {"warp=3", STERNA_USAGE},
                {"warp=k", STERNA_USAGE},
                {"real_alignment=512", STERNA_OK},
                {"real_alignment=24", STERNA_USAGE},
                {"alignment=24", STERNA_USAGE},
                {"turbo=1", STERNA_USAGE},
                {"seed=18446744073709551615", STERNA_OK},
                {"seed=18446744073709551616", STERNA_USAGE},
                {"memory=18446744073709551615g", STERNA_USAGE},
                {"profile=", STERNA_USAGE},
                {"profile=/nowhere/at/all", STERNA_FILE}};
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        mock_settings settings;
        sterna_fault fault = {0};
        CHECK_MSG(t, sterna_mock_settings(rows[i].text, &settings, &fault) == rows[i].status, "'%s': %s",
                  rows[i].text, fault.text);
        CHECK(t, (rows[i].status == STERNA_OK) == (fault.text[0] == 0));
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"allocation_refused", allocation_refused, 0},
    {"launch_refused", launch_refused, 0},
    {"device_lost", device_lost, 0},
    {"launch_hangs", launch_hangs, 0},
    {"host_memory_refused", host_memory_refused, 0},
    {"results_name_the_node", results_name_the_node, 0},
    {"what_comes_after", what_comes_after, 0},
    {"waiting_for_a_hang", waiting_for_a_hang, 0},
    {"little_memory", little_memory, 0},
    {"profiles", profiles, 0},
    {"variants", variants, 0},
    {0},
};
