/* Scheduling: a ready queue of items; a fiber runs items to their end and moves on without a switch, until
 * one has to wait. Barriers and subgroup operations are where items wait, and where divergence shows. */
#include "mock_group.h"
#include "base/size.h"
#include <stdio.h>
#include <string.h>

/* Stacks are a little more than their size apart: were it a power of two, the frames of all items would ask for the same few
 * lines of every cache. */
enum { STACK_BYTES = 64 * 1024, STACK_STRIDE = STACK_BYTES + 17 * 64 };
enum { POISON_BYTE = 0xa5, STEPS_OF_BARRIER = 256 };

/* An item that runs or has ended stays FRESH or READY: it is in no queue. */
typedef enum item_state { FRESH, READY, AT_BARRIER, AT_SUBGROUP } item_state;

typedef struct subgroup {
    uint32_t items, arrived;
    int32_t sum;
    mock_site site;
} subgroup;

struct mock_machine {
    mock_group group; /* first: an item's group pointer is the machine */
    mock_item items[MOCK_MAX_GROUP];
    uint8_t state[MOCK_MAX_GROUP];
    mock_site at[MOCK_MAX_GROUP]; /* where it waits */
    int32_t result[MOCK_MAX_GROUP];
    uint16_t fiber_of[MOCK_MAX_GROUP];
    subgroup subgroups[MOCK_MAX_GROUP];

    /* Who may run: in front a whole group in a drawn order, of which turns `order_first` to `order_end` - 1 are left, and
     * behind it a ring. */
    uint32_t order_at, order_stride, order_first, order_end;
    uint16_t ready[MOCK_MAX_GROUP];
    uint32_t ready_first, ready_count, size, done;
    uint32_t current; /* the item that runs */
    /* Groups that have not begun, and the next of them. */
    uint64_t groups_left, groups, group_at, group_stride;

    mock_fiber home, fibers[MOCK_MAX_GROUP];
    uint16_t idle[MOCK_MAX_GROUP]; /* fibers that wait for an item to start */
    uint32_t n_idle, n_made;
    uint32_t starting; /* the item a fiber begins with */
    mock_fiber *last;  /* who switched last */
    uint8_t *stacks;

    uint32_t warp;
    uint64_t random;
    uint32_t coins;
    const sterna_host *host;
    const mock_kernel *kernel;
    mock_cell *cells; /* MOCK_MAX_SHARED */
    uint32_t *shared; /* MOCK_MAX_SHARED words */
    bool failed, endless;
    char report[400];
    _Alignas(16) uint8_t params[MOCK_MAX_PARAMS];
};

/* Of the thread that runs a launch. */
_Thread_local int64_t sterna_mock_turns_left;
static _Thread_local mock_machine *running;

static mock_machine *machine_of(const mock_item *I)
{
    return (mock_machine *)(void *)I->group;
}

/* xorshift64* (Vigna 2016). */
static uint32_t draw(mock_machine *m)
{
    m->random ^= m->random >> 12;
    m->random ^= m->random << 25;
    m->random ^= m->random >> 27;
    return (uint32_t)(m->random * 0x2545f4914f6cdd1dull >> 32);
}

/* Any start, any odd stride: each item once, when `count` is a power of two. */
static void draw_order(mock_machine *m, uint32_t *at, uint32_t *stride)
{
    *at = draw(m);
    *stride = draw(m) | 1u;
}

static void make_ready(mock_machine *m, uint32_t item)
{
    m->ready[(m->ready_first + m->ready_count++) % MOCK_MAX_GROUP] = (uint16_t)item;
}

/* Puts `count` items from `first` on behind all others, in a drawn order. */
static void make_some_ready(mock_machine *m, uint32_t first, uint32_t count)
{
    uint32_t at, stride;
    draw_order(m, &at, &stride);
    if (sterna_is_pow2(count)) {
        for (uint32_t i = 0; i < count; i++, at += stride) make_ready(m, first + (at & (count - 1)));
        return;
    }
    at %= count;
    for (uint32_t i = 0; i < count; i++, at = at + 1 < count ? at + 1 : 0) make_ready(m, first + at);
}

