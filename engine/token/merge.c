/* A linked list of symbols and a binary heap of candidate pairs. A candidate is stale, and dropped when it
 * comes up, once either side has changed; symbols only grow, so the sum of their lengths tells. Owns: this.
 * Leaves to others: the rule. */
#include "token/merge.h"
#include "base/mem.h"

void sterna_merger_clear(sterna_merger *merger)
{
    merger->count = 0;
    merger->candidates = 0;
}

void sterna_merger_free(sterna_merger *merger)
{
    sterna_free(merger->symbol);
    sterna_free(merger->heap);
    *merger = (sterna_merger){0};
}

sterna_status sterna_merger_add(sterna_merger *merger, uint32_t start, uint32_t bytes, uint32_t id)
{
    if (merger->count == merger->symbol_capacity) {
        uint32_t capacity = merger->symbol_capacity < 64 ? 64 : merger->symbol_capacity;
        if (capacity > UINT32_MAX / 2) return STERNA_MEMORY;
        void *grown = sterna_realloc(merger->symbol, 2 * (size_t)capacity, sizeof merger->symbol[0]);
        if (!grown) return STERNA_MEMORY;
        merger->symbol = grown;
        merger->symbol_capacity = 2 * capacity;
    }
    uint32_t at = merger->count++;
    if (at > 0) merger->symbol[at - 1].next = at;
    merger->symbol[at] =
        (sterna_symbol){start, bytes, id, at == 0 ? STERNA_SYMBOL_NONE : at - 1, STERNA_SYMBOL_NONE};
    return STERNA_OK;
}

static sterna_status push(sterna_merger *merger, sterna_candidate candidate)
{
    if (merger->candidates == merger->heap_capacity) {
        size_t capacity = merger->heap_capacity < 64 ? 128 : 2 * merger->heap_capacity;
        void *grown = sterna_realloc(merger->heap, capacity, sizeof merger->heap[0]);
        if (!grown) return STERNA_MEMORY;
        merger->heap = grown;
        merger->heap_capacity = capacity;
    }
    size_t at = merger->candidates++;
    while (at > 0 && merger->heap[(at - 1) / 2].order > candidate.order) {
        merger->heap[at] = merger->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    merger->heap[at] = candidate;
    return STERNA_OK;
}

static sterna_candidate pop(sterna_merger *merger)
{
    sterna_candidate *heap = merger->heap, top = heap[0], moved = heap[--merger->candidates];
    size_t n = merger->candidates, at = 0;
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1].order < heap[child].order) child++;
        if (heap[child].order >= moved.order) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
    return top;
}

static sterna_status consider(sterna_merger *merger, uint32_t left, uint32_t right, sterna_pair_rule *rule,
                              const void *context)
{
    if (left == STERNA_SYMBOL_NONE || right == STERNA_SYMBOL_NONE) return STERNA_OK;
    const sterna_symbol *a = &merger->symbol[left], *b = &merger->symbol[right];
    uint32_t priority, result;
    if (!rule(context, a, b, &priority, &result)) return STERNA_OK;
    return push(merger, (sterna_candidate){(uint64_t)priority << 32 | left, left, right, a->bytes + b->bytes,
                                           result});
}

sterna_status sterna_merger_run(sterna_merger *merger, sterna_pair_rule *rule, const void *context)
{
    merger->candidates = 0;
    for (uint32_t i = 1; i < merger->count; i++) {
        sterna_status status = consider(merger, i - 1, i, rule, context);
        if (status) return status;
    }
    while (merger->candidates > 0) {
        sterna_candidate best = pop(merger);
        sterna_symbol *left = &merger->symbol[best.left], *right = &merger->symbol[best.right];
        if (left->bytes == 0 || right->bytes == 0 || left->bytes + right->bytes != best.bytes) continue;
        left->bytes = best.bytes;
        left->id = best.result;
        left->next = right->next;
        right->bytes = 0;
        if (left->next != STERNA_SYMBOL_NONE) merger->symbol[left->next].prev = best.left;
        sterna_status status = consider(merger, left->prev, best.left, rule, context);
        if (status == STERNA_OK) status = consider(merger, best.left, left->next, rule, context);
        if (status) return status;
    }
    return STERNA_OK;
}
