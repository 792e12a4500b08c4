/* Cutting calls: dimensions, sizes, copying. */
#include "gen/cut.h"
#include "base/mem.h"
#include "base/size.h"
#include <string.h>

sterna_source sterna_source_of(const sterna_call *call)
{
    sterna_source source = {.op = call->op, .format = call->format, .act = call->act};
    memcpy(source.scalars, call->scalars, sizeof source.scalars);
    for (uint32_t i = 0; i < STERNA_MAX_ARGS; i++) source.data[i] = call->data[i];
    return source;
}

static uint32_t scalar(const sterna_source *s, const char *name)
{
    return s->scalars[sterna_op_param(s->op, name)];
}

static const uint8_t *data_of(const sterna_source *s, const char *name)
{
    return s->data[sterna_op_param(s->op, name)];
}

static uint32_t word(const uint8_t *words, uint64_t i)
{
    uint32_t value;
    memcpy(&value, words + 4 * i, sizeof value);
    return value;
}

/* Which scalar is the width of a row; NULL where rows cannot be cut. */
static const char *width_name(sterna_op op)
{
    switch (op) {
    case STERNA_OP_rmsnorm:
    case STERNA_OP_quant_token:
    case STERNA_OP_quant_block:
    case STERNA_OP_add:
    case STERNA_OP_glu:
    case STERNA_OP_gather:
        return "n";
    case STERNA_OP_matmul_float:
    case STERNA_OP_matmul_ternary:
    case STERNA_OP_matmul_block:
        return "k";
    default:
        return NULL;
    }
}

sterna_cut_room sterna_cut_room_of(const sterna_source *s)
{
    const sterna_format *format = sterna_format_find(s->format);
    sterna_op op = s->op;
    bool matmul =
        op == STERNA_OP_matmul_float || op == STERNA_OP_matmul_ternary || op == STERNA_OP_matmul_block;
    sterna_cut_room room = {.rows = scalar(s, "rows"), .outputs = 1, .width = 1, .unit = 1};
    room.elementwise = op == STERNA_OP_add || op == STERNA_OP_glu || op == STERNA_OP_gather;
    room.compacts = op == STERNA_OP_embed || op == STERNA_OP_gather || op == STERNA_OP_rope ||
                    op == STERNA_OP_kv_append || op == STERNA_OP_attention;
    if (matmul) room.outputs = scalar(s, "m");
    if (width_name(op)) room.width = scalar(s, width_name(op));
    if (matmul && format) room.unit = format->values;
    if (op == STERNA_OP_quant_token) room.unit = 4;
    if (op == STERNA_OP_quant_block || op == STERNA_OP_matmul_block) {
        uint32_t block = scalar(s, "block");
        if (block > room.unit) room.unit = block;
    }
    return room;
}

sterna_cut sterna_cut_whole(const sterna_source *s)
{
    sterna_cut_room room = sterna_cut_room_of(s);
    return (sterna_cut){.rows = {0, room.rows}, .outputs = {0, room.outputs}, .width = {0, room.width}};
}

/* What attention's rows refer to: sequences renumbered in order of appearance, and how far each is seen. */
typedef struct seen {
    uint32_t *number;     /* [seqs]: new number, UINT32_MAX: not referred to */
    uint32_t *old, *last; /* [count]: old number, last position seen */
    uint32_t count;
    uint32_t page_size, max_pages; /* of the smaller call */
    uint32_t slots;
} seen;

static void seen_free(seen *x)
{
    sterna_free(x->number);
    sterna_free(x->old);
    sterna_free(x->last);
}

static uint32_t pages_of(const seen *x, uint32_t sequence)
{
    return x->last[sequence] / x->page_size + 1;
}

