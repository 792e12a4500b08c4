/* The stream driver when its library fails: each fault at every place gives its error or the right bits, and leaves
 * nothing behind, neither here nor in the library. */
#include "base/fault_point.h"
#include "stream_rig.h"
#include <pthread.h>

/* A plan made and run twice for a prompt and twice for one row. */
static sterna_status whole_run(const char *settings, const char *keys, float *out, sterna_fault *fault)
{
    char variant[400];
    tiny_plan p;
    if (settings) setenv("STERNA_GPU_FAKE", settings, 1);
    snprintf(variant, sizeof variant, "library=%s,graphs=1%s", stream_library(), keys);
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

/* A driver without a device says what to look at, whether its initialisation or its count tells. */
void stream_no_device_is_told(sterna_test *t)
{
    const sterna_backend_api *api = stream_api_table();
    NEEDS_MOCK(t);
    setenv(stream_tested.variable, stream_library(), 1);
    for (uint32_t turn = 0; turn < 2; turn++) {
        sterna_device_info info = {.size = sizeof info};
        setenv(stream_tested.visible, "-1", 1);
        CHECK(t, api->device_count() == 1 && api->device_info(0, &info) == STERNA_OK && !info.usable);
        CHECK_MSG(t, strstr(info.why, stream_tested.unseen), "%s", info.why);
        unsetenv(stream_tested.visible);
        CHECK(t, api->device_info(0, &info) == STERNA_OK && info.usable); /* from now on it is initialised */
    }
}

static void any_arch(const stream_api *api, int device, int ordinal, char arch[32])
{
    (void)api, (void)device, (void)ordinal;
    snprintf(arch, 32, "any");
}

static bool any_fits(const stream_image *image, const char *arch)
{
    return strcmp(image->arch, arch) == 0;
}

static void version(int number, char text[32])
{
    snprintf(text, 32, "%d", number > 0);
}

/* Both versions are told: mostly it is a driver older than the compiler. */
void stream_kernels_that_do_not_load(sterna_test *t)
{
    static const unsigned char bytes[256] = "neither a fatbin nor an ELF file", sha256[32];
    static const size_t size = sizeof bytes;
    static const stream_image image = {"any", bytes, &size, sha256};
    const bool hip = stream_tested.keeps_context;
    const char *const libraries[] = {stream_library(), NULL};
    const stream_family family = {
        .name = stream_tested.name,
        .title = "TITLE",
        .column = hip ? STREAM_HIP : STREAM_CUDA,
        .libraries = libraries,
        .library_variable = hip ? STERNA_ENV_HIP_LIBRARY : STERNA_ENV_CUDA_LIBRARY,
        .absent = "",
        .unseen = "",
        .made_by = "a test",
        .images = &image,
        .n_images = 1,
        .arch_name = any_arch,
        .fits = any_fits,
        .version_text = version,
    };
    sterna_gpu_limits limits;
    sterna_fault fault = {0};
    void *gpu;
    NEEDS_MOCK(t);
    CHECK(t, sterna_stream_open(&family, op_case_host(), "", &gpu, &limits, &fault) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(fault.text, ": the driver, of TITLE 1, cannot load the kernels, made by a test: "),
              "%s", fault.text);
    CHECK_MSG(t, strstr(fault.text, "(200)"), "%s", fault.text);
    CHECK(t, stream_nothing_left(t));
}

typedef struct elsewhere {
    const sterna_gpu_driver *driver;
    void *gpu;
    sterna_gpu_memory memory;
} elsewhere;

static void *free_it(void *argument)
{
    elsewhere *e = argument;
    e->driver->free(e->gpu, e->memory);
    return NULL;
}

static void *close_it(void *argument)
{
    elsewhere *e = argument;
    e->driver->close(e->gpu);
    return NULL;
}

/* A device that is lost while its context works gives back what it has, also in threads that have no context yet: another
 * device of the process keeps the context alive. */
void stream_lost_device_is_closed_elsewhere(sterna_test *t)
{
    char variant[400];
    pthread_t thread;
    sterna_gpu_limits limits;
    sterna_fault fault = {0};
    NEEDS_MOCK(t);
    sterna_device *stays = stream_open(t, "", "");
    CHECK(t, stays != NULL);
    const stream_held before = stream_mock_held(t);
    elsewhere e = {.driver = stays->driver};
    snprintf(variant, sizeof variant, "library=%s", stream_library());
    CHECK(t, e.driver->open(op_case_host(), variant, &e.gpu, &limits, &fault) == STERNA_OK);
    CHECK(t, e.driver->alloc(e.gpu, 4096, &e.memory, &fault) == STERNA_OK);
    e.driver->free(e.gpu, 0); /* no handle: whoever does that is not to be trusted any more */
    CHECK(t, e.driver->alloc(e.gpu, 4096, &e.memory, &fault) == STERNA_DEVICE);
    CHECK(t, pthread_create(&thread, NULL, free_it, &e) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(t, stream_mock_held(t).allocations == before.allocations);
    CHECK(t, pthread_create(&thread, NULL, close_it, &e) == 0 && pthread_join(thread, NULL) == 0);
    const stream_held after = stream_mock_held(t);
    CHECK_MSG(t, memcmp(&before, &after, sizeof after) == 0,
              "left: %u allocations, %u pinned, %u streams, %u events, %u modules",
              after.allocations - before.allocations, after.pinned - before.pinned,
              after.streams - before.streams, after.events - before.events, after.modules - before.modules);
    stream_api_table()->close(stays);
    CHECK(t, stream_nothing_left(t));
}
