/* A small model from opening to closing on a mock GPU that breaks, for every fault and quirk and every n: the right bits or
 * a clear error, no memory left on either side, and never another device's kernels. Silent faults are found by
 * --verify-upload, or change bits that a comparison then finds.
 * STERNA_FAULT_ROUNDS: rounds with another seed, warp and model each; 1 unless set (ci/nightly-faults). */
#include "base/env.h"
#include "base/fault_point.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/size.h"
#include "convert/convert.h"
#include "golden_test.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 2, MOST_KERNELS = 64 };

typedef struct model {
    const char *shape, *type;
    uint32_t seed, warp; /* of the device in this round */
    const char *also;    /* further keys: "pool=64k," */
    char path[1200], log[1200];
    char want[65]; /* the reference's digest */
} model;

/* What became of one run. */
typedef struct outcome {
    sterna_status status;
    sterna_fault fault;
    char hex[65];
    bool foreign; /* a kernel or a device that is no mock's */
} outcome;

static sterna_status generate(golden_run *one, char hex[65], bool *foreign, sterna_fault *fault)
{
    uint32_t ids[64], out[TOKENS], n_out;
    uint8_t root[32], value[32];
    size_t n = 0;
    sterna_digest *digest = NULL;
    sterna_status status =
        sterna_tokenize(one->model, "the", 3, STERNA_TOKENIZE_BOS, ids, STERNA_COUNT(ids), &n, fault);
    if (status == STERNA_OK) status = sterna_model_hash(one->model, 1, root, fault);
    if (status == STERNA_OK) status = sterna_digest_attach(one->session, root, 0, &digest, fault);
    if (status == STERNA_OK) status = golden_greedy(one, ids, (uint32_t)n, TOKENS, out, &n_out, fault);
    if (status == STERNA_OK) {
        sterna_kernel_use uses[MOST_KERNELS];
        sterna_device_info info = {.size = sizeof info};
        uint32_t kinds = sterna_session_kernels(one->session, uses, MOST_KERNELS);
        sterna_session_device(one->session, &info);
        *foreign = !info.is_mock || kinds == 0 || kinds > MOST_KERNELS;
        for (uint32_t i = 0; i < kinds && i < MOST_KERNELS; i++)
            *foreign |= strncmp(uses[i].name, "mock:", 5) != 0 || uses[i].launches == 0;
        sterna_digest_get(digest, value);
        sterna_hash_hex(value, hex);
    }
    sterna_session_close(one->session);
    one->session = NULL;
    sterna_digest_free(digest);
    return status;
}

static outcome run(const char *path, const char *device, bool verify)
{
    outcome o = {0};
    golden_run one;
    sterna_session_params params = golden_params(device, STERNA_KV_F16);
    params.n_ctx = 16;
    params.verify_upload = verify;
    o.status = golden_open(path, &params, &one, &o.fault);
    if (o.status == STERNA_OK) o.status = generate(&one, o.hex, &o.foreign, &o.fault);
    golden_close(&one);
    return o;
}

/* A figure of the log's last line; UINT32_MAX when it is not there. */
static uint32_t figure(const char *log, const char *name)
{
    sterna_mapping file = {0};
    char want[40];
    uint32_t value = UINT32_MAX;
    if (sterna_sys_read(log, 16u << 20, &file, NULL) != STERNA_OK) return value;
    snprintf(want, sizeof want, "\"%s\":", name);
    const char *close = strstr((const char *)file.data, "\"call\":\"close\"");
    const char *at = close ? strstr(close, want) : NULL;
    if (at) value = (uint32_t)strtoul(at + strlen(want), NULL, 10);
    sterna_sys_unmap(&file);
    return value;
}

/* One run on mock:<keys>, and what holds for every one of them. `found` gets the outcome. */
static bool survives(sterna_test *t, const model *m, const char *keys, bool verify, outcome *found)
{
    char device[1500];
    int64_t live = sterna_mem_live();
    snprintf(device, sizeof device, "mock:warp=%u,seed=%u,log=%s,%s%s", m->warp, m->seed, m->log, m->also,
             keys);
    *found = run(m->path, device, verify);
    uint32_t leaked = figure(m->log, "leaked");
    bool sound = EXPECT(t, sterna_mem_live() == live) && EXPECT(t, leaked == 0) &&
                 EXPECT(t, !found->foreign) &&
                 EXPECT(t, (found->status == STERNA_OK) == (found->fault.text[0] == 0)) &&
                 EXPECT(t, found->status != STERNA_INTERNAL);
    if (!sound)
        sterna_test_note(t, "%s: %d blocks of the host and %u of the device leaked; status %d, '%s'", keys,
                         (int)(sterna_mem_live() - live), leaked, (int)found->status, found->fault.text);
    return sound;
}

