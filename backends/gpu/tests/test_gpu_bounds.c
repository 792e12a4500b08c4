/* The largest bindings: nodes whose buffers come up to 4 GiB, on a driver that allocates nothing. What is launched stays
 * below 2^30 words, and what would not is refused with figures. kernels/DIALECT.md says why that suffices for indices. */
#include "base/mem.h"
#include "base/size.h"
#include "gpu/gpu_host.h"
#include "op_case.h"
#include "runner.h"
#include <string.h>

enum { MOST_MEMORY = 64 };

/* Remembers sizes, and the last launch. */
static struct {
    uint64_t bytes[MOST_MEMORY];
    uint32_t count;
    sterna_gpu_range ranges[STERNA_GPU_MAX_RANGES];
    uint32_t n_ranges, groups_x, groups_y;
    bool wrong;
    sterna_gpu_limits limits;
} seen;

static sterna_status open_gpu(const sterna_host *host, const char *variant, void **gpu,
                              sterna_gpu_limits *limits, sterna_fault *fault)
{
    (void)host, (void)variant, (void)fault;
    *gpu = &seen;
    *limits = seen.limits;
    return STERNA_OK;
}
static void close_gpu(void *gpu)
{
    (void)gpu;
}
static sterna_status alloc_gpu(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault)
{
    (void)gpu;
    if (seen.count == MOST_MEMORY - 1) return sterna_fail(fault, STERNA_MEMORY, "too many");
    seen.bytes[++seen.count] = bytes;
    *memory = seen.count;
    return STERNA_OK;
}
static void free_gpu(void *gpu, sterna_gpu_memory memory)
{
    (void)gpu, (void)memory;
}
static sterna_status upload_gpu(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                                uint64_t bytes, sterna_fault *fault)
{
    (void)gpu, (void)src, (void)fault;
    seen.wrong |= offset > seen.bytes[memory] || bytes > seen.bytes[memory] - offset;
    return STERNA_OK;
}
static sterna_status download_gpu(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                  uint64_t bytes, sterna_fault *fault)
{
    (void)gpu, (void)fault;
    seen.wrong |= offset > seen.bytes[memory] || bytes > seen.bytes[memory] - offset;
    memset(dst, 0, (size_t)bytes);
    return STERNA_OK;
}
static sterna_status clear_gpu(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                               sterna_fault *fault)
{
    (void)fault;
    return upload_gpu(gpu, memory, offset, NULL, bytes, NULL);
}
static sterna_status kernel_gpu(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                                sterna_fault *fault)
{
    (void)gpu, (void)fault;
    memset(hash, 0, 32);
    *kernel = id;
    return STERNA_OK;
}
static sterna_status launch_gpu(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    (void)gpu, (void)fault;
    seen.n_ranges = launch->n_ranges;
    seen.groups_x = launch->groups_x;
    seen.groups_y = launch->groups_y;
    memcpy(seen.ranges, launch->ranges, launch->n_ranges * sizeof *launch->ranges);
    for (uint32_t i = 0; i < launch->n_ranges; i++) {
        uint64_t end = 0, size = seen.bytes[launch->ranges[i].memory];
        seen.wrong |= !sterna_add_u64(launch->ranges[i].offset, launch->ranges[i].bytes, &end) || end > size;
    }
    return STERNA_OK;
}
static sterna_status fence_gpu(void *gpu, uint64_t *fence, sterna_fault *fault)
{
    (void)gpu, (void)fault;
    *fence = 1;
    return STERNA_OK;
}
static sterna_status wait_gpu(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                              sterna_fault *fault)
{
    (void)gpu, (void)fence, (void)milliseconds, (void)tag, (void)fault;
    return STERNA_OK;
}

static const sterna_gpu_driver driver = {.prefix = "nothing:",
                                         .open = open_gpu,
                                         .close = close_gpu,
                                         .alloc = alloc_gpu,
                                         .free = free_gpu,
                                         .upload = upload_gpu,
                                         .download = download_gpu,
                                         .clear = clear_gpu,
                                         .kernel = kernel_gpu,
                                         .launch = launch_gpu,
                                         .fence = fence_gpu,
                                         .wait = wait_gpu};

static const uint64_t LARGEST = 0xfffff000ull;

typedef struct scalar {
    const char *name;
    uint32_t value;
} scalar;

