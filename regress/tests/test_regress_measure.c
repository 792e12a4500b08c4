/* Benchmarks verify what they time; results survive the way through JSON; every refusal is a sentence. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "cli/command.h"
#include "measure/measure.h"
#include "runner.h"
#include "store/store_private.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void filter(sterna_test *t)
{
    EXPECT(t, sterna_measure_wanted(NULL, "pp512"));
    EXPECT(t, sterna_measure_wanted("tg8,pp512", "pp512") && !sterna_measure_wanted("pp51", "pp512"));
    EXPECT(t, sterna_measure_wanted("kernel/add", "kernel/add/prefill"));
    EXPECT(t,
           !sterna_measure_wanted("kernel/ad", "kernel/add/prefill") && !sterna_measure_wanted("", "pp512"));
    EXPECT(t, !sterna_measure_wanted(",", "pp512") && sterna_measure_wanted(",kernel", "kernel/add/prefill"));
}

/* Every row keeps to the catalogue, and every operation has one; inputs are the same each time. */
static void shapes(sterna_test *t)
{
    uint32_t count, seen[STERNA_OP_COUNT] = {0};
    const sterna_kernel_shape *all = sterna_kernel_shapes(&count);
    for (uint32_t i = 0; i < count; i++) {
        sterna_kernel_call a, b;
        sterna_fault fault = {0};
        bool made = sterna_kernel_call_make(&all[i], &a, &fault) == STERNA_OK;
        CHECK_MSG(t, made, "%s", fault.text);
        seen[all[i].op]++;
        if (i % 5 == 0) {
            CHECK(t, sterna_kernel_call_make(&all[i], &b, &fault) == STERNA_OK);
            EXPECT(t, memcmp(a.digest, b.digest, sizeof a.digest) == 0);
            sterna_kernel_call_free(&b);
        }
        sterna_kernel_call_free(&a);
    }
    for (uint32_t op = 0; op < STERNA_OP_COUNT; op++) EXPECT(t, seen[op] > 0);
    static const char *const wrong[] = {"rows=1", "rows=1 n=17 eps=x", "rows=0 n=4 eps=1",
                                        "rows=1 n=4 eps=1 n=4", "n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        sterna_kernel_shape shape = {STERNA_OP_rmsnorm, "wrong", STERNA_FORMAT_F32, STERNA_ACT_F32, wrong[i]};
        sterna_kernel_call call;
        EXPECT(t, sterna_kernel_call_make(&shape, &call, NULL) == STERNA_USAGE);
    }
}

static sterna_status kernels(const sterna_open_device *device, const char *only, sterna_results *r,
                             sterna_fault *fault)
{
    sterna_open_device copy = *device;
    return sterna_measure_kernels(&copy, &(sterna_measure_params){only, 3, 1e-5}, r, fault);
}

static void times(sterna_test *t)
{
    sterna_open_device device = {0};
    sterna_results r = {0};
    sterna_fault fault = {0};
    CHECK(t, sterna_device_open("cpu:scalar", 2, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK);
    CHECK_MSG(t, kernels(&device, "kernel/rope,kernel/add,kernel/quant_token", &r, &fault) == STERNA_OK, "%s",
              fault.text);
    EXPECT(t, r.n == 5);
    for (uint32_t i = 0; i < r.n; i++) {
        EXPECT(t, r.items[i].n == 3 && r.items[i].has_code && r.items[i].n_kernels == 1);
        EXPECT(t, strstr(r.items[i].kernels[0].name, "/scalar") != NULL);
    }
    sterna_results_free(&r);
    sterna_device_close(&device);
}

/* A backend whose reads lie from the n-th on. */
static const sterna_backend_api *honest;
static uint32_t reads, lie_at;
static sterna_status lying_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *data,
                                uint64_t bytes, sterna_fault *fault)
{
    sterna_status status = honest->buffer_read(device, buffer, offset, data, bytes, fault);
    if (++reads >= lie_at && status == STERNA_OK) ((uint8_t *)data)[bytes - 1] ^= (uint8_t)reads;
    return status;
}

