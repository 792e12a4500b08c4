/* The worker pool: claiming pieces through one 64-bit ticket, spinning, sleeping. */
#include "cpu/cpu_pool.h"
#include "base/thread.h"
#include <stdatomic.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* A helper looks this many times for new work before it sleeps (20 to 50 microseconds), the caller before it
 * yields its processor to a helper that was descheduled. */
enum { SPINS = 1500 };

struct sterna_cpu_pool {
    const sterna_host *host;
    sterna_thread *helpers;
    uint32_t n_helpers; /* started */

    /* The ticket: number of the job above, pieces not yet claimed below. A thread claims a piece by taking
     * one off; only then may it read the job, which stays as it is until every claimed piece is finished. */
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) _Atomic uint64_t unfinished; /* pieces of the job still to be finished */
    _Atomic uint32_t flags;

    _Alignas(64) sterna_cpu_work *work;
    const void *context;
    uint64_t items, piece;
    uint32_t pieces, job;

    _Alignas(64) _Atomic uint32_t sleepers;
    _Atomic uint32_t stop;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
};

static void relax(void)
{
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

uint64_t sterna_cpu_float_enter(void)
{
#if defined(__x86_64__)
    uint32_t before = _mm_getcsr();
    _mm_setcsr(0x1f80); /* the power-on value: all exceptions masked, nearest, neither FTZ nor DAZ */
    return before;
#elif defined(__aarch64__)
    uint64_t before, standard = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(standard));
    return before;
#else
    return 0;
#endif
}

void sterna_cpu_float_leave(uint64_t before)
{
#if defined(__x86_64__)
    _mm_setcsr((uint32_t)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

/* Claims and runs one piece; false when none is left. */
static bool run_piece(sterna_cpu_pool *pool)
{
    uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    do {
        if ((uint32_t)ticket == 0) return false;
    } while (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket - 1, memory_order_acq_rel,
                                                    memory_order_acquire));
    uint64_t begin = (uint64_t)(pool->pieces - (uint32_t)ticket) * pool->piece;
    uint64_t end = pool->items - begin < pool->piece ? pool->items : begin + pool->piece;
    uint32_t flags = 0;
    pool->work(pool->context, begin, end, &flags);
    if (flags) atomic_fetch_or_explicit(&pool->flags, flags, memory_order_relaxed);
    atomic_fetch_sub_explicit(&pool->unfinished, 1, memory_order_release);
    return true;
}

static bool work_is_open(sterna_cpu_pool *pool)
{
    return (uint32_t)atomic_load(&pool->ticket) != 0;
}

/* Sleeping: the helper announces itself before it looks again, the caller publishes before it looks for
 * sleepers; both with sequential consistency, so that one of them sees the other. */
static void sleep_until_work(sterna_cpu_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!work_is_open(pool) && !atomic_load(&pool->stop)) pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void *helper(void *argument)
{
    sterna_cpu_pool *pool = argument;
    (void)sterna_cpu_float_enter();
    while (!atomic_load_explicit(&pool->stop, memory_order_relaxed)) {
        if (run_piece(pool)) continue;
        uint32_t spin = 0;
        while (spin < SPINS && !work_is_open(pool)) {
            relax();
            spin++;
        }
        if (spin == SPINS) sleep_until_work(pool);
    }
    return NULL;
}

uint32_t sterna_cpu_pool_run(sterna_cpu_pool *pool, sterna_cpu_work *work, const void *context,
                             uint64_t items, uint64_t piece)
{
    uint32_t flags = 0, helpers = pool->n_helpers;
    if (helpers == 0 || piece >= items || (items + piece - 1) / piece > UINT32_MAX) {
        work(context, 0, items, &flags);
        return flags;
    }
    pool->work = work;
    pool->context = context;
    pool->items = items;
    pool->piece = piece;
    pool->pieces = (uint32_t)((items + piece - 1) / piece);
    atomic_store_explicit(&pool->flags, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->unfinished, pool->pieces, memory_order_relaxed);
    atomic_store(&pool->ticket, (uint64_t)++pool->job << 32 | pool->pieces);
    uint32_t asleep = atomic_load(&pool->sleepers);
    if (asleep > 0) {
        uint32_t useful = pool->pieces - 1 < asleep ? pool->pieces - 1 : asleep;
        pthread_mutex_lock(&pool->mutex);
        for (uint32_t i = 0; i < useful; i++) pthread_cond_signal(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
    while (run_piece(pool)) {}
    for (uint32_t spin = 0; atomic_load_explicit(&pool->unfinished, memory_order_acquire) != 0; spin++)
        if (spin < SPINS)
            relax();
        else
            sterna_thread_yield();
    return atomic_load_explicit(&pool->flags, memory_order_relaxed);
}

sterna_status sterna_cpu_pool_create(const sterna_host *host, uint32_t threads, sterna_cpu_pool **out,
                                     sterna_fault *fault)
{
    sterna_cpu_pool *pool = host->allocate(host->context, sizeof *pool, 64);
    if (!pool) return sterna_fail(fault, STERNA_MEMORY, "cpu: no memory for the thread pool");
    memset(pool, 0, sizeof *pool);
    pool->host = host;
    if (threads > 1) pool->helpers = host->allocate(host->context, (threads - 1) * sizeof *pool->helpers, 64);
    if (threads > 1 && !pool->helpers) {
        host->release(host->context, pool);
        return sterna_fail(fault, STERNA_MEMORY, "cpu: no memory for the thread pool");
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    while (pool->n_helpers + 1 < threads) {
        if (sterna_thread_start(&pool->helpers[pool->n_helpers], helper, pool) != STERNA_OK) {
            sterna_fail(fault, STERNA_MEMORY,
                        "cpu: the system refuses thread %u of %u; ask for fewer threads", pool->n_helpers + 2,
                        threads);
            sterna_cpu_pool_destroy(pool);
            return STERNA_MEMORY;
        }
        pool->n_helpers++;
    }
    *out = pool;
    return STERNA_OK;
}

void sterna_cpu_pool_destroy(sterna_cpu_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stop, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (uint32_t i = 0; i < pool->n_helpers; i++) sterna_thread_join(&pool->helpers[i]);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    const sterna_host *host = pool->host;
    host->release(host->context, pool->helpers);
    host->release(host->context, pool);
}
