/* Laws of arithmetic that hold to the bit: powers of two, signs, neutral elements, exact sums.
 * Zeros are compared without their sign where the sum decides it (x - x is +0 whichever way round). */
#include "judge/compare.h"
#include "laws/laws.h"
#include <math.h>
#include <string.h>

static uint64_t count_of(const sterna_call *call, const char *name)
{
    int i = sterna_call_index(call, name);
    return call->bytes[i] / call->info->params[i].element;
}

static float *output(const sterna_call *call, const sterna_outcome *outcome, const char *name)
{
    return (float *)(void *)outcome->data[sterna_call_index(call, name)];
}

static void multiply(float *x, uint64_t count, float factor)
{
    for (uint64_t i = 0; i < count; i++) x[i] = x[i] * factor;
}

static void plain_zeros(float *x, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (x[i] == 0.0f) x[i] = 0.0f;
}

/* Two calls, the second one differing from the first; both outcomes are the caller's when true. */
static bool run_both(sterna_trial *t, const sterna_call *a, const sterna_call *b, sterna_outcome *x,
                     sterna_outcome *y)
{
    if (!sterna_trial_run(t, a, x)) return false;
    if (sterna_trial_run(t, b, y)) return true;
    sterna_outcome_free(x);
    return false;
}

typedef struct pair {
    sterna_call a, b;
    sterna_outcome x, y;
} pair;

static bool draw_pair(sterna_trial *t, pair *p)
{
    memset(p, 0, sizeof *p);
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &p->a)) return false;
    if (sterna_call_copy(&p->b, &p->a)) return true;
    sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the second call");
    sterna_call_free(&p->a);
    return false;
}

static void free_pair(pair *p)
{
    sterna_outcome_free(&p->x);
    sterna_outcome_free(&p->y);
    sterna_call_free(&p->a);
    sterna_call_free(&p->b);
}

/* The one f32 input that the scaling and sign laws change, and the output that follows. */
static const char *varied_input(const sterna_call *call)
{
    return sterna_call_index(call, "u") >= 0 ? "u" : "x";
}

void sterna_law_scale_pow2(sterna_trial *t)
{
    pair p;
    if (!draw_pair(t, &p)) return;
    const char *name = varied_input(&p.a);
    bool norm = t->op == STERNA_OP_rmsnorm, glu = t->op == STERNA_OP_glu;
    uint64_t count = count_of(&p.a, name), n = sterna_call_u32(&p.a, "n");
    float *x = sterna_call_data(&p.a, name), *z = sterna_call_data(&p.b, name);
    /* Values of ordinary size, so that nothing underflows or overflows on the way. */
    sterna_gen_f32(t->choices, STERNA_FILL_NORMAL, x, count);
    if (glu) sterna_gen_f32(t->choices, STERNA_FILL_NORMAL, sterna_call_data(&p.a, "g"), count);
    if (glu) memcpy(sterna_call_data(&p.b, "g"), sterna_call_data(&p.a, "g"), (size_t)count * 4);
    float factor = ldexpf(1.0f, (int)sterna_choose(t->choices, 8));
    uint64_t step = t->op == STERNA_OP_quant_block ? sterna_call_u32(&p.a, "block") : n;
    for (uint64_t i = 0; i < count; i += step) x[i] = 1.0f; /* no row of zeros */
    memcpy(z, x, (size_t)count * 4);
    multiply(z, count, factor);
    if (norm) {
        float eps = 1e-5f, scaled = eps * factor * factor;
        memcpy(&p.a.scalars[sterna_call_index(&p.a, "eps")], &eps, 4);
        memcpy(&p.b.scalars[sterna_call_index(&p.b, "eps")], &scaled, 4);
    }
    if (run_both(t, &p.a, &p.b, &p.x, &p.y)) {
        /* What the second result has to be multiplied by to give the first. */
        if (glu) multiply(output(&p.b, &p.y, "y"), count, 1.0f / factor);
        if (t->op == STERNA_OP_quant_token) multiply(output(&p.b, &p.y, "s"), count_of(&p.a, "s"), factor);
        if (t->op == STERNA_OP_quant_block)
            multiply(output(&p.b, &p.y, "d"), count_of(&p.a, "d"), 1.0f / factor);
        sterna_trial_same(t, &p.a, &p.y, &p.x);
    }
    free_pair(&p);
}

void sterna_law_negate(sterna_trial *t)
{
    pair p;
    if (!draw_pair(t, &p)) return;
    bool quantised = sterna_call_index(&p.a, "q") >= 0 &&
                     !sterna_param_is_output(p.a.info->params[sterna_call_index(&p.a, "q")].kind);
    if (quantised) {
        int8_t *q = sterna_call_data(&p.b, "q");
        for (uint64_t i = 0; i < count_of(&p.b, "q"); i++) q[i] = (int8_t)-q[i];
    } else {
        const char *name = varied_input(&p.a);
        multiply(sterna_call_data(&p.b, name), count_of(&p.b, name), -1.0f);
    }
    if (t->op == STERNA_OP_add) multiply(sterna_call_data(&p.b, "y"), count_of(&p.b, "y"), -1.0f);
    if (run_both(t, &p.a, &p.b, &p.x, &p.y)) {
        for (uint32_t i = 0; i < p.a.info->n_params; i++) {
            const sterna_param *param = &p.a.info->params[i];
            bool scale = strcmp(param->name, "s") == 0 || strcmp(param->name, "d") == 0;
            if (!p.x.data[i] || scale) continue;
            uint64_t count = p.a.bytes[i] / param->element;
            if (param->type[0] == 'i') {
                for (uint64_t e = 0; e < count; e++) p.y.data[i][e] = (uint8_t) - (int8_t)p.y.data[i][e];
            } else {
                multiply((float *)(void *)p.y.data[i], count, -1.0f);
                plain_zeros((float *)(void *)p.y.data[i], count);
                plain_zeros((float *)(void *)p.x.data[i], count);
            }
        }
        sterna_trial_same(t, &p.a, &p.y, &p.x);
    }
    free_pair(&p);
}

