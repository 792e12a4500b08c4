/* A backend whose kernels are the Vulkan backend's SPIR-V, translated to Metal's language and compiled for the processor. It
 * is the mock GPU with other kernels: the same queue, memory, red zones and orders of work items, but accesses are not looked
 * at one by one. Owns: the table of those kernels, and the way from a work item into one and back. */
#include "gpu/gpu_host.h"
#include "mock_driver.h"
#include "msl_call.h"
#include <stdio.h>
#include <string.h>

typedef struct msl_params {
    void *buffers[STERNA_GPU_MAX_RANGES];
    uint32_t words[STERNA_GPU_MAX_WORDS];
} msl_params;

/* The item that runs: one device on one thread. A group's items share it, so it is set again whenever one goes on. */
static const mock_item *running;

void sterna_msl_barrier(void)
{
    const mock_item *mine = running;
    sterna_mock_barrier(mine, MOCK_SITE);
    running = mine;
}

int32_t sterna_msl_simd_sum(int32_t value)
{
    const mock_item *mine = running;
    int32_t sum = sterna_mock_subgroup_add(mine, value, MOCK_SITE);
    running = mine;
    return sum;
}

int32_t sterna_msl_simd_is_first(void)
{
    return running->lane == 0;
}

static void run(const mock_item *I, const msl_params *params, void (*function)(const msl_call *))
{
    const msl_call call = {params->buffers,    params->words, I->local,
                           I->group->x,        I->group->y,   I->group->groups_x,
                           I->group->groups_y, I->subgroup,   I->group->subgroups};
    running = I;
    function(&call);
}

static void bind(const mock_kernel *like, const mock_bound *bounds, const uint32_t *words, msl_params *params)
{
    for (uint32_t i = 0; i < like->n_bounds; i++) {
        params->buffers[i] = bounds[i].words;
        /* Nobody sees the stores of these kernels, so what may be written counts as written. */
        if (like->bound_written[i]) memset(bounds[i].shadow, MOCK_WRITTEN, bounds[i].count);
    }
    memcpy(params->words, words, like->n_words * sizeof *words);
}

/* Rows that need INT_DOT have no translation: the translator knows no OpSDotKHR. */
#define ROWS_ANY(id)       ROW(id)
#define ROWS_SUBGROUPS(id) ROW(id)
#define ROWS_INT_DOT(id)
#define ROWS_BOTH(id)
#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs) ROWS_##needs(id)

#define ROW(id)                                                                                              \
    extern const mock_kernel sterna_mock_kernel_##id;                                                        \
    void sterna_msl_##id(const msl_call *call);                                                              \
    static void body_##id(const mock_item *restrict I, const void *restrict params)                          \
    {                                                                                                        \
        run(I, params, sterna_msl_##id);                                                                     \
    }                                                                                                        \
    static void bind_##id(const mock_bound *bounds, const uint32_t *words, void *params)                     \
    {                                                                                                        \
        bind(&sterna_mock_kernel_##id, bounds, words, params);                                               \
    }
#include "kernels/kernels.def"
#undef ROW

typedef struct msl_row {
    const mock_kernel *like;
    void (*body)(const mock_item *restrict I, const void *restrict params);
    void (*bind)(const mock_bound *bounds, const uint32_t *words, void *params);
} msl_row;

static const msl_row rows[] = {
#define ROW(id) {&sterna_mock_kernel_##id, body_##id, bind_##id},
#include "kernels/kernels.def"
#undef ROW
};
enum { N_ROWS = (int)(sizeof rows / sizeof rows[0]) };

static mock_kernel kernels[N_ROWS];

static sterna_status find(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                          sterna_fault *fault)
{
    (void)gpu;
    for (uint32_t i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].like->name, id) != 0) continue;
        kernels[i] = *rows[i].like;
        kernels[i].body = rows[i].body;
        kernels[i].bind = rows[i].bind;
        kernels[i].params_bytes = sizeof(msl_params);
        *kernel = &kernels[i];
        memcpy(hash, rows[i].like->hash, 32);
        return STERNA_OK;
    }
    return sterna_fail(fault, STERNA_UNSUPPORTED, "msl: kernel %s is not translated", id);
}

static sterna_status open_gpu(const sterna_host *host, const char *variant, void **gpu,
                              sterna_gpu_limits *limits, sterna_fault *fault)
{
    sterna_status status = sterna_mock_driver.open(host, variant, gpu, limits, fault);
    if (status == STERNA_OK) {
        limits->features &= ~(uint32_t)STERNA_GPU_INT_DOT;
        snprintf(limits->description, sizeof limits->description,
                 "kernels in Metal's language on the mock GPU");
    }
    return status;
}

static sterna_status open_device(const sterna_host *host, const sterna_open_params *params,
                                 sterna_device **device, sterna_fault *fault)
{
    static sterna_gpu_driver driver;
    driver = sterna_mock_driver;
    driver.prefix = "mock:msl:";
    driver.open = open_gpu;
    driver.kernel = find;
    return sterna_gpu_open(&driver, host, params, device, fault);
}

static uint32_t device_count(void)
{
    return 1;
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    return sterna_backend_mock_entry(STERNA_ABI_VERSION)->device_info(index, info);
}

static const sterna_backend_api api = {
    .name = "msl",
    .device_count = device_count,
    .device_info = device_info,
    .open = open_device,
    STERNA_GPU_API,
};

STERNA_API const sterna_backend_api *sterna_backend_entry(uint32_t abi_version);
STERNA_API const sterna_backend_api *sterna_backend_entry(uint32_t abi_version)
{
    return abi_version == STERNA_ABI_VERSION ? &api : NULL;
}