/* The same for the whole group while nobody is ready. */
static void make_all_ready(mock_machine *m)
{
    m->ready_first = m->order_first = m->order_end = 0;
    if (!sterna_is_pow2(m->size)) {
        make_some_ready(m, 0, m->size);
        return;
    }
    draw_order(m, &m->order_at, &m->order_stride);
    m->order_end = m->size;
}

static bool nobody_is_ready(const mock_machine *m)
{
    return m->ready_count == 0 && m->order_first == m->order_end;
}

/* From either end: so some items run ahead through several waits while others have not begun. Without a branch on the
 * coin, which no processor could predict. */
static uint32_t next_ready(mock_machine *m)
{
    if (m->coins <= 1) m->coins = draw(m) | 1u << 31; /* 31 tosses and the bit that ends them */
    uint32_t back = m->coins & 1u;
    m->coins >>= 1;
    if (m->ready_count == 0) {
        uint32_t turn = back ? m->order_end - 1 : m->order_first;
        m->order_end -= back;
        m->order_first += 1 - back;
        return (m->order_at + turn * m->order_stride) & (m->size - 1);
    }
    if (m->order_first < m->order_end && !back)
        return (m->order_at + m->order_first++ * m->order_stride) & (m->size - 1);
    uint32_t first = m->ready_first;
    m->ready_count--;
    m->ready_first = (first + 1 - back) % MOCK_MAX_GROUP;
    return m->ready[(first + (m->ready_count & (0u - back))) % MOCK_MAX_GROUP];
}

static void switch_to(mock_machine *m, mock_fiber *from, mock_fiber *to)
{
    m->last = from;
    sterna_mock_fiber_switch(from, to);
    sterna_mock_fiber_arrive(from, m->last);
}

static void fiber_body(void *argument);

/* An item's first step, on fiber f. */
static void start_item(mock_machine *m, uint32_t item, uint32_t f)
{
    uint32_t number = m->group.first_item + item;
    m->fiber_of[item] = (uint16_t)f;
    m->items[item].mark = m->group.launch | (number < MOCK_ITEM_MASK ? number : number - MOCK_ITEM_MASK);
    m->current = item;
    sterna_mock_turns_left = m->group.steps;
}

static uint32_t take_fiber(mock_machine *m)
{
    if (m->n_idle > 0) return m->idle[--m->n_idle];
    uint32_t f = m->n_made++;
    sterna_mock_fiber_make(&m->fibers[f], m->stacks + (size_t)f * STACK_STRIDE, STACK_BYTES, fiber_body, m);
    return f;
}

static void go_to(mock_machine *m, mock_fiber *from, uint32_t item)
{
    if (m->state[item] == FRESH) {
        start_item(m, item, take_fiber(m));
        m->starting = item;
    }
    m->current = item;
    sterna_mock_turns_left = m->group.steps;
    if (&m->fibers[m->fiber_of[item]] != from) switch_to(m, from, &m->fibers[m->fiber_of[item]]);
}

/* Leaves `from`, which waits or is out of work, for whoever is next. */
static void run_next(mock_machine *m, mock_fiber *from)
{
    if (nobody_is_ready(m))
        switch_to(m, from, &m->home);
    else
        go_to(m, from, next_ready(m));
}

/* All items of a group have ended, or none has begun. False: there is no other group. */
static bool begin_group(mock_machine *m)
{
    if (m->groups_left == 0) return false;
    m->groups_left--;
    m->group.x = (uint32_t)(m->group_at % m->group.groups_x);
    m->group.y = (uint32_t)(m->group_at / m->group.groups_x);
    m->group.first_item = (uint32_t)(m->group_at * m->size % MOCK_ITEM_MASK);
    m->group_at = (m->group_at + m->group_stride) % m->groups;
    m->group.interval++;
    m->group.first_interval = m->group.interval;
    memset(m->state, FRESH, m->size);
    memset(m->shared, POISON_BYTE, m->kernel->shared_bytes);
    m->done = 0;
    make_all_ready(m);
    return true;
}

