/* The transformer graph of every family in archs.def, as catalogue operations. The order of operations is the
 * order of the computation; buffers are reused where a value has been read for the last time. */
#include "base/mem.h"
#include "base/size.h"
#include "plan/graph.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Which quantised forms of the current input exist already (bits 1 << sterna_act). */
typedef struct builder {
    sterna_graph *g;
    const sterna_hparams *h;
    uint32_t layer;
    uint32_t input, input_width; /* the buffer that linear layers read, and its width */
    uint32_t input_rows;         /* slot of its number of rows */
    uint32_t quantised;
    sterna_status status;
    sterna_fault *fault;
} builder;

static sterna_plan_arg buffer(uint32_t number)
{
    return (sterna_plan_arg){STERNA_ARG_BUFFER, number};
}
static sterna_plan_arg weight(uint32_t number)
{
    return (sterna_plan_arg){STERNA_ARG_WEIGHT, number};
}
static sterna_plan_arg u32(uint32_t value)
{
    return (sterna_plan_arg){STERNA_ARG_U32, value};
}
static sterna_plan_arg slot(uint32_t number)
{
    return (sterna_plan_arg){STERNA_ARG_SLOT, number};
}
static sterna_plan_arg f32(float value)
{
    sterna_plan_arg arg = {STERNA_ARG_F32, 0};
    memcpy(&arg.number, &value, sizeof value);
    return arg;
}

static void out_of_memory(builder *b)
{
    if (b->status == STERNA_OK)
        b->status = sterna_fail(b->fault, STERNA_MEMORY, "out of memory while planning");
}

static void add_node(builder *b, sterna_op op, const sterna_plan_arg *args, uint32_t n_args)
{
    sterna_graph *g = b->g;
    if (b->status != STERNA_OK) return;
    if (g->n_nodes == g->capacity) {
        uint32_t capacity = g->capacity ? g->capacity * 2 : 64;
        sterna_plan_node *nodes = sterna_realloc(g->nodes, capacity, sizeof *nodes);
        if (!nodes) {
            out_of_memory(b);
            return;
        }
        g->nodes = nodes;
        g->capacity = capacity;
    }
    sterna_plan_node *node = &g->nodes[g->n_nodes++];
    *node = (sterna_plan_node){.op = op, .layer = b->layer, .n_args = n_args};
    memcpy(node->args, args, n_args * sizeof *args);
}

