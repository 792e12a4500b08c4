/* Faults that nobody announces and quirks of drivers, through the ABI: silent where nothing looks, found by name where
 * something does. */
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "gpu/tests/tiny_plan.h"
#include "mock_profile.h"
#include "mock_testing.h"
#include <stdio.h>
#include <string.h>

enum { MOST = TINY_ROWS * TINY_WIDTH, RUNS = 3 };

/* Opens, makes the plan, runs it RUNS times with all rows, closes. Nothing may leak. */
static sterna_status whole_run(sterna_test *t, const char *variant, bool verify, float *out,
                               sterna_fault *fault)
{
    tiny_plan p;
    const sterna_open_params params = {.size = sizeof params, .variant = variant, .verify_upload = verify};
    int64_t live = sterna_mem_live();
    sterna_status status = tiny_make_with(&p, mock_api(), op_case_host(), &params);
    for (uint32_t i = 0; i < RUNS && status == STERNA_OK; i++) status = tiny_run(&p, TINY_ROWS, out, NULL);
    *fault = p.fault;
    tiny_close(&p);
    EXPECT(t, sterna_mem_live() == live);
    return status;
}

static bool right_bits(const float *out)
{
    static float want[MOST];
    return tiny_reference(TINY_ROWS, want) && memcmp(out, want, sizeof want) == 0;
}

/* A copy that was not made, at every n: with verify_upload the bits are right or the fault names what was copied;
 * without it, some runs end well and give other bits, or there would be nothing to find. */
static void lying_copies(sterna_test *t)
{
    static const char *const modes[] = {"drop", "shift", "cut"};
    for (uint32_t m = 0; m < STERNA_COUNT(modes); m++) {
        uint32_t found = 0, named = 0, silent = 0;
        for (uint32_t n = 1; n <= 40; n++) {
            float out[MOST];
            char variant[60];
            sterna_fault fault;
            snprintf(variant, sizeof variant, "lie_copy=%u,lie_mode=%s", n, modes[m]);
            sterna_status status = whole_run(t, variant, true, out, &fault);
            if (status == STERNA_OK)
                CHECK_MSG(t, right_bits(out), "%s: other bits", variant);
            else {
                CHECK_MSG(t, status == STERNA_DEVICE && strstr(fault.text, "(verify-upload)"), "%s: %s",
                          variant, fault.text);
                found++;
                named += strncmp(fault.text, "table: ", 7) == 0 || strncmp(fault.text, "matrix: ", 8) == 0;
            }
            status = whole_run(t, variant, false, out, &fault);
            silent += status == STERNA_OK && !right_bits(out);
        }
        CHECK_MSG(t, found >= 8 && named >= 4 && silent >= 2,
                  "%s: %u found, %u by a weight's name, %u silent without", modes[m], found, named, silent);
    }
}

/* What is verified is all of a copy, also where it is compared piece by piece; and the byte is the copy's own. */
static void a_lie_far_behind(sterna_test *t)
{
    enum { BYTES = (3 << 20) + 5 };
    sterna_device *device = NULL;
    sterna_buffer *buffer = NULL;
    sterna_fault fault = {0};
    char want[80];
    uint8_t *data = sterna_alloc(BYTES, 1);
    CHECK(t, data != NULL);
    for (uint32_t i = 0; i < BYTES; i++) data[i] = (uint8_t)(i ^ i >> 8 ^ i >> 16);
    for (uint32_t copy = 1; copy <= 2; copy++) { /* the write, or the first read of what was written */
        snprintf(want, sizeof want, "lie_copy=%u,lie_mode=cut", copy);
        const sterna_open_params lying = {.size = sizeof lying, .variant = want, .verify_upload = 1};
        fault = (sterna_fault){0};
        CHECK(t, mock_api()->open(op_case_host(), &lying, &device, &fault) == STERNA_OK);
        CHECK(t, mock_api()->buffer_create(device, BYTES, &buffer, &fault) == STERNA_OK);
        CHECK(t, mock_api()->buffer_write(device, buffer, 0, data, BYTES, &fault) == STERNA_DEVICE);
        snprintf(want, sizeof want, ": byte %u of %u is", copy == 1 ? BYTES / 2 : (1 << 20) / 2, BYTES);
        CHECK_MSG(t, strstr(fault.text, want), "not '%s': %s", want, fault.text);
        mock_api()->close(device);
    }
    sterna_free(data);
}

