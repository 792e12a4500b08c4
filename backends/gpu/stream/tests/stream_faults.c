/* The stream driver when its library fails: each fault at every place gives its error or the right bits, and leaves
 * nothing behind, neither here nor in the library. */
#include "base/fault_point.h"
#include "stream_rig.h"

/* A plan made and run twice for a prompt and twice for one row. */
static sterna_status whole_run(const char *settings, const char *keys, float *out, sterna_fault *fault)
{
    char variant[400];
    tiny_plan p;
    if (settings) setenv("STERNA_GPU_FAKE", settings, 1);
    snprintf(variant, sizeof variant, "library=%s%s", stream_library(), keys);
    sterna_status status = tiny_make(&p, stream_api_table(), op_case_host(), variant);
    for (uint32_t i = 0; i < 2 && status == STERNA_OK; i++) status = tiny_run(&p, TINY_ROWS, out, NULL);
    for (uint32_t i = 0; i < 2 && status == STERNA_OK; i++) status = tiny_run(&p, 1, out, NULL);
    *fault = p.fault;
    tiny_close(&p);
    return status;
}

enum { RUNS = 4 }; /* of whole_run */

static bool right_bits(const float *out)
{
    static float want[MOST];
    return tiny_reference(1, want) && memcmp(out, want, TINY_WIDTH * 4) == 0;
}

/* A run with "<key>=n": its status, which is OK with the right bits, or `wanted` with a text that has `part`. */
static bool run_with(sterna_test *t, const char *key, uint32_t n, const char *keys, sterna_status wanted,
                     const char *part, sterna_status *status)
{
    static float out[MOST];
    char settings[80];
    sterna_fault fault;
    int64_t live = sterna_mem_live();
    snprintf(settings, sizeof settings, "seed=%u,watchdog=3,%s=%u", n, key, n);
    *status = whole_run(settings, keys, out, &fault);
    if (EXPECT(t, sterna_mem_live() == live) && EXPECT(t, stream_nothing_left(t)) &&
        (*status == STERNA_OK ? EXPECT(t, right_bits(out))
                              : EXPECT(t, *status == wanted && strstr(fault.text, part) != NULL)))
        return true;
    sterna_test_note(t, "%s: status %d, '%s'", settings, (int)*status, fault.text);
    return false;
}

/* Each n up to `most`; at least `least` of them fail. */
static bool each(sterna_test *t, const char *key, uint32_t least, uint32_t most, sterna_status wanted,
                 const char *part)
{
    uint32_t failed = 0;
    for (uint32_t n = 1; n <= most; n++) {
        sterna_status status;
        if (!run_with(t, key, n, "", wanted, part, &status)) return false;
        failed += status != STERNA_OK;
    }
    return EXPECT(t, failed >= least);
}

/* Every launch of a run, and one more, which never comes. */
static bool each_launch(sterna_test *t, const char *key, const char *keys, const char *part)
{
    static float out[MOST];
    sterna_fault fault;
    sterna_status status;
    uint64_t before = stream_mock_launches(t);
    if (!EXPECT(t, whole_run("seed=1", keys, out, &fault) == STERNA_OK && right_bits(out))) return false;
    uint32_t launches = (uint32_t)(stream_mock_launches(t) - before);
    if (!EXPECT(t, launches >= RUNS * TINY_NODES)) return false;
    for (uint32_t n = 1; n <= launches + 1; n++)
        if (!run_with(t, key, n, keys, STERNA_DEVICE, part, &status) ||
            !EXPECT(t, (status == STERNA_OK) == (n > launches)))
            return false;
    return true;
}

/* An allocation that is refused may be made smaller, and a kernel that is not there be one that can be done without. */
void stream_allocations_refused(sterna_test *t)
{
    NEEDS_MOCK(t);
    CHECK(t, each(t, "fail_alloc", 2, 8, STERNA_MEMORY, "(2); 0 MiB are allocated here"));
}

void stream_kernels_not_built(sterna_test *t)
{
    NEEDS_MOCK(t);
    CHECK(t, each(t, "fail_kernel", TINY_NODES - 1, 2 * TINY_NODES, STERNA_UNSUPPORTED, "is not built"));
}

