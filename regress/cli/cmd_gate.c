/* `sterna gate BASE HEAD`: is HEAD slower? Owns: the order of rounds and confirmations, what is printed and kept. Leaves to
 * others: rules and statistics (gate/). */
#include "base/mem.h"
#include "base/sys.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/say.h"
#include "gate/gate_run.h"
#include "measure/table.h"
#include "store/store.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CONFIRMATIONS = 2, SPARE_ROUNDS = 2, HISTORY = 200 };

typedef struct gate {
    const sterna_options *o;
    char program[2][1100];
    const char *arguments[STERNA_GATE_ARGUMENTS];
    uint32_t n_arguments, only; /* only: place of the value of --only */
    char names[65536];          /* of the benchmarks that are confirmed */
    sterna_gate_rules rules;
    sterna_gate_run run;
    sterna_gate_list list;
    uint32_t rounds;
} gate;

/* A program, or a folder that `make install` has filled. */
static void find_program(const char *given, char path[1100])
{
    snprintf(path, 1100, "%.1000s/bin/sterna", given);
    if (!sterna_sys_exists(path)) snprintf(path, 1100, "%.1000s%s", strchr(given, '/') ? "" : "./", given);
    if (strchr(given, '/') && !sterna_sys_exists(path)) snprintf(path, 1100, "%.1000s", given);
}

static void pass(gate *g, const char *flag, const char *value)
{
    if (g->n_arguments + 3 >= STERNA_GATE_ARGUMENTS) return;
    g->arguments[g->n_arguments++] = flag;
    if (value) g->arguments[g->n_arguments++] = value;
}

/* What both programs are asked for. */
static void make_arguments(gate *g)
{
    static const struct {
        sterna_option_id id;
        const char *flag;
    } passed[] = {{STERNA_OPT_bench_model, "-m"},  {STERNA_OPT_gate_suite, "--suite"},
                  {STERNA_OPT_bench_prompt, "-p"}, {STERNA_OPT_bench_gen, "-n"},
                  {STERNA_OPT_repetitions, "-r"},  {STERNA_OPT_threads, "-t"},
                  {STERNA_OPT_device, "--device"}};
    static const char *const always[] = {"bench", "--json", "-q", "--no-limits"};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) pass(g, always[i], NULL);
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
        const char *value = sterna_option_text(g->o, passed[i].id);
        if (value) pass(g, passed[i].flag, value);
    }
    if (sterna_option_flag(g->o, STERNA_OPT_strict)) pass(g, "--strict", NULL);
    g->only = g->n_arguments + 1;
    const char *only = sterna_option_text(g->o, STERNA_OPT_only);
    if (only) pass(g, "--only", only);
}

/* Limits of noise that earlier gates have taught. */
static sterna_status learn(gate *g, sterna_store *store, sterna_fault *fault)
{
    double logs[HISTORY];
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; store && i < g->list.n && status == STERNA_OK; i++) {
        uint32_t n;
        sterna_gate_metric *m = &g->list.items[i];
        status = sterna_store_null_history(store, &g->run.results[1], m->name, logs, HISTORY, &n, fault);
        if (status == STERNA_OK) m->noise = sterna_stats_noise(logs, n);
    }
    return status;
}

/* Names of what seems slower or faster, with commas; 0 when there are none. */
static uint32_t suspects(gate *g)
{
    uint32_t n = 0;
    size_t used = 0;
    for (uint32_t i = 0; i < g->list.n; i++) {
        const sterna_gate_metric *m = &g->list.items[i];
        if (m->verdict != STERNA_GATE_SLOWER && m->verdict != STERNA_GATE_FASTER) continue;
        if (used + strlen(m->name) + 2 > sizeof g->names) break;
        used += (size_t)snprintf(g->names + used, sizeof g->names - used, "%s%s", n ? "," : "", m->name);
        n++;
    }
    return n;
}

/* Fresh values for what seems changed; only what seems so every time is believed. */
static sterna_status confirm(gate *g, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < CONFIRMATIONS && status == STERNA_OK && suspects(g) > 0; i++) {
        sterna_gate_list again = {0};
        g->arguments[g->only - 1] = "--only";
        g->arguments[g->only] = g->names;
        g->arguments[g->only + 1] = NULL;
        g->run.seed++;
        g->rules.seed += 0x10000;
        status = sterna_gate_rounds(&g->run, g->rounds, &again, fault);
        if (status == STERNA_OK)
            for (uint32_t j = 0; j < again.n; j++)
                for (uint32_t k = 0; k < g->list.n; k++)
                    if (!strcmp(again.items[j].name, g->list.items[k].name))
                        again.items[j].noise = g->list.items[k].noise;
        if (status == STERNA_OK) status = sterna_gate_judge(&again, &g->rules, fault);
        if (status == STERNA_OK) sterna_gate_confirm(&g->list, &again);
        sterna_gate_free(&again);
    }
    return status;
}

