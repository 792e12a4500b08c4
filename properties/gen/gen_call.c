/* The generator of each operation: which scalars, which indices, which values.
 * Owns: that every call it makes is legal (the domain of the catalogue, indices the reference defines). */
#include "base/mem.h"
#include "base/size.h"
#include "gen/gen.h"
#include <string.h>

/* Keeps one call below about this many inner steps, so that the naive oracle takes a millisecond or so. */
enum { WORK = 150000 };

typedef struct generator {
    sterna_choices *c;
    sterna_call *call;
    uint32_t scalars[STERNA_MAX_ARGS];
    sterna_op op;
    uint32_t format;
    sterna_act act;
    bool errors;
} generator;

static void set(generator *g, const char *name, uint32_t value)
{
    g->scalars[sterna_op_param(g->op, name)] = value;
}

static void set_f32(generator *g, const char *name, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    set(g, name, bits);
}

static uint32_t at_most(uint64_t limit, uint32_t ceiling)
{
    return limit < 1 ? 1 : limit > ceiling ? ceiling : (uint32_t)limit;
}

static bool make(generator *g)
{
    return sterna_call_make(g->call, g->op, g->scalars, g->format, g->act);
}

static void *data(generator *g, const char *name, uint64_t *count)
{
    int i = sterna_op_param(g->op, name);
    if (count)
        *count =
            g->call->bytes[i] / (g->call->info->params[i].element ? g->call->info->params[i].element : 1);
    return g->call->data[i];
}

static void floats(generator *g, const char *name, sterna_fill last, bool may_be_bad)
{
    uint64_t count;
    void *at = data(g, name, &count);
    sterna_gen_f32(g->c, last, at, count);
    if (may_be_bad && g->errors) sterna_gen_bad_values(g->c, at, count);
}

static void weights(generator *g)
{
    int i = sterna_op_param(g->op, "w");
    sterna_gen_blocks(g->c, g->format, g->call->data[i], g->call->bytes[i]);
}

/* Indices below `limit`; with errors, rarely one beyond. */
static void indices(generator *g, const char *name, uint32_t limit)
{
    uint64_t count;
    uint32_t *at = data(g, name, &count), seed = sterna_choose(g->c, 65535);
    for (uint64_t i = 0; i < count; i++)
        at[i] = seed == 0 ? (uint32_t)i % limit : sterna_gen_word(seed, i) % limit;
    if (g->errors && sterna_choose_rarely(g->c, 10)) {
        uint32_t where = sterna_choose(g->c, (uint32_t)count - 1);
        at[where] = sterna_choose(g->c, 1) ? UINT32_MAX : limit;
    }
}

/* Values of a block of the weight's format: widths are multiples of it. */
static uint32_t unit(const generator *g)
{
    const sterna_format *format = sterna_format_find(g->format);
    return format ? format->values : 1;
}

static bool gen_embed(generator *g)
{
    uint32_t n = unit(g) * sterna_gen_size(g->c, 1, unit(g) > 1 ? 5 : 600);
    set(g, "n", n);
    set(g, "rows", sterna_gen_size(g->c, 1, at_most(WORK / 4 / n, 40)));
    uint32_t vocab = sterna_gen_size(g->c, 1, at_most(WORK / 4 / n, 300));
    set(g, "vocab", vocab);
    if (!make(g)) return false;
    indices(g, "ids", vocab);
    weights(g);
    return true;
}

static bool gen_rmsnorm(generator *g)
{
    static const float eps[] = {1e-5f, 1e-6f, 1.0f, 1e-30f};
    uint32_t n = sterna_gen_size(g->c, 1, 1100);
    set(g, "n", n);
    set(g, "rows", sterna_gen_size(g->c, 1, at_most(WORK / 8 / n, 70)));
    set_f32(g, "eps", eps[sterna_choose(g->c, STERNA_COUNT(eps) - 1)]);
    if (!make(g)) return false;
    floats(g, "x", STERNA_FILL_ANY, true);
    floats(g, "w", STERNA_FILL_RANGE, false);
    return true;
}

static bool gen_quant(generator *g, uint32_t step)
{
    uint32_t n = step * sterna_gen_size(g->c, 1, 1100 / step);
    set(g, "n", n);
    set(g, "rows", sterna_gen_size(g->c, 1, at_most(WORK / 8 / n, 70)));
    if (!make(g)) return false;
    floats(g, "x", STERNA_FILL_ANY, true);
    return true;
}

