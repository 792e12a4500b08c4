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

enum { MOCK_MAX_GROUP = 256, MOCK_MAX_SHARED = 8192, MOCK_WRITTEN = 15 };

/* Where in a .kc file an access stands; the text after preprocessing holds it as two literals. */
typedef struct mock_site {
    const char *file;
    int line;
} mock_site;
#define MOCK_SITE ((mock_site){__FILE__, __LINE__})

/* Who touched a word of device memory in a launch: the launch's number in 12 bits, the item's in 20. */
typedef struct mock_touch {
    uint32_t writer, reader;
} mock_touch;
enum { MOCK_LAUNCH_BITS = 12, MOCK_ITEM_BITS = 20 };
#define MOCK_ITEM_MASK ((1u << MOCK_ITEM_BITS) - 1u)

/* A range of device memory bound to an argument. One shadow byte per word: bit b is set once byte b was
 * written. */
typedef struct mock_bound {
    uint32_t *words;
    uint8_t *shadow;
    mock_touch *touched; /* one per word; NULL for an argument that is only read */
    uint32_t count;      /* words */
    const char *name;
} mock_bound;

/* One word of shared memory: the last write and the last read, by barrier interval and item. */
typedef struct mock_cell {
    uint32_t written, read;           /* interval; 0: never in this launch */
    uint16_t writer, reader;          /* items; MOCK_MANY: several have read it */
    uint16_t written_line, read_line; /* of the .kc file */
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
    mock_traffic traffic;    /* of the launch so far */
    mock_cell *cells;        /* of shared memory */
    const void *params;      /* struct kernel_params of the kernel */
    void *shared;            /* struct kernel_shared of the kernel */
} mock_group;

typedef struct mock_item {
    mock_group *group;
    uint32_t local, subgroup, lane;
    uint32_t mark; /* what it leaves on words of device memory: the launch, and its number in the grid */
} mock_item;

/* A compiled kernel. */
typedef struct mock_kernel {
    const char *name;
    void (*body)(const mock_item *I);
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
                                       uint32_t other, const char *kind, mock_site site);
_Noreturn void sterna_mock_race(const mock_item *I, const char *name, uint32_t index, const mock_cell *cell,
                                const char *kind, mock_site site);
void sterna_mock_barrier(const mock_item *I, mock_site site);
int32_t sterna_mock_subgroup_add(const mock_item *I, int32_t value, mock_site site);

/* Turns of loops that the running item has left until it counts as hung: the prelude takes one in every turn of a for or a
 * while. Helper functions of kernels do not know their item, hence one number for each thread. */
extern _Thread_local int64_t sterna_mock_turns_left __attribute__((tls_model("initial-exec")));
_Noreturn void sterna_mock_out_of_turns(mock_site site);

