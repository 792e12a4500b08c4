/* The statistics of the gate. Owns: medians, intervals, rank tests, corrections, and nothing of files or clocks.
 * Every figure is checked against SciPy's (tests/stats_fixtures.def says how they were made). */
#ifndef STERNA_STATS_H
#define STERNA_STATS_H

#include "base/status.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct sterna_interval {
    double low, high;
} sterna_interval;

/* Sorts ascending; NaN is not allowed. */
void sterna_stats_sort(double *x, uint32_t n);
/* The quantile of sorted values, interpolated linearly between order statistics (type 7 of Hyndman and Fan, "Sample
 * quantiles in statistical packages", 1996). n >= 1, 0 <= q <= 1. */
double sterna_stats_quantile(const double *sorted, uint32_t n, double q);
/* Reorders x. n >= 1. */
double sterna_stats_median(double *x, uint32_t n);

/* The percentile interval of the median of x by `resamples` resamples (Efron, "Bootstrap methods: another look at the
 * jackknife", 1979), drawn by Philox: the same seed gives the same interval. confidence is 0.95, for one; n >= 1. */
sterna_status sterna_stats_bootstrap(const double *x, uint32_t n, double confidence, uint32_t resamples,
                                     uint64_t seed, sterna_interval *interval, sterna_fault *fault);

typedef struct sterna_rank_test {
    double u;       /* pairs in which x is larger, ties counted by half */
    double greater; /* p of "x tends to be larger than y" */
    double less;    /* ... smaller */
    double both;    /* p of "x and y differ" */
    bool exact;
} sterna_rank_test;

enum { STERNA_RANK_EXACT_MAX = 32 }; /* of either side */
/* Mann and Whitney's test ("On a test of whether one of two random variables is stochastically larger than the other",
 * 1947): exact without ties up to 32 values a side, else the normal approximation with corrections for ties and
 * continuity. n, m >= 1. */
sterna_status sterna_stats_rank(const double *x, uint32_t n, const double *y, uint32_t m,
                                sterna_rank_test *test, sterna_fault *fault);
/* The smallest one-sided p that n against m values can give: 1 / C(n + m, n). */
double sterna_stats_rank_smallest(uint32_t n, uint32_t m);

/* Holm's correction ("A simple sequentially rejective multiple test procedure", 1979): adjusted[i] below alpha means
 * that hypothesis i is rejected with a chance of any false rejection of at most alpha. The arrays may be the same. */
sterna_status sterna_stats_holm(const double *p, uint32_t n, double *adjusted, sterna_fault *fault);

/* Clopper and Pearson's interval for a probability of which k of n trials gave evidence ("The use of confidence or
 * fiducial limits illustrated in the case of the binomial", 1934). Two-sided; n >= 1, k <= n. */
sterna_interval sterna_stats_binomial(uint32_t k, uint32_t n, double confidence);

/* The largest |log ratio| that counts as noise, from a benchmark's own past between equal programs: the third quartile
 * plus three interquartile ranges, as rustc-perf does. Reorders x; fewer than STERNA_NOISE_LEAST values say nothing: 0. */
enum { STERNA_NOISE_LEAST = 8 };
double sterna_stats_noise(double *x, uint32_t n);

#endif
