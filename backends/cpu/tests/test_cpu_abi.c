/* The CPU backend as the ABI promises it: refusals, order, fences, time limits, threads, failing allocations.
 * Leaves to others: the bits of kernels (test_cpu_kernels.c). */
#include "base/fault_point.h"
#include "cpu/tests/cpu_rig.h"
#include <float.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static sterna_device *opened(sterna_test *t, const char *variant, uint32_t threads)
{
    sterna_open_params params = {.size = sizeof params, .variant = variant, .threads = threads};
    sterna_fault fault = {0};
    sterna_device *device = NULL;
    EXPECT(t, rig_api()->open(&rig_host, &params, &device, &fault) == STERNA_OK);
    return device;
}

static void lists_levels(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device_info info = {.size = sizeof info};
    bool scalar = false;
    CHECK(t, sterna_backend_cpu_entry(99) == NULL);
    for (uint32_t i = 0; i < api->device_count(); i++) {
        CHECK(t, api->device_info(i, &info) == STERNA_OK);
        CHECK(t, info.usable == (info.why[0] == 0));
        CHECK(t, !info.is_mock && info.threads >= 1);
        if (strcmp(info.variant, "scalar") == 0) scalar = info.usable;
    }
    CHECK(t, scalar);
    CHECK(t, api->device_info(api->device_count(), &info) == STERNA_USAGE);
}

static void finds_levels(sterna_test *t)
{
    sterna_cpu_level level = STERNA_LEVEL_COUNT;
    sterna_fault fault = {0};
    const uint32_t avx2 = STERNA_CPU_AVX2 | STERNA_CPU_F16C, wide = avx2 | STERNA_CPU_AVX512;
    CHECK(t, sterna_cpu_level_find("", 0, 0, &level, &fault) == STERNA_OK && level == STERNA_LEVEL_SCALAR);
    CHECK(t, sterna_cpu_level_find("", 0, avx2, &level, &fault) == STERNA_OK && level == STERNA_LEVEL_AVX2);
    CHECK(t, sterna_cpu_level_find("avx512", 6, wide, &level, &fault) == STERNA_OK);
    CHECK(t, level == STERNA_LEVEL_AVX512BW);
    CHECK(t, sterna_cpu_level_find("avx512", 6, wide | STERNA_CPU_VNNI, &level, &fault) == STERNA_OK);
    CHECK(t, level == STERNA_LEVEL_AVX512VNNI);
    CHECK(t, sterna_cpu_level_find("avx2", 4, STERNA_CPU_AVX2, &level, &fault) == STERNA_UNSUPPORTED);
    CHECK(t, strstr(fault.text, "F16C") && strstr(fault.text, "usable here: scalar"));
    fault = (sterna_fault){0};
    CHECK(t, sterna_cpu_level_find("avx512", 6, avx2, &level, &fault) == STERNA_UNSUPPORTED);
    CHECK(t, strstr(fault.text, "usable here: scalar, avx2"));
    fault = (sterna_fault){0};
    CHECK(t, sterna_cpu_level_find("sse9", 4, avx2, &level, &fault) == STERNA_UNSUPPORTED);
    CHECK(t, strstr(fault.text, "unknown level 'sse9'"));
}

static void refuses_to_open(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device *device = NULL;
    sterna_open_params params = {.size = sizeof params, .variant = "neon"};
    sterna_fault fault = {0};
    CHECK(t, api->open(&rig_host, &params, &device, &fault) == STERNA_UNSUPPORTED && !device);
    params.variant = "scalar,x=1";
    CHECK(t, api->open(&rig_host, &params, &device, NULL) == STERNA_UNSUPPORTED && !device);
    params.variant = "scalar";
    params.threads = 100000;
    CHECK(t, api->open(&rig_host, &params, &device, NULL) == STERNA_USAGE && !device);
    sterna_host other = rig_host;
    other.abi_version = 9;
    params.threads = 1;
    CHECK(t, api->open(&other, &params, &device, NULL) == STERNA_USAGE && !device);
}

