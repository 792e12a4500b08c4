/* Oracles of the element-wise and row-wise operations.
 * Each bound counts the roundings of the defining formula (docs/numerics.md section 3), each factor (1 + d),
 * |d| <= u, plus ETA for every product or quotient that may underflow. */
#include "judge/bound.h"
#include "oracle/oracle.h"
#include <math.h>

/* An output that is a correctly rounded binary32 operation on exact inputs: no radius. The binary64 operation
 * before the conversion does no harm for + - * / (53 >= 2 * 24 + 2; Figueroa, "When is double rounding
 * innocuous?", 1995). */
static void exact(sterna_truth_output *out, uint64_t i, double value)
{
    out->value[i] = (double)(float)value;
    out->radius[i] = isfinite(out->value[i]) ? 0.0 : (double)INFINITY;
}

/* A result near or beyond the largest binary32 may be anything from there to infinity. */
static void near(sterna_truth_output *out, uint64_t i, double value, double radius)
{
    out->value[i] = value;
    out->radius[i] = fabs(value) + radius > STERNA_LARGEST32 || isnan(radius) ? (double)INFINITY : radius;
}

static bool bad_f32(float x)
{
    return isnan(x) || isinf(x);
}

static uint32_t flag_of(float x)
{
    return isnan(x) ? STERNA_FLAG_NAN : isinf(x) ? STERNA_FLAG_INF : 0;
}

bool sterna_oracle_add(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_add *a = &args->add;
    (void)tensor;
    for (uint64_t i = 0; i < (uint64_t)a->rows * a->n; i++)
        exact(&truth->out[0], i, (double)a->x[i] + (double)a->y[i]);
    return true;
}

bool sterna_oracle_glu(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_glu *a = &args->glu;
    (void)tensor;
    for (uint64_t i = 0; i < (uint64_t)a->rows * a->n; i++) {
        double g = (double)a->g[i], u = (double)a->u[i], act, error;
        if (a->act == 0) {
            /* silu: exp, 1 + exp, the quotient; results below the smallest normal are +0. Where exp(-g)
             * overflows, the canonical result is 0 and the error is silu itself. */
            act = g / (1.0 + exp(-g));
            error = fabs(act) * (STERNA_EXP_RELATIVE + sterna_gamma(3)) + STERNA_SMALLEST32;
            if (exp(-g) * (1 + STERNA_EXP_RELATIVE) > STERNA_LARGEST32) error += fabs(act);
        } else {
            double m = g > 0 ? g : 0;
            act = m * m;
            error = act * STERNA_U32 + STERNA_ETA32;
            if (act > STERNA_LARGEST32) error = (double)INFINITY;
        }
        near(&truth->out[2], i, act * u, (error + (fabs(act) + error) * STERNA_U32) * fabs(u) + STERNA_ETA32);
    }
    return true;
}

bool sterna_oracle_gather(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_gather *a = &args->gather;
    (void)tensor;
    for (uint64_t r = 0; r < a->rows; r++)
        for (uint64_t i = 0; i < a->n; i++) {
            bool known = a->index[r] < a->source_rows;
            if (!known) truth->flags |= STERNA_FLAG_RANGE;
            exact(&truth->out[2], r * a->n + i, known ? (double)a->x[(uint64_t)a->index[r] * a->n + i] : 0.0);
        }
    return true;
}

bool sterna_oracle_rmsnorm(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_rmsnorm *a = &args->rmsnorm;
    (void)tensor;
    for (uint64_t r = 0; r < a->rows; r++) {
        const float *x = a->x + r * a->n;
        double sum = 0, depth = sterna_r32_depth(a->n, truth->any_order);
        uint32_t bad = 0;
        for (uint32_t i = 0; i < a->n; i++) {
            sum += (double)x[i] * (double)x[i];
            if (isnan(x[i])) bad = STERNA_FLAG_NAN;
            if (isinf(x[i]) && !bad) bad = STERNA_FLAG_INF;
        }
        double margin = sterna_gamma(depth);
        if (!bad && sum * (1 + margin) > STERNA_LARGEST32) {
            /* The sum of squares overflows for certain, or may. */
            bad = STERNA_FLAG_INF;
            if (sum * (1 - margin) <= STERNA_LARGEST32 * (1 + STERNA_U32)) {
                truth->flags_known &= ~STERNA_FLAG_INF;
                for (uint32_t i = 0; i < a->n; i++) near(&truth->out[2], r * a->n + i, 0, (double)INFINITY);
                continue;
            }
        }
        truth->flags |= bad;
        /* r: the sum, / n, + eps, sqrt (which halves what came before), the reciprocal: depth + 4 at most;
         * then two products. Squares that underflow shift the mean by at most 2 ETA per term, halved again by
         * the root. */
        double mean = sum / a->n + (double)a->eps;
        double relative = sterna_gamma(depth + 6) + 2 * STERNA_ETA32 * (a->n + 2.0) / mean;
        for (uint32_t i = 0; i < a->n; i++) {
            double value = (double)x[i] / sqrt(mean) * (double)a->w[i];
            if (bad)
                exact(&truth->out[2], r * a->n + i, 0.0);
            else
                near(&truth->out[2], r * a->n + i, value,
                     fabs(value) * relative + STERNA_ETA32 * fabs((double)a->w[i]) * (1 + STERNA_U32) +
                         STERNA_ETA32);
        }
    }
    return true;
}

/* NaN first: a row with both sets both. */
static uint32_t flags_of(const float *x, uint32_t n)
{
    uint32_t flags = 0;
    for (uint32_t i = 0; i < n; i++) flags |= flag_of(x[i]);
    return flags;
}