static bool gen_quant_token(generator *g)
{
    return gen_quant(g, 4);
}

static bool gen_quant_block(generator *g)
{
    uint32_t block = sterna_choose(g->c, 1) ? 256 : 32;
    set(g, "block", block);
    return gen_quant(g, block);
}

/* Rows, outputs and inputs of a product, k in multiples of `step`. */
static void product_shape(generator *g, uint32_t step, uint32_t k_max)
{
    uint32_t k = step * sterna_gen_size(g->c, 1, k_max / step);
    uint32_t m = sterna_gen_size(g->c, 1, at_most(WORK / k, 140));
    set(g, "k", k);
    set(g, "m", m);
    set(g, "rows", sterna_gen_size(g->c, 1, at_most(WORK / k / m, 70)));
}

static bool gen_matmul_float(generator *g)
{
    product_shape(g, 1, 700);
    if (!make(g)) return false;
    floats(g, "x", STERNA_FILL_ANY, false);
    weights(g);
    return true;
}

/* Positive scales as the quantisers give them. */
static void scales(generator *g, const char *name, float smallest, float largest, bool zeros)
{
    uint64_t count;
    uint8_t *at = data(g, name, &count);
    uint32_t kind = sterna_choose(g->c, 3), seed = sterna_choose(g->c, 65535);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t w = sterna_gen_word(seed, i), bits = (w & 0x7FFFFF) | (107 + (w >> 23 & 255) % 41) << 23;
        float value = 1.0f;
        if (kind > 0) memcpy(&value, &bits, sizeof value);
        if (kind == 2 && w % 3 == 0) value = w & 1 ? smallest : largest;
        if (kind == 3 && zeros && w % 5 == 0) value = 0.0f;
        memcpy(at + 4 * i, &value, sizeof value);
    }
}

static bool gen_matmul_ternary(generator *g)
{
    product_shape(g, unit(g), 4096);
    if (!make(g)) return false;
    sterna_gen_i8(g->c, data(g, "q", NULL), (uint64_t)g->call->bytes[sterna_op_param(g->op, "q")]);
    scales(g, "s", 0x1p-100f, 12700000.0f, false);
    weights(g);
    return true;
}

static bool gen_matmul_block(generator *g)
{
    set(g, "block", unit(g));
    product_shape(g, unit(g), unit(g) == 32 ? 1400 : 3072);
    if (!make(g)) return false;
    sterna_gen_i8(g->c, data(g, "q", NULL), (uint64_t)g->call->bytes[sterna_op_param(g->op, "q")]);
    scales(g, "d", 0x1p-124f, 0x1p+60f, true);
    weights(g);
    return true;
}

static bool gen_rope(generator *g)
{
    uint32_t dim = sterna_gen_size(g->c, 2, 140);
    uint32_t n_rot = sterna_choose(g->c, 2) ? dim & ~1u : 2 * (1 + sterna_choose(g->c, dim / 2 - 1));
    uint32_t heads = sterna_gen_size(g->c, 1, 12), positions = sterna_gen_size(g->c, 1, 40);
    set(g, "dim", dim);
    set(g, "n_rot", n_rot);
    set(g, "heads", heads);
    set(g, "positions", positions);
    set(g, "rows", sterna_gen_size(g->c, 1, at_most(WORK / 8 / dim / heads, 70)));
    set(g, "kind", sterna_choose(g->c, 1));
    if (!make(g)) return false;
    floats(g, "x", STERNA_FILL_ANY, false);
    floats(g, "table", STERNA_FILL_UNIT, false);
    indices(g, "pos", positions);
    return true;
}

