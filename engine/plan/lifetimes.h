/* Lifetimes: at which nodes of a graph the contents of a buffer are needed.
 * Owns: the analysis, from the catalogue's IN, OUT and INOUT. Leaves to others: where buffers lie (arena.c). */
#ifndef STERNA_LIFETIMES_H
#define STERNA_LIFETIMES_H

#include "plan/graph.h"

/* A buffer is alive at a node that touches it, and at every node between a write and the last read of what was written;
 * between that read and the next write it is not, however often it is used again. Sizes are those of full slots: with
 * smaller ones reads and writes shrink together. A write smaller than a later read ends no lifetime. */
typedef struct sterna_lifetimes {
    uint32_t n_nodes, n_words;
    uint64_t *alive; /* [n_buffers][n_words]: bit n of a buffer's words is node n */
    uint8_t *before; /* [n_buffers] 1: read before it is written, so somebody else has to write it */
} sterna_lifetimes;

/* MEMORY when refused. */
sterna_status sterna_lifetimes_find(const sterna_graph *graph, sterna_lifetimes *out, sterna_fault *fault);
void sterna_lifetimes_free(sterna_lifetimes *lifetimes);

/* 1 when there is a node at which both are alive. */
int sterna_lifetimes_meet(const sterna_lifetimes *lifetimes, uint32_t a, uint32_t b);

#endif
