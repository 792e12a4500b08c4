/* Opening and closing a session: defaults, estimate, device, weights, plan. */
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "reference/ref_math.h"
#include "session/session.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_CTX = 4096, DEFAULT_BATCH = 512, MAX_ROWS = 65536, ROPE_CHUNK = 1024 };

static sterna_status out_of_memory(sterna_fault *fault)
{
    return sterna_fail(fault, STERNA_MEMORY, "out of memory while opening a session");
}

sterna_status sterna_session_defaults(const sterna_model *model, const sterna_session_params *params,
                                      sterna_session_params *full, sterna_fault *fault)
{
    const sterna_hparams *h = &model->h;
    *full = (sterna_session_params){.size = sizeof *full};
    if (params) memcpy(full, params, params->size < sizeof *full ? params->size : sizeof *full);
    if (!full->device) full->device = "auto";
    if (!full->n_ctx) full->n_ctx = h->n_ctx_train < DEFAULT_CTX ? h->n_ctx_train : DEFAULT_CTX;
    if (!full->n_seqs) full->n_seqs = 1;
    if (full->n_ctx >= 1u << 24)
        return sterna_fail(fault, STERNA_USAGE, "context of %u positions: at most 16777215", full->n_ctx);
    if (full->n_seqs > MAX_ROWS)
        return sterna_fail(fault, STERNA_USAGE, "%u sequences: at most %u", full->n_seqs, MAX_ROWS);
    uint64_t positions = (uint64_t)full->n_ctx * full->n_seqs;
    if (positions >= 1u << 24)
        return sterna_fail(fault, STERNA_USAGE,
                           "a cache of %u sequences x %u positions: at most 16777215 in all", full->n_seqs,
                           full->n_ctx);
    if (!full->n_batch) full->n_batch = DEFAULT_BATCH;
    if (full->n_batch > positions) full->n_batch = (uint32_t)positions;
    if (full->n_batch > MAX_ROWS)
        return sterna_fail(fault, STERNA_USAGE, "batch of %u rows: at most %u", full->n_batch, MAX_ROWS);
    if (!full->n_logits) full->n_logits = full->n_seqs;
    if (full->n_logits > MAX_ROWS)
        return sterna_fail(fault, STERNA_USAGE, "%u rows of logits: at most %u", full->n_logits, MAX_ROWS);
#if STERNA_HOSTILE
    if (!full->page_size) full->page_size = 1;
#endif
    if (full->page_size > full->n_ctx) full->page_size = full->n_ctx;
    if (full->kv_type != STERNA_KV_F16 && full->kv_type != STERNA_KV_F32)
        return sterna_fail(fault, STERNA_USAGE, "unknown cache type %d", (int)full->kv_type);
    return STERNA_OK;
}

static sterna_status build_graph(const sterna_model *model, const sterna_session_params *full,
                                 sterna_graph **graph, sterna_fault *fault)
{
    uint32_t page = full->page_size ? full->page_size : full->n_ctx;
    uint32_t max_pages = full->n_ctx / page + (full->n_ctx % page != 0);
    uint64_t slots = (uint64_t)full->n_seqs * max_pages * page;
    if (slots > 1u << 24)
        return sterna_fail(fault, STERNA_USAGE, "a cache of %" PRIu64 " slots: at most 16777216", slots);
    sterna_graph_params params = {.n_ctx = full->n_ctx,
                                  .n_batch = full->n_batch,
                                  .n_seqs = full->n_seqs,
                                  .n_logits = full->n_logits,
                                  .page_size = page,
                                  .max_pages = max_pages,
                                  .n_slots = (uint32_t)slots,
                                  .kv_type = full->kv_type == STERNA_KV_F16 ? 1 : 0};
    return sterna_graph_build(model, &params, graph, fault);
}

/* Where buffers lie on a device; `info` NULL: on one that nobody has opened yet. */
static sterna_status plan_arena(const sterna_graph *graph, const sterna_session_params *full,
                                const sterna_device_info *info, sterna_arena *arena, sterna_fault *fault)
{
    sterna_arena_params params = {.alignment =
                                      info && info->buffer_alignment > 4 ? info->buffer_alignment : 4,
                                  .block_limit = info ? info->max_binding_bytes : 0,
                                  .separate = full->separate};
    if (!sterna_is_pow2(params.alignment))
        return sterna_fail(
            fault, STERNA_DEVICE,
            "the device wants offsets aligned to %u, which is no power of two: its backend is broken",
            info->buffer_alignment);
    return sterna_arena_plan(graph, &params, arena, fault);
}

