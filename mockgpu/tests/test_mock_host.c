/* The GPU host through the ABI: split weights, small grids, slots, many submissions, refusals, misuse, what
 * ran. */
#include "base/mem.h"
#include "base/size.h"
#include "gpu/gpu_kernels.h"
#include "gpu/tests/op_shapes.h"
#include "gpu/tests/tiny_plan.h"
#include "mock_testing.h"
#include <stdio.h>
#include <string.h>

enum { MOST = TINY_ROWS * TINY_WIDTH };

/* Weights larger than one binding come in parts, and give the same bits. */
static void weights_are_split(sterna_test *t)
{
    op_shapes_split(t, mock_api(), "max_binding=10k", "max_binding=4k");
}

/* Kernels stride over a grid that is smaller than the work. */
static void small_grids(sterna_test *t)
{
    static const char *const devices[] = {"max_groups=1", "max_groups=2,warp=8", "max_groups=3,warp=64"};
    for (uint32_t d = 0; d < STERNA_COUNT(devices); d++) {
        sterna_device *device = op_case_open(t, mock_api(), devices[d]);
        CHECK(t, device != NULL);
        CHECK_MSG(t, op_shapes_strided(t, mock_api(), device), "on %s", devices[d]);
        mock_api()->close(device);
    }
}

static void what_cannot_be_split_is_refused(sterna_test *t)
{
    const sterna_backend_api *api = mock_api();
    sterna_device *device = op_case_open(t, mock_api(), "max_binding=4k");
    CHECK(t, device != NULL);
    static float row[2][1025];
    const sterna_tensor wide = {sizeof wide, STERNA_FORMAT_F32, STERNA_ACT_F32, 2, 1025, 1, 1025 * 4,
                                row,         "blk.0.wide"};
    sterna_weight *weight = NULL;
    sterna_fault fault = {0};
    CHECK(t, api->weight_create(device, &wide, &weight, &fault) == STERNA_UNSUPPORTED && !weight);
    CHECK_MSG(t,
              strcmp(fault.text,
                     "blk.0.wide: one row of 4100 bytes exceeds the 4096 bytes this device can bind, and "
                     "rows are not split") == 0,
              "%s", fault.text);
    sterna_buffer *x, *y;
    CHECK(t, api->buffer_create(device, 8192, &x, &fault) == STERNA_OK);
    CHECK(t, api->buffer_create(device, 8192, &y, &fault) == STERNA_OK);
    const sterna_arg args[] = {{.kind = STERNA_ARG_BUFFER, .buffer = x},
                               {.kind = STERNA_ARG_BUFFER, .buffer = y},
                               {.kind = STERNA_ARG_U32, .u32 = 1},
                               {.kind = STERNA_ARG_U32, .u32 = 1025}};
    const sterna_node node = {"add", args, 4, 0};
    const sterna_plan_params params = {sizeof params, &node, 1, 0, NULL};
    sterna_plan *plan = NULL;
    fault = (sterna_fault){0};
    CHECK(t, api->plan_create(device, &params, &plan, &fault) == STERNA_UNSUPPORTED && !plan);
    CHECK_MSG(t,
              strstr(fault.text,
                     "node 0, add, argument x: needs 4100 bytes in one binding, this device allows 4096"),
              "%s", fault.text);
    /* So many nodes that their status words do not fit a binding. */
    enum { NODES = 1025 };
    static sterna_node nodes[NODES];
    const sterna_arg short_args[] = {args[0], args[1], args[2], {.kind = STERNA_ARG_U32, .u32 = 4}};
    for (uint32_t i = 0; i < NODES; i++) nodes[i] = (sterna_node){"add", short_args, 4, 0};
    const sterna_plan_params many = {sizeof many, nodes, NODES, 0, NULL};
    fault = (sterna_fault){0};
    CHECK(t, api->plan_create(device, &many, &plan, &fault) == STERNA_UNSUPPORTED && !plan);
    CHECK_MSG(t, strstr(fault.text, "plan of 1025 nodes: its status words exceed the 4096 bytes"), "%s",
              fault.text);
    api->close(device);
}

