/* What --device auto takes: lists of invented devices, the expected choice, and what is said of the others. */
#include "auto_choice.h"
#include "fake_devices.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>

#define CPUS    "cpu:avx2,kind=cpu;cpu:scalar,kind=cpu"
#define NONE(n) "cuda:" #n ",kind=discrete,usable=0"
#define MANY(n) NONE(n##0) ";" NONE(n##1) ";" NONE(n##2) ";" NONE(n##3)

typedef struct row {
    const char *devices;
    uint64_t memory;
    const char *chosen, *reason; /* NULL: none is possible */
    const char *other, *because; /* what is said of one that is passed over; NULL: not looked at */
} row;

static const row rows[] = {
    {CPUS, 0, "cpu:avx2", "best level of this processor; no discrete GPU was found", "cpu:scalar",
     "cpu:avx2 comes first"},
    {CPUS ";cuda:0,kind=discrete,memory=80G", 0, "cuda:0",
     "a discrete GPU, exact by its probe, with 80.0 GiB", "cpu:avx2", "cuda:0 comes first"},
    {CPUS ";cuda:0,kind=discrete,memory=80G", 4ull << 30, "cuda:0",
     "80.0 GiB of memory for the 4.0 GiB needed", NULL, NULL},
    {CPUS ";cuda:0,kind=discrete,memory=2G", 4ull << 30, "cpu:avx2",
     "cuda:0: has 2.0 GiB of memory, and 4.0 GiB are needed", "cuda:0", "has 2.0 GiB"},
    {CPUS ";cuda:0,kind=discrete,memory=2G;cuda:1,kind=discrete,memory=8G", 4ull << 30, "cuda:1", "8.0 GiB",
     "cuda:0", "2.0 GiB"},
    {CPUS ";cuda:0,kind=discrete,memory=4G", 4ull << 30, "cuda:0",
     "with 4.0 GiB of memory for the 4.0 GiB needed", NULL, NULL},
    /* More GPUs than there is room to speak of. */
    {"cpu:avx2,kind=cpu;" MANY(0) ";" MANY(1) ";" MANY(2) ";cpu:scalar,kind=cpu", 0, "cpu:avx2",
     "cuda:00: not usable: STERNA_FAKE_DEVICES", "cuda:00", "not usable: STERNA_FAKE_DEVICES says so"},
    /* Memory that a device does not tell speaks neither for nor against it. */
    {CPUS ";cuda:0,kind=discrete", 4ull << 30, "cuda:0", "a discrete GPU, exact", NULL, NULL},
    /* The vendor's own API first, whatever the order of the list. */
    {CPUS ";opencl:0,kind=discrete;vulkan:0,kind=discrete;hip:0,kind=discrete;cuda:0,kind=discrete", 0,
     "cuda:0", "discrete", "hip:0", "cuda:0 comes first"},
    {CPUS ";opencl:0,kind=discrete;vulkan:0,kind=discrete;hip:0,kind=discrete", 0, "hip:0", "discrete",
     "vulkan:0", "hip:0"},
    {CPUS ";opencl:0,kind=discrete;vulkan:0,kind=discrete", 0, "vulkan:0", "discrete", "opencl:0",
     "vulkan:0 comes first"},
    {CPUS ";opencl:0,kind=discrete", 0, "opencl:0", "discrete", NULL, NULL},
    {CPUS ";cuda:0,kind=discrete;cuda:1,kind=discrete", 0, "cuda:0", "discrete", "cuda:1",
     "cuda:0 comes first"},
    /* Not exact: the next API of the same GPU, then the processor. */
    {CPUS ";cuda:0,kind=discrete,exact=0;vulkan:0,kind=discrete", 0, "vulkan:0", "exact by its probe",
     "cuda:0", "not exact: invented"},
    {CPUS ";vulkan:0,kind=discrete,exact=0", 0, "cpu:avx2", "vulkan:0: not exact: invented", "vulkan:0",
     "not exact"},
    {CPUS ";vulkan:0,kind=discrete,usable=0", 0, "cpu:avx2", "vulkan:0: not usable: STERNA_FAKE_DEVICES",
     "vulkan:0", "not usable"},
    /* What is no GPU of its own is never taken unasked. */
    {CPUS ";vulkan:llvmpipe,kind=emulated", 0, "cpu:avx2", "no discrete GPU", "vulkan:llvmpipe",
     "runs on the processor"},
    {CPUS ";opencl:pocl,kind=emulated,memory=80G", 1, "cpu:avx2", "no discrete GPU", "opencl:pocl",
     "CPU backend is faster"},
    {CPUS ";vulkan:0,kind=integrated", 0, "cpu:avx2", "no discrete GPU", "vulkan:0",
     "shares the processor's memory"},
    {CPUS ";opencl:0,kind=accelerator", 0, "cpu:avx2", "no discrete GPU", "opencl:0",
     "does not tell that it is a discrete"},
    {CPUS ";opencl:0,kind=unknown", 0, "cpu:avx2", "no discrete GPU", "opencl:0", "does not tell"},
    {CPUS ";opencl:0", 0, "cpu:avx2", "no discrete GPU", "opencl:0", "does not tell"},
    {CPUS ";mock:0,kind=discrete,mock=1", 0, "cpu:avx2", "mock:0: a mock is never", "mock:0",
     "a mock is never taken"},
    {CPUS ";cuda:0,kind=discrete,mock=1", 0, "cpu:avx2", "cuda:0: a mock is never", "cuda:0",
     "a mock is never taken"},
    /* A level of the CPU that this machine lacks. */
    {"cpu:avx512,kind=cpu,usable=0;" CPUS, 0, "cpu:avx2", "best level", "cpu:avx512", "not usable"},
    {"vulkan:llvmpipe,kind=emulated;mock:0,kind=emulated,mock=1", 0, NULL, NULL, "vulkan:llvmpipe",
     "runs on the processor"},
    {"cpu:scalar,kind=cpu,usable=0", 0, NULL, NULL, NULL, NULL},
};

