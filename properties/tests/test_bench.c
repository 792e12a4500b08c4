/* The bench on planted kernels: each misbehaviour gets its verdict, ends its own case only, shrinks to what
 * matters, and replays from its file and from its line. The kernels run on the direct backend. */
#include "base/mem.h"
#include "base/sys.h"
#include "harness/bench.h"
#include "harness/direct.h"
#include "harness/repro.h"
#include "reference/reference.h"
#include "runner.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Wrong in the last bit of the last value of rows of 17 and more values. */
static void wrong_bit(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    sterna_ref_glu(args, begin, end, flags);
    const sterna_args_glu *a = &args->glu;
    for (uint64_t i = begin; i < end; i++)
        if (a->n >= 17 && i % a->n == a->n - 1) ((uint32_t *)(void *)a->y)[i] ^= 1;
}

static void unwritten(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_glu *a = &args->glu;
    for (uint64_t i = begin; i < end; i++)
        if (i != 100) sterna_ref_glu(args, i, i + 1, flags);
    (void)a;
}

static void past_the_end(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_glu *a = &args->glu;
    sterna_ref_glu(args, begin, end, flags);
    volatile float *y = a->y;
    if (end == (uint64_t)a->rows * a->n) y[end] = 0;
}

static void changes_input(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    sterna_ref_glu(args, begin, end, flags);
    volatile float *g = (float *)(uintptr_t)args->glu.g;
    g[begin] = g[begin] + 1.0f;
}

static void crashes(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    sterna_ref_glu(args, begin, end, flags);
    if (args->glu.n > 40) raise(SIGKILL); /* a signal that no sanitizer takes */
}

static void exits(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    sterna_ref_glu(args, begin, end, flags);
    if (args->glu.n > 40) exit(0);
}

static void hangs(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    sterna_ref_glu(args, begin, end, flags);
    volatile uint32_t n = args->glu.n;
    while (n > 40) {}
}

static void nondeterministic(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    static uint32_t calls;
    sterna_ref_glu(args, begin, end, flags);
    if (++calls % 7 == 0) args->glu.y[begin] = (float)calls;
}

static void flag_extra(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    sterna_ref_glu(args, begin, end, flags);
    *flags |= STERNA_FLAG_RANGE;
}

#if defined(__x86_64__)
static void flushes_subnormals(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    sterna_ref_glu(args, begin, end, flags);
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u);
}
#endif

/* A float product in another order and with fused additions: not canonical, but within the bound. */
static void other_order(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_matmul_float *a = &args->matmul_float;
    float row[4096];
    (void)flags;
    for (uint64_t i = begin; i < end; i++) {
        a->w->format->unpack(a->w->data + i * a->w->row_bytes, a->k, row);
        for (uint32_t r = 0; r < a->rows; r++) {
            float sum = 0.0f;
            for (uint32_t j = a->k; j-- > 0;) sum = fmaf(a->x[(uint64_t)r * a->k + j], row[j], sum);
            a->y[(uint64_t)r * a->m + i] = sum;
        }
    }
}

/* The same with every thousandth too much. */
static void scale_off(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_matmul_float *a = &args->matmul_float;
    other_order(args, begin, end, flags);
    for (uint32_t r = 0; r < a->rows; r++)
        for (uint64_t i = begin; i < end; i++) a->y[(uint64_t)r * a->m + i] *= 1.001f;
}

static sterna_kernel *planted;

static sterna_kernel *table(sterna_op op)
{
    if (op == STERNA_OP_matmul_float && (planted == other_order || planted == scale_off)) return planted;
    return op == STERNA_OP_glu ? planted : sterna_reference(op);
}

static sterna_kernel *empty_table(sterna_op op)
{
    (void)op;
    return NULL;
}

/* Runs glu and gather with the planted kernel for glu. */
static sterna_status run(sterna_kernel *kernel, const char *law, sterna_bench_report *report)
{
    sterna_fault fault = {0};
    planted = kernel;
    sterna_direct_use(table);
    sterna_bench_params params = {.spec = {"direct", STERNA_PROFILE_EXACT, 1},
                                  .op = "glu,gather",
                                  .law = law,
                                  .seed = 3,
                                  .cases = 40,
                                  .case_seconds = 2};
    sterna_status status = sterna_bench_run(&params, report, &fault);
    sterna_direct_use(NULL);
    return status;
}

