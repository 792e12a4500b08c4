/* A driver that fails: every OpenCL function at each of its calls, kernels that fail or never end, odd answers. Through
 * the backend's ABI, on the fake library, so that no device is needed. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "fake_opencl.h"
#include "gpu/tests/tiny_plan.h"
#include "opencl_testing.h"
#include "registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = TINY_ROWS * TINY_WIDTH };

static const char *const function_names[] = {
#define CL_FUNCTION(result, name, parameters) #name,
#include "opencl/opencl_functions.def"
};

/* The fake's settings and counts; NULL, and the case has failed, when it cannot be loaded. */
static fake_opencl *load_fake(sterna_test *t)
{
    static const char path[] = STERNA_BINARY_DIR "/plugins/fake_opencl.so";
    void *library;
    sterna_fault fault = {0};
    setenv("STERNA_OPENCL_LIBRARY", path, 1);
    if (!EXPECT(t, sterna_sys_dlopen(path, &library, &fault) == STERNA_OK)) return NULL;
    return sterna_sys_dlsym(library, FAKE_OPENCL_SYMBOL);
}

/* Makes a plan and runs it twice. */
static sterna_status whole_run(const char *variant, sterna_result *result, sterna_fault *fault)
{
    static float out[MOST];
    tiny_plan p;
    *result = (sterna_result){.size = sizeof *result};
    sterna_status status = tiny_make(&p, opencl_backend(), op_case_host(), variant);
    if (status == STERNA_OK) status = tiny_run(&p, TINY_ROWS, out, result);
    if (status == STERNA_OK) status = tiny_run(&p, 1, out, result);
    *fault = p.fault;
    tiny_close(&p);
    return status;
}

/* Functions whose failure changes nothing: what is released is gone, texts and features are absent; with binaries in the
 * cache, a program that cannot be made of one is compiled. */
static bool may_fail(int function, bool cached)
{
    return strncmp(function_names[function], "clRelease", 9) == 0 || function == FAKE_clGetPlatformInfo ||
           function == FAKE_clGetDeviceInfo ||
           (cached && (function == FAKE_clGetProgramInfo || function == FAKE_clCreateProgramWithBinary ||
                       function == FAKE_clBuildProgram || function == FAKE_clCreateKernel));
}

/* A function fails at its first, second, ... call; returns how many runs ended with an error. */
static uint32_t every_call(sterna_test *t, fake_opencl *fake, int function, cl_int code, bool cached)
{
    const char *name = function_names[function];
    const int64_t live = sterna_mem_live();
    uint32_t failures = 0;
    for (uint32_t n = 1;; n += n < 40 ? 1 : 37) {
        sterna_result result;
        sterna_fault fault = {0};
        memset(fake->calls, 0, sizeof fake->calls);
        fake->fail = function;
        fake->fail_at = n;
        fake->code = code;
        sterna_status status = whole_run("", &result, &fault);
        fake->fail = -1;
        bool right = fake->live == 0 && sterna_mem_live() == live;
        if (fake->calls[function] >= n)
            right &= status == fault.status && (status == STERNA_OK) == (fault.text[0] == 0) &&
                     (status != STERNA_OK || may_fail(function, cached)) && status != STERNA_INTERNAL &&
                     status != STERNA_USAGE;
        if (!EXPECT(t, right))
            sterna_test_note(t, "%s, call %u gives %d: status %d, '%s', %d objects and %d blocks left", name,
                             n, code, (int)status, fault.text, fake->live, (int)(sterna_mem_live() - live));
        if (fake->calls[function] < n || !right) return failures; /* all calls have failed once */
        failures += status != STERNA_OK;
    }
}

static void every_function(sterna_test *t, bool cached)
{
    static const cl_int codes[] = {CL_OUT_OF_HOST_MEMORY, CL_SUCCESS, -9999};
    fake_opencl *fake = load_fake(t);
    sterna_result result;
    sterna_fault fault = {0};
    uint32_t failures = 0;
    CHECK(t, fake != NULL);
    setenv("STERNA_CACHE", cached ? sterna_test_folder(t) : "off", 1);
    for (int f = 0; f < FAKE_FUNCTIONS; f++)
        for (size_t c = 0; c < STERNA_COUNT(codes); c++) {
            bool gives_object = strncmp(function_names[f], "clCreate", 8) == 0;
            if (codes[c] != CL_SUCCESS || gives_object) failures += every_call(t, fake, f, codes[c], cached);
        }
    printf("%u failures\n", failures);
    CHECK(t, failures > 250);
    CHECK_MSG(t, whole_run("", &result, &fault) == STERNA_OK, "%s", fault.text);
}

static void every_function_at_every_call(sterna_test *t)
{
    every_function(t, false);
}

static void every_function_with_binaries(sterna_test *t)
{
    every_function(t, true);
}