static bool prepare(sterna_test *t, model *m, uint32_t round)
{
    static const struct {
        const char *shape, *type;
    } models[] = {
        {"bitnet-small", "tq2_0"}, {"llama-small", "q4_k"}, {"llama-small", "q8_0"}, {"llama-small", "bf16"}};
    static const uint32_t warps[] = {32, 8, 64, 4, 16, 1};
    sterna_fault fault = {0};
    *m = (model){.shape = models[round % STERNA_COUNT(models)].shape,
                 .type = models[round % STERNA_COUNT(models)].type,
                 .seed = round,
                 .also = "",
                 .warp = warps[round % STERNA_COUNT(warps)]};
    snprintf(m->path, sizeof m->path, "%s/%u.gguf", sterna_test_folder(t), round);
    snprintf(m->log, sizeof m->log, "%s/log", sterna_test_folder(t));
    const sterna_synth_params params = {.shape = m->shape, .type = m->type, .seed = 7 + round, .layers = 1};
    if (!EXPECT(t, sterna_synth(&params, m->path, &fault) == STERNA_OK)) return false;
    outcome reference = run(m->path, "cpu:scalar", false);
    snprintf(m->want, sizeof m->want, "%s", reference.hex);
    return EXPECT(t, reference.status == STERNA_OK);
}

static uint32_t rounds(void)
{
    const char *text = sterna_env_get(STERNA_ENV_FAULT_ROUNDS);
    unsigned long n = text ? strtoul(text, NULL, 10) : 1;
    return n >= 1 && n <= 1000 ? (uint32_t)n : 1;
}

/* "<key>=n" for n = 1 to `last`: the announced error each time, but for `spared` of them that the host got by with the right
 * bits; and at last + 1 the right bits. */
static void sweep(sterna_test *t, const model *m, const char *key, uint32_t last, uint32_t spared,
                  sterna_status wanted, const char *part)
{
    uint32_t got_by = 0;
    CHECK_MSG(t, last >= 5 && last < 5000, "%s has %u places", key, last);
    for (uint32_t n = 1; n <= last + 1; n++) {
        outcome o;
        char keys[60];
        snprintf(keys, sizeof keys, "%s=%u", key, n);
        if (!survives(t, m, keys, false, &o)) return;
        got_by += n <= last && o.status == STERNA_OK;
        if (n == last + 1 || o.status == STERNA_OK)
            CHECK_MSG(t, o.status == STERNA_OK && strcmp(o.hex, m->want) == 0,
                      "%s: status %d, '%s', digest %s", keys, (int)o.status, o.fault.text, o.hex);
        else
            CHECK_MSG(t, o.status == wanted && strstr(o.fault.text, part), "%s: status %d, '%s'", keys,
                      (int)o.status, o.fault.text);
    }
    printf("%s %s: %s%s at %u places, got by at %u\n", m->shape, m->type, m->also, key, last, got_by);
    CHECK_MSG(t, got_by <= spared, "%s: got by at %u places", key, got_by);
}

/* Figures of a run in which nothing breaks. */
typedef struct places {
    uint32_t allocations, lookups, copies, launches;
} places;

static bool count_places(sterna_test *t, const model *m, bool verify, places *p)
{
    outcome o;
    if (!survives(t, m, "fail_alloc=0", verify, &o) || !EXPECT(t, o.status == STERNA_OK) ||
        !EXPECT(t, strcmp(o.hex, m->want) == 0))
        return false;
    *p = (places){figure(m->log, "allocations"), figure(m->log, "lookups"), figure(m->log, "copies"),
                  figure(m->log, "launches")};
    return true;
}

static void announced(sterna_test *t)
{
    for (uint32_t round = 0; round < rounds(); round++) {
        model m;
        places p;
        if (!prepare(t, &m, round) || !count_places(t, &m, false, &p)) return;
        sweep(t, &m, "fail_alloc", p.allocations, 0, STERNA_MEMORY, "refused by its profile");
        sweep(t, &m, "fail_kernel", p.lookups, 0, STERNA_UNSUPPORTED, "refused by its profile");
        sweep(t, &m, "null_kernel", p.lookups, 0, STERNA_DEVICE, "and gives none");
        sweep(t, &m, "fail_launch", p.launches, 0, STERNA_DEVICE, "refused by its profile");
        sweep(t, &m, "lose_launch", p.launches, 0, STERNA_DEVICE, "device lost in launch");
        sweep(t, &m, "hang_launch", p.launches, 0, STERNA_DEVICE, "watchdog");
        sweep(t, &m, "lose_copy", p.copies, 0, STERNA_DEVICE, "device lost in copy");
    }
}