/* As select.c does it: what is about to be taken and is no CPU is probed, then the question is put again. */
static uint32_t choose(sterna_candidate *candidates, const sterna_fake_device *fakes, uint32_t n,
                       uint64_t memory)
{
    for (;;) {
        uint32_t best = sterna_auto_choose(candidates, n, memory);
        if (best == n || candidates[best].info->kind == STERNA_KIND_CPU || candidates[best].exact)
            return best;
        candidates[best].exact = fakes[best].exact ? STERNA_AUTO_EXACT : STERNA_AUTO_NOT_EXACT;
        if (!fakes[best].exact) snprintf(candidates[best].why, sizeof candidates[best].why, "invented");
    }
}

static void table_of_machines(sterna_test *t)
{
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        const row *x = &rows[r];
        static sterna_fake_device fakes[STERNA_REGISTRY_DEVICES];
        static sterna_candidate candidates[STERNA_REGISTRY_DEVICES];
        sterna_fault fault = {0};
        uint32_t n = 0;
        CHECK_MSG(t, sterna_fake_devices_parse(x->devices, fakes, &n, &fault) == STERNA_OK, "%s", fault.text);
        for (uint32_t i = 0; i < n; i++) {
            candidates[i] = (sterna_candidate){.backend = fakes[i].backend, .info = &fakes[i].info};
            sterna_device_name(fakes[i].backend, &fakes[i].info, candidates[i].name);
        }
        uint32_t best = choose(candidates, fakes, n, x->memory);
        bool right = x->chosen ? best < n && !strcmp(candidates[best].name, x->chosen) &&
                                     strstr(candidates[best].text, x->reason)
                               : best == n;
        if (!EXPECT(t, right))
            sterna_test_note(t, "%s: %s: %s", x->devices, best < n ? candidates[best].name : "none",
                             best < n ? candidates[best].text : "");
        bool seen = !x->other;
        for (uint32_t i = 0; i < n; i++) {
            if (!EXPECT(t, candidates[i].text[0]))
                sterna_test_note(t, "nothing is said of %s", candidates[i].name);
            if (!x->other || strcmp(candidates[i].name, x->other) != 0) continue;
            seen = true;
            if (!EXPECT(t, strstr(candidates[i].text, x->because)))
                sterna_test_note(t, "%s: %s: %s", x->devices, x->other, candidates[i].text);
        }
        if (!EXPECT(t, seen)) sterna_test_note(t, "%s is not in the list any more", x->other);
    }
}

