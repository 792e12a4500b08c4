/* The gate: is one program slower than another? Owns: what is compared, and the rules of the verdict. Pure: numbers in,
 * verdicts out. Leaves to others: running programs (gate_run.h), printing (cli/cmd_gate.c).
 *
 * Every process gives one value per benchmark, the smallest of its samples: what else runs on the machine only ever adds
 * time. Base and head alternate, ABBA and BAAB, so that a drift of the machine meets both alike.
 *
 * SLOWER needs all of: a median ratio of at least 1 + effect and above the noise learnt from the benchmark's own null
 * history; a bootstrap interval of the ratio that lies above 1; a one-sided Mann-Whitney p that stays below alpha after
 * Holm's correction over all benchmarks that are judged by time. Equal code hashes mean SAME_CODE, whatever the clock
 * says. A benchmark that base has and head has not is VANISHED, and fails like a slower one. */
#ifndef STERNA_GATE_H
#define STERNA_GATE_H

#include "measure/result.h"
#include "stats/stats.h"

enum { STERNA_GATE_VALUES = 512 }; /* processes of a side at most */

/* name, what it is called, sentence */
#define STERNA_GATE_VERDICTS(X)                                                                              \
    X(UNCHANGED, "unchanged", "no difference that the rules call one")                                       \
    X(SAME_CODE, "same code", "equal hash of the code: unchanged, whatever was timed")                       \
    X(SLOWER, "SLOWER", "a regression")                                                                      \
    X(FASTER, "faster", "an improvement, by the same rules")                                                 \
    X(VANISHED, "VANISHED", "base has it, head has not")                                                     \
    X(NEW, "new", "head has it, base has not")                                                               \
    X(OTHER_BITS, "OTHER BITS", "the outputs differ: times of different work are not compared")

typedef enum sterna_gate_verdict {
#define X(name, word, sentence) STERNA_GATE_##name,
    STERNA_GATE_VERDICTS(X)
#undef X
} sterna_gate_verdict;
const char *sterna_gate_verdict_word(sterna_gate_verdict verdict);

typedef struct sterna_gate_side {
    uint32_t n; /* values: processes that ran it */
    bool has_code;
    uint8_t digest[STERNA_HASH_BYTES], code[STERNA_HASH_BYTES];
    double value[STERNA_GATE_VALUES]; /* seconds */
} sterna_gate_side;

typedef struct sterna_gate_metric {
    char name[STERNA_RESULT_NAME];
    sterna_gate_side side[2]; /* base, head */
    double noise;             /* learnt limit of |log ratio|; 0: nothing is known */
    /* What judging fills in. */
    double median[2], ratio;
    sterna_interval interval;
    double p, adjusted; /* one-sided, in the direction of the ratio */
    sterna_gate_verdict verdict;
} sterna_gate_metric;

typedef struct sterna_gate_rules {
    double effect;     /* 0.03: smaller changes are no regressions */
    double alpha;      /* 0.01: chance of any false alarm in the whole comparison */
    double confidence; /* of the interval: 0.95 */
    uint32_t resamples;
    uint64_t seed;
    bool ignore_code; /* judge by time even where the code is the same: for measuring the gate itself */
} sterna_gate_rules;
#define STERNA_GATE_RULES ((sterna_gate_rules){0.03, 0.01, 0.95, 2000, 0, false})

/* Growing list. Zero-initialise. */
typedef struct sterna_gate_list {
    sterna_gate_metric *items;
    uint32_t n;
} sterna_gate_list;

/* Adds what one process of a side (0 base, 1 head) measured. FLAKY: it contradicts an earlier process of that side. */
sterna_status sterna_gate_add(sterna_gate_list *list, uint32_t side, const sterna_results *results,
                              sterna_fault *fault);
void sterna_gate_free(sterna_gate_list *list);

/* How many metrics are judged by time. */
uint32_t sterna_gate_timed(const sterna_gate_list *list, const sterna_gate_rules *rules);
/* Rounds of four processes that can give a verdict at all: the smallest p there is, times the number of metrics, must
 * stay below alpha. A gate with fewer could never fail. */
uint32_t sterna_gate_rounds_needed(uint32_t metrics, double alpha);
sterna_status sterna_gate_judge(sterna_gate_list *list, const sterna_gate_rules *rules, sterna_fault *fault);
/* A second opinion on fresh values: what was SLOWER or FASTER and is not again becomes UNCHANGED. Takes the figures of
 * the later one. */
void sterna_gate_confirm(sterna_gate_list *list, const sterna_gate_list *again);
/* NOTHING: not one benchmark in both. FAILED: other bits. REGRESSION: slower or vanished. Names the first. */
sterna_status sterna_gate_outcome(const sterna_gate_list *list, sterna_fault *fault);

#endif