/* One bit of the last launch's output is one bit of y; earlier ones show or are rounded away; and never a word. */
static void a_flipped_bit_is_silent(sterna_test *t)
{
    static float want[MOST], out[MOST];
    CHECK(t, tiny_reference(TINY_ROWS, want));
    uint32_t shown = 0;
    for (uint32_t n = 1; n <= RUNS * TINY_NODES; n++) {
        char variant[40];
        sterna_fault fault;
        snprintf(variant, sizeof variant, "flip_bit=%u,seed=%u", n, n);
        CHECK_MSG(t, whole_run(t, variant, true, out, &fault) == STERNA_OK, "%s", fault.text);
        uint32_t bits = 0;
        for (uint32_t i = 0; i < MOST; i++) {
            uint32_t a, b;
            memcpy(&a, &want[i], 4);
            memcpy(&b, &out[i], 4);
            bits += (uint32_t)__builtin_popcount(a ^ b);
        }
        if (n == RUNS * TINY_NODES) CHECK_MSG(t, bits == 1, "%u bits", bits);
        if (n <= (RUNS - 1) * TINY_NODES)
            CHECK_MSG(t, bits == 0, "launch %u of an earlier run: %u bits", n, bits);
        shown += bits > 0;
    }
    CHECK(t, shown >= 2);
}

/* A bit of a weight, of the inputs or of their padding; the same seed flips the same one. */
static void memory_that_forgets(sterna_test *t)
{
    uint32_t shown = 0;
    for (uint32_t seed = 0; seed < 40; seed++) {
        static float out[MOST], again[MOST];
        char variant[40];
        sterna_fault fault;
        snprintf(variant, sizeof variant, "flip_memory=%u,seed=%u", 1 + seed % TINY_NODES, seed);
        sterna_status status = whole_run(t, variant, false, out, &fault);
        CHECK(t, whole_run(t, variant, false, again, &fault) == status);
        if (status == STERNA_OK) CHECK(t, memcmp(out, again, sizeof out) == 0);
        shown += status != STERNA_OK || !right_bits(out);
    }
    CHECK_MSG(t, shown >= 10 && shown < 40, "%u of 40 change the result", shown);
}

/* Each quirk, with what the host has to say of it; NULL: it has to get by. */
static void quirks(sterna_test *t)
{
    static const struct {
        const char *variant;
        sterna_status status;
        const char *part;
    } rows[] = {
        {"lie_fence=1", STERNA_DEVICE, "status word of node 0 is 0x7fa57fa5, which no kernel writes"},
        {"offset_read=error", STERNA_OK, NULL},
        {"offset_read=stale", STERNA_OK, NULL},
        {"pool=1m", STERNA_OK, NULL},
        {"pool=1m,offset_read=error", STERNA_OK, NULL},
        {"pool=1m,offset_read=stale", STERNA_OK, NULL},
#if !STERNA_HOSTILE /* there the status words never begin elsewhere than their allocation */
        {"real_alignment=4096", STERNA_DEVICE,
         "argument status: 20 bytes at 256 cannot be bound (alignment 4096"},
#endif
        {"real_alignment=4096,alignment=4096", STERNA_OK, NULL},
        {"alignment=4096", STERNA_OK, NULL},
        {"alignment=4", STERNA_OK, NULL},
        {"max_groups=1", STERNA_OK, NULL},
        {"max_group_items=32", STERNA_UNSUPPORTED, "has no kernel for it"},
        {"max_binding=4k", STERNA_UNSUPPORTED, "in one binding, this device allows 4096"},
        {"warp=1", STERNA_OK, NULL},
        {"warp=2", STERNA_OK, NULL},
        {"warp=128", STERNA_OK, NULL},
        {"features=0", STERNA_OK, NULL},
        {"strict_reads=1,reorder=64", STERNA_OK, NULL},
        {"late=1000", STERNA_OK, NULL},
        {"memory=4k", STERNA_MEMORY, "bytes of device memory are left"},
        {"steps=64k", STERNA_OK, NULL},
    };
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        float out[MOST];
        sterna_fault fault;
        sterna_status status = whole_run(t, rows[i].variant, false, out, &fault);
        CHECK_MSG(t, status == rows[i].status, "%s: status %d, '%s'", rows[i].variant, (int)status,
                  fault.text);
        if (status == STERNA_OK)
            CHECK_MSG(t, right_bits(out), "%s: other bits", rows[i].variant);
        else
            CHECK_MSG(t, strstr(fault.text, rows[i].part), "%s: '%s'", rows[i].variant, fault.text);
    }
}

