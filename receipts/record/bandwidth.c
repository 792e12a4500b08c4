/* How fast this machine reads memory, measured over as much of it as a model's weights take. */
#include "base/mem.h"
#include "base/sys.h"
#include "base/thread.h"
#include "record/record.h"
#include <string.h>

enum { LEAST = 1 << 20, MOST = 256 << 20, THREADS_MAX = 256, PASSES = 5 };

/* One thread's part: eight sums, so that loads do not wait for additions. */
typedef struct part {
    const uint64_t *words;
    size_t n; /* a multiple of 8 */
    uint32_t rounds;
    uint64_t sum;
} part;

static void *read_part(void *argument)
{
    part *p = argument;
    uint64_t sums[8] = {0};
    for (uint32_t round = 0; round < p->rounds; round++) {
        for (size_t i = 0; i < p->n; i += 8)
            for (size_t j = 0; j < 8; j++) sums[j] += p->words[i + j];
        sums[0] ^= round; /* rounds cannot be folded into one */
    }
    for (size_t j = 0; j < 8; j++) p->sum += sums[j];
    return NULL;
}

static double pass(part *parts, sterna_thread *threads, uint32_t n, uint64_t bytes)
{
    uint32_t started = 1;
    double began = sterna_sys_now();
    while (started < n && sterna_thread_start(&threads[started], read_part, &parts[started]) == STERNA_OK)
        started++;
    read_part(&parts[0]);
    for (uint32_t i = 1; i < started; i++) sterna_thread_join(&threads[i]);
    for (uint32_t i = started; i < n; i++) read_part(&parts[i]); /* the system gave fewer threads */
    double seconds = sterna_sys_now() - began;
    return seconds > 0 ? (double)bytes * parts[0].rounds / seconds : 0;
}

sterna_status sterna_measure_bandwidth(uint64_t bytes, uint32_t threads, double *bytes_per_second,
                                       sterna_fault *fault)
{
    part parts[THREADS_MAX] = {{0}};
    sterna_thread handles[THREADS_MAX];
    uint32_t n = threads == 0 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
    if (bytes < LEAST) bytes = LEAST;
    if (bytes > MOST) bytes = MOST;
    size_t each = (size_t)(bytes / n / 64 * 8); /* words, in whole cache lines */
    uint64_t *words = sterna_alloc_aligned(each * n * sizeof *words, 64);
    if (!words)
        return sterna_fail(fault, STERNA_MEMORY, "no %llu bytes to measure the bandwidth with",
                           (unsigned long long)bytes);
    memset(words, 1, each * n * sizeof *words); /* untouched pages would all be the one page of zeros */
    uint32_t rounds = (uint32_t)(((uint64_t)16 << 20) / bytes) + 1;
    for (uint32_t i = 0; i < n; i++) parts[i] = (part){words + i * each, each, rounds, 0};
    *bytes_per_second = 0;
    for (int i = 0; i < PASSES; i++) {
        double rate = pass(parts, handles, n, (uint64_t)each * n * sizeof *words);
        if (rate > *bytes_per_second) *bytes_per_second = rate;
    }
    /* The sums are used, or the loads could be left out. */
    volatile uint64_t sink = 0;
    for (uint32_t i = 0; i < n; i++) sink = sink + parts[i].sum;
    sterna_free(words);
    return *bytes_per_second > 0 ? STERNA_OK : sterna_fail(fault, STERNA_INTERNAL, "the clock stands still");
}
