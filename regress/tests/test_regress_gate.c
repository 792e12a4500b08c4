/* The gate's verdicts on made-up samples, and on programs that print made-up results. No clock is read here; what the gate
 * does on a real machine is shown by regress/selftest. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/philox.h"
#include "cli/command.h"
#include "gate/gate_run.h"
#include "measure/measure.h"
#include "runner.h"
#include "store/store_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static double unit(uint32_t a, uint32_t b, uint32_t c)
{
    return (sterna_philox4x32(a, b, c, 0, 0, 0).word[0] + 0.5) / 4294967296.0;
}

/* The smallest of a process's samples: noise is added, never taken away, and sometimes there is a lot of it. */
static double sample(uint32_t seed, uint32_t metric, uint32_t i)
{
    double calm = 0.01 * -log(unit(seed, 3 * metric, i)), storm = unit(seed, 3 * metric + 1, i);
    return 1 + calm + (storm < 0.05 ? storm * 10 : 0);
}

enum { METRICS = 30, VALUES = 12 };

static bool fill(sterna_gate_list *list, uint32_t seed, double factor)
{
    list->items = sterna_alloc(METRICS, sizeof *list->items);
    list->n = METRICS;
    for (uint32_t m = 0; list->items && m < METRICS; m++) {
        sterna_gate_metric *metric = &list->items[m];
        snprintf(metric->name, sizeof metric->name, "m%u", m);
        for (uint32_t s = 0; s < 2; s++)
            for (metric->side[s].n = 0; metric->side[s].n < VALUES; metric->side[s].n++)
                metric->side[s].value[metric->side[s].n] =
                    1e-3 * sample(seed, m, 2 * metric->side[s].n + s) * (s == 1 && m == 7 ? factor : 1);
    }
    return list->items != NULL;
}

static sterna_gate_verdict verdict_of(sterna_test *t, uint32_t seed, double factor, uint32_t *alarms)
{
    sterna_gate_list list;
    sterna_gate_rules rules = STERNA_GATE_RULES;
    sterna_gate_verdict verdict = STERNA_GATE_UNCHANGED;
    rules.resamples = 300;
    if (!EXPECT(t, fill(&list, seed, factor) && sterna_gate_judge(&list, &rules, NULL) == STERNA_OK))
        return verdict;
    verdict = list.items[7].verdict;
    for (uint32_t m = 0; m < METRICS; m++)
        *alarms += m != 7 && list.items[m].verdict != STERNA_GATE_UNCHANGED;
    sterna_gate_free(&list);
    return verdict;
}

/* Ten per cent are found in the middle of thirty benchmarks, with nothing else; none is not. */
static void power(sterna_test *t)
{
    uint32_t slower = 0, faster = 0, nulls = 0, alarms = 0;
    enum { TRIES = 40 };
    for (uint32_t seed = 1; seed <= TRIES; seed++) {
        slower += verdict_of(t, seed, 1.10, &alarms) == STERNA_GATE_SLOWER;
        faster += verdict_of(t, seed, 1 / 1.10, &alarms) == STERNA_GATE_FASTER;
        nulls += verdict_of(t, seed, 1.0, &alarms) == STERNA_GATE_UNCHANGED;
    }
    sterna_test_note(t, "%u slower, %u faster, %u unchanged of %d; %u alarms elsewhere", slower, faster,
                     nulls, TRIES, alarms);
    /* Fixed seeds, so fixed figures: one process in twenty meets a storm of up to half its time again. */
    EXPECT(t, slower >= 35 && faster >= 35 && nulls == TRIES && alarms == 0);
}

