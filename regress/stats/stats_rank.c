/* The rank test of Mann and Whitney: exact counts, and the normal approximation. */
#include "base/mem.h"
#include "stats/stats.h"
#include <math.h>
#include <stdlib.h>

typedef struct ranked {
    double value;
    bool is_x;
} ranked;

static int by_value(const void *a, const void *b)
{
    double x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
    return (x > y) - (x < y);
}

/* P(U <= u) among all ways to mix n and m values, u a whole number. The number of ways with U = u obeys
 * f(n, m, u) = f(n - 1, m, u - m) + f(n, m - 1, u): the largest value is an x, above all m of the others, or a y. */
static sterna_status exact_cdf(uint32_t n, uint32_t m, uint32_t u, double *cdf, sterna_fault *fault)
{
    uint32_t width = n * m + 1;
    double *f = sterna_alloc((size_t)(n + 1) * width, sizeof *f), sum = 0, all = 0;
    if (!f)
        return sterna_fail(fault, STERNA_MEMORY, "out of memory for a rank test of %u and %u values", n, m);
    for (uint32_t i = 0; i <= n; i++) f[(size_t)i * width] = 1; /* no y: U is 0 */
    for (uint32_t j = 1; j <= m; j++)
        for (uint32_t i = 1; i <= n; i++)
            for (uint32_t s = j; s <= i * j; s++)
                f[(size_t)i * width + s] += f[(size_t)(i - 1) * width + s - j];
    for (uint32_t s = 0; s < width; s++) {
        all += f[(size_t)n * width + s];
        if (s <= u) sum += f[(size_t)n * width + s];
    }
    sterna_free(f);
    *cdf = sum / all;
    return STERNA_OK;
}

static double at_most_one(double p)
{
    return p < 1 ? p : 1;
}

/* ties: sum of t^3 - t over groups of t equal values. */
static void approximate(uint32_t n, uint32_t m, double ties, sterna_rank_test *test)
{
    double all = (double)n + m, product = (double)n * m, mean = product / 2;
    double deviation = sqrt(product / 12 * (all + 1 - ties / (all * (all - 1))));
    test->exact = false;
    if (deviation == 0) { /* all values are equal */
        test->greater = test->less = test->both = 1;
        return;
    }
    /* Half a step towards the mean: U is discrete. */
    test->greater = erfc((test->u - mean - 0.5) / deviation / sqrt(2.0)) / 2;
    test->less = erfc((mean - test->u - 0.5) / deviation / sqrt(2.0)) / 2;
    test->both = at_most_one(erfc((fabs(test->u - mean) - 0.5) / deviation / sqrt(2.0)));
}

sterna_status sterna_stats_rank(const double *x, uint32_t n, const double *y, uint32_t m,
                                sterna_rank_test *test, sterna_fault *fault)
{
    uint32_t all = n + m;
    double ties = 0, ranks = 0;
    sterna_status status = STERNA_OK;
    ranked *values = sterna_alloc(all, sizeof *values);
    if (!values) return sterna_fail(fault, STERNA_MEMORY, "out of memory for a rank test of %u values", all);
    for (uint32_t i = 0; i < all; i++) values[i] = (ranked){i < n ? x[i] : y[i - n], i < n};
    qsort(values, all, sizeof *values, by_value);
    for (uint32_t i = 0, j; i < all; i = j) {
        for (j = i; j < all && values[j].value == values[i].value; j++) {}
        double count = j - i, rank = (i + 1 + j) / 2.0;
        for (uint32_t k = i; k < j; k++) ranks += values[k].is_x ? rank : 0;
        ties += count * count * count - count;
    }
    sterna_free(values);
    *test = (sterna_rank_test){.u = ranks - (double)n * (n + 1) / 2, .exact = true};
    if (ties > 0 || n > STERNA_RANK_EXACT_MAX || m > STERNA_RANK_EXACT_MAX) {
        approximate(n, m, ties, test);
        return STERNA_OK;
    }
    /* U counts for x what n * m - U counts for y, and both are distributed alike. */
    uint32_t u = (uint32_t)test->u;
    status = exact_cdf(n, m, u, &test->less, fault);
    if (status == STERNA_OK) status = exact_cdf(n, m, n * m - u, &test->greater, fault);
    test->both = at_most_one(2 * (test->less < test->greater ? test->less : test->greater));
    return status;
}

double sterna_stats_rank_smallest(uint32_t n, uint32_t m)
{
    double ways = 1;
    for (uint32_t i = 1; i <= n; i++) ways *= (double)(m + i) / i;
    return 1 / ways;
}