/* Distinct slots, since two rows for one slot would race. */
static bool gen_kv_append(generator *g)
{
    uint32_t n = 2 * sterna_gen_size(g->c, 1, 300);
    uint32_t rows = sterna_gen_size(g->c, 1, at_most(WORK / 8 / n, 40)),
             slots = rows + sterna_choose(g->c, 20);
    uint32_t type = sterna_choose(g->c, 1);
    set(g, "n", n);
    set(g, "rows", rows);
    set(g, "slots", slots);
    set(g, "kv_type", type);
    if (!make(g)) return false;
    floats(g, "x", g->errors ? STERNA_FILL_ANY : type ? STERNA_FILL_OUTLIER : STERNA_FILL_ANY, true);
    uint64_t bytes, count;
    uint8_t *cache = data(g, "cache", &bytes);
    for (uint64_t i = 0; i < bytes; i++) cache[i] = (uint8_t)(0xC0 + i % 7);
    uint32_t *slot = data(g, "slot", &count), seed = sterna_choose(g->c, 65535);
    uint32_t *order = sterna_alloc(slots, sizeof *order);
    if (!order) return false;
    for (uint32_t i = 0; i < slots; i++) order[i] = i;
    for (uint32_t i = slots; seed && i > 1; i--) {
        uint32_t j = sterna_gen_word(seed, i) % i, t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
    for (uint32_t i = 0; i < rows; i++) slot[i] = order[i];
    sterna_free(order);
    if (g->errors && sterna_choose_rarely(g->c, 10))
        slot[sterna_choose(g->c, rows - 1)] = sterna_choose(g->c, 1) ? UINT32_MAX : slots;
    return true;
}

/* Cache elements of both types: unit values as f32 or f16 bits. */
static void cache_values(generator *g, const char *name, uint32_t type)
{
    uint64_t bytes;
    uint8_t *at = data(g, name, &bytes);
    uint32_t kind = sterna_choose(g->c, 2), seed = sterna_choose(g->c, 65535);
    for (uint64_t i = 0; i < bytes / (type ? 2 : 4); i++) {
        uint32_t w = sterna_gen_word(seed, i);
        uint16_t half =
            kind == 0 ? 0x3C00
                      : (uint16_t)((w & 0x83FF) | (kind == 1 ? 8 + (w >> 16) % 8 : (w >> 16) % 20) << 10);
        float value = kind == 0 ? 1.0f : (float)(int32_t)w * (kind == 1 ? 0x1p-31f : 0x1p-28f);
        if (type)
            memcpy(at + 2 * i, &half, 2);
        else
            memcpy(at + 4 * i, &value, 4);
    }
}

/* What no query may look at is made to hurt: cache slots hold NaN, page entries point nowhere. */
static bool poison_unseen(generator *g, uint32_t width, uint32_t type)
{
    const uint32_t slots = sterna_call_u32(g->call, "slots"),
                   page_size = sterna_call_u32(g->call, "page_size");
    const uint32_t max_pages = sterna_call_u32(g->call, "max_pages"), seqs = sterna_call_u32(g->call, "seqs");
    const uint32_t rows = sterna_call_u32(g->call, "rows");
    const uint32_t *pos = data(g, "pos", NULL), *seq = data(g, "seq", NULL);
    uint32_t *pages = data(g, "pages", NULL);
    uint8_t *seen = sterna_alloc((size_t)slots + (size_t)seqs * max_pages, 1);
    if (!seen) return false;
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t p = 0; seq[r] < seqs && p <= pos[r] && p / page_size < max_pages; p++) {
            uint64_t entry = (uint64_t)seq[r] * max_pages + p / page_size;
            uint64_t slot = (uint64_t)pages[entry] * page_size + p % page_size;
            seen[slots + entry] = 1;
            if (slot < slots) seen[slot] = 1;
        }
    uint64_t row_bytes = (uint64_t)width * (type ? 2 : 4);
    uint8_t *caches[] = {data(g, "k_cache", NULL), data(g, "v_cache", NULL)};
    for (uint32_t s = 0; s < slots; s++)
        if (!seen[s])
            for (uint32_t i = 0; i < 2; i++) memset(caches[i] + s * row_bytes, 0xFF, (size_t)row_bytes);
    for (uint64_t e = 0; e < (uint64_t)seqs * max_pages; e++)
        if (!seen[slots + e]) pages[e] = UINT32_MAX;
    sterna_free(seen);
    return true;
}

