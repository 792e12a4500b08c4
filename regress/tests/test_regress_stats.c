/* Statistics against SciPy's figures, and against what must hold of any data. */
#include "base/size.h"
#include "runner.h"
#include "stats/stats.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { MANY = 64 };
typedef struct values {
    double v[MANY];
} values;

/* Sums of up to a thousand terms, each rounded a few times. */
static bool near(double a, double b)
{
    return fabs(a - b) <= 4096 * DBL_EPSILON * fmax(fabs(a), fabs(b)) + DBL_MIN;
}

static void rank(sterna_test *t)
{
    static const struct {
        uint32_t n;
        values x;
        uint32_t m;
        values y;
        double u, greater, less, both;
        bool exact;
    } rows[] = {
#define RANK(n, x, m, y, u, greater, less, both, exact) {n, x, m, y, u, greater, less, both, exact},
#include "stats_fixtures.def"
    };
    uint32_t exact = 0;
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_rank_test test;
        CHECK(t, sterna_stats_rank(rows[i].x.v, rows[i].n, rows[i].y.v, rows[i].m, &test, NULL) == STERNA_OK);
        sterna_test_note(
            t, "row %zu: u %.17g of %.17g, greater %.17g of %.17g, less %.17g of %.17g, both %.17g of %.17g",
            i, test.u, rows[i].u, test.greater, rows[i].greater, test.less, rows[i].less, test.both,
            rows[i].both);
        EXPECT(t, test.u == rows[i].u && test.exact == rows[i].exact);
        EXPECT(t, near(test.greater, fmin(rows[i].greater, 1)) && near(test.less, fmin(rows[i].less, 1)));
        EXPECT(t, near(test.both, rows[i].both));
        exact += test.exact;
    }
    CHECK(t, exact >= 5 && STERNA_COUNT(rows) - exact >= 4);
}

/* The smallest p is the one of complete separation. */
static void smallest(sterna_test *t)
{
    double x[20], y[20];
    for (uint32_t i = 0; i < 20; i++) x[i] = 100 + i, y[i] = i;
    for (uint32_t n = 1; n <= 20; n += 3) {
        sterna_rank_test test;
        CHECK(t, sterna_stats_rank(x, n, y, 20 - n / 2, &test, NULL) == STERNA_OK);
        EXPECT(t, near(test.greater, sterna_stats_rank_smallest(n, 20 - n / 2)));
        EXPECT(t, test.less == 1);
    }
}

static void quantile(sterna_test *t)
{
    static const struct {
        uint32_t n;
        values x;
        double q, value;
    } rows[] = {
#define QUANTILE(n, x, q, value) {n, x, q, value},
#include "stats_fixtures.def"
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        values x = rows[i].x;
        sterna_stats_sort(x.v, rows[i].n);
        double value = sterna_stats_quantile(x.v, rows[i].n, rows[i].q);
        sterna_test_note(t, "row %zu: %.17g, not %.17g", i, value, rows[i].value);
        EXPECT(t, near(value, rows[i].value));
        x = rows[i].x;
        if (rows[i].q == 0.5) EXPECT(t, near(sterna_stats_median(x.v, rows[i].n), rows[i].value));
    }
}

static void bootstrap(sterna_test *t)
{
    static const struct {
        uint32_t n;
        values x;
        double confidence, low, high;
    } rows[] = {
#define BOOTSTRAP(n, x, confidence, low, high) {n, x, confidence, low, high},
#include "stats_fixtures.def"
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_interval a, b;
        CHECK(t, sterna_stats_bootstrap(rows[i].x.v, rows[i].n, rows[i].confidence, 20000, 7, &a, NULL) ==
                     STERNA_OK);
        sterna_test_note(t, "row %zu: [%.6g, %.6g], SciPy's [%.6g, %.6g]", i, a.low, a.high, rows[i].low,
                         rows[i].high);
        /* The median of an odd number of values is one of them, so both must name the same values. */
        EXPECT(t, a.low == rows[i].low && a.high == rows[i].high);
        CHECK(t, sterna_stats_bootstrap(rows[i].x.v, rows[i].n, rows[i].confidence, 20000, 7, &b, NULL) ==
                     STERNA_OK);
        EXPECT(t, memcmp(&a, &b, sizeof a) == 0);
    }
}

static void holm(sterna_test *t)
{
    static const struct {
        uint32_t n;
        values p, adjusted;
    } rows[] = {
#define HOLM(n, p, adjusted) {n, p, adjusted},
#include "stats_fixtures.def"
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        values p = rows[i].p;
        CHECK(t, sterna_stats_holm(p.v, rows[i].n, p.v, NULL) == STERNA_OK);
        for (uint32_t j = 0; j < rows[i].n; j++) {
            sterna_test_note(t, "row %zu, %u: %.17g, not %.17g", i, j, p.v[j], rows[i].adjusted.v[j]);
            EXPECT(t, near(p.v[j], rows[i].adjusted.v[j]));
        }
    }
}

static void binomial(sterna_test *t)
{
    static const struct {
        uint32_t k, n;
        double confidence, low, high;
    } rows[] = {
#define BINOMIAL(k, n, confidence, low, high) {k, n, confidence, low, high},
#include "stats_fixtures.def"
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        sterna_interval found = sterna_stats_binomial(rows[i].k, rows[i].n, rows[i].confidence);
        sterna_test_note(t, "row %zu: [%.15g, %.15g], not [%.15g, %.15g]", i, found.low, found.high,
                         rows[i].low, rows[i].high);
        /* Both sides solve for the root: to the accuracy of lgamma at a few hundred. */
        EXPECT(t, fabs(found.low - rows[i].low) < 1e6 * DBL_EPSILON);
        EXPECT(t, fabs(found.high - rows[i].high) < 1e6 * DBL_EPSILON);
    }
}

static void noise(sterna_test *t)
{
    double x[] = {0.01, -0.02, 0.03, -0.04, 0.05, 0.06, -0.07, 0.08, 0.09};
    /* |x| sorted is 0.01 .. 0.09: quartiles 0.03 and 0.07. */
    EXPECT(t, near(sterna_stats_noise(x, 9), 0.07 + 3 * (0.07 - 0.03)));
    EXPECT(t, sterna_stats_noise(x, STERNA_NOISE_LEAST - 1) == 0);
}

const sterna_test_case sterna_test_cases[] = {
    {"rank", rank, 0}, {"smallest", smallest, 0}, {"quantile", quantile, 0}, {"bootstrap", bootstrap, 0},
    {"holm", holm, 0}, {"binomial", binomial, 0}, {"noise", noise, 0},       {0},
};