typedef struct bound_case {
    const char *op;
    scalar scalars[10];
    uint64_t largest; /* bytes of the largest buffer argument */
} bound_case;

/* Makes the node with a buffer for each argument, runs it, and returns what plan_create() or the run said. */
static sterna_status run_case(sterna_test *t, const bound_case *c, sterna_fault *fault)
{
    const sterna_open_params params = {.size = sizeof params, .variant = ""};
    sterna_device *device = NULL;
    sterna_arg args[STERNA_MAX_ARGS] = {{0}};
    uint32_t scalars[STERNA_MAX_ARGS] = {0};
    uint64_t extents[STERNA_MAX_ARGS], largest = 0;
    sterna_op op = STERNA_OP_add;
    sterna_plan *plan = NULL;
    seen.count = seen.n_ranges = 0;
    if (!EXPECT(t, sterna_op_find(c->op, &op)) ||
        !EXPECT(t, sterna_gpu_open(&driver, op_case_host(), &params, &device, fault) == STERNA_OK))
        return STERNA_FAILED;
    const sterna_op_info *info = sterna_op_get(op);
    for (const scalar *s = c->scalars; s->name; s++) scalars[sterna_op_param(op, s->name)] = s->value;
    sterna_op_extents(op, scalars, extents);
    for (uint32_t i = 0; i < info->n_params; i++) {
        bool buffer = info->params[i].kind <= STERNA_PARAM_INOUT;
        args[i].kind = buffer                                     ? STERNA_ARG_BUFFER
                       : info->params[i].kind == STERNA_PARAM_F32 ? STERNA_ARG_F32
                                                                  : STERNA_ARG_U32;
        args[i].u32 = scalars[i];
        if (!buffer) continue;
        if (extents[i] > largest) largest = extents[i];
        EXPECT(t, sterna_gpu_buffer_create(device, extents[i], &args[i].buffer, fault) == STERNA_OK);
    }
    EXPECT(t, largest == c->largest);
    const sterna_node node = {c->op, args, info->n_params, 0};
    const sterna_plan_params plan_params = {sizeof plan_params, &node, 1, 0, NULL};
    sterna_fence fence;
    sterna_status status = sterna_gpu_plan_create(device, &plan_params, &plan, fault);
    if (status == STERNA_OK) status = sterna_gpu_submit(device, plan, 0, 1, NULL, &fence, fault);
    if (status == STERNA_OK) status = sterna_gpu_wait(device, fence, 0, NULL, fault);
    sterna_gpu_close(device);
    return status;
}

/* One below and one at the limit, for each operation whose buffers can come there. */
static const bound_case cases[] = {
    {"add", {{"rows", 65536}, {"n", 16383}}, 0xfffc0000ull},
    {"add", {{"rows", 65536}, {"n", 16384}}, 1ull << 32},
    {"add", {{"rows", 1023}, {"n", 1u << 20}}, 0xffc00000ull},
    {"add", {{"rows", 65536}, {"n", 1u << 20}}, 1ull << 38},
    {"glu", {{"rows", 65535}, {"n", 16384}, {"act", 0}}, 0xffff0000ull},
    {"glu", {{"rows", 65536}, {"n", 16384}, {"act", 1}}, 1ull << 32},
    {"rmsnorm", {{"rows", 1u << 22}, {"n", 255}}, 0xff000000ull},
    {"rmsnorm", {{"rows", 1u << 22}, {"n", 256}}, 1ull << 32},
    {"quant_token", {{"rows", 65532}, {"n", 16384}}, 0xfffc0000ull},
    {"quant_token", {{"rows", 65536}, {"n", 16384}}, 1ull << 32},
    {"quant_block", {{"rows", 65535}, {"n", 16384}, {"block", 256}}, 0xffff0000ull},
    {"quant_block", {{"rows", 65536}, {"n", 16384}, {"block", 32}}, 1ull << 32},
    {"gather", {{"rows", 4}, {"source_rows", 65535}, {"n", 16384}}, 0xffff0000ull},
    {"gather", {{"rows", 65536}, {"source_rows", 1}, {"n", 16384}}, 1ull << 32},
    {"kv_append", {{"rows", 8}, {"n", 256}, {"slots", (1u << 23) - 8}, {"kv_type", 1}}, 0xfffff000ull},
    {"kv_append", {{"rows", 8}, {"n", 256}, {"slots", (1u << 23) - 7}, {"kv_type", 1}}, 0xfffff200ull},
    {"kv_append", {{"rows", 8}, {"n", 1024}, {"slots", (1u << 20) - 1}, {"kv_type", 0}}, 0xfffff000ull},
    {"kv_append", {{"rows", 8}, {"n", 1024}, {"slots", 1u << 20}, {"kv_type", 0}}, 1ull << 32},
    {"rope",
     {{"rows", 4095}, {"heads", 1024}, {"dim", 256}, {"n_rot", 64}, {"positions", 1u << 23}, {"kind", 0}},
     0xfff00000ull},
    {"rope",
     {{"rows", 1}, {"heads", 1}, {"dim", 64}, {"n_rot", 64}, {"positions", 1u << 24}, {"kind", 1}},
     1ull << 32},
    {"attention",
     {{"rows", 1},
      {"heads", 8},
      {"kv_heads", 2},
      {"dim", 128},
      {"slots", (1u << 23) - 8},
      {"seqs", 1},
      {"max_pages", 1},
      {"page_size", 1u << 20},
      {"kv_type", 1}},
     0xfffff000ull},
    {"attention",
     {{"rows", 1},
      {"heads", 8},
      {"kv_heads", 2},
      {"dim", 128},
      {"slots", 1u << 23},
      {"seqs", 1},
      {"max_pages", 1},
      {"page_size", 1u << 20},
      {"kv_type", 1}},
     1ull << 32},
};

