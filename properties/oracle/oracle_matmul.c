/* Oracles of the matrix products and of attention. */
#include "base/mem.h"
#include "judge/bound.h"
#include "oracle/oracle.h"
#include <math.h>

static void near(sterna_truth_output *out, uint64_t i, double value, double radius)
{
    out->value[i] = value;
    out->radius[i] = fabs(value) + radius > STERNA_LARGEST32 || isnan(radius) ? (double)INFINITY : radius;
}

/* Dot product in binary64: its own error is below 2^-29 of the bound and is covered by the last term. */
bool sterna_oracle_matmul_float(const sterna_args *args, const sterna_tensor *w, sterna_truth *truth)
{
    const sterna_args_matmul_float *a = &args->matmul_float;
    double *row = sterna_alloc(a->k, sizeof *row);
    if (!row) return false;
    double depth = sterna_r32_depth(a->k, truth->any_order);
    bool known = true;
    for (uint64_t i = 0; i < a->m && known; i++) {
        known = sterna_oracle_row(w, i, row);
        for (uint64_t r = 0; r < a->rows && known; r++) {
            double sum = 0, magnitude = 0;
            for (uint64_t j = 0; j < a->k; j++) {
                double product = row[j] * (double)a->x[r * a->k + j];
                sum += product;
                magnitude += fabs(product);
            }
            /* Partial sums may overflow where the whole does not. */
            double radius = magnitude > STERNA_LARGEST32
                                ? (double)INFINITY
                                : sterna_gamma(depth) * magnitude + 2.0 * STERNA_ETA32 * a->k +
                                      magnitude * a->k * 0x1p-52;
            near(&truth->out[1], r * a->m + i, sum, radius);
        }
    }
    sterna_free(row);
    return known;
}

/* A weight scale below the smallest normal counts as +0 in dot products (docs/numerics.md section 1). */
static double counted(double scale)
{
    return fabs(scale) < STERNA_SMALLEST32 ? 0 : scale;
}

/* y = isum * d / s where one scale holds for all blocks: the quotient, the conversion, the product round, and
 * the quotient may underflow; else the partials by R8, times 1 / s. */
bool sterna_oracle_matmul_ternary(const sterna_args *args, const sterna_tensor *w, sterna_truth *truth)
{
    const sterna_args_matmul_ternary *a = &args->matmul_ternary;
    uint32_t values = sterna_oracle_block_values(w->format), blocks = values ? a->k / values : 0;
    sterna_oracle_block block;
    for (uint64_t i = 0; i < a->m; i++)
        for (uint64_t r = 0; r < a->rows; r++) {
            double sum = 0, magnitude = 0, shift = 0, s = (double)a->s[r];
            for (uint32_t b = 0; b < blocks; b++) {
                if (!sterna_oracle_block_at(w, i, b, &block)) return false;
                long isum = 0;
                for (uint32_t j = 0; j < values; j++)
                    isum += (long)block.q[j] * a->q[r * a->k + (uint64_t)b * values + j];
                sum += (double)isum * counted(block.d);
                magnitude += fabs((double)isum * counted(block.d));
                shift += fabs((double)isum) * STERNA_ETA32;
            }
            /* One bound for both forms: 3 roundings for the first; product, lanes, 1/s and its product for
             * the other. In the first form the magnitude is that of the whole, which is smaller. */
            double radius = sterna_gamma(sterna_r8_depth(blocks, truth->any_order) + 4) * (magnitude / s) +
                            shift + 4 * STERNA_ETA32 * (1 + 1 / s) * (blocks + 1.0) +
                            magnitude * STERNA_ETA32;
            near(&truth->out[2], r * a->m + i, sum / s,
                 magnitude / s > STERNA_LARGEST32 || magnitude > STERNA_LARGEST32 ? (double)INFINITY
                                                                                  : radius);
        }
    return blocks != 0;
}

/* Partial of a block: S (d_w d_a) - M (dmin d_a) with exact integers; each side rounds three times, the
 * difference once, then the lanes. */
bool sterna_oracle_matmul_block(const sterna_args *args, const sterna_tensor *w, sterna_truth *truth)
{
    const sterna_args_matmul_block *a = &args->matmul_block;
    uint32_t values = sterna_oracle_block_values(w->format), blocks = values ? a->k / values : 0;
    sterna_oracle_block block;
    for (uint64_t i = 0; i < a->m; i++)
        for (uint64_t r = 0; r < a->rows; r++) {
            double sum = 0, magnitude = 0, shift = 0, peak = 0;
            for (uint32_t b = 0; b < blocks; b++) {
                if (!sterna_oracle_block_at(w, i, b, &block)) return false;
                long s = 0, m = 0;
                for (uint32_t j = 0; j < values; j++) {
                    long q = a->q[r * a->k + (uint64_t)b * values + j];
                    s += q * block.q[j] * block.scale[j];
                    m += q * block.min[j];
                }
                double d = (double)a->d[r * blocks + b];
                double plus = (double)s * (counted(block.d) * d),
                       minus = (double)m * (counted(block.dmin) * d);
                sum += plus - minus;
                magnitude += fabs(plus) + fabs(minus);
                shift += (fabs((double)s) + fabs((double)m)) * STERNA_ETA32 + 4 * STERNA_ETA32;
                /* The product of two scales may overflow before an integer 0 meets it. */
                peak = fmax(peak, fmax(fabs(counted(block.d) * d), fabs(counted(block.dmin) * d)));
            }
            double radius = sterna_gamma(sterna_r8_depth(blocks, truth->any_order) + 4) * magnitude +
                            2 * shift + magnitude * blocks * 0x1p-52;
            bool open = magnitude > STERNA_LARGEST32 || peak > STERNA_LARGEST32;
            near(&truth->out[2], r * a->m + i, sum, open ? (double)INFINITY : radius);
        }
    return blocks != 0;
}