static void sum_memory(const sterna_graph *graph, const sterna_arena *arena, sterna_memory *memory)
{
    uint64_t all = sterna_arena_bytes(arena);
    sterna_graph_memory(graph, &memory->weights, &memory->cache);
    memory->activations = all == UINT64_MAX ? all : all - memory->cache;
    /* The host's copy of the logits. */
    memory->activations = sterna_sat_add(memory->activations, graph->buffer_bytes[STERNA_BUF_logits]);
    memory->total = sterna_sat_add(memory->weights, sterna_sat_add(memory->cache, memory->activations));
}

sterna_status sterna_session_estimate(const sterna_model *model, const sterna_session_params *params,
                                      sterna_memory *memory, sterna_fault *fault)
{
    sterna_session_params full;
    sterna_graph *graph = NULL;
    sterna_arena arena = {0};
    sterna_status status = sterna_session_defaults(model, params, &full, fault);
    if (status == STERNA_OK) status = build_graph(model, &full, &graph, fault);
    if (status == STERNA_OK) status = plan_arena(graph, &full, NULL, &arena, fault);
    if (status == STERNA_OK) {
        *memory = (sterna_memory){.available = sterna_sys_memory_available()};
        sum_memory(graph, &arena, memory);
    }
    sterna_arena_free(&arena);
    sterna_graph_free(graph);
    return status;
}

/* Refuses what cannot fit, with figures, before anything is uploaded. */
static sterna_status check_memory(const sterna_session *s, sterna_fault *fault)
{
    sterna_memory memory = {0};
    sum_memory(s->graph, &s->arena, &memory);
    memory.available =
        s->device.info.memory_bytes ? s->device.info.memory_bytes : sterna_sys_memory_available();
    if (memory.available == 0 || memory.total <= memory.available) return STERNA_OK;
    const double mib = 1024.0 * 1024.0;
    return sterna_fail(
        fault, STERNA_MEMORY,
        "%s needs %.0f MiB (weights %.0f, cache %.0f, activations %.0f), %s has %.0f MiB free: use a "
        "smaller context or batch, or a smaller model",
        s->model->path, (double)memory.total / mib, (double)memory.weights / mib, (double)memory.cache / mib,
        (double)memory.activations / mib, s->device.spec, (double)memory.available / mib);
}

static sterna_status create_buffers(sterna_session *s, sterna_fault *fault)
{
    const sterna_graph *g = s->graph;
    for (uint32_t b = 0; b < s->arena.n_blocks; b++) {
        sterna_status status =
            s->device.api->buffer_create(s->device.device, s->arena.block_bytes[b], &s->blocks[b], fault);
        if (status != STERNA_OK) return status;
    }
    for (uint32_t i = 0; i < g->n_buffers; i++)
        if (g->buffer_bytes[i]) s->buffers[i] = s->blocks[s->arena.places[i].block];
    return STERNA_OK;
}

static sterna_status write_norm(sterna_session *s, uint32_t i, sterna_fault *fault)
{
    const sterna_model_tensor *tensor = s->graph->norms[i];
    uint64_t bytes = (uint64_t)tensor->cols * sizeof(float);
    float *values = sterna_alloc(tensor->cols, sizeof *values);
    if (!values) return out_of_memory(fault);
    sterna_format_find(tensor->format)->unpack(tensor->data, tensor->cols, values);
    sterna_fault inner = {0};
    sterna_status status = s->device.api->buffer_write(s->device.device, s->buffers[s->graph->first_norm + i],
                                                       0, values, bytes, &inner);
    sterna_free(values);
    return status == STERNA_OK ? status : sterna_fail(fault, status, "%s: %s", tensor->name, inner.text);
}

static sterna_status write_rope(sterna_session *s, sterna_fault *fault)
{
    const sterna_hparams *h = &s->model->h;
    sterna_rope_params rope = {.n_rot = h->n_rot, .base = h->rope_base, .scale = h->rope_scale};
    uint64_t row = (uint64_t)h->n_rot * sizeof(float);
    /* The table, and behind it the factors: in the file they may lie at any address. */
    float *table = sterna_alloc(ROPE_CHUNK + 1, (size_t)row);
    if (!table) return out_of_memory(fault);
    if (s->model->rope_freqs.data) {
        float *factors = table + (uint64_t)ROPE_CHUNK * h->n_rot;
        memcpy(factors, s->model->rope_freqs.data, h->n_rot / 2 * sizeof *factors);
        rope.freq_factors = factors;
    }
    sterna_status status = STERNA_OK;
    for (uint32_t p = 0; p < s->params.n_ctx && status == STERNA_OK; p += ROPE_CHUNK) {
        uint32_t n = s->params.n_ctx - p < ROPE_CHUNK ? s->params.n_ctx - p : ROPE_CHUNK;
        sterna_fault inner = {0};
        sterna_rope_table(&rope, p, n, table);
        status = s->device.api->buffer_write(s->device.device, s->buffers[STERNA_BUF_rope], p * row, table,
                                             n * row, &inner);
        if (status != STERNA_OK) sterna_fail(fault, status, "table of rotations: %s", inner.text);
    }
    sterna_free(table);
    return status;
}