/* Wrong bits are not timed, and bits that change while timing are found. */
static void wrong_bits(sterna_test *t)
{
    sterna_open_device device = {0};
    sterna_fault fault = {0};
    CHECK(t, sterna_device_open("cpu:scalar", 1, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK);
    honest = device.api;
    sterna_backend_api liar = *honest;
    liar.buffer_read = lying_read;
    device.api = &liar;
    for (uint32_t at = 1; at <= 5; at++) {
        sterna_results r = {0};
        fault = (sterna_fault){0};
        reads = 0;
        lie_at = at;
        sterna_status status = kernels(&device, "kernel/add", &r, &fault);
        sterna_test_note(t, "lie %u: %s %s", at, sterna_status_name(status), fault.text);
        EXPECT(t, status == (at == 1 ? STERNA_FAILED : STERNA_FLAKY));
        EXPECT(t, at > 1 || r.n == 0);
        sterna_results_free(&r);
    }
    device.api = honest;
    sterna_device_close(&device);
}

typedef struct text {
    char data[1 << 18];
    size_t used;
} text;

static sterna_status collect(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    text *out = context;
    if (out->used + bytes >= sizeof out->data)
        return sterna_fail(fault, STERNA_FILE, "more output than expected");
    memcpy(out->data + out->used, data, bytes);
    out->used += bytes;
    out->data[out->used] = 0;
    return STERNA_OK;
}

/* Runs `sterna bench` in this process. */
static sterna_status bench(const char *line, text *out, sterna_fault *fault)
{
    static sterna_out stream;
    char copy[2048], *words[32];
    sterna_options options;
    snprintf(copy, sizeof copy, "%s", line);
    int n = sterna_test_words(copy, words, sizeof words / sizeof words[0]);
    *fault = (sterna_fault){0};
    out->used = 0;
    sterna_out_init(&stream, collect, out);
    sterna_status status = sterna_options_parse(STERNA_CMD_bench, n, words, &options, fault);
    if (status == STERNA_OK)
        status = sterna_cmd_bench(&(sterna_cli){.options = &options, .out = &stream}, fault);
    sterna_options_free(&options);
    sterna_status end = sterna_out_flush(&stream, status == STERNA_OK ? fault : NULL);
    return status == STERNA_OK ? end : status;
}

#define MODEL "'" STERNA_SOURCE_DIR "/golden/models/golden.gguf'"
#define ALL                                                                                                  \
    "-m " MODEL " --suite all --only pp3,tg2,file,text,kernel/add,kernel/rope -p 3 -n 2 -r 2 -t 1 "          \
    "--device cpu:scalar --no-limits --json"
static text output;

/* What is written is what is read; a change to any field is refused or seen. */
static void json(sterna_test *t)
{
    static text again;
    sterna_fault fault = {0};
    sterna_results r, s;
    CHECK_MSG(t, bench(ALL, &output, &fault) == STERNA_OK, "%s", fault.text);
    CHECK_MSG(t, sterna_results_parse(output.data, output.used, "output", &r, &fault) == STERNA_OK, "%s",
              fault.text);
    EXPECT(t, r.n == 7 && r.threads == 1 && !strcmp(r.device, "cpu:scalar") && !strcmp(r.command, "bench"));
    const sterna_benchmark *pp = sterna_results_find(&r, "pp3"),
                           *open = sterna_results_find(&r, "file/gguf_open");
    CHECK(t, pp && open && pp->n == 2 && pp->work == 3 && pp->has_root && pp->has_code && open->has_code);
    EXPECT(t, memcmp(pp->root, open->root, sizeof pp->root) == 0 &&
                  memcmp(pp->code, open->code, sizeof pp->code) != 0);
    /* The same bits the next time, and the same code. */
    CHECK(t, bench(ALL, &again, &fault) == STERNA_OK);
    CHECK(t, sterna_results_parse(again.data, again.used, "again", &s, &fault) == STERNA_OK);
    for (uint32_t i = 0; i < r.n; i++) {
        const sterna_benchmark *other = sterna_results_find(&s, r.items[i].name);
        CHECK(t, other && memcmp(other->digest, r.items[i].digest, sizeof other->digest) == 0);
        CHECK(t, memcmp(other->code, r.items[i].code, sizeof other->code) == 0);
    }
    sterna_results_free(&r);
    sterna_results_free(&s);
    static const char *const keys[] = {"results", "began",   "device", "fingerprint",
                                       "digest",  "seconds", "code",   "name"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char key[32];
        snprintf(key, sizeof key, "\"%s\":", keys[i]);
        char *at = strstr(strstr(output.data, "\"began\":"), key); /* what is before is for people */
        CHECK_MSG(t, at != NULL, "%s", key);
        at[1] ^= 1;
        EXPECT(t, sterna_results_parse(output.data, output.used, "changed", &r, NULL) == STERNA_FILE);
        at[1] ^= 1;
    }
    for (size_t cut = 0; cut < output.used - 2; cut += 997)
        CHECK(t, sterna_results_parse(output.data, cut, "cut", &r, NULL) == STERNA_FILE);
    int64_t live = sterna_mem_live();
    for (uint64_t n = 1; n < 400; n++) {
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = sterna_results_parse(output.data, output.used, "output", &r, NULL);
        uint64_t calls = sterna_fault_count(STERNA_FAULT_ALLOC);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        if (status == STERNA_OK) sterna_results_free(&r);
        CHECK_MSG(t, sterna_mem_live() == live, "call %llu", (unsigned long long)n);
        if (calls < n) break;
        EXPECT(t, status == STERNA_MEMORY || status == STERNA_FILE);
    }
}

/* The n-th allocation of a whole command that stores fails: a sentence, nothing left over, no half-kept run. */
static void memory(sterna_test *t)
{
    char line[1400];
    sterna_fault fault;
    sterna_store_sync = false;
    snprintf(line, sizeof line,
             "-m " MODEL " --suite all --only tg1,file,kernel/add/prefill -p 0 -n 1 -r 1 -t 1 --device "
             "cpu:scalar --no-limits -o csv --db '%s/x.db'",
             sterna_test_folder(t));
    CHECK_MSG(t, bench(line, &output, &fault) == STERNA_OK, "%s", fault.text);
    int64_t live = sterna_mem_live();
    for (uint64_t n = 1; n < 20000; n += n < 40 ? 1 : n / 4) {
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = bench(line, &output, &fault);
        uint64_t calls = sterna_fault_count(STERNA_FAULT_ALLOC);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        sterna_test_note(t, "call %llu: %s %s", (unsigned long long)n, sterna_status_name(status),
                         fault.text);
        CHECK(t, sterna_mem_live() == live);
        CHECK(t, status == STERNA_OK || (fault.text[0] && status != STERNA_INTERNAL));
        if (calls < n) {
            CHECK(t, status == STERNA_OK && n > 30);
            return;
        }
    }
    CHECK(t, false);
}

const sterna_test_case sterna_test_cases[] = {
    {"filter", filter, 0},
    {"shapes", shapes, 0},
    {"times", times, 0},
    {"wrong_bits", wrong_bits, 0},
    {"json", json, 60},
    {"memory", memory, 60},
    {0},
};