/* One cached key or value. */
static double cached(const uint8_t *cache, uint32_t kv_type, uint64_t i)
{
    float f;
    if (kv_type == 1) return sterna_oracle_half((uint16_t)(cache[2 * i] + 256 * cache[2 * i + 1]));
    __builtin_memcpy(&f, cache + 4 * i, sizeof f);
    return (double)f;
}

/* Textbook softmax over all visible positions, in two passes. */
static bool attend(const sterna_args_attention *a, uint64_t row, uint32_t head, double *score,
                   sterna_truth *truth)
{
    sterna_truth_output *out = &truth->out[6];
    uint64_t item = row * a->heads + head, n = (uint64_t)a->pos[row] + 1;
    const float *q = a->q + item * a->dim;
    uint32_t kv_head = head / (a->heads / a->kv_heads), bad = 0;
    bool certain = true, bad_page = false;
    double largest = -(double)INFINITY, lowest = (double)INFINITY, score_error = 0,
           c = fabs((double)a->scale);
    if (a->seq[row] >= a->seqs || a->pos[row] / a->page_size >= a->max_pages) bad = STERNA_FLAG_RANGE;
    const uint32_t *pages = a->pages + (uint64_t)(bad ? 0 : a->seq[row]) * a->max_pages;
    for (uint64_t p = 0; p < n && !bad; p++) {
        uint64_t slot = (uint64_t)pages[p / a->page_size] * a->page_size + p % a->page_size;
        /* Defects of one row and several kinds: which chunk comes first decides, so only RANGE alone is
         * certain. */
        if (slot >= a->slots) {
            bad = STERNA_FLAG_RANGE;
            break;
        }
        double dot = 0, magnitude = 0;
        for (uint32_t i = 0; i < a->dim; i++) {
            double product =
                (double)q[i] * cached(a->k_cache, a->kv_type, (slot * a->kv_heads + kv_head) * a->dim + i);
            dot += product;
            magnitude += fabs(product);
        }
        if (!(magnitude * fmax(1, c) <= STERNA_LARGEST32 / 2)) certain = false;
        score[p] = dot * (double)a->scale;
        largest = fmax(largest, score[p]);
        lowest = fmin(lowest, score[p]);
        score_error =
            fmax(score_error, sterna_gamma(sterna_r32_depth(a->dim, truth->any_order) + 1) * magnitude * c +
                                  (a->dim * c + 1) * 2 * STERNA_ETA32);
    }
    if (bad_page) bad = STERNA_FLAG_RANGE;
    if (!certain) {
        /* A score is NaN, infinite, or may become so: rows of +0 with a flag, or large numbers. The bits are
         * compared with the reference; the oracle has no opinion. */
        truth->flags_known &= ~(STERNA_FLAG_NAN | STERNA_FLAG_INF | STERNA_FLAG_RANGE);
        for (uint32_t i = 0; i < a->dim; i++) near(out, item * a->dim + i, 0, (double)INFINITY);
        return true;
    }
    truth->flags |= bad;
    if (bad) {
        for (uint32_t i = 0; i < a->dim; i++)
            out->value[item * a->dim + i] = out->radius[item * a->dim + i] = 0;
        return true;
    }
    /* Relative error of one weight e: the score and the maximum may each be off by score_error, each of up to
     * chunks
     * + 1 exponents rounds its difference (at most the range of scores, times u) and has exp's error; a
     * weight below the smallest normal is +0. */
    double chunks = (double)((n + 255) / 256), range = largest - lowest + 2 * score_error;
    double weight_error = expm1(2 * score_error + (chunks + 1) * (range * STERNA_U32 + STERNA_EXP_RELATIVE));
    double adding = sterna_gamma((truth->any_order ? (double)n : fmin((double)n, 256.0) + chunks * 2) + 4);
    double sum = 0;
    for (uint64_t p = 0; p < n; p++) sum += exp(score[p] - largest);
    for (uint32_t i = 0; i < a->dim; i++) {
        double value = 0, magnitude = 0, most = 0;
        for (uint64_t p = 0; p < n; p++) {
            uint64_t slot = (uint64_t)pages[p / a->page_size] * a->page_size + p % a->page_size;
            double v = cached(a->v_cache, a->kv_type, (slot * a->kv_heads + kv_head) * a->dim + i);
            value += exp(score[p] - largest) * v;
            magnitude += exp(score[p] - largest) * fabs(v);
            most = fmax(most, fabs(v));
        }
        double relative = weight_error + adding + weight_error * adding;
        double lost = (double)n * STERNA_SMALLEST32 * (chunks + 1) * (1 + most);
        /* Numerator and denominator are both off by `relative` and `lost`; a reciprocal and a product follow. */
        double off = relative + lost / sum;
        double radius = off >= 1 ? (double)INFINITY
                                 : ((magnitude * relative + lost) / sum + fabs(value / sum) * off) /
                                           (1 - off) * (1 + sterna_gamma(2)) +
                                       fabs(value / sum) * sterna_gamma(2) + STERNA_ETA32;
        near(out, item * a->dim + i, value / sum, radius);
    }
    return true;
}

bool sterna_oracle_attention(const sterna_args *args, const sterna_tensor *tensor, sterna_truth *truth)
{
    const sterna_args_attention *a = &args->attention;
    (void)tensor;
    double *score = sterna_alloc((size_t)a->max_pages * a->page_size + 1, sizeof *score);
    if (!score) return false;
    for (uint64_t row = 0; row < a->rows; row++)
        for (uint32_t head = 0; head < a->heads; head++) attend(a, row, head, score, truth);
    sterna_free(score);
    return true;
}
