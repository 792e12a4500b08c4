/* Laws of rotary embedding and attention: heads, pages, what is visible. */
#include "base/mem.h"
#include "judge/compare.h"
#include "laws/laws.h"
#include <string.h>

static void compare_calls(sterna_trial *t, const sterna_call *a, const sterna_call *b)
{
    sterna_outcome x, y;
    if (!sterna_trial_run(t, a, &x)) return;
    if (sterna_trial_run(t, b, &y)) {
        sterna_trial_same(t, a, &y, &x);
        sterna_outcome_free(&y);
    }
    sterna_outcome_free(&x);
}

/* x[rows][heads][dim] lies as x[rows * heads][1][dim] does. */
void sterna_law_heads(sterna_trial *t)
{
    sterna_call call, flat;
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call)) return;
    uint32_t scalars[STERNA_MAX_ARGS], rows = sterna_call_u32(&call, "rows"),
                                       heads = sterna_call_u32(&call, "heads");
    memcpy(scalars, call.scalars, sizeof scalars);
    scalars[sterna_call_index(&call, "rows")] = rows * heads;
    scalars[sterna_call_index(&call, "heads")] = 1;
    if (!sterna_call_make(&flat, t->op, scalars, t->format, t->act)) {
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the flat call");
    } else {
        memcpy(flat.data[0], call.data[0], (size_t)call.bytes[0]);
        memcpy(sterna_call_data(&flat, "table"), sterna_call_data(&call, "table"), (size_t)call.bytes[2]);
        for (uint32_t i = 0; i < rows * heads; i++)
            ((uint32_t *)sterna_call_data(&flat, "pos"))[i] =
                ((uint32_t *)sterna_call_data(&call, "pos"))[i / heads];
        compare_calls(t, &call, &flat);
        sterna_call_free(&flat);
    }
    sterna_call_free(&call);
}

/* The scalars and tables of an attention call, by name. */
typedef struct view {
    uint32_t rows, heads, kv_heads, dim, slots, seqs, max_pages, page_size, kv_type;
    uint32_t *pos, *seq, *pages;
    uint8_t *k, *v;
    uint64_t slot_bytes;
} view;

static view view_of(const sterna_call *call)
{
    view a = {.rows = sterna_call_u32(call, "rows"),
              .heads = sterna_call_u32(call, "heads"),
              .kv_heads = sterna_call_u32(call, "kv_heads"),
              .dim = sterna_call_u32(call, "dim"),
              .slots = sterna_call_u32(call, "slots"),
              .seqs = sterna_call_u32(call, "seqs"),
              .max_pages = sterna_call_u32(call, "max_pages"),
              .page_size = sterna_call_u32(call, "page_size"),
              .kv_type = sterna_call_u32(call, "kv_type"),
              .pos = sterna_call_data(call, "pos"),
              .seq = sterna_call_data(call, "seq"),
              .pages = sterna_call_data(call, "pages"),
              .k = sterna_call_data(call, "k_cache"),
              .v = sterna_call_data(call, "v_cache")};
    a.slot_bytes = (uint64_t)a.kv_heads * a.dim * (a.kv_type ? 2 : 4);
    return a;
}

/* A query at position 0 sees one key: the weight is 1, the result the value itself. */
void sterna_law_one_key(sterna_trial *t)
{
    sterna_call call;
    sterna_outcome got;
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call)) return;
    view a = view_of(&call);
    for (uint32_t r = 0; r < a.rows; r++) a.pos[r] = 0;
    for (uint32_t s = 0; s < a.seqs; s++) a.pages[s * a.max_pages] = s;
    /* Ones wherever NaN stood for "do not look". */
    for (uint64_t i = 0; i < a.slots * a.slot_bytes; i++) a.k[i] = 0;
    sterna_gen_f32(t->choices, STERNA_FILL_UNIT, sterna_call_data(&call, "q"), call.bytes[0] / 4);
    uint32_t seed = sterna_choose(t->choices, 65535);
    for (uint64_t i = 0; i < a.slots * a.slot_bytes / (a.kv_type ? 2 : 4); i++) {
        uint32_t w = sterna_gen_word(seed, i);
        uint16_t half = (uint16_t)((w & 0x83FF) | (8 + w % 8) << 10);
        float full = (float)(int32_t)w;
        memcpy(a.v + i * (a.kv_type ? 2 : 4), a.kv_type ? (void *)&half : (void *)&full, a.kv_type ? 2 : 4);
    }
    if (sterna_trial_run(t, &call, &got)) {
        const float *y = (const float *)(void *)got.data[sterna_call_index(&call, "y")];
        sterna_element type = a.kv_type ? STERNA_ELEMENT_F16 : STERNA_ELEMENT_F32;
        for (uint64_t i = 0; i < (uint64_t)a.rows * a.heads * a.dim; i++) {
            uint64_t row = i / a.dim / a.heads, head = i / a.dim % a.heads / (a.heads / a.kv_heads);
            uint64_t slot = (uint64_t)a.pages[a.seq[row] * a.max_pages] * a.page_size;
            double want = sterna_element_value(type, a.v, (slot * a.kv_heads + head) * a.dim + i % a.dim);
            if ((double)y[i] == want) continue;
            sterna_judge(&t->verdict, STERNA_VERDICT_LAW_BROKEN, "y[%llu] is %.9g, the only value is %.9g",
                         (unsigned long long)i, (double)y[i], want);
            break;
        }
        sterna_outcome_free(&got);
    }
    sterna_call_free(&call);
}

