/* The queue: what may run out of turn, what may not, marks that are reported late, reads that do not wait, the log. */
#include "base/size.h"
#include "base/sys.h"
#include "mock_rig.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 128, MOST_RUN = 8 };

static const sterna_gpu_driver *const d = &sterna_mock_driver;

/* Launch numbers in the order in which the log says that they ran; returns how many. */
static uint32_t ran(sterna_test *t, const char *path, uint32_t order[MOST_RUN])
{
    sterna_mapping file = {0};
    uint32_t count = 0;
    if (!EXPECT(t, sterna_sys_read(path, 1 << 20, &file, NULL) == STERNA_OK)) return 0;
    for (const char *at = (const char *)file.data;
         (at = strstr(at, "\"call\":\"ran\",\"launch\":")) && count < MOST_RUN;)
        order[count++] = (uint32_t)strtoul(at += strlen("\"call\":\"ran\",\"launch\":"), NULL, 10);
    sterna_sys_unmap(&file);
    return count;
}

/* What planted_none makes of words. */
static void applied(const uint32_t *from, uint32_t *to)
{
    for (uint32_t base = 0; base < WORDS; base += 64) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < 64; i++) sum += from[base + i];
        for (uint32_t i = 0; i < 64; i++) to[base + i] = from[base + 63 - i] + sum;
    }
}

/* Launches 1: x to y, 2: x to z, 3: y to w, then an upload to x, 4: x to v. 1, 2 are free; 3 waits for 1; the upload waits
 * for 1 and 2; 4 waits for the upload. Every seed gives the results of call order; not every seed gives its order. */
static void only_what_is_independent_moves(sterna_test *t)
{
    uint32_t orders = 0, seen[SEEDS];
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        rig r;
        char path[1200], variant[1400];
        uint32_t x[WORDS], fresh[WORDS], want[WORDS], twice[WORDS], got[WORDS], order[MOST_RUN];
        sterna_gpu_memory z, w, v;
        uint64_t fence;
        uint32_t tag;
        snprintf(path, sizeof path, "%s/log", sterna_test_folder(t));
        snprintf(variant, sizeof variant, "seed=%u,log=%s", seed, path);
        if (!rig_open(t, &r, variant, op_case_host())) return;
        for (uint32_t i = 0; i < WORDS; i++) {
            x[i] = i * 3 + 1;
            fresh[i] = 7 * i + seed;
        }
        CHECK(t, d->alloc(r.gpu, 4096, &z, &r.fault) == STERNA_OK &&
                     d->alloc(r.gpu, 4096, &w, &r.fault) == STERNA_OK &&
                     d->alloc(r.gpu, 4096, &v, &r.fault) == STERNA_OK);
        const mock_kernel *kernel = &sterna_mock_kernel_planted_none;
        CHECK(t, rig_launch(&r, kernel, r.x, r.y, 0) == STERNA_OK &&
                     rig_launch(&r, kernel, r.x, z, 1) == STERNA_OK &&
                     rig_launch(&r, kernel, r.y, w, 2) == STERNA_OK &&
                     d->upload(r.gpu, r.x, 0, fresh, sizeof fresh, &r.fault) == STERNA_OK &&
                     rig_launch(&r, kernel, r.x, v, 3) == STERNA_OK);
        CHECK(t, d->fence(r.gpu, &fence, &r.fault) == STERNA_OK);
        CHECK_MSG(t, d->wait(r.gpu, fence, 0, &tag, &r.fault) == STERNA_OK, "seed %u: %s", seed,
                  r.fault.text);
        applied(x, want);
        CHECK(t, d->download(r.gpu, r.y, 0, got, sizeof got, &r.fault) == STERNA_OK &&
                     !memcmp(got, want, sizeof got));
        CHECK(t, d->download(r.gpu, z, 0, got, sizeof got, &r.fault) == STERNA_OK &&
                     !memcmp(got, want, sizeof got));
        applied(want, twice);
        CHECK(t, d->download(r.gpu, w, 0, got, sizeof got, &r.fault) == STERNA_OK &&
                     !memcmp(got, twice, sizeof got));
        applied(fresh, want);
        CHECK(t, d->download(r.gpu, v, 0, got, sizeof got, &r.fault) == STERNA_OK &&
                     !memcmp(got, want, sizeof got));
        d->free(r.gpu, z);
        d->free(r.gpu, w);
        d->free(r.gpu, v);
        rig_close(&r);
        CHECK(t, ran(t, path, order) == 4);
        uint32_t at[5] = {0}, code = 0;
        for (uint32_t i = 0; i < 4; i++) {
            CHECK(t, order[i] >= 1 && order[i] <= 4);
            at[order[i]] = i;
            code = code * 10 + order[i];
        }
        CHECK_MSG(t, at[1] < at[3] && at[1] < at[4] && at[2] < at[4], "seed %u: %u", seed, code);
        bool is_new = true;
        for (uint32_t i = 0; i < orders; i++) is_new &= seen[i] != code;
        if (is_new) seen[orders++] = code;
    }
    /* 1 2 3 4, 1 3 2 4, 2 1 3 4, 1 2 4 3, 2 1 4 3: all that the rules leave. */
    CHECK_MSG(t, orders == 5, "%u orders", orders);
}