#define EMIT(b, op, ...)                                                                                     \
    do {                                                                                                     \
        const sterna_plan_arg list[] = {__VA_ARGS__};                                                        \
        add_node((b), STERNA_OP_##op, list, (uint32_t)STERNA_COUNT(list));                                   \
    } while (0)

/* Declares a fixed buffer: count elements of `element` bytes; the largest request counts. */
static void need(builder *b, uint32_t number, uint64_t count, uint32_t element)
{
    uint64_t bytes = sterna_sat_mul(count, element);
    if (bytes > b->g->buffer_bytes[number]) b->g->buffer_bytes[number] = bytes;
}

/* Tied matrices share their data, and so one weight where the activations are alike. */
static uint32_t add_weight(builder *b, const sterna_model_tensor *tensor, sterna_act act)
{
    sterna_graph *g = b->g;
    for (uint32_t i = 0; i < g->n_weights; i++)
        if (g->weights[i].tensor->data == tensor->data && g->weights[i].act == act) return i;
    g->weights[g->n_weights] = (sterna_plan_weight){tensor, act};
    return g->n_weights++;
}

static uint32_t add_norm(builder *b, const sterna_model_tensor *tensor)
{
    sterna_graph *g = b->g;
    uint32_t number = g->first_norm + g->n_norms;
    g->norms[g->n_norms++] = tensor;
    need(b, number, tensor->cols, sizeof(float));
    return number;
}

static uint64_t rows_of(const builder *b, uint32_t rows_slot)
{
    return rows_slot == STERNA_SLOT_ROWS ? b->g->params.n_batch : b->g->params.n_logits;
}

static void set_input(builder *b, uint32_t number, uint32_t width, uint32_t rows_slot)
{
    b->input = number;
    b->input_width = width;
    b->input_rows = rows_slot;
    b->quantised = 0;
}

/* y = rmsnorm(x) * w, which becomes the input of the linear layers that follow. */
static void rmsnorm(builder *b, uint32_t x, const sterna_model_tensor *w, uint32_t y, uint32_t width,
                    uint32_t rows_slot)
{
    need(b, y, sterna_sat_mul(rows_of(b, rows_slot), width), sizeof(float));
    EMIT(b, rmsnorm, buffer(x), buffer(add_norm(b, w)), buffer(y), slot(rows_slot), u32(width),
         f32(b->h->norm_eps));
    set_input(b, y, width, rows_slot);
}

/* The input as int8 with one scale per row or per block; emitted once per input and kind. */
static void quantise(builder *b, sterna_act act)
{
    uint64_t rows = rows_of(b, b->input_rows), n = b->input_width, all = sterna_sat_mul(rows, n);
    sterna_plan_arg rows_arg = slot(b->input_rows);
    if (b->quantised & 1u << act) return;
    b->quantised |= 1u << act;
    if (act == STERNA_ACT_TOKEN) {
        need(b, STERNA_BUF_q_token, all, 1);
        need(b, STERNA_BUF_s_token, rows, sizeof(float));
        EMIT(b, quant_token, buffer(b->input), buffer(STERNA_BUF_q_token), buffer(STERNA_BUF_s_token),
             rows_arg, u32((uint32_t)n));
        return;
    }
    uint32_t block = act == STERNA_ACT_BLOCK32 ? 32 : 256;
    uint32_t q = act == STERNA_ACT_BLOCK32 ? STERNA_BUF_q_block32 : STERNA_BUF_q_block256, d = q + 1;
    need(b, q, all, 1);
    need(b, d, all / block, sizeof(float));
    EMIT(b, quant_block, buffer(b->input), buffer(q), buffer(d), rows_arg, u32((uint32_t)n), u32(block));
}

/* y = input * tensor, by the operation that suits the tensor's format. */
static void linear(builder *b, const sterna_model_tensor *tensor, uint32_t y)
{
    sterna_act act = sterna_model_act(b->g->model, tensor);
    sterna_plan_arg w = weight(add_weight(b, tensor, act)), rows = slot(b->input_rows);
    sterna_plan_arg m = u32(tensor->rows), k = u32(tensor->cols);
    need(b, y, sterna_sat_mul(rows_of(b, b->input_rows), tensor->rows), sizeof(float));
    if (act != STERNA_ACT_F32) quantise(b, act);
    switch (act) {
    case STERNA_ACT_F32:
        EMIT(b, matmul_float, buffer(b->input), buffer(y), w, rows, m, k);
        break;
    case STERNA_ACT_TOKEN:
        EMIT(b, matmul_ternary, buffer(STERNA_BUF_q_token), buffer(STERNA_BUF_s_token), buffer(y), w, rows, m,
             k);
        break;
    case STERNA_ACT_BLOCK32:
        EMIT(b, matmul_block, buffer(STERNA_BUF_q_block32), buffer(STERNA_BUF_d_block32), buffer(y), w, rows,
             m, k, u32(32));
        break;
    case STERNA_ACT_BLOCK256:
        EMIT(b, matmul_block, buffer(STERNA_BUF_q_block256), buffer(STERNA_BUF_d_block256), buffer(y), w,
             rows, m, k, u32(256));
        break;
    }
}

static void rope(builder *b, uint32_t x, uint32_t heads)
{
    const sterna_hparams *h = b->h;
    EMIT(b, rope, buffer(x), buffer(STERNA_BUF_positions), buffer(STERNA_BUF_rope), slot(STERNA_SLOT_ROWS),
         u32(heads), u32(h->head_dim), u32(h->n_rot), u32(b->g->params.n_ctx),
         u32((uint32_t)b->g->model->arch->rope));
}

static void residual(builder *b)
{
    EMIT(b, add, buffer(STERNA_BUF_x), buffer(STERNA_BUF_out), slot(STERNA_SLOT_ROWS), u32(b->h->n_embd));
}

static void attention_block(builder *b, const sterna_layer *layer)
{
    const sterna_hparams *h = b->h;
    const sterna_graph_params *p = &b->g->params;
    uint32_t kv_width = h->n_kv_heads * h->head_dim, width = h->n_heads * h->head_dim;
    uint32_t k_cache = b->g->first_k + b->layer, v_cache = b->g->first_v + b->layer;
    float scale = (float)(1.0 / sqrt((double)h->head_dim));

    rmsnorm(b, STERNA_BUF_x, &layer->attn_norm, STERNA_BUF_h, h->n_embd, STERNA_SLOT_ROWS);
    linear(b, &layer->attn_q, STERNA_BUF_q);
    linear(b, &layer->attn_k, STERNA_BUF_k);
    linear(b, &layer->attn_v, STERNA_BUF_v);
    rope(b, STERNA_BUF_q, h->n_heads);
    rope(b, STERNA_BUF_k, h->n_kv_heads);
    EMIT(b, kv_append, buffer(STERNA_BUF_k), buffer(STERNA_BUF_slots), buffer(k_cache),
         slot(STERNA_SLOT_ROWS), u32(kv_width), u32(p->n_slots), u32(p->kv_type));
    EMIT(b, kv_append, buffer(STERNA_BUF_v), buffer(STERNA_BUF_slots), buffer(v_cache),
         slot(STERNA_SLOT_ROWS), u32(kv_width), u32(p->n_slots), u32(p->kv_type));
    need(b, STERNA_BUF_attention, sterna_sat_mul(p->n_batch, width), sizeof(float));
    EMIT(b, attention, buffer(STERNA_BUF_q), buffer(k_cache), buffer(v_cache), buffer(STERNA_BUF_positions),
         buffer(STERNA_BUF_sequences), buffer(STERNA_BUF_pages), buffer(STERNA_BUF_attention),
         slot(STERNA_SLOT_ROWS), u32(h->n_heads), u32(h->n_kv_heads), u32(h->head_dim), u32(p->n_slots),
         u32(p->n_seqs), u32(p->max_pages), u32(p->page_size), u32(p->kv_type), f32(scale));
    set_input(b, STERNA_BUF_attention, width, STERNA_SLOT_ROWS);
    if (layer->attn_sub_norm.data)
        rmsnorm(b, STERNA_BUF_attention, &layer->attn_sub_norm, STERNA_BUF_h, width, STERNA_SLOT_ROWS);
    linear(b, &layer->attn_output, STERNA_BUF_out);
    residual(b);
}

static void feed_forward_block(builder *b, const sterna_layer *layer)
{
    const sterna_hparams *h = b->h;
    rmsnorm(b, STERNA_BUF_x, &layer->ffn_norm, STERNA_BUF_h, h->n_embd, STERNA_SLOT_ROWS);
    linear(b, &layer->ffn_gate, STERNA_BUF_gate);
    linear(b, &layer->ffn_up, STERNA_BUF_up);
    need(b, STERNA_BUF_ff, sterna_sat_mul(b->g->params.n_batch, h->n_ff), sizeof(float));
    EMIT(b, glu, buffer(STERNA_BUF_gate), buffer(STERNA_BUF_up), buffer(STERNA_BUF_ff),
         slot(STERNA_SLOT_ROWS), u32(h->n_ff), u32((uint32_t)b->g->model->arch->act));
    set_input(b, STERNA_BUF_ff, h->n_ff, STERNA_SLOT_ROWS);
    if (layer->ffn_sub_norm.data)
        rmsnorm(b, STERNA_BUF_ff, &layer->ffn_sub_norm, STERNA_BUF_h, h->n_ff, STERNA_SLOT_ROWS);
    linear(b, &layer->ffn_down, STERNA_BUF_out);
    residual(b);
}

static void head(builder *b)
{
    const sterna_model *model = b->g->model;
    uint32_t n = b->h->n_embd, n_logits = b->g->params.n_logits;
    b->layer = b->h->n_layers;
    need(b, STERNA_BUF_last, sterna_sat_mul(n_logits, n), sizeof(float));
    EMIT(b, gather, buffer(STERNA_BUF_x), buffer(STERNA_BUF_wanted), buffer(STERNA_BUF_last),
         slot(STERNA_SLOT_LOGITS), slot(STERNA_SLOT_ROWS), u32(n));
    rmsnorm(b, STERNA_BUF_last, &model->output_norm, STERNA_BUF_last_norm, n, STERNA_SLOT_LOGITS);
    linear(b, &model->output, STERNA_BUF_logits);
}

static void inputs_and_caches(builder *b)
{
    sterna_graph *g = b->g;
    const sterna_hparams *h = b->h;
    const sterna_graph_params *p = &g->params;
    uint64_t cache =
        sterna_sat_mul(sterna_sat_mul(p->n_slots, (uint64_t)h->n_kv_heads * h->head_dim), 4u >> p->kv_type);
    need(b, STERNA_BUF_ids, p->n_batch, sizeof(uint32_t));
    need(b, STERNA_BUF_positions, p->n_batch, sizeof(uint32_t));
    need(b, STERNA_BUF_sequences, p->n_batch, sizeof(uint32_t));
    need(b, STERNA_BUF_slots, p->n_batch, sizeof(uint32_t));
    need(b, STERNA_BUF_wanted, p->n_logits, sizeof(uint32_t));
    need(b, STERNA_BUF_pages, sterna_sat_mul(p->n_seqs, p->max_pages), sizeof(uint32_t));
    need(b, STERNA_BUF_rope, sterna_sat_mul(p->n_ctx, h->n_rot), sizeof(float));
    need(b, STERNA_BUF_x, sterna_sat_mul(p->n_batch, h->n_embd), sizeof(float));
    for (uint32_t l = 0; l < h->n_layers; l++) {
        need(b, g->first_k + l, cache, 1);
        need(b, g->first_v + l, cache, 1);
    }
}

static sterna_status allocate(sterna_graph *g, sterna_fault *fault)
{
    uint32_t layers = g->model->h.n_layers;
    uint32_t max_norms = layers * 4 + 1, max_weights = layers * 7 + 2;
    g->first_norm = STERNA_BUF_COUNT;
    g->first_k = g->first_norm + max_norms;
    g->first_v = g->first_k + layers;
    g->n_buffers = g->first_v + layers;
    g->buffer_bytes = sterna_alloc(g->n_buffers, sizeof *g->buffer_bytes);
    g->weights = sterna_alloc(max_weights, sizeof *g->weights);
    g->norms = sterna_alloc(max_norms, sizeof *g->norms);
    if (!g->buffer_bytes || !g->weights || !g->norms)
        return sterna_fail(fault, STERNA_MEMORY, "out of memory while planning");
    return STERNA_OK;
}

/* Every weight must be one that its operation takes: a clear refusal here, with the tensor's name, instead of
 * one from the depth of a backend. */
static sterna_status check_weights(const sterna_graph *g, sterna_fault *fault)
{
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const sterna_plan_node *node = &g->nodes[i];
        for (uint32_t a = 0; a < node->n_args; a++) {
            if (node->args[a].kind != STERNA_ARG_WEIGHT) continue;
            const sterna_plan_weight *w = &g->weights[node->args[a].number];
            const sterna_format *format = sterna_format_find(w->tensor->format);
            if (!sterna_op_takes(node->op, w->tensor->format, w->act))
                return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: %s cannot use tensor type %s",
                                   w->tensor->name, sterna_op_get(node->op)->name,
                                   format ? format->name : "?");
        }
    }
    return STERNA_OK;
}