/* The same keys and values in pages of another size, in order. */
void sterna_law_pages(sterna_trial *t)
{
    sterna_call call, plain;
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call)) return;
    view a = view_of(&call);
    uint32_t scalars[STERNA_MAX_ARGS], longest = 0;
    for (uint32_t r = 0; r < a.rows; r++) longest = a.pos[r] > longest ? a.pos[r] : longest;
    uint32_t page = 1 + sterna_choose(t->choices, longest), count = longest / page + 1;
    memcpy(scalars, call.scalars, sizeof scalars);
    scalars[sterna_call_index(&call, "page_size")] = page;
    scalars[sterna_call_index(&call, "max_pages")] = count;
    scalars[sterna_call_index(&call, "slots")] = page * count * a.seqs;
    if (!sterna_call_make(&plain, t->op, scalars, t->format, t->act)) {
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the contiguous cache");
        sterna_call_free(&call);
        return;
    }
    view b = view_of(&plain);
    memcpy(plain.data[0], call.data[0], (size_t)call.bytes[0]);
    memcpy(b.pos, a.pos, (size_t)a.rows * 4);
    memcpy(b.seq, a.seq, (size_t)a.rows * 4);
    memset(b.k, 0xFF, (size_t)(b.slots * b.slot_bytes));
    memset(b.v, 0xFF, (size_t)(b.slots * b.slot_bytes));
    for (uint32_t i = 0; i < a.seqs * count; i++) b.pages[i] = i;
    for (uint32_t r = 0; r < a.rows; r++)
        for (uint32_t p = 0; p <= a.pos[r]; p++) {
            uint64_t from =
                (uint64_t)a.pages[a.seq[r] * a.max_pages + p / a.page_size] * a.page_size + p % a.page_size;
            uint64_t to = (uint64_t)b.pages[a.seq[r] * count + p / page] * page + p % page;
            memcpy(b.k + to * a.slot_bytes, a.k + from * a.slot_bytes, (size_t)a.slot_bytes);
            memcpy(b.v + to * a.slot_bytes, a.v + from * a.slot_bytes, (size_t)a.slot_bytes);
        }
    compare_calls(t, &call, &plain);
    sterna_call_free(&plain);
    sterna_call_free(&call);
}

/* The generator leaves NaN in slots and rubbish in page entries that nobody may look at; here they are made
 * ordinary. */
void sterna_law_unseen(sterna_trial *t)
{
    sterna_call call, tidy;
    if (!sterna_trial_call(t, STERNA_GEN_VALID, &call)) return;
    if (!sterna_call_copy(&tidy, &call)) {
        sterna_judge(&t->verdict, STERNA_VERDICT_REFUSED, "no memory for the second cache");
        sterna_call_free(&call);
        return;
    }
    view a = view_of(&tidy);
    uint8_t *seen = sterna_alloc(a.slots, 1);
    for (uint32_t r = 0; seen && r < a.rows; r++)
        for (uint32_t p = 0; p <= a.pos[r]; p++)
            seen[a.pages[a.seq[r] * a.max_pages + p / a.page_size] * a.page_size + p % a.page_size] = 1;
    for (uint64_t s = 0; seen && s < a.slots; s++) {
        if (seen[s]) continue;
        memset(a.k + s * a.slot_bytes, 0x3C, (size_t)a.slot_bytes);
        memset(a.v + s * a.slot_bytes, 0x41, (size_t)a.slot_bytes);
    }
    for (uint32_t i = 0; i < a.seqs * a.max_pages; i++)
        if (a.pages[i] == UINT32_MAX) a.pages[i] = 0;
    if (seen) compare_calls(t, &call, &tidy);
    sterna_free(seen);
    sterna_call_free(&tidy);
    sterna_call_free(&call);
}