static void rules(sterna_test *t)
{
    sterna_gate_list list;
    sterna_gate_rules r = STERNA_GATE_RULES;
    r.resamples = 300;
    /* The same data under other rules. */
    static const struct {
        double effect, noise, factor;
        bool same_code, ignore;
        sterna_gate_verdict verdict;
    } rows[] = {
        {0.03, 0, 1.10, false, false, STERNA_GATE_SLOWER},
        {0.20, 0, 1.10, false, false, STERNA_GATE_UNCHANGED},
        {0.03, 0.2, 1.10, false, false, STERNA_GATE_UNCHANGED},
        {0.03, 0.05, 1.10, false, false, STERNA_GATE_SLOWER},
        {0.03, 0, 1.10, true, false, STERNA_GATE_SAME_CODE},
        {0.03, 0, 1.10, true, true, STERNA_GATE_SLOWER},
        {0.03, 0, 1.01, false, false, STERNA_GATE_UNCHANGED},
        {0.00, 0, 1.00, false, false, STERNA_GATE_UNCHANGED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK(t, fill(&list, 5, rows[i].factor));
        r.effect = rows[i].effect;
        r.ignore_code = rows[i].ignore;
        list.items[7].noise = rows[i].noise;
        list.items[7].side[0].has_code = list.items[7].side[1].has_code = rows[i].same_code;
        CHECK(t, sterna_gate_judge(&list, &r, NULL) == STERNA_OK);
        sterna_test_note(t, "row %zu: %s, ratio %.3f p %.2g", i,
                         sterna_gate_verdict_word(list.items[7].verdict), list.items[7].ratio,
                         list.items[7].adjusted);
        EXPECT(t, list.items[7].verdict == rows[i].verdict);
        sterna_gate_free(&list);
    }
}

/* Head is larger by rank and by the middle pair, but nearly half of the pairs say the opposite: no verdict. */
static void mixed(sterna_test *t)
{
    enum { PAIRS = 30 };
    static sterna_gate_metric m;
    sterna_gate_rules r = STERNA_GATE_RULES;
    snprintf(m.name, sizeof m.name, "m");
    m.side[0].n = m.side[1].n = PAIRS;
    for (uint32_t i = 0; i < PAIRS; i++) {
        bool up = i < PAIRS / 2 + 1;
        m.side[0].value[i] = (up ? 1 : 2) * (1 + 1e-4 * i);
        m.side[1].value[i] = (up ? 2.1 : 1.05) * (1 + 1e-4 * i);
    }
    CHECK(t, sterna_gate_judge(&(sterna_gate_list){&m, 1}, &r, NULL) == STERNA_OK);
    CHECK_MSG(t, m.ratio > 2 && m.adjusted < r.alpha && m.interval.low < 1, "ratio %g p %g low %g", m.ratio,
              m.adjusted, m.interval.low);
    EXPECT(t, m.verdict == STERNA_GATE_UNCHANGED);
}

/* A gate that could never fail says how many rounds it would take. */
static void rounds(sterna_test *t)
{
    static const struct {
        uint32_t metrics, rounds;
    } rows[] = {{1, 3}, {5, 3}, {9, 3}, {10, 4}, {100, 4}, {10000, 6}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t n = sterna_gate_rounds_needed(rows[i].metrics, 0.01);
        sterna_test_note(t, "%u metrics: %u rounds", rows[i].metrics, n);
        EXPECT(t, n == rows[i].rounds);
        EXPECT(t, sterna_stats_rank_smallest(2 * n, 2 * n) * rows[i].metrics < 0.01);
        EXPECT(t, sterna_stats_rank_smallest(2 * n - 2, 2 * n - 2) * rows[i].metrics >= 0.01);
    }
}

static void confirmation(sterna_test *t)
{
    static const sterna_gate_verdict S = STERNA_GATE_SLOWER, F = STERNA_GATE_FASTER,
                                     U = STERNA_GATE_UNCHANGED, C = STERNA_GATE_SAME_CODE;
    const sterna_gate_verdict rows[][3] = {{S, S, S}, {S, U, U}, {S, F, U}, {F, F, F},
                                           {F, S, U}, {U, S, U}, {C, S, C}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static sterna_gate_metric first, later;
        first = (sterna_gate_metric){.name = "x", .verdict = rows[i][0], .noise = 0.5};
        later = (sterna_gate_metric){.name = "x", .verdict = rows[i][1]};
        sterna_gate_confirm(&(sterna_gate_list){&first, 1}, &(sterna_gate_list){&later, 1});
        EXPECT(t, first.verdict == rows[i][2] && first.noise == 0.5);
    }
}

/* --- Programs that print results --------------------------------------------------------------------------------- */

static sterna_status to_file(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    return fwrite(data, 1, bytes, context) == bytes ? STERNA_OK
                                                    : sterna_fail(fault, STERNA_FILE, "short write");
}

typedef struct fake {
    const char *name;    /* of the script */
    uint32_t benchmarks; /* "a", "b", ... */
    uint8_t bits, code;  /* of the first one; code 0: unknown */
    double seconds;      /* of "a"; the others take 1 ms */
    const char *ending;  /* shell commands before printing */
} fake;

/* A script that prints what `bench --json` would. */
static bool make_program(sterna_test *t, const fake *f, char path[1100])
{
    static sterna_out out;
    sterna_results r = {.threads = 1};
    sterna_json json;
    char data[1200];
    snprintf(path, 1100, "%s/%s", sterna_test_folder(t), f->name);
    snprintf(data, sizeof data, "%s.json", path);
    snprintf(r.began, sizeof r.began, "2026-01-01T00:00:00Z");
    snprintf(r.command, sizeof r.command, "bench");
    snprintf(r.device, sizeof r.device, "cpu:scalar");
    sterna_machine_here(&r.machine);
    snprintf(r.program.commit, sizeof r.program.commit, "%s", f->name);
    for (uint32_t i = 0; i < f->benchmarks; i++) {
        sterna_benchmark *b = sterna_results_add(&r, (char[]){(char)('a' + i), 0}, NULL);
        if (!b) return false;
        b->digest[0] = i == 0 ? f->bits : 1;
        b->code[0] = i == 0 ? f->code : 9;
        b->has_code = b->code[0] != 0;
        for (uint32_t s = 0; s < 3; s++)
            if (sterna_benchmark_sample(b, i == 0 ? f->seconds : 1e-3, NULL) != STERNA_OK) return false;
    }
    FILE *file = fopen(data, "w");
    if (!file) return false;
    sterna_out_init(&out, to_file, file);
    sterna_json_begin(&json, "bench");
    sterna_results_put(&r, &json);
    bool done =
        sterna_json_print(&json, &out, NULL) == STERNA_OK && sterna_out_flush(&out, NULL) == STERNA_OK;
    done = fclose(file) == 0 && done;
    sterna_results_free(&r);
    file = fopen(path, "w");
    if (!file) return false;
    fprintf(file, "#!/bin/sh\n%s\nexec cat '%s'\n", f->ending ? f->ending : "", data);
    return fclose(file) == 0 && chmod(path, 0755) == 0 && done;
}

static sterna_status nowhere(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    char *kept = context;
    (void)fault;
    size_t used = strlen(kept);
    snprintf(kept + used, 8192 - used, "%.*s", (int)bytes, (const char *)data);
    return STERNA_OK;
}

static sterna_status gate(const char *base, const char *head, const char *flags, char printed[8192],
                          sterna_fault *fault)
{
    static sterna_out stream;
    char copy[4096], *words[32];
    sterna_options options;
    printed[0] = 0;
    *fault = (sterna_fault){0};
    snprintf(copy, sizeof copy, "'%s' '%s' --suite kernels %s", base, head, flags);
    int n = sterna_test_words(copy, words, sizeof words / sizeof words[0]);
    sterna_out_init(&stream, nowhere, printed);
    sterna_status status = sterna_options_parse(STERNA_CMD_gate, n, words, &options, fault);
    if (status == STERNA_OK)
        status = sterna_cmd_gate(&(sterna_cli){.options = &options, .out = &stream}, fault);
    sterna_options_free(&options);
    (void)sterna_out_flush(&stream, NULL);
    return status;
}

static void programs(sterna_test *t)
{
    static const fake base = {"base", 3, 1, 1, 1e-3, NULL};
    static const struct {
        fake head;
        const char *flags, *says;
        sterna_status status;
    } rows[] = {
        {{"same", 3, 1, 1, 2e-3, NULL}, "", "same code", STERNA_OK},
        {{"equal", 3, 1, 2, 1e-3, NULL}, "", "unchanged", STERNA_OK},
        {{"slower", 3, 1, 2, 1.1e-3, NULL}, "", "SLOWER", STERNA_REGRESSION},
        {{"slow-unknown", 3, 1, 0, 1.1e-3, NULL}, "", "SLOWER", STERNA_REGRESSION},
        {{"slow-same", 3, 1, 1, 1.1e-3, NULL}, "--ignore-code", "SLOWER", STERNA_REGRESSION},
        {{"faster", 3, 1, 2, 0.9e-3, NULL}, "", "faster", STERNA_OK},
        {{"a-little", 3, 1, 2, 1.02e-3, NULL}, "", "unchanged", STERNA_OK},
        {{"a-little-more", 3, 1, 2, 1.02e-3, NULL}, "--effect 1", "SLOWER", STERNA_REGRESSION},
        {{"vanished", 2, 1, 1, 1e-3, NULL}, "", "VANISHED", STERNA_REGRESSION},
        {{"new", 4, 1, 1, 1e-3, NULL}, "", "new", STERNA_OK},
        {{"bits", 3, 2, 2, 1.1e-3, NULL}, "", "OTHER BITS", STERNA_FAILED},
        {{"hopeless", 3, 1, 2, 1.1e-3, NULL}, "--rounds 1", "", STERNA_USAGE},
        {{"certain", 3, 1, 2, 1.1e-3, NULL}, "--alpha 0", "", STERNA_USAGE},
        {{"ends", 3, 1, 2, 1e-3, "exit 9"}, "", "", STERNA_FAILED},
        {{"dies", 3, 1, 2, 1e-3, "kill -9 $$"}, "", "", STERNA_FAILED},
        {{"mute", 3, 1, 2, 1e-3, "exit 0"}, "", "", STERNA_FILE},
        {{"talks", 3, 1, 2, 1e-3, "echo words"}, "", "", STERNA_FILE},
        {{"empty", 0, 1, 2, 1e-3, NULL}, "", "VANISHED", STERNA_REGRESSION},
    };
    char first[1100], second[1100], printed[8192];
    sterna_fault fault;
    CHECK(t, make_program(t, &base, first));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK(t, make_program(t, &rows[i].head, second));
        int64_t live = sterna_mem_live();
        sterna_status status = gate(first, second, rows[i].flags, printed, &fault);
        sterna_test_note(t, "%s: %s %s\n%s", rows[i].head.name, sterna_status_name(status), fault.text,
                         printed);
        EXPECT(t, status == rows[i].status && strstr(printed, rows[i].says) != NULL);
        EXPECT(t, sterna_mem_live() == live && (status == STERNA_OK || fault.text[0]));
        /* A failure names its benchmark. */
        if (status == STERNA_REGRESSION || !strcmp(rows[i].head.name, "bits"))
            EXPECT(t, strstr(fault.text, !strcmp(rows[i].head.name, "vanished") ? "is c" : "is a") != NULL);
    }
    static const fake nothing = {"nothing", 0, 0, 0, 1e-3, NULL},
                      broken = {"broken", 1, 0, 0, 1e-3, "exit 1"};
    CHECK(t, make_program(t, &nothing, second));
    EXPECT(t, gate(second, second, "", printed, &fault) == STERNA_NOTHING);
    EXPECT(t,
           gate(second, first, "", printed, &fault) == STERNA_NOTHING); /* all is new: nothing was compared */
    CHECK(t, make_program(t, &broken, second));
    EXPECT(t, gate(second, first, "", printed, &fault) == STERNA_NOTHING);
    EXPECT(t, gate("/nowhere/at-all", first, "", printed, &fault) == STERNA_FILE);
}

