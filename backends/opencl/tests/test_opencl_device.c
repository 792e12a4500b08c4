/* OpenCL devices that are there: names, refusals, what opening leaves behind, the cache, whole plans. */
#include "base/mem.h"
#include "base/size.h"
#include "base/thread.h"
#include "gpu/tests/tiny_plan.h"
#include "opencl_testing.h"
#include "registry.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = TINY_ROWS * TINY_WIDTH };
static float one_row[MOST];

static void on_interrupt(int number)
{
    (void)number;
}

/* LLVM inside a driver must not take over what the program does on signals; it tries when devices are asked for. */
static void signals_stay(sterna_test *t)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGSEGV, SIGABRT, SIGUSR1};
    static float out[MOST];
    struct sigaction action = {.sa_handler = on_interrupt}, now;
    tiny_plan p;
    for (size_t i = 0; i < STERNA_COUNT(numbers); i++) sigaction(numbers[i], &action, NULL);
    NEEDS_OPENCL(t);
    CHECK_MSG(t, tiny_make(&p, opencl_backend(), op_case_host(), "") == STERNA_OK, "%s", p.fault.text);
    CHECK(t, tiny_run(&p, TINY_ROWS, out, NULL) == STERNA_OK);
    tiny_close(&p);
    for (size_t i = 0; i < STERNA_COUNT(numbers); i++) {
        sigaction(numbers[i], NULL, &now);
        CHECK_MSG(t, now.sa_handler == on_interrupt, "signal %d has another handler", numbers[i]);
    }
}

/* One of several devices in use at once, each by a thread of its own. */
typedef struct worker {
    sterna_thread thread;
    tiny_plan plan;
    float out[MOST];
    bool right;
} worker;

static void *use_a_device(void *argument)
{
    worker *w = argument;
    w->right = true;
    for (uint32_t i = 0; i < 20 && w->right; i++)
        w->right = tiny_run(&w->plan, 1, w->out, NULL) == STERNA_OK &&
                   memcmp(w->out, one_row, TINY_WIDTH * sizeof *one_row) == 0;
    return NULL;
}

static void devices_on_threads(sterna_test *t)
{
    enum { THREADS = 3 };
    static worker workers[THREADS];
    NEEDS_OPENCL(t);
    CHECK(t, tiny_reference(1, one_row));
    for (uint32_t i = 0; i < THREADS; i++)
        CHECK_MSG(t, tiny_make(&workers[i].plan, opencl_backend(), op_case_host(), "") == STERNA_OK, "%s",
                  workers[i].plan.fault.text);
    for (uint32_t i = 0; i < THREADS; i++)
        CHECK(t, sterna_thread_start(&workers[i].thread, use_a_device, &workers[i]) == STERNA_OK);
    for (uint32_t i = 0; i < THREADS; i++) sterna_thread_join(&workers[i].thread);
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_MSG(t, workers[i].right, "thread %u: %s", i, workers[i].plan.fault.text);
        tiny_close(&workers[i].plan);
    }
}

/* An open device of the driver below the host, for what the host does not show; NULL when the case has failed. */
static opencl_gpu *open_driver(sterna_test *t, const char *variant)
{
    void *gpu = NULL;
    sterna_gpu_limits limits;
    sterna_fault fault = {0};
    if (!EXPECT(t, sterna_opencl_driver.open(op_case_host(), variant, &gpu, &limits, &fault) == STERNA_OK))
        sterna_test_note(t, "%s", fault.text);
    return gpu;
}

static void plans_run(sterna_test *t)
{
    static float want[MOST], got[MOST];
    NEEDS_OPENCL(t);
    int64_t live = sterna_mem_live();
    for (uint32_t rows = 1; rows <= TINY_ROWS; rows += 7) {
        tiny_plan p;
        sterna_result result = {.size = sizeof result};
        CHECK_MSG(t, tiny_make(&p, opencl_backend(), op_case_host(), "") == STERNA_OK, "%s", p.fault.text);
        CHECK_MSG(t, tiny_run(&p, rows, got, &result) == STERNA_OK, "%s", p.fault.text);
        CHECK(t, result.flags == 0 && tiny_reference(rows, want));
        CHECK(t, memcmp(want, got, rows * TINY_WIDTH * sizeof *want) == 0);
        /* An id that the table lacks: the flags of the first node, and the device goes on. */
        const uint32_t outside = TINY_VOCAB;
        CHECK(t, p.api->buffer_write(p.device, p.ids, 0, &outside, 4, &p.fault) == STERNA_OK);
        CHECK(t, tiny_run(&p, rows, got, &result) == STERNA_OK);
        CHECK(t, result.flags == STERNA_FLAG_RANGE && result.node == 0 && result.label == TINY_LABEL);
        tiny_close(&p);
    }
    CHECK(t, sterna_mem_live() == live);
}