static void around_four_gib(sterna_test *t)
{
    static const uint32_t most_groups[] = {65535, 0x7fffffff};
    uint32_t ran = 0, refused = 0;
    for (uint32_t g = 0; g < STERNA_COUNT(most_groups); g++)
        for (uint32_t i = 0; i < STERNA_COUNT(cases); i++) {
            sterna_fault fault = {0};
            seen.limits = (sterna_gpu_limits){.alignment = 256,
                                              .max_groups = most_groups[g],
                                              .max_group_items = 256,
                                              .pool_bytes = STERNA_GPU_NO_POOL};
            sterna_status status = run_case(t, &cases[i], &fault);
            if (cases[i].largest > LARGEST) {
                CHECK_MSG(t,
                          status == STERNA_UNSUPPORTED && strstr(fault.text, "this device allows 4294963200"),
                          "case %u, %s: %d %s", i, cases[i].op, (int)status, fault.text);
                CHECK(t, seen.n_ranges == 0);
                refused++;
                continue;
            }
            CHECK_MSG(t, status == STERNA_OK && !seen.wrong, "case %u, %s: %s", i, cases[i].op, fault.text);
            uint64_t most = 0;
            for (uint32_t r = 0; r < seen.n_ranges; r++)
                if (seen.ranges[r].bytes > most) most = seen.ranges[r].bytes;
            CHECK(t, most == cases[i].largest && most / 4 < 1u << 30);
            CHECK(t, seen.groups_x > 0 && seen.groups_x <= most_groups[g] && seen.groups_y <= most_groups[g]);
            /* Kernels add GROUPS_X * 64 to an index below 2^30. */
            CHECK(t, (uint64_t)seen.groups_x * 64 < 1u << 31);
            ran++;
        }
    CHECK(t, ran >= 20 && refused >= 18);
}

/* Smaller limits are taken as they are: a byte more than the device binds is refused. */
static void at_the_device_s_own_limit(sterna_test *t)
{
    const bound_case fits = {"add", {{"rows", 8}, {"n", 1024}}, 32768},
                     larger = {"add", {{"rows", 9}, {"n", 1024}}, 36864};
    sterna_fault fault = {0};
    seen.limits = (sterna_gpu_limits){.alignment = 256,
                                      .max_groups = 65535,
                                      .max_group_items = 256,
                                      .max_binding_bytes = 36863,
                                      .pool_bytes = STERNA_GPU_NO_POOL};
    CHECK_MSG(t, run_case(t, &fits, &fault) == STERNA_OK, "%s", fault.text);
    CHECK(t, run_case(t, &larger, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(fault.text, "needs 36864 bytes in one binding, this device allows 36863"), "%s",
              fault.text);
}

const sterna_test_case sterna_test_cases[] = {
    {"around_four_gib", around_four_gib, 0},
    {"at_the_device_s_own_limit", at_the_device_s_own_limit, 0},
    {0},
};