void sterna_law_commute(sterna_trial *t)
{
    pair p;
    if (!draw_pair(t, &p)) return;
    uint64_t bytes = p.a.bytes[0];
    memcpy(sterna_call_data(&p.b, "x"), sterna_call_data(&p.a, "y"), (size_t)bytes);
    memcpy(sterna_call_data(&p.b, "y"), sterna_call_data(&p.a, "x"), (size_t)bytes);
    if (run_both(t, &p.a, &p.b, &p.x, &p.y)) sterna_trial_same(t, &p.a, &p.y, &p.x);
    free_pair(&p);
}

/* gather[gather[x, i], j] = gather[x, i o j]: the second step picks among the rows of the first. */
void sterna_law_compose(sterna_trial *t)
{
    pair p;
    sterna_call second = {0};
    sterna_outcome z = {0};
    if (!draw_pair(t, &p)) return;
    uint32_t rows = sterna_call_u32(&p.a, "rows"), seed = sterna_choose(t->choices, 65535);
    const uint32_t *index = sterna_call_data(&p.a, "index");
    uint32_t *joint = sterna_call_data(&p.b, "index"), scalars[STERNA_MAX_ARGS];
    for (uint32_t r = 0; r < rows; r++) joint[r] = index[sterna_gen_word(seed, r) % rows];
    memcpy(scalars, p.a.scalars, sizeof scalars);
    scalars[sterna_call_index(&p.a, "source_rows")] = rows;
    if (!sterna_call_make(&second, t->op, scalars, t->format, t->act)) {
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the second step");
    } else if (run_both(t, &p.a, &p.b, &p.x, &p.y)) {
        memcpy(sterna_call_data(&second, "x"), p.x.data[2], (size_t)p.a.bytes[2]);
        for (uint32_t r = 0; r < rows; r++)
            ((uint32_t *)sterna_call_data(&second, "index"))[r] = sterna_gen_word(seed, r) % rows;
        if (sterna_trial_run(t, &second, &z)) sterna_trial_same(t, &p.b, &z, &p.y);
    }
    sterna_outcome_free(&z);
    sterna_call_free(&second);
    free_pair(&p);
}

static void identity_of_cache(sterna_trial *t, const sterna_call *call, const sterna_outcome *got)
{
    const float *x = sterna_call_data(call, "x");
    const uint32_t *slot = sterna_call_data(call, "slot");
    uint32_t n = sterna_call_u32(call, "n"), half = sterna_call_u32(call, "kv_type");
    sterna_element type = half ? STERNA_ELEMENT_F16 : STERNA_ELEMENT_F32;
    const uint8_t *cache = got->data[sterna_call_index(call, "cache")];
    for (uint32_t r = 0; r < sterna_call_u32(call, "rows"); r++)
        for (uint32_t i = 0; i < n; i++) {
            double value = sterna_element_value(type, cache, (uint64_t)slot[r] * n + i);
            if (value == (double)x[(uint64_t)r * n + i]) continue;
            sterna_judge(&t->verdict, STERNA_VERDICT_LAW_BROKEN, "slot %u value %u is %.9g, stored was %.9g",
                         slot[r], i, value, (double)x[(uint64_t)r * n + i]);
            return;
        }
}

void sterna_law_identity(sterna_trial *t)
{
    sterna_call call;
    sterna_outcome got;
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call)) return;
    if (t->op == STERNA_OP_rope) {
        float *table = sterna_call_data(&call, "table");
        for (uint64_t i = 0; i < count_of(&call, "table"); i++) table[i] = i % 2 == 0 ? 1.0f : 0.0f;
    } else if (t->op == STERNA_OP_add) {
        memset(sterna_call_data(&call, "y"), 0, (size_t)call.bytes[1]);
    } else if (t->op == STERNA_OP_kv_append) {
        sterna_gen_f32(t->choices, STERNA_FILL_INTEGERS, sterna_call_data(&call, "x"), count_of(&call, "x"));
    } else {
        uint32_t *index = sterna_call_data(&call, "index");
        for (uint32_t r = 0; r < sterna_call_u32(&call, "rows"); r++)
            index[r] = r % sterna_call_u32(&call, "source_rows");
    }
    if (sterna_trial_run(t, &call, &got)) {
        if (t->op == STERNA_OP_kv_append) {
            identity_of_cache(t, &call, &got);
        } else if (t->op == STERNA_OP_gather) {
            uint32_t rows = sterna_call_u32(&call, "rows"), sources = sterna_call_u32(&call, "source_rows");
            uint64_t n = sterna_call_u32(&call, "n");
            sterna_trial_equal(t, "y", (float *)(void *)got.data[2], sterna_call_data(&call, "x"),
                               n * (rows < sources ? rows : sources));
        } else {
            plain_zeros((float *)(void *)got.data[0], count_of(&call, "x"));
            plain_zeros(sterna_call_data(&call, "x"), count_of(&call, "x"));
            sterna_trial_equal(t, "x", (float *)(void *)got.data[0], sterna_call_data(&call, "x"),
                               count_of(&call, "x"));
        }
        sterna_outcome_free(&got);
    }
    sterna_call_free(&call);
}
