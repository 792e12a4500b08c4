/* Collecting values and giving verdicts. */
#include "gate/gate.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *sterna_gate_verdict_word(sterna_gate_verdict verdict)
{
    static const char *const words[] = {
#define X(name, word, sentence) word,
        STERNA_GATE_VERDICTS(X)
#undef X
    };
    return words[verdict];
}

static sterna_gate_metric *find(const sterna_gate_list *list, const char *name)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0) return &list->items[i];
    return NULL;
}

static sterna_gate_metric *append(sterna_gate_list *list, const char *name, sterna_fault *fault)
{
    sterna_gate_metric *more = sterna_realloc(list->items, list->n + 1, sizeof *more);
    if (!more) {
        sterna_fail(fault, STERNA_MEMORY, "out of memory for the values of %s", name);
        return NULL;
    }
    list->items = more;
    memset(&more[list->n], 0, sizeof *more);
    snprintf(more[list->n].name, sizeof more->name, "%s", name);
    return &more[list->n++];
}

sterna_status sterna_gate_add(sterna_gate_list *list, uint32_t which, const sterna_results *results,
                              sterna_fault *fault)
{
    static const char *const names[] = {"BASE", "HEAD"};
    for (uint32_t i = 0; i < results->n; i++) {
        const sterna_benchmark *b = &results->items[i];
        if (b->kind != STERNA_RESULT_TIME || b->n == 0) continue;
        sterna_gate_metric *metric = find(list, b->name);
        if (!metric) metric = append(list, b->name, fault);
        if (!metric) return STERNA_MEMORY;
        sterna_gate_side *side = &metric->side[which];
        if (side->n == STERNA_GATE_VALUES)
            return sterna_fail(fault, STERNA_USAGE, "more than %d processes a side", STERNA_GATE_VALUES);
        if (side->n > 0 && memcmp(side->digest, b->digest, sizeof side->digest) != 0)
            return sterna_fail(fault, STERNA_FLAKY, "%s: two processes of %s give other bits", b->name,
                               names[which]);
        memcpy(side->digest, b->digest, sizeof side->digest);
        memcpy(side->code, b->code, sizeof side->code);
        side->has_code = b->has_code;
        double smallest = b->seconds[0];
        for (uint32_t s = 1; s < b->n; s++)
            if (b->seconds[s] < smallest) smallest = b->seconds[s];
        side->value[side->n++] = smallest;
    }
    return STERNA_OK;
}

void sterna_gate_free(sterna_gate_list *list)
{
    sterna_free(list->items);
    *list = (sterna_gate_list){0};
}

/* What needs no clock; UNCHANGED means that the clock decides. */
static sterna_gate_verdict without_clock(const sterna_gate_metric *m, const sterna_gate_rules *rules)
{
    const sterna_gate_side *base = &m->side[0], *head = &m->side[1];
    if (head->n == 0) return STERNA_GATE_VANISHED;
    if (base->n == 0) return STERNA_GATE_NEW;
    if (memcmp(base->digest, head->digest, sizeof base->digest) != 0) return STERNA_GATE_OTHER_BITS;
    bool same = base->has_code && head->has_code && memcmp(base->code, head->code, sizeof base->code) == 0;
    return same && !rules->ignore_code ? STERNA_GATE_SAME_CODE : STERNA_GATE_UNCHANGED;
}

uint32_t sterna_gate_timed(const sterna_gate_list *list, const sterna_gate_rules *rules)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->n; i++)
        n += without_clock(&list->items[i], rules) == STERNA_GATE_UNCHANGED;
    return n;
}

uint32_t sterna_gate_rounds_needed(uint32_t metrics, double alpha)
{
    uint32_t rounds = 1; /* each gives two values a side */
    while (rounds < STERNA_GATE_VALUES / 2 &&
           sterna_stats_rank_smallest(2 * rounds, 2 * rounds) * metrics >= alpha)
        rounds++;
    return rounds;
}

/* Medians, ratio, interval and p. Pairs are neighbours in time, so their log ratios are what is resampled. */
static sterna_status measure(sterna_gate_metric *m, uint32_t index, const sterna_gate_rules *rules,
                             sterna_fault *fault)
{
    double room[STERNA_GATE_VALUES], middle;
    uint32_t pairs = m->side[0].n < m->side[1].n ? m->side[0].n : m->side[1].n;
    sterna_rank_test rank;
    for (uint32_t s = 0; s < 2; s++) {
        memcpy(room, m->side[s].value, m->side[s].n * sizeof *room);
        m->median[s] = sterna_stats_median(room, m->side[s].n);
    }
    for (uint32_t i = 0; i < pairs; i++) room[i] = log(m->side[1].value[i] / m->side[0].value[i]);
    sterna_status status = sterna_stats_bootstrap(room, pairs, rules->confidence, rules->resamples,
                                                  rules->seed + index, &m->interval, fault);
    if (status == STERNA_OK)
        status =
            sterna_stats_rank(m->side[1].value, m->side[1].n, m->side[0].value, m->side[0].n, &rank, fault);
    if (status != STERNA_OK) return status;
    middle = sterna_stats_median(room, pairs);
    m->ratio = exp(middle);
    m->interval = (sterna_interval){exp(m->interval.low), exp(m->interval.high)};
    m->p = m->ratio >= 1 ? rank.greater : rank.less;
    return STERNA_OK;
}