/* With pools the device is probed when it is opened, and blocks are shared: where a block is refused a smaller one will do,
 * and without the probe's kernel there are no pools. */
static void announced_with_pools(sterna_test *t)
{
    for (uint32_t round = 0; round < rounds(); round++) {
        model m;
        places p;
        if (!prepare(t, &m, round)) return;
        m.also = "pool=64k,";
        if (!count_places(t, &m, false, &p)) return;
        sweep(t, &m, "fail_alloc", p.allocations, p.allocations / 2, STERNA_MEMORY, "refused by its profile");
        sweep(t, &m, "fail_kernel", p.lookups, 1, STERNA_UNSUPPORTED, "refused by its profile");
        sweep(t, &m, "null_kernel", p.lookups, 0, STERNA_DEVICE, "and gives none");
        sweep(t, &m, "lose_launch", p.launches, 0, STERNA_DEVICE, "device lost in launch");
        sweep(t, &m, "hang_launch", p.launches, 0, STERNA_DEVICE, "watchdog");
        sweep(t, &m, "lose_copy", p.copies, 0, STERNA_DEVICE, "device lost in copy");
    }
}

/* The host's own memory: every so many-th request is refused, every one in the nightly job. */
static void host_memory(sterna_test *t)
{
    model m;
    if (!prepare(t, &m, 0)) return;
    const uint64_t step = rounds() > 1 ? 1 : 7;
    for (uint64_t n = 1;; n += step) {
        outcome o;
        int64_t live = sterna_mem_live();
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        o = run(m.path, "mock:pool=64k", n % 2 == 0);
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
    model m;
    if (!prepare(t, &m, 0)) return;
    for (uint32_t n = 1; n < 200; n++) {
        outcome o;
        char keys[40];
        snprintf(keys, sizeof keys, "hang_alloc=%u", n);
        if (!survives(t, &m, keys, false, &o)) return;
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
    for (uint32_t round = 0; round < rounds(); round++) {
        model m;
        places p;
        if (!prepare(t, &m, round) || !count_places(t, &m, true, &p)) return;
        uint32_t found = 0, tensors = 0, unseen = 0;
        for (uint32_t n = 1; n <= p.copies; n++)
            for (uint32_t mode = 0; mode < STERNA_COUNT(modes); mode++) {
                outcome o;
                char keys[60];
                snprintf(keys, sizeof keys, "lie_copy=%u,lie_mode=%s", n, modes[mode]);
                if (!survives(t, &m, keys, true, &o)) return;
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
        CHECK(t, found > 2 * p.copies && tensors >= 20);
    }
}

/* Without --verify-upload nobody looks: some of the same runs end well, with bits that are not the reference's. */
static void lies_are_silent_otherwise(sterna_test *t)
{
    model m;
    places p;
    uint32_t silent = 0;
    if (!prepare(t, &m, 0) || !count_places(t, &m, false, &p)) return;
    for (uint32_t n = 1; n <= p.copies; n++) {
        outcome o;
        char keys[60];
        snprintf(keys, sizeof keys, "lie_copy=%u,lie_mode=cut", n);
        if (!survives(t, &m, keys, false, &o)) return;
        silent += o.status == STERNA_OK && strcmp(o.hex, m.want) != 0;
    }
    CHECK_MSG(t, silent >= 3, "%u", silent);
}

/* One bit at every launch, in what it wrote or in a weight: never a crash; often other logits, which the digest shows. */
static void bits_that_flip(sterna_test *t)
{
    static const char *const keys[] = {"flip_bit", "flip_memory"};
    for (uint32_t round = 0; round < rounds(); round++) {
        model m;
        places p;
        if (!prepare(t, &m, round) || !count_places(t, &m, false, &p)) return;
        for (uint32_t k = 0; k < STERNA_COUNT(keys); k++) {
            uint32_t other = 0, same = 0, refused = 0;
            for (uint32_t n = 1; n <= p.launches; n++) {
                outcome o;
                char one[40];
                snprintf(one, sizeof one, "%s=%u", keys[k], n);
                if (!survives(t, &m, one, false, &o)) return;
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
    model m;
    if (!prepare(t, &m, 0)) return;
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        outcome o;
        if (!survives(t, &m, rows[i].keys, false, &o)) return;
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
