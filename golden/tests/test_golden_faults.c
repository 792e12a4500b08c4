/* A small model from opening to closing on a mock GPU that breaks, for every fault and quirk and every n: the right bits or
 * a clear error, no memory left on either side, and never another device's kernels. Silent faults are found by
 * --verify-upload, or change bits that a comparison then finds.
 * STERNA_FAULT_ROUNDS: rounds with another seed, warp and model each; 1 unless set (ci/nightly-faults). */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "fault_rig.h"
#include <stdio.h>
#include <string.h>

/* A hostile build copies weights row by row: there each seventh place is enough. */
#if STERNA_HOSTILE
enum { STEP = 7 };
#else
enum { STEP = 1 };
#endif
static const fault_span EVERY = {1, STEP};

static void announced(sterna_test *t)
{
    for (uint32_t round = 0; round < fault_rounds(); round++) {
        fault_model m;
        fault_places p;
        if (!fault_prepare(t, &m, "mock", round) || !fault_count(t, &m, false, &p)) return;
        fault_sweep(t, &m, "fail_alloc", EVERY, p.allocations, 0, STERNA_MEMORY, "refused by its profile");
        fault_sweep(t, &m, "fail_kernel", EVERY, p.lookups, 0, STERNA_UNSUPPORTED, "refused by its profile");
        fault_sweep(t, &m, "null_kernel", EVERY, p.lookups, 0, STERNA_DEVICE, "and gives none");
        fault_sweep(t, &m, "fail_launch", EVERY, p.launches, 0, STERNA_DEVICE, "refused by its profile");
        fault_sweep(t, &m, "lose_launch", EVERY, p.launches, 0, STERNA_DEVICE, "device lost in launch");
        fault_sweep(t, &m, "hang_launch", EVERY, p.launches, 0, STERNA_DEVICE, "watchdog");
        fault_sweep(t, &m, "lose_copy", EVERY, p.copies, 0, STERNA_DEVICE, "device lost in copy");
    }
}

/* With pools the device is probed when it is opened, and blocks are shared: where a block is refused a smaller one will do,
 * and without the probe's kernel there are no pools. */
static void announced_with_pools(sterna_test *t)
{
    for (uint32_t round = 0; round < fault_rounds(); round++) {
        fault_model m;
        fault_places p;
        if (!fault_prepare(t, &m, "mock", round)) return;
        m.also = "pool=64k,";
        if (!fault_count(t, &m, false, &p)) return;
        fault_sweep(t, &m, "fail_alloc", EVERY, p.allocations, p.allocations / 2, STERNA_MEMORY,
                    "refused by its profile");
        fault_sweep(t, &m, "fail_kernel", EVERY, p.lookups, 1, STERNA_UNSUPPORTED, "refused by its profile");
        fault_sweep(t, &m, "null_kernel", EVERY, p.lookups, 0, STERNA_DEVICE, "and gives none");
        fault_sweep(t, &m, "lose_launch", EVERY, p.launches, 0, STERNA_DEVICE, "device lost in launch");
        fault_sweep(t, &m, "hang_launch", EVERY, p.launches, 0, STERNA_DEVICE, "watchdog");
        fault_sweep(t, &m, "lose_copy", EVERY, p.copies, 0, STERNA_DEVICE, "device lost in copy");
    }
}

/* The host's own memory: every so many-th request is refused, every one in the nightly job. */
static void host_memory(sterna_test *t)
{
    fault_model m;
    if (!fault_prepare(t, &m, "mock", 0)) return;
    const uint64_t step = fault_rounds() > 1 ? 1 : 7;
    for (uint64_t n = 1;; n += step) {
        fault_outcome o;
        int64_t live = sterna_mem_live();
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        o = fault_run(&m, "mock:pool=64k", n % 2 == 0);
        bool reached = sterna_fault_count(STERNA_FAULT_ALLOC) >= n;
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        if (!reached) {
            CHECK_MSG(t, o.status == STERNA_OK && strcmp(o.hex, m.want) == 0, "status %d, '%s'",
                      (int)o.status, o.fault.text);
            CHECK_MSG(t, n > 100, "%u requests", (unsigned)n);
            return;
        }
        CHECK_MSG(t, o.status == STERNA_MEMORY && o.fault.text[0] && sterna_mem_live() == live,
                  "request %u: status %d, '%s', %d blocks leaked", (unsigned)n, (int)o.status, o.fault.text,
                  (int)(sterna_mem_live() - live));
    }
}

