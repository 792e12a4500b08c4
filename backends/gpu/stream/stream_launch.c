/* Kernels by id, and launches. A launch is packed into words of 64 bits, so that two are the same when their bytes are:
 *     kernel | groups_x, groups_y | n_ranges, n_words | an address per range | the words, two in one
 * The driver is given pointers into these words (api.def says in which order). */
#include "gpu/stream/stream_private.h"

enum { HEAD = 3, MOST = HEAD + STERNA_GPU_MAX_RANGES + STERNA_GPU_MAX_WORDS / 2 };

sterna_status sterna_stream_kernel(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                                   sterna_fault *fault)
{
    stream_device *device = gpu;
    const char *family = device->family->name;
    stream_kernel *found = NULL;
    int bytes = 0;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS && !found; i++)
        if (strcmp(device->kernels[i].id, id) == 0) found = &device->kernels[i];
    sterna_status status = sterna_stream_enter(device, fault);
    if (status != STERNA_OK) return status;
    if (!found) return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: kernel %s is not built", family, id);
    if (!found->function) {
        void *function = NULL;
        int error = device->api->module_function(&function, device->module, id);
        if (error == STREAM_NOT_FOUND)
            return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: kernel %s is not built", family, id);
        if (error != STREAM_OK) return sterna_stream_failed(device, error, id, fault);
        if (!function)
            return sterna_fail(fault, STERNA_DEVICE,
                               "%s: the driver reported success and gave no function for kernel %s", family,
                               id);
        if (device->api->function_attribute(&bytes, STREAM_LOCAL_BYTES, function) == STREAM_OK && bytes > 0 &&
            device->host->log) {
            char text[160];
            snprintf(text, sizeof text, "%s: kernel %s keeps %d bytes per work item in memory", family, id,
                     bytes);
            device->host->log(device->host->context, 2, text);
        }
        found->function = function;
    }
    *kernel = found;
    memcpy(hash, device->gpu.image->sha256, 32);
    return STERNA_OK;
}

static uint32_t low(uint64_t word)
{
    return (uint32_t)word;
}

static uint32_t high(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

uint32_t sterna_stream_packed_words(const uint64_t *words)
{
    return HEAD + low(words[2]) + (high(words[2]) + 1) / 2;
}

const char *sterna_stream_packed_id(const uint64_t *words)
{
    return ((const stream_kernel *)(uintptr_t)words[0])->id;
}

static sterna_status pack(stream_device *device, const sterna_gpu_launch *launch, uint64_t words[MOST],
                          sterna_fault *fault)
{
    const stream_kernel *kernel = launch->kernel;
    if (launch->n_ranges > STERNA_GPU_MAX_RANGES || launch->n_words > STERNA_GPU_MAX_WORDS ||
        !launch->groups_x || !launch->groups_y)
        return sterna_fail(fault, STERNA_INTERNAL, "%s:%s: %u buffers, %u words, %u x %u groups",
                           device->family->name, kernel->id, launch->n_ranges, launch->n_words,
                           launch->groups_x, launch->groups_y);
    words[0] = (uintptr_t)kernel;
    words[1] = (uint64_t)launch->groups_y << 32 | launch->groups_x;
    words[2] = (uint64_t)launch->n_words << 32 | launch->n_ranges;
    for (uint32_t i = 0; i < launch->n_ranges; i++) {
        const sterna_gpu_range *range = &launch->ranges[i];
        sterna_fault why = {0};
        sterna_status status =
            sterna_stream_address(device, range->memory, range->offset, range->bytes, &words[HEAD + i], &why);
        if (status != STERNA_OK)
            return sterna_fail(fault, status, "%s, argument %u: %s", kernel->id, i, why.text);
    }
    uint64_t *values = words + HEAD + launch->n_ranges;
    if (launch->n_words % 2) values[launch->n_words / 2] = 0;
    memcpy(values, launch->words, launch->n_words * sizeof *launch->words);
    return STERNA_OK;
}

int sterna_stream_launch_packed(stream_device *device, const uint64_t *words)
{
    const stream_kernel *kernel = (const stream_kernel *)(uintptr_t)words[0];
    void *parameters[STERNA_GPU_MAX_RANGES + STERNA_GPU_MAX_WORDS];
    uint32_t n = 0, n_ranges = low(words[2]), n_words = high(words[2]);
    /* The driver copies what these point to, and does not write it. */
    for (uint32_t i = 0; i < n_ranges; i++) parameters[n++] = (void *)(uintptr_t)&words[HEAD + i];
    const char *values = (const char *)&words[HEAD + n_ranges];
    for (uint32_t i = 0; i < n_words; i++) parameters[n++] = (void *)(uintptr_t)(values + 4 * (size_t)i);
    return device->api->launch(kernel->function, low(words[1]), high(words[1]), 1, kernel->group, 1, 1, 0,
                               device->stream, parameters, NULL);
}

sterna_status sterna_stream_launch(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    stream_device *device = gpu;
    uint64_t words[MOST];
    sterna_status status = sterna_stream_enter(device, fault);
    if (status == STERNA_OK) status = pack(device, launch, words, fault);
    if (status != STERNA_OK) return status;
    device->busy = true;
    if (device->graphs && !device->settings.sync) return sterna_stream_list_add(device, words, fault);
    int error = sterna_stream_launch_packed(device, words);
    const char *id = sterna_stream_packed_id(words);
    if (error != STREAM_OK) return sterna_stream_failed(device, error, id, fault);
    return device->settings.sync ? sterna_stream_idle(device, id, fault) : STERNA_OK;
}