static bool seen_make(const sterna_source *s, const sterna_cut *cut, seen *x)
{
    uint32_t seqs = scalar(s, "seqs"), page_size = scalar(s, "page_size"), last = 0;
    const uint8_t *pos = data_of(s, "pos"), *seq = data_of(s, "seq");
    *x = (seen){.number = sterna_alloc(seqs, sizeof *x->number),
                .old = sterna_alloc(cut->rows.count, sizeof *x->old),
                .last = sterna_alloc(cut->rows.count, sizeof *x->last)};
    if (!x->number || !x->old || !x->last) return false;
    memset(x->number, 0xff, seqs * sizeof *x->number);
    for (uint32_t r = cut->rows.first; r < cut->rows.first + cut->rows.count; r++) {
        uint32_t q = word(seq, r), p = word(pos, r);
        if (q >= seqs || p / page_size >= scalar(s, "max_pages")) return false;
        if (x->number[q] == UINT32_MAX) {
            x->old[x->count] = q;
            x->number[q] = x->count++;
        }
        if (p > x->last[x->number[q]]) x->last[x->number[q]] = p;
        if (p > last) last = p;
    }
    /* A page that is not filled ends behind the last position seen. */
    x->page_size = last < page_size ? last + 1 : page_size;
    uint64_t slots = 0;
    for (uint32_t q = 0; q < x->count; q++) {
        uint32_t pages = pages_of(x, q);
        if (pages > x->max_pages) x->max_pages = pages;
        slots += (uint64_t)pages * x->page_size;
    }
    x->slots = slots < UINT32_MAX ? (uint32_t)slots : UINT32_MAX;
    return true;
}

static bool legal(const sterna_window *w, uint32_t size, uint32_t unit)
{
    return w->count > 0 && w->first < size && w->count <= size - w->first && w->first % unit == 0 &&
           (w->count % unit == 0 || w->first + w->count == size);
}

/* The scalars of the smaller call; false when the cut is not legal. */
static bool scalars_of(const sterna_source *s, const sterna_cut *cut, const seen *x,
                       uint32_t scalars[STERNA_MAX_ARGS])
{
    sterna_cut_room room = sterna_cut_room_of(s);
    if (!legal(&cut->rows, room.rows, 1) || !legal(&cut->outputs, room.outputs, 1) ||
        !legal(&cut->width, room.width, room.unit) || (cut->width.first && !room.elementwise) ||
        (cut->compact && !room.compacts))
        return false;
    memcpy(scalars, s->scalars, STERNA_MAX_ARGS * sizeof *scalars);
    scalars[sterna_op_param(s->op, "rows")] = cut->rows.count;
    if (room.outputs > 1) scalars[sterna_op_param(s->op, "m")] = cut->outputs.count;
    if (width_name(s->op)) scalars[sterna_op_param(s->op, width_name(s->op))] = cut->width.count;
    if (!cut->compact) return true;
    if (s->op == STERNA_OP_embed) scalars[sterna_op_param(s->op, "vocab")] = cut->rows.count;
    if (s->op == STERNA_OP_gather) scalars[sterna_op_param(s->op, "source_rows")] = cut->rows.count;
    if (s->op == STERNA_OP_rope) scalars[sterna_op_param(s->op, "positions")] = cut->rows.count;
    if (s->op == STERNA_OP_kv_append) scalars[sterna_op_param(s->op, "slots")] = cut->rows.count;
    if (s->op == STERNA_OP_attention) {
        scalars[sterna_op_param(s->op, "seqs")] = x->count;
        scalars[sterna_op_param(s->op, "slots")] = x->slots;
        scalars[sterna_op_param(s->op, "page_size")] = x->page_size;
        scalars[sterna_op_param(s->op, "max_pages")] = x->max_pages;
    }
    return true;
}

/* Bytes of one row of the weight. */
static uint64_t weight_row(uint32_t format_id, uint64_t shape)
{
    const sterna_format *format = sterna_format_find(format_id);
    uint64_t bytes;
    return format && sterna_format_row_bytes(format, (uint32_t)shape, &bytes) ? bytes : 0;
}

