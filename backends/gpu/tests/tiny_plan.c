/* Making and running the five nodes. Values come from small formulas, so that every run has the same. */
#include "gpu/tests/tiny_plan.h"
#include "base/mem.h"
#include "reference/reference.h"
#include <string.h>

enum { N = TINY_WIDTH, BLOCK_BYTES = 66 };

static uint8_t table_data[TINY_VOCAB][N * 2], matrix_data[N][BLOCK_BYTES];
static float norm_data[N];
static const uint32_t EPS = 0x3727c5acu;

static void make_data(void)
{
    for (uint32_t r = 0; r < TINY_VOCAB; r++)
        for (uint32_t i = 0; i < N; i++) {
            uint16_t half = sterna_f32_to_f16((float)((int32_t)((r * 31 + i * 7) % 101) - 50) / 16.0f);
            memcpy(table_data[r] + 2 * i, &half, 2);
        }
    for (uint32_t r = 0; r < N; r++) {
        for (uint32_t i = 0; i < 64; i++) {
            uint32_t v = r * 64 + i, byte = 0;
            for (uint32_t c = 0; c < 4; c++) byte |= (v * (c + 3) / 5 % 3) << (2 * c);
            matrix_data[r][i] = (uint8_t)byte;
        }
        matrix_data[r][64] = 0x66;
        matrix_data[r][65] = 0x2a;
    }
    for (uint32_t i = 0; i < N; i++) norm_data[i] = 0.5f + (float)(i % 9) / 8.0f;
}

static sterna_tensor table_tensor(void)
{
    return (sterna_tensor){sizeof(sterna_tensor),
                           STERNA_FORMAT_F16,
                           STERNA_ACT_F32,
                           TINY_VOCAB,
                           N,
                           1,
                           N * 2,
                           table_data,
                           "table"};
}

static sterna_tensor matrix_tensor(void)
{
    return (sterna_tensor){sizeof(sterna_tensor), STERNA_FORMAT_TQ2_0, STERNA_ACT_TOKEN, N, N, 1,
                           BLOCK_BYTES,           matrix_data,         "matrix"};
}

static sterna_arg buffer_arg(sterna_buffer *buffer)
{
    return (sterna_arg){.kind = STERNA_ARG_BUFFER, .buffer = buffer};
}

static sterna_arg weight_arg(sterna_weight *weight)
{
    return (sterna_arg){.kind = STERNA_ARG_WEIGHT, .weight = weight};
}

static sterna_arg word(uint32_t kind, uint32_t value)
{
    return (sterna_arg){.kind = kind, .u32 = value};
}

static sterna_status make_plan(tiny_plan *p)
{
    const sterna_arg rows = word(STERNA_ARG_SLOT, 0), n = word(STERNA_ARG_U32, N);
    const sterna_arg embed[] = {buffer_arg(p->ids),
                                buffer_arg(p->x),
                                weight_arg(p->table),
                                rows,
                                word(STERNA_ARG_U32, TINY_VOCAB),
                                n};
    const sterna_arg norm[] = {buffer_arg(p->x),         buffer_arg(p->w), buffer_arg(p->norm), rows, n,
                               word(STERNA_ARG_F32, EPS)};
    const sterna_arg quant[] = {buffer_arg(p->norm), buffer_arg(p->q), buffer_arg(p->s), rows, n};
    const sterna_arg product[] = {
        buffer_arg(p->q), buffer_arg(p->s), buffer_arg(p->y), weight_arg(p->matrix), rows, n, n};
    const sterna_arg add[] = {buffer_arg(p->y), buffer_arg(p->x), rows, n};
    const sterna_node nodes[TINY_NODES] = {{"embed", embed, 6, TINY_LABEL},
                                           {"rmsnorm", norm, 6, TINY_LABEL + 1},
                                           {"quant_token", quant, 5, TINY_LABEL + 2},
                                           {"matmul_ternary", product, 7, TINY_LABEL + 3},
                                           {"add", add, 4, TINY_LABEL + 4}};
    const uint32_t most = TINY_ROWS;
    const sterna_plan_params params = {sizeof params, nodes, TINY_NODES, 1, &most};
    return p->api->plan_create(p->device, &params, &p->plan, &p->fault);
}

sterna_status tiny_make(tiny_plan *p, const sterna_backend_api *api, const sterna_host *host,
                        const char *variant)
{
    const sterna_open_params params = {.size = sizeof params, .variant = variant};
    return tiny_make_with(p, api, host, &params);
}

