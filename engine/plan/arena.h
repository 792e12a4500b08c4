/* Where a graph's buffers lie: which share memory, and at which offsets of which device buffer.
 * Owns: the layout. Leaves to others: lifetimes (lifetimes.c), creating the device buffers (session/).
 *
 * Three kinds of buffer:
 *   inputs       written by the host before each submission (ids to wanted in STERNA_PLAN_BUFFERS): block 0 holds them
 *                side by side in that order, so that one write brings all
 *   kept         page table, rope table, norms, caches, logits: a block of its own each, at offset 0
 *   activations  everything else: two of them share bytes when at no node both are alive */
#ifndef STERNA_ARENA_H
#define STERNA_ARENA_H

#include "plan/graph.h"

typedef struct sterna_arena_params {
    uint64_t alignment;   /* of offsets that the device can bind, a power of two */
    uint64_t block_limit; /* no block of several buffers is larger; 0: no limit */
    uint32_t separate;    /* 1: activations share nothing: a block each */
} sterna_arena_params;

typedef struct sterna_place {
    uint32_t block;
    uint64_t offset;
} sterna_place;

typedef struct sterna_arena {
    sterna_place *places;  /* [n_buffers]; meaningless where buffer_bytes is 0 */
    uint64_t *block_bytes; /* [n_blocks] */
    uint32_t n_blocks, n_buffers;
} sterna_arena;

/* MEMORY when refused or when sizes overflow; INTERNAL when a node reads an activation that nothing has written. */
sterna_status sterna_arena_plan(const sterna_graph *graph, const sterna_arena_params *params,
                                sterna_arena *arena, sterna_fault *fault);
void sterna_arena_free(sterna_arena *arena);
/* Bytes of all blocks, the caches' too. */
uint64_t sterna_arena_bytes(const sterna_arena *arena);

#endif