sterna_status sterna_graph_build(const sterna_model *model, const sterna_graph_params *params,
                                 sterna_graph **out, sterna_fault *fault)
{
    sterna_graph *g = sterna_alloc(1, sizeof *g);
    if (!g) return sterna_fail(fault, STERNA_MEMORY, "out of memory while planning");
    g->model = model;
    g->params = *params;
    builder b = {.g = g, .h = &model->h, .fault = fault};
    b.status = allocate(g, fault);
    if (b.status == STERNA_OK) {
        inputs_and_caches(&b);
        EMIT(&b, embed, buffer(STERNA_BUF_ids), buffer(STERNA_BUF_x),
             weight(add_weight(&b, &model->token_embd, STERNA_ACT_F32)), slot(STERNA_SLOT_ROWS),
             u32(model->h.n_vocab), u32(model->h.n_embd));
        for (b.layer = 0; b.layer < model->h.n_layers; b.layer++) {
            attention_block(&b, &model->layers[b.layer]);
            feed_forward_block(&b, &model->layers[b.layer]);
        }
        g->n_body = g->n_nodes;
        head(&b);
    }
    if (b.status == STERNA_OK) b.status = check_weights(g, fault);
    if (b.status != STERNA_OK) {
        sterna_graph_free(g);
        return b.status;
    }
    *out = g;
    return STERNA_OK;
}