static void fiber_body(void *argument)
{
    mock_machine *m = argument;
    uint16_t self = m->fiber_of[m->starting];
    sterna_mock_fiber_arrive(&m->fibers[self], m->last);
    for (;;) {
        uint32_t item = m->starting;
        for (;;) { /* item after item and group after group, as long as the next item has not begun either */
            m->kernel->body(&m->items[item], m->params);
            m->done++;
            if (nobody_is_ready(m) && (m->done < m->size || !begin_group(m))) {
                m->idle[m->n_idle++] = self;
                switch_to(m, &m->fibers[self], &m->home);
                break;
            }
            item = next_ready(m);
            if (m->state[item] != FRESH) {
                m->idle[m->n_idle++] = self;
                go_to(m, &m->fibers[self], item);
                break;
            }
            start_item(m, item, self);
        }
        /* Comes back with an item to start. */
    }
}

static void wait_here(mock_machine *m, uint32_t item, item_state state, mock_site site)
{
    m->state[item] = (uint8_t)state;
    m->at[item] = site;
    run_next(m, &m->fibers[m->fiber_of[item]]);
}

void sterna_mock_barrier(const mock_item *I, mock_site site)
{
    wait_here(machine_of(I), I->local, AT_BARRIER, site);
}

/* Results are given out when the last item of the subgroup arrives. */
int32_t sterna_mock_subgroup_add(const mock_item *I, int32_t value, mock_site site)
{
    mock_machine *m = machine_of(I);
    subgroup *s = &m->subgroups[I->subgroup];
    if (s->arrived == 0) {
        s->sum = 0;
        s->site = site;
    }
    s->sum = (int32_t)((uint32_t)s->sum + (uint32_t)value);
    s->arrived++;
    if (s->arrived == s->items) {
        uint32_t first = I->local - I->lane;
        bool same = true;
        for (uint32_t i = 0; i < s->items; i++)
            if (first + i != I->local && m->at[first + i].line != site.line) same = false;
        if (same) {
            for (uint32_t i = 0; i < s->items; i++) {
                m->result[first + i] = s->sum;
                m->state[first + i] = READY;
            }
            s->arrived = 0;
            make_some_ready(m, first, s->items);
            m->at[I->local] = site;
            run_next(m, &m->fibers[m->fiber_of[I->local]]);
            return m->result[I->local];
        }
    }
    wait_here(m, I->local, AT_SUBGROUP, site);
    return m->result[I->local];
}

/* Reports. The first one counts; the launch ends with it. */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void report(mock_machine *m, const mock_item *I, mock_site site, const char *text)
{
    snprintf(m->report, sizeof m->report, "mock:%s: %s; group (%u, %u), work item %u of %u, %s:%d",
             m->kernel->name, text, m->group.x, m->group.y, I->local, m->size, site.file, site.line);
    m->failed = true;
}

static _Noreturn void stop(const mock_item *I, mock_site site, const char *text)
{
    mock_machine *m = machine_of(I);
    report(m, I, site, text);
    switch_to(m, &m->fibers[m->fiber_of[I->local]], &m->home);
    __builtin_unreachable(); /* nobody switches back: run_group drops every fiber after a failure */
}

_Noreturn void sterna_mock_out_of_turns(mock_site site)
{
    mock_machine *m = running;
    char text[120];
    snprintf(text, sizeof text, "a loop went round %lld times without a barrier", (long long)m->group.steps);
    m->endless = true;
    stop(&m->items[m->current], site, text);
}

