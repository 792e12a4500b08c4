/* Laws of matrix products and the embedding: outputs are independent, zeros are neutral, exact sums are
 * linear. */
#include "base/mem.h"
#include "judge/compare.h"
#include "laws/laws.h"
#include <string.h>

static int index_of(const sterna_call *call, const char *name)
{
    return sterna_call_index(call, name);
}

static sterna_call *refused(sterna_trial *t)
{
    sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the law's second call");
    return NULL;
}

/* The same call with some scalars changed; data that keep their size are copied. */
static bool remake(const sterna_call *call, const uint32_t *scalars, sterna_call *made)
{
    if (!sterna_call_make(made, call->op, scalars, call->format, call->act)) return false;
    for (uint32_t i = 0; i < call->info->n_params; i++)
        if (made->data[i] && made->bytes[i] == call->bytes[i])
            memcpy(made->data[i], call->data[i], (size_t)call->bytes[i]);
    return true;
}

/* The embedding of ids below `cut` needs only the first `cut` rows. */
static void outputs_embed(sterna_trial *t, sterna_call *call)
{
    uint32_t vocab = sterna_call_u32(call, "vocab"), cut = 1 + sterna_choose(t->choices, vocab - 1),
             scalars[STERNA_MAX_ARGS];
    uint32_t *ids = sterna_call_data(call, "ids");
    for (uint32_t r = 0; r < sterna_call_u32(call, "rows"); r++) ids[r] %= cut;
    sterna_call part;
    sterna_outcome whole, got;
    memcpy(scalars, call->scalars, sizeof scalars);
    scalars[index_of(call, "vocab")] = cut;
    if (!remake(call, scalars, &part)) {
        refused(t);
        return;
    }
    memcpy(part.data[index_of(call, "w")], call->data[index_of(call, "w")],
           (size_t)part.bytes[index_of(call, "w")]);
    if (sterna_trial_run(t, call, &whole)) {
        if (sterna_trial_run(t, &part, &got)) {
            sterna_trial_same(t, call, &got, &whole);
            sterna_outcome_free(&got);
        }
        sterna_outcome_free(&whole);
    }
    sterna_call_free(&part);
}

static bool same_columns(sterna_trial *t, const sterna_call *call, const sterna_outcome *whole,
                         const sterna_call *part, const sterna_outcome *got, uint32_t from)
{
    uint32_t m = sterna_call_u32(call, "m"), width = sterna_call_u32(part, "m");
    int y = index_of(call, "y");
    for (uint32_t r = 0; r < sterna_call_u32(call, "rows"); r++)
        if (!sterna_trial_equal(t, "y", (const float *)(void *)got->data[y] + (uint64_t)r * width,
                                (const float *)(void *)whole->data[y] + (uint64_t)r * m + from, width))
            return false;
    return true;
}

void sterna_law_outputs(sterna_trial *t)
{
    sterna_call call, part;
    sterna_outcome whole, got;
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call)) return;
    if (t->op == STERNA_OP_embed) {
        outputs_embed(t, &call);
        sterna_call_free(&call);
        return;
    }
    uint32_t m = sterna_call_u32(&call, "m"), cut = sterna_choose(t->choices, m - 1);
    int w = index_of(&call, "w");
    /* A ternary matrix may be uniform in one half only, which has its own rounding: give it one scale. */
    if (t->act == STERNA_ACT_TOKEN)
        sterna_gen_blocks_kind(STERNA_BLOCKS_UNIFORM, cut, t->format, call.data[w], call.bytes[w]);
    bool good = sterna_trial_run(t, &call, &whole), ran = good;
    for (uint32_t half = 0; half < 2 && good; half++) {
        uint32_t from = half ? cut : 0, width = half ? m - cut : cut, scalars[STERNA_MAX_ARGS];
        if (width == 0) continue;
        memcpy(scalars, call.scalars, sizeof scalars);
        scalars[index_of(&call, "m")] = width;
        if (!remake(&call, scalars, &part)) {
            refused(t);
            break;
        }
        memcpy(part.data[w], call.data[w] + call.bytes[w] / m * from, (size_t)part.bytes[w]);
        good = sterna_trial_run(t, &part, &got);
        if (good) {
            good = same_columns(t, &call, &whole, &part, &got, from);
            sterna_outcome_free(&got);
        }
        sterna_call_free(&part);
    }
    if (ran) sterna_outcome_free(&whole);
    sterna_call_free(&call);
}

/* Rows of `old_bytes` become rows of `new_bytes`; the rest of each new row is `filler` bytes of its own
 * start, or zero. */
static void widen(const uint8_t *from, uint64_t old_bytes, uint8_t *to, uint64_t new_bytes, uint64_t rows,
                  bool repeat)
{
    for (uint64_t r = 0; r < rows; r++) {
        memcpy(to + r * new_bytes, from + r * old_bytes, (size_t)old_bytes);
        for (uint64_t b = old_bytes; b < new_bytes; b++)
            to[r * new_bytes + b] = repeat ? to[r * new_bytes + (b - old_bytes) % old_bytes] : 0;
    }
}

/* The appended activations are 0; the appended weights repeat the row, so that its scales stay what they
 * were. */