/* A cache is read only where it was written, but a device may copy whole words: start from zeros, not from
 * leftovers. */
static sterna_status clear_caches(sterna_session *s, sterna_fault *fault)
{
    enum { CHUNK = 1 << 20 };
    const sterna_graph *g = s->graph;
    uint8_t *zeros = sterna_alloc(CHUNK, 1);
    if (!zeros) return out_of_memory(fault);
    sterna_status status = STERNA_OK;
    for (uint32_t i = g->first_k; i < g->n_buffers; i++)
        for (uint64_t at = 0; at < g->buffer_bytes[i] && status == STERNA_OK; at += CHUNK) {
            uint64_t n = g->buffer_bytes[i] - at < CHUNK ? g->buffer_bytes[i] - at : CHUNK;
            status = s->device.api->buffer_write(s->device.device, s->buffers[i], at, zeros, n, fault);
        }
    sterna_free(zeros);
    return status;
}

static sterna_status create_weights(sterna_session *s, sterna_fault *fault)
{
    for (uint32_t i = 0; i < s->graph->n_weights; i++) {
        const sterna_plan_weight *w = &s->graph->weights[i];
        sterna_tensor tensor = {.size = sizeof tensor,
                                .format = w->tensor->format,
                                .act = w->act,
                                .rows = w->tensor->rows,
                                .cols = w->tensor->cols,
                                .outlives = 1,
                                .row_bytes = w->tensor->bytes / w->tensor->rows,
                                .data = w->tensor->data,
                                .name = w->tensor->name};
        sterna_status status = s->device.api->weight_create(s->device.device, &tensor, &s->weights[i], fault);
        if (status != STERNA_OK) return status;
    }
    return STERNA_OK;
}

/* Turns a graph's argument into the ABI's. */
static sterna_arg resolve(const sterna_session *s, const sterna_plan_arg *arg)
{
    sterna_arg out = {.kind = arg->kind, .u32 = arg->number};
    if (arg->kind == STERNA_ARG_BUFFER) {
        out.buffer = s->buffers[arg->number];
        out.offset = s->arena.places[arg->number].offset;
    }
    if (arg->kind == STERNA_ARG_WEIGHT) out.weight = s->weights[arg->number];
    return out;
}

static sterna_status create_plan(sterna_session *s, sterna_fault *fault)
{
    const sterna_graph *g = s->graph;
    const uint32_t slot_max[STERNA_SLOT_USED] = {g->params.n_batch, g->params.n_logits};
    sterna_node *nodes = sterna_alloc(g->n_nodes, sizeof *nodes);
    sterna_arg *args = sterna_alloc((size_t)g->n_nodes * STERNA_MAX_ARGS, sizeof *args);
    sterna_status status = nodes && args ? STERNA_OK : out_of_memory(fault);
    for (uint32_t i = 0; status == STERNA_OK && i < g->n_nodes; i++) {
        const sterna_plan_node *node = &g->nodes[i];
        sterna_arg *list = args + (size_t)i * STERNA_MAX_ARGS;
        for (uint32_t a = 0; a < node->n_args; a++) list[a] = resolve(s, &node->args[a]);
        nodes[i] = (sterna_node){sterna_op_get(node->op)->name, list, node->n_args, node->layer};
    }
    if (status == STERNA_OK) {
        sterna_plan_params params = {sizeof params, nodes, g->n_nodes, STERNA_SLOT_USED, slot_max};
        status = s->device.api->plan_create(s->device.device, &params, &s->plan, fault);
    }
    sterna_free(nodes);
    sterna_free(args);
    return status;
}

static sterna_status allocate_scratch(sterna_session *s, sterna_fault *fault)
{
    const sterna_session_params *p = &s->params;
    s->buffers = sterna_alloc(s->graph->n_buffers, sizeof *s->buffers);
    s->blocks = sterna_alloc(s->arena.n_blocks, sizeof *s->blocks);
    s->inputs = sterna_alloc((size_t)s->arena.block_bytes[0], 1);
    s->weights = sterna_alloc(s->graph->n_weights, sizeof *s->weights);
    s->slots = sterna_alloc(p->n_batch, sizeof *s->slots);
    s->zeros = sterna_alloc(p->n_batch, sizeof *s->zeros);
    s->wanted = sterna_alloc(p->n_logits, sizeof *s->wanted);
    s->before = sterna_alloc(p->n_seqs, sizeof *s->before);
    s->logits = sterna_alloc((size_t)p->n_logits, sizeof(float) * s->model->h.n_vocab);
    if (!s->buffers || !s->blocks || !s->inputs || !s->weights || !s->slots || !s->zeros || !s->wanted ||
        !s->before || !s->logits)
        return out_of_memory(fault);
    if (sterna_kv_cache_init(&s->cache, p->n_seqs, p->n_ctx, p->page_size, p->page_size ? 1 : 0) != STERNA_OK)
        return out_of_memory(fault);
    return STERNA_OK;
}

