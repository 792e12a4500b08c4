/* Every Vulkan call of a small run fails once, with each kind of failure; every function is absent once. The outcome is the
 * right bits or a sentence, without objects or memory left over. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "faulty/vulkan_faulty.h"
#include "gpu/tests/tiny_plan.h"
#include "vulkan/vulkan_loader.h"
#include "vulkan_test.h"
#include <string.h>

enum { MOST = TINY_ROWS * TINY_WIDTH };
#define LIBRARY "library=" STERNA_BINARY_DIR "/plugins/vulkan_faulty.so"

static const vulkan_faulty *faulty;
static void *library;

static bool load(sterna_test *t)
{
    sterna_fault fault = {0};
    sterna_status status = sterna_sys_dlopen(STERNA_BINARY_DIR "/plugins/vulkan_faulty.so", &library, &fault);
    if (status == STERNA_OK) faulty = sterna_sys_dlsym(library, VULKAN_FAULTY_TABLE);
    if (!EXPECT(t, status == STERNA_OK && faulty)) sterna_test_note(t, "%s", fault.text);
    return faulty != NULL;
}

/* Opens, makes, runs twice, closes. */
static sterna_status whole_run(const char *variant, float *out, sterna_fault *fault)
{
    tiny_plan p;
    sterna_status status =
        tiny_make(&p, sterna_backend_vulkan_entry(STERNA_ABI_VERSION), op_case_host(), variant);
    if (status == STERNA_OK) status = tiny_run(&p, 2, out, NULL);
    if (status == STERNA_OK) status = tiny_run(&p, TINY_ROWS, out, NULL);
    *fault = p.fault;
    tiny_close(&p);
    return status;
}

static bool right_bits(const float *out)
{
    static float want[MOST];
    static bool made;
    if (!made) made = tiny_reference(TINY_ROWS, want);
    return made && memcmp(out, want, sizeof want) == 0;
}

/* What a run may do without. Without memory for a block, a smaller allocation does. */
static bool is_dispensable(const char *call, int32_t result)
{
    static const struct {
        const char *name;
        bool is_memory;
    } rows[] = {{"vkCreatePipelineCache", false},
                {"vkGetPipelineCacheData", false},
                {"vkGetSemaphoreCounterValue", false},
                {"vkCreateBuffer", true},
                {"vkAllocateMemory", true},
                {"vkBindBufferMemory", true},
                {"vkMapMemory", true}};
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++)
        if (strcmp(rows[i].name, call) == 0)
            return !rows[i].is_memory || result == VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return false;
}

static void sweep(sterna_test *t, const char *variant, int32_t result)
{
    static float out[MOST];
    SKIP_WITHOUT_VULKAN(t);
    if (!load(t)) return;
    /* One device stays open, so that the driver is loaded once. */
    sterna_device *keeper = op_case_open(t, sterna_backend_vulkan_entry(STERNA_ABI_VERSION), "");
    CHECK(t, keeper != NULL && right_bits(out) == false);
    int64_t memory = sterna_mem_live();
    for (uint32_t n = 1; n < 2000; n++) {
        sterna_fault fault = {0};
        memset(out, 0, sizeof out);
        faulty->arm(n, result);
        sterna_status status = whole_run(variant, out, &fault);
        const char *call = faulty->failed();
        CHECK_MSG(t, faulty->live() == 0, "call %u, %s: %d objects left", n, call, (int)faulty->live());
        CHECK_MSG(t, sterna_mem_live() == memory, "call %u, %s: host memory left", n, call);
        if (!call[0]) {
            CHECK_MSG(t, status == STERNA_OK && right_bits(out) && n > 60, "%u calls: %s", n, fault.text);
            break;
        }
        if (status == STERNA_OK)
            CHECK_MSG(t, is_dispensable(call, result) && right_bits(out), "call %u, %s: nothing noticed", n,
                      call);
        else
            CHECK_MSG(t, strstr(fault.text, call) && strstr(fault.text, "vulkan: "), "call %u, %s: %s", n,
                      call, fault.text);
    }
    sterna_backend_vulkan_entry(STERNA_ABI_VERSION)->close(keeper);
    sterna_sys_dlclose(library);
}

