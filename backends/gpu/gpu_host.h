/* The backend ABI over any GPU driver: a driver's folder needs a table of its functions and an entry symbol.
 * Owns: these declarations. Leaves to others: what they do (gpu_device.c, gpu_weight.c, gpu_plan.c,
 * gpu_submit.c). */
#ifndef STERNA_GPU_HOST_H
#define STERNA_GPU_HOST_H

#include "gpu/gpu_driver.h"

/* Opens a device on a driver. The driver's table outlives it. */
sterna_status sterna_gpu_open(const sterna_gpu_driver *driver, const sterna_host *host,
                              const sterna_open_params *params, sterna_device **device, sterna_fault *fault);
void sterna_gpu_close(sterna_device *device);
sterna_status sterna_gpu_info(sterna_device *device, sterna_device_info *info);
int sterna_gpu_supports(sterna_device *device, const char *op, uint32_t format, sterna_act act);

sterna_status sterna_gpu_buffer_create(sterna_device *device, uint64_t bytes, sterna_buffer **buffer,
                                       sterna_fault *fault);
void sterna_gpu_buffer_destroy(sterna_device *device, sterna_buffer *buffer);
sterna_status sterna_gpu_buffer_write(sterna_device *device, sterna_buffer *buffer, uint64_t offset,
                                      const void *src, uint64_t bytes, sterna_fault *fault);
sterna_status sterna_gpu_buffer_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault);
sterna_status sterna_gpu_weight_create(sterna_device *device, const sterna_tensor *tensor,
                                       sterna_weight **weight, sterna_fault *fault);
void sterna_gpu_weight_destroy(sterna_device *device, sterna_weight *weight);
sterna_status sterna_gpu_plan_create(sterna_device *device, const sterna_plan_params *params,
                                     sterna_plan **plan, sterna_fault *fault);
void sterna_gpu_plan_destroy(sterna_device *device, sterna_plan *plan);
sterna_status sterna_gpu_submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                                const uint32_t *slots, sterna_fence *fence, sterna_fault *fault);
sterna_status sterna_gpu_wait(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                              sterna_result *result, sterna_fault *fault);
uint32_t sterna_gpu_kernels_used(sterna_device *device, sterna_kernel_use *uses, uint32_t capacity);

/* The part of an api table that is the same for every driver. */
#define STERNA_GPU_API                                                                                       \
    .size = sizeof(sterna_backend_api), .abi_version = STERNA_ABI_VERSION, .close = sterna_gpu_close,        \
    .info = sterna_gpu_info, .supports = sterna_gpu_supports, .buffer_create = sterna_gpu_buffer_create,     \
    .buffer_destroy = sterna_gpu_buffer_destroy, .buffer_write = sterna_gpu_buffer_write,                    \
    .buffer_read = sterna_gpu_buffer_read, .weight_create = sterna_gpu_weight_create,                        \
    .weight_destroy = sterna_gpu_weight_destroy, .plan_create = sterna_gpu_plan_create,                      \
    .plan_destroy = sterna_gpu_plan_destroy, .submit = sterna_gpu_submit, .wait = sterna_gpu_wait,           \
    .kernels_used = sterna_gpu_kernels_used

/* The backend over a driver, behind two functions that list its devices: its table and its entry. */
#define STERNA_GPU_BACKEND(backend, driver, count, info_of)                                                  \
    const sterna_backend_api *sterna_backend_##backend##_entry(uint32_t abi_version);                        \
    static sterna_status open_device(const sterna_host *host, const sterna_open_params *params,              \
                                     sterna_device **device, sterna_fault *fault)                            \
    {                                                                                                        \
        return sterna_gpu_open(&(driver), host, params, device, fault);                                      \
    }                                                                                                        \
    const sterna_backend_api *sterna_backend_##backend##_entry(uint32_t abi_version)                         \
    {                                                                                                        \
        static const sterna_backend_api api = {.name = #backend,                                             \
                                               .device_count = (count),                                      \
                                               .device_info = (info_of),                                     \
                                               .open = open_device,                                          \
                                               STERNA_GPU_API};                                              \
        return abi_version == STERNA_ABI_VERSION ? &api : NULL;                                              \
    }

#endif