static void call_order_on_request(sterna_test *t)
{
    for (uint32_t seed = 0; seed < 8; seed++) {
        rig r;
        char path[1200], variant[1400];
        uint32_t order[MOST_RUN], tag;
        uint64_t fence;
        snprintf(path, sizeof path, "%s/log", sterna_test_folder(t));
        snprintf(variant, sizeof variant, "reorder=1,seed=%u,log=%s", seed, path);
        if (!rig_open(t, &r, variant, op_case_host())) return;
        sterna_gpu_memory z;
        CHECK(t, d->alloc(r.gpu, 4096, &z, &r.fault) == STERNA_OK);
        CHECK(t, rig_launch(&r, &sterna_mock_kernel_planted_none, r.x, r.y, 0) == STERNA_OK &&
                     rig_launch(&r, &sterna_mock_kernel_planted_none, r.x, z, 1) == STERNA_OK &&
                     d->fence(r.gpu, &fence, &r.fault) == STERNA_OK &&
                     d->wait(r.gpu, fence, 0, &tag, &r.fault) == STERNA_OK);
        d->free(r.gpu, z);
        rig_close(&r);
        CHECK(t, ran(t, path, order) == 2 && order[0] == 1 && order[1] == 2);
    }
}

/* A wait with a limit may be told TIMEOUT though all is done, at most `late` times; one without a limit never is. */
static void marks_are_reported_late(sterna_test *t)
{
    uint32_t most = 0, none = 0;
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        rig r;
        char variant[40];
        uint64_t first, second;
        uint32_t tag, times = 0;
        sterna_status status = STERNA_TIMEOUT;
        snprintf(variant, sizeof variant, "late=5,seed=%u", seed);
        if (!rig_open(t, &r, variant, op_case_host())) return;
        CHECK(t, rig_launch(&r, &sterna_mock_kernel_planted_none, r.x, r.y, 0) == STERNA_OK &&
                     d->fence(r.gpu, &first, &r.fault) == STERNA_OK &&
                     d->fence(r.gpu, &second, &r.fault) == STERNA_OK);
        for (; times <= 6; times++) {
            sterna_fault fault = {0};
            status = d->wait(r.gpu, first, 1, &tag, &fault);
            if (status != STERNA_TIMEOUT) break;
            CHECK_MSG(t, strstr(fault.text, "mark 1 is not reported after 1 ms"), "%s", fault.text);
        }
        CHECK(t, status == STERNA_OK && times <= 5);
        most = times > most ? times : most;
        none += times == 0;
        CHECK(t, d->wait(r.gpu, second, 0, &tag, &r.fault) == STERNA_OK);
        rig_close(&r);
    }
    CHECK_MSG(t, most == 5 && none > 0 && none < SEEDS, "%u at most, %u at once", most, none);
}

/* strict_reads: the read that would have waited is an error that names the launch; others work. */
static void reads_that_do_not_wait(sterna_test *t)
{
    rig r;
    uint32_t got[WORDS], tag;
    uint64_t fence;
    if (!rig_open(t, &r, "strict_reads=1", op_case_host())) return;
    CHECK(t, rig_launch(&r, &sterna_mock_kernel_planted_none, r.x, r.y, 0) == STERNA_OK);
    CHECK(t, d->download(r.gpu, r.y, 64, got, 4, &r.fault) == STERNA_DEVICE);
    CHECK_MSG(t, strstr(r.fault.text, "planted_none 1 is still to write: wait for its mark first"), "%s",
              r.fault.text);
    r.fault = (sterna_fault){0};
    CHECK(t, d->fence(r.gpu, &fence, &r.fault) == STERNA_OK &&
                 d->wait(r.gpu, fence, 0, &tag, &r.fault) == STERNA_OK);
    CHECK(t, d->download(r.gpu, r.y, 64, got, 4, &r.fault) == STERNA_OK);
    CHECK(t, rig_launch(&r, &sterna_mock_kernel_planted_none, r.x, r.y, 0) == STERNA_OK);
    CHECK(t, d->download(r.gpu, r.x, 0, got, sizeof got, &r.fault) == STERNA_OK); /* only read by it */
    rig_close(&r);
}

