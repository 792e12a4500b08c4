/* The GPU host's memory on the mock: pooled runs give the same bits, refusals at every n, what the probe finds out about
 * drivers that lie about offsets, and how many calls of the driver a submission takes. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "gpu/gpu_host.h"
#include "gpu/tests/tiny_plan.h"
#include "mock_testing.h"
#include <stdio.h>
#include <string.h>

/* Hostile builds make small blocks: how many there are is another figure. */
#if STERNA_HOSTILE
enum { HOSTILE = 1 };
#else
enum { HOSTILE = 0 };
#endif
enum { MOST = TINY_ROWS * TINY_WIDTH };

/* A driver that is the mock but for what a case puts in its place. */
static sterna_gpu_driver driver;
static struct {
    uint32_t allocs, frees, uploads, downloads, clears, launches, fences, waits;
} calls;
static uint32_t timeouts; /* so many waits from now on time out */

static sterna_status count_alloc(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault)
{
    calls.allocs++;
    return sterna_mock_driver.alloc(gpu, bytes, memory, fault);
}
static void count_free(void *gpu, sterna_gpu_memory memory)
{
    calls.frees++;
    sterna_mock_driver.free(gpu, memory);
}
static sterna_status count_upload(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                                  uint64_t bytes, sterna_fault *fault)
{
    calls.uploads++;
    return sterna_mock_driver.upload(gpu, memory, offset, src, bytes, fault);
}
static sterna_status count_download(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                    uint64_t bytes, sterna_fault *fault)
{
    calls.downloads++;
    return sterna_mock_driver.download(gpu, memory, offset, dst, bytes, fault);
}
static sterna_status count_clear(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                 sterna_fault *fault)
{
    calls.clears++;
    return sterna_mock_driver.clear(gpu, memory, offset, bytes, fault);
}
static sterna_status count_launch(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    calls.launches++;
    return sterna_mock_driver.launch(gpu, launch, fault);
}
static sterna_status count_fence(void *gpu, uint64_t *fence, sterna_fault *fault)
{
    calls.fences++;
    return sterna_mock_driver.fence(gpu, fence, fault);
}
static sterna_status count_wait(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                                sterna_fault *fault)
{
    calls.waits++;
    if (timeouts) {
        timeouts--;
        return sterna_fail(fault, STERNA_TIMEOUT, "still computing");
    }
    return sterna_mock_driver.wait(gpu, fence, milliseconds, tag, fault);
}

/* Reads from inside an allocation give what lies at its begin, as some drivers do. */
static sterna_status download_from_begin(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                         uint64_t bytes, sterna_fault *fault)
{
    (void)offset;
    return sterna_mock_driver.download(gpu, memory, 0, dst, bytes, fault);
}
/* ... or are refused. */
static sterna_status download_refused(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                      uint64_t bytes, sterna_fault *fault)
{
    if (offset) return sterna_fail(fault, STERNA_DEVICE, "cannot read from offset %u", (unsigned)offset);
    return sterna_mock_driver.download(gpu, memory, offset, dst, bytes, fault);
}
/* ... or are right once a kernel has run, and give before that what lies at the begin. */
static sterna_status download_late(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                   uint64_t bytes, sterna_fault *fault)
{
    return sterna_mock_driver.download(gpu, memory, calls.launches ? offset : 0, dst, bytes, fault);
}
/* Kernels get the begin of the allocation, whatever the offset. */
static sterna_status launch_at_begin(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    sterna_gpu_launch wrong = *launch;
    sterna_gpu_range ranges[STERNA_GPU_MAX_RANGES];
    for (uint32_t i = 0; i < launch->n_ranges; i++) {
        ranges[i] = launch->ranges[i];
        ranges[i].offset = 0;
    }
    wrong.ranges = ranges;
    return sterna_mock_driver.launch(gpu, &wrong, fault);
}

/* ... or read where they should and write what is theirs elsewhere in it. */
static sterna_status launch_writes_elsewhere(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    sterna_gpu_launch wrong = *launch;
    sterna_gpu_range ranges[STERNA_GPU_MAX_RANGES];
    memcpy(ranges, launch->ranges, launch->n_ranges * sizeof *ranges);
    if (ranges[0].offset) ranges[0].offset /= 2;
    wrong.ranges = ranges;
    return sterna_mock_driver.launch(gpu, &wrong, fault);
}