void sterna_law_zero_pad(sterna_trial *t)
{
    sterna_call call, wide;
    sterna_outcome narrow_y, wide_y;
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call)) return;
    const sterna_format *format = sterna_format_find(t->format);
    uint32_t scalars[STERNA_MAX_ARGS], rows = sterna_call_u32(&call, "rows"), m = sterna_call_u32(&call, "m");
    memcpy(scalars, call.scalars, sizeof scalars);
    uint32_t blocks = 1 + sterna_choose(t->choices, format->values == 1 ? 40 : 2);
    scalars[index_of(&call, "k")] += blocks * format->values;
    if (!remake(&call, scalars, &wide)) {
        refused(t);
    } else {
        static const char *const per_row[] = {"q", "x", "d"};
        for (uint32_t i = 0; i < 3; i++) {
            int p = index_of(&call, per_row[i]);
            if (p >= 0)
                widen(call.data[p], call.bytes[p] / rows, wide.data[p], wide.bytes[p] / rows, rows, false);
        }
        int w = index_of(&call, "w");
        widen(call.data[w], call.bytes[w] / m, wide.data[w], wide.bytes[w] / m, m, true);
        if (sterna_trial_run(t, &call, &narrow_y)) {
            if (sterna_trial_run(t, &wide, &wide_y)) {
                sterna_trial_same(t, &call, &wide_y, &narrow_y);
                sterna_outcome_free(&wide_y);
            }
            sterna_outcome_free(&narrow_y);
        }
        sterna_call_free(&wide);
    }
    sterna_call_free(&call);
}

/* Zero of every format: all bits 0, but for TQ2_0, whose code 1 is zero. */
void sterna_law_zero_weights(sterna_trial *t)
{
    sterna_call call;
    sterna_outcome got;
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call)) return;
    int w = index_of(&call, "w"), y = index_of(&call, "y");
    for (uint64_t b = 0; b < call.bytes[w]; b++) {
        bool code = t->format == STERNA_FORMAT_TQ2_0 && b % 66 < 64;
        call.data[w][b] = code ? 0x55 : t->format == STERNA_FORMAT_TQ2_0 && b % 66 == 65 ? 0x3C : 0;
    }
    if (sterna_trial_run(t, &call, &got)) {
        float *value = (float *)(void *)got.data[y];
        for (uint64_t i = 0; i < call.bytes[y] / 4; i++)
            if (value[i] != 0.0f) {
                sterna_judge(&t->verdict, STERNA_VERDICT_LAW_BROKEN, "y[%llu] is %.9g with zero weights",
                             (unsigned long long)i, (double)value[i]);
                break;
            }
        sterna_outcome_free(&got);
    }
    sterna_call_free(&call);
}

/* Activations of a call for the linear law: integers so small that every sum is exact, scales of 1. */
static void fill_integers(sterna_call *call, uint32_t seed)
{
    int q = index_of(call, "q"), x = index_of(call, "x");
    static const char *const scales[] = {"s", "d"};
    for (uint64_t i = 0; q >= 0 && i < call->bytes[q]; i++)
        call->data[q][i] = (uint8_t)(int8_t)((int)(sterna_gen_word(seed, i) % 3) - 1);
    for (uint64_t i = 0; x >= 0 && i < call->bytes[x] / 4; i++)
        ((float *)(void *)call->data[x])[i] = (float)((int)(sterna_gen_word(seed, i) % 9) - 4);
    for (uint32_t s = 0; s < 2; s++) {
        int p = index_of(call, scales[s]);
        for (uint64_t i = 0; p >= 0 && i < call->bytes[p] / 4; i++)
            ((float *)(void *)call->data[p])[i] = 1.0f;
    }
}

static void add_activations(sterna_call *sum, const sterna_call *b)
{
    int q = index_of(sum, "q"), x = index_of(sum, "x");
    for (uint64_t i = 0; q >= 0 && i < sum->bytes[q]; i++)
        sum->data[q][i] = (uint8_t)(sum->data[q][i] + b->data[q][i]);
    for (uint64_t i = 0; x >= 0 && i < sum->bytes[x] / 4; i++) {
        float *value = (float *)(void *)sum->data[x];
        value[i] = value[i] + ((const float *)(const void *)b->data[x])[i];
    }
}

void sterna_law_linear(sterna_trial *t)
{
    sterna_call call[3] = {{.info = NULL}};
    sterna_outcome y[3] = {{.flags = 0}};
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call[0])) return;
    uint32_t seed = sterna_choose(t->choices, 65535);
    int w = index_of(&call[0], "w"), out = index_of(&call[0], "y");
    sterna_gen_blocks_kind(STERNA_BLOCKS_INTEGERS, seed, t->format, call[0].data[w], call[0].bytes[w]);
    fill_integers(&call[0], seed);
    bool good = sterna_call_copy(&call[1], &call[0]) && sterna_call_copy(&call[2], &call[0]);
    if (!good) refused(t);
    if (good) {
        fill_integers(&call[1], seed + 1);
        add_activations(&call[2], &call[1]);
    }
    for (uint32_t i = 0; i < 3 && good; i++) good = sterna_trial_run(t, &call[i], &y[i]);
    if (good) {
        float *a = (float *)(void *)y[0].data[out], *b = (float *)(void *)y[1].data[out],
              *c = (float *)(void *)y[2].data[out];
        uint64_t count = call[0].bytes[out] / 4;
        for (uint64_t i = 0; i < count; i++) {
            a[i] = a[i] + b[i] + 0.0f; /* and no -0 */
            c[i] = c[i] + 0.0f;
        }
        sterna_trial_equal(t, "y", c, a, count);
    }
    for (uint32_t i = 0; i < 3; i++) {
        sterna_outcome_free(&y[i]);
        sterna_call_free(&call[i]);
    }
}