/* Each request for host memory, and each call to the operating system, is refused in turn: an error or no difference. */
static void the_host_refuses(sterna_test *t)
{
    static const sterna_fault_kind kinds[] = {STERNA_FAULT_ALLOC, STERNA_FAULT_SYS};
    fake_opencl *fake = load_fake(t);
    sterna_result result;
    sterna_fault fault = {0};
    CHECK(t, fake != NULL);
    setenv("STERNA_CACHE", sterna_test_folder(t), 1);
    CHECK(t, whole_run("", &result, &fault) == STERNA_OK); /* the loader is loaded, binaries are kept */
    int64_t live = sterna_mem_live();
    for (uint32_t k = 0; k < 2; k++) {
        uint32_t failures = 0;
        for (uint64_t n = 1;; n++) {
            fault = (sterna_fault){0};
            sterna_fault_arm(kinds[k], n, false);
            sterna_status status = whole_run("", &result, &fault);
            uint64_t asked = sterna_fault_count(kinds[k]);
            sterna_fault_arm(kinds[k], 0, false);
            CHECK_MSG(t, fake->live == 0 && sterna_mem_live() == live,
                      "request %u: %d objects, %d blocks left", (unsigned)n, fake->live,
                      (int)(sterna_mem_live() - live));
            if (asked < n) break;
            CHECK_MSG(t, status == STERNA_OK || (status == STERNA_MEMORY && fault.text[0]),
                      "request %u: %d, '%s'", (unsigned)n, (int)status, fault.text);
            failures += status != STERNA_OK;
        }
        /* Files of the cache are all that the system is asked for: never a failure. */
        CHECK_MSG(t, kinds[k] == STERNA_FAULT_ALLOC ? failures > 10 : failures == 0, "%u failures", failures);
    }
}

/* A kernel that fails while it runs: the first wait says which, and later calls repeat it. */
static void kernels_that_fail(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    CHECK(t, fake != NULL);
    for (uint32_t n = 1; n <= 2 * TINY_NODES; n++) {
        char want[120];
        sterna_result result;
        sterna_fault fault = {0};
        uint32_t node = (n - 1) % TINY_NODES;
        fake->launches = 0;
        fake->bad_kernel = n;
        CHECK(t, whole_run("", &result, &fault) == STERNA_DEVICE);
        snprintf(want, sizeof want, "(node %u) failed: CL_OUT_OF_RESOURCES (-5); the device is lost", node);
        CHECK_MSG(t, strstr(fault.text, want), "%s", fault.text);
        CHECK_MSG(t, result.node == node && result.label == TINY_LABEL + node, "node %u", result.node);
        CHECK_MSG(t, fake->live == 0, "%d objects left", fake->live);
    }
}

/* Two submissions in flight when the device is lost: each wait tells its own part of it. */
static void kernels_that_fail_early(sterna_test *t)
{
#if STERNA_HOSTILE
    SKIP(t, "one submission is in flight at a time in this build");
#else
    fake_opencl *fake = load_fake(t);
    CHECK(t, fake != NULL);
    fake->bad_kernel = 2;
    tiny_plan p;
    sterna_fence first, second, third;
    sterna_result result = {.size = sizeof result};
    CHECK(t, tiny_make(&p, opencl_backend(), op_case_host(), "") == STERNA_OK);
    CHECK(t, tiny_submit(&p, 1, &first) == STERNA_OK && tiny_submit(&p, 1, &second) == STERNA_OK);
    CHECK(t, p.api->wait(p.device, second, 0, &result, &p.fault) == STERNA_DEVICE && result.node == 0);
    p.fault = (sterna_fault){0};
    CHECK(t, p.api->wait(p.device, first, 0, &result, &p.fault) == STERNA_DEVICE && result.node == 1);
    CHECK_MSG(t, strstr(p.fault.text, "opencl: kernel rmsnorm (node 1) failed"), "%s", p.fault.text);
    p.fault = (sterna_fault){0};
    CHECK(t, tiny_submit(&p, 1, &third) == STERNA_DEVICE && strstr(p.fault.text, "the device is lost"));
    uint32_t word;
    CHECK(t, p.api->buffer_read(p.device, p.y, 0, &word, 4, NULL) == STERNA_DEVICE);
    CHECK(t, p.api->buffer_write(p.device, p.y, 0, &word, 4, NULL) == STERNA_DEVICE);
    tiny_close(&p);
    CHECK_MSG(t, fake->live == 0, "%d objects left", fake->live);
#endif
}

/* A kernel that never ends: waits that are shorter than the watchdog can be taken up again. */
static void kernels_that_hang(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    tiny_plan p;
    sterna_fence fence;
    sterna_result result = {.size = sizeof result};
    CHECK(t, fake != NULL);
    fake->hung_kernel = 3;
    CHECK(t, tiny_make(&p, opencl_backend(), op_case_host(), "watchdog=300") == STERNA_OK);
    CHECK(t, tiny_submit(&p, 1, &fence) == STERNA_OK);
    double begin = sterna_sys_now();
    /* On a busy machine the first waits may end before the kernel is reached. */
    for (uint32_t tries = 0; tries < 10 && !strstr(p.fault.text, "(node 2)"); tries++) {
        p.fault = (sterna_fault){0};
        CHECK(t, p.api->wait(p.device, fence, 20, &result, &p.fault) == STERNA_TIMEOUT);
    }
    CHECK_MSG(t, strstr(p.fault.text, "opencl: kernel quant_token (node 2) still runs after 20 ms"), "%s",
              p.fault.text);
    p.fault = (sterna_fault){0};
    CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_DEVICE && result.node == 2);
    CHECK_MSG(
        t,
        strstr(
            p.fault.text,
            "opencl: kernel quant_token (node 2) did not end within 300 ms (watchdog); the device is lost"),
        "%s", p.fault.text);
    double took = sterna_sys_now() - begin;
    CHECK_MSG(t, took > 0.29 && took < 5, "%g s", took);
    int left = fake->live;
    uint32_t released = fake->calls[FAKE_clReleaseMemObject];
    tiny_close(&p);
    /* A release could wait for ever. */
    CHECK(t, fake->live == left && left > 0 && fake->calls[FAKE_clReleaseMemObject] == released);
    /* Copies wait under the watchdog, too. */
    for (uint32_t write = 0; write < 2; write++) {
        fake->launches = 0;
        fake->hung_kernel = 1;
        CHECK(t, tiny_make(&p, opencl_backend(), op_case_host(), "watchdog=50") == STERNA_OK);
        CHECK(t, tiny_submit(&p, 1, &fence) == STERNA_OK);
        CHECK(t, (write ? p.api->buffer_write(p.device, p.y, 0, &released, 4, &p.fault)
                        : p.api->buffer_read(p.device, p.y, 0, &released, 4, &p.fault)) == STERNA_DEVICE);
        CHECK_MSG(t, strstr(p.fault.text, "kernel embed_f16 (node 0) did not end"), "%s", p.fault.text);
        tiny_close(&p);
    }
}