/* Ranges that begin and end anywhere; memory that is gone. */
static void copies(sterna_test *t)
{
    uint8_t bytes[64], got[64];
    sterna_gpu_memory memory, other;
    sterna_fault fault = {0};
    NEEDS_OPENCL(t);
    opencl_gpu *gpu = open_driver(t, "");
    if (!gpu) return;
    for (uint32_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + 11);
    CHECK(t, sterna_opencl_alloc(gpu, 4096, &memory, &fault) == STERNA_OK);
    CHECK(t, sterna_opencl_upload(gpu, memory, 4032, bytes, 64, &fault) == STERNA_OK);
    for (uint32_t from = 0; from < 64; from += 5)
        for (uint32_t n = 0; from + n <= 64; n += 7) {
            memset(got, 0, sizeof got);
            CHECK(t, sterna_opencl_download(gpu, memory, 4032 + from, got, n, &fault) == STERNA_OK);
            CHECK(t, memcmp(got, bytes + from, n) == 0 && (n == 64 || got[n] == 0));
        }
    CHECK(t, sterna_opencl_clear(gpu, memory, 4036, 8, &fault) == STERNA_OK);
    memset(bytes + 4, 0, 8);
    CHECK(t, sterna_opencl_download(gpu, memory, 4032, got, 64, &fault) == STERNA_OK);
    CHECK(t, memcmp(got, bytes, 64) == 0);
    CHECK(t, sterna_opencl_upload(gpu, memory, 4090, bytes, 7, NULL) == STERNA_DEVICE);
    CHECK(t, sterna_opencl_download(gpu, memory, UINT64_MAX, got, 2, NULL) == STERNA_DEVICE);
    /* The next block may get the place of the freed one, but not its handle. */
    sterna_opencl_free(gpu, memory);
    sterna_opencl_free(gpu, memory);
    CHECK(t, sterna_opencl_alloc(gpu, 4096, &other, &fault) == STERNA_OK && other != memory);
    CHECK(t, sterna_opencl_upload(gpu, memory, 0, bytes, 4, NULL) == STERNA_DEVICE);
    /* Nor can a kernel be given what is gone, or more than there is. */
    const sterna_gpu_range bad[] = {{memory, 0, 64}, {other, 4096 - 32, 64}};
    for (uint32_t i = 0; i < 2; i++) {
        const sterna_gpu_range ranges[] = {{other, 0, 64}, bad[i], {other, 128, 4}};
        const uint32_t words[] = {1, 16, 0};
        sterna_gpu_launch launch = {
            .groups_x = 1, .groups_y = 1, .ranges = ranges, .words = words, .n_ranges = 3, .n_words = 3};
        uint8_t hash[32];
        fault = (sterna_fault){0};
        CHECK(t, sterna_opencl_kernel(gpu, "add", &launch.kernel, hash, &fault) == STERNA_OK);
        CHECK(t, sterna_opencl_launch(gpu, &launch, &fault) == STERNA_DEVICE);
        CHECK_MSG(t,
                  strcmp(fault.text, "opencl: kernel add cannot be launched on 1 x 1 groups: "
                                     "CL_INVALID_MEM_OBJECT (-38)") == 0,
                  "%s", fault.text);
    }
    sterna_opencl_free(gpu, other);
    sterna_opencl_driver.close(gpu);
}

static void count_leaks(void *context, int level, const char *text)
{
    *(int *)context +=
        level == 0 && strstr(text, "opencl: 2 allocations of 12288 bytes leaked at close") != NULL;
}

static void leaks_are_told(sterna_test *t)
{
    int told = 0;
    void *gpu;
    sterna_gpu_limits limits;
    sterna_gpu_memory memory;
    sterna_host host = *op_case_host();
    NEEDS_OPENCL(t);
    host.context = &told;
    host.log = count_leaks;
    CHECK(t, sterna_opencl_driver.open(&host, "", &gpu, &limits, NULL) == STERNA_OK);
    CHECK(t, sterna_opencl_driver.alloc(gpu, 4096, &memory, NULL) == STERNA_OK);
    CHECK(t, sterna_opencl_driver.alloc(gpu, 8192, &memory, NULL) == STERNA_OK);
    sterna_opencl_driver.close(gpu);
    CHECK(t, told == 1);
}