/* Behind so many small blocks the next allocation hangs, until there are never so many. */
static void allocations_that_hang(sterna_test *t)
{
    fault_model m;
    if (!fault_prepare(t, &m, "mock", 0)) return;
    for (uint32_t n = 1; n < 200; n++) {
        fault_outcome o;
        char keys[40];
        snprintf(keys, sizeof keys, "hang_alloc=%u", n);
        if (!fault_survives(t, &m, keys, false, &o)) return;
        if (o.status == STERNA_OK) {
            CHECK(t, strcmp(o.hex, m.want) == 0 && n > 5);
            return;
        }
        CHECK_MSG(t, o.status == STERNA_DEVICE && strstr(o.fault.text, "did not return within the watchdog"),
                  "%s: %s", keys, o.fault.text);
    }
    CHECK(t, false && "200 small blocks are enough");
}

/* Every copy of a verified run, not made in each of three ways: an error that says so, or nothing was lost by it. */
static void copies_that_lie(sterna_test *t)
{
    static const char *const modes[] = {"drop", "shift", "cut"};
    for (uint32_t round = 0; round < fault_rounds(); round++) {
        fault_model m;
        fault_places p;
        if (!fault_prepare(t, &m, "mock", round) || !fault_count(t, &m, true, &p)) return;
        uint32_t found = 0, tensors = 0, unseen = 0;
        for (uint32_t n = 1; n <= p.copies; n += STEP)
            for (uint32_t mode = 0; mode < STERNA_COUNT(modes); mode++) {
                fault_outcome o;
                char keys[60];
                snprintf(keys, sizeof keys, "lie_copy=%u,lie_mode=%s", n, modes[mode]);
                if (!fault_survives(t, &m, keys, true, &o)) return;
                if (o.status == STERNA_OK) {
                    CHECK_MSG(t, strcmp(o.hex, m.want) == 0, "%s is not found", keys);
                    unseen++;
                    continue;
                }
                CHECK_MSG(t, o.status == STERNA_DEVICE && strstr(o.fault.text, "(verify-upload)"),
                          "%s: status %d, '%s'", keys, (int)o.status, o.fault.text);
                found++;
                tensors += strstr(o.fault.text, ".weight: the device's copy") != NULL;
            }
        printf("%s %s: %u lying copies found, %u by a tensor's name, %u changed nothing\n", m.shape, m.type,
               found, tensors, unseen);
        CHECK(t, found > 2 * p.copies / STEP && tensors >= 20);
    }
}

/* Without --verify-upload nobody looks: some of the same runs end well, with bits that are not the reference's. */
static void lies_are_silent_otherwise(sterna_test *t)
{
    fault_model m;
    fault_places p;
    uint32_t silent = 0;
    if (!fault_prepare(t, &m, "mock", 0) || !fault_count(t, &m, false, &p)) return;
    for (uint32_t n = 1; n <= p.copies; n += STEP) {
        fault_outcome o;
        char keys[60];
        snprintf(keys, sizeof keys, "lie_copy=%u,lie_mode=cut", n);
        if (!fault_survives(t, &m, keys, false, &o)) return;
        silent += o.status == STERNA_OK && strcmp(o.hex, m.want) != 0;
    }
    CHECK_MSG(t, silent >= 3, "%u", silent);
}