_Noreturn void sterna_mock_bad_access(const mock_item *I, const mock_bound *bound, uint32_t index, bool store,
                                      mock_site site)
{
    char text[200];
    if (index >= bound->count)
        snprintf(text, sizeof text, "out-of-bounds %s of argument %s, index %u of %u words",
                 store ? "write" : "read", bound->name, index, bound->count);
    else
        snprintf(text, sizeof text, "read of uninitialised memory, argument %s, index %u of %u words",
                 bound->name, index, bound->count);
    stop(I, site, text);
}

_Noreturn void sterna_mock_bad_shared_index(const mock_item *I, const char *name, uint32_t index,
                                            uint32_t count, bool store, mock_site site)
{
    char text[200];
    snprintf(text, sizeof text, "out-of-bounds %s of shared array %s, index %u of %u",
             store ? "write" : "read", name, index, count);
    stop(I, site, text);
}

_Noreturn void sterna_mock_shared_uninitialised(const mock_item *I, const char *name, uint32_t index,
                                                mock_site site)
{
    char text[200];
    snprintf(text, sizeof text, "read of uninitialised shared memory, array %s, index %u", name, index);
    stop(I, site, text);
}

_Noreturn void sterna_mock_memory_race(const mock_item *I, const mock_bound *bound, uint32_t index,
                                       const char *kind, mock_site site)
{
    const mock_machine *m = machine_of(I);
    mock_touch other = bound->touched[index];
    char who[60], text[200];
    uint32_t item = other & MOCK_ITEM_MASK, how = other & MOCK_HOW_MASK;
    if (how == MOCK_ATOMIC)
        snprintf(who, sizeof who, "an atomic operation");
    else if (item == MOCK_ITEM_MASK)
        snprintf(who, sizeof who, "several items");
    else
        snprintf(who, sizeof who, "item %u of group %u", item % m->size, item / m->size);
    snprintf(text, sizeof text, "race in argument %s, index %u of %u words: %s (%s) in one launch",
             bound->name, index, bound->count, kind, who);
    stop(I, site, text);
}

_Noreturn void sterna_mock_store_race(const mock_item *I, const mock_bound *bound, uint32_t index,
                                      const void *value, mock_site site)
{
    const char *kind = "two writes of different values";
    if ((bound->touched[index] & MOCK_HOW_MASK) == MOCK_READ)
        kind = "write after another item's read";
    else if (memcmp(&bound->words[index], value, 4) == 0)
        kind = "two writes of the same value";
    sterna_mock_memory_race(I, bound, index, kind, site);
}

_Noreturn void sterna_mock_atomic_race(const mock_item *I, const mock_bound *bound, uint32_t index,
                                       mock_site site)
{
    static const char *const kinds[] = {
        [MOCK_READ] = "atomic operation after another item's read",
        [MOCK_WROTE >> MOCK_ITEM_BITS] = "atomic operation after another item's write",
        [MOCK_ATOMIC_TOO >> MOCK_ITEM_BITS] = "atomic operation after another item's read or write"};
    sterna_mock_memory_race(I, bound, index, kinds[(bound->touched[index] & MOCK_HOW_MASK) >> MOCK_ITEM_BITS],
                            site);
}

/* `other`: the access of a cell that this one meets. */
_Noreturn void sterna_mock_race(const mock_item *I, const char *name, uint32_t index, uint64_t other,
                                const char *kind, mock_site site)
{
    uint32_t item = other >> 16 & MOCK_MANY, line = other & 0xffff;
    char who[40], text[200];
    if (item == MOCK_MANY)
        snprintf(who, sizeof who, "several items");
    else
        snprintf(who, sizeof who, "item %u", item);
    snprintf(text, sizeof text, "race in shared array %s, index %u: %s (%s, line %u) with no barrier between",
             name, index, kind, who, line);
    stop(I, site, text);
}

