/* Largest buffer first, each into the smallest hole that is free whenever it is alive. For the periodic lifetimes of
 * layers this comes to the bytes alive at the worst node, or a page or two above. */
#include "plan/arena.h"
#include "base/mem.h"
#include "base/size.h"
#include "plan/lifetimes.h"

/* Buffers that share a block lie this far apart at least, so that none begins in the middle of another's page. */
#if STERNA_HOSTILE
enum { PAGE = 1 }; /* neighbours touch */
#else
enum { PAGE = 4096 };
#endif

typedef struct planner {
    const sterna_graph *g;
    const sterna_arena_params *params;
    const sterna_lifetimes *lifetimes;
    sterna_arena *arena;
    uint32_t *placed; /* activations that have a place, in the order in which they got it */
    uint32_t n_placed;
    uint32_t *order; /* scratch of hole_in: those of them that are in the way, by offset */
} planner;

typedef struct hole {
    uint32_t block;
    uint64_t offset, size, growth; /* growth: bytes by which the block gets larger */
} hole;

static bool is_input(uint32_t number)
{
    return number <= STERNA_BUF_wanted && number != STERNA_BUF_pages;
}

static bool is_activation(uint32_t number)
{
    return number > STERNA_BUF_rope && number < STERNA_BUF_logits;
}

static uint32_t new_block(sterna_arena *arena, uint64_t bytes)
{
    arena->block_bytes[arena->n_blocks] = bytes;
    return arena->n_blocks++;
}

static void sort_by_offset(const planner *p, uint32_t *list, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t buffer = list[i], at = i;
        for (; at > 0 && p->arena->places[list[at - 1]].offset > p->arena->places[buffer].offset; at--)
            list[at] = list[at - 1];
        list[at] = buffer;
    }
}

static bool better(const hole *a, const hole *b)
{
    return a->growth != b->growth ? a->growth < b->growth : a->size < b->size;
}

/* The best place for `buffer` in a block, if it is better than *best. False: sizes overflow. */
static bool hole_in(planner *p, uint32_t block, uint32_t buffer, hole *best)
{
    uint64_t bytes = p->g->buffer_bytes[buffer], end_of_block = p->arena->block_bytes[block], at = 0;
    uint64_t step = p->params->alignment > PAGE ? p->params->alignment : PAGE;
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->n_placed; i++)
        if (p->arena->places[p->placed[i]].block == block &&
            sterna_lifetimes_meet(p->lifetimes, p->placed[i], buffer))
            p->order[count++] = p->placed[i];
    sort_by_offset(p, p->order, count);
    for (uint32_t i = 0; i <= count; i++) {
        uint64_t next = i < count ? p->arena->places[p->order[i]].offset : UINT64_MAX, end;
        if (!sterna_add_u64(at, bytes, &end)) return false;
        if (end <= next) {
            hole found = {block, at, next - at, end > end_of_block ? end - end_of_block : 0};
            if ((!p->params->block_limit || end <= p->params->block_limit) && better(&found, best))
                *best = found;
        }
        if (i == count) break;
        uint64_t behind = sterna_sat_add(next, p->g->buffer_bytes[p->order[i]]);
        if (!sterna_align_u64(behind, step, &behind)) return false;
        if (behind > at) at = behind;
    }
    return true;
}

static sterna_status place(planner *p, uint32_t first_block, uint32_t buffer, sterna_fault *fault)
{
    sterna_arena *arena = p->arena;
    hole best = {.growth = UINT64_MAX, .size = UINT64_MAX};
    for (uint32_t b = first_block; b < arena->n_blocks && !p->params->separate; b++)
        if (!hole_in(p, b, buffer, &best))
            return sterna_fail(fault, STERNA_MEMORY, "activations exceed what can be counted");
    if (best.growth == UINT64_MAX) best = (hole){new_block(arena, 0), 0, 0, p->g->buffer_bytes[buffer]};
    arena->places[buffer] = (sterna_place){best.block, best.offset};
    arena->block_bytes[best.block] += best.growth;
    p->placed[p->n_placed++] = buffer;
    return STERNA_OK;
}

