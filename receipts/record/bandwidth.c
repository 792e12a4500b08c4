/* How fast this machine reads memory, measured over as much of it as a model's weights take. Each thread times its own
 * rounds and keeps the best, and the rates are added: an upper estimate, which a busy machine lowers little. */
#include "base/mem.h"
#include "base/sys.h"
#include "base/thread.h"
#include "record/record.h"
#include <string.h>

enum { LEAST = 1 << 20, MOST = 256 << 20, THREADS_MAX = 256, ROUNDS = 4 };
static const double SECONDS = 0.01;

/* One thread's part. */
typedef struct part {
    const uint64_t *words;
    size_t n;    /* a multiple of 8 */
    double best; /* seconds of the fastest round */
    uint64_t sum;
} part;

static void *read_part(void *argument)
{
    part *p = argument;
    double began = sterna_sys_now(), before = began;
    for (uint32_t round = 0; round < ROUNDS || before - began < SECONDS; round++) {
        uint64_t sums[8] = {round}; /* eight, so that loads do not wait for additions */
        for (size_t i = 0; i < p->n; i += 8)
            for (size_t j = 0; j < 8; j++) sums[j] += p->words[i + j];
        for (size_t j = 0; j < 8; j++) p->sum ^= sums[j];
        double now = sterna_sys_now();
        if (round == 0 || now - before < p->best) p->best = now - before;
        before = now;
    }
    return NULL;
}

/* All parts at once; those that get no thread of their own are read by the caller, one after the other. */
static void read_all(part *parts, uint32_t n)
{
    sterna_thread threads[THREADS_MAX];
    uint32_t started = 1;
    while (started < n && sterna_thread_start(&threads[started], read_part, &parts[started]) == STERNA_OK)
        started++;
    read_part(&parts[0]);
    for (uint32_t i = 1; i < started; i++) sterna_thread_join(&threads[i]);
    for (uint32_t i = started; i < n; i++) read_part(&parts[i]);
}

sterna_status sterna_measure_bandwidth(uint64_t bytes, uint32_t threads, double *bytes_per_second,
                                       sterna_fault *fault)
{
    part parts[THREADS_MAX] = {{0}};
    uint32_t n = threads == 0 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
    if (bytes < LEAST) bytes = LEAST;
    if (bytes > MOST) bytes = MOST;
    size_t each = (size_t)(bytes / n / 64 * 8); /* words, in whole cache lines */
    uint64_t *words = sterna_alloc_aligned(each * n * sizeof *words, 64);
    if (!words)
        return sterna_fail(fault, STERNA_MEMORY, "no %llu bytes to measure the bandwidth with",
                           (unsigned long long)bytes);
    memset(words, 1, each * n * sizeof *words); /* untouched pages would all be the one page of zeros */
    for (uint32_t i = 0; i < n; i++) parts[i] = (part){.words = words + i * each, .n = each};
    read_all(parts, n);
    volatile uint64_t sink = 0; /* the sums are used, or the loads could be left out */
    double rate = 0;
    for (uint32_t i = 0; i < n; i++) {
        sink = sink ^ parts[i].sum;
        /* A round that took no measurable time took at least a nanosecond. */
        rate += (double)(each * sizeof *words) / (parts[i].best > 1e-9 ? parts[i].best : 1e-9);
    }
    sterna_free(words);
    *bytes_per_second = rate;
    return STERNA_OK;
}