static bool gen_attention(generator *g)
{
    static const uint32_t page_sizes[] = {16, 1, 2, 5, 32, 64, 256, 300};
    uint32_t page_size = page_sizes[sterna_choose(g->c, STERNA_COUNT(page_sizes) - 1)];
    uint32_t kv_heads = 1 + sterna_choose(g->c, 3), heads = kv_heads * (1 + sterna_choose(g->c, 3));
    uint32_t dim = 2 * sterna_gen_size(g->c, 1, 50), type = sterna_choose(g->c, 1);
    /* Often past one chunk of 256, sometimes past two. */
    uint32_t longest = sterna_gen_size(g->c, 1, at_most(WORK / dim / heads, 700));
    uint32_t rows = sterna_gen_size(g->c, 1, at_most(WORK / dim / heads / longest, 20));
    uint32_t max_pages = (longest + page_size - 1) / page_size + sterna_choose(g->c, 2),
             seqs = 1 + sterna_choose(g->c, 2);
    uint32_t spare = sterna_choose(g->c, 3), n_pages = seqs * max_pages + spare;
    set(g, "rows", rows);
    set(g, "heads", heads);
    set(g, "kv_heads", kv_heads);
    set(g, "dim", dim);
    set(g, "slots", n_pages * page_size + sterna_choose(g->c, 1));
    set(g, "seqs", seqs);
    set(g, "max_pages", max_pages);
    set(g, "page_size", page_size);
    set(g, "kv_type", type);
    static const float factors[] = {1.0f, 0.5f, 0.125f, 3.0f, 0.0f};
    set_f32(g, "scale", factors[sterna_choose(g->c, STERNA_COUNT(factors) - 1)]);
    if (!make(g)) return false;
    floats(g, "q", g->errors ? STERNA_FILL_ANY : STERNA_FILL_OUTLIER, true);
    cache_values(g, "k_cache", type);
    cache_values(g, "v_cache", type);
    uint32_t *pos = data(g, "pos", NULL), *seq = data(g, "seq", NULL), *pages = data(g, "pages", NULL);
    uint32_t seed = sterna_choose(g->c, 65535), shuffle = sterna_choose(g->c, 65535);
    for (uint32_t r = 0; r < rows; r++) {
        pos[r] = r == 0 || seed == 0 ? longest - 1 : sterna_gen_word(seed, r) % longest;
        seq[r] = sterna_gen_word(seed, rows + r) % seqs;
    }
    for (uint32_t i = 0; i < seqs * max_pages; i++) pages[i] = i;
    for (uint32_t i = seqs * max_pages; shuffle && i > 1; i--) {
        uint32_t j = sterna_gen_word(shuffle, i) % i, t = pages[i - 1];
        pages[i - 1] = pages[j];
        pages[j] = t;
    }
    if (g->errors && sterna_choose_rarely(g->c, 10)) {
        uint32_t what = sterna_choose(g->c, 2), row = sterna_choose(g->c, rows - 1);
        if (what == 0) pages[seq[row] * max_pages] = sterna_choose(g->c, 1) ? UINT32_MAX : n_pages + 1;
        if (what == 1) seq[row] = seqs;
        if (what == 2) pos[row] = max_pages * page_size;
    }
    return poison_unseen(g, kv_heads * dim, type);
}

static bool gen_add(generator *g)
{
    uint32_t n = sterna_gen_size(g->c, 1, 600);
    set(g, "n", n);
    set(g, "rows", sterna_gen_size(g->c, 1, at_most(WORK / 4 / n, 40)));
    if (!make(g)) return false;
    floats(g, "x", STERNA_FILL_ANY, false);
    floats(g, "y", STERNA_FILL_ANY, false);
    return true;
}

static bool gen_glu(generator *g)
{
    uint32_t n = sterna_gen_size(g->c, 1, 600);
    set(g, "n", n);
    set(g, "rows", sterna_gen_size(g->c, 1, at_most(WORK / 8 / n, 40)));
    set(g, "act", sterna_choose(g->c, 1));
    if (!make(g)) return false;
    floats(g, "g", STERNA_FILL_ANY, false);
    floats(g, "u", STERNA_FILL_RANGE, false);
    return true;
}

static bool gen_gather(generator *g)
{
    uint32_t n = sterna_gen_size(g->c, 1, 600), sources = sterna_gen_size(g->c, 1, at_most(WORK / 4 / n, 50));
    set(g, "n", n);
    set(g, "source_rows", sources);
    set(g, "rows", sterna_gen_size(g->c, 1, at_most(WORK / 4 / n, 50)));
    if (!make(g)) return false;
    floats(g, "x", STERNA_FILL_ANY, false);
    indices(g, "index", sources);
    return true;
}

bool sterna_gen_call(sterna_choices *c, sterna_op op, uint32_t format, sterna_act act, sterna_gen_mode mode,
                     sterna_call *call)
{
    static bool (*const generators[STERNA_OP_COUNT])(generator *) = {
#define OP(name, items, oracle, laws, sentence) gen_##name,
#include "catalogue/ops.def"
#undef OP
    };
    generator g = {
        .c = c, .call = call, .op = op, .format = format, .act = act, .errors = mode == STERNA_GEN_ERRORS};
    *call = (sterna_call){0};
    if (generators[op](&g)) return true;
    sterna_call_free(call);
    return false;
}