/* Results of several submissions in flight, waited for backwards; flags belong to their own submission. */
static void many_submissions(sterna_test *t)
{
    enum { COUNT = 11 };
    tiny_plan p;
    sterna_fence fences[COUNT];
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "seed=4") == STERNA_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t id = i % 3 == 1 ? TINY_VOCAB : 2;
        CHECK(t, p.api->buffer_write(p.device, p.ids, 0, &id, 4, &p.fault) == STERNA_OK);
        CHECK(t, tiny_submit(&p, 1 + i % TINY_ROWS, &fences[i]) == STERNA_OK);
    }
    for (uint32_t i = COUNT; i-- > 0;) {
        sterna_result result = {.size = sizeof result};
        CHECK(t, p.api->wait(p.device, fences[i], 0, &result, &p.fault) == STERNA_OK);
        CHECK_MSG(t, result.flags == (i % 3 == 1 ? STERNA_FLAG_RANGE : 0) && result.node == 0, "%u: flags %u",
                  i, result.flags);
        CHECK(t, result.label == (i % 3 == 1 ? TINY_LABEL : 0));
    }
    tiny_close(&p);
}

/* Launches are numbered with twelve bits in the marks that find races. The product's number comes again in the addition to
 * the same words, 4095 launches later, and no race is seen where there is none. */
static void many_launches(sterna_test *t)
{
    static float want[MOST], got[MOST];
    const uint32_t rows = 1;
    tiny_plan p;
    sterna_fence fence;
    CHECK(t, tiny_reference(rows, want));
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "seed=6") == STERNA_OK);
    for (uint32_t i = 0; i < 1 + 4094 + 1; i++) {
        uint32_t first = i == 4095 ? 4 : 0, count = i == 0 ? 4 : 1;
        CHECK(t, p.api->submit(p.device, p.plan, first, count, &rows, &fence, &p.fault) == STERNA_OK);
        CHECK_MSG(t, p.api->wait(p.device, fence, 0, NULL, &p.fault) == STERNA_OK, "submission %u: %s", i,
                  p.fault.text);
    }
    CHECK(t, p.api->buffer_read(p.device, p.y, 0, got, TINY_WIDTH * 4, &p.fault) == STERNA_OK);
    CHECK(t, memcmp(want, got, TINY_WIDTH * 4) == 0);
    tiny_close(&p);
}

/* Two nodes of one submission set flags: the first one's are told. */
static void the_first_flags_count(sterna_test *t)
{
    tiny_plan p;
    sterna_fence fence;
    const uint32_t infinity = 0x7f800000u, outside = TINY_VOCAB;
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "") == STERNA_OK);
    CHECK(t, p.api->buffer_write(p.device, p.w, 40, &infinity, 4, &p.fault) == STERNA_OK);
    for (uint32_t run = 0; run < 2; run++) {
        sterna_result result = {.size = sizeof result};
        CHECK(t, tiny_submit(&p, 2, &fence) == STERNA_OK);
        CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_OK);
        if (run == 0)
            CHECK(t, result.node == 2 && result.label == TINY_LABEL + 2 && (result.flags & STERNA_FLAG_INF));
        else
            CHECK(t, result.node == 0 && result.label == TINY_LABEL && result.flags == STERNA_FLAG_RANGE);
        CHECK(t, p.api->buffer_write(p.device, p.ids, 0, &outside, 4, &p.fault) == STERNA_OK);
    }
    tiny_close(&p);
}