/* More commands than there is room for at first, of which some are always under way: none is lost, none is seen twice. */
static void long_queues(sterna_test *t)
{
    enum { SUBMISSIONS = 300 };
    static sterna_fence fences[SUBMISSIONS];
    fake_opencl *fake = load_fake(t);
    tiny_plan p;
    CHECK(t, fake != NULL);
    CHECK(t, tiny_make(&p, opencl_backend(), op_case_host(), "") == STERNA_OK);
    for (uint32_t i = 0; i < SUBMISSIONS; i++)
        CHECK_MSG(t, tiny_submit(&p, 1, &fences[i]) == STERNA_OK, "%u: %s", i, p.fault.text);
    for (uint32_t i = 0; i < SUBMISSIONS; i++)
        CHECK_MSG(t, p.api->wait(p.device, fences[i], 0, NULL, &p.fault) == STERNA_OK, "%u: %s", i,
                  p.fault.text);
    tiny_close(&p);
    CHECK_MSG(t, fake->live == 0, "%d objects left", fake->live);
}

/* The watchdog is about one command that does not get on, not about how long a queue of them takes. */
static void slow_is_not_hung(sterna_test *t)
{
    enum { SUBMISSIONS = 3 };
    fake_opencl *fake = load_fake(t);
    tiny_plan p;
    sterna_fence fences[SUBMISSIONS];
    CHECK(t, fake != NULL);
    CHECK(t, tiny_make(&p, opencl_backend(), op_case_host(), "watchdog=150") == STERNA_OK);
    fake->polls = 20; /* a millisecond each */
    double begin = sterna_sys_now();
    for (uint32_t i = 0; i < SUBMISSIONS; i++) CHECK(t, tiny_submit(&p, 1, &fences[i]) == STERNA_OK);
    for (uint32_t i = SUBMISSIONS; i-- > 0;)
        CHECK_MSG(t, p.api->wait(p.device, fences[i], 0, NULL, &p.fault) == STERNA_OK, "%s", p.fault.text);
    double took = sterna_sys_now() - begin;
    CHECK_MSG(t, took > 0.15, "%g s", took);
    fake->polls = 0;
    tiny_close(&p);
}

static void a_text_that_does_not_compile(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    sterna_result result;
    sterna_fault fault = {0};
    CHECK(t, fake != NULL);
    setenv("STERNA_CACHE", "off", 1);
    fake->fail = FAKE_clBuildProgram;
    fake->fail_at = 2;
    fake->code = CL_BUILD_PROGRAM_FAILURE;
    CHECK(t, whole_run("", &result, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t,
              strcmp(fault.text,
                     "opencl: kernel rmsnorm: 0 does not compile it (-cl-std=CL1.2): no such word | "
                     "in line 2: CL_BUILD_PROGRAM_FAILURE (-11)") == 0,
              "%s", fault.text);
}

#define DOT_WORD      "dot_4x8packed"
#define SUBGROUP_WORD "sub_group_reduce"
#define TILE_ROW      "sterna_matmul_ternary_tq2_0_tile_dot"

static void announce_both(fake_opencl *fake)
{
    fake->device_version = "OpenCL 3.0 fake";
    fake->extensions = "cl_khr_integer_dot_product cl_khr_subgroups cl_intel_required_subgroup_size";
}

/* What the compiler refuses of what the device announces is not used, and said. */
static void refused_features(sterna_test *t)
{
    static const struct {
        const char *words[2], *lacks; /* after "announces "; NULL: nothing */
        uint32_t subgroup, programs;  /* compiled when the device is opened */
    } rows[] = {
        {{NULL, NULL}, NULL, 16, 1},
        {{DOT_WORD, ""}, "int8 dot products", 16, 3},
        {{SUBGROUP_WORD, ""}, "subgroups", 1, 3},
        {{"-cl-std=CL3.0", ""}, "int8 dot products and subgroups", 1, 3},
        {{DOT_WORD, SUBGROUP_WORD}, "subgroups", 1, 3},
    };
    fake_opencl *fake = load_fake(t);
    CHECK(t, fake != NULL);
    setenv("STERNA_CACHE", "off", 1);
    announce_both(fake);
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        char wanted[160] = "";
        sterna_device_info info = {.size = sizeof info};
        sterna_result result;
        sterna_fault fault = {0};
        memcpy(fake->refused, rows[i].words, sizeof fake->refused);
        memset(fake->calls, 0, sizeof fake->calls);
        sterna_open_device d = {.api = opencl_backend(), .device = op_case_open(t, opencl_backend(), "")};
        CHECK(t, d.device && d.api->info(d.device, &info) == STERNA_OK);
        d.info = info;
        if (rows[i].lacks)
            snprintf(wanted, sizeof wanted, "announces %s, which its compiler refuses: not used",
                     rows[i].lacks);
        CHECK_MSG(t, info.usable && strcmp(info.why, wanted) == 0, "row %zu: '%s'", i, info.why);
        CHECK_MSG(t, info.subgroup == rows[i].subgroup, "row %zu: %u", i, info.subgroup);
        CHECK_MSG(t, fake->calls[FAKE_clBuildProgram] == rows[i].programs, "row %zu: %u programs", i,
                  fake->calls[FAKE_clBuildProgram]);
        sterna_status status = sterna_strict_device(&d, STERNA_PROFILE_EXACT, &fault);
        CHECK_MSG(t, (status == STERNA_POLICY) == (rows[i].lacks != NULL) && strstr(fault.text, wanted),
                  "row %zu: %s", i, fault.text);
        d.api->close(d.device);
        fault = (sterna_fault){0};
        CHECK_MSG(t, whole_run("", &result, &fault) == STERNA_OK && fake->live == 0, "row %zu: %s", i,
                  fault.text);
    }
}

