/* The mock's device: one queue, run late (only when somebody waits) and out of turn where the contract allows, and the
 * faults it was told to have. Owns: commands, marks, the clock, loss of the device. Leaves to others: memory, execution of
 * a launch. */
#ifndef STERNA_MOCK_QUEUE_H
#define STERNA_MOCK_QUEUE_H

#include "mock_group.h"
#include "mock_memory.h"
#include "mock_profile.h"

typedef struct mock_device mock_device;

sterna_status sterna_mock_device_make(const sterna_host *host, const mock_settings *settings,
                                      mock_device **device, sterna_fault *fault);
/* Releases everything; memory still allocated is logged as an error. */
void sterna_mock_device_free(mock_device *device);

sterna_status sterna_mock_alloc(mock_device *device, uint64_t bytes, sterna_gpu_memory *memory,
                                sterna_fault *fault);
void sterna_mock_free(mock_device *device, sterna_gpu_memory memory);
sterna_status sterna_mock_upload(mock_device *device, sterna_gpu_memory memory, uint64_t offset,
                                 const void *src, uint64_t bytes, sterna_fault *fault);
sterna_status sterna_mock_download(mock_device *device, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                   uint64_t bytes, sterna_fault *fault);
sterna_status sterna_mock_clear(mock_device *device, sterna_gpu_memory memory, uint64_t offset,
                                uint64_t bytes, sterna_fault *fault);
/* A look-up of `kernel` (NULL: there is none of that id). May say OK and give NULL, when told to. */
sterna_status sterna_mock_lookup(mock_device *device, const char *id, const mock_kernel *kernel,
                                 const void **out, sterna_fault *fault);
sterna_status sterna_mock_launch(mock_device *device, const sterna_gpu_launch *launch, sterna_fault *fault);
sterna_status sterna_mock_fence(mock_device *device, uint64_t *fence, sterna_fault *fault);
sterna_status sterna_mock_wait(mock_device *device, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                               sterna_fault *fault);

#endif