static sterna_status open_driver(const sterna_host *host, const sterna_open_params *params,
                                 sterna_device **device, sterna_fault *fault)
{
    return sterna_gpu_open(&driver, host, params, device, fault);
}

static const sterna_backend_api *driver_api(void)
{
    static sterna_backend_api api;
    api = *mock_api();
    api.open = open_driver;
    driver = sterna_mock_driver;
    driver.alloc = count_alloc;
    driver.free = count_free;
    driver.upload = count_upload;
    driver.download = count_download;
    driver.clear = count_clear;
    driver.launch = count_launch;
    driver.fence = count_fence;
    driver.wait = count_wait;
    memset(&calls, 0, sizeof calls);
    timeouts = 0;
    return &api;
}

static bool right_bits(const float *out)
{
    static float want[MOST];
    return tiny_reference(TINY_ROWS, want) && memcmp(out, want, sizeof want) == 0;
}

/* Seven buffers, two weights and the status words in two or three allocations, and the right bits. */
static void pooled_runs_give_the_same_bits(sterna_test *t)
{
    static const struct {
        const char *variant;
        uint32_t most;
    } rows[] = {{"pool=0", 10},
                {"pool=1m,warp=8", 2 + 1},
                {"pool=128k,seed=3", 2 + 3},
                {"pool=1m,alignment=4096,seed=5", 2 + 1},
                {"pool=17k", 2 + 10}};
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        static float out[MOST];
        tiny_plan p;
        CHECK_MSG(t, tiny_make(&p, driver_api(), op_case_host(), rows[i].variant) == STERNA_OK, "%s: %s",
                  rows[i].variant, p.fault.text);
        for (uint32_t run = 0; run < 6; run++) {
            CHECK_MSG(t, tiny_run(&p, TINY_ROWS, out, NULL) == STERNA_OK, "%s: %s", rows[i].variant,
                      p.fault.text);
            CHECK(t, right_bits(out));
        }
        CHECK_MSG(t, HOSTILE || calls.allocs <= rows[i].most, "%s: %u allocations", rows[i].variant,
                  calls.allocs);
        tiny_close(&p);
        CHECK_MSG(t, calls.frees == calls.allocs, "%s: %u of %u freed", rows[i].variant, calls.frees,
                  calls.allocs);
    }
}

/* A driver's lies about offsets are found when it is opened, and cost allocations, not bits. */
static void the_probe_knows_its_driver(sterna_test *t)
{
    static float out[MOST];
    for (uint32_t lie = 0; lie < 6; lie++) {
        const sterna_backend_api *api = driver_api();
        sterna_device_info info = {.size = sizeof info};
        tiny_plan p;
        if (lie == 1) driver.download = download_from_begin;
        if (lie == 2) driver.download = download_refused;
        if (lie == 3) driver.download = download_late;
        if (lie == 4) driver.launch = launch_at_begin;
        if (lie == 5) driver.launch = launch_writes_elsewhere;
        sterna_status status = tiny_make(&p, api, op_case_host(), "pool=1m");
        if (lie >= 4) { /* nothing can be done with these */
            CHECK_MSG(t, status == STERNA_DEVICE && strstr(p.fault.text, "kernels miss the offset"), "%s",
                      p.fault.text);
            tiny_close(&p);
            continue;
        }
        CHECK_MSG(t, status == STERNA_OK, "%s", p.fault.text);
        CHECK(t, api->info(p.device, &info) == STERNA_OK);
        bool told = strstr(info.description, "reads back from whole allocations only") != NULL;
        CHECK_MSG(t, told == (lie > 0), "%u: %s", lie, info.description);
        /* All in one block, or the weights in one and the rest alone. */
        CHECK_MSG(t, HOSTILE || calls.allocs == (lie ? 2 + 1 + 8 : 2 + 1), "%u: %u allocations", lie,
                  calls.allocs);
        /* The status words of later submissions lie inside their allocation. */
        for (uint32_t run = 0; run < 6; run++) {
            uint32_t id = run % 2 ? TINY_VOCAB : p.ids_data[0];
            sterna_result result = {.size = sizeof result};
            CHECK(t, api->buffer_write(p.device, p.ids, 0, &id, sizeof id, &p.fault) == STERNA_OK);
            CHECK_MSG(t, tiny_run(&p, TINY_ROWS, out, &result) == STERNA_OK, "%s", p.fault.text);
            CHECK_MSG(t, result.flags == (run % 2 ? STERNA_FLAG_RANGE : 0), "lie %u, run %u: flags %u", lie,
                      run, result.flags);
            CHECK(t, run % 2 || right_bits(out));
        }
        float inside[3];
        CHECK(t, tiny_run(&p, TINY_ROWS, out, NULL) == STERNA_OK);
        CHECK(t, api->buffer_read(p.device, p.y, 2048, inside, sizeof inside, &p.fault) == STERNA_OK &&
                     memcmp(inside, out + 512, sizeof inside) == 0);
        tiny_close(&p);
    }
}

