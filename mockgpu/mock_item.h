/* What a compiled kernel sees of the mock GPU: its work item, its bound arguments, and the checks under LD
 * and ST. Owns: the types and the fast paths. Leaves to others: scheduling and reports (mock_group.c), memory
 * (mock_memory.c). */
#ifndef STERNA_MOCK_ITEM_H
#define STERNA_MOCK_ITEM_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t uint;

enum { MOCK_MAX_GROUP = 256, MOCK_MAX_SHARED = 8192 };

/* A shadow byte: bit b is set once byte b of its word was written, MOCK_STORED by a kernel. */
enum { MOCK_WRITTEN = 15, MOCK_STORED = 16 };

/* Where in a .kc file an access stands; the text after preprocessing holds it as two literals. */
typedef struct mock_site {
    const char *file;
    int line;
} mock_site;
#define MOCK_SITE ((mock_site){__FILE__, __LINE__})

/* Who touched a word of device memory in a launch: from the top the launch's number, how, and the item, all ones for several
 * readers and for atomic operations. */
typedef uint32_t mock_touch;
enum { MOCK_LAUNCH_BITS = 10, MOCK_HOW_BITS = 2, MOCK_ITEM_BITS = 20 };
enum { MOCK_LAUNCH_SHIFT = MOCK_HOW_BITS + MOCK_ITEM_BITS };
#define MOCK_ITEM_MASK  ((1u << MOCK_ITEM_BITS) - 1u)
#define MOCK_HOW_MASK   (3u << MOCK_ITEM_BITS)
#define MOCK_READ       0u
#define MOCK_WROTE      (1u << MOCK_ITEM_BITS) /* and may have read it */
#define MOCK_ATOMIC     (2u << MOCK_ITEM_BITS)
#define MOCK_ATOMIC_TOO (3u << MOCK_ITEM_BITS) /* an item that also did something else to it */

/* A range of device memory bound to an argument. */
typedef struct mock_bound {
    uint32_t *words;
    uint8_t *shadow;     /* one byte per word */
    mock_touch *touched; /* one per word; NULL for an argument that is only read */
    uint32_t count;      /* words */
    const char *name;
} mock_bound;

/* One word of shared memory: its last write and its last read, each from the top the interval between barriers (32 bits; 0:
 * never in this launch), the item (16 bits, MOCK_MANY: several) and the line of the .kc file (16 bits). */
typedef struct mock_cell {
    uint64_t written, read;
} mock_cell;
enum { MOCK_MANY = 0xffff };

/* Accesses of a launch: words of device memory, words of shared memory. */
typedef struct mock_traffic {
    uint64_t loads, stores, shared;
} mock_traffic;

/* The group being run. Fields that kernels read directly; the scheduler has its own beside it. */
typedef struct mock_group {
    uint32_t x, y, groups_x, groups_y; /* place in the grid */
    uint32_t subgroups;
    uint32_t launch;         /* number in the upper MOCK_LAUNCH_BITS */
    uint32_t first_item;     /* the grid's number of item 0, modulo MOCK_ITEM_MASK */
    uint32_t interval;       /* counts barriers from the launch's begin */
    uint32_t first_interval; /* the group's first */
    mock_traffic traffic;    /* of the launch's items that have ended */
    int64_t steps;           /* turns of loops that an item may take without a barrier */
    mock_cell *cells;        /* of shared memory */
    void *shared;            /* struct kernel_shared of the kernel */
} mock_group;

typedef struct mock_item {
    mock_group *group;
    uint32_t local, subgroup, lane;
    uint32_t mark; /* what it leaves on words of device memory: the launch, and its number in the grid */
} mock_item;

/* What an item keeps at hand in local variables: its counts, and what of its group changes at barriers only. */
typedef struct mock_view {
    mock_traffic traffic;
    mock_cell *cells;
    uint64_t now;            /* the interval and the item as in a cell */
    uint32_t first_interval; /* of the group */
} mock_view;

/* A compiled kernel. */
typedef struct mock_kernel {
    const char *name;
    void (*body)(const mock_item *restrict I, const void *restrict params); /* struct kernel_params */
    void (*bind)(const mock_bound *bounds, const uint32_t *words, void *params);
    uint32_t group_size, params_bytes, shared_bytes;
    uint32_t n_bounds, n_words;
    const char *const *bound_names;
    const bool *bound_written; /* OUT and INOUT */
    const uint8_t *hash;       /* SHA-256 of prelude and preprocessed source */
} mock_kernel;

/* Slow paths. The first group does not return: it reports and ends the launch. */
_Noreturn void sterna_mock_bad_access(const mock_item *I, const mock_bound *bound, uint32_t index, bool store,
                                      mock_site site);
_Noreturn void sterna_mock_bad_shared_index(const mock_item *I, const char *name, uint32_t index,
                                            uint32_t count, bool store, mock_site site);
_Noreturn void sterna_mock_shared_uninitialised(const mock_item *I, const char *name, uint32_t index,
                                                mock_site site);
_Noreturn void sterna_mock_memory_race(const mock_item *I, const mock_bound *bound, uint32_t index,
                                       const char *kind, mock_site site);