void sterna_mock_copy_words(const mock_item *I, const mock_bound *to, uint32_t to_index,
                            const mock_bound *from, uint32_t from_index, mock_site site)
{
    mock_view uncounted = {0};
    uint32_t words[4];
    char text[200];
    if (to_index % 4 || from_index % 4) {
        const mock_bound *bound = to_index % 4 ? to : from;
        snprintf(text, sizeof text, "misaligned %s of argument %s, index %u of %u words is no multiple of 4",
                 bound == to ? "write" : "read", bound->name, bound == to ? to_index : from_index,
                 bound->count);
        stop(I, site, text);
    }
    for (uint32_t k = 0; k < 4; k++)
        words[k] = from->words[mock_load(I, from, from_index + k, &uncounted, site)];
    for (uint32_t k = 0; k < 4; k++)
        to->words[mock_store(I, to, to_index + k, &words[k], &uncounted, site)] = words[k];
}

/* Nobody is ready: all are done, or all wait at one barrier, or the group has diverged. True: go on. */
static bool release_barrier(mock_machine *m)
{
    uint32_t waiting = m->size, at_subgroup = m->size, count = 0;
    for (uint32_t i = 0; i < m->size; i++) {
        if (m->state[i] == AT_SUBGROUP && at_subgroup == m->size) at_subgroup = i;
        if (m->state[i] == AT_BARRIER) {
            count++;
            if (waiting == m->size) waiting = i;
        }
    }
    char text[200];
    if (at_subgroup < m->size) {
        uint32_t s = m->items[at_subgroup].subgroup;
        if (m->subgroups[s].arrived == m->subgroups[s].items)
            snprintf(text, sizeof text,
                     "divergent subgroup operation: the items of subgroup %u wait at several places", s);
        else
            snprintf(text, sizeof text,
                     "divergent subgroup operation: %u of the %u items of subgroup %u are there",
                     m->subgroups[s].arrived, m->subgroups[s].items, s);
        report(m, &m->items[at_subgroup], m->at[at_subgroup], text);
        return false;
    }
    for (uint32_t i = waiting; i < m->size; i++)
        if (m->state[i] == AT_BARRIER && m->at[i].line != m->at[waiting].line) {
            snprintf(text, sizeof text, "divergent barrier: item %u waits at %s:%d", i,
                     base_name(m->at[i].file), m->at[i].line);
            report(m, &m->items[waiting], m->at[waiting], text);
            return false;
        }
    if (m->done > 0) {
        snprintf(text, sizeof text, "divergent barrier: %u items are there, %u have finished", count,
                 m->done);
        report(m, &m->items[waiting], m->at[waiting], text);
        return false;
    }
    if (m->group.interval - m->group.first_interval >= m->group.steps / STEPS_OF_BARRIER) {
        snprintf(text, sizeof text, "%u barriers in one group", m->group.interval - m->group.first_interval);
        report(m, &m->items[waiting], m->at[waiting], text);
        m->endless = true;
        return false;
    }
    m->group.interval++;
    memset(m->state, READY, m->size);
    make_all_ready(m);
    return true;
}

static void drop_fibers(mock_machine *m)
{
    for (uint32_t f = 0; f < m->n_made; f++) sterna_mock_fiber_drop(&m->fibers[f]);
    m->n_made = 0;
    m->n_idle = 0;
}

/* From the first group to the end of the last one. */
static bool run_groups(mock_machine *m)
{
    if (!begin_group(m)) return true;
    for (;;) {
        run_next(m, &m->home);
        if (m->failed) break;
        if (m->done == m->size) return true; /* and begin_group has said that there is no other */
        if (!release_barrier(m)) break;
    }
    drop_fibers(m);
    return false;
}

