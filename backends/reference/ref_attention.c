/* Causal attention over a paged cache in chunks of 256 positions (docs/numerics.md section 5). */
#include "reference/ref_math.h"
#include "reference/reference.h"

enum { CHUNK = 256, MAX_DIM = 1024 };

static float cached(const uint8_t *cache, uint32_t kv_type, uint64_t i)
{
    float value;
    uint16_t half;
    if (kv_type == 0) {
        memcpy(&value, cache + i * 4, sizeof value);
        return value;
    }
    memcpy(&half, cache + i * 2, sizeof half);
    return sterna_f16_to_f32(half);
}

/* First cache element of a position's head, or UINT64_MAX when its page is out of range. */
static uint64_t cache_index(const sterna_args_attention *a, uint32_t seq, uint32_t position, uint32_t kv_head)
{
    uint32_t page = a->pages[(uint64_t)seq * a->max_pages + position / a->page_size];
    uint64_t slot = (uint64_t)page * a->page_size + position % a->page_size;
    return slot < a->slots ? (slot * a->kv_heads + kv_head) * a->dim : UINT64_MAX;
}

/* Running result of the chunks seen so far. */
typedef struct partial {
    float max, sum;
    float v[MAX_DIM];
} partial;

/* One chunk [first, last]: 0, or the flag of what went wrong. */
static uint32_t attend_chunk(const sterna_args_attention *a, const float *q, uint32_t seq, uint32_t kv_head,
                             uint32_t first, uint32_t last, partial *out)
{
    float score[CHUNK], lane[32] = {0};
    uint32_t bad = 0;
    for (uint32_t p = first; p <= last; p++) {
        uint64_t at = cache_index(a, seq, p, kv_head);
        if (at == UINT64_MAX) return STERNA_FLAG_RANGE;
        float dot[32] = {0};
        for (uint32_t i = 0; i < a->dim; i++)
            dot[i % 32] = dot[i % 32] + q[i] * cached(a->k_cache, a->kv_type, at + i);
        float s = sterna_fold32(dot) * a->scale;
        bad |= sterna_bad_value(s);
        score[p - first] = s;
        if (p == first || s > out->max) out->max = s;
    }
    if (bad) return bad;
    for (uint32_t i = 0; i < a->dim; i++) out->v[i] = 0.0f;
    for (uint32_t p = first; p <= last; p++) {
        float e = sterna_exp(score[p - first] - out->max);
        uint64_t at = cache_index(a, seq, p, kv_head);
        lane[p % 32] = lane[p % 32] + e;
        for (uint32_t i = 0; i < a->dim; i++)
            out->v[i] = out->v[i] + e * cached(a->v_cache, a->kv_type, at + i);
    }
    out->sum = sterna_fold32(lane);
    return 0;
}

static void merge(partial *into, const partial *next, uint32_t dim)
{
    float max = next->max > into->max ? next->max : into->max;
    float e1 = sterna_exp(into->max - max), e2 = sterna_exp(next->max - max);
    for (uint32_t i = 0; i < dim; i++) into->v[i] = into->v[i] * e1 + next->v[i] * e2;
    into->sum = into->sum * e1 + next->sum * e2;
    into->max = max;
}

static uint32_t attend(const sterna_args_attention *a, uint64_t item, float *y)
{
    uint32_t row = (uint32_t)(item / a->heads), head = (uint32_t)(item % a->heads);
    uint32_t seq = a->seq[row], pos = a->pos[row], kv_head = head / (a->heads / a->kv_heads);
    const float *q = a->q + item * a->dim;
    partial total, next;
    if (seq >= a->seqs || pos / a->page_size >= a->max_pages) return STERNA_FLAG_RANGE;
    uint32_t bad = 0;
    for (uint32_t first = 0; first <= pos; first += CHUNK) {
        uint32_t last = pos - first < CHUNK ? pos : first + CHUNK - 1;
        bad |= attend_chunk(a, q, seq, kv_head, first, last, first == 0 ? &total : &next);
        if (first > 0 && !bad) merge(&total, &next, a->dim);
    }
    if (bad) return bad;
    float inverse = 1.0f / total.sum;
    for (uint32_t i = 0; i < a->dim; i++) y[i] = total.v[i] * inverse;
    return 0;
}

/* A row that meets a page out of range, or a score that is not finite, becomes +0 and sets the flag; the
 * first chunk with a defect decides, a page before a score. */
void sterna_ref_attention(const sterna_args *args, uint64_t begin, uint64_t end, uint32_t *flags)
{
    const sterna_args_attention *a = &args->attention;
    for (uint64_t item = begin; item < end; item++) {
        float *y = a->y + item * a->dim;
        uint32_t bad = attend(a, item, y);
        *flags |= bad;
        for (uint32_t i = 0; bad && i < a->dim; i++) y[i] = 0.0f;
    }
}