/* A verified upload reads weights back: where that works in blocks only as a whole, they are not pooled. */
static void verified_weights_are_read_back(sterna_test *t)
{
    static const uint8_t table[64 * 64 * 4];
    for (uint32_t verify = 0; verify < 2; verify++) {
        const sterna_backend_api *api = driver_api();
        driver.download = download_from_begin;
        const sterna_open_params params = {
            .size = sizeof params, .variant = "pool=1m", .verify_upload = verify};
        const sterna_tensor tensor = {sizeof tensor, STERNA_FORMAT_F32, STERNA_ACT_F32, 64, 64, 1, 256, table,
                                      "table"};
        sterna_device *device = NULL;
        sterna_weight *weights[3];
        sterna_fault fault = {0};
        CHECK(t, api->open(op_case_host(), &params, &device, &fault) == STERNA_OK);
        for (uint32_t i = 0; i < 3; i++)
            CHECK_MSG(t, api->weight_create(device, &tensor, &weights[i], &fault) == STERNA_OK, "%s",
                      fault.text);
        CHECK_MSG(t, calls.allocs == 2 + (verify ? 3 : 1), "%u allocations", calls.allocs);
        api->close(device);
    }
}

/* Every allocation refused once: the right bits, since a smaller one does, or an error that names what was wanted. */
static void refusals_in_a_pool(sterna_test *t)
{
    uint32_t survived = 0, refused = 0;
    for (uint32_t n = 1; n <= 12; n++) {
        static float out[MOST];
        char variant[80];
        tiny_plan p;
        int64_t live = sterna_mem_live();
        snprintf(variant, sizeof variant, "pool=40k,fail_alloc=%u", n);
        sterna_status status = tiny_make(&p, mock_api(), op_case_host(), variant);
        if (status == STERNA_OK) status = tiny_run(&p, TINY_ROWS, out, NULL);
        CHECK_MSG(t, status == STERNA_OK ? right_bits(out) : status == STERNA_MEMORY, "%s: %d %s", variant,
                  (int)status, p.fault.text);
        CHECK_MSG(t, status == STERNA_OK || strstr(p.fault.text, "is refused by its profile"), "%s",
                  p.fault.text);
        survived += status == STERNA_OK;
        refused += status != STERNA_OK;
        tiny_close(&p);
        CHECK(t, sterna_mem_live() == live);
    }
    CHECK_MSG(t, survived > 2 && refused > 2, "%u survived, %u refused", survived, refused);
}

static void host_memory_refused_in_a_pool(sterna_test *t)
{
    int64_t live = sterna_mem_live();
    for (uint64_t n = 1; n < 1000; n++) {
        static float out[MOST];
        tiny_plan p;
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = tiny_make(&p, mock_api(), op_case_host(), "pool=40k");
        if (status == STERNA_OK) status = tiny_run(&p, TINY_ROWS, out, NULL);
        bool reached = sterna_fault_count(STERNA_FAULT_ALLOC) >= n;
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK_MSG(t, status == STERNA_OK ? right_bits(out) : status == STERNA_MEMORY && p.fault.text[0],
                  "request %u: status %d, '%s'", (unsigned)n, (int)status, p.fault.text);
        tiny_close(&p);
        CHECK(t, sterna_mem_live() == live);
        if (!reached) return;
    }
    CHECK(t, false && "the run ends without a refusal");
}

