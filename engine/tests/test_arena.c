/* Where buffers lie: random graphs run on tags, once with a memory for each buffer and once in the planned places; a read
 * that sees another tag is a buffer that was given away too early. And what the plan saves on the golden model. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "plan/arena.h"
#include "plan/lifetimes.h"
#include "runner.h"
#include "session/session.h"
#include <string.h>

enum {
    NODES = 40,
    FIRST = STERNA_BUF_x,
    ACTIVATIONS = STERNA_BUF_logits - STERNA_BUF_x,
    NORM = STERNA_BUF_COUNT
};
#ifndef STERNA_HOSTILE
#define STERNA_HOSTILE 0
#endif
enum { SEED = 20260, BUFFERS = STERNA_BUF_COUNT + 1, MOST_ROWS = 5, MOST_WIDTH = 400, WORDS = 1 << 16 };

typedef struct maker {
    uint64_t seed, drawn;
    sterna_graph g;
    sterna_plan_node nodes[NODES];
    uint64_t bytes[BUFFERS], written[BUFFERS];
} maker;

static uint32_t draw(maker *m, uint32_t below)
{
    uint64_t n = m->drawn++;
    return sterna_philox4x32((uint32_t)m->seed, (uint32_t)(m->seed >> 32), (uint32_t)n, 0, 0, 0).word[0] %
           below;
}

static void extents_at(const sterna_plan_node *node, uint32_t rows, uint64_t extents[STERNA_MAX_ARGS])
{
    uint32_t scalars[STERNA_MAX_ARGS] = {0};
    for (uint32_t a = 0; a < node->n_args; a++)
        if (node->args[a].kind == STERNA_ARG_SLOT)
            scalars[a] = rows;
        else if (node->args[a].kind == STERNA_ARG_U32)
            scalars[a] = node->args[a].number;
    sterna_op_extents(node->op, scalars, extents);
}

/* An activation that holds at least `bytes`, and is none of the node's other arguments; UINT32_MAX: there is none. */
static uint32_t pick(maker *m, const sterna_plan_node *node, uint32_t upto, uint64_t bytes)
{
    uint32_t start = draw(m, ACTIVATIONS);
    for (uint32_t i = 0; i < ACTIVATIONS; i++) {
        uint32_t b = FIRST + (start + i) % ACTIVATIONS, taken = 0;
        for (uint32_t a = 0; a < upto; a++)
            taken |= node->args[a].kind == STERNA_ARG_BUFFER && node->args[a].number == b;
        if (!taken && m->written[b] >= bytes) return b;
    }
    return UINT32_MAX;
}

/* A node of one of five operations on buffers that were written, at a width that some of them hold. False: none is. */
static bool add_node(maker *m)
{
    static const sterna_op ops[] = {STERNA_OP_rmsnorm, STERNA_OP_add, STERNA_OP_glu, STERNA_OP_quant_token,
                                    STERNA_OP_gather};
    sterna_plan_node node = {.op = m->g.n_nodes == 0 ? STERNA_OP_gather : ops[draw(m, STERNA_COUNT(ops))]};
    const sterna_op_info *info = sterna_op_get(node.op);
    uint32_t width = 4 * (1 + draw(m, MOST_WIDTH / 4)), rows_at = (uint32_t)sterna_op_param(node.op, "rows");
    uint64_t extents[STERNA_MAX_ARGS];
    node.n_args = info->n_params;
    for (uint32_t a = 0; a < node.n_args; a++) {
        bool scalar = info->params[a].kind >= STERNA_PARAM_U32;
        node.args[a] =
            (sterna_plan_arg){scalar ? STERNA_ARG_U32 : STERNA_ARG_BUFFER, scalar ? 1 : UINT32_MAX};
    }
    node.args[rows_at] = (sterna_plan_arg){STERNA_ARG_SLOT, STERNA_SLOT_ROWS};
    if (node.op == STERNA_OP_gather) node.args[sterna_op_param(node.op, "source_rows")] = node.args[rows_at];
    node.args[sterna_op_param(node.op, "n")].number = width;
    extents_at(&node, MOST_ROWS, extents);
    for (uint32_t a = 0; a < node.n_args; a++) {
        if (node.args[a].kind != STERNA_ARG_BUFFER) continue;
        bool norm = node.op == STERNA_OP_rmsnorm && a == 1, index = node.op == STERNA_OP_gather && a == 1;
        bool first = m->g.n_nodes == 0 && a == 0, reads = info->params[a].kind != STERNA_PARAM_OUT;
        node.args[a].number = norm || first ? NORM
                              : index       ? STERNA_BUF_wanted
                                            : pick(m, &node, a, reads ? extents[a] : 0);
        if (node.args[a].number == UINT32_MAX) return false;
    }
    for (uint32_t a = 0; a < node.n_args; a++) {
        if (node.args[a].kind != STERNA_ARG_BUFFER) continue;
        uint32_t b = node.args[a].number;
        if (extents[a] > m->bytes[b]) m->bytes[b] = extents[a];
        if (info->params[a].kind == STERNA_PARAM_OUT && extents[a] > m->written[b])
            m->written[b] = extents[a];
    }
    m->nodes[m->g.n_nodes++] = node;
    return true;
}

