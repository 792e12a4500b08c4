/* A plug-in for test_compare: the CPU backend, but for the norms of layer 1, whose eps is doubled on the way into a plan.
 * Not a test itself. */
#include "cpu/cpu_backend.h"
#include <stdlib.h>
#include <string.h>

enum { PLANTED_LAYER = 1, EPS = 5 };

static const sterna_backend_api *cpu;

/* Nodes are copied by plan_create, so the changed ones need to live only so long. */
static sterna_status plan_create(sterna_device *device, const sterna_plan_params *given, sterna_plan **plan,
                                 sterna_fault *fault)
{
    sterna_plan_params params = *given;
    sterna_node *nodes = malloc(params.n_nodes * sizeof *nodes);
    sterna_arg(*args)[STERNA_MAX_ARGS] = malloc(params.n_nodes * sizeof *args);
    sterna_status status = STERNA_MEMORY;
    if (nodes && args) {
        memcpy(nodes, given->nodes, params.n_nodes * sizeof *nodes);
        for (uint32_t i = 0; i < params.n_nodes; i++) {
            if (strcmp(nodes[i].op, "rmsnorm") != 0 || nodes[i].label != PLANTED_LAYER) continue;
            float eps;
            memcpy(args[i], nodes[i].args, nodes[i].n_args * sizeof(sterna_arg));
            memcpy(&eps, &args[i][EPS].u32, sizeof eps);
            eps = eps * 2.0f;
            memcpy(&args[i][EPS].u32, &eps, sizeof eps);
            nodes[i].args = args[i];
        }
        params.nodes = nodes;
        status = cpu->plan_create(device, &params, plan, fault);
    }
    free(nodes);
    free(args);
    return status;
}

__attribute__((visibility("default"))) const sterna_backend_api *sterna_backend_entry(uint32_t abi_version);

const sterna_backend_api *sterna_backend_entry(uint32_t abi_version)
{
    static sterna_backend_api api;
    cpu = sterna_backend_cpu_entry(abi_version);
    if (!cpu) return NULL;
    api = *cpu;
    api.plan_create = plan_create;
    return &api;
}