static void checks_ranges(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device *device = opened(t, "scalar", 1), *second = opened(t, "scalar", 1);
    CHECK(t, device && second);
    sterna_buffer *buffer = NULL;
    uint8_t bytes[16] = {1, 2, 3};
    CHECK(t, api->buffer_create(device, 0, &buffer, NULL) == STERNA_USAGE && !buffer);
    CHECK(t, api->buffer_create(device, UINT64_MAX, &buffer, NULL) == STERNA_MEMORY && !buffer);
    CHECK(t, api->buffer_create(device, 10, &buffer, NULL) == STERNA_OK);
    CHECK(t, api->buffer_write(device, buffer, 0, bytes, 10, NULL) == STERNA_OK);
    CHECK(t, api->buffer_write(device, buffer, 1, bytes, 10, NULL) == STERNA_USAGE);
    CHECK(t, api->buffer_write(device, buffer, UINT64_MAX, bytes, 2, NULL) == STERNA_USAGE);
    CHECK(t, api->buffer_read(device, buffer, 8, bytes, 3, NULL) == STERNA_USAGE);
    CHECK(t, api->buffer_read(device, buffer, 10, bytes, 0, NULL) == STERNA_OK);
    CHECK(t, api->buffer_write(second, buffer, 0, bytes, 1, NULL) == STERNA_USAGE);
    CHECK(t, api->buffer_write(device, NULL, 0, bytes, 1, NULL) == STERNA_USAGE);
    api->buffer_destroy(device, NULL);
    api->close(second);
    api->close(device); /* releases the buffer */
    api->close(NULL);
}

/* x += y over two buffers of `floats` values, with the number of rows as slot 0. */
typedef struct adder {
    sterna_buffer *x, *y;
    sterna_plan *plan;
    uint32_t rows;
} adder;

static sterna_status make_adder(sterna_device *device, uint32_t rows, uint32_t nodes, adder *a,
                                sterna_fault *fault)
{
    const sterna_backend_api *api = rig_api();
    const uint64_t bytes = (uint64_t)rows * 64 * 4;
    float zero[64] = {0}, one[64];
    *a = (adder){.rows = rows};
    for (int i = 0; i < 64; i++) one[i] = 1.0f;
    sterna_status status = api->buffer_create(device, bytes, &a->x, fault);
    if (status == STERNA_OK) status = api->buffer_create(device, bytes, &a->y, fault);
    for (uint32_t r = 0; r < rows && status == STERNA_OK; r++) {
        status = api->buffer_write(device, a->x, r * 256ull, zero, 256, fault);
        if (status == STERNA_OK) status = api->buffer_write(device, a->y, r * 256ull, one, 256, fault);
    }
    if (status != STERNA_OK) return status;
    sterna_arg args[4] = {{.kind = STERNA_ARG_BUFFER, .buffer = a->x},
                          {.kind = STERNA_ARG_BUFFER, .buffer = a->y},
                          {.kind = STERNA_ARG_SLOT, .u32 = 0},
                          {.kind = STERNA_ARG_U32, .u32 = 64}};
    sterna_node list[16];
    for (uint32_t i = 0; i < 16; i++) list[i] = (sterna_node){"add", args, 4, 100 + i};
    sterna_plan_params params = {
        .size = sizeof params, .nodes = list, .n_nodes = nodes, .n_slots = 1, .slot_max = &rows};
    return api->plan_create(device, &params, &a->plan, fault);
}

static float first_value(sterna_device *device, const adder *a, uint32_t row)
{
    float value = -1.0f;
    (void)rig_api()->buffer_read(device, a->x, row * 256ull, &value, 4, NULL);
    return value;
}

static void runs_in_order(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device *device = opened(t, "", 2);
    adder a;
    sterna_fence f1, f2, f3;
    sterna_result result = {.size = sizeof result};
    uint32_t two = 2, four = 4, five = 5, none = 0;
    CHECK(t, device && make_adder(device, 4, 3, &a, NULL) == STERNA_OK);
    CHECK(t, api->submit(device, a.plan, 0, 3, &two, &f1, NULL) == STERNA_OK);
    CHECK(t, api->submit(device, a.plan, 2, 1, &four, &f2, NULL) == STERNA_OK && f2 != f1 && f1 != 0);
    CHECK(t, first_value(device, &a, 0) == 4.0f); /* a read waits for everything before it */
    CHECK(t, first_value(device, &a, 3) == 1.0f);
    CHECK(t, api->wait(device, f2, 1, &result, NULL) == STERNA_OK && result.flags == 0);
    CHECK(t, api->wait(device, f2, 0, &result, NULL) == STERNA_USAGE); /* used up */
    CHECK(t, api->wait(device, f1, 0, NULL, NULL) == STERNA_OK);
    CHECK(t, api->wait(device, 0, 0, NULL, NULL) == STERNA_USAGE);
    CHECK(t, api->submit(device, a.plan, 0, 1, &none, &f3, NULL) == STERNA_USAGE);
    CHECK(t, api->submit(device, a.plan, 0, 1, &five, &f3, NULL) == STERNA_USAGE);
    CHECK(t, api->submit(device, a.plan, 0, 1, NULL, &f3, NULL) == STERNA_USAGE);
    CHECK(t, api->submit(device, a.plan, 3, 1, &two, &f3, NULL) == STERNA_USAGE);
    CHECK(t, api->submit(device, a.plan, 1, 3, &two, &f3, NULL) == STERNA_USAGE);
    CHECK(t, api->submit(device, a.plan, 0, 0, &two, &f3, NULL) == STERNA_USAGE);
    CHECK(t, api->submit(device, NULL, 0, 1, &two, &f3, NULL) == STERNA_USAGE);
    sterna_kernel_use use[4];
    CHECK(t, api->kernels_used(device, use, 4) == 1 && use[0].launches == 4);
    CHECK(t, strncmp(use[0].name, "add/", 4) == 0);
    /* Destroying a buffer runs what was accepted, and closes the plan. */
    CHECK(t, api->submit(device, a.plan, 0, 1, &two, &f3, NULL) == STERNA_OK);
    api->buffer_destroy(device, a.y);
    CHECK(t, first_value(device, &a, 0) == 5.0f);
    CHECK(t, api->submit(device, a.plan, 0, 1, &two, &f1, NULL) == STERNA_USAGE);
    CHECK(t, api->wait(device, f3, 0, NULL, NULL) == STERNA_OK);
    api->close(device);
}