static double largest(const float *x, uint32_t n)
{
    double amax = 0;
    for (uint32_t i = 0; i < n; i++) amax = fmax(amax, fabs((double)x[i]));
    return amax;
}

/* rint of the binary32 product, ties to even, clamped. */
static double quantised(float x, float scale)
{
    double q = nearbyint((double)(float)((double)x * (double)scale));
    return fmin(127.0, fmax(-127.0, q));
}

bool sterna_oracle_quant_token(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_quant_token *a = &args->quant_token;
    (void)tensor;
    for (uint64_t r = 0; r < a->rows; r++) {
        const float *x = a->x + r * a->n;
        uint32_t bad = flags_of(x, a->n);
        truth->flags |= bad;
        double amax = bad ? 0 : largest(x, a->n), floor = (double)1e-5f;
        float s = bad ? 1.0f : (float)(127.0 / (amax > floor ? amax : floor));
        exact(&truth->out[2], r, (double)s);
        for (uint32_t i = 0; i < a->n; i++)
            exact(&truth->out[1], r * a->n + i, bad ? 0.0 : quantised(x[i], s) + 0.0);
    }
    return true;
}

bool sterna_oracle_quant_block(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_quant_block *a = &args->quant_block;
    (void)tensor;
    for (uint64_t b = 0; b < (uint64_t)a->rows * (a->n / a->block); b++) {
        const float *x = a->x + b * a->block;
        uint32_t bad = flags_of(x, a->block);
        truth->flags |= bad;
        double amax = bad ? 0 : largest(x, a->block);
        bool zero = amax < ldexp(1, -118);
        float inverse = zero ? 0.0f : (float)(127.0 / amax);
        exact(&truth->out[2], b, zero ? 0.0 : amax / 127.0);
        for (uint32_t i = 0; i < a->block; i++)
            exact(&truth->out[1], b * a->block + i, zero ? 0.0 : quantised(x[i], inverse) + 0.0);
    }
    return true;
}

/* Each output is two products and a sum: three roundings, two of them on each product. */
bool sterna_oracle_rope(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_rope *a = &args->rope;
    sterna_truth_output *out = &truth->out[0];
    (void)tensor;
    for (uint64_t i = 0; i < (uint64_t)a->rows * a->heads * a->dim; i++) exact(out, i, (double)a->x[i]);
    for (uint64_t r = 0; r < a->rows; r++) {
        if (a->pos[r] >= a->positions) {
            truth->flags |= STERNA_FLAG_RANGE;
            continue;
        }
        for (uint64_t h = 0; h < a->heads; h++)
            for (uint64_t i = 0; i < a->n_rot / 2; i++) {
                uint64_t base = (r * a->heads + h) * a->dim;
                uint64_t first = base + (a->kind == 0 ? 2 * i : i);
                uint64_t second = base + (a->kind == 0 ? 2 * i + 1 : i + a->n_rot / 2);
                const float *angle = a->table + (uint64_t)a->pos[r] * a->n_rot + 2 * i;
                double c = (double)angle[0], s = (double)angle[1], x0 = (double)a->x[first],
                       x1 = (double)a->x[second];
                near(out, first, x0 * c - x1 * s,
                     sterna_gamma(2) * (fabs(x0 * c) + fabs(x1 * s)) + 3 * STERNA_ETA32);
                near(out, second, x0 * s + x1 * c,
                     sterna_gamma(2) * (fabs(x0 * s) + fabs(x1 * c)) + 3 * STERNA_ETA32);
                /* A product may overflow although the result does not. */
                double most = STERNA_LARGEST32;
                if (fabs(x0 * c) > most || fabs(x1 * s) > most) out->radius[first] = (double)INFINITY;
                if (fabs(x0 * s) > most || fabs(x1 * c) > most) out->radius[second] = (double)INFINITY;
            }
    }
    return true;
}

bool sterna_oracle_embed(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_embed *a = &args->embed;
    for (uint64_t r = 0; r < a->rows; r++) {
        bool known = a->ids[r] < a->vocab;
        double *value = truth->out[1].value + r * a->n;
        if (known && !sterna_oracle_row(tensor, a->ids[r], value)) return false;
        if (!known) truth->flags |= STERNA_FLAG_RANGE;
        for (uint32_t i = 0; i < a->n; i++) exact(&truth->out[1], r * a->n + i, known ? value[i] : 0.0);
    }
    return true;
}

bool sterna_oracle_kv_append(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_kv_append *a = &args->kv_append;
    sterna_truth_output *out = &truth->out[2];
    (void)tensor;
    /* What is not written stays, whatever it is; the harness sees that its bytes do. */
    for (uint64_t i = 0; i < out->count; i++) {
        out->value[i] = 0;
        out->radius[i] = (double)INFINITY;
    }
    for (uint64_t r = 0; r < a->rows; r++) {
        if (a->slot[r] >= a->slots) {
            truth->flags |= STERNA_FLAG_RANGE;
            continue;
        }
        for (uint64_t i = 0; i < a->n; i++) {
            float x = a->x[r * a->n + i];
            double value = bad_f32(x) ? 0.0 : a->kv_type == 1 ? sterna_oracle_to_half((double)x) : (double)x;
            truth->flags |= flag_of(x);
            if (isinf(value)) {
                truth->flags |= STERNA_FLAG_RANGE;
                value = 0.0;
            }
            exact(out, (uint64_t)a->slot[r] * a->n + i, value);
        }
    }
    return true;
}
