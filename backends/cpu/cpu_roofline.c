/* Measuring read bandwidth and int8 throughput. */
#include "cpu/cpu_roofline.h"
#include "base/sys.h"
#include "cpu/cpu_pool.h"
#include <stdatomic.h>
#include <string.h>

#if STERNA_CPU_X86
#define PEAKS(level)                                                                                         \
    uint64_t sterna_##level##_peak_int8(uint64_t rounds, int32_t *keep);                                     \
    uint32_t sterna_##level##_read_all(const uint8_t *data, uint64_t bytes);
PEAKS(avx2)
PEAKS(avx512bw)
PEAKS(avx512vnni)
#undef PEAKS
#endif

/* Pieces take about a millisecond, so that some run undisturbed on a busy machine; the best counts. A piece
 * of the buffer is read again only after all the others, which do not fit any cache. */
enum { PASSES = 4, PIECES = 16, ROUNDS = 30000 };
static const uint64_t BUFFER = (uint64_t)512 << 20, SLICE = (uint64_t)1 << 20;

typedef uint64_t peak_function(uint64_t rounds, int32_t *keep);
typedef uint32_t read_function(const uint8_t *data, uint64_t bytes);

static uint32_t read_plainly(const uint8_t *data, uint64_t bytes)
{
    uint64_t sum = 0, word;
    for (uint64_t i = 0; i < bytes; i += sizeof word) {
        memcpy(&word, data + i, sizeof word);
        sum ^= word;
    }
    return (uint32_t)(sum ^ sum >> 32);
}

static read_function *reader(sterna_cpu_level level)
{
#if STERNA_CPU_X86
    if (level == STERNA_LEVEL_AVX512VNNI || level == STERNA_LEVEL_AVX512BW) return sterna_avx512bw_read_all;
    if (level == STERNA_LEVEL_AVX2) return sterna_avx2_read_all;
#endif
    (void)level;
    return read_plainly;
}

static peak_function *multiplier(sterna_cpu_level level)
{
#if STERNA_CPU_X86
    if (level == STERNA_LEVEL_AVX512VNNI) return sterna_avx512vnni_peak_int8;
    if (level == STERNA_LEVEL_AVX512BW) return sterna_avx512bw_peak_int8;
    if (level == STERNA_LEVEL_AVX2) return sterna_avx2_peak_int8;
#endif
    (void)level;
    return NULL;
}

typedef struct roof_job {
    const uint8_t *data;
    read_function *read;
    peak_function *peak;
    _Atomic uint32_t *kept; /* so that no work can be left out */
    _Atomic uint64_t *macs;
} roof_job;

static void read_some(const void *context, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const roof_job *job = context;
    (void)flags;
    for (uint64_t i = begin; i < end; i++)
        atomic_fetch_xor(job->kept, job->read(job->data + i * SLICE, SLICE));
}

static void multiply_some(const void *context, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const roof_job *job = context;
    int32_t keep = 0x02030405;
    (void)flags;
    for (uint64_t i = begin; i < end; i++) atomic_fetch_add(job->macs, job->peak(ROUNDS, &keep));
    atomic_fetch_xor(job->kept, (uint32_t)keep);
}

static void measure(sterna_cpu_pool *pool, uint32_t threads, roof_job *job, sterna_cpu_roofline *out)
{
    const uint8_t *whole = job->data;
    *out = (sterna_cpu_roofline){0};
    for (uint32_t i = 0; i < PASSES * PIECES; i++) {
        job->data = whole + i % PIECES * (BUFFER / PIECES);
        double start = sterna_sys_now();
        (void)sterna_cpu_pool_run(pool, read_some, job, BUFFER / PIECES / SLICE, 2);
        double rate = (double)(BUFFER / PIECES) / (sterna_sys_now() - start);
        if (rate > out->read_bytes_per_second) out->read_bytes_per_second = rate;
    }
    for (uint32_t i = 0; i < PASSES * PIECES && job->peak; i++) {
        atomic_store(job->macs, 0);
        double start = sterna_sys_now();
        (void)sterna_cpu_pool_run(pool, multiply_some, job, 8ull * threads, 1);
        double rate = (double)atomic_load(job->macs) / (sterna_sys_now() - start);
        if (rate > out->int8_macs_per_second) out->int8_macs_per_second = rate;
    }
}

sterna_status sterna_cpu_measure_roofline(const sterna_host *host, sterna_cpu_level level, uint32_t threads,
                                          sterna_cpu_roofline *out, sterna_fault *fault)
{
    sterna_cpu_pool *pool = NULL;
    uint8_t *data = host->allocate(host->context, (size_t)BUFFER + 65536, (size_t)2 << 20);
    if (!data) return sterna_fail(fault, STERNA_MEMORY, "no memory to measure reading with");
    sterna_sys_huge_pages(data, (size_t)BUFFER);
    memset(data, 1, (size_t)BUFFER + 65536);
    sterna_status status = sterna_cpu_pool_create(host, threads, &pool, fault);
    if (status == STERNA_OK) {
        _Atomic uint32_t kept = 0;
        _Atomic uint64_t macs = 0;
        roof_job job = {data, reader(level), multiplier(level), &kept, &macs};
        measure(pool, threads, &job, out);
    }
    sterna_cpu_pool_destroy(pool);
    host->release(host->context, data);
    return status;
}