static void limits_fences_and_time(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device *device = opened(t, "", 2);
    adder a;
    sterna_fence fences[80];
    sterna_fault fault = {0};
    uint32_t rows = 16384, n = 0;
    CHECK(t, device && make_adder(device, rows, 16, &a, NULL) == STERNA_OK);
    while (n < 80 && api->submit(device, a.plan, 0, 16, &rows, &fences[n], &fault) == STERNA_OK) n++;
    CHECK(t, n >= 16 && n < 80 && strstr(fault.text, "wait first"));
    /* A millisecond cannot be enough for 67 million additions; the fence stays waitable. */
    sterna_result result = {.size = sizeof result};
    uint32_t timeouts = 0;
    sterna_status status;
    while ((status = api->wait(device, fences[3], 1, &result, NULL)) == STERNA_TIMEOUT) timeouts++;
    CHECK(t, status == STERNA_OK && timeouts > 0);
    CHECK(t, first_value(device, &a, rows - 1) == 16.0f * (float)n);
    for (uint32_t i = 0; i < n; i++)
        CHECK(t, i == 3 || api->wait(device, fences[i], 0, NULL, NULL) == STERNA_OK);
    api->close(device);
}

static void reports_the_first_flag(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device *device = opened(t, "", 2);
    sterna_buffer *x = NULL, *index = NULL, *y = NULL;
    sterna_plan *plan = NULL;
    sterna_fence fence;
    sterna_result result = {.size = sizeof result};
    float rows[8] = {1, 2, 3, 4};
    uint32_t bad = 9, good = 0;
    CHECK(t, device);
    CHECK(t, api->buffer_create(device, 16, &x, NULL) == STERNA_OK);
    CHECK(t, api->buffer_create(device, 8, &index, NULL) == STERNA_OK);
    CHECK(t, api->buffer_create(device, 64, &y, NULL) == STERNA_OK);
    CHECK(t, api->buffer_write(device, x, 0, rows, 16, NULL) == STERNA_OK);
    CHECK(t, api->buffer_write(device, index, 0, &good, 4, NULL) == STERNA_OK);
    CHECK(t, api->buffer_write(device, index, 4, &bad, 4, NULL) == STERNA_OK);
    sterna_arg ok_args[6] = {
        {.kind = STERNA_ARG_BUFFER, .buffer = x}, {.kind = STERNA_ARG_BUFFER, .buffer = index},
        {.kind = STERNA_ARG_BUFFER, .buffer = y}, {.kind = STERNA_ARG_U32, .u32 = 1},
        {.kind = STERNA_ARG_U32, .u32 = 1},       {.kind = STERNA_ARG_U32, .u32 = 4}};
    sterna_arg bad_args[6];
    memcpy(bad_args, ok_args, sizeof ok_args);
    bad_args[1].offset = 4;
    sterna_node nodes[3] = {
        {"gather", ok_args, 6, 10}, {"gather", bad_args, 6, 11}, {"gather", bad_args, 6, 12}};
    sterna_plan_params params = {.size = sizeof params, .nodes = nodes, .n_nodes = 3};
    CHECK(t, api->plan_create(device, &params, &plan, NULL) == STERNA_OK);
    CHECK(t, api->submit(device, plan, 0, 3, NULL, &fence, NULL) == STERNA_OK);
    CHECK(t, api->wait(device, fence, 0, &result, NULL) == STERNA_OK);
    CHECK(t, result.flags == STERNA_FLAG_RANGE && result.node == 1 && result.label == 11);
    /* Refusals of the plan: a bad offset, an unknown operation, another device's handle. */
    sterna_device *other = opened(t, "scalar", 1);
    sterna_plan *none = NULL;
    sterna_fault fault = {0};
    bad_args[1].offset = 6;
    CHECK(t,
          api->plan_create(device, &params, &none, &fault) == STERNA_USAGE && strstr(fault.text, "offset"));
    bad_args[1].offset = 4;
    CHECK(t, api->plan_create(other, &params, &none, NULL) == STERNA_USAGE && !none);
    nodes[2].op = "divide";
    CHECK(t, api->plan_create(device, &params, &none, NULL) == STERNA_UNSUPPORTED && !none);
    CHECK(t, api->supports(device, "gather", 0, STERNA_ACT_F32) == 1);
    CHECK(t, api->supports(device, "divide", 0, STERNA_ACT_F32) == 0);
    CHECK(t, api->supports(device, "matmul_ternary", STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN) == 1);
    CHECK(t, api->supports(device, "matmul_ternary", STERNA_FORMAT_Q8_0, STERNA_ACT_TOKEN) == 0);
    api->close(other);
    api->close(device);
}

