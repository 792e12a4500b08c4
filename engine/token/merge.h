/* The heart of BPE: merge the best pair of neighbours until none is left. Owns: the list of symbols and the
 * heap. Leaves to others: which pairs merge, and how well. */
#ifndef STERNA_MERGE_H
#define STERNA_MERGE_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STERNA_SYMBOL_NONE UINT32_MAX

/* A stretch of the text. prev and next are indices, STERNA_SYMBOL_NONE at the ends. */
typedef struct sterna_symbol {
    uint32_t start, bytes; /* bytes 0: merged into an earlier symbol */
    uint32_t id;           /* its token */
    uint32_t prev, next;
} sterna_symbol;

typedef struct sterna_candidate {
    uint64_t order; /* priority << 32 | left: least first, so equal priorities merge from the left */
    uint32_t left, right, bytes, result;
} sterna_candidate;

/* Whether two neighbours merge; if so, the priority (least first) and the id of the result. */
typedef bool sterna_pair_rule(const void *context, const sterna_symbol *left, const sterna_symbol *right,
                              uint32_t *priority, uint32_t *result);

/* Buffers, kept from one run to the next. Zero-initialise; free with sterna_merger_free. */
typedef struct sterna_merger {
    sterna_symbol *symbol;
    uint32_t count, symbol_capacity;
    sterna_candidate *heap;
    size_t candidates, heap_capacity;
} sterna_merger;

void sterna_merger_clear(sterna_merger *merger);
/* Appends a symbol behind the others; MEMORY. */
sterna_status sterna_merger_add(sterna_merger *merger, uint32_t start, uint32_t bytes, uint32_t id);
/* Merges until no pair is left: O(n log n). Symbol 0 begins the list of what remains. */
sterna_status sterna_merger_run(sterna_merger *merger, sterna_pair_rule *rule, const void *context);
void sterna_merger_free(sterna_merger *merger);

#endif