sterna_status tiny_make_with(tiny_plan *p, const sterna_backend_api *api, const sterna_host *host,
                             const sterna_open_params *params)
{
    const struct {
        sterna_buffer **buffer;
        uint64_t bytes;
    } buffers[] = {
        {&p->ids, TINY_ROWS * 4}, {&p->x, TINY_ROWS * N * 4}, {&p->norm, TINY_ROWS * N * 4}, {&p->w, N * 4},
        {&p->q, TINY_ROWS * N},   {&p->s, TINY_ROWS * 4},     {&p->y, TINY_ROWS * N * 4}};
    make_data();
    *p = (tiny_plan){.api = api, .host = host};
    for (uint32_t i = 0; i < TINY_ROWS; i++) p->ids_data[i] = i * 5 % TINY_VOCAB;
    const sterna_tensor table = table_tensor(), matrix = matrix_tensor();
    sterna_status status = p->api->open(host, params, &p->device, &p->fault);
    for (uint32_t i = 0; i < 7 && status == STERNA_OK; i++)
        status = p->api->buffer_create(p->device, buffers[i].bytes, buffers[i].buffer, &p->fault);
    if (status == STERNA_OK) status = p->api->weight_create(p->device, &table, &p->table, &p->fault);
    if (status == STERNA_OK) status = p->api->weight_create(p->device, &matrix, &p->matrix, &p->fault);
    if (status == STERNA_OK)
        status = p->api->buffer_write(p->device, p->ids, 0, p->ids_data, sizeof p->ids_data, &p->fault);
    if (status == STERNA_OK)
        status = p->api->buffer_write(p->device, p->w, 0, norm_data, sizeof norm_data, &p->fault);
    return status == STERNA_OK ? make_plan(p) : status;
}

sterna_status tiny_submit(tiny_plan *p, uint32_t rows, sterna_fence *fence)
{
    return p->api->submit(p->device, p->plan, 0, TINY_NODES, &rows, fence, &p->fault);
}

sterna_status tiny_run(tiny_plan *p, uint32_t rows, float *out, sterna_result *result)
{
    sterna_fence fence;
    sterna_result own = {.size = sizeof own};
    sterna_status status = tiny_submit(p, rows, &fence);
    if (status == STERNA_OK) status = p->api->wait(p->device, fence, 0, result ? result : &own, &p->fault);
    if (status == STERNA_OK)
        status = p->api->buffer_read(p->device, p->y, 0, out, (uint64_t)rows * N * 4, &p->fault);
    return status;
}

void tiny_close(tiny_plan *p)
{
    if (!p->device) return;
    sterna_buffer *buffers[] = {p->ids, p->x, p->norm, p->w, p->q, p->s, p->y};
    /* Weights and buffers first: any order is allowed. */
    p->api->weight_destroy(p->device, p->table);
    for (uint32_t i = 0; i < 7; i++) p->api->buffer_destroy(p->device, buffers[i]);
    p->api->plan_destroy(p->device, p->plan);
    p->api->weight_destroy(p->device, p->matrix);
    p->api->close(p->device);
    *p = (tiny_plan){0};
}

bool tiny_reference(uint32_t rows, float *out)
{
    static float x[TINY_ROWS * N], norm[TINY_ROWS * N], s[TINY_ROWS];
    static int8_t q[TINY_ROWS * N];
    uint32_t ids[TINY_ROWS], flags = 0;
    float eps;
    sterna_weight_view table, matrix;
    make_data();
    memcpy(&eps, &EPS, 4);
    for (uint32_t i = 0; i < TINY_ROWS; i++) ids[i] = i * 5 % TINY_VOCAB;
    const sterna_tensor table_of = table_tensor(), matrix_of = matrix_tensor();
    if (sterna_weight_view_make(&table_of, &table, NULL) != STERNA_OK ||
        sterna_weight_view_make(&matrix_of, &matrix, NULL) != STERNA_OK)
        return false;
    sterna_args a;
    a.embed = (sterna_args_embed){ids, x, &table, rows, TINY_VOCAB, N};
    sterna_ref_embed(&a, 0, rows, &flags);
    a.rmsnorm = (sterna_args_rmsnorm){x, norm_data, norm, rows, N, eps};
    sterna_ref_rmsnorm(&a, 0, rows, &flags);
    a.quant_token = (sterna_args_quant_token){norm, q, s, rows, N};
    sterna_ref_quant_token(&a, 0, rows, &flags);
    a.matmul_ternary = (sterna_args_matmul_ternary){q, s, out, &matrix, rows, N, N};
    sterna_ref_matmul_ternary(&a, 0, N, &flags);
    a.add = (sterna_args_add){out, x, rows, N};
    sterna_ref_add(&a, 0, (uint64_t)rows * N, &flags);
    return flags == 0;
}