/* Without memory for a kernel that is tried, the device is not taken for one that lacks the feature. */
static void trying_fails(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    sterna_device *device = NULL;
    sterna_fault fault = {0};
    const sterna_open_params params = {.size = sizeof params};
    CHECK(t, fake != NULL);
    setenv("STERNA_CACHE", "off", 1);
    announce_both(fake);
    fake->refused[0] = DOT_WORD;
    fake->refused[1] = "";
    fake->fail = FAKE_clBuildProgram;
    fake->code = CL_OUT_OF_HOST_MEMORY;
    for (fake->fail_at = 1; fake->fail_at <= 3; fake->fail_at++) {
        memset(fake->calls, 0, sizeof fake->calls);
        fault = (sterna_fault){0};
        CHECK(t, opencl_backend()->open(op_case_host(), &params, &device, &fault) == STERNA_MEMORY);
        CHECK_MSG(t, strstr(fault.text, "CL_OUT_OF_HOST_MEMORY") && fake->live == 0 && !device, "%s",
                  fault.text);
    }
}

/* One kernel of a feature whose others compile: the plan's error says how to do without, and that works. */
static void one_row_refused(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    sterna_result result;
    sterna_fault fault = {0};
    CHECK(t, fake != NULL);
    setenv("STERNA_CACHE", "off", 1);
    announce_both(fake);
    fake->refused[0] = TILE_ROW;
    fake->refused[1] = "";
    CHECK(t, whole_run("", &result, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t,
              strstr(fault.text, "kernel matmul_ternary_tq2_0_tile_dot: 0 does not compile it") &&
                  strstr(fault.text, "; the key features=2 does without it"),
              "%s", fault.text);
    CHECK_MSG(t, whole_run("features=2", &result, &fault) == STERNA_OK, "%s", fault.text);
}

/* Asked through a child process, which opens the device in place of this one: strict mode is told the same. */
static void a_child_tells_what_is_refused(sterna_test *t)
{
    sterna_open_device d = {0};
    sterna_fault fault = {0};
    const sterna_device_request request = {.spec = "opencl", .params = {.size = sizeof request.params}};
    setenv("STERNA_OPENCL_LIBRARY", STERNA_BINARY_DIR "/plugins/fake_opencl.so", 1);
    setenv("STERNA_CACHE", "off", 1);
    setenv("FAKE_OPENCL_REFUSES", SUBGROUP_WORD, 1);
    CHECK_MSG(t, sterna_device_survey(&request, true, &d, &fault) == STERNA_POLICY, "%s", fault.text);
    CHECK_MSG(t,
              strcmp(fault.text,
                     "--strict: the device opencl:0 announces subgroups, which its compiler refuses: "
                     "not used") == 0,
              "%s", fault.text);
    unsetenv("FAKE_OPENCL_REFUSES");
}

/* Binaries that the driver made and does not take back are compiled anew. */
static void refused_binaries(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    sterna_result result;
    sterna_fault fault = {0};
    CHECK(t, fake != NULL);
    setenv("STERNA_CACHE", sterna_test_folder(t), 1);
    for (uint32_t run = 0; run < 3; run++) {
        memset(fake->calls, 0, sizeof fake->calls);
        fake->refuses_binaries = run == 2;
        CHECK_MSG(t, whole_run("", &result, &fault) == STERNA_OK, "%s", fault.text);
        uint32_t compiled = fake->calls[FAKE_clCreateProgramWithSource];
        CHECK_MSG(t, (compiled == 0) == (run == 1), "run %u: %u texts", run, compiled);
    }
    /* Of another driver, or another version of one, they are not even offered. */
    for (uint32_t run = 0; run < 4; run++) {
        memset(fake->calls, 0, sizeof fake->calls);
        fake->refuses_binaries = false;
        fake->driver_version = run == 1 ? "7.2" : "7.1";
        fake->device_version = run == 2 ? "OpenCL 1.2 fake, patched" : "OpenCL 1.2 fake";
        fake->platform_name = run == 3 ? "Another platform" : "Fake platform";
        CHECK_MSG(t, whole_run("", &result, &fault) == STERNA_OK, "%s", fault.text);
        CHECK_MSG(t, (fake->calls[FAKE_clCreateProgramWithBinary] > 0) == (run == 0), "run %u", run);
    }
}

/* Texts are OpenCL C 1.2, but for rows with words beyond it, which are built as what the device is. */
static void standards(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    sterna_result result;
    sterna_fault fault = {0};
    CHECK(t, fake != NULL);
    setenv("STERNA_CACHE", "off", 1);
    fake->device_version = "OpenCL 3.0 fake";
    fake->extensions = "cl_khr_integer_dot_product cl_khr_subgroups";
    CHECK_MSG(t, whole_run("", &result, &fault) == STERNA_OK, "%s", fault.text);
    CHECK_MSG(t, fake->standards[3] == 2 && fake->standards[1] == 4, "%u as 3.0, %u as 1.2",
              fake->standards[3], fake->standards[1]);
    CHECK(t, whole_run("features=0", &result, &fault) == STERNA_OK);
    CHECK_MSG(t, fake->standards[3] == 2 && fake->standards[1] == 10, "%u as 3.0, %u as 1.2",
              fake->standards[3], fake->standards[1]);
}

/* A kernel that the device runs in smaller groups only, or that shares more than there is, is an error of the plan. */
static void kernels_that_do_not_fit(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    CHECK(t, fake != NULL);
    for (uint32_t i = 0; i < 2; i++) {
        sterna_result result;
        sterna_fault fault = {0};
        fake->kernel_items = i == 0 ? 16 : 1024;
        fake->kernel_bytes = i == 1 ? 32769 : 4096;
        CHECK(t, whole_run("", &result, &fault) == STERNA_UNSUPPORTED);
        CHECK_MSG(t,
                  strstr(fault.text,
                         i == 0 ? "allows it 16 and 32768" : "32769 bytes they share; 0 allows it 1024"),
                  "%s", fault.text);
        CHECK(t, fake->live == 0);
    }
}

/* What a device says of itself, one number at a time, and what follows from it. */
static void numbers(sterna_test *t)
{
    static const struct {
        cl_device_info number;
        uint64_t value;
        const char *why; /* NULL: usable */
        uint32_t kind, alignment, items, features;
    } rows[] = {
        {0, 0, NULL, STERNA_KIND_DISCRETE, 128, 256, 3},
        {CL_DEVICE_HOST_UNIFIED_MEMORY, 1, NULL, STERNA_KIND_INTEGRATED, 128, 256, 3},
        {CL_DEVICE_TYPE, 2, NULL, STERNA_KIND_EMULATED, 128, 256, 3},
        {CL_DEVICE_TYPE, 8, NULL, STERNA_KIND_ACCELERATOR, 128, 256, 3},
        {CL_DEVICE_COMPILER_AVAILABLE, 0, "its driver has no compiler", STERNA_KIND_DISCRETE, 128, 256, 3},
        {CL_DEVICE_ENDIAN_LITTLE, 0, "it is big-endian", STERNA_KIND_DISCRETE, 128, 256, 3},
        {CL_DEVICE_MAX_WORK_GROUP_SIZE, 63, "its groups have fewer than 64 work items", STERNA_KIND_DISCRETE,
         128, 63, 3},
        {CL_DEVICE_MAX_WORK_GROUP_SIZE, 64, NULL, STERNA_KIND_DISCRETE, 128, 64, 3},
        {CL_DEVICE_MEM_BASE_ADDR_ALIGN, 8 * 4096, NULL, STERNA_KIND_DISCRETE, 4096, 256, 3},
        {CL_DEVICE_MEM_BASE_ADDR_ALIGN, 8 * 8192, NULL, STERNA_KIND_DISCRETE, 128, 256, 3},
        {CL_DEVICE_MEM_BASE_ADDR_ALIGN, 8 * 96, NULL, STERNA_KIND_DISCRETE, 128, 256, 3},
        {CL_DEVICE_MEM_BASE_ADDR_ALIGN, 8, NULL, STERNA_KIND_DISCRETE, 128, 256, 3},
        {CL_DEVICE_MAX_NUM_SUB_GROUPS, 0, NULL, STERNA_KIND_DISCRETE, 128, 256, STERNA_GPU_INT_DOT},
        {CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR, 2, NULL, STERNA_KIND_DISCRETE, 128, 256,
         STERNA_GPU_SUBGROUPS},
    };
    fake_opencl *fake = load_fake(t);
    opencl_list list;
    const opencl_api *cl;
    CHECK(t, fake != NULL && sterna_opencl_load(&cl, NULL) == STERNA_OK);
    fake->device_version = "OpenCL 3.0 fake";
    fake->extensions = "cl_khr_integer_dot_product cl_khr_subgroups";
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        fake->number = rows[i].number;
        fake->number_value = rows[i].value;
        fake->types[0] = rows[i].number == CL_DEVICE_TYPE ? rows[i].value : 0;
        fake->unified[0] = rows[i].number == CL_DEVICE_HOST_UNIFIED_MEMORY;
        CHECK(t, sterna_opencl_list(cl, &list, NULL) == STERNA_OK && list.count == 1);
        const opencl_device *d = &list.devices[0];
        CHECK_MSG(t, strcmp(d->why, rows[i].why ? rows[i].why : "") == 0, "row %u: '%s'", (unsigned)i,
                  d->why);
        CHECK_MSG(t,
                  d->limits.kind == rows[i].kind && d->limits.alignment == rows[i].alignment &&
                      d->limits.max_group_items == rows[i].items && d->limits.features == rows[i].features,
                  "row %u: kind %u, alignment %u, %u items, features %u", (unsigned)i, d->limits.kind,
                  d->limits.alignment, d->limits.max_group_items, d->limits.features);
    }
    /* Items along X may be fewer than a group's. */
    fake->number = CL_DEVICE_MAX_MEM_ALLOC_SIZE;
    fake->number_value = 64ull << 30;
    CHECK(t, sterna_opencl_list(cl, &list, NULL) == STERNA_OK &&
                 list.devices[0].limits.max_binding_bytes == 64ull << 30);
    /* More than a kernel's word indices reach is not asked of the driver. */
    sterna_fault fault = {0};
    sterna_gpu_memory memory;
    sterna_gpu_limits limits;
    void *gpu = NULL;
    CHECK(t, sterna_opencl_driver.open(op_case_host(), "max_binding=8k,memory=1m,max_groups=7,features=1",
                                       &gpu, &limits, &fault) == STERNA_OK);
    CHECK(t, limits.max_binding_bytes == 8192 && limits.memory_bytes == 1 << 20 && limits.max_groups == 7 &&
                 limits.features == STERNA_GPU_INT_DOT);
    sterna_opencl_driver.close(gpu);
    CHECK(t, sterna_opencl_driver.open(op_case_host(), "", &gpu, &limits, &fault) == STERNA_OK);
    CHECK(t, sterna_opencl_driver.alloc(gpu, (16ull << 30) + 4096, &memory, &fault) == STERNA_MEMORY);
    CHECK_MSG(t, strstr(fault.text, "one allocation has at most 17179869184 bytes"), "%s", fault.text);
    sterna_opencl_driver.close(gpu);
    fake->number = 0;
    /* More devices than the list holds. */
    fake->devices = OPENCL_MAX_DEVICES + 5;
    CHECK(t, sterna_opencl_list(cl, &list, NULL) == STERNA_OK && list.count == OPENCL_MAX_DEVICES);
}