/* Ranges of nodes: an empty one completes, a part computes what it says. */
static void parts_of_a_plan(sterna_test *t)
{
    static float want[MOST], got[MOST];
    tiny_plan p;
    sterna_fence fence;
    const uint32_t rows = 3;
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "seed=5,warp=4") == STERNA_OK);
    for (uint32_t first = 0; first <= TINY_NODES; first++) {
        uint32_t count = first == TINY_NODES ? 0 : 1;
        CHECK(t, p.api->submit(p.device, p.plan, first, count, &rows, &fence, &p.fault) == STERNA_OK);
        CHECK(t, p.api->wait(p.device, fence, 0, NULL, &p.fault) == STERNA_OK);
    }
    CHECK(t, p.api->buffer_read(p.device, p.y, 0, got, rows * TINY_WIDTH * 4, &p.fault) == STERNA_OK);
    CHECK(t, tiny_reference(rows, want) && memcmp(got, want, rows * TINY_WIDTH * 4) == 0);
    CHECK(t, p.api->submit(p.device, p.plan, 1, TINY_NODES, &rows, &fence, &p.fault) == STERNA_USAGE);
    CHECK(t, p.api->submit(p.device, p.plan, 1, UINT32_MAX, &rows, &fence, &p.fault) == STERNA_USAGE);
    tiny_close(&p);
}

/* Flags of a submission that begins behind node 0: told by the plan's number of the node. The words of an earlier
 * submission, which lie in the same place after some more, are not taken for its own. */
static void flags_of_a_part(sterna_test *t)
{
    enum { AGAIN = 9, QUANT = 2 };
    static const float ones[TINY_WIDTH] = {1};
    const uint32_t infinity = 0x7f800000u, rows = 2;
    tiny_plan p;
    sterna_fence fence;
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "") == STERNA_OK);
    CHECK(t, p.api->buffer_write(p.device, p.w, 40, &infinity, 4, &p.fault) == STERNA_OK);
    for (uint32_t i = 0; i < 2 * AGAIN; i++) {
        sterna_result result = {.size = sizeof result};
        uint32_t first = i == 0 ? 0 : QUANT, count = i == 0 ? TINY_NODES : 1;
        if (i == AGAIN) { /* from here on the input is finite */
            CHECK(t, p.api->buffer_write(p.device, p.w, 0, ones, sizeof ones, &p.fault) == STERNA_OK);
            CHECK(t, p.api->submit(p.device, p.plan, 1, 1, &rows, &fence, &p.fault) == STERNA_OK);
            CHECK(t, p.api->wait(p.device, fence, 0, NULL, &p.fault) == STERNA_OK);
        }
        CHECK(t, p.api->submit(p.device, p.plan, first, count, &rows, &fence, &p.fault) == STERNA_OK);
        CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_OK);
        if (i < AGAIN)
            CHECK_MSG(t, result.node == QUANT && result.label == TINY_LABEL + QUANT && result.flags,
                      "submission %u: node %u, flags %u", i, result.node, result.flags);
        else
            CHECK_MSG(t, result.flags == 0, "submission %u: flags %u", i, result.flags);
    }
    tiny_close(&p);
}

/* Where a failure has no launch to blame, the first node of its submission is named. */
static void failures_of_a_part(sterna_test *t)
{
    enum { FIRST = 2 };
    const uint32_t rows = 2;
    uint32_t whole = 0, part = 0;
    for (uint32_t n = 1; n < 400 && (!whole || !part); n++) {
        tiny_plan p;
        char variant[40];
        sterna_fence fence;
        sterna_result result = {.size = sizeof result};
        snprintf(variant, sizeof variant, "lose_copy=%u", n);
        if (tiny_make(&p, mock_api(), op_case_host(), variant) == STERNA_OK) {
            CHECK(t, tiny_submit(&p, rows, &fence) == STERNA_OK);
            sterna_status status = p.api->wait(p.device, fence, 0, &result, &p.fault);
            if (status != STERNA_OK) CHECK(t, result.node == 0 && result.label == TINY_LABEL && ++whole);
            if (status == STERNA_OK) {
                CHECK(t, p.api->submit(p.device, p.plan, FIRST, 1, &rows, &fence, &p.fault) == STERNA_OK);
                status = p.api->wait(p.device, fence, 0, &result, &p.fault);
                if (status != STERNA_OK)
                    CHECK(t, result.node == FIRST && result.label == TINY_LABEL + FIRST && ++part);
            }
        }
        tiny_close(&p);
    }
    CHECK_MSG(t, whole && part, "%u, %u", whole, part);
}

