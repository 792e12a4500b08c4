/* Threads that share the items of one node. Owns: the threads, how items are cut and claimed, how threads
 * wait. Leaves to others: what a node is (cpu_plan.c).
 *
 * The caller of sterna_cpu_pool_run() is worker 0. Helpers spin for a moment after a job, then sleep; a new
 * job wakes only as many as it has pieces for. Nothing is allocated after create. */
#ifndef STERNA_CPU_POOL_H
#define STERNA_CPU_POOL_H

#include "base/status.h"

typedef struct sterna_cpu_pool sterna_cpu_pool;

/* `threads` in all, the caller included (at least 1). MEMORY when memory or a thread is refused. */
sterna_status sterna_cpu_pool_create(const sterna_host *host, uint32_t threads, sterna_cpu_pool **pool,
                                     sterna_fault *fault);
void sterna_cpu_pool_destroy(sterna_cpu_pool *pool);

/* Does items [begin, end) of some work; sets bits of *flags. */
typedef void sterna_cpu_work(const void *context, uint64_t begin, uint64_t end, uint32_t *flags);

/* Runs work over [0, items) in pieces of `piece` items (the last one shorter); returns when all are done,
 * with the union of their flags. The result does not depend on who computed which piece. */
uint32_t sterna_cpu_pool_run(sterna_cpu_pool *pool, sterna_cpu_work *work, const void *context,
                             uint64_t items, uint64_t piece);

/* The floating-point environment canonical arithmetic needs: round to nearest, subnormals kept, no traps.
 * Returns what was set before, for _leave. */
uint64_t sterna_cpu_float_enter(void);
void sterna_cpu_float_leave(uint64_t before);

#endif