static void memory_refused(sterna_test *t)
{
    sweep(t, LIBRARY, VK_ERROR_OUT_OF_DEVICE_MEMORY);
}

static void device_lost(sterna_test *t)
{
    sweep(t, LIBRARY ",staging=1", VK_ERROR_DEVICE_LOST);
}

/* A function that the driver lacks is named, whichever it is. */
static void functions_absent(sterna_test *t)
{
    static const char *const names[] = {
#define GLOBAL(name)   #name,
#define INSTANCE(name) #name,
#define DEVICE(name)   #name,
#include "vulkan/vulkan_functions.def"
    };
    SKIP_WITHOUT_VULKAN(t);
    if (!load(t)) return;
    sterna_device *keeper = op_case_open(t, sterna_backend_vulkan_entry(STERNA_ABI_VERSION), "");
    CHECK(t, keeper != NULL);
    for (uint32_t i = 0; i < STERNA_COUNT(names); i++) {
        static float out[MOST];
        sterna_fault fault = {0};
        int64_t objects = faulty->live();
        faulty->arm(0, 0);
        faulty->hide(names[i]);
        sterna_status status = whole_run(LIBRARY, out, &fault);
        faulty->hide("");
        CHECK_MSG(t, status == STERNA_UNSUPPORTED && strstr(fault.text, names[i]), "%s: %s", names[i],
                  fault.text);
        /* Without vkDestroyInstance or vkDestroyDevice nothing can be given back. */
        if (!strstr(names[i], "vkDestroy"))
            CHECK_MSG(t, faulty->live() == objects, "%s: objects left", names[i]);
    }
    sterna_backend_vulkan_entry(STERNA_ABI_VERSION)->close(keeper);
    sterna_sys_dlclose(library);
}

/* Success, and nothing made: pipelines and mappings are looked at before they are used. */
static void success_without_effect(sterna_test *t)
{
    static float out[MOST];
    SKIP_WITHOUT_VULKAN(t);
    if (!load(t)) return;
    uint32_t seen = 0;
    static const char *const names[] = {"vkCreateComputePipelines", "vkMapMemory"};
    for (uint32_t i = 0; i < STERNA_COUNT(names); i++) {
        /* Which call that is: failures tell. */
        for (uint32_t n = 1; n < 200; n++) {
            sterna_fault fault = {0};
            faulty->arm(n, VK_ERROR_OUT_OF_HOST_MEMORY);
            whole_run(LIBRARY, out, &fault);
            if (strcmp(faulty->failed(), names[i]) != 0) continue;
            fault = (sterna_fault){0};
            faulty->arm(n, VK_SUCCESS);
            sterna_status status = whole_run(LIBRARY, out, &fault);
            CHECK_MSG(t, (status == STERNA_DEVICE || status == STERNA_MEMORY) && strstr(fault.text, names[i]),
                      "%s: %s", names[i], fault.text);
            CHECK(t, faulty->live() == 0);
            seen++;
            break;
        }
    }
    CHECK(t, seen == STERNA_COUNT(names));
    sterna_sys_dlclose(library);
}

/* A driver that has not all of Vulkan (MoltenVK's, for one) is used as the others are. */
static void a_subset_of_vulkan(sterna_test *t)
{
    static float out[MOST];
    SKIP_WITHOUT_VULKAN(t);
    if (!load(t)) return;
    for (int on = 0; on < 2; on++) {
        sterna_fault fault = {0};
        faulty->arm(0, 0);
        faulty->subset(on);
        memset(out, 0, sizeof out);
        sterna_status status = whole_run(LIBRARY, out, &fault);
        CHECK_MSG(t, status == STERNA_OK && right_bits(out), "%s", fault.text);
    }
    faulty->subset(0);
    CHECK(t, faulty->live() == 0);
    sterna_sys_dlclose(library);
}