static void make_graph(maker *m, uint64_t seed)
{
    *m = (maker){.seed = seed};
    m->g = (sterna_graph){.params = {.n_batch = MOST_ROWS, .n_logits = 1},
                          .nodes = m->nodes,
                          .buffer_bytes = m->bytes,
                          .n_buffers = BUFFERS,
                          .first_norm = NORM,
                          .first_k = BUFFERS,
                          .first_v = BUFFERS};
    uint32_t wanted = 2 + draw(m, NODES - 2);
    for (uint32_t tries = 0; m->g.n_nodes < wanted && tries < 10 * NODES; tries++) add_node(m);
}

/* Memory of tags: what a word holds is the number of the write that put it there. */
static uint32_t apart[BUFFERS][WORDS / 16], shared[BUFFERS][WORDS];

static bool runs_right(sterna_test *t, const maker *m, const sterna_arena *arena, uint32_t rows)
{
    memset(apart, 0, sizeof apart);
    memset(shared, 0, sizeof shared);
    for (uint32_t n = 0; n < m->g.n_nodes; n++)
        for (uint32_t pass = 0; pass < 2; pass++) { /* all reads, then all writes */
            const sterna_plan_node *node = &m->nodes[n];
            uint64_t extents[STERNA_MAX_ARGS];
            extents_at(node, rows, extents);
            for (uint32_t a = 0; a < node->n_args; a++) {
                sterna_param_kind kind = sterna_op_get(node->op)->params[a].kind;
                uint32_t b = node->args[a].number;
                if (node->args[a].kind != STERNA_ARG_BUFFER) continue;
                uint32_t *own = apart[b],
                         *there = shared[arena->places[b].block] + arena->places[b].offset / 4;
                for (uint64_t w = 0; w < extents[a] / 4; w++) {
                    if (pass == 0 && kind != STERNA_PARAM_OUT && own[w] != there[w]) {
                        sterna_test_note(t, "node %u, argument %u, word %u: holds write %u, not %u", n, a,
                                         (uint32_t)w, there[w], own[w]);
                        return false;
                    }
                    if (pass == 1 && kind != STERNA_PARAM_IN) own[w] = there[w] = n * 16 + a + 1;
                }
            }
        }
    return true;
}

/* The catalogue forbids an output over another argument of its node. */
static bool arguments_apart(const maker *m, const sterna_arena *arena)
{
    for (uint32_t n = 0; n < m->g.n_nodes; n++) {
        const sterna_plan_node *node = &m->nodes[n];
        uint64_t extents[STERNA_MAX_ARGS];
        extents_at(node, MOST_ROWS, extents);
        for (uint32_t i = 0; i < node->n_args; i++)
            for (uint32_t j = 0; j < node->n_args; j++) {
                const sterna_place *a = &arena->places[node->args[i].number],
                                   *b = &arena->places[node->args[j].number];
                if (i == j || node->args[i].kind != STERNA_ARG_BUFFER ||
                    node->args[j].kind != STERNA_ARG_BUFFER)
                    continue;
                if (node->args[i].number != node->args[j].number && a->block == b->block &&
                    a->offset < b->offset + extents[j] && b->offset < a->offset + extents[i])
                    return false;
            }
    }
    return true;
}

static uint64_t separate_bytes(const maker *m)
{
    uint64_t sum = 0;
    for (uint32_t b = 0; b < BUFFERS; b++) sum += m->bytes[b];
    return sum;
}

