/* A plug-in for test_compare: the CPU backend with a defect on order. Its variant is a level of the CPU and what goes
 * wrong: "scalar,op=rmsnorm,layer=1,flip=3". Not a test itself.
 *   op=NAME     the first value that this operation writes is changed (for kv_append, in the slot of row 0)
 *   layer=N     only in nodes with that label
 *   flip=BIT    which bit of it
 *   after=N     not in the first N such nodes: a defect that depends on what came before
 *   flags=1     a flag is set in place of the change
 * Only submissions of one node are watched, as `sterna compare` and `sterna replay` make them. */
#include "catalogue/catalogue.h"
#include "cpu/cpu_backend.h"
#include <stdlib.h>
#include <string.h>

enum { ANY_LAYER = 0xffffffff, MOST_NODES = 4096 };

static const sterna_backend_api *cpu;
static struct {
    char op[32];
    uint32_t layer, flip, after, flags, met;
    sterna_fence flagged; /* the submission whose status word is to be changed */
} defect;

/* Nodes of the plans that were made, found again by plan and number. */
static struct {
    sterna_plan *plan;
    uint32_t node;
    sterna_op op;
    sterna_arg args[STERNA_MAX_ARGS];
} watched[MOST_NODES];
static uint32_t n_watched;

static uint32_t key(const char *variant, const char *name, uint32_t fallback)
{
    const char *at = strstr(variant, name);
    return at ? (uint32_t)strtoul(at + strlen(name), NULL, 10) : fallback;
}

static sterna_status open_device(const sterna_host *host, const sterna_open_params *given,
                                 sterna_device **device, sterna_fault *fault)
{
    char level[64] = "";
    sterna_open_params params = *given;
    const char *op = strstr(given->variant, ",op=");
    strncat(level, given->variant, op ? (size_t)(op - given->variant) : sizeof level - 1);
    memset(&defect, 0, sizeof defect);
    n_watched = 0;
    if (op) strncat(defect.op, op + 4, strcspn(op + 4, ","));
    defect.layer = key(given->variant, ",layer=", ANY_LAYER);
    defect.flip = key(given->variant, ",flip=", 0);
    defect.after = key(given->variant, ",after=", 0);
    defect.flags = key(given->variant, ",flags=", 0);
    params.variant = level;
    return cpu->open(host, &params, device, fault);
}

static sterna_status plan_create(sterna_device *device, const sterna_plan_params *params, sterna_plan **plan,
                                 sterna_fault *fault)
{
    sterna_status status = cpu->plan_create(device, params, plan, fault);
    for (uint32_t i = 0; i < params->n_nodes && status == STERNA_OK; i++) {
        const sterna_node *node = &params->nodes[i];
        if (strcmp(node->op, defect.op) != 0) continue;
        if (defect.layer != ANY_LAYER && node->label != defect.layer) continue;
        if (n_watched == MOST_NODES || !sterna_op_find(node->op, &watched[n_watched].op))
            return STERNA_INTERNAL;
        watched[n_watched].plan = *plan;
        watched[n_watched].node = i;
        memcpy(watched[n_watched++].args, node->args, node->n_args * sizeof *node->args);
    }
    return status;
}

static void plan_destroy(sterna_device *device, sterna_plan *plan)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n_watched; i++)
        if (watched[i].plan != plan) watched[kept++] = watched[i];
    n_watched = kept;
    cpu->plan_destroy(device, plan);
}

static sterna_status change(sterna_device *device, uint32_t w)
{
    const sterna_arg *args = watched[w].args;
    const sterna_op_info *info = sterna_op_get(watched[w].op);
    uint32_t at = 0, word = 0;
    while (info->params[at].kind != STERNA_PARAM_OUT && info->params[at].kind != STERNA_PARAM_INOUT) at++;
    uint64_t offset = args[at].offset;
    sterna_status status = STERNA_OK;
    if (watched[w].op == STERNA_OP_kv_append) {
        uint32_t slot, n = args[sterna_op_param(STERNA_OP_kv_append, "n")].u32;
        const sterna_arg *slots = &args[sterna_op_param(STERNA_OP_kv_append, "slot")];
        status = cpu->buffer_read(device, slots->buffer, slots->offset, &slot, sizeof slot, NULL);
        offset += (uint64_t)slot * n * (4u >> args[sterna_op_param(STERNA_OP_kv_append, "kv_type")].u32);
    }
    if (status == STERNA_OK)
        status = cpu->buffer_read(device, args[at].buffer, offset, &word, sizeof word, NULL);
    word ^= 1u << defect.flip;
    if (status == STERNA_OK)
        status = cpu->buffer_write(device, args[at].buffer, offset, &word, sizeof word, NULL);
    return status;
}

static sterna_status submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                            const uint32_t *slots, sterna_fence *fence, sterna_fault *fault)
{
    sterna_status status = cpu->submit(device, plan, first, count, slots, fence, fault);
    for (uint32_t w = 0; w < n_watched && status == STERNA_OK; w++) {
        if (watched[w].plan != plan || watched[w].node != first || count != 1) continue;
        if (defect.met++ < defect.after) continue;
        if (defect.flags)
            defect.flagged = *fence;
        else
            status = change(device, w);
    }
    return status;
}

static sterna_status wait_for(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                              sterna_result *result, sterna_fault *fault)
{
    sterna_status status = cpu->wait(device, fence, milliseconds, result, fault);
    if (status == STERNA_OK && fence == defect.flagged) result->flags |= STERNA_FLAG_NAN;
    return status;
}

__attribute__((visibility("default"))) const sterna_backend_api *sterna_backend_entry(uint32_t abi_version);

const sterna_backend_api *sterna_backend_entry(uint32_t abi_version)
{
    static sterna_backend_api api;
    cpu = sterna_backend_cpu_entry(abi_version);
    if (!cpu) return NULL;
    api = *cpu;
    api.open = open_device;
    api.plan_create = plan_create;
    api.plan_destroy = plan_destroy;
    api.submit = submit;
    api.wait = wait_for;
    return &api;
}
