/* Scheduling: a ready queue of items; a fiber runs items to their end and moves on without a switch, until
 * one has to wait. Barriers and subgroup operations are where items wait, and where divergence shows. */
#include "mock_group.h"
#include "base/size.h"
#include <stdio.h>
#include <string.h>

enum { STACK_BYTES = 64 * 1024, POISON_BYTE = 0xa5, STEPS_OF_BARRIER = 256 };

typedef enum item_state { FRESH, READY, RUNNING, AT_BARRIER, AT_SUBGROUP, DONE } item_state;

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

    uint16_t ready[MOCK_MAX_GROUP]; /* ring */
    uint32_t ready_first, ready_count, size, done;

    mock_fiber home, fibers[MOCK_MAX_GROUP];
    uint16_t idle[MOCK_MAX_GROUP]; /* fibers that wait for an item to start */
    uint32_t n_idle, n_made;
    uint32_t starting; /* the item a fiber begins with */
    mock_fiber *last;  /* who switched last */
    uint8_t *stacks;

    uint32_t warp;
    int64_t steps;
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

static void make_ready(mock_machine *m, uint32_t item)
{
    m->ready[(m->ready_first + m->ready_count++) % MOCK_MAX_GROUP] = (uint16_t)item;
}

/* Puts `count` items from `first` on into the queue, in a drawn order: any start, any odd stride. */
static void make_all_ready(mock_machine *m, uint32_t first, uint32_t count)
{
    uint32_t at = draw(m), stride = draw(m) | 1u;
    if (sterna_is_pow2(count)) {
        for (uint32_t i = 0; i < count; i++, at += stride) make_ready(m, first + (at & (count - 1)));
        return;
    }
    at %= count;
    for (uint32_t i = 0; i < count; i++, at = at + 1 < count ? at + 1 : 0) make_ready(m, first + at);
}

/* From either end: so some items run ahead through several waits while others have not begun. Without a branch on the
 * coin, which no processor could predict. */
static uint32_t next_ready(mock_machine *m)
{
    if (m->coins <= 1) m->coins = draw(m) | 1u << 31; /* 31 tosses and the bit that ends them */
    uint32_t back = m->coins & 1u, first = m->ready_first;
    m->coins >>= 1;
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
    m->state[item] = RUNNING;
    sterna_mock_turns_left = m->steps;
}

static uint32_t take_fiber(mock_machine *m)
{
    if (m->n_idle > 0) return m->idle[--m->n_idle];
    uint32_t f = m->n_made++;
    sterna_mock_fiber_make(&m->fibers[f], m->stacks + (size_t)f * STACK_BYTES, STACK_BYTES, fiber_body, m);
    return f;
}

static void go_to(mock_machine *m, mock_fiber *from, uint32_t item)
{
    if (m->state[item] == FRESH) {
        start_item(m, item, take_fiber(m));
        m->starting = item;
    }
    m->state[item] = RUNNING;
    sterna_mock_turns_left = m->steps;
    if (&m->fibers[m->fiber_of[item]] != from) switch_to(m, from, &m->fibers[m->fiber_of[item]]);
}

/* Leaves `from`, which waits or is out of work, for whoever is next. */
static void run_next(mock_machine *m, mock_fiber *from)
{
    if (m->ready_count == 0) {
        switch_to(m, from, &m->home);
        return;
    }
    uint32_t item = next_ready(m);
    go_to(m, from, item);
}