/* Arguments that compacting fills in its own way. */
static bool renumbered(sterna_op op, const char *name)
{
    static const struct {
        sterna_op op;
        const char *name;
    } rows[] = {
        {STERNA_OP_embed, "ids"},         {STERNA_OP_embed, "w"},           {STERNA_OP_gather, "index"},
        {STERNA_OP_gather, "x"},          {STERNA_OP_kv_append, "slot"},    {STERNA_OP_kv_append, "cache"},
        {STERNA_OP_rope, "pos"},          {STERNA_OP_rope, "table"},        {STERNA_OP_attention, "seq"},
        {STERNA_OP_attention, "k_cache"}, {STERNA_OP_attention, "v_cache"}, {STERNA_OP_attention, "pages"}};
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++)
        if (rows[i].op == op && strcmp(rows[i].name, name) == 0) return true;
    return false;
}

static void copy_weight(const sterna_source *s, const sterna_cut *cut, uint64_t old_shape, uint64_t new_shape,
                        const uint8_t *from, uint8_t *to)
{
    uint64_t old = weight_row(s->format, old_shape), new = weight_row(s->format, new_shape);
    for (uint64_t r = 0; r < new_shape >> 32; r++)
        memcpy(to + r * new, from + (cut->outputs.first + r) * old, (size_t) new);
}

/* Copies every argument whose rows are the batch's, the weight's, or shared by all. */
static void copy_plain(const sterna_source *s, const sterna_cut *cut, sterna_call *call)
{
    uint64_t from[STERNA_MAX_ARGS], to[STERNA_MAX_ARGS], old[STERNA_MAX_ARGS], new[STERNA_MAX_ARGS];
    bool window = sterna_cut_room_of(s).elementwise;
    sterna_call_strides(s->op, s->scalars, from);
    sterna_call_strides(s->op, call->scalars, to);
    sterna_op_extents(s->op, s->scalars, old);
    sterna_op_extents(s->op, call->scalars, new);
    for (uint32_t i = 0; i < call->info->n_params; i++) {
        const sterna_param *param = &call->info->params[i];
        if (!call->data[i] || !s->data[i] || (cut->compact && renumbered(s->op, param->name))) continue;
        if (param->kind == STERNA_PARAM_WEIGHT) {
            copy_weight(s, cut, old[i], new[i], s->data[i], call->data[i]);
        } else if (to[i]) {
            uint64_t offset = window && from[i] != to[i] ? (uint64_t)cut->width.first * param->element : 0;
            for (uint32_t r = 0; r < cut->rows.count; r++)
                memcpy(call->data[i] + r * to[i], s->data[i] + (cut->rows.first + r) * from[i] + offset,
                       (size_t)to[i]);
        } else if (window && s->op == STERNA_OP_gather) {
            /* x: rows of its own number */
            uint64_t row = old[i] / scalar(s, "source_rows"), part = new[i] / scalar(s, "source_rows");
            for (uint32_t r = 0; r < scalar(s, "source_rows"); r++)
                memcpy(call->data[i] + r * part, s->data[i] + r * row + (uint64_t)cut->width.first * 4,
                       (size_t)part);
        } else {
            memcpy(call->data[i], s->data[i], (size_t)call->bytes[i]);
        }
    }
}

/* Row r of the batch refers to entry index[r] of `count` entries of `stride` bytes: entry r is that one now. */
static bool renumber(const sterna_source *s, const sterna_cut *cut, sterna_call *call, const char *index,
                     const char *table, uint32_t count, uint64_t stride, uint64_t offset)
{
    int at = sterna_op_param(s->op, table), rows = sterna_op_param(s->op, index);
    uint64_t part = call->bytes[at] / cut->rows.count;
    for (uint32_t r = 0; r < cut->rows.count; r++) {
        uint32_t entry = word(s->data[rows], cut->rows.first + r);
        if (entry >= count) return false;
        memcpy(call->data[rows] + 4 * (uint64_t)r, &r, sizeof r);
        memcpy(call->data[at] + r * part, s->data[at] + entry * stride + offset, (size_t)part);
    }
    return true;
}