static void random_graphs_keep_their_values(sterna_test *t)
{
    static maker m;
    uint32_t saved = 0, split = 0, graphs = 400;
    for (uint32_t i = 0; i < graphs; i++) {
        make_graph(&m, SEED + i);
        sterna_arena_params params = {.alignment = 4u << draw(&m, 8), .separate = draw(&m, 8) == 0};
        if (draw(&m, 3) == 0) params.block_limit = 4096u << draw(&m, 4);
        sterna_arena arena;
        sterna_fault fault = {0};
        CHECK_MSG(t, sterna_arena_plan(&m.g, &params, &arena, &fault) == STERNA_OK, "graph %u: %s", i,
                  fault.text);
        for (uint32_t b = 0; b < BUFFERS; b++) {
            const sterna_place *place = &arena.places[b];
            if (!m.bytes[b]) continue;
            EXPECT(t, place->block < arena.n_blocks && place->offset % params.alignment == 0 &&
                          place->offset + m.bytes[b] <= arena.block_bytes[place->block]);
            /* Activations begin in pages of their own. */
            EXPECT(t, STERNA_HOSTILE || b < FIRST || b >= STERNA_BUF_logits || place->offset % 4096 == 0);
            EXPECT(t, !params.block_limit || place->offset == 0 || place->block == 0 ||
                          place->offset + m.bytes[b] <= params.block_limit);
        }
        for (uint32_t b = 0; b < arena.n_blocks; b++) CHECK(t, arena.block_bytes[b] <= sizeof shared[b]);
        bool right = arguments_apart(&m, &arena) && runs_right(t, &m, &arena, MOST_ROWS) &&
                     runs_right(t, &m, &arena, 1 + draw(&m, MOST_ROWS));
        CHECK_MSG(t, right, "graph %u of %u nodes", i, m.g.n_nodes);
        bool smaller = sterna_arena_bytes(&arena) < separate_bytes(&m);
        CHECK(t, !params.separate || !smaller);
        saved += smaller;
        split += params.block_limit && arena.n_blocks > 3;
        sterna_arena_free(&arena);
    }
    CHECK_MSG(t, saved > graphs / 5 && split > graphs / 20, "%u saved, %u split", saved, split);
}

/* Lifetimes by definition: alive at node n when n touches the buffer, or when some word of it holds the same write before
 * and behind n and is read behind it before it is written again. */
static void lifetimes_are_what_they_say(sterna_test *t)
{
    static maker m;
    for (uint32_t i = 0; i < 100; i++) {
        sterna_lifetimes found;
        make_graph(&m, SEED + 1000 + i);
        CHECK(t, sterna_lifetimes_find(&m.g, &found, NULL) == STERNA_OK);
        for (uint32_t b = FIRST; b < STERNA_BUF_logits; b++)
            for (uint32_t n = 0; n < m.g.n_nodes; n++) {
                bool wanted = false, got = found.alive[b * found.n_words + n / 64] >> n % 64 & 1;
                for (uint64_t w = 0; w < m.bytes[b] / 4 && !wanted; w++) {
                    bool decided = false;
                    for (uint32_t at = n; at < m.g.n_nodes && !decided; at++) {
                        const sterna_plan_node *node = &m.nodes[at];
                        uint64_t extents[STERNA_MAX_ARGS];
                        extents_at(node, MOST_ROWS, extents);
                        for (uint32_t a = 0; a < node->n_args; a++) {
                            if (node->args[a].kind != STERNA_ARG_BUFFER || node->args[a].number != b)
                                continue;
                            if (at == n) wanted = decided = true;
                            if (extents[a] / 4 <= w) continue;
                            if (sterna_op_get(node->op)->params[a].kind != STERNA_PARAM_OUT) wanted = true;
                            decided = true;
                        }
                    }
                }
                /* A buffer is one thing: it may live longer than each of its words, never shorter. */
                CHECK_MSG(t, got || !wanted, "graph %u: buffer %u is not alive at node %u", i, b, n);
            }
        sterna_lifetimes_free(&found);
    }
}

static void what_nothing_wrote_is_refused(sterna_test *t)
{
    static maker m;
    sterna_arena arena;
    sterna_fault fault = {0};
    make_graph(&m, 3);
    uint32_t y = m.nodes[0].args[2].number;
    memmove(m.nodes, m.nodes + 1, --m.g.n_nodes * sizeof *m.nodes);
    m.g.n_nodes = 1;
    m.nodes[0] = (sterna_plan_node){.op = STERNA_OP_add, .n_args = 4};
    m.nodes[0].args[0] = (sterna_plan_arg){STERNA_ARG_BUFFER, y};
    m.nodes[0].args[1] = (sterna_plan_arg){STERNA_ARG_BUFFER, NORM};
    m.nodes[0].args[2] = (sterna_plan_arg){STERNA_ARG_U32, 1};
    m.nodes[0].args[3] = (sterna_plan_arg){STERNA_ARG_U32, 4};
    const sterna_arena_params params = {.alignment = 4};
    CHECK(t, sterna_arena_plan(&m.g, &params, &arena, &fault) == STERNA_INTERNAL);
    CHECK_MSG(t, strstr(fault.text, "before anything wrote it"), "%s", fault.text);
}