void stream_null_kernels(sterna_test *t)
{
    NEEDS_MOCK(t);
    CHECK(t, each(t, "null_kernel", TINY_NODES - 1, 2 * TINY_NODES, STERNA_DEVICE,
                  "reported success and gave no function for kernel"));
}

void stream_launches_refused(sterna_test *t)
{
    NEEDS_MOCK(t);
    CHECK(t, each_launch(t, "fail_launch", ",graphs=0", "(701)"));
    CHECK(t, each(t, "fail_launch", 1, 12, STERNA_DEVICE, "(701)")); /* a graph counts as one */
}

void stream_device_lost_in_launch(sterna_test *t)
{
    NEEDS_MOCK(t);
    CHECK(t, each_launch(t, "lose_launch", ",graphs=0", "the device is lost: "));
    CHECK(t, each_launch(t, "lose_launch", "", "the device is lost: "));
}

void stream_device_lost_in_copy(sterna_test *t)
{
    NEEDS_MOCK(t);
    CHECK(t, each(t, "lose_copy", 12, 30, STERNA_DEVICE, "the device is lost: "));
}

void stream_launch_hangs(sterna_test *t)
{
    NEEDS_MOCK(t);
    CHECK(t, each_launch(t, "hang_launch", "", "the device is lost: "));
}

void stream_host_memory_refused(sterna_test *t)
{
    NEEDS_MOCK(t);
    setenv("STERNA_GPU_FAKE", "seed=1", 1);
    for (uint64_t n = 1; n < 1000; n++) {
        static float out[MOST];
        sterna_fault fault;
        int64_t live = sterna_mem_live();
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = whole_run(NULL, "", out, &fault);
        bool reached = sterna_fault_count(STERNA_FAULT_ALLOC) >= n;
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK(t, sterna_mem_live() == live && stream_nothing_left(t));
        if (!reached) {
            CHECK(t, status == STERNA_OK && right_bits(out) && n > 20);
            return;
        }
        /* A list of launches that cannot be remembered is no failure. */
        CHECK_MSG(t, status == STERNA_OK ? right_bits(out) : status == STERNA_MEMORY && fault.text[0],
                  "request %u: status %d, '%s'", (unsigned)n, (int)status, fault.text);
    }
    CHECK(t, false && "the run ends without a refusal");
}

void stream_system_calls_refused(sterna_test *t)
{
    static float out[MOST];
    sterna_fault fault;
    NEEDS_MOCK(t);
    unsetenv("STERNA_GPU_FAKE");
    sterna_fault_arm(STERNA_FAULT_SYS, 1, false);
    sterna_status status = whole_run(NULL, "", out, &fault);
    sterna_fault_arm(STERNA_FAULT_SYS, 0, false);
    CHECK_MSG(t, status == STERNA_UNSUPPORTED && strstr(fault.text, "cannot load: injected failure"), "%s",
              fault.text);
    CHECK(t, whole_run(NULL, "", out, &fault) == STERNA_OK && right_bits(out)); /* a later try succeeds */
}

void stream_sync_names_the_node(sterna_test *t)
{
    static const char *const ops[TINY_NODES] = {"embed", "rmsnorm", "quant_token", "matmul_ternary", "add"};
    NEEDS_MOCK(t);
    uint32_t opening = stream_opening_launches(t);
    for (uint32_t n = 1; n <= TINY_NODES; n++) {
        tiny_plan p;
        sterna_fence fence;
        char settings[60], name[60];
        snprintf(settings, sizeof settings, "lose_launch=%u", opening + n);
        snprintf(name, sizeof name, "node %u, %s: ", n - 1, ops[n - 1]);
        CHECK(t, stream_make(t, &p, settings, ",sync=1"));
        CHECK(t, tiny_submit(&p, 2, &fence) == STERNA_DEVICE);
        CHECK_MSG(t, strncmp(p.fault.text, name, strlen(name)) == 0 && strstr(p.fault.text, "(719)"), "%s",
                  p.fault.text);
        p.fault = (sterna_fault){0};
        CHECK(t, tiny_submit(&p, 2, &fence) == STERNA_DEVICE); /* and stays lost */
        tiny_close(&p);
    }
}