/* Two rows may store to one slot; the smaller call has a slot for each. */
static bool renumber_all(const sterna_source *s, const sterna_cut *cut, sterna_call *call)
{
    uint64_t bytes[STERNA_MAX_ARGS];
    sterna_op_extents(s->op, s->scalars, bytes);
    if (s->op == STERNA_OP_embed)
        return renumber(s, cut, call, "ids", "w", scalar(s, "vocab"),
                        weight_row(s->format, bytes[sterna_op_param(s->op, "w")]), 0);
    if (s->op == STERNA_OP_gather)
        return renumber(s, cut, call, "index", "x", scalar(s, "source_rows"),
                        bytes[sterna_op_param(s->op, "x")] / scalar(s, "source_rows"),
                        (uint64_t)cut->width.first * sizeof(float));
    if (s->op == STERNA_OP_rope)
        return renumber(s, cut, call, "pos", "table", scalar(s, "positions"),
                        bytes[sterna_op_param(s->op, "table")] / scalar(s, "positions"), 0);
    return renumber(s, cut, call, "slot", "cache", scalar(s, "slots"),
                    bytes[sterna_op_param(s->op, "cache")] / scalar(s, "slots"), 0);
}

static bool copy_seen(const sterna_source *s, const sterna_cut *cut, const seen *x, sterna_call *call)
{
    uint32_t slots = scalar(s, "slots"), old_size = scalar(s, "page_size"), next = 0;
    uint64_t row = call->bytes[sterna_op_param(s->op, "k_cache")] / x->slots;
    uint8_t *pages = sterna_call_data(call, "pages"), *k = sterna_call_data(call, "k_cache"),
            *v = sterna_call_data(call, "v_cache"), *seq = sterna_call_data(call, "seq");
    for (uint32_t r = 0; r < cut->rows.count; r++)
        memcpy(seq + 4 * (uint64_t)r, &x->number[word(data_of(s, "seq"), cut->rows.first + r)], 4);
    for (uint32_t q = 0; q < x->count; q++)
        for (uint32_t p = 0; p < pages_of(x, q); p++, next++) {
            uint64_t page = word(data_of(s, "pages"), (uint64_t)x->old[q] * scalar(s, "max_pages") + p);
            if ((page + 1) * old_size > slots) return false;
            memcpy(pages + 4 * ((uint64_t)q * x->max_pages + p), &next, sizeof next);
            uint64_t from = page * old_size * row, to = (uint64_t)next * x->page_size * row;
            memcpy(k + to, data_of(s, "k_cache") + from, (size_t)(x->page_size * row));
            memcpy(v + to, data_of(s, "v_cache") + from, (size_t)(x->page_size * row));
        }
    return true;
}

bool sterna_cut_apply(const sterna_source *s, const sterna_cut *cut, sterna_call *call)
{
    uint32_t scalars[STERNA_MAX_ARGS];
    seen x = {0};
    bool attends = cut->compact && s->op == STERNA_OP_attention;
    bool good = (!attends || seen_make(s, cut, &x)) && scalars_of(s, cut, &x, scalars) &&
                sterna_call_make(call, s->op, scalars, s->format, s->act);
    if (good) {
        copy_plain(s, cut, call);
        if (attends)
            good = copy_seen(s, cut, &x, call);
        else if (cut->compact)
            good = renumber_all(s, cut, call);
        if (!good) sterna_call_free(call);
    }
    seen_free(&x);
    return good;
}

uint64_t sterna_cut_bytes(const sterna_source *s, const sterna_cut *cut)
{
    uint32_t scalars[STERNA_MAX_ARGS];
    uint64_t bytes[STERNA_MAX_ARGS], sum = 0;
    seen x = {0};
    bool good = (!cut->compact || s->op != STERNA_OP_attention || seen_make(s, cut, &x)) &&
                scalars_of(s, cut, &x, scalars) && !sterna_op_domain(s->op, scalars);
    seen_free(&x);
    if (!good) return UINT64_MAX;
    sterna_op_extents(s->op, scalars, bytes);
    for (uint32_t i = 0; i < sterna_op_get(s->op)->n_params; i++) {
        bool weight = sterna_op_get(s->op)->params[i].kind == STERNA_PARAM_WEIGHT;
        sum = sterna_sat_add(sum, weight ? sterna_sat_mul(weight_row(s->format, bytes[i]), bytes[i] >> 32)
                                         : bytes[i]);
    }
    return sum;
}
