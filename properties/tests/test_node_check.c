/* Plans that a backend has to refuse: each row breaks one rule of a good node, on the CPU and on the direct
 * backend. */
#include "harness/subject.h"
#include "runner.h"
#include <string.h>

/* A good matmul_block node: 2 rows, 3 outputs, 512 columns of Q4_K. */
typedef struct bed {
    sterna_subject s;
    sterna_buffer *q, *d, *y;
    sterna_weight *w;
    sterna_arg args[STERNA_MAX_ARGS];
    uint32_t slot_max[2];
    sterna_node node;
    sterna_plan_params params;
} bed;

enum { Q, D, Y, W, ROWS, M, K, BLOCK, ARGS };

static bool make_bed(sterna_test *t, bed *b, const char *device)
{
    static uint8_t data[3 * 2 * 144];
    const sterna_subject_spec spec = {device, STERNA_PROFILE_EXACT, 1};
    sterna_fault fault = {0};
    memset(b, 0, sizeof *b);
    if (!EXPECT(t, sterna_subject_open(&b->s, &spec, &fault) == STERNA_OK)) return false;
    const sterna_tensor tensor = {.size = sizeof tensor,
                                  .format = 12,
                                  .act = STERNA_ACT_BLOCK256,
                                  .rows = 3,
                                  .cols = 512,
                                  .outlives = 1,
                                  .row_bytes = 288,
                                  .data = data,
                                  .name = "w"};
    const sterna_backend_api *api = b->s.api;
    bool good = api->buffer_create(b->s.device, 4096, &b->q, &fault) == STERNA_OK &&
                api->buffer_create(b->s.device, 256, &b->d, &fault) == STERNA_OK &&
                api->buffer_create(b->s.device, 24, &b->y, &fault) == STERNA_OK &&
                api->weight_create(b->s.device, &tensor, &b->w, &fault) == STERNA_OK;
    if (!EXPECT(t, good)) sterna_test_note(t, "%s", fault.text);
    b->args[Q] = (sterna_arg){.kind = STERNA_ARG_BUFFER, .buffer = b->q};
    b->args[D] = (sterna_arg){.kind = STERNA_ARG_BUFFER, .buffer = b->d};
    b->args[Y] = (sterna_arg){.kind = STERNA_ARG_BUFFER, .buffer = b->y};
    b->args[W] = (sterna_arg){.kind = STERNA_ARG_WEIGHT, .weight = b->w};
    const uint32_t scalars[] = {2, 3, 512, 256};
    for (uint32_t i = 0; i < 4; i++)
        b->args[ROWS + i] = (sterna_arg){.kind = STERNA_ARG_U32, .u32 = scalars[i]};
    b->slot_max[0] = 2;
    b->slot_max[1] = 256;
    b->node = (sterna_node){"matmul_block", b->args, ARGS, 0};
    b->params = (sterna_plan_params){
        .size = sizeof b->params, .nodes = &b->node, .n_nodes = 1, .n_slots = 2, .slot_max = b->slot_max};
    return good;
}

static const char *broken(bed *b, uint32_t rule)
{
    switch (rule) {
    case 0:
        return NULL; /* the good node */
    case 1:
        b->args[BLOCK].u32 = 32;
        return "blocks of Q4_K hold 256 values";
    case 2:
        b->args[BLOCK] = (sterna_arg){.kind = STERNA_ARG_SLOT, .u32 = 1};
        return "not a slot";
    case 3:
        b->args[BLOCK].u32 = 64;
        return "block is 32 or 256";
    case 4:
        b->args[ROWS].u32 = 3;
        return "the buffer has";
    case 5:
        b->args[ROWS].u32 = 0;
        return "rows is from 1";
    case 6:
        b->args[K].u32 = 768;
        return "the weight is 3 x 512";
    case 7:
        b->args[M].u32 = 2;
        return "the weight is 3 x 512";
    case 8:
        b->args[Y].offset = 4;
        return "";
    case 9:
        b->args[Y].offset = 64;
        return "the buffer has";
    case 10:
        b->args[Y].buffer = b->q;
        b->args[D].buffer = b->q;
        return "overlaps";
    case 11:
        b->node.op = "matmul_blocks";
        return "unknown operation";
    case 12:
        b->node.n_args = ARGS - 1;
        return "arguments given";
    case 13:
        b->args[D].buffer = NULL;
        return "no handle";
    case 14:
        b->args[W] = b->args[Q];
        return "wrong kind";
    case 15:
        b->args[ROWS] = (sterna_arg){.kind = STERNA_ARG_SLOT, .u32 = 2};
        return "slot 2 of 2";
    case 16:
        b->args[ROWS] = (sterna_arg){.kind = STERNA_ARG_F32, .u32 = 2};
        return "wrong kind";
    default:
        return "end";
    }
}

static void refuse(sterna_test *t, const char *device)
{
    for (uint32_t rule = 0;; rule++) {
        bed b;
        sterna_fault fault = {0};
        sterna_plan *plan = NULL;
        CHECK(t, make_bed(t, &b, device));
        const char *text = broken(&b, rule);
        bool last = text && strcmp(text, "end") == 0;
        sterna_status status = last ? STERNA_OK : b.s.api->plan_create(b.s.device, &b.params, &plan, &fault);
        bool right =
            text ? status != STERNA_OK && !plan && strstr(fault.text, text) : status == STERNA_OK && plan;
        if (!last && !EXPECT(t, right))
            sterna_test_note(t, "%s rule %u: %s: %s", device, rule, sterna_status_name(status), fault.text);
        sterna_subject_close(&b.s, NULL);
        if (last) return;
    }
}

static void direct(sterna_test *t)
{
    refuse(t, "direct");
}

static void cpu(sterna_test *t)
{
    refuse(t, "cpu:scalar");
}

const sterna_test_case sterna_test_cases[] = {{"direct", direct, 0}, {"cpu", cpu, 0}, {0}};