/* Of a real compiler: where it fails, and what it says. */
static void compilers_are_quoted(sterna_test *t)
{
    static const char text[] = "__kernel void sterna_bad(__global uint *x)\n{\n    x[0] = no_such_word;\n}\n";
    cl_kernel kernel = NULL;
    sterna_fault fault = {0};
    NEEDS_OPENCL(t);
    opencl_gpu *gpu = open_driver(t, "");
    if (!gpu) return;
    CHECK(t,
          sterna_opencl_build(gpu, "bad", text, sizeof text - 1, 0, &kernel, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t,
              !kernel && strstr(fault.text, "opencl: kernel bad: ") && strstr(fault.text, "-cl-std=CL1.2") &&
                  strstr(fault.text, "no_such_word"),
              "%s", fault.text);
    CHECK(t, strchr(fault.text, '\n') == NULL);
    sterna_opencl_driver.close(gpu);
}

/* Looks two kernels up; returns how many came from the cache, -1 when the device did not open. */
static int look_up_two(sterna_test *t, uint32_t *compiled)
{
    static const char *const ids[] = {"add", "gather"};
    const void *kernel;
    uint8_t hash[32];
    sterna_fault fault = {0};
    opencl_gpu *gpu = open_driver(t, "");
    if (!gpu) return -1;
    for (size_t i = 0; i < STERNA_COUNT(ids); i++)
        if (!EXPECT(t, sterna_opencl_kernel(gpu, ids[i], &kernel, hash, &fault) == STERNA_OK))
            sterna_test_note(t, "%s", fault.text);
    *compiled = gpu->compiled;
    int cached = (int)gpu->from_cache;
    sterna_opencl_driver.close(gpu);
    return cached;
}

/* Compiled once, then read; damage and another text compile again; an unwritable folder is no error. */
static void programs_are_kept(sterna_test *t)
{
    uint32_t compiled;
    char folder[900];
    NEEDS_OPENCL(t);
    snprintf(folder, sizeof folder, "%s/cache", sterna_test_folder(t));
    setenv("STERNA_CACHE", folder, 1);
    CHECK(t, look_up_two(t, &compiled) == 0 && compiled == 2);
    CHECK(t, look_up_two(t, &compiled) == 2 && compiled == 0);
    /* One bit of one file. */
    char command[1000];
    snprintf(
        command, sizeof command,
        "f=$(ls '%s'/opencl/* | head -n 1) && printf X | dd of=\"$f\" bs=1 seek=500 conv=notrunc status=none",
        folder);
    CHECK(t, system(command) == 0);
    CHECK(t, look_up_two(t, &compiled) == 1 && compiled == 1);
    CHECK(t, look_up_two(t, &compiled) == 2 && compiled == 0);
    setenv("STERNA_CACHE", "/proc/nowhere", 1);
    CHECK(t, look_up_two(t, &compiled) == 0 && compiled == 2);
    setenv("STERNA_CACHE", "off", 1);
    CHECK(t, look_up_two(t, &compiled) == 0 && compiled == 2);
}

/* Kernels fit devices that are smaller than this one: 256 items, 32 KiB they share, 1 KiB of parameters. */
static void kernels_are_small(sterna_test *t)
{
    NEEDS_OPENCL(t);
    opencl_gpu *gpu = open_driver(t, "");
    if (!gpu) return;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        const sterna_gpu_kernel_row *row = sterna_gpu_kernel_row_at(i);
        const void *kernel;
        uint8_t hash[32], none[32] = {0};
        cl_ulong local = 0;
        sterna_fault fault = {0};
        if (row->needs & ~gpu->device.limits.features) continue;
        CHECK_MSG(t, sterna_opencl_kernel(gpu, row->id, &kernel, hash, &fault) == STERNA_OK, "%s",
                  fault.text);
        CHECK(t, gpu->cl->clGetKernelWorkGroupInfo(((const opencl_kernel *)kernel)->kernel, gpu->device.id,
                                                   CL_KERNEL_LOCAL_MEM_SIZE, sizeof local, &local,
                                                   NULL) == CL_SUCCESS);
        CHECK_MSG(t, local <= 32768, "%s: %llu bytes of shared memory", row->id, (unsigned long long)local);
        CHECK(t, memcmp(hash, none, 32) != 0);
    }
    sterna_fault fault = {0};
    const void *kernel;
    uint8_t hash[32];
    CHECK(t, sterna_opencl_kernel(gpu, "softmax", &kernel, hash, &fault) == STERNA_UNSUPPORTED);
    sterna_opencl_driver.close(gpu);
}

/* What is there keeps subnormals and contracts nothing when it is told not to; PoCL is known to. */
static void the_probe_agrees(sterna_test *t)
{
    sterna_open_device device = {0};
    sterna_probe probe = {0};
    sterna_fault fault = {0};
    NEEDS_OPENCL(t);
    CHECK_MSG(t, sterna_device_open("opencl", 0, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK, "%s",
              fault.text);
    if (strcmp(device.info.variant, "pocl") == 0) {
        CHECK(t, device.info.kind == STERNA_KIND_EMULATED && !device.info.is_mock);
        CHECK(t, strstr(device.info.driver, "Portable Computing Language, OpenCL "));
    }
    CHECK_MSG(t, sterna_device_probe(&device, &probe, &fault) == STERNA_OK, "%s", fault.text);
    CHECK_MSG(t, probe.exact && probe.compared > 10000, "%u of %u differ: %s", probe.different,
              probe.compared, probe.why);
    sterna_device_close(&device);
}

const sterna_test_case sterna_test_cases[] = {
    {"signals_stay", signals_stay, 120},
    {"plans_run", plans_run, 120},
    {"devices_on_threads", devices_on_threads, 60},
    {"copies", copies, 0},
    {"leaks_are_told", leaks_are_told, 0},
    {"compilers_are_quoted", compilers_are_quoted, 0},
    {"programs_are_kept", programs_are_kept, 60},
    {"kernels_are_small", kernels_are_small, 240},
    {"the_probe_agrees", the_probe_agrees, 60},
    {0},
};
