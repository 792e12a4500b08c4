/* Passes of the shrinker: delete spans, delete runs, lower values, lower equal values together. Each pass is
 * deterministic and adaptive (a success tries a larger step next), after Hypothesis's conjecture/shrinker.py. */
#include "gen/shrink.h"
#include "base/sys.h"
#include <string.h>

typedef struct shrinker {
    sterna_choices *c; /* the best so far stands in best[]; c is scratch */
    sterna_still_fails *fails;
    void *context;
    uint32_t best[STERNA_CHOICE_LIMIT], best_count;
    sterna_span span[STERNA_SPAN_LIMIT];
    uint32_t spans;
    uint32_t attempts_left;
    double deadline;
    sterna_shrink_stats stats;
} shrinker;

static void keep(shrinker *s)
{
    memcpy(s->best, s->c->value, s->c->count * sizeof *s->best);
    s->best_count = s->c->count;
    memcpy(s->span, s->c->span, s->c->spans * sizeof *s->span);
    s->spans = s->c->spans;
}

static bool spent(const shrinker *s)
{
    return s->attempts_left == 0 || sterna_sys_now() > s->deadline;
}

/* True when the candidate fails and is simpler than the best; it is the best, then. */
static bool attempt(shrinker *s, const uint32_t *values, uint32_t count)
{
    if (spent(s)) return false;
    s->attempts_left--;
    s->stats.attempts++;
    sterna_choice_replay(s->c, values, count);
    if (!s->fails(s->context, s->c)) return false;
    if (sterna_choice_compare(s->c->value, s->c->count, s->best, s->best_count) >= 0) return false;
    s->stats.improvements++;
    keep(s);
    return true;
}

static bool attempt_without(shrinker *s, uint32_t first, uint32_t end)
{
    static _Thread_local uint32_t candidate[STERNA_CHOICE_LIMIT];
    if (first >= end || end > s->best_count) return false;
    memcpy(candidate, s->best, first * sizeof *candidate);
    memcpy(candidate + first, s->best + end, (s->best_count - end) * sizeof *candidate);
    return attempt(s, candidate, s->best_count - (end - first));
}

static bool attempt_with(shrinker *s, uint32_t at, uint32_t value)
{
    static _Thread_local uint32_t candidate[STERNA_CHOICE_LIMIT];
    if (at >= s->best_count) return false;
    memcpy(candidate, s->best, s->best_count * sizeof *candidate);
    candidate[at] = value;
    return attempt(s, candidate, s->best_count);
}

/* Spans from the last to the first; a deletion changes the list, so it is read anew. */
static bool delete_spans(shrinker *s)
{
    bool progress = false;
    for (uint32_t i = s->spans; i-- > 0;) {
        if (i >= s->spans) continue;
        if (attempt_without(s, s->span[i].first, s->span[i].end)) progress = true;
    }
    return progress;
}

/* Runs of choices from the end; a success doubles the run, a failure starts small again one place further. */
static bool delete_runs(shrinker *s)
{
    bool progress = false;
    uint32_t run = 1, end = s->best_count;
    while (end > 0 && !spent(s)) {
        uint32_t first = end > run ? end - run : 0;
        if (attempt_without(s, first, end)) {
            progress = true;
            run *= 2;
            end = first < s->best_count ? first : s->best_count;
        } else if (run > 1) {
            run = 1;
        } else {
            end--;
        }
    }
    return progress;
}

/* Each value to the smallest that still fails: 0, then bisection (which assumes that failing is monotone and
 * is only slower to arrive when it is not), then one less. */
static bool lower_values(shrinker *s)
{
    bool progress = false;
    for (uint32_t i = 0; i < s->best_count && !spent(s); i++) {
        if (s->best[i] == 0) continue;
        if (attempt_with(s, i, 0)) {
            progress = true;
            continue;
        }
        uint32_t low = 0;
        while (i < s->best_count && s->best[i] - low > 1 && !spent(s)) {
            uint32_t middle = low + (s->best[i] - low) / 2, before = s->best[i];
            if (attempt_with(s, i, middle))
                progress = true;
            else
                low = middle;
            if (i < s->best_count && s->best[i] > before) break;
        }
        for (uint32_t step = 1; step <= 4 && i < s->best_count && s->best[i] > step; step++)
            if (attempt_with(s, i, s->best[i] - step)) progress = true;
    }
    return progress;
}

/* Pairs of equal values lowered together: sizes that have to agree. */
static bool lower_pairs(shrinker *s)
{
    static _Thread_local uint32_t candidate[STERNA_CHOICE_LIMIT];
    bool progress = false;
    for (uint32_t i = 0; i + 1 < s->best_count && !spent(s); i++) {
        for (uint32_t j = i + 1; j < s->best_count && j < i + 64 && s->best[i]; j++) {
            if (s->best[j] != s->best[i]) continue;
            memcpy(candidate, s->best, s->best_count * sizeof *candidate);
            candidate[i] = candidate[j] = s->best[i] / 2;
            if (attempt(s, candidate, s->best_count)) progress = true;
        }
    }
    return progress;
}

void sterna_shrink(sterna_choices *c, sterna_still_fails *fails, void *context, uint32_t max_attempts,
                   double seconds, sterna_shrink_stats *stats)
{
    static _Thread_local shrinker s;
    memset(&s, 0, sizeof s);
    s.c = c;
    s.fails = fails;
    s.context = context;
    s.attempts_left = max_attempts;
    s.deadline = sterna_sys_now() + seconds;
    keep(&s);
    bool progress = true;
    while (progress && !spent(&s)) {
        progress = delete_spans(&s);
        progress |= delete_runs(&s);
        progress |= lower_values(&s);
        progress |= lower_pairs(&s);
    }
    sterna_choice_replay(c, s.best, s.best_count);
    fails(context, c);
    if (stats) *stats = s.stats;
}