static void set_items(mock_machine *m, uint32_t size)
{
    m->size = size;
    for (uint32_t i = 0; i < size; i++)
        m->items[i] =
            (mock_item){.group = &m->group, .local = i, .subgroup = i / m->warp, .lane = i % m->warp};
    for (uint32_t s = 0; s * m->warp < size; s++) {
        uint32_t left = size - s * m->warp;
        m->subgroups[s] = (subgroup){.items = left < m->warp ? left : m->warp};
        m->group.subgroups = s + 1;
    }
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

sterna_status sterna_mock_machine_run(mock_machine *m, const mock_launch *launch, mock_traffic *traffic,
                                      sterna_fault *fault)
{
    const mock_kernel *kernel = launch->kernel;
    uint64_t groups = (uint64_t)launch->groups_x * launch->groups_y;
    if (kernel->group_size > MOCK_MAX_GROUP || kernel->params_bytes > MOCK_MAX_PARAMS ||
        kernel->shared_bytes > MOCK_MAX_SHARED * 4 || kernel->n_bounds > MOCK_MAX_BOUNDS)
        return sterna_fail(
            fault, STERNA_UNSUPPORTED,
            "mock:%s: a group of %u items with %u bytes of shared memory is beyond this device", kernel->name,
            kernel->group_size, kernel->shared_bytes);
    m->kernel = kernel;
    m->failed = m->endless = false;
    running = m;
    m->group.shared = m->shared;
    m->group.cells = m->cells;
    m->group.groups_x = launch->groups_x;
    m->group.groups_y = launch->groups_y;
    m->group.interval = 0;
    m->group.traffic = (mock_traffic){0};
    m->group.launch = launch->number << MOCK_LAUNCH_SHIFT;
    memset(m->cells, 0, kernel->shared_bytes / 4 * sizeof *m->cells);
    kernel->bind(launch->bounds, launch->words, m->params);
    set_items(m, kernel->group_size);
    sterna_mock_fiber_adopt(&m->home);
    /* Groups in the order (first + i * stride) mod groups, stride coprime to groups. */
    m->groups = m->groups_left = groups;
    m->group_at = groups ? draw(m) % groups : 0;
    m->group_stride = draw(m) | 1u;
    while (groups > 1 && gcd(m->group_stride % groups, groups) != 1) m->group_stride++;
    bool done = run_groups(m);
    *traffic = m->group.traffic;
    if (!done) return sterna_fail(fault, m->endless ? STERNA_TIMEOUT : STERNA_DEVICE, "%s", m->report);
    for (uint32_t f = 0; f < m->n_made; f++)
        if (!sterna_mock_fiber_sound(&m->fibers[f]))
            return sterna_fail(fault, STERNA_DEVICE, "mock:%s: a work item used more than %d bytes of stack",
                               kernel->name, STACK_BYTES);
    return STERNA_OK;
}

mock_machine *sterna_mock_machine_make(const sterna_host *host, uint32_t warp, uint64_t seed, uint64_t steps)
{
    mock_machine *m = host->allocate(host->context, sizeof *m, 64);
    if (!m) return NULL;
    memset(m, 0, sizeof *m);
    m->host = host;
    m->warp = warp;
    m->group.steps = (int64_t)steps;
    m->random = (seed + 1) * 0x9e3779b97f4a7c15ull;
    if (m->random == 0) m->random = 1; /* xorshift has no way out of zero */
    m->cells = host->allocate(host->context, MOCK_MAX_SHARED * sizeof *m->cells, 64);
    m->shared = host->allocate(host->context, MOCK_MAX_SHARED * sizeof *m->shared, 64);
    m->stacks = host->allocate(host->context, (size_t)MOCK_MAX_GROUP * STACK_STRIDE, 64);
    if (m->cells && m->shared && m->stacks) return m;
    sterna_mock_machine_free(m);
    return NULL;
}

void sterna_mock_machine_free(mock_machine *m)
{
    if (!m) return;
    const sterna_host *host = m->host;
    drop_fibers(m);
    host->release(host->context, m->cells);
    host->release(host->context, m->shared);
    host->release(host->context, m->stacks);
    host->release(host->context, m);
}
