/* A device of the Vulkan driver with a kernel to run on it. Owns: opening it with a log that is kept, x = x + y. */
#ifndef STERNA_VULKAN_ADDING_H
#define STERNA_VULKAN_ADDING_H

#include "base/mem.h"
#include "vulkan/vulkan_private.h"
#include "vulkan_test.h"

#define DRIVER (&sterna_vulkan_driver)

/* What the host's log was told at level 0, errors. */
static int logged_errors;
static char logged[200];

static inline void keep_log(void *context, int level, const char *text)
{
    (void)context;
    if (level > 1) return;
    logged_errors++;
    snprintf(logged, sizeof logged, "%.199s", text);
}

static inline const sterna_host *host(void)
{
    static sterna_host logging;
    logging = *op_case_host();
    logging.log = keep_log;
    return &logging;
}

static inline vulkan_device *open_device(sterna_test *t, const char *variant)
{
    void *gpu = NULL;
    sterna_gpu_limits limits;
    sterna_fault fault = {0};
    if (!EXPECT(t, DRIVER->open(host(), variant, &gpu, &limits, &fault) == STERNA_OK))
        sterna_test_note(t, "%s: %s", variant, fault.text);
    return gpu;
}

/* x = x + y on `n` floats: a launch whose effect shows how often it ran. */
typedef struct adding {
    vulkan_device *device;
    const void *kernel;
    sterna_gpu_memory x, y, status;
    uint32_t n;
} adding;

static inline bool make_adding(sterna_test *t, adding *a, vulkan_device *device, uint32_t n)
{
    uint8_t hash[32];
    uint64_t bytes = ((uint64_t)n * 4 + 4095) / 4096 * 4096;
    float *ones = sterna_alloc(n, 4);
    *a = (adding){.device = device, .n = n};
    for (uint32_t i = 0; ones && i < n; i++) ones[i] = 1.0f;
    bool made = ones && DRIVER->alloc(device, bytes, &a->x, NULL) == STERNA_OK &&
                DRIVER->alloc(device, bytes, &a->y, NULL) == STERNA_OK &&
                DRIVER->alloc(device, 4096, &a->status, NULL) == STERNA_OK &&
                DRIVER->upload(device, a->y, 0, ones, (uint64_t)n * 4, NULL) == STERNA_OK &&
                DRIVER->clear(device, a->x, 0, bytes, NULL) == STERNA_OK &&
                DRIVER->clear(device, a->status, 0, 4096, NULL) == STERNA_OK &&
                DRIVER->kernel(device, "add", &a->kernel, hash, NULL) == STERNA_OK;
    sterna_free(ones);
    return EXPECT(t, made);
}

static inline sterna_status add_once(const adding *a, sterna_gpu_memory x, uint32_t tag, sterna_fault *fault)
{
    const sterna_gpu_range ranges[] = {
        {x, 0, (uint64_t)a->n * 4}, {a->y, 0, (uint64_t)a->n * 4}, {a->status, 0, 4096}};
    const uint32_t words[] = {1, a->n, tag};
    const sterna_gpu_launch launch = {.kernel = a->kernel,
                                      .groups_x = (a->n + 63) / 64 < 65535 ? (a->n + 63) / 64 : 65535,
                                      .groups_y = 1,
                                      .ranges = ranges,
                                      .words = words,
                                      .n_ranges = 3,
                                      .n_words = 3,
                                      .tag = tag};
    return DRIVER->launch(a->device, &launch, fault);
}

static inline void end_adding(adding *a)
{
    DRIVER->free(a->device, a->x);
    DRIVER->free(a->device, a->y);
    DRIVER->free(a->device, a->status);
    DRIVER->close(a->device);
}

#endif