/* A slot used as a divisor could need more memory when it is smaller than its maximum. */
static void refuses_slots_that_need_more(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device *device = opened(t, "", 1);
    sterna_buffer *x = NULL, *q = NULL, *d = NULL;
    sterna_plan *plan = NULL;
    sterna_fence fence;
    uint32_t block = 256, smaller = 32, odd = 33;
    CHECK(t, device && api->buffer_create(device, 1024, &x, NULL) == STERNA_OK);
    CHECK(t, api->buffer_create(device, 256, &q, NULL) == STERNA_OK);
    CHECK(t, api->buffer_create(device, 4, &d, NULL) == STERNA_OK);
    sterna_arg args[6] = {{.kind = STERNA_ARG_BUFFER, .buffer = x}, {.kind = STERNA_ARG_BUFFER, .buffer = q},
                          {.kind = STERNA_ARG_BUFFER, .buffer = d}, {.kind = STERNA_ARG_U32, .u32 = 1},
                          {.kind = STERNA_ARG_U32, .u32 = 256},     {.kind = STERNA_ARG_SLOT, .u32 = 0}};
    sterna_node node = {"quant_block", args, 6, 0};
    sterna_plan_params params = {
        .size = sizeof params, .nodes = &node, .n_nodes = 1, .n_slots = 1, .slot_max = &block};
    CHECK(t, api->plan_create(device, &params, &plan, NULL) == STERNA_OK);
    CHECK(t, api->submit(device, plan, 0, 1, &smaller, &fence, NULL) == STERNA_USAGE);
    CHECK(t, api->submit(device, plan, 0, 1, &odd, &fence, NULL) == STERNA_USAGE);
    api->close(device);
}

#if defined(__x86_64__)
/* A caller that flushes subnormals gets the same bits, and its own setting back. */
static void keeps_the_float_environment(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device *device = opened(t, "", 1);
    adder a;
    sterna_fence fence;
    uint32_t one = 1;
    float tiny = 0x1p-140f, sum = 0;
    CHECK(t, device && make_adder(device, 1, 1, &a, NULL) == STERNA_OK);
    CHECK(t, api->buffer_write(device, a.x, 0, &tiny, 4, NULL) == STERNA_OK);
    CHECK(t, api->buffer_write(device, a.y, 0, &tiny, 4, NULL) == STERNA_OK);
    CHECK(t, api->submit(device, a.plan, 0, 1, &one, &fence, NULL) == STERNA_OK);
    uint32_t before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* FTZ and DAZ */
    sterna_status status = api->wait(device, fence, 0, NULL, NULL);
    uint32_t after = _mm_getcsr();
    _mm_setcsr(before);
    CHECK(t, status == STERNA_OK && (after & 0x8040) == 0x8040);
    CHECK(t, api->buffer_read(device, a.x, 0, &sum, 4, NULL) == STERNA_OK);
    CHECK(t, sterna_bits(sum) == sterna_bits(0x1p-139f));
    api->close(device);
}
#endif