_Noreturn void sterna_mock_store_race(const mock_item *I, const mock_bound *bound, uint32_t index,
                                      const void *value, mock_site site);
_Noreturn void sterna_mock_atomic_race(const mock_item *I, const mock_bound *bound, uint32_t index,
                                       mock_site site);
_Noreturn void sterna_mock_race(const mock_item *I, const char *name, uint32_t index, uint64_t other,
                                const char *kind, mock_site site);
void sterna_mock_barrier(const mock_item *I, mock_site site);
int32_t sterna_mock_subgroup_add(const mock_item *I, int32_t value, mock_site site);

/* Turns of loops that helper functions may still take before the running item counts as hung. Helpers do not know their
 * item, hence one number for each thread; kernels count their own turns in a local variable of this name, which costs a
 * decrement of a register (prelude_mock.h). */
extern _Thread_local int64_t sterna_mock_turns_left __attribute__((tls_model("initial-exec")));
_Noreturn void sterna_mock_out_of_turns(mock_site site);

/* Checks are inlined wherever they stand: what they look at then stays in registers from one access to the next. */
#define MOCK_CHECK __attribute__((always_inline)) static inline

MOCK_CHECK bool mock_turn(int64_t *left, mock_site site)
{
    if (__builtin_expect(--*left < 0, 0)) sterna_mock_out_of_turns(site);
    return true;
}

