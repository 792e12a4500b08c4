/* The inside of a session. Owns: device handles of a graph, the cache's page table, scratch, listeners.
 * Leaves to others: the graph (plan/), sampling (sample/), text. Upper rooms (compare, trace) may use the
 * step functions at the end to run a batch node by node. */
#ifndef STERNA_SESSION_H
#define STERNA_SESSION_H

#include "cache/kv_cache.h"
#include "plan/arena.h"
#include "registry.h"
#include <stdatomic.h>

enum { STERNA_MAX_OBSERVERS = 8 };

typedef struct sterna_listener {
    uint32_t mask;
    sterna_observer observer;
    void *context;
} sterna_listener;

struct sterna_session {
    sterna_model *model;
    sterna_session_params params; /* with all defaults filled in */
    sterna_open_device device;
    sterna_graph *graph;
    sterna_arena arena;
    sterna_buffer **blocks;  /* [arena.n_blocks] */
    sterna_buffer **buffers; /* [graph->n_buffers] the block each lies in, NULL where unused */
    uint8_t *inputs;         /* the host's copy of block 0 */
    sterna_weight **weights; /* [graph->n_weights] */
    sterna_plan *plan;
    sterna_fence unfinished; /* a submission whose wait timed out, still on the device; 0: none */
    sterna_kv_cache cache;
    uint32_t *slots, *wanted; /* [n_batch], [n_logits] of the present submission */
    uint32_t *zeros;          /* [n_batch] sequences when the batch names none */
    uint32_t *before;         /* [n_seqs] lengths before the present run */
    float *logits;            /* [n_logits][n_vocab] */
    uint32_t n_wanted;        /* rows of it that are filled */
    sterna_listener listeners[STERNA_MAX_OBSERVERS];
    uint32_t n_listeners, heard; /* heard: union of the masks */
    _Atomic int cancelled;
};

/* Fills in defaults and checks limits. USAGE names the parameter. */
sterna_status sterna_session_defaults(const sterna_model *model, const sterna_session_params *params,
                                      sterna_session_params *full, sterna_fault *fault);

/* Tells every listener whose mask has event->kind; the first status that is not OK ends the round. */
sterna_status sterna_session_publish(sterna_session *session, const sterna_event *event);

/* Runs two tokens through the session's plan and through the reference (cpu:scalar) and compares the logits bit by
 * bit. The session must be unused and is so again afterwards, but for its counts of launches. *values is 0 when memory has no room for the reference
 * beside the session. */
sterna_status sterna_session_verify(sterna_session *session, uint64_t *values, uint64_t *different,
                                    sterna_fault *fault);

/* ---- One submission by hand ---- */

/* A part of a batch: rows [first, first + n), n <= n_batch, with at most n_logits wanted. */
typedef struct sterna_step {
    const sterna_batch *batch;
    uint32_t first, n, n_wanted;
    uint32_t slots[STERNA_SLOT_USED]; /* the plan's slots */
} sterna_step;

/* Checks the whole batch against the rules of sterna.h. */
sterna_status sterna_batch_check(const sterna_session *session, const sterna_batch *batch,
                                 sterna_fault *fault);
/* Gives rows their cache slots and writes the inputs to the device. MEMORY when a sequence is full. */
sterna_status sterna_step_begin(sterna_session *session, const sterna_batch *batch, uint32_t first,
                                sterna_step *step, sterna_fault *fault);
/* Submits nodes [node, node + count) and waits. NUMERIC or DEVICE names operation and layer. After TIMEOUT the submission
 * is still on the device: the next step waits for it first, and is refused with TIMEOUT while it has not ended. */
sterna_status sterna_step_run(sterna_session *session, const sterna_step *step, uint32_t node, uint32_t count,
                              sterna_fault *fault);
/* Nodes that this step needs: n_body when no logits are wanted, else all. */
uint32_t sterna_step_nodes(const sterna_session *session, const sterna_step *step);
/* Which arguments node `node` writes, and how many bytes are live there in this step: fills up to
 * STERNA_MAX_ARGS argument indices and byte counts, returns how many. */
uint32_t sterna_step_outputs(const sterna_session *session, const sterna_step *step, uint32_t node,
                             uint32_t *args, uint64_t *bytes);
/* Reads or overwrites the first `bytes` bytes of a node's buffer argument. */
sterna_status sterna_step_read(sterna_session *session, uint32_t node, uint32_t arg, void *data,
                               uint64_t bytes, sterna_fault *fault);
sterna_status sterna_step_write(sterna_session *session, uint32_t node, uint32_t arg, const void *data,
                                uint64_t bytes, sterna_fault *fault);

#endif