void sterna_graph_free(sterna_graph *g)
{
    if (!g) return;
    sterna_free(g->nodes);
    sterna_free(g->weights);
    sterna_free(g->norms);
    sterna_free(g->buffer_bytes);
    sterna_free(g);
}

void sterna_graph_memory(const sterna_graph *g, uint64_t *weights, uint64_t *cache)
{
    *weights = *cache = 0;
    for (uint32_t i = 0; i < g->n_weights; i++)
        *weights = sterna_sat_add(*weights, g->weights[i].tensor->bytes);
    for (uint32_t i = g->first_k; i < g->n_buffers; i++) *cache = sterna_sat_add(*cache, g->buffer_bytes[i]);
}

void sterna_graph_buffer_name(const sterna_graph *g, uint32_t number, char *text, size_t capacity)
{
    static const char *const names[STERNA_BUF_COUNT] = {
#define X(name, what) #name,
        STERNA_PLAN_BUFFERS(X)
#undef X
    };
    if (number < STERNA_BUF_COUNT)
        snprintf(text, capacity, "%s", names[number]);
    else if (number < g->first_k)
        snprintf(text, capacity, "%s", g->norms[number - g->first_norm]->name);
    else if (number < g->first_v)
        snprintf(text, capacity, "k cache of layer %u", number - g->first_k);
    else
        snprintf(text, capacity, "v cache of layer %u", number - g->first_v);
}