static sterna_gate_verdict by_clock(const sterna_gate_metric *m, const sterna_gate_rules *rules)
{
    double least = log1p(rules->effect) > m->noise ? log1p(rules->effect) : m->noise, change = log(m->ratio);
    if (m->adjusted >= rules->alpha) return STERNA_GATE_UNCHANGED;
    if (change >= least && m->interval.low > 1) return STERNA_GATE_SLOWER;
    if (-change >= least && m->interval.high < 1) return STERNA_GATE_FASTER;
    return STERNA_GATE_UNCHANGED;
}

sterna_status sterna_gate_judge(sterna_gate_list *list, const sterna_gate_rules *rules, sterna_fault *fault)
{
    double *p = sterna_alloc(list->n, sizeof *p);
    uint32_t n = 0, at = 0;
    sterna_status status = STERNA_OK;
    if (!p) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u verdicts", list->n);
    for (uint32_t i = 0; i < list->n && status == STERNA_OK; i++) {
        sterna_gate_metric *m = &list->items[i];
        m->verdict = without_clock(m, rules);
        m->p = m->adjusted = 1;
        /* Equal code is measured, too: its ratios are the benchmark's null history. */
        if (m->side[0].n && m->side[1].n) status = measure(m, i, rules, fault);
        if (m->verdict == STERNA_GATE_UNCHANGED) p[n++] = m->p;
    }
    if (status == STERNA_OK && n > 0) status = sterna_stats_holm(p, n, p, fault);
    for (uint32_t i = 0; i < list->n && status == STERNA_OK; i++) {
        sterna_gate_metric *m = &list->items[i];
        if (m->verdict != STERNA_GATE_UNCHANGED) continue;
        m->adjusted = p[at++];
        m->verdict = by_clock(m, rules);
    }
    sterna_free(p);
    return status;
}

void sterna_gate_confirm(sterna_gate_list *list, const sterna_gate_list *again)
{
    for (uint32_t i = 0; i < list->n; i++) {
        sterna_gate_metric *m = &list->items[i];
        const sterna_gate_metric *later = find(again, m->name);
        if ((m->verdict != STERNA_GATE_SLOWER && m->verdict != STERNA_GATE_FASTER) || !later) continue;
        sterna_gate_verdict first = m->verdict;
        double noise = m->noise;
        *m = *later;
        m->noise = noise;
        if (m->verdict != first && (m->verdict == STERNA_GATE_SLOWER || m->verdict == STERNA_GATE_FASTER))
            m->verdict = STERNA_GATE_UNCHANGED; /* slower once and faster once is noise */
    }
}

static const sterna_gate_metric *first_of(const sterna_gate_list *list, sterna_gate_verdict verdict,
                                          uint32_t *count)
{
    const sterna_gate_metric *first = NULL;
    *count = 0;
    for (uint32_t i = 0; i < list->n; i++) {
        if (list->items[i].verdict != verdict) continue;
        if (!first) first = &list->items[i];
        ++*count;
    }
    return first;
}

sterna_status sterna_gate_outcome(const sterna_gate_list *list, sterna_fault *fault)
{
    uint32_t bits, slower, vanished, compared = 0;
    const sterna_gate_metric *other = first_of(list, STERNA_GATE_OTHER_BITS, &bits),
                             *slow = first_of(list, STERNA_GATE_SLOWER, &slower),
                             *gone = first_of(list, STERNA_GATE_VANISHED, &vanished);
    for (uint32_t i = 0; i < list->n; i++) compared += list->items[i].side[0].n && list->items[i].side[1].n;
    if (other)
        return sterna_fail(fault, STERNA_FAILED, "%u benchmark%s other bits, the first is %s", bits,
                           bits == 1 ? " gives" : "s give", other->name);
    if (compared == 0 && !gone) return sterna_fail(fault, STERNA_NOTHING, "no benchmark is in both programs");
    if (gone)
        return sterna_fail(fault, STERNA_REGRESSION, "%u benchmark%s vanished, the first is %s", vanished,
                           vanished == 1 ? " has" : "s have", gone->name);
    if (slow)
        return sterna_fail(fault, STERNA_REGRESSION, "%u benchmark%s slower, the first is %s: %.1f %%",
                           slower, slower == 1 ? " is" : "s are", slow->name, 100 * (slow->ratio - 1));
    return STERNA_OK;
}