/* What devices say of themselves: features, limits, names, and why one is not used. */
static void descriptions(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    const sterna_backend_api *api = opencl_backend();
    sterna_device_info info = {.size = sizeof info};
    CHECK(t, fake != NULL && api->device_count() == 1 && api->device_info(0, &info) == STERNA_OK);
    CHECK(t, info.usable && strcmp(info.variant, "0") == 0 && info.kind == STERNA_KIND_DISCRETE);
    CHECK_MSG(t,
              strcmp(info.description, "Fake device") == 0 &&
                  strcmp(info.driver, "Fake platform, OpenCL 1.2, 7.1") == 0,
              "%s; %s", info.description, info.driver);
    CHECK(t, info.buffer_alignment == 128 && info.max_binding_bytes == 65536 && info.subgroup == 1);
    CHECK(t, api->device_info(1, &info) == STERNA_USAGE);

    fake->platform_name = "Intel(R) OpenCL";
    fake->device_version = "OpenCL 3.0 fake";
    fake->extensions = "cl_khr_integer_dot_product cl_khr_subgroups_x cl_intel_required_subgroup_size";
    opencl_list list;
    const opencl_api *cl;
    CHECK(t, sterna_opencl_load(&cl, NULL) == STERNA_OK && sterna_opencl_list(cl, &list, NULL) == STERNA_OK);
    CHECK(t, list.devices[0].limits.features == STERNA_GPU_INT_DOT && list.devices[0].limits.subgroup == 1);
    CHECK(t, strcmp(list.devices[0].name, "intel") == 0 && strcmp(list.devices[0].standard, "CL3.0") == 0);
    fake->extensions = "cl_khr_subgroups cl_intel_required_subgroup_size";
    CHECK(t, sterna_opencl_list(cl, &list, NULL) == STERNA_OK);
    CHECK(t,
          list.devices[0].limits.features == STERNA_GPU_SUBGROUPS && list.devices[0].limits.subgroup == 16);
    CHECK(t, list.devices[0].limits.max_group_items == 256);
    /* Words beyond 1.2 are not asked of a device of that version. */
    fake->device_version = "OpenCL 1.2 fake";
    CHECK(t, sterna_opencl_list(cl, &list, NULL) == STERNA_OK && list.devices[0].limits.features == 0);

    fake->devices = 3;
    CHECK(t, api->device_count() == 3 && api->device_info(2, &info) == STERNA_OK);
    CHECK(t, strcmp(info.variant, "2") == 0);
    fake->devices = 0;
    CHECK(t, api->device_count() == 1 && api->device_info(0, &info) == STERNA_OK && !info.usable);
    CHECK_MSG(t, strstr(info.why, "offers no device: CL_DEVICE_NOT_FOUND (-1)"), "%s", info.why);
    fake->devices = 1;
    fake->device_version = "OpenCL 1.1 fake";
    CHECK(t, api->device_info(0, &info) == STERNA_OK && !info.usable);
    CHECK_MSG(t, strcmp(info.why, "it is older than OpenCL 1.2") == 0, "%s", info.why);
}