static inline bool mock_turn(mock_site site)
{
    if (__builtin_expect(--sterna_mock_turns_left < 0, 0)) sterna_mock_out_of_turns(site);
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
static inline int32_t mock_dot4(uint32_t a, uint32_t b)
{
    int32_t sum = 0;
    for (int i = 0; i < 32; i += 8) sum += (int8_t)(a >> i) * (int8_t)(b >> i);
    return sum;
}

/* Items of one launch are in no order as far as device memory is concerned, barriers or not: a word that one item
 * writes is no other item's. Each item leaves its mark; with all bits of the item set, the reader's stands for several and
 * the writer's for atomic operations, which are in order with each other and with nothing else. */
static inline bool mock_other(uint32_t mark, uint32_t mine)
{
    return mark != mine && mark >> MOCK_ITEM_BITS == mine >> MOCK_ITEM_BITS;
}

static inline void mock_touch_load(const mock_item *I, const mock_bound *bound, uint32_t index,
                                   mock_site site)
{
    uint32_t mine = I->mark;
    mock_touch *touch = &bound->touched[index];
    if (__builtin_expect(mock_other(touch->writer, mine), 0))
        sterna_mock_memory_race(I, bound, index, touch->writer, "read after another item's write", site);
    touch->reader = mock_other(touch->reader, mine) ? mine | MOCK_ITEM_MASK : mine;
}

static inline void mock_touch_store(const mock_item *I, const mock_bound *bound, uint32_t index,
                                    const void *value, mock_site site)
{
    uint32_t mine = I->mark;
    mock_touch *touch = &bound->touched[index];
    if (__builtin_expect(mock_other(touch->writer, mine), 0))
        sterna_mock_memory_race(I, bound, index, touch->writer,
                                memcmp(&bound->words[index], value, 4) == 0
                                    ? "two writes of the same value"
                                    : "two writes of different values",
                                site);
    if (__builtin_expect(mock_other(touch->reader, mine), 0))
        sterna_mock_memory_race(I, bound, index, touch->reader, "write after another item's read", site);
    touch->writer = mine;
}

static inline void mock_touch_atomic(const mock_item *I, const mock_bound *bound, uint32_t index,
                                     mock_site site)
{
    uint32_t mine = I->mark, all = mine | MOCK_ITEM_MASK;
    mock_touch *touch = &bound->touched[index];
    if (__builtin_expect(touch->writer != all && mock_other(touch->writer, mine), 0))
        sterna_mock_memory_race(I, bound, index, touch->writer, "atomic operation after another item's write",
                                site);
    if (__builtin_expect(mock_other(touch->reader, mine), 0))
        sterna_mock_memory_race(I, bound, index, touch->reader, "atomic operation after another item's read",
                                site);
    touch->writer = all;
}

/* Checks one word of a bound buffer and gives its index back. */
static inline uint32_t mock_load(const mock_item *I, const mock_bound *bound, uint32_t index, mock_site site)
{
    I->group->traffic.loads++;
    if (__builtin_expect(index >= bound->count || bound->shadow[index] != MOCK_WRITTEN, 0))
        sterna_mock_bad_access(I, bound, index, false, site);
    if (bound->touched) mock_touch_load(I, bound, index, site);
    return index;
}

static inline uint32_t mock_store(const mock_item *I, const mock_bound *bound, uint32_t index,
                                  const void *value, mock_site site)
{
    I->group->traffic.stores++;
    if (__builtin_expect(index >= bound->count, 0)) sterna_mock_bad_access(I, bound, index, true, site);
    mock_touch_store(I, bound, index, value, site);
    bound->shadow[index] = MOCK_WRITTEN;
    return index;
}

static inline uint32_t mock_atomic(const mock_item *I, const mock_bound *bound, uint32_t index,
                                   mock_site site)
{
    I->group->traffic.stores++;
    if (__builtin_expect(index >= bound->count || bound->shadow[index] != MOCK_WRITTEN, 0))
        sterna_mock_bad_access(I, bound, index, true, site);
    mock_touch_atomic(I, bound, index, site);
    return index;
}

/* The same for a word of shared memory; `offset` is where the array begins. */
static inline uint32_t mock_shared_load(const mock_item *I, uint32_t offset, uint32_t count, uint32_t index,
                                        const char *name, mock_site site)
{
    mock_group *group = I->group;
    group->traffic.shared++;
    if (__builtin_expect(index >= count, 0)) sterna_mock_bad_shared_index(I, name, index, count, false, site);
    mock_cell *cell = &group->cells[offset + index];
    if (__builtin_expect(cell->written < group->first_interval, 0))
        sterna_mock_shared_uninitialised(I, name, index, site);
    if (__builtin_expect(cell->written == group->interval && cell->writer != I->local, 0))
        sterna_mock_race(I, name, index, cell, "read after another item's write", site);
    if (cell->read == group->interval) {
        if (cell->reader != I->local) cell->reader = MOCK_MANY;
    } else {
        cell->read = group->interval;
        cell->reader = (uint16_t)I->local;
        cell->read_line = (uint16_t)site.line;
    }
    return index;
}

static inline uint32_t mock_shared_store(const mock_item *I, uint32_t offset, uint32_t count, uint32_t index,
                                         const uint32_t *words, const void *value, const char *name,
                                         mock_site site)
{
    mock_group *group = I->group;
    group->traffic.shared++;
    if (__builtin_expect(index >= count, 0)) sterna_mock_bad_shared_index(I, name, index, count, true, site);
    mock_cell *cell = &group->cells[offset + index];
    if (__builtin_expect(cell->written == group->interval && cell->writer != I->local, 0))
        sterna_mock_race(I, name, index, cell,
                         memcmp(words + offset + index, value, 4) == 0 ? "two writes of the same value"
                                                                       : "two writes of different values",
                         site);
    if (__builtin_expect(cell->read == group->interval && cell->reader != I->local, 0))
        sterna_mock_race(I, name, index, cell, "write after another item's read", site);
    cell->written = group->interval;
    cell->writer = (uint16_t)I->local;
    cell->written_line = (uint16_t)site.line;
    return index;
}

#endif