/* Noise is learnt from gates between equal code, kept in the store, and silences what lies within it. */
static void learning(sterna_test *t)
{
    char base[1100], head[1100], flags[1300], printed[8192];
    sterna_fault fault;
    sterna_store_sync = false;
    snprintf(flags, sizeof flags, "--db '%s/gate.db'", sterna_test_folder(t));
    for (uint32_t i = 0; i < STERNA_NOISE_LEAST; i++) {
        /* Equal code whose times differ by up to 16 %. */
        CHECK(t, make_program(t, &(fake){"base", 2, 1, 1, 1e-3, NULL}, base));
        CHECK(t, make_program(t, &(fake){"head", 2, 1, 1, 1e-3 * (1 + 0.02 * (i + 1)), NULL}, head));
        CHECK_MSG(t, gate(base, head, flags, printed, &fault) == STERNA_OK, "%s", fault.text);
    }
    CHECK(t, make_program(t, &(fake){"head", 2, 1, 2, 1.12e-3, NULL}, head));
    EXPECT(t, gate(base, head, "", printed, &fault) == STERNA_REGRESSION);
    EXPECT(t, gate(base, head, flags, printed, &fault) == STERNA_OK);
    sterna_test_note(t, "%s", printed);
    CHECK(t, make_program(t, &(fake){"head", 2, 1, 2, 2e-3, NULL}, head));
    EXPECT(t, gate(base, head, flags, printed, &fault) == STERNA_REGRESSION);
}