static void fiber_body(void *argument)
{
    mock_machine *m = argument;
    uint16_t self = m->fiber_of[m->starting];
    sterna_mock_fiber_arrive(&m->fibers[self], m->last);
    for (;;) {
        uint32_t item = m->starting;
        for (;;) { /* item after item, as long as the next one has not begun either */
            m->kernel->body(&m->items[item]);
            m->state[item] = DONE;
            m->done++;
            if (m->ready_count == 0) break;
            item = next_ready(m);
            if (m->state[item] != FRESH) break;
            start_item(m, item, self);
        }
        m->idle[m->n_idle++] = self;
        /* Comes back with an item to start. */
        if (m->state[item] == READY)
            go_to(m, &m->fibers[self], item);
        else
            run_next(m, &m->fibers[self]);
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
            make_all_ready(m, first, s->items);
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
    uint32_t item = 0;
    char text[120];
    while (item + 1 < m->size && m->state[item] != RUNNING) item++;
    snprintf(text, sizeof text, "a loop went round %lld times without a barrier", (long long)m->steps);
    m->endless = true;
    stop(&m->items[item], site, text);
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
                                       uint32_t other, const char *kind, mock_site site)
{
    const mock_machine *m = machine_of(I);
    char who[60], text[200];
    uint32_t item = other & MOCK_ITEM_MASK;
    if (item == MOCK_ITEM_MASK)
        snprintf(who, sizeof who,
                 other == bound->touched[index].writer ? "an atomic operation" : "several items");
    else
        snprintf(who, sizeof who, "item %u of group %u", item % m->size, item / m->size);
    snprintf(text, sizeof text, "race in argument %s, index %u of %u words: %s (%s) in one launch",
             bound->name, index, bound->count, kind, who);
    stop(I, site, text);
}

_Noreturn void sterna_mock_race(const mock_item *I, const char *name, uint32_t index, const mock_cell *cell,
                                const char *kind, mock_site site)
{
    const mock_group *group = I->group;
    bool was_written = cell->written == group->interval && cell->writer != I->local;
    uint32_t other = was_written ? cell->writer : cell->reader;
    char who[40], text[200];
    if (other == MOCK_MANY)
        snprintf(who, sizeof who, "several items");
    else
        snprintf(who, sizeof who, "item %u", other);
    snprintf(text, sizeof text, "race in shared array %s, index %u: %s (%s, line %u) with no barrier between",
             name, index, kind, who, was_written ? cell->written_line : cell->read_line);
    stop(I, site, text);
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
    if (m->group.interval - m->group.first_interval >= m->steps / STEPS_OF_BARRIER) {
        snprintf(text, sizeof text, "%u barriers in one group", m->group.interval - m->group.first_interval);
        report(m, &m->items[waiting], m->at[waiting], text);
        m->endless = true;
        return false;
    }
    m->group.interval++;
    memset(m->state, READY, m->size);
    make_all_ready(m, 0, m->size);
    return true;
}

static void drop_fibers(mock_machine *m)
{
    for (uint32_t f = 0; f < m->n_made; f++) sterna_mock_fiber_drop(&m->fibers[f]);
    m->n_made = 0;
    m->n_idle = 0;
}

static bool run_group(mock_machine *m)
{
    m->group.interval++;
    m->group.first_interval = m->group.interval;
    memset(m->state, FRESH, m->size);
    memset(m->shared, POISON_BYTE, m->kernel->shared_bytes);
    m->done = m->ready_first = m->ready_count = 0;
    make_all_ready(m, 0, m->size);
    for (;;) {
        run_next(m, &m->home);
        if (m->failed) break;
        if (m->done == m->size) return true;
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
    m->group.params = m->params;
    m->group.shared = m->shared;
    m->group.cells = m->cells;
    m->group.groups_x = launch->groups_x;
    m->group.groups_y = launch->groups_y;
    m->group.interval = 0;
    m->group.traffic = (mock_traffic){0};
    m->group.launch = launch->number << MOCK_ITEM_BITS;
    memset(m->cells, 0, kernel->shared_bytes / 4 * sizeof *m->cells);
    kernel->bind(launch->bounds, launch->words, m->params);
    set_items(m, kernel->group_size);
    sterna_mock_fiber_adopt(&m->home);
    /* Groups in the order (first + i * stride) mod groups, stride coprime to groups. */
    uint64_t at = groups ? draw(m) % groups : 0, stride = draw(m) | 1u;
    while (groups && gcd(stride % groups, groups) != 1 && groups > 1) stride++;
    for (uint64_t i = 0; i < groups; i++) {
        m->group.x = (uint32_t)(at % launch->groups_x);
        m->group.y = (uint32_t)(at / launch->groups_x);
        m->group.first_item = (uint32_t)(at * m->size % MOCK_ITEM_MASK);
        bool done = run_group(m);
        *traffic = m->group.traffic;
        if (!done) return sterna_fail(fault, m->endless ? STERNA_TIMEOUT : STERNA_DEVICE, "%s", m->report);
        at = (at + stride) % groups;
    }
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
    m->steps = (int64_t)steps;
    m->random = (seed + 1) * 0x9e3779b97f4a7c15ull;
    if (m->random == 0) m->random = 1; /* xorshift has no way out of zero */
    m->cells = host->allocate(host->context, MOCK_MAX_SHARED * sizeof *m->cells, 64);
    m->shared = host->allocate(host->context, MOCK_MAX_SHARED * sizeof *m->shared, 64);
    m->stacks = host->allocate(host->context, (size_t)MOCK_MAX_GROUP * STACK_BYTES, 64);
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