/* One line for each call, the same under the same seed, and the sum of what was moved. */
static void the_log(sterna_test *t)
{
    static const char *const wanted[] = {
        "{\"n\":1,\"call\":\"open\",\"warp\":8,\"seed\":3,\"memory\":4294967296}\n",
        "{\"n\":2,\"call\":\"alloc\",\"memory\":1,\"bytes\":4096,\"result\":\"OK\"}\n",
        "{\"n\":5,\"call\":\"upload\",\"copy\":1,\"memory\":1,\"offset\":0,\"bytes\":4096,\"ns\":10163,"
        "\"result\":\"OK\"}\n",
        "{\"n\":6,\"call\":\"clear\",\"memory\":3,\"offset\":0,\"bytes\":4,\"result\":\"OK\"}\n",
        "{\"n\":7,\"call\":\"launch\",\"launch\":1,\"kernel\":\"planted_none\",\"grid\":[4,1],\"ranges\":[[1,"
        "0,1024],[2,0,1024],[3,0,"
        "4]],\"tag\":77,\"result\":\"OK\"}\n",
        "{\"n\":8,\"call\":\"fence\",\"mark\":1,\"result\":\"OK\"}\n",
        /* x twice, y once and a status word: 513 accesses of 4 bytes; part and sums. */
        "\"call\":\"ran\",\"launch\":1,\"kernel\":\"planted_none\",\"read\":2048,\"written\":1028,"
        "\"shared\":",
        "\"call\":\"reached\",\"mark\":1,\"launches\":1,",
        "\"call\":\"wait\",\"mark\":1,\"milliseconds\":0,\"result\":\"OK\"}\n",
        "\"call\":\"free\",\"memory\":3,\"result\":\"OK\"}\n",
        "\"call\":\"close\",\"allocations\":3,\"leaked\":0,\"lookups\":0,\"copies\":1,\"launches\":1,\"marks\":1,\"uploads\":1,\"uploaded\":4096,\"downloads\":0,"
        "\"downloaded\":0,\"read\":2048,"
        "\"written\":1028,"};
    char path[2][1200], variant[2500];
    sterna_mapping file[2] = {{0}, {0}};
    for (uint32_t i = 0; i < 2; i++) {
        rig r;
        uint32_t tag;
        snprintf(path[i], sizeof path[i], "%s/log%u", sterna_test_folder(t), i);
        snprintf(variant, sizeof variant, "warp=8,seed=3,log=%s", path[i]);
        if (!rig_open(t, &r, variant, op_case_host())) return;
        CHECK_MSG(t, rig_run(&r, &sterna_mock_kernel_planted_none, &tag) == STERNA_OK, "%s", r.fault.text);
        rig_close(&r);
        CHECK(t, sterna_sys_read(path[i], 1 << 20, &file[i], NULL) == STERNA_OK);
    }
    CHECK(t, file[0].size == file[1].size && memcmp(file[0].data, file[1].data, (size_t)file[0].size) == 0);
    const char *at = (const char *)file[0].data;
    for (uint32_t i = 0; i < STERNA_COUNT(wanted); i++) {
        const char *found = strstr(at, wanted[i]);
        CHECK_MSG(t, found, "no '%s' in\n%s", wanted[i], (const char *)file[0].data);
        at = found;
    }
    sterna_sys_unmap(&file[0]);
    sterna_sys_unmap(&file[1]);
    rig r = {0};
    CHECK(t, d->open(op_case_host(), "log=/nowhere/at/all", &r.gpu, &r.limits, &r.fault) == STERNA_FILE);
}

/* Prices are as set: a launch of 3076 bytes and its shared accesses. */
static void the_bill(sterna_test *t)
{
    char path[1200], variant[1400];
    rig r;
    uint32_t tag;
    sterna_mapping file = {0};
    unsigned long long shared = 0, ns = 0;
    snprintf(path, sizeof path, "%s/log", sterna_test_folder(t));
    snprintf(variant, sizeof variant,
             "ns_launch=100,ps_byte=1000,ps_shared=2000,ns_submit=0,ns_copy=0,ps_copied=0,log=%s", path);
    if (!rig_open(t, &r, variant, op_case_host())) return;
    CHECK(t, rig_run(&r, &sterna_mock_kernel_planted_none, &tag) == STERNA_OK);
    rig_close(&r);
    CHECK(t, sterna_sys_read(path, 1 << 20, &file, NULL) == STERNA_OK);
    const char *close = strstr((const char *)file.data, "\"call\":\"close\"");
    const char *at = close ? strstr(close, "\"shared\":") : NULL;
    CHECK(t, at && sscanf(at, "\"shared\":%llu,\"ns\":%llu", &shared, &ns) == 2);
    sterna_sys_unmap(&file);
    CHECK_MSG(t, shared >= 4 * 64 * 2 && ns == 100 + 3076 + 2 * shared, "%llu shared, %llu ns", shared, ns);
}

const sterna_test_case sterna_test_cases[] = {
    {"only_what_is_independent_moves", only_what_is_independent_moves, 0},
    {"call_order_on_request", call_order_on_request, 0},
    {"marks_are_reported_late", marks_are_reported_late, 0},
    {"reads_that_do_not_wait", reads_that_do_not_wait, 0},
    {"the_log", the_log, 0},
    {"the_bill", the_bill, 0},
    {0},
};