/* The pipelines that are tried when a device is opened: one that the driver refuses costs a feature, not the run. */
static void refused_features(sterna_test *t)
{
    static const int32_t results[] = {VK_ERROR_INVALID_SHADER_NV, VK_ERROR_UNKNOWN,
                                      VK_ERROR_INITIALIZATION_FAILED, -12345};
    static float out[MOST];
    SKIP_WITHOUT_VULKAN(t);
    if (!load(t)) return;
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    const sterna_open_params params = {.size = sizeof params, .variant = LIBRARY};
    uint32_t compiled = 0;
    for (uint32_t n = 1; n < 400; n++) {
        const int32_t result = results[n % STERNA_COUNT(results)];
        sterna_device *device = NULL;
        sterna_device_info info = {.size = sizeof info};
        sterna_fault fault = {0};
        faulty->arm(n, result);
        sterna_status status = api->open(op_case_host(), &params, &device, &fault);
        if (!faulty->failed()[0]) { /* nothing is left to fail in opening */
            CHECK(t, status == STERNA_OK);
            api->close(device);
            break;
        }
        const bool compiles = strcmp(faulty->failed(), "vkCreateComputePipelines") == 0 ||
                              strcmp(faulty->failed(), "vkCreateShaderModule") == 0;
        compiled += compiles;
        const bool is_tried = compiles && compiled > 2; /* the first two calls are for `add` */
        if (status == STERNA_OK) {
            CHECK(t, api->info(device, &info) == STERNA_OK && info.usable);
            CHECK_MSG(t, (strstr(info.why, "which its compiler refuses") != NULL) == is_tried,
                      "call %u: '%s'", n, info.why);
            api->close(device);
        }
        if (!is_tried) continue;
        CHECK_MSG(t, status == STERNA_OK, "%s", fault.text);
        faulty->arm(n, result);
        CHECK_MSG(t, whole_run(LIBRARY, out, &fault) == STERNA_OK && right_bits(out), "%s", fault.text);
        faulty->arm(n, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        CHECK(t, whole_run(LIBRARY, out, &fault) == STERNA_MEMORY);
        fault = (sterna_fault){0};
        faulty->arm(n, VK_ERROR_DEVICE_LOST);
        CHECK(t, whole_run(LIBRARY, out, &fault) == STERNA_DEVICE);
        CHECK(t, faulty->live() == 0);
    }
    CHECK_MSG(t, compiled == 4, "%u", compiled); /* lavapipe has features, and one module needs all of them */
    sterna_sys_dlclose(library);
}

/* The host's memory is refused, request by request. */
static void host_memory_refused(sterna_test *t)
{
    static float out[MOST];
    SKIP_WITHOUT_VULKAN(t);
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    sterna_device *keeper = op_case_open(t, api, "");
    CHECK(t, keeper != NULL && !right_bits(out));
    int64_t live = sterna_mem_live();
    for (uint64_t n = 1; n < 1000; n++) {
        sterna_fault fault = {0};
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = whole_run("staging=1", out, &fault);
        bool reached = sterna_fault_count(STERNA_FAULT_ALLOC) >= n;
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        CHECK(t, sterna_mem_live() == live);
        if (!reached) {
            CHECK_MSG(t, status == STERNA_OK && right_bits(out) && n > 20, "%s", fault.text);
            api->close(keeper);
            return;
        }
        CHECK_MSG(t, status == STERNA_MEMORY || (status == STERNA_OK && right_bits(out)),
                  "request %u: status %d, '%s'", (unsigned)n, (int)status, fault.text);
    }
    CHECK(t, false && "the run ends without a refusal");
}

const sterna_test_case sterna_test_cases[] = {
    {"memory_refused", memory_refused, 120},       {"device_lost", device_lost, 120},
    {"functions_absent", functions_absent, 60},    {"success_without_effect", success_without_effect, 60},
    {"refused_features", refused_features, 60},    {"host_memory_refused", host_memory_refused, 60},
    {"a_subset_of_vulkan", a_subset_of_vulkan, 0}, {0},
};