static void one_that_cannot_be_opened_is_passed_over(sterna_test *t)
{
    sterna_device_info gpu = {.usable = 1, .kind = STERNA_KIND_DISCRETE},
                       cpu = {.usable = 1, .kind = STERNA_KIND_CPU};
    sterna_candidate both[] = {
        {.backend = "cpu", .name = "cpu:avx2", .info = &cpu},
        {.backend = "cuda", .name = "cuda:0", .info = &gpu, .exact = STERNA_AUTO_EXACT}};
    CHECK(t, sterna_auto_choose(both, 2, 0) == 1);
    both[1].refused = true;
    snprintf(both[1].why, sizeof both[1].why, "out of contexts");
    CHECK(t, sterna_auto_choose(both, 2, 0) == 0);
    CHECK_MSG(t, strstr(both[0].text, "cuda:0: could not be opened: out of contexts"), "%s", both[0].text);
    /* Not yet probed: the sentence does not claim what nobody knows. */
    both[1] = (sterna_candidate){.backend = "cuda", .name = "cuda:0", .info = &gpu};
    CHECK(t, sterna_auto_choose(both, 2, 0) == 1 && strstr(both[1].text, "if its probe finds it exact"));
}

static void the_syntax_is_strict(sterna_test *t)
{
    static const char *const wrong[] = {"",
                                        "cuda",
                                        "cuda:",
                                        ":0",
                                        "cuda:0;",
                                        "cuda:0,",
                                        "cuda:0,kind",
                                        "cuda:0,kind=",
                                        "cuda:0,kind=gpu",
                                        "cuda:0,memory=",
                                        "cuda:0,memory=4GB",
                                        "cuda:0,memory=G",
                                        "cuda:0,memory=-1",
                                        "cuda:0,memory=99999999999G",
                                        "cuda:0,memory=20000000T",
                                        "cuda:0,exact=yes",
                                        "cuda:0,exact=2",
                                        "cuda:0,usable=",
                                        "cuda:0,colour=1",
                                        "cuda:0 ,exact=1;x",
                                        "a-name-of-a-backend-that-is-too-long:0",
                                        "cuda:a-name-of-a-device-that-is-too-long-by-far"};
    static sterna_fake_device fakes[STERNA_REGISTRY_DEVICES];
    uint32_t n;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sterna_fault fault = {0};
        sterna_status status = sterna_fake_devices_parse(wrong[i], fakes, &n, &fault);
        if (!EXPECT(t, status == STERNA_USAGE && strstr(fault.text, "STERNA_FAKE_DEVICES")))
            sterna_test_note(t, "'%s': %s", wrong[i], fault.text);
    }
    CHECK(t,
          sterna_fake_devices_parse("cuda:0,memory=3M,exact=0,usable=0,mock=1,kind=integrated;hip:1,memory=7",
                                    fakes, &n, NULL) == STERNA_OK);
    CHECK(t, n == 2 && fakes[0].info.memory_bytes == 3u << 20 && !fakes[0].exact && !fakes[0].info.usable);
    CHECK(t, fakes[0].info.is_mock && fakes[0].info.kind == STERNA_KIND_INTEGRATED && fakes[0].info.why[0]);
    CHECK(t, !strcmp(fakes[1].backend, "hip") && !strcmp(fakes[1].info.variant, "1") &&
                 fakes[1].info.memory_bytes == 7);
    CHECK(t, fakes[1].exact && fakes[1].info.usable && !fakes[1].info.is_mock);
    char many[400] = "a:0";
    for (int i = 1; i < STERNA_REGISTRY_DEVICES; i++) strcat(many, ";a:0");
    CHECK(t, sterna_fake_devices_parse(many, fakes, &n, NULL) == STERNA_OK && n == STERNA_REGISTRY_DEVICES);
    strcat(many, ";a:0");
    CHECK(t, sterna_fake_devices_parse(many, fakes, &n, NULL) == STERNA_USAGE);
}

const sterna_test_case sterna_test_cases[] = {
    {"table_of_machines", table_of_machines, 0},
    {"one_that_cannot_be_opened_is_passed_over", one_that_cannot_be_opened_is_passed_over, 0},
    {"the_syntax_is_strict", the_syntax_is_strict, 0},
    {0}};
