/* Drawing a token from logits: docs/numerics.md section 6. The same logits, parameters, position and sequence
 * give the same token everywhere: arithmetic is canonical binary32, randomness is counter-based. */
#include "base/philox.h"
#include "reference/ref_math.h"
#include "sterna.h"
#include <math.h>

/* Order: larger logit first, then the lower id. Probability is monotone in the logit, so it never needs
 * storing. */
static int before(const float *logits, uint32_t a, uint32_t b)
{
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
}

static void sift_down(uint32_t *heap, uint32_t n, uint32_t i, const float *logits)
{
    for (;;) {
        uint32_t best = i, left = 2 * i + 1, right = left + 1;
        if (left < n && before(logits, heap[left], heap[best])) best = left;
        if (right < n && before(logits, heap[right], heap[best])) best = right;
        if (best == i) return;
        uint32_t swap = heap[i];
        heap[i] = heap[best];
        heap[best] = swap;
        i = best;
    }
}

static sterna_status greedy(const float *logits, uint32_t n, uint32_t *token)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    *token = best;
    return STERNA_OK;
}

/* Written so that NaN fails. */
static sterna_status check_sampling(const sterna_sampling *s, sterna_fault *fault)
{
    if (!(s->temperature >= 0.0f && s->temperature <= 3.4e38f))
        return sterna_fail(fault, STERNA_USAGE, "temperature %g: a finite number, 0 or more",
                           (double)s->temperature);
    if (!(s->top_p >= 0.0f && s->top_p <= 1.0f))
        return sterna_fail(fault, STERNA_USAGE, "top-p %g: a number from 0 to 1", (double)s->top_p);
    if (!(s->min_p >= 0.0f && s->min_p <= 1.0f))
        return sterna_fail(fault, STERNA_USAGE, "min-p %g: a number from 0 to 1", (double)s->min_p);
    return STERNA_OK;
}

static sterna_status check_logits(const float *logits, uint32_t n, uint32_t position, sterna_fault *fault)
{
    for (uint32_t i = 0; i < n; i++)
        if (sterna_bad_value(logits[i]))
            return sterna_fail(fault, STERNA_NUMERIC, "the logit of token %u at position %u is not finite", i,
                               position);
    return STERNA_OK;
}

/* Softmax denominator over all ids: R32 of exp((logit - max) * 1/temp). */
static float scaled_exp(float logit, float max, float inverse_temperature)
{
    return sterna_exp(logit * inverse_temperature - max * inverse_temperature);
}

static float softmax_sum(const float *logits, uint32_t n, float max, float inverse_temperature)
{
    float lane[32] = {0};
    for (uint32_t i = 0; i < n; i++)
        lane[i % 32] = lane[i % 32] + scaled_exp(logits[i], max, inverse_temperature);
    return sterna_fold32(lane);
}

sterna_status sterna_sample(const sterna_sampling *sampling, const float *logits, uint32_t n,
                            uint32_t position, uint32_t sequence, uint32_t *order, uint32_t *token,
                            sterna_fault *fault)
{
    if (n == 0) return sterna_fail(fault, STERNA_USAGE, "no logits to draw from");
    sterna_status status = check_sampling(sampling, fault);
    if (status == STERNA_OK) status = check_logits(logits, n, position, fault);
    if (status != STERNA_OK) return status;
    if (sampling->temperature == 0.0f) return greedy(logits, n, token);

    uint32_t best;
    greedy(logits, n, &best);
    float inverse_temperature = 1.0f / sampling->temperature, max = logits[best];
    if (!isfinite(max * inverse_temperature)) return greedy(logits, n, token); /* as cold as 0 */
    float inverse_sum = 1.0f / softmax_sum(logits, n, max, inverse_temperature);
    float top = scaled_exp(max, max, inverse_temperature) * inverse_sum;

    /* A heap gives ids in order one by one, so that only the kept ones are sorted; they gather at the array's
     * end. */
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    for (uint32_t i = n / 2; i > 0; i--) sift_down(order, n, i - 1, logits);
    uint32_t limit = sampling->top_k && sampling->top_k < n ? sampling->top_k : n, kept = 0;
    float total = 0.0f, top_p = sampling->top_p;
    while (kept < limit) {
        uint32_t id = order[0];
        float p = scaled_exp(logits[id], max, inverse_temperature) * inverse_sum;
        if (kept > 0 && ((top_p < 1.0f && total >= top_p) || p < sampling->min_p * top)) break;
        uint32_t left = n - kept - 1;
        order[0] = order[left];
        order[left] = id;
        sift_down(order, left, 0, logits);
        total = total + p;
        kept++;
    }

    uint32_t word = sterna_philox4x32((uint32_t)sampling->seed, (uint32_t)(sampling->seed >> 32), position,
                                      sequence, 0, 0)
                        .word[0];
    float u = (float)(word >> 8) * 0x1p-24f, threshold = u * total, sum = 0.0f;
    for (uint32_t i = 0; i < kept; i++) {
        uint32_t id = order[n - 1 - i];
        sum = sum + scaled_exp(logits[id], max, inverse_temperature) * inverse_sum;
        *token = id;
        if (sum > threshold) break;
    }
    return STERNA_OK;
}