/* Everything a host does with a device, once; any refusal must be clean. */
static sterna_status whole_life(void)
{
    const sterna_backend_api *api = rig_api();
    sterna_open_params params = {.size = sizeof params, .variant = "", .threads = 3};
    sterna_device *device = NULL;
    sterna_weight *packed = NULL, *copied = NULL;
    sterna_fence fence;
    sterna_fault fault = {0};
    adder a;
    uint32_t two = 2;
    uint8_t data[66 * 2] = {0};
    sterna_tensor tensor = {.size = sizeof tensor,
                            .format = STERNA_FORMAT_TQ2_0,
                            .act = STERNA_ACT_TOKEN,
                            .rows = 2,
                            .cols = 256,
                            .row_bytes = 66,
                            .data = data,
                            .name = "w"};
    sterna_tensor table = tensor;
    table.act = STERNA_ACT_F32;
    sterna_status status = api->open(&rig_host, &params, &device, &fault);
    if (status == STERNA_OK) status = api->weight_create(device, &tensor, &packed, &fault);
    if (status == STERNA_OK) status = api->weight_create(device, &table, &copied, &fault);
    if (status == STERNA_OK) status = make_adder(device, 2, 2, &a, &fault);
    if (status == STERNA_OK) status = api->submit(device, a.plan, 0, 2, &two, &fence, &fault);
    if (status == STERNA_OK) status = api->wait(device, fence, 0, NULL, &fault);
    if (status != STERNA_OK && (fault.status != status || fault.text[0] == 0)) status = STERNA_INTERNAL;
    api->close(device);
    return status;
}

static void survives_refused(sterna_test *t, sterna_fault_kind kind)
{
    int64_t live = sterna_mem_live();
    sterna_fault_arm(kind, 0, false);
    CHECK(t, whole_life() == STERNA_OK);
    uint64_t calls = sterna_fault_count(kind);
    CHECK(t, calls > 0);
    for (uint64_t n = 1; n <= calls; n++) {
        sterna_fault_arm(kind, n, false);
        sterna_status status = whole_life();
        sterna_fault_arm(kind, 0, false);
        CHECK_MSG(t, status == STERNA_MEMORY, "call %llu of %llu: %s", (unsigned long long)n,
                  (unsigned long long)calls, sterna_status_name(status));
        CHECK(t, sterna_mem_live() == live);
    }
}

static void survives_refused_memory(sterna_test *t)
{
    survives_refused(t, STERNA_FAULT_ALLOC);
}
static void survives_refused_threads(sterna_test *t)
{
    survives_refused(t, STERNA_FAULT_SYS);
}

static void refuses_weights(sterna_test *t)
{
    const sterna_backend_api *api = rig_api();
    sterna_device *device = opened(t, "", 1);
    sterna_weight *weight = NULL;
    sterna_fault fault = {0};
    uint8_t data[34] = {0xff, 0x7f}; /* NaN */
    sterna_tensor tensor = {.size = sizeof tensor,
                            .format = STERNA_FORMAT_Q8_0,
                            .act = STERNA_ACT_BLOCK32,
                            .rows = 1,
                            .cols = 32,
                            .row_bytes = 34,
                            .data = data,
                            .name = "blk.0.w"};
    CHECK(t, device && api->weight_create(device, &tensor, &weight, &fault) == STERNA_FILE && !weight);
    CHECK(t, strstr(fault.text, "blk.0.w"));
    data[1] = 0;
    tensor.act = STERNA_ACT_TOKEN;
    CHECK(t, api->weight_create(device, &tensor, &weight, NULL) == STERNA_UNSUPPORTED && !weight);
    tensor.act = STERNA_ACT_BLOCK32;
    tensor.format = 14;
    CHECK(t, api->weight_create(device, &tensor, &weight, NULL) == STERNA_UNSUPPORTED && !weight);
    tensor.format = STERNA_FORMAT_Q8_0;
    CHECK(t, api->weight_create(device, &tensor, &weight, NULL) == STERNA_OK && weight);
    api->close(device);
}

const sterna_test_case sterna_test_cases[] = {
    {"lists_levels", lists_levels, 0},
    {"finds_levels", finds_levels, 0},
    {"refuses_to_open", refuses_to_open, 0},
    {"checks_ranges", checks_ranges, 0},
    {"runs_in_order", runs_in_order, 0},
    {"limits_fences_and_time", limits_fences_and_time, 0},
    {"reports_the_first_flag", reports_the_first_flag, 0},
    {"refuses_slots_that_need_more", refuses_slots_that_need_more, 0},
#if defined(__x86_64__)
    {"keeps_the_float_environment", keeps_the_float_environment, 0},
#endif
    {"survives_refused_memory", survives_refused_memory, 0},
    {"survives_refused_threads", survives_refused_threads, 0},
    {"refuses_weights", refuses_weights, 0},
    {0}};