/* A host that was built with shorter structs: nothing is written behind them, and nothing read. */
static void hosts_with_shorter_structs(sterna_test *t)
{
    union {
        sterna_result result;
        sterna_device_info info;
        uint8_t bytes[sizeof(sterna_device_info)];
    } room;
    tiny_plan p;
    sterna_fence fence;
    sterna_open_params params = {
        .size = offsetof(sterna_open_params, verify_upload), .variant = "lie_copy=2", .verify_upload = 1};
    CHECK_MSG(t, tiny_make_with(&p, mock_api(), op_case_host(), &params) == STERNA_OK, "%s", p.fault.text);
    tiny_close(&p);
    params.size = sizeof params;
    CHECK(t, tiny_make_with(&p, mock_api(), op_case_host(), &params) == STERNA_DEVICE);
    tiny_close(&p);
    /* Of another version, or with a profile that this one does not know, a device is not opened at all. */
    sterna_host other = *op_case_host();
    sterna_device *device = NULL;
    const sterna_open_params unknown = {.size = sizeof unknown, .profile = (sterna_profile)7},
                             plain = {.size = sizeof plain};
    other.abi_version++;
    CHECK(t, mock_api()->open(&other, &plain, &device, NULL) == STERNA_USAGE && !device);
    CHECK(t, mock_api()->open(op_case_host(), &unknown, &device, NULL) == STERNA_USAGE && !device);
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "") == STERNA_OK &&
                 tiny_submit(&p, 1, &fence) == STERNA_OK);
    memset(&room, 0xee, sizeof room);
    room.result.size = offsetof(sterna_result, node);
    CHECK(t, p.api->wait(p.device, fence, 0, &room.result, &p.fault) == STERNA_OK);
    CHECK(t, room.result.flags == 0 && room.bytes[offsetof(sterna_result, node)] == 0xee);
    memset(&room, 0xee, sizeof room);
    room.info.size = offsetof(sterna_device_info, driver);
    CHECK(t, p.api->info(p.device, &room.info) == STERNA_OK && room.info.is_mock);
    CHECK(t, room.bytes[offsetof(sterna_device_info, driver)] == 0xee &&
                 room.info.size == offsetof(sterna_device_info, driver));
    tiny_close(&p);
}

static void slots_are_checked(sterna_test *t)
{
    static const struct {
        uint32_t rows;
        const char *wanted;
    } bad[] = {{TINY_ROWS + 1, "slot 0 is 9, the plan was made for at most 8"},
               {0, "node 0, embed: does not hold: rows is from 1"}};
    tiny_plan p;
    sterna_fence fence = 99;
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "") == STERNA_OK);
    for (uint32_t i = 0; i < STERNA_COUNT(bad); i++) {
        p.fault = (sterna_fault){0};
        CHECK(t, tiny_submit(&p, bad[i].rows, &fence) == STERNA_USAGE && fence == 99);
        CHECK_MSG(t, strstr(p.fault.text, bad[i].wanted), "%s", p.fault.text);
    }
    tiny_close(&p);
}