/* "<key>=n" at every n until the run ends well with the right bits. */
static void announced_at_every_n(sterna_test *t)
{
    static const struct {
        const char *key;
        sterna_status status;
        const char *part;
        uint32_t fewest;
    } rows[] = {{"null_kernel", STERNA_DEVICE, "says that it loaded this kernel, and gives none", 5},
                {"fail_kernel", STERNA_UNSUPPORTED, "is refused by its profile", 5},
                {"hang_alloc", STERNA_DEVICE, "did not return within the watchdog's 2000 ms", 8},
                {"lose_copy", STERNA_DEVICE, "device lost in copy", 8}};
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        uint32_t n = 1;
        for (; n < 2000; n++) {
            float out[MOST];
            char variant[40];
            sterna_fault fault;
            snprintf(variant, sizeof variant, "%s=%u", rows[i].key, n);
            sterna_status status = whole_run(t, variant, n % 2 == 0, out, &fault);
            if (status == STERNA_OK) {
                CHECK(t, right_bits(out));
                if (n % 2 == 1) break; /* with verification there are more copies */
                continue;
            }
            CHECK_MSG(t, status == rows[i].status && strstr(fault.text, rows[i].part), "%s: status %d, '%s'",
                      variant, (int)status, fault.text);
        }
        CHECK_MSG(t, n > rows[i].fewest && n < 2000, "%s: up to %u", rows[i].key, n);
    }
}

static void profiles_by_name(sterna_test *t)
{
    const char *name;
    uint32_t count = 0;
    for (uint32_t i = 0; (name = sterna_mock_profile_name(i)); i++, count++) {
        float out[MOST];
        char variant[60];
        sterna_fault fault;
        mock_settings settings;
        snprintf(variant, sizeof variant, "%s,seed=%u", name, i);
        CHECK_MSG(t, whole_run(t, variant, true, out, &fault) == STERNA_OK && right_bits(out), "%s: %s",
                  variant, fault.text);
        CHECK(t, sterna_mock_settings(variant, &settings, &fault) == STERNA_OK);
        CHECK(t, strcmp(settings.profile, name) == 0 && settings.seed == i);
    }
    CHECK(t, count >= 6);
    mock_settings settings;
    sterna_fault fault = {0};
    CHECK(t, sterna_mock_settings("warp=8,wave64,seed=9", &settings, &fault) == STERNA_OK &&
                 settings.warp == 64);
    CHECK(t, sterna_mock_settings("wave64,warp=8", &settings, &fault) == STERNA_OK && settings.warp == 8);
    CHECK(t, sterna_mock_settings("lie_mode=cut,log=here", &settings, &fault) == STERNA_OK &&
                 settings.lie_mode == MOCK_LIE_CUT && strcmp(settings.log, "here") == 0);
    CHECK(t, sterna_mock_settings("lie_mode=cu", &settings, &fault) == STERNA_USAGE);
    CHECK_MSG(t, strstr(fault.text, "lie_mode = 'cu' is not one of drop|shift|cut"), "%s", fault.text);
    fault = (sterna_fault){0};
    CHECK(t, sterna_mock_settings("wave65", &settings, &fault) == STERNA_USAGE);
    CHECK_MSG(t, strstr(fault.text, "'wave65' is neither key=value nor one of the profiles: tiny "), "%s",
              fault.text);
}

/* Every key and profile has its line in the manual. */
static void the_manual_is_complete(sterna_test *t)
{
    static const char *const names[] = {
#define KEY(name, low, high, preset, sentence) #name,
#define CHOICE(name, words, sentence)          #name,
#define TEXT(name, sentence)                   #name,
#include "mock_keys.def"
#define PROFILE(name, keys, sentence) #name,
#include "mock_profiles.def"
    };
    sterna_mapping file = {0};
    CHECK(t, sterna_sys_read(sterna_test_repo(t, "docs/mockgpu.md"), 1 << 20, &file, NULL) == STERNA_OK);
    for (uint32_t i = 0; i < STERNA_COUNT(names); i++) {
        char want[60];
        snprintf(want, sizeof want, "\n| `%s` | ", names[i]);
        CHECK_MSG(t, strstr((const char *)file.data, want), "docs/mockgpu.md has no line for %s", names[i]);
    }
    sterna_sys_unmap(&file);
}

const sterna_test_case sterna_test_cases[] = {
    {"lying_copies", lying_copies, 0},
    {"a_lie_far_behind", a_lie_far_behind, 0},
    {"a_flipped_bit_is_silent", a_flipped_bit_is_silent, 0},
    {"memory_that_forgets", memory_that_forgets, 0},
    {"quirks", quirks, 0},
    {"announced_at_every_n", announced_at_every_n, 0},
    {"profiles_by_name", profiles_by_name, 0},
    {"the_manual_is_complete", the_manual_is_complete, 0},
    {0},
};
