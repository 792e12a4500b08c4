/* From the store's walk to series. */
#include "history/history.h"
#include "base/mem.h"
#include "measure/table.h"
#include "stats/stats.h"
#include <stdio.h>
#include <string.h>

const char *sterna_history_value(double value, bool rate, char text[STERNA_HISTORY_VALUE])
{
    char time[STERNA_TABLE_TIME];
    if (rate)
        snprintf(text, STERNA_HISTORY_VALUE, "%.*f t/s", value < 10 ? 2 : value < 1000 ? 1 : 0, value);
    else
        snprintf(text, STERNA_HISTORY_VALUE, "%s", sterna_table_time(value, time));
    return text;
}

static sterna_history_series *open_series(sterna_history *h, const sterna_store_point *p, sterna_fault *fault)
{
    if (h->n > 0 && h->series[h->n - 1].id == p->series) return &h->series[h->n - 1];
    sterna_history_series *more = sterna_realloc(h->series, h->n + 1, sizeof *more);
    if (!more) {
        sterna_fail(fault, STERNA_MEMORY, "out of memory for the history of %s", p->name);
        return NULL;
    }
    h->series = more;
    sterna_history_series *s = &more[h->n++];
    *s = (sterna_history_series){
        .id = p->series, .threads = p->threads, .rate = strcmp(p->unit, "token") == 0};
    snprintf(s->name, sizeof s->name, "%s", p->name);
    snprintf(s->settings, sizeof s->settings, "%s", p->settings);
    snprintf(s->model, sizeof s->model, "%s", p->model);
    snprintf(s->device, sizeof s->device, "%.63s", p->device);
    snprintf(s->processor, sizeof s->processor, "%.63s", p->processor);
    return s;
}

static sterna_status visit(void *context, const sterna_store_point *p, sterna_fault *fault)
{
    sterna_history_series *s = open_series(context, p, fault);
    if (!s) return STERNA_MEMORY;
    if (p->n == 0) return STERNA_OK;
    sterna_history_point *more = sterna_realloc(s->points, s->n + 1, sizeof *more), *point;
    if (!more) return sterna_fail(fault, STERNA_MEMORY, "out of memory for the history of %s", p->name);
    s->points = more;
    point = &more[s->n];
    *point = (sterna_history_point){.low = p->seconds[0],
                                    .median = sterna_stats_quantile(p->seconds, p->n, 0.5),
                                    .high = p->seconds[p->n - 1],
                                    .samples = p->n};
    if (s->rate)
        *point = (sterna_history_point){.low = p->work / point->high,
                                        .median = p->work / point->median,
                                        .high = p->work / point->low,
                                        .samples = p->n};
    snprintf(point->date, sizeof point->date, "%.20s", p->began);
    snprintf(point->commit, sizeof point->commit, "%.63s", p->commit);
    point->new_code = s->n > 0 && s->has_code && p->has_code && memcmp(s->code, p->code, sizeof s->code) != 0;
    point->new_bits = s->n > 0 && memcmp(s->digest, p->digest, sizeof s->digest) != 0;
    s->has_code = p->has_code;
    memcpy(s->code, p->code, sizeof s->code);
    memcpy(s->digest, p->digest, sizeof s->digest);
    s->n++;
    return STERNA_OK;
}

static sterna_status visit_check(void *context, const sterna_store_check *check, sterna_fault *fault)
{
    sterna_history *h = context;
    sterna_store_check *more = sterna_realloc(h->checks, h->n_checks + 1, sizeof *more);
    if (!more) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u checks", h->n_checks + 1);
    h->checks = more;
    more[h->n_checks++] = *check;
    return STERNA_OK;
}

sterna_status sterna_history_read(sterna_store *store, sterna_history *history, sterna_fault *fault)
{
    sterna_status status = sterna_store_walk(store, visit, history, fault);
    if (status == STERNA_OK) status = sterna_store_checks(store, visit_check, history, fault);
    return status;
}

void sterna_history_free(sterna_history *history)
{
    for (uint32_t i = 0; i < history->n; i++) sterna_free(history->series[i].points);
    sterna_free(history->series);
    sterna_free(history->checks);
    *history = (sterna_history){0};
}