static void names(sterna_test *t)
{
    static const struct {
        uint32_t devices;
        const char *variant, *wanted; /* NULL: opens */
    } rows[] = {
        {1, "", NULL},
        {1, "0", NULL},
        {1, "pocl", NULL},
        {1, "portable", NULL},
        {1, "FAKE dev", NULL},
        {1, "pocl,watchdog=5k,max_binding=8k,memory=1m,max_groups=7", NULL},
        {1, "memory=1m", NULL},
        {3, "2", NULL},
        {1, "1",
         "opencl: no device is called '1'; there are: pocl (Portable Computing Language, Fake device)"},
        {1, "rtx", "opencl: no device is called 'rtx'; there are: pocl"},
        {3, "fake",
         "opencl: 3 devices are called 'fake'; there are: 0 (Portable Computing Language, Fake device); 1"},
        {3, "pocl", "opencl: no device is called 'pocl'"},
        {1, "pocl,speed=1",
         "opencl: unknown key 'speed'; there are max_binding, max_groups, memory, features, watchdog"},
        {1, "pocl,watchdog", "opencl: 'watchdog' is not key=value"},
        {1, "pocl,watchdog=0", "opencl: watchdog = '0' is not a number from 1 to 3600000 (milliseconds"},
        {1, "pocl,watchdog=3600001", "watchdog = '3600001' is not a number from 1 to 3600000"},
        {1, "pocl,watchdog=18014398509481985k",
         "is not a number from 1 to 3600000"}, /* 1k, were it to wrap */
        {1, "pocl,watchdog=1z", "watchdog = '1z' is not a number"},
        {1, "pocl,memory=99999999999999999999", "is not a number from 4096"},
    };
    fake_opencl *fake = load_fake(t);
    CHECK(t, fake != NULL);
    fake->platform_name = "Portable Computing Language";
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_device *device = NULL;
        sterna_fault fault = {0};
        const sterna_open_params params = {.size = sizeof params, .variant = rows[i].variant};
        fake->devices = rows[i].devices;
        sterna_status status = opencl_backend()->open(op_case_host(), &params, &device, &fault);
        if (device) opencl_backend()->close(device);
        if (rows[i].wanted)
            CHECK_MSG(t, status != STERNA_OK && strstr(fault.text, rows[i].wanted), "'%s': %s",
                      rows[i].variant, fault.text);
        else
            CHECK_MSG(t, status == STERNA_OK, "'%s': %s", rows[i].variant, fault.text);
    }
}

