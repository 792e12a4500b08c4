/* Order statistics, the bootstrap, Holm's correction, binomial bounds, learnt noise. */
#include "stats/stats.h"
#include "base/mem.h"
#include "base/philox.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void sterna_stats_sort(double *x, uint32_t n)
{
    qsort(x, n, sizeof *x, ascending);
}

double sterna_stats_quantile(const double *sorted, uint32_t n, double q)
{
    double place = q * (n - 1);
    uint32_t below = (uint32_t)place;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

double sterna_stats_median(double *x, uint32_t n)
{
    sterna_stats_sort(x, n);
    return sterna_stats_quantile(x, n, 0.5);
}

/* Uniform in [0, n): the high half of a product is off by less than n / 2^32. */
static uint32_t below(uint32_t word, uint32_t n)
{
    return (uint32_t)((uint64_t)word * n >> 32);
}

sterna_status sterna_stats_bootstrap(const double *x, uint32_t n, double confidence, uint32_t resamples,
                                     uint64_t seed, sterna_interval *interval, sterna_fault *fault)
{
    double *drawn = sterna_alloc(n, sizeof *drawn), *medians = sterna_alloc(resamples, sizeof *medians);
    sterna_status status = STERNA_OK;
    if (!drawn || !medians) {
        status =
            sterna_fail(fault, STERNA_MEMORY, "out of memory for %u resamples of %u values", resamples, n);
    } else {
        for (uint32_t r = 0; r < resamples; r++) {
            for (uint32_t i = 0; i < n; i++) {
                sterna_philox words =
                    sterna_philox4x32((uint32_t)seed, (uint32_t)(seed >> 32), i / 4, r, 0, 0);
                drawn[i] = x[below(words.word[i % 4], n)];
            }
            medians[r] = sterna_stats_median(drawn, n);
        }
        sterna_stats_sort(medians, resamples);
        interval->low = sterna_stats_quantile(medians, resamples, (1 - confidence) / 2);
        interval->high = sterna_stats_quantile(medians, resamples, (1 + confidence) / 2);
    }
    sterna_free(drawn);
    sterna_free(medians);
    return status;
}

typedef struct place {
    double p;
    uint32_t index;
} place;

static int by_p(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return x->p != y->p ? (x->p > y->p) - (x->p < y->p) : (x->index > y->index) - (x->index < y->index);
}

sterna_status sterna_stats_holm(const double *p, uint32_t n, double *adjusted, sterna_fault *fault)
{
    place *places = sterna_alloc(n, sizeof *places);
    double largest = 0;
    if (!places) return sterna_fail(fault, STERNA_MEMORY, "out of memory for %u p values", n);
    for (uint32_t i = 0; i < n; i++) places[i] = (place){p[i], i};
    qsort(places, n, sizeof *places, by_p);
    for (uint32_t i = 0; i < n; i++) {
        double scaled = places[i].p * (n - i);
        if (scaled > largest) largest = scaled;
        adjusted[places[i].index] = largest < 1 ? largest : 1;
    }
    sterna_free(places);
    return STERNA_OK;
}

/* P(X <= k) of a binomial variable. */
static double binomial_cdf(uint32_t k, uint32_t n, double p)
{
    double sum = 0;
    if (p <= 0) return 1;
    if (p >= 1) return k >= n ? 1 : 0;
    for (uint32_t i = 0; i <= k; i++)
        sum +=
            exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0) + i * log(p) + (n - i) * log1p(-p));
    return sum;
}

/* The p at which P(X <= k) falls to `target`; the function falls in p. */
static double solve(uint32_t k, uint32_t n, double target)
{
    double low = 0, high = 1;
    for (uint32_t i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (binomial_cdf(k, n, middle) > target)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

sterna_interval sterna_stats_binomial(uint32_t k, uint32_t n, double confidence)
{
    double tail = (1 - confidence) / 2;
    return (sterna_interval){k == 0 ? 0 : solve(k - 1, n, 1 - tail), k == n ? 1 : solve(k, n, tail)};
}

double sterna_stats_noise(double *x, uint32_t n)
{
    if (n < STERNA_NOISE_LEAST) return 0;
    for (uint32_t i = 0; i < n; i++) x[i] = fabs(x[i]);
    sterna_stats_sort(x, n);
    double q1 = sterna_stats_quantile(x, n, 0.25), q3 = sterna_stats_quantile(x, n, 0.75);
    return q3 + 3 * (q3 - q1);
}
