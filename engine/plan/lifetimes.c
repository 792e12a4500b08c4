/* Liveness by one pass from the last node to the first. */
#include "plan/lifetimes.h"
#include "base/mem.h"
#include <string.h>

/* Bytes of a buffer that nodes behind the present one still read; 0: none. */
typedef struct pass {
    sterna_lifetimes *found;
    uint64_t *needed; /* [n_buffers] */
} pass;

static void set_alive(const pass *p, uint32_t buffer, uint32_t node)
{
    p->found->alive[(uint64_t)buffer * p->found->n_words + node / 64] |= 1ull << node % 64;
}

static void extents_of(const sterna_graph *g, const sterna_plan_node *node, uint64_t extents[STERNA_MAX_ARGS])
{
    const uint32_t slots[STERNA_SLOT_USED] = {g->params.n_batch, g->params.n_logits};
    uint32_t scalars[STERNA_MAX_ARGS] = {0};
    for (uint32_t a = 0; a < node->n_args; a++)
        scalars[a] = node->args[a].kind == STERNA_ARG_SLOT  ? slots[node->args[a].number]
                     : node->args[a].kind == STERNA_ARG_U32 ? node->args[a].number
                                                            : 0;
    sterna_op_extents(node->op, scalars, extents);
}

static void visit(const pass *p, const sterna_graph *g, uint32_t n)
{
    const sterna_plan_node *node = &g->nodes[n];
    const sterna_op_info *info = sterna_op_get(node->op);
    uint64_t extents[STERNA_MAX_ARGS];
    extents_of(g, node, extents);
    for (uint32_t b = 0; b < g->n_buffers; b++)
        if (p->needed[b]) set_alive(p, b, n);
    for (uint32_t a = 0; a < node->n_args; a++) {
        if (node->args[a].kind != STERNA_ARG_BUFFER) continue;
        uint32_t b = node->args[a].number;
        set_alive(p, b, n);
        if (info->params[a].kind == STERNA_PARAM_OUT && extents[a] >= p->needed[b]) p->needed[b] = 0;
    }
    /* What a node reads is needed before it, also where it writes the same buffer. */
    for (uint32_t a = 0; a < node->n_args; a++) {
        if (node->args[a].kind != STERNA_ARG_BUFFER || info->params[a].kind == STERNA_PARAM_OUT) continue;
        uint64_t *needed = &p->needed[node->args[a].number];
        if (extents[a] > *needed) *needed = extents[a];
    }
}

sterna_status sterna_lifetimes_find(const sterna_graph *g, sterna_lifetimes *out, sterna_fault *fault)
{
    sterna_lifetimes found = {.n_nodes = g->n_nodes, .n_words = (g->n_nodes + 63) / 64};
    found.alive = sterna_alloc(g->n_buffers, (size_t)found.n_words * sizeof *found.alive);
    found.before = sterna_alloc(g->n_buffers, sizeof *found.before);
    pass p = {&found, sterna_alloc(g->n_buffers, sizeof *p.needed)};
    if (!found.alive || !found.before || !p.needed) {
        sterna_lifetimes_free(&found);
        sterna_free(p.needed);
        return sterna_fail(fault, STERNA_MEMORY, "out of memory while planning");
    }
    for (uint32_t n = g->n_nodes; n-- > 0;) visit(&p, g, n);
    for (uint32_t b = 0; b < g->n_buffers; b++) found.before[b] = p.needed[b] != 0;
    sterna_free(p.needed);
    *out = found;
    return STERNA_OK;
}

void sterna_lifetimes_free(sterna_lifetimes *lifetimes)
{
    sterna_free(lifetimes->alive);
    sterna_free(lifetimes->before);
    *lifetimes = (sterna_lifetimes){0};
}

int sterna_lifetimes_meet(const sterna_lifetimes *l, uint32_t a, uint32_t b)
{
    for (uint32_t w = 0; w < l->n_words; w++)
        if (l->alive[(uint64_t)a * l->n_words + w] & l->alive[(uint64_t)b * l->n_words + w]) return 1;
    return 0;
}