static const sterna_failure *failure_of(const sterna_bench_report *report, const char *law)
{
    for (uint32_t i = 0; i < report->n_failures; i++)
        if (strcmp(sterna_law_get(report->failures[i].job.law)->name, law) == 0) return &report->failures[i];
    return NULL;
}

static void verdicts(sterna_test *t)
{
    static const struct {
        sterna_kernel *kernel;
        sterna_verdict_code code;
        const char *text;
    } rows[] = {
        {wrong_bit, STERNA_VERDICT_WRONG_BITS, "worst by 1 ULP"},
        {unwritten, STERNA_VERDICT_UNWRITTEN, "y[100] was never written; 1 of"},
        {past_the_end, STERNA_VERDICTS, ""}, /* a guard page or a canary: whichever is nearer */
        {changes_input, STERNA_VERDICT_INPUT_CHANGED, "g: byte"},
        {crashes, STERNA_VERDICT_CRASH, "killed by SIGKILL"},
        {exits, STERNA_VERDICT_CRASH, "ended with exit code 0 before its time"},
        {hangs, STERNA_VERDICT_HANG, "no result within 2 s"},
        {nondeterministic, STERNA_VERDICT_NONDETERMINISTIC, ", not "},

#if defined(__x86_64__)
        {flushes_subnormals, STERNA_VERDICT_CPU_STATE, "MXCSR is 9fc0, was 1f80"},
#endif
        {flag_extra, STERNA_VERDICT_STATUS_EXTRA, "flags are 4"}
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sterna_bench_report report;
        CHECK(t, run(rows[i].kernel, "reference", &report) == STERNA_OK);
        const sterna_failure *f = failure_of(&report, "reference");
        bool right = f && report.n_failures == 1 && f->job.op == STERNA_OP_glu;
        if (right && rows[i].code != STERNA_VERDICTS)
            right = f->verdict.code == rows[i].code && strstr(f->verdict.text, rows[i].text);
        else if (right)
            right = f->verdict.code == STERNA_VERDICT_CRASH || f->verdict.code == STERNA_VERDICT_STATUS;
        /* The other operation was tested all the same. */
        uint64_t others = 0;
        for (uint32_t j = 0; j < report.n_jobs; j++)
            if (report.jobs[j].job.op == STERNA_OP_gather) others += report.jobs[j].passed;
        if (!EXPECT(t, right && others == 40))
            sterna_test_note(t, "row %zu: %u failures, %s: %s; %llu others", i, report.n_failures,
                             f ? sterna_verdict_name(f->verdict.code) : "none", f ? f->verdict.text : "",
                             (unsigned long long)others);
        sterna_bench_free(&report);
    }
}

static void failures_shrink(sterna_test *t)
{
    sterna_bench_report report;
    CHECK(t, run(wrong_bit, "reference", &report) == STERNA_OK);
    const sterna_failure *f = failure_of(&report, "reference");
    CHECK(t, f != NULL);
    bool minimal = strncmp(f->story, "glu rows=1 n=17 act=0\n", 22) == 0;
    CHECK_MSG(t, minimal && f->shrink_seconds < 10, "%s after %u attempts", f->story, f->shrink_attempts);
    sterna_bench_free(&report);
    CHECK(t, run(crashes, "reference", &report) == STERNA_OK);
    f = failure_of(&report, "reference");
    CHECK(t, f != NULL);
    CHECK_MSG(t, strncmp(f->story, "glu rows=1 n=41 act=0\n", 22) == 0, "%s", f->story);
    sterna_bench_free(&report);
}

/* Several laws see the same bug, each with a failure of its own. */
static void every_law_reports(sterna_test *t)
{
    sterna_bench_report report;
    CHECK(t, run(nondeterministic, NULL, &report) == STERNA_OK);
    CHECK(t, report.n_failures >= 3);
    CHECK(t, failure_of(&report, "reference") && failure_of(&report, "rows"));
    sterna_bench_free(&report);
}

static void same_seed_same_cases(sterna_test *t)
{
    sterna_bench_report a, b;
    CHECK(t, run(wrong_bit, NULL, &a) == STERNA_OK);
    CHECK(t, run(wrong_bit, "reference", &b) == STERNA_OK);
    const sterna_failure *x = failure_of(&a, "reference"), *y = failure_of(&b, "reference");
    CHECK(t, x && y && sterna_choice_compare(x->value, x->count, y->value, y->count) == 0);
    sterna_bench_free(&a);
    sterna_bench_free(&b);
}