/* The largest activation that has no place yet; lower numbers first. n_buffers: none is left. */
static uint32_t largest_left(const sterna_graph *g, const uint8_t *done)
{
    uint32_t found = g->n_buffers;
    for (uint32_t b = 0; b < g->n_buffers; b++)
        if (is_activation(b) && g->buffer_bytes[b] && !done[b] &&
            (found == g->n_buffers || g->buffer_bytes[b] > g->buffer_bytes[found]))
            found = b;
    return found;
}

static sterna_status place_activations(planner *p, uint8_t *done, sterna_fault *fault)
{
    uint32_t first_block = p->arena->n_blocks;
    for (uint32_t b = largest_left(p->g, done); b < p->g->n_buffers; b = largest_left(p->g, done)) {
        sterna_status status = place(p, first_block, b, fault);
        if (status != STERNA_OK) return status;
        done[b] = 1;
    }
    return STERNA_OK;
}

static sterna_status place_inputs(const sterna_graph *g, const sterna_arena_params *params,
                                  sterna_arena *arena, sterna_fault *fault)
{
    uint64_t end = 0;
    uint32_t block = new_block(arena, 0);
    for (uint32_t b = 0; b < STERNA_BUF_COUNT; b++) {
        if (!is_input(b)) continue;
        uint64_t at;
        if (!sterna_align_u64(end, params->alignment, &at) || !sterna_add_u64(at, g->buffer_bytes[b], &end))
            return sterna_fail(fault, STERNA_MEMORY, "inputs exceed what can be counted");
        arena->places[b] = (sterna_place){block, at};
    }
    arena->block_bytes[block] = end;
    return STERNA_OK;
}

static sterna_status check_written(const sterna_graph *g, const sterna_lifetimes *lifetimes,
                                   sterna_fault *fault)
{
    for (uint32_t b = 0; b < g->n_buffers; b++)
        if (is_activation(b) && lifetimes->before[b]) {
            char name[80];
            sterna_graph_buffer_name(g, b, name, sizeof name);
            return sterna_fail(fault, STERNA_INTERNAL, "the plan reads buffer %s before anything wrote it",
                               name);
        }
    return STERNA_OK;
}

sterna_status sterna_arena_plan(const sterna_graph *g, const sterna_arena_params *params, sterna_arena *out,
                                sterna_fault *fault)
{
    sterna_arena arena = {.n_buffers = g->n_buffers};
    sterna_lifetimes lifetimes = {0};
    sterna_status status = sterna_lifetimes_find(g, &lifetimes, fault);
    if (status != STERNA_OK) return status;
    arena.places = sterna_alloc(g->n_buffers, sizeof *arena.places);
    arena.block_bytes = sterna_alloc((size_t)g->n_buffers + 1, sizeof *arena.block_bytes);
    planner p = {.g = g, .params = params, .lifetimes = &lifetimes, .arena = &arena};
    p.placed = sterna_alloc(g->n_buffers, sizeof *p.placed);
    p.order = sterna_alloc(g->n_buffers, sizeof *p.order);
    uint8_t *done = sterna_alloc(g->n_buffers, sizeof *done);
    if (!arena.places || !arena.block_bytes || !p.placed || !p.order || !done)
        status = sterna_fail(fault, STERNA_MEMORY, "out of memory while planning");
    if (status == STERNA_OK) status = check_written(g, &lifetimes, fault);
    if (status == STERNA_OK) status = place_inputs(g, params, &arena, fault);
    for (uint32_t b = 0; b < g->n_buffers && status == STERNA_OK; b++)
        if (!is_input(b) && !is_activation(b) && g->buffer_bytes[b])
            arena.places[b] = (sterna_place){new_block(&arena, g->buffer_bytes[b]), 0};
    if (status == STERNA_OK) status = place_activations(&p, done, fault);
    sterna_free(p.placed);
    sterna_free(p.order);
    sterna_free(done);
    sterna_lifetimes_free(&lifetimes);
    if (status != STERNA_OK) {
        sterna_arena_free(&arena);
        return status;
    }
    *out = arena;
    return STERNA_OK;
}

void sterna_arena_free(sterna_arena *arena)
{
    sterna_free(arena->places);
    sterna_free(arena->block_bytes);
    *arena = (sterna_arena){0};
}

uint64_t sterna_arena_bytes(const sterna_arena *arena)
{
    uint64_t sum = 0;
    for (uint32_t b = 0; b < arena->n_blocks; b++) sum = sterna_sat_add(sum, arena->block_bytes[b]);
    return sum;
}