static inline float mock_as_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t mock_as_uint(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The instruction of devices that have one. */
static inline int32_t mock_dot4(int32_t sum, uint32_t a, uint32_t b)
{
    for (int i = 0; i < 32; i += 8) sum += (int8_t)(a >> i) * (int8_t)(b >> i);
    return sum;
}

/* Items of one launch are in no order as far as device memory is concerned, barriers or not: a word that one item
 * writes is no other item's. Each item leaves its mark; atomic operations are in order with each other and with nothing
 * else. */
MOCK_CHECK bool mock_is_new(mock_touch touch, uint32_t mine)
{
    return touch >> MOCK_LAUNCH_SHIFT != mine >> MOCK_LAUNCH_SHIFT;
}

MOCK_CHECK void mock_touch_load(const mock_item *I, const mock_bound *bound, uint32_t index, mock_site site)
{
    mock_touch touch = bound->touched[index], mine = I->mark;
    if (mock_is_new(touch, mine))
        bound->touched[index] = mine;
    else if ((touch & MOCK_HOW_MASK) == MOCK_READ) {
        if (touch != mine) bound->touched[index] = touch | MOCK_ITEM_MASK;
    } else if (__builtin_expect(touch != (mine | MOCK_WROTE), 0))
        sterna_mock_memory_race(I, bound, index, "read after another item's write", site);
}

MOCK_CHECK void mock_touch_store(const mock_item *I, const mock_bound *bound, uint32_t index,
                                 const void *value, mock_site site)
{
    mock_touch touch = bound->touched[index], mine = I->mark;
    if (__builtin_expect(!mock_is_new(touch, mine) && (touch & ~MOCK_WROTE) != mine, 0))
        sterna_mock_store_race(I, bound, index, value, site);
    bound->touched[index] = mine | MOCK_WROTE;
}

MOCK_CHECK void mock_touch_atomic(const mock_item *I, const mock_bound *bound, uint32_t index, mock_site site)
{
    mock_touch touch = bound->touched[index], mine = I->mark;
    if (mock_is_new(touch, mine))
        touch = mine | MOCK_ATOMIC | MOCK_ITEM_MASK;
    else if (((touch ^ mine) & MOCK_ITEM_MASK) == 0)
        touch |= MOCK_ATOMIC_TOO;
    else if (__builtin_expect((touch & MOCK_HOW_MASK) != MOCK_ATOMIC, 0))
        sterna_mock_atomic_race(I, bound, index, site);
    bound->touched[index] = touch;
}

MOCK_CHECK void mock_see(mock_view *view, const mock_item *I)
{
    const mock_group *group = I->group;
    view->cells = group->cells;
    view->now = (uint64_t)group->interval << 32 | I->local << 16;
    view->first_interval = group->first_interval;
}

/* What an item has done when it ends. */
MOCK_CHECK void mock_end(const mock_view *view, const mock_item *I)
{
    mock_traffic *sum = &I->group->traffic;
    sum->loads += view->traffic.loads;
    sum->stores += view->traffic.stores;
    sum->shared += view->traffic.shared;
}

/* Checks one word of a bound buffer and gives its index back. */
MOCK_CHECK uint32_t mock_load(const mock_item *I, const mock_bound *bound, uint32_t index, mock_view *view,
                              mock_site site)
{
    view->traffic.loads++;
    if (__builtin_expect(index >= bound->count || (bound->shadow[index] & MOCK_WRITTEN) != MOCK_WRITTEN, 0))
        sterna_mock_bad_access(I, bound, index, false, site);
    if (bound->touched) mock_touch_load(I, bound, index, site);
    return index;
}

MOCK_CHECK uint32_t mock_store(const mock_item *I, const mock_bound *bound, uint32_t index, const void *value,
                               mock_view *view, mock_site site)
{
    view->traffic.stores++;
    if (__builtin_expect(index >= bound->count, 0)) sterna_mock_bad_access(I, bound, index, true, site);
    mock_touch_store(I, bound, index, value, site);
    bound->shadow[index] = MOCK_WRITTEN | MOCK_STORED;
    return index;
}

MOCK_CHECK uint32_t mock_atomic(const mock_item *I, const mock_bound *bound, uint32_t index, mock_view *view,
                                mock_site site)
{
    view->traffic.stores++;
    if (__builtin_expect(index >= bound->count || (bound->shadow[index] & MOCK_WRITTEN) != MOCK_WRITTEN, 0))
        sterna_mock_bad_access(I, bound, index, true, site);
    mock_touch_atomic(I, bound, index, site);
    bound->shadow[index] |= MOCK_STORED;
    return index;
}

/* Four words, from one buffer to another: looked at together while nothing is wrong, and word by word where something may
 * be, so that the report is that of the word. */
__attribute__((cold)) void sterna_mock_copy_words(const mock_item *I, const mock_bound *to, uint32_t to_index,
                                                  const mock_bound *from, uint32_t from_index,
                                                  mock_site site);

typedef uint32_t mock_four __attribute__((vector_size(16)));

MOCK_CHECK bool mock_four_fit(const mock_bound *bound, uint32_t index)
{
    return index % 4 == 0 && index < bound->count && bound->count - index >= 4;
}

MOCK_CHECK void mock_copy4(const mock_item *I, const mock_bound *to, uint32_t to_index,
                           const mock_bound *from, uint32_t from_index, mock_view *view, mock_site site)
{
    const uint32_t all_written = MOCK_WRITTEN * 0x01010101u,
                   all_stored = all_written | MOCK_STORED * 0x01010101u;
    view->traffic.loads += 4;
    view->traffic.stores += 4;
    if (__builtin_expect(mock_four_fit(to, to_index) && mock_four_fit(from, from_index) && !from->touched,
                         1)) {
        uint32_t written;
        mock_four touch;
        memcpy(&written, from->shadow + from_index, sizeof written);
        memcpy(&touch, to->touched + to_index, sizeof touch);
        mock_four same = (touch ^ I->mark) >> MOCK_LAUNCH_SHIFT == 0;
        uint64_t halves[2];
        memcpy(halves, &same, sizeof halves);
        if (__builtin_expect((written & all_written) == all_written && (halves[0] | halves[1]) == 0, 1)) {
            touch = (mock_four){0} + (I->mark | MOCK_WROTE);
            memcpy(to->touched + to_index, &touch, sizeof touch);
            memcpy(to->shadow + to_index, &all_stored, sizeof all_stored);
            memcpy(to->words + to_index, from->words + from_index, 16);
            return;
        }
    }
    sterna_mock_copy_words(I, to, to_index, from, from_index, site);
}

/* The same for a word of shared memory; `offset` is where the array begins. */
MOCK_CHECK bool mock_is_others(uint64_t access, uint64_t now)
{
    return ((access ^ now) >> 16) - 1 < MOCK_MANY; /* the same interval, another item */
}

MOCK_CHECK uint32_t mock_shared_load(const mock_item *I, uint32_t offset, uint32_t count, uint32_t index,
                                     mock_view *view, const char *name, mock_site site)
{
    view->traffic.shared++;
    if (__builtin_expect(index >= count, 0)) sterna_mock_bad_shared_index(I, name, index, count, false, site);
    mock_cell *cell = &view->cells[offset + index];
    if (__builtin_expect(cell->written >> 32 < view->first_interval, 0))
        sterna_mock_shared_uninitialised(I, name, index, site);
    if (__builtin_expect(mock_is_others(cell->written, view->now), 0))
        sterna_mock_race(I, name, index, cell->written, "read after another item's write", site);
    uint64_t differs = (cell->read ^ view->now) >> 16;
    if (differs != 0)
        cell->read =
            differs <= MOCK_MANY ? cell->read | (uint64_t)MOCK_MANY << 16 : view->now | (uint16_t)site.line;
    return index;
}

MOCK_CHECK uint32_t mock_shared_store(const mock_item *I, uint32_t offset, uint32_t count, uint32_t index,
                                      const uint32_t *words, const void *value, mock_view *view,
                                      const char *name, mock_site site)
{
    view->traffic.shared++;
    if (__builtin_expect(index >= count, 0)) sterna_mock_bad_shared_index(I, name, index, count, true, site);
    mock_cell *cell = &view->cells[offset + index];
    if (__builtin_expect(mock_is_others(cell->written, view->now), 0))
        sterna_mock_race(I, name, index, cell->written,
                         memcmp(words + offset + index, value, 4) == 0 ? "two writes of the same value"
                                                                       : "two writes of different values",
                         site);
    if (__builtin_expect(mock_is_others(cell->read, view->now), 0))
        sterna_mock_race(I, name, index, cell->read, "write after another item's read", site);
    cell->written = view->now | (uint16_t)site.line;
    return index;
}

#endif