/* What the fast profile allows: another order, but no error that the order does not explain. */
static void fast_profile_is_bounded(sterna_test *t)
{
    static const struct {
        sterna_kernel *kernel;
        sterna_profile profile;
        sterna_verdict_code code;
    } rows[] = {{other_order, STERNA_PROFILE_EXACT, STERNA_VERDICT_WRONG_BITS},
                {other_order, STERNA_PROFILE_FAST, STERNA_VERDICT_PASS},
                {scale_off, STERNA_PROFILE_FAST, STERNA_VERDICT_OUT_OF_BOUND}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sterna_bench_report report;
        sterna_fault fault = {0};
        sterna_bench_params params = {.spec = {"direct", rows[i].profile, 1},
                                      .op = "matmul_float",
                                      .law = "reference",
                                      .seed = 2,
                                      .cases = 60,
                                      .no_shrink = true};
        planted = rows[i].kernel;
        sterna_direct_use(table);
        sterna_status status = sterna_bench_run(&params, &report, &fault);
        sterna_direct_use(NULL);
        CHECK(t, status == STERNA_OK);
        /* One job per format: F32, F16, BF16. */
        bool right = report.n_failures == (rows[i].code == STERNA_VERDICT_PASS ? 0 : 3);
        for (uint32_t f = 0; f < report.n_failures; f++)
            right &= report.failures[f].verdict.code == rows[i].code;
        if (!EXPECT(t, right))
            sterna_test_note(t, "row %zu: %u failures, %s", i, report.n_failures,
                             report.n_failures ? report.failures[0].verdict.text : "");
        sterna_bench_free(&report);
    }
}

/* Zero cases, a misspelt name, a filter that matches nothing, a device that can nothing: never a success. */
static void nothing_is_no_pass(sterna_test *t)
{
    static const struct {
        const char *device, *op, *format, *law;
        sterna_status status;
    } rows[] = {{"direct", "no_such", NULL, NULL, STERNA_NOTHING},
                {"direct", NULL, "Q9_9", NULL, STERNA_NOTHING},
                {"direct", NULL, NULL, "no_law", STERNA_NOTHING},
                {"direct", "glu", "Q4_K", NULL, STERNA_NOTHING},
                {"direct", "rmsnorm", NULL, "pages", STERNA_NOTHING},
                {"directt", NULL, NULL, NULL, STERNA_UNSUPPORTED},
                {"cpu:avx3", NULL, NULL, NULL, STERNA_UNSUPPORTED},
                {"direct:x", NULL, NULL, NULL, STERNA_UNSUPPORTED},
                {"./no_such.so", NULL, NULL, NULL, STERNA_FILE}};
    sterna_bench_report report;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sterna_fault fault = {0};
        sterna_bench_params params = {.spec = {rows[i].device, STERNA_PROFILE_EXACT, 1},
                                      .op = rows[i].op,
                                      .format = rows[i].format,
                                      .law = rows[i].law,
                                      .cases = 2};
        sterna_status status = sterna_bench_run(&params, &report, &fault);
        if (!EXPECT(t, status == rows[i].status && fault.text[0]))
            sterna_test_note(t, "row %zu: %s, %s", i, sterna_status_name(status), fault.text);
        sterna_bench_free(&report);
    }
    sterna_fault fault = {0};
    sterna_bench_params params = {.spec = {"direct", STERNA_PROFILE_EXACT, 1}, .cases = 2};
    sterna_direct_use(empty_table);
    EXPECT(t, sterna_bench_run(&params, &report, &fault) == STERNA_NOTHING && report.unsupported > 0);
    sterna_bench_free(&report);
    sterna_direct_use(NULL);
}