/* What `auto` has to find room for, as far as it is known before the device is. */
static sterna_status open_device(sterna_session *s, sterna_fault *fault)
{
    sterna_memory memory = {0};
    sterna_arena arena = {0};
    sterna_status status = plan_arena(s->graph, &s->params, NULL, &arena, fault);
    if (status == STERNA_OK) sum_memory(s->graph, &arena, &memory);
    sterna_arena_free(&arena);
    const sterna_device_request request = {.spec = s->params.device,
                                           .memory = memory.total,
                                           .params = {.size = sizeof request.params,
                                                      .profile = s->params.profile,
                                                      .threads = s->params.threads,
                                                      .verify_upload = s->params.verify_upload}};
    if (status == STERNA_OK) status = sterna_device_request_open(&request, &s->device, fault);
    s->params.device = NULL; /* the caller's text; device.spec is ours */
    return status;
}

sterna_status sterna_session_open(sterna_model *model, const sterna_session_params *params,
                                  sterna_session **out, sterna_fault *fault)
{
    sterna_session *s = sterna_alloc(1, sizeof *s);
    if (!s) return out_of_memory(fault);
    s->model = model;
    sterna_status status = sterna_session_defaults(model, params, &s->params, fault);
    if (status == STERNA_OK) status = build_graph(model, &s->params, &s->graph, fault);
    if (status == STERNA_OK) status = open_device(s, fault);
    if (status == STERNA_OK) status = plan_arena(s->graph, &s->params, &s->device.info, &s->arena, fault);
    if (status == STERNA_OK) status = check_memory(s, fault);
    if (status == STERNA_OK) status = allocate_scratch(s, fault);
    if (status == STERNA_OK) status = create_buffers(s, fault);
    if (status == STERNA_OK) status = create_weights(s, fault);
    for (uint32_t i = 0; status == STERNA_OK && i < s->graph->n_norms; i++) status = write_norm(s, i, fault);
    if (status == STERNA_OK) status = write_rope(s, fault);
    if (status == STERNA_OK) status = clear_caches(s, fault);
    if (status == STERNA_OK) status = create_plan(s, fault);
    if (status != STERNA_OK) {
        sterna_session_close(s);
        return status;
    }
    *out = s;
    return STERNA_OK;
}

void sterna_session_close(sterna_session *s)
{
    if (!s) return;
    if (s->device.device) {
        const sterna_backend_api *api = s->device.api;
        sterna_result result = {.size = sizeof result};
        if (s->unfinished) api->wait(s->device.device, s->unfinished, 0, &result, NULL);
        if (s->plan) api->plan_destroy(s->device.device, s->plan);
        for (uint32_t i = 0; s->weights && i < s->graph->n_weights; i++)
            if (s->weights[i]) api->weight_destroy(s->device.device, s->weights[i]);
        for (uint32_t b = 0; s->blocks && b < s->arena.n_blocks; b++)
            if (s->blocks[b]) api->buffer_destroy(s->device.device, s->blocks[b]);
    }
    sterna_device_close(&s->device);
    sterna_kv_cache_free(&s->cache);
    sterna_graph_free(s->graph);
    sterna_arena_free(&s->arena);
    sterna_free(s->buffers);
    sterna_free(s->blocks);
    sterna_free(s->inputs);
    sterna_free(s->weights);
    sterna_free(s->slots);
    sterna_free(s->zeros);
    sterna_free(s->wanted);
    sterna_free(s->before);
    sterna_free(s->logits);
    sterna_free(s);
}

const char *sterna_session_snapshot(const sterna_session *s)
{
    return s->device.snapshot;
}
void sterna_session_device(const sterna_session *s, sterna_device_info *info)
{
    uint32_t size = info->size < sizeof *info ? info->size : (uint32_t)sizeof *info;
    memcpy(info, &s->device.info, size);
    info->size = size;
}
uint32_t sterna_session_kernels(const sterna_session *s, sterna_kernel_use *uses, uint32_t capacity)
{
    return s->device.api->kernels_used(s->device.device, uses, capacity);
}