/* Enough rounds for the verdicts there are to give: unless told, as many as it takes. */
static sterna_status settle_rounds(gate *g, uint32_t done, sterna_fault *fault)
{
    uint32_t timed = sterna_gate_timed(&g->list, &g->rules),
             needed = sterna_gate_rounds_needed(timed, g->rules.alpha);
    uint32_t asked = (uint32_t)sterna_option_integer(g->o, STERNA_OPT_rounds);
    if (asked && asked < needed)
        return sterna_fail(
            fault, STERNA_USAGE,
            "--rounds %u: with %u benchmarks to judge by time no difference could be found in less than "
            "%u rounds",
            asked, timed, needed);
    /* Spare rounds leave room for processes that met a storm. */
    g->rounds = asked ? asked : needed + SPARE_ROUNDS;
    return g->rounds > done ? sterna_gate_rounds(&g->run, g->rounds - done, &g->list, fault) : STERNA_OK;
}

static sterna_status compare(gate *g, sterna_store *store, sterna_fault *fault)
{
    sterna_status status = sterna_gate_rounds(&g->run, 1, &g->list, fault);
    /* Same code everywhere and nothing asked of the clock: one round has told it all. */
    if (status == STERNA_OK && (sterna_gate_timed(&g->list, &g->rules) > 0 || store))
        status = settle_rounds(g, 1, fault);
    if (status == STERNA_OK) status = learn(g, store, fault);
    if (status == STERNA_OK) status = sterna_gate_judge(&g->list, &g->rules, fault);
    return status == STERNA_OK ? confirm(g, fault) : status;
}

static void print_table(const gate *g, sterna_out *out)
{
    sterna_out_text(out, "| benchmark | base | head | ratio | interval | p | verdict |\n"
                         "| --------- | ---: | ---: | ----: | -------- | -: | ------- |\n");
    for (uint32_t i = 0; i < g->list.n; i++) {
        const sterna_gate_metric *m = &g->list.items[i];
        char base[STERNA_TABLE_TIME] = "-", head[STERNA_TABLE_TIME] = "-";
        if (m->side[0].n && m->side[1].n) {
            sterna_out_print(out, "| %s | %s | %s | %.3f | %.3f .. %.3f | %.2g | %s |\n", m->name,
                             sterna_table_time(m->median[0], base), sterna_table_time(m->median[1], head),
                             m->ratio, m->interval.low, m->interval.high, m->adjusted,
                             sterna_gate_verdict_word(m->verdict));
        } else {
            sterna_out_print(out, "| %s | | | | | | %s |\n", m->name, sterna_gate_verdict_word(m->verdict));
        }
    }
}

static sterna_status print_json(const gate *g, sterna_status outcome, sterna_out *out, sterna_fault *fault)
{
    sterna_json json;
    sterna_json_begin(&json, "gate");
    sterna_json_string(&json, json.root, "base", g->program[0]);
    sterna_json_string(&json, json.root, "head", g->program[1]);
    sterna_json_string(&json, json.root, "outcome", sterna_status_name(outcome));
    sterna_json_u64(&json, json.root, "rounds", g->rounds);
    sterna_json_real(&json, json.root, "alpha", g->rules.alpha);
    sterna_json_real(&json, json.root, "effect", g->rules.effect);
    cJSON *list = sterna_json_array(&json, json.root, "benchmarks");
    for (uint32_t i = 0; i < g->list.n; i++) {
        const sterna_gate_metric *m = &g->list.items[i];
        cJSON *object = sterna_json_object(&json, list, NULL);
        sterna_json_string(&json, object, "name", m->name);
        sterna_json_string(&json, object, "verdict", sterna_gate_verdict_word(m->verdict));
        if (m->side[0].n == 0 || m->side[1].n == 0) continue;
        sterna_json_real(&json, object, "base_seconds", m->median[0]);
        sterna_json_real(&json, object, "head_seconds", m->median[1]);
        sterna_json_real(&json, object, "ratio", m->ratio);
        sterna_json_real(&json, object, "low", m->interval.low);
        sterna_json_real(&json, object, "high", m->interval.high);
        sterna_json_real(&json, object, "p_holm", m->adjusted);
        sterna_json_real(&json, object, "noise", m->noise);
    }
    return sterna_json_print(&json, out, fault);
}