static void repro_files(sterna_test *t)
{
    static sterna_repro repro;
    static char line[STERNA_REPRO_LINE], story[STERNA_STORY_BYTES];
    const sterna_subject_spec spec = {"direct", STERNA_PROFILE_EXACT, 0};
    sterna_bench_report report;
    char path[2048];
    sterna_fault fault = {0};
    sterna_mapping file = {0};
    CHECK(t, run(wrong_bit, "reference", &report) == STERNA_OK);
    CHECK(t, report.n_failures == 1);
    CHECK_MSG(t,
              sterna_repro_write(sterna_test_folder(t), &spec, &report.failures[0], path, sizeof path,
                                 &fault) == STERNA_OK,
              "%s", fault.text);
    sterna_repro_line(&spec, &report.failures[0], line);
    sterna_bench_free(&report);
    CHECK(t, sterna_sys_read(path, 1 << 20, &file, &fault) == STERNA_OK);
    EXPECT(t, file.size <= 4096);
    sterna_sys_unmap(&file);
    const char *forms[] = {path, line};
    for (int i = 0; i < 2; i++) {
        CHECK_MSG(t, sterna_repro_read(forms[i], &repro, &fault) == STERNA_OK, "%s: %s", forms[i],
                  fault.text);
        planted = wrong_bit;
        sterna_direct_use(table);
        sterna_verdict v = sterna_repro_run(&repro, NULL, 5, story, sizeof story);
        EXPECT(t, v.code == STERNA_VERDICT_WRONG_BITS && strncmp(story, "glu rows=1 n=17 ", 16) == 0);
        sterna_direct_use(NULL);
        v = sterna_repro_run(&repro, NULL, 5, story, sizeof story);
        EXPECT(t, v.code == STERNA_VERDICT_PASS);
        v = sterna_repro_run(&repro, "cpu:scalar", 5, story, sizeof story);
        EXPECT(t, v.code == STERNA_VERDICT_PASS);
    }
}

static void broken_repro_files(sterna_test *t)
{
    static const char *const texts[] = {
        "",
        "sterna-repro 2\n",
        "sterna-repro 1\ndevice direct\n",
        "sterna-repro 1\ndevice direct\nop glu\nformat F32\nact f32\nlaw pages\nchoices 00\n",
        "sterna-repro 1\ndevice direct\nop glu\nformat F33\nact f32\nlaw rows\nchoices 00\n",
        "sterna-repro 1\ndevice direct\nop glu\nformat F32\nact f32\nlaw rows\nchoices 0\n",
        "sterna-repro 1\ndevice direct\nop glu\nformat F32\nact f32\nlaw rows\nchoices 0g\n",
        "sterna-repro 1\ndevice direct\nop matmul_float\nformat Q4_K\nact f32\nlaw rows\nchoices 00\n"};
    static sterna_repro repro;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sterna_fault fault = {0};
        char path[2048];
        snprintf(path, sizeof path, "%s/x.repro", sterna_test_folder(t));
        sterna_writer *writer;
        CHECK(t, sterna_writer_open(path, &writer, &fault) == STERNA_OK);
        CHECK(t, sterna_writer_write(writer, texts[i], strlen(texts[i]), &fault) == STERNA_OK);
        CHECK(t, sterna_writer_commit(writer, &fault) == STERNA_OK);
        if (!EXPECT(t, sterna_repro_read(path, &repro, &fault) == STERNA_FILE && fault.text[0]))
            sterna_test_note(t, "row %zu", i);
    }
    EXPECT(t, sterna_repro_read("no such file", &repro, NULL) == STERNA_FILE);
    EXPECT(t, sterna_repro_read("direct@glu/F32/f32/rows/", &repro, NULL) == STERNA_OK);
}

/* A device that fails on command is caught although what it computed before was right. */
static void failing_devices(sterna_test *t)
{
    static const char *const devices[] = {"mock:fail_launch=9", "mock:lose_launch=9", "mock:hang_launch=9",
                                          "mock:fail_alloc=9"};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        sterna_bench_report report;
        sterna_fault fault = {0};
        sterna_bench_params params = {.spec = {devices[i], STERNA_PROFILE_EXACT, 1},
                                      .op = "gather",
                                      .law = "reference",
                                      .cases = 20,
                                      .no_shrink = true};
        sterna_status status = sterna_bench_run(&params, &report, &fault);
        bool caught = status == STERNA_OK && report.n_failures == 1 &&
                      report.failures[0].verdict.code == STERNA_VERDICT_STATUS;
        if (caught) sterna_test_note(t, "%s: %s", devices[i], report.failures[0].verdict.text);
        sterna_bench_free(&report);
        if (status == STERNA_UNSUPPORTED) SKIP(t, "%s", fault.text);
        CHECK_MSG(t, caught, "%s: %s", devices[i], fault.text);
    }
}

const sterna_test_case sterna_test_cases[] = {{"verdicts", verdicts, 60},
                                              {"failures_shrink", failures_shrink, 60},
                                              {"every_law_reports", every_law_reports, 60},
                                              {"same_seed_same_cases", same_seed_same_cases, 60},
                                              {"fast_profile_is_bounded", fast_profile_is_bounded, 60},
                                              {"nothing_is_no_pass", nothing_is_no_pass, 0},
                                              {"repro_files", repro_files, 60},
                                              {"broken_repro_files", broken_repro_files, 0},
                                              {"failing_devices", failing_devices, 60},
                                              {0}};