/* One bit at every launch, in what it wrote or in a weight: never a crash; often other logits, which the digest shows. */
static void bits_that_flip(sterna_test *t)
{
    static const char *const keys[] = {"flip_bit", "flip_memory"};
    for (uint32_t round = 0; round < fault_rounds(); round++) {
        fault_model m;
        fault_places p;
        if (!fault_prepare(t, &m, "mock", round) || !fault_count(t, &m, false, &p)) return;
        for (uint32_t k = 0; k < STERNA_COUNT(keys); k++) {
            uint32_t other = 0, same = 0, refused = 0;
            for (uint32_t n = 1; n <= p.launches; n++) {
                fault_outcome o;
                char one[40];
                snprintf(one, sizeof one, "%s=%u", keys[k], n);
                if (!fault_survives(t, &m, one, false, &o)) return;
                if (o.status == STERNA_OK)
                    *(strcmp(o.hex, m.want) ? &other : &same) += 1;
                else {
                    CHECK_MSG(t, o.status == STERNA_NUMERIC, "%s: status %d, '%s'", one, (int)o.status,
                              o.fault.text);
                    refused++;
                }
            }
            printf("%s %s: %s: %u other digests, %u the same, %u refused\n", m.shape, m.type, keys[k], other,
                   same, refused);
            CHECK_MSG(t, other >= p.launches / 4, "%s: %u other digests of %u", keys[k], other, p.launches);
        }
    }
}

/* Devices that are odd or small, and what the engine makes of each: the right bits, or one status and sentence. */
static void quirks(sterna_test *t)
{
    static const struct {
        const char *keys;
        sterna_status status;
        const char *part;
    } rows[] = {
        {"strict_reads=1", STERNA_OK, NULL},
        {"late=1000,reorder=64", STERNA_OK, NULL},
        {"alignment=4096,real_alignment=4096", STERNA_OK, NULL},
        {"alignment=4", STERNA_OK, NULL},
        {"max_groups=1", STERNA_OK, NULL},
        {"max_group_items=64", STERNA_OK, NULL},
        {"features=0,warp=1", STERNA_OK, NULL},
        {"warp=2", STERNA_OK, NULL},
        {"warp=128", STERNA_OK, NULL},
        {"max_group_items=32", STERNA_UNSUPPORTED, "has no kernel for it"},
        {"max_binding=4k", STERNA_UNSUPPORTED, ""},
        {"memory=64k", STERNA_MEMORY, ""},
        {"real_alignment=4096", STERNA_DEVICE, "cannot be bound (alignment 4096"},
        {"offset_read=error", STERNA_OK, NULL},
        {"offset_read=stale", STERNA_OK, NULL},
        {"pool=1m,offset_read=error", STERNA_OK, NULL},
        {"pool=1m,offset_read=stale", STERNA_OK, NULL},
        {"lie_fence=1", STERNA_DEVICE, "which no kernel writes"},
    };
    fault_model m;
    if (!fault_prepare(t, &m, "mock", 0)) return;
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        fault_outcome o;
        if (!fault_survives(t, &m, rows[i].keys, false, &o)) return;
        if (rows[i].status == STERNA_OK)
            EXPECT(t, o.status == STERNA_OK && strcmp(o.hex, m.want) == 0);
        else
            EXPECT(t, o.status == rows[i].status && strstr(o.fault.text, rows[i].part));
        sterna_test_note(t, "%s: status %d, '%s'", rows[i].keys, (int)o.status, o.fault.text);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"announced", announced, 120},
    {"announced_with_pools", announced_with_pools, 120},
    {"host_memory", host_memory, 60},
    {"allocations_that_hang", allocations_that_hang, 60},
    {"copies_that_lie", copies_that_lie, 120},
    {"lies_are_silent_otherwise", lies_are_silent_otherwise, 60},
    {"bits_that_flip", bits_that_flip, 120},
    {"quirks", quirks, 60},
    {0},
};