static sterna_status keep(const gate *g, sterna_store *store, sterna_status outcome, sterna_fault *fault)
{
    sterna_store_ratio *ratios = sterna_alloc(g->list.n, sizeof *ratios);
    sterna_store_gate record = {.base = &g->run.results[0],
                                .head = &g->run.results[1],
                                .rounds = g->rounds,
                                .outcome = sterna_status_name(outcome),
                                .ratios = ratios};
    if (!ratios) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u ratios", g->list.n);
    for (uint32_t i = 0; i < g->list.n; i++) {
        const sterna_gate_metric *m = &g->list.items[i];
        const sterna_gate_side *base = &m->side[0], *head = &m->side[1];
        if (base->n == 0 || head->n == 0) continue;
        bool same =
            base->has_code && head->has_code && memcmp(base->code, head->code, sizeof base->code) == 0;
        ratios[record.n++] = (sterna_store_ratio){.name = m->name,
                                                  .verdict = sterna_gate_verdict_word(m->verdict),
                                                  .ratio = m->ratio,
                                                  .low = m->interval.low,
                                                  .high = m->interval.high,
                                                  .p = m->adjusted,
                                                  .same_code = same};
    }
    sterna_status status = sterna_store_put_gate(store, &record, fault);
    sterna_free(ratios);
    return status;
}

static sterna_status judge_and_tell(gate *g, const sterna_cli *cli, sterna_store *store, sterna_fault *fault)
{
    sterna_fault verdict = {0};
    sterna_status status = compare(g, store, fault);
    if (status != STERNA_OK) return status;
    sterna_status outcome = sterna_gate_outcome(&g->list, &verdict);
    if (store) status = keep(g, store, outcome, fault);
    if (status == STERNA_OK && sterna_option_flag(g->o, STERNA_OPT_json))
        status = print_json(g, outcome, cli->out, fault);
    else if (status == STERNA_OK)
        print_table(g, cli->out);
    if (status == STERNA_OK && outcome != STERNA_OK) {
        *fault = verdict;
        status = outcome;
    }
    return status;
}

sterna_status sterna_cmd_gate(const sterna_cli *cli, sterna_fault *fault)
{
    const sterna_options *o = cli->options;
    const char *path = sterna_option_text(o, STERNA_OPT_bench_db),
               *suite = sterna_option_text(o, STERNA_OPT_gate_suite);
    sterna_store *store = NULL;
    if (!sterna_option_text(o, STERNA_OPT_bench_model) && strcmp(suite, "kernels") != 0)
        return sterna_fail(fault, STERNA_USAGE, "--model is missing: only --suite kernels goes without");
    if (sterna_option_real(o, STERNA_OPT_alpha) <= 0)
        return sterna_fail(fault, STERNA_USAGE, "--alpha 0: nothing is ever certain");
    gate *g = sterna_alloc(1, sizeof *g);
    if (!g) return sterna_fail(fault, STERNA_MEMORY, "out of memory for a comparison");
    g->o = o;
    g->rounds = 1;
    g->rules = STERNA_GATE_RULES;
    g->rules.effect = sterna_option_real(o, STERNA_OPT_effect) / 100;
    g->rules.alpha = sterna_option_real(o, STERNA_OPT_alpha) / 100;
    g->rules.seed = sterna_option_word(o, STERNA_OPT_gate_seed);
    g->rules.ignore_code = sterna_option_flag(o, STERNA_OPT_ignore_code);
    for (int i = 0; i < 2; i++) find_program(o->arguments[i], g->program[i]);
    make_arguments(g);
    g->run = (sterna_gate_run){
        .program = {g->program[0], g->program[1]}, .arguments = g->arguments, .seed = g->rules.seed};
    sterna_status status = path ? sterna_store_open(path, &store, fault) : STERNA_OK;
    if (status == STERNA_OK) status = judge_and_tell(g, cli, store, fault);
    sterna_store_close(store);
    sterna_results_free(&g->run.results[0]);
    sterna_results_free(&g->run.results[1]);
    sterna_gate_free(&g->list);
    sterna_free(g);
    return status;
}