/* A node whose input nobody wrote, and one whose buffer is gone: found by the device, named in the fault. */
static void misuse_is_found(sterna_test *t)
{
    tiny_plan p;
    sterna_fence fence;
    sterna_result result = {.size = sizeof result};
    const uint32_t rows = 1;
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "warp=8,seed=2") == STERNA_OK);
    CHECK(t, p.api->submit(p.device, p.plan, 1, 1, &rows, &fence, &p.fault) == STERNA_OK);
    CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_DEVICE && result.node == 1);
    CHECK_MSG(t,
              strstr(p.fault.text, "mock:rmsnorm: read of uninitialised memory, argument x, index") &&
                  strstr(p.fault.text, "backends/kernels/rmsnorm.kc:"),
              "%s", p.fault.text);
    tiny_close(&p);

    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "") == STERNA_OK);
    p.api->buffer_destroy(p.device, p.w);
    p.w = NULL;
    CHECK(t, tiny_submit(&p, 1, &fence) == STERNA_OK);
    CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_DEVICE && result.node == 1);
    CHECK_MSG(t, strstr(p.fault.text, "rmsnorm, argument w: use after free"), "%s", p.fault.text);
    tiny_close(&p);

    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "") == STERNA_OK);
    p.api->weight_destroy(p.device, p.matrix);
    p.matrix = NULL;
    CHECK(t, tiny_submit(&p, 1, &fence) == STERNA_OK);
    CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_DEVICE && result.node == 3);
    tiny_close(&p);
}

/* Close with everything alive, and destroy in odd orders, also with a submission in flight. */
static void any_order_of_destruction(sterna_test *t)
{
    int64_t live = sterna_mem_live();
    for (uint32_t order = 0; order < 4; order++) {
        tiny_plan p;
        sterna_fence fence;
        sterna_result result = {.size = sizeof result};
        CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "") == STERNA_OK);
        CHECK(t, tiny_submit(&p, 4, &fence) == STERNA_OK);
        if (order == 1) {
            p.api->plan_destroy(p.device, p.plan);
            CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_OK && result.flags == 0);
        } else if (order == 2) {
            p.api->buffer_destroy(p.device, p.x);
            CHECK(t, p.api->wait(p.device, fence, 0, &result, &p.fault) == STERNA_OK);
        } else if (order == 3) {
            p.api->weight_destroy(p.device, p.table);
            p.api->plan_destroy(p.device, p.plan);
        }
        p.api->close(p.device);
        CHECK(t, sterna_mem_live() == live);
    }
}

static void host_copies(sterna_test *t)
{
    const sterna_backend_api *api = mock_api();
    sterna_device *device = op_case_open(t, mock_api(), "");
    sterna_buffer *buffer;
    sterna_fault fault = {0};
    uint8_t bytes[16], got[16];
    CHECK(t, device && api->buffer_create(device, 13, &buffer, &fault) == STERNA_OK);
    for (uint32_t i = 0; i < 16; i++) bytes[i] = (uint8_t)(i * 17 + 3);
    for (uint32_t first = 0; first < 13; first++)
        for (uint32_t count = 0; first + count <= 13; count++) {
            CHECK(t, api->buffer_write(device, buffer, first, bytes, count, &fault) == STERNA_OK);
            CHECK(t, api->buffer_read(device, buffer, first, got, count, &fault) == STERNA_OK);
            CHECK(t, memcmp(bytes, got, count) == 0);
        }
    CHECK(t, api->buffer_write(device, buffer, 1, bytes, 13, &fault) == STERNA_USAGE);
    CHECK(t, api->buffer_read(device, buffer, UINT64_MAX, got, 2, &fault) == STERNA_USAGE);
    api->buffer_destroy(device, buffer);
    api->close(device);
}

