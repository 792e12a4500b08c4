/* The plan: a model's computation as a flat list of catalogue operations on named buffers, built once per
 * session. Owns: the graph, the buffers' sizes. Leaves to others: where buffers lie (arena.h), devices and
 * handles (session/), kernels.
 *
 * A plan speaks of buffers and weights by number; the session gives them handles. Nodes [0, n_body) compute
 * the layers for SLOT_ROWS rows; nodes [n_body, n_nodes) compute logits of the SLOT_LOGITS rows that are
 * wanted, and are not submitted when there is none. */
#ifndef STERNA_GRAPH_H
#define STERNA_GRAPH_H

#include "catalogue/catalogue.h"
#include "model/model.h"

/* Inputs, written before each submission, constants and activations: X(name, what it holds, with its shape) */
#define STERNA_PLAN_BUFFERS(X)                                                                               \
    X(ids, "token ids [rows]")                                                                               \
    X(positions, "positions [rows]")                                                                         \
    X(sequences, "sequences [rows]")                                                                         \
    X(slots, "cache slots of the rows [rows]")                                                               \
    X(pages, "page table [n_seqs][max_pages]")                                                               \
    X(wanted, "indices of the rows whose logits are wanted [n_logits]")                                      \
    X(rope, "cosines and sines [n_ctx][n_rot]")                                                              \
    X(x, "residual stream [rows][n_embd]")                                                                   \
    X(h, "normed input of a linear layer [rows][widest]")                                                    \
    X(q_token, "int8 activations, one scale per row [rows][widest]")                                         \
    X(s_token, "their scales [rows]")                                                                        \
    X(q_block32, "int8 activations in blocks of 32 [rows][widest]")                                          \
    X(d_block32, "their scales [rows][widest / 32]")                                                         \
    X(q_block256, "int8 activations in blocks of 256 [rows][widest]")                                        \
    X(d_block256, "their scales [rows][widest / 256]")                                                       \
    X(q, "queries [rows][n_heads * head_dim]")                                                               \
    X(k, "keys [rows][n_kv_heads * head_dim]")                                                               \
    X(v, "values [rows][n_kv_heads * head_dim]")                                                             \
    X(attention, "attention's output [rows][n_heads * head_dim]")                                            \
    X(gate, "gate projection [rows][n_ff]")                                                                  \
    X(up, "up projection [rows][n_ff]")                                                                      \
    X(ff, "gated activation [rows][n_ff]")                                                                   \
    X(out, "output of a block, added to x [rows][n_embd]")                                                   \
    X(last, "rows whose logits are wanted [n_logits][n_embd]")                                               \
    X(last_norm, "the same, normed [n_logits][n_embd]")                                                      \
    X(logits, "logits [n_logits][n_vocab]")

typedef enum sterna_plan_buffer {
#define X(name, text) STERNA_BUF_##name,
    STERNA_PLAN_BUFFERS(X)
#undef X
        STERNA_BUF_COUNT
} sterna_plan_buffer;

enum { STERNA_SLOT_ROWS = 0, STERNA_SLOT_LOGITS = 1, STERNA_SLOT_USED = 2 };

/* What one argument refers to. Numbers of buffers: first STERNA_BUF_*, then `norms` (one per norm vector),
 * then the caches: K of layer l, V of layer l. */
typedef struct sterna_plan_arg {
    uint32_t kind;   /* sterna_arg_kind */
    uint32_t number; /* of the buffer or weight; or the scalar's bits; or the slot */
} sterna_plan_arg;

typedef struct sterna_plan_node {
    sterna_op op;
    uint32_t layer; /* n_layers for the head, and for the embedding 0 */
    uint32_t n_args;
    sterna_plan_arg args[STERNA_MAX_ARGS];
} sterna_plan_node;

/* A weight: which tensor, and how activations meet it. */
typedef struct sterna_plan_weight {
    const sterna_model_tensor *tensor;
    sterna_act act;
} sterna_plan_weight;

typedef struct sterna_graph_params {
    uint32_t n_ctx, n_batch, n_seqs, n_logits;
    uint32_t page_size, max_pages, n_slots; /* of the cache */
    uint32_t kv_type;                       /* 0 f32, 1 f16, as in args.def */
} sterna_graph_params;

typedef struct sterna_graph {
    const sterna_model *model;
    sterna_graph_params params;
    sterna_plan_node *nodes;
    uint32_t n_nodes, n_body, capacity;
    sterna_plan_weight *weights;
    uint32_t n_weights;
    const sterna_model_tensor **norms;
    uint32_t n_norms;
    uint64_t *buffer_bytes; /* [n_buffers]; 0: not used by this model */
    uint32_t n_buffers;
    uint32_t first_norm, first_k, first_v; /* numbers of the buffers after the fixed ones */
} sterna_graph;

/* Builds the graph. UNSUPPORTED names the tensor that no operation takes; MEMORY when refused. */
sterna_status sterna_graph_build(const sterna_model *model, const sterna_graph_params *params,
                                 sterna_graph **graph, sterna_fault *fault);
void sterna_graph_free(sterna_graph *graph);

/* Sums for the memory estimate: bytes of weights (as stored) and of the cache. The rest: arena.h. */
void sterna_graph_memory(const sterna_graph *graph, uint64_t *weights, uint64_t *cache);

/* Name of a buffer for messages and traces: "attention", "blk.3.attn_norm", "k cache of layer 2". */
void sterna_graph_buffer_name(const sterna_graph *graph, uint32_t number, char *text, size_t capacity);

#endif