/* Two activations of which each could be counted and both together cannot. */
static void what_cannot_be_counted_is_refused(sterna_test *t)
{
    static maker m;
    sterna_arena arena;
    sterna_fault fault = {0};
    const sterna_arena_params params = {.alignment = 4};
    make_graph(&m, 3);
    const uint32_t one = m.nodes[0].args[2].number, two = one == FIRST ? FIRST + 1 : FIRST;
    m.nodes[1] = m.nodes[0];
    m.nodes[1].args[2].number = two;
    m.nodes[2] = (sterna_plan_node){.op = STERNA_OP_add, .n_args = 4};
    m.nodes[2].args[0] = (sterna_plan_arg){STERNA_ARG_BUFFER, one};
    m.nodes[2].args[1] = (sterna_plan_arg){STERNA_ARG_BUFFER, two};
    m.nodes[2].args[2] = (sterna_plan_arg){STERNA_ARG_U32, 1};
    m.nodes[2].args[3] = (sterna_plan_arg){STERNA_ARG_U32, 4};
    m.g.n_nodes = 3;
    for (uint32_t b = FIRST; b < STERNA_BUF_logits; b++) m.bytes[b] = 0;
    m.bytes[one] = m.bytes[two] = (1ull << 63) + 4096;
    CHECK(t, sterna_arena_plan(&m.g, &params, &arena, &fault) == STERNA_MEMORY);
    CHECK_MSG(t, strstr(fault.text, "exceed what can be counted"), "%s", fault.text);
}

/* The golden model's plan: inputs side by side, what is kept apart, and activations in little more than what is
 * alive at the worst node. */
static void the_golden_plan_shares(sterna_test *t)
{
    static const uint32_t inputs[] = {STERNA_BUF_ids, STERNA_BUF_positions, STERNA_BUF_sequences,
                                      STERNA_BUF_slots, STERNA_BUF_wanted};
    sterna_model *model = NULL;
    sterna_session *s = NULL;
    sterna_session_params params = {.size = sizeof params, .device = "mock", .n_ctx = 64, .n_batch = 64};
    CHECK(t, sterna_model_open(sterna_test_repo(t, "golden/models/golden.gguf"), &model, NULL) == STERNA_OK);
    CHECK(t, sterna_session_open(model, &params, &s, NULL) == STERNA_OK);
    uint64_t end = 0, alone = 0, together = 0, least = 0;
    for (uint32_t i = 0; i < STERNA_COUNT(inputs); i++) {
        const sterna_place *place = &s->arena.places[inputs[i]];
        CHECK(t, place->block == 0 && place->offset >= end && place->offset < end + 256 &&
                     place->offset % 256 == 0);
        end = place->offset + s->graph->buffer_bytes[inputs[i]];
    }
    for (uint32_t b = STERNA_BUF_x; b < STERNA_BUF_logits; b++) alone += s->graph->buffer_bytes[b];
    for (uint32_t b = 0; b < s->graph->n_buffers; b++)
        if (s->graph->buffer_bytes[b] && (b < STERNA_BUF_x || b >= STERNA_BUF_logits))
            CHECK(t, s->arena.places[b].offset == 0 || s->arena.places[b].block == 0);
    together = s->arena.block_bytes[s->arena.places[STERNA_BUF_x].block];
    sterna_lifetimes lifetimes;
    CHECK(t, sterna_lifetimes_find(s->graph, &lifetimes, NULL) == STERNA_OK);
    for (uint32_t n = 0; n < s->graph->n_nodes; n++) {
        uint64_t sum = 0;
        for (uint32_t b = STERNA_BUF_x; b < STERNA_BUF_logits; b++)
            if (lifetimes.alive[b * lifetimes.n_words + n / 64] >> n % 64 & 1)
                sum += s->graph->buffer_bytes[b];
        if (sum > least) least = sum;
    }
    sterna_lifetimes_free(&lifetimes);
    sterna_test_note(t, "activations: %u bytes alone, %u together, %u at the worst node", (uint32_t)alone,
                     (uint32_t)together, (uint32_t)least);
    CHECK(t, together >= least && together <= least + least / 16 && together < alone * 2 / 3);
    sterna_session_close(s);
    sterna_model_close(model);
}

const sterna_test_case sterna_test_cases[] = {
    {"random_graphs_keep_their_values", random_graphs_keep_their_values, 0},
    {"lifetimes_are_what_they_say", lifetimes_are_what_they_say, 0},
    {"what_nothing_wrote_is_refused", what_nothing_wrote_is_refused, 0},
    {"what_cannot_be_counted_is_refused", what_cannot_be_counted_is_refused, 0},
    {"the_golden_plan_shares", the_golden_plan_shares, 0},
    {0},
};
