/* The CUDA and HIP hosts, unmodified, on the mock driver libraries (mockgpu/vendor) that break: every fault of the mock, at
 * the places of a small model's run, from opening to closing. With STERNA_FAULT_ROUNDS unset each host and fault takes
 * every fourth place, each from another one on, so that every place is met; else all of them (ci/nightly-faults). */
#include "base/size.h"
#include "fault_rig.h"
#include <stdio.h>
#include <string.h>

#define NEEDS(t, host)                                                                                       \
    if (!fault_has(host)) SKIP(t, "this build has no backend %s", host)

typedef struct fault_row {
    const char *key;
    sterna_status status;
    const char *part;
    uint32_t spared; /* places where the host gets by */
} fault_row;

/* Both vendors have the same codes. Where a block is refused smaller ones will do; without the kernel that probes the
 * device there are no pools. */
static const fault_row alloc = {"fail_alloc", STERNA_MEMORY, "(2)", 2},
                       kernel = {"fail_kernel", STERNA_UNSUPPORTED, "is not built", 1},
                       null_kernel = {"null_kernel", STERNA_DEVICE, "gave no function", 0},
                       lost_copy = {"lose_copy", STERNA_DEVICE, "(719)", 0};
static const fault_row launches[] = {{"fail_launch", STERNA_DEVICE, "(701)", 0},
                                     {"lose_launch", STERNA_DEVICE, "(719)", 0},
                                     {"watchdog=20,hang_launch", STERNA_DEVICE, "(702)", 0}};

static void announced(sterna_test *t, const char *host, uint32_t offset)
{
    NEEDS(t, host);
    uint32_t rounds = fault_rounds(), stride = rounds > 1 ? 1 : 4;
    for (uint32_t round = 0; round < rounds; round++) {
        fault_model m;
        fault_places p;
        if (!fault_prepare(t, &m, host, round) || !fault_count(t, &m, false, &p)) return;
#define SWEEP(row, last, from)                                                                               \
    fault_sweep(t, &m, (row).key, (fault_span){1 + (offset + (from)) % stride, stride}, last, (row).spared,  \
                (row).status, (row).part)
        SWEEP(alloc, p.allocations, 0);
        SWEEP(kernel, p.lookups, 1);
        SWEEP(null_kernel, p.lookups, 2);
        SWEEP(lost_copy, p.copies, 3);
        for (uint32_t i = 0; i < STERNA_COUNT(launches); i++) SWEEP(launches[i], p.launches, i);
#undef SWEEP
    }
}

static void announced_on_cuda(sterna_test *t)
{
    announced(t, "cuda", 0);
}

static void announced_on_hip(sterna_test *t)
{
    announced(t, "hip", 2);
}

/* A verified run finds every copy that is not made, or nothing was lost by it. */
static void lies(sterna_test *t, const char *host, const char *mode)
{
    fault_model m;
    fault_places p;
    uint32_t found = 0, stride = fault_rounds() > 1 ? 1 : 3;
    NEEDS(t, host);
    if (!fault_prepare(t, &m, host, 0) || !fault_count(t, &m, true, &p)) return;
    for (uint32_t n = 1; n <= p.copies; n += stride) {
        fault_outcome o;
        char keys[60];
        snprintf(keys, sizeof keys, "lie_copy=%u,lie_mode=%s", n, mode);
        if (!fault_survives(t, &m, keys, true, &o)) return;
        if (o.status == STERNA_OK)
            CHECK_MSG(t, strcmp(o.hex, m.want) == 0, "%s: %s is not found", host, keys);
        else
            CHECK_MSG(t, o.status == STERNA_DEVICE, "%s: %s: status %d, '%s'", host, keys, (int)o.status,
                      o.fault.text);
        found += strstr(o.fault.text, "(verify-upload)") != NULL;
    }
    CHECK_MSG(t, found * stride * 2 > p.copies, "%s: %u lying copies of %u found", host, found, p.copies);
}

static void lies_to_cuda(sterna_test *t)
{
    lies(t, "cuda", "drop");
}

static void lies_to_hip(sterna_test *t)
{
    lies(t, "hip", "cut");
}

/* Devices that are odd: the right bits, or one status and sentence. A driver is looked at once, in the sound run. */
static void quirks(sterna_test *t, const char *host)
{
    static const fault_row rows[] = {
        {"strict_reads=1,late=1000,reorder=64", STERNA_OK, "", 0},
        {"max_groups=1", STERNA_OK, "", 0},
        {"warp=1", STERNA_OK, "", 0},
        {"warp=8", STERNA_OK, "", 0},
        {"warp=128", STERNA_OK, "", 0},
        {"max_group_items=64", STERNA_OK, "", 0},
        {"max_group_items=32", STERNA_UNSUPPORTED, "has no kernel for it", 0},
        {"memory=64k", STERNA_MEMORY, "", 0},
        {"hang_alloc=1", STERNA_DEVICE, "(702)", 0},
        {"offset_read=error", STERNA_DEVICE, "(719)", 0}, /* what fails in a stream stays */
#if !STERNA_HOSTILE /* which copies everything in pieces, so that most begin inside an allocation */
        {"offset_read=stale", STERNA_OK, "", 0},
#endif
    };
    fault_model m;
    fault_places p;
    NEEDS(t, host);
    if (!fault_prepare(t, &m, host, 0) || !fault_count(t, &m, false, &p)) return;
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        fault_outcome o;
        if (!fault_survives(t, &m, rows[i].key, false, &o)) return;
        EXPECT(t, o.status == rows[i].status && strstr(o.fault.text, rows[i].part));
        if (rows[i].status == STERNA_OK) EXPECT(t, strcmp(o.hex, m.want) == 0);
        sterna_test_note(t, "%s: %s: status %d, '%s'", host, rows[i].key, (int)o.status, o.fault.text);
    }
}

static void quirks_on_cuda(sterna_test *t)
{
    quirks(t, "cuda");
}

static void quirks_on_hip(sterna_test *t)
{
    quirks(t, "hip");
}

const sterna_test_case sterna_test_cases[] = {

    {"announced_on_cuda", announced_on_cuda, 120},
    {"announced_on_hip", announced_on_hip, 120},
    {"lies_to_cuda", lies_to_cuda, 60},
    {"lies_to_hip", lies_to_hip, 60},
    {"quirks_on_cuda", quirks_on_cuda, 60},
    {"quirks_on_hip", quirks_on_hip, 60},
    {0},
};
