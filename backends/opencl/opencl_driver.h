/* The OpenCL driver of backends/gpu. Owns: the open device, its memory objects, programs and queue, as one struct
 * for the files opencl_*.c. Leaves to others: which devices there are (opencl_device.h), plans (gpu/). */
#ifndef STERNA_OPENCL_DRIVER_H
#define STERNA_OPENCL_DRIVER_H

#include "gpu/gpu_cache.h"
#include "gpu/gpu_kernels.h"
#include "opencl/opencl_device.h"

extern const sterna_gpu_driver sterna_opencl_driver;

/* The backend's entry (sterna_backend.h); its row stands in backends/backends.def. */
const sterna_backend_api *sterna_backend_opencl_entry(uint32_t abi_version);

/* A memory object. Its handle is its place in the table and a number that no later one in that place has. */
typedef struct opencl_block {
    cl_mem memory; /* NULL: free */
    uint64_t bytes;
    uint32_t generation;
} opencl_block;

typedef struct opencl_kernel {
    cl_kernel kernel; /* NULL: not built */
    uint32_t row;     /* of kernels.def */
} opencl_kernel;

/* A command in the queue whose end nobody has seen. */
typedef struct opencl_pending {
    cl_event event;
    const opencl_kernel *kernel; /* of a launch, else NULL */
    uint32_t tag;                /* of a launch */
    bool is_mark;
} opencl_pending;

typedef struct opencl_gpu {
    const opencl_api *cl;
    const sterna_host *host;
    opencl_device device; /* a copy: the list it came from is gone */
    opencl_settings settings;
    cl_context context;
    cl_command_queue queue;
    sterna_gpu_cache cache;

    opencl_block *blocks;
    uint32_t n_blocks, next_generation;
    uint64_t allocated;

    opencl_kernel kernels[STERNA_GPU_KERNELS];
    uint32_t compiled, from_cache; /* kernels made since the device was opened */

    /* Commands in order, the oldest at `first`; a fence is the number of its mark, the first command being 1. */
    opencl_pending *pending;
    uint32_t first, n_pending, most_pending;
    uint64_t retired; /* commands whose end was seen */

    bool lost; /* pending[first] failed or never ends: every later call gives `why` */
    bool hung; /* it never ends: nothing that it may use is released */
    char why[300];
} opencl_gpu;

/* A driver call failed: its error code as a sentence "opencl: WHAT: CL_...", under the status it counts as. */
sterna_status sterna_opencl_fail(sterna_fault *fault, cl_int code, const char *format, ...)
    STERNA_PRINTF(3, 4);
/* OK, or the sentence of a lost device. */
sterna_status sterna_opencl_alive(const opencl_gpu *gpu, sterna_fault *fault);

/* Appends a command to the pending ones: room before it is queued, then its event. */
bool sterna_opencl_have_room(opencl_gpu *gpu);
void sterna_opencl_note(opencl_gpu *gpu, opencl_pending command);

/* Memory (opencl_memory.c): as in gpu_driver.h. */
sterna_status sterna_opencl_alloc(opencl_gpu *gpu, uint64_t bytes, sterna_gpu_memory *memory,
                                  sterna_fault *fault);
void sterna_opencl_free(opencl_gpu *gpu, sterna_gpu_memory memory);
void sterna_opencl_free_all(opencl_gpu *gpu);
sterna_status sterna_opencl_upload(opencl_gpu *gpu, sterna_gpu_memory memory, uint64_t offset,
                                   const void *src, uint64_t bytes, sterna_fault *fault);
sterna_status sterna_opencl_download(opencl_gpu *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault);
sterna_status sterna_opencl_clear(opencl_gpu *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                  sterna_fault *fault);
/* The memory object of a handle that has these bytes; NULL otherwise. */
cl_mem sterna_opencl_memory(const opencl_gpu *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes);

/* Programs (opencl_program.c). */
sterna_status sterna_opencl_kernel(opencl_gpu *gpu, const char *id, const void **kernel, uint8_t hash[32],
                                   sterna_fault *fault);
void sterna_opencl_free_programs(opencl_gpu *gpu);
/* Builds a text and looks the function up: from the cache or by the compiler. `needs`: the row's features. */
sterna_status sterna_opencl_build(opencl_gpu *gpu, const char *id, const char *text, size_t text_bytes,
                                  uint32_t needs, cl_kernel *kernel, sterna_fault *fault);

/* The queue (opencl_queue.c). */
sterna_status sterna_opencl_launch(opencl_gpu *gpu, const sterna_gpu_launch *launch, sterna_fault *fault);
sterna_status sterna_opencl_fence(opencl_gpu *gpu, uint64_t *fence, sterna_fault *fault);
sterna_status sterna_opencl_wait(opencl_gpu *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                                 sterna_fault *fault);
/* Waits for everything queued, as long as the watchdog allows. */
sterna_status sterna_opencl_drain(opencl_gpu *gpu, sterna_fault *fault);
/* Releases the events of commands; the device is about to be closed. */
void sterna_opencl_free_pending(opencl_gpu *gpu);

#endif