/* The default device is the first that can be used; one that cannot be is opened by no name. */
static void the_default_device(sterna_test *t)
{
    fake_opencl *fake = load_fake(t);
    sterna_device_info info = {.size = sizeof info};
    sterna_device *device = NULL;
    sterna_fault fault = {0};
    const sterna_open_params zero = {.size = sizeof zero, .variant = "0"}, any = {.size = sizeof any};
    CHECK(t, fake != NULL);
    fake->devices = 3;
    fake->unavailable = 2;
    CHECK(t, opencl_backend()->open(op_case_host(), &zero, &device, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strcmp(fault.text, "opencl: device 0 cannot be used: its driver calls it unavailable") == 0,
              "%s", fault.text);
    CHECK(t, opencl_backend()->open(op_case_host(), &any, &device, &fault) == STERNA_OK);
    CHECK(t, opencl_backend()->info(device, &info) == STERNA_OK && strcmp(info.variant, "2") == 0);
    opencl_backend()->close(device);
    fake->unavailable = 3;
    fault = (sterna_fault){0};
    CHECK(t, opencl_backend()->open(op_case_host(), &any, &device, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(
        t, strstr(fault.text, "opencl: no device can be used; there are: 0 (Fake platform, Fake device); 1"),
        "%s", fault.text);
}

/* A GPU rather than a processor, whatever the order of platforms is; of a kind the first. */
static void a_gpu_before_a_processor(sterna_test *t)
{
    enum { CPU = CL_DEVICE_TYPE_CPU, GPU = CL_DEVICE_TYPE_GPU, OTHER = 8 };
    static const struct {
        uint64_t types[4];
        bool unified[4];
        const char *wanted;
    } rows[] = {
        {{CPU, GPU, GPU}, {true, true, false}, "2"},  {{CPU, OTHER, GPU}, {true, false, true}, "2"},
        {{GPU, GPU, CPU}, {false, false, true}, "0"}, {{CPU, OTHER, CPU}, {true, true, true}, "1"},
        {{CPU, CPU, CPU}, {true, true, true}, "0"},
    };
    fake_opencl *fake = load_fake(t);
    CHECK(t, fake != NULL);
    fake->devices = 3;
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_device_info info = {.size = sizeof info};
        memcpy(fake->types, rows[i].types, sizeof fake->types);
        memcpy(fake->unified, rows[i].unified, sizeof fake->unified);
        sterna_device *device = op_case_open(t, opencl_backend(), "");
        CHECK(t, device && opencl_backend()->info(device, &info) == STERNA_OK);
        opencl_backend()->close(device);
        CHECK_MSG(t, strcmp(info.variant, rows[i].wanted) == 0, "row %u: %s", (unsigned)i, info.variant);
    }
}

/* Memory: refused by the setting, by the device's largest block, and by the driver. */
static void memory_is_refused(sterna_test *t)
{
    static const struct {
        const char *variant;
        uint64_t bytes;
        uint32_t count;
        const char *wanted;
    } rows[] = {
        {"memory=12k", 4096, 4, "opencl: 12288 of 12288 bytes are in use (memory=)"},
        {"", 65537, 1, "opencl: one allocation has at most 65536 bytes on this device"},
        {"", 65536, 65, "the driver refused 65536 bytes: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4)"},
    };
    fake_opencl *fake = load_fake(t);
    CHECK(t, fake != NULL);
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_device *device = op_case_open(t, opencl_backend(), rows[i].variant);
        sterna_buffer *buffer = NULL;
        sterna_fault fault = {0};
        CHECK(t, device != NULL);
        for (uint32_t n = 1; n < rows[i].count; n++)
            CHECK(t, opencl_backend()->buffer_create(device, rows[i].bytes, &buffer, &fault) == STERNA_OK);
        CHECK(t, opencl_backend()->buffer_create(device, rows[i].bytes, &buffer, &fault) == STERNA_MEMORY);
        CHECK_MSG(t, strstr(fault.text, rows[i].wanted), "%s", fault.text);
        /* What is freed can be had again. */
        if (rows[i].count > 1) opencl_backend()->buffer_destroy(device, buffer);
        CHECK(t, rows[i].count == 1 ||
                     opencl_backend()->buffer_create(device, rows[i].bytes, &buffer, &fault) == STERNA_OK);
        opencl_backend()->close(device);
        CHECK(t, fake->live == 0);
    }
}

/* No loader, or one that is too old: said by the device list, and by opening. */
static void no_loader(sterna_test *t)
{
    static const char *const libraries[] = {"/nonexistent/libOpenCL.so.1",
                                            STERNA_BINARY_DIR "/plugins/sound.so"};
    static const char *const wanted[] = {"install an OpenCL loader", "has no clGetPlatformIDs"};
    for (size_t i = 0; i < 2; i++) {
        sterna_device_info info = {.size = sizeof info};
        sterna_device *device = NULL;
        sterna_fault fault = {0};
        const sterna_open_params params = {.size = sizeof params, .variant = ""};
        setenv("STERNA_OPENCL_LIBRARY", libraries[i], 1);
        CHECK(t, opencl_backend()->device_count() == 1);
        CHECK(t, opencl_backend()->device_info(0, &info) == STERNA_OK && !info.usable);
        CHECK(t, opencl_backend()->open(op_case_host(), &params, &device, &fault) == STERNA_UNSUPPORTED);
        CHECK_MSG(t, strstr(fault.text, wanted[i]) && !device, "%s", fault.text);
        CHECK_MSG(t, strncmp(info.why, fault.text, 100) == 0, "%s", info.why);
    }
}

/* The manual's table of keys is that of opencl_keys.def. */
static void keys_are_documented(sterna_test *t)
{
    static const char *const rows[] = {
#define OPENCL_KEY(name, low, high, preset, sentence) "| `" #name "` | ", " | " sentence " |\n",
#include "opencl/opencl_keys.def"
    };
    char page[20000] = "";
    sterna_mapping file = {0};
    sterna_fault fault = {0};
    CHECK_MSG(t,
              sterna_sys_read(sterna_test_repo(t, "docs/opencl.md"), sizeof page - 1, &file, &fault) ==
                  STERNA_OK,
              "%s", fault.text);
    memcpy(page, file.data, file.size);
    sterna_sys_unmap(&file);
    for (size_t i = 0; i < STERNA_COUNT(rows); i += 2) {
        const char *row = strstr(page, rows[i]), *end = row ? strchr(row, '\n') : NULL;
        CHECK_MSG(t, end, "docs/opencl.md has no row %s", rows[i]);
        size_t length = strlen(rows[i + 1]);
        CHECK_MSG(t, memcmp(end + 1 - length, rows[i + 1], length) == 0, "docs/opencl.md: %s wants%s",
                  rows[i], rows[i + 1]);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"every_function_at_every_call", every_function_at_every_call, 60},
    {"every_function_with_binaries", every_function_with_binaries, 60},
    {"the_host_refuses", the_host_refuses, 60},
    {"kernels_that_fail", kernels_that_fail, 0},
    {"kernels_that_fail_early", kernels_that_fail_early, 0},
    {"kernels_that_hang", kernels_that_hang, 0},
    {"long_queues", long_queues, 0},
    {"slow_is_not_hung", slow_is_not_hung, 0},
    {"standards", standards, 0},
    {"kernels_that_do_not_fit", kernels_that_do_not_fit, 0},
    {"numbers", numbers, 0},
    {"a_text_that_does_not_compile", a_text_that_does_not_compile, 0},
    {"refused_features", refused_features, 0},
    {"trying_fails", trying_fails, 0},
    {"one_row_refused", one_row_refused, 0},
    {"a_child_tells_what_is_refused", a_child_tells_what_is_refused, 60},
    {"refused_binaries", refused_binaries, 0},
    {"descriptions", descriptions, 0},
    {"names", names, 0},
    {"a_gpu_before_a_processor", a_gpu_before_a_processor, 0},
    {"the_default_device", the_default_device, 0},
    {"memory_is_refused", memory_is_refused, 0},
    {"no_loader", no_loader, 0},
    {"keys_are_documented", keys_are_documented, 0},
    {0},
};