/* The n-th allocation of a comparison fails: a sentence, nothing left, never success with half a result. */
static void memory(sterna_test *t)
{
    char base[1100], head[1100], printed[8192];
    sterna_fault fault;
    CHECK(t, make_program(t, &(fake){"base", 2, 1, 1, 1e-3, NULL}, base));
    CHECK(t, make_program(t, &(fake){"head", 2, 1, 2, 1.1e-3, NULL}, head));
    int64_t live = sterna_mem_live();
    for (uint64_t n = 1; n < 100000; n += n < 30 ? 1 : n / 2) {
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = gate(base, head, "", printed, &fault);
        uint64_t calls = sterna_fault_count(STERNA_FAULT_ALLOC);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        sterna_test_note(t, "call %llu: %s %s", (unsigned long long)n, sterna_status_name(status),
                         fault.text);
        CHECK(t, sterna_mem_live() == live && fault.text[0] && status != STERNA_OK);
        if (calls < n) {
            CHECK(t, status == STERNA_REGRESSION && n > 25);
            return;
        }
    }
    CHECK(t, false);
}

const sterna_test_case sterna_test_cases[] = {
    {"power", power, 0},
    {"rules", rules, 0},
    {"rounds", rounds, 0},
    {"mixed", mixed, 0},
    {"confirmation", confirmation, 0},
    {"programs", programs, 60},
    {"learning", learning, 60},
    {"memory", memory, 60},
    {0},
};