/* One fence, one clear, one wait and one read of status words for a submission, however many nodes it has. */
static void a_submission_is_one_fence(sterna_test *t)
{
    tiny_plan p;
    const uint32_t rows = 3;
    CHECK(t, tiny_make(&p, driver_api(), op_case_host(), "pool=1m") == STERNA_OK);
    for (uint32_t i = 0; i < 6; i++) {
        sterna_fence fence;
        memset(&calls, 0, sizeof calls);
        CHECK(t, p.api->submit(p.device, p.plan, 0, TINY_NODES, &rows, &fence, &p.fault) == STERNA_OK);
        CHECK(t, p.api->wait(p.device, fence, 0, NULL, &p.fault) == STERNA_OK);
        CHECK_MSG(t, calls.fences == 1 && calls.clears == 1 && calls.waits == 1 && calls.downloads == 1,
                  "%u fences, %u clears, %u waits, %u downloads", calls.fences, calls.clears, calls.waits,
                  calls.downloads);
        CHECK(t, calls.launches == TINY_NODES && calls.uploads == 0 && calls.allocs == 0);
    }
    tiny_close(&p);
}

/* Time-outs where the host waits by itself: a plan with too much under way is not given more, and one that is destroyed
 * while it runs fails its submissions instead of leaving them with a plan that is gone. */
static void timeouts_inside_the_host(sterna_test *t)
{
    enum { MANY = 12 };
    tiny_plan p;
    sterna_fence fences[MANY];
    sterna_result result = {.size = sizeof result};
    uint32_t accepted = 0;
    int64_t live = sterna_mem_live();
    CHECK(t, tiny_make(&p, driver_api(), op_case_host(), "") == STERNA_OK);
    timeouts = UINT32_MAX;
    while (accepted < MANY && tiny_submit(&p, 2, &fences[accepted]) == STERNA_OK) accepted++;
    CHECK_MSG(t, accepted > 0 && accepted < MANY && p.fault.status == STERNA_TIMEOUT, "%u accepted",
              accepted);
    CHECK_MSG(t, strstr(p.fault.text, "are under way") && strstr(p.fault.text, "still computing"), "%s",
              p.fault.text);
    timeouts = 0;
    p.fault = (sterna_fault){0};
    CHECK(t, tiny_submit(&p, 2, &fences[accepted]) == STERNA_OK);
    for (uint32_t i = 0; i <= accepted; i++)
        CHECK(t, p.api->wait(p.device, fences[i], 0, &result, &p.fault) == STERNA_OK && result.flags == 0);

    CHECK(t, tiny_submit(&p, 2, &fences[0]) == STERNA_OK);
    timeouts = UINT32_MAX;
    p.api->plan_destroy(p.device, p.plan);
    p.plan = NULL;
    CHECK(t, p.api->wait(p.device, fences[0], 0, &result, &p.fault) == STERNA_DEVICE);
    CHECK_MSG(t,
              result.status == STERNA_DEVICE && result.label == TINY_LABEL &&
                  strstr(p.fault.text, "still computing"),
              "%s", p.fault.text);
    tiny_close(&p);
    CHECK(t, sterna_mem_live() == live);
}

const sterna_test_case sterna_test_cases[] = {
    {"pooled_runs_give_the_same_bits", pooled_runs_give_the_same_bits, 0},
    {"the_probe_knows_its_driver", the_probe_knows_its_driver, 0},
    {"verified_weights_are_read_back", verified_weights_are_read_back, 0},
    {"refusals_in_a_pool", refusals_in_a_pool, 0},
    {"host_memory_refused_in_a_pool", host_memory_refused_in_a_pool, 0},
    {"a_submission_is_one_fence", a_submission_is_one_fence, 0},
    {"timeouts_inside_the_host", timeouts_inside_the_host, 0},
    {0},
};