static void what_ran(sterna_test *t)
{
    static const struct {
        const char *name;
        uint64_t launches;
    } wanted[] = {{"mock:embed_f16", 5},
                  {"mock:rmsnorm", 5},
                  {"mock:quant_token", 5},
                  {"mock:matmul_ternary_tq2_0_dot_subgroup", 3},
                  {"mock:matmul_ternary_tq2_0_tile_dot", 2},
                  {"mock:add", 5}};
    float out[MOST];
    tiny_plan p;
    sterna_kernel_use uses[STERNA_GPU_KERNELS];
    CHECK(t, tiny_make(&p, mock_api(), op_case_host(), "") == STERNA_OK);
    CHECK(t, p.api->kernels_used(p.device, uses, STERNA_GPU_KERNELS) == 0);
    CHECK(t, tiny_run(&p, 1, out, NULL) == STERNA_OK && tiny_run(&p, TINY_ROWS, out, NULL) == STERNA_OK &&
                 tiny_run(&p, 2, out, NULL) == STERNA_OK);
    /* Tiles are for six rows and more. */
    CHECK(t, tiny_run(&p, 5, out, NULL) == STERNA_OK && tiny_run(&p, 6, out, NULL) == STERNA_OK);
    CHECK(t, p.api->kernels_used(p.device, NULL, 0) == STERNA_COUNT(wanted));
    CHECK(t, p.api->kernels_used(p.device, uses, STERNA_GPU_KERNELS) == STERNA_COUNT(wanted));
    for (uint32_t i = 0; i < STERNA_COUNT(wanted); i++) {
        CHECK_MSG(t, strcmp(uses[i].name, wanted[i].name) == 0 && uses[i].launches == wanted[i].launches,
                  "%s: %u", uses[i].name, (unsigned)uses[i].launches);
        CHECK(t, uses[i].has_hash == 1);
        for (uint32_t j = 0; j < i; j++) CHECK(t, memcmp(uses[i].code_hash, uses[j].code_hash, 32) != 0);
    }
    tiny_close(&p);
}

/* Every operation runs with every weight it takes; the device says so, and refuses the rest. */
static void all_is_supported(sterna_test *t)
{
    static const uint32_t formats[] = {0, 1, 8, 12, 30, 35, 2, 14};
    const sterna_backend_api *api = mock_api();
    sterna_device *device = op_case_open(t, mock_api(), "warp=16");
    uint32_t supported = 0;
    CHECK(t, device != NULL);
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++)
        for (uint32_t f = 0; f < STERNA_COUNT(formats); f++)
            for (uint32_t act = 0; act < 4; act++) {
                const char *name = sterna_op_get((sterna_op)op)->name;
                bool takes = sterna_op_takes((sterna_op)op, formats[f], (sterna_act)act);
                bool has = api->supports(device, name, formats[f], (sterna_act)act) == 1;
                CHECK_MSG(t, takes == has, "%s, format %u, activations %u", name, formats[f], act);
                supported += has;
            }
    CHECK(t, supported > 0 && api->supports(device, "softmax", 0, STERNA_ACT_F32) == 0);
    sterna_device_info info = {.size = sizeof info};
    CHECK(t, api->info(device, &info) == STERNA_OK && info.is_mock && info.usable && info.subgroup == 16);
    CHECK(t, strcmp(info.description, "mock GPU, warp 16, seed 0") == 0);
    CHECK(t, api->device_info(1, &info) == STERNA_USAGE && api->device_count() == 1);
    api->close(device);
    /* Ternary weights with one scale run in groups of 32 items, those with one a block do not; which they are, nobody
     * knows who asks. */
    device = op_case_open(t, mock_api(), "max_group_items=32");
    CHECK(t, device && api->supports(device, "rmsnorm", 0, STERNA_ACT_F32) == 1);
    CHECK(t, api->supports(device, "matmul_ternary", STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN) == 0);
    api->close(device);
}

const sterna_test_case sterna_test_cases[] = {
    {"weights_are_split", weights_are_split, 0},
    {"small_grids", small_grids, 0},
    {"what_cannot_be_split_is_refused", what_cannot_be_split_is_refused, 0},
    {"many_submissions", many_submissions, 0},
    {"many_launches", many_launches, 0},
    {"the_first_flags_count", the_first_flags_count, 0},
    {"parts_of_a_plan", parts_of_a_plan, 0},
    {"flags_of_a_part", flags_of_a_part, 0},
    {"failures_of_a_part", failures_of_a_part, 0},
    {"hosts_with_shorter_structs", hosts_with_shorter_structs, 0},
    {"slots_are_checked", slots_are_checked, 0},
    {"misuse_is_found", misuse_is_found, 0},
    {"any_order_of_destruction", any_order_of_destruction, 0},
    {"host_copies", host_copies, 0},
    {"what_ran", what_ran, 0},
    {"all_is_supported", all_is_supported, 0},
    {0},
};
