/* The handles of the GPU host. Owns: their structs and the lists they stand in. Included by gpu_*.c only. */
#ifndef STERNA_GPU_PRIVATE_H
#define STERNA_GPU_PRIVATE_H

#include "base/size.h"
#include "catalogue/catalogue.h"
#include "gpu/gpu_host.h"
#include "gpu/gpu_kernels.h"
#include "gpu/gpu_pool.h"
#include <string.h>

/* Word indices in kernels have 32 bits, and f16 elements are indexed, too: a binding stays below 4 GiB. */
#define STERNA_GPU_LARGEST_BINDING 0xfffff000ull

typedef struct gpu_link {
    struct gpu_link *next, *previous;
} gpu_link;

struct sterna_buffer {
    gpu_link link; /* first */
    gpu_place place;
    uint64_t bytes;
};

/* Rows [first, first + count) of a weight in one place. */
typedef struct gpu_part {
    gpu_place place;
    uint32_t first, count;
    uint64_t bytes;
} gpu_part;

struct sterna_weight {
    gpu_link link;
    sterna_weight_view view; /* data is NULL: the device has them */
    uint32_t stride;         /* words of a row on the device */
    uint32_t n_parts;
    gpu_part *parts;
};

/* A node as it is launched. Buffers and weights stand in it by their device memory, so that a plan survives
 * their handles (running it then is the host's error, which the device reports). */
typedef struct gpu_node {
    sterna_node node; /* op and args are the plan's own copies */
    sterna_op op;
    bool uses_slots;
    const gpu_place *places;         /* of each buffer argument */
    const gpu_part *parts;           /* of the weight; NULL without one */
    uint32_t n_parts, stride, scale; /* of the weight; scale as bits */
    const uint32_t *kernels;         /* rows of kernels.def, largest min_rows first */
    uint32_t n_kernels;
} gpu_node;

/* Submissions of one plan whose status words can wait to be read. */
#if STERNA_HOSTILE
enum { STATUS_RING = 1 };
#else
enum { STATUS_RING = 4 };
#endif

struct sterna_plan {
    gpu_link link;
    uint32_t n_nodes, n_slots;
    uint32_t slot_max[STERNA_MAX_SLOTS];
    gpu_node *nodes;
    sterna_arg *args;
    gpu_place *places;
    gpu_part *parts;
    uint32_t *kernels;
    gpu_place status;       /* STATUS_RING times one word per node */
    uint64_t status_stride; /* bytes from one submission's words to the next one's, an aligned binding */
    uint32_t next_ring;
    struct gpu_submission *ring[STATUS_RING]; /* whose words they are, NULL when collected */
};

/* A submission between submit() and the wait() that uses it up. */
typedef struct gpu_submission {
    gpu_link link;
    sterna_fence fence;
    uint64_t driver_fence;
    sterna_plan *plan; /* NULL once the result is known */
    uint32_t first, count, ring;
    sterna_result result;
    sterna_fault fault;
} gpu_submission;

struct sterna_device {
    const sterna_gpu_driver *driver;
    void *gpu;
    const sterna_host *host;
    sterna_gpu_limits limits;
    uint64_t max_binding;
    bool verify_upload; /* sterna_open_params */
    gpu_pool pool;
    char lacks[120];                               /* of what it announces; "" */
    bool reads_inside;                             /* what lies in a block can be read from it */
    gpu_link buffers, weights, plans, submissions; /* list heads */
    sterna_fence next_fence;
    uint32_t *words; /* scratch for status words, grows */
    uint32_t n_words;
    uint8_t *front; /* scratch for reads that have to begin where an allocation does, grows */
    uint64_t n_front;
    struct {
        const void *kernel; /* NULL until first used */
        uint8_t hash[32];
        uint64_t launches;
    } kernels[STERNA_GPU_KERNELS];
};

void sterna_gpu_link_in(gpu_link *head, gpu_link *link);
void sterna_gpu_link_out(gpu_link *link);

/* Memory of the host, zeroed; NULL when refused or when the product overflows. */
void *sterna_gpu_host_alloc(sterna_device *device, uint64_t count, uint64_t size);
void sterna_gpu_host_free(sterna_device *device, void *memory);
/* What becomes of memory decides where it may lie. */
typedef enum gpu_use {
    GPU_STAYS,    /* the host never reads it */
    GPU_READ_BACK /* it may: in a block only where reads_inside */
} gpu_use;
/* Device memory in whole pages; `what` is for the message. */
sterna_status sterna_gpu_take(sterna_device *device, uint64_t bytes, gpu_use use, const char *what,
                              gpu_place *place, sterna_fault *fault);
void sterna_gpu_give(sterna_device *device, gpu_place *place);
/* Finds out what a block can be used for: sets reads_inside, or turns the pool off. Errors are the driver's. */
sterna_status sterna_gpu_pool_probe(sterna_device *device, sterna_fault *fault);

/* Takes from the limits' features what the driver's compiler refuses. Errors are other failures of the driver. */
sterna_status sterna_gpu_verify_features(sterna_device *device, sterna_fault *fault);

/* The driver's copies. Reads begin at the allocation's first byte where reads_inside does not hold. Where the device was opened with verify_upload, what arrived is read back and compared, and
 * what was read is read twice: DEVICE then names `what` and the first byte that differs. */
sterna_status sterna_gpu_upload(sterna_device *device, sterna_gpu_memory memory, uint64_t offset,
                                const void *src, uint64_t bytes, const char *what, sterna_fault *fault);
sterna_status sterna_gpu_download(sterna_device *device, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                  uint64_t bytes, const char *what, sterna_fault *fault);

/* Fills device->kernels[row] at the first call. UNSUPPORTED when it is not built; DEVICE when the driver gives none. */
sterna_status sterna_gpu_load_kernel(sterna_device *device, uint32_t row, sterna_fault *fault);

/* Makes the result of a submission known: waits, reads its status words. TIMEOUT leaves it as it was. */
sterna_status sterna_gpu_collect(sterna_device *device, gpu_submission *submission, uint32_t milliseconds);
/* The same before its plan goes away: one that has not ended by then has failed, with the driver's sentence. */
void sterna_gpu_abandon(sterna_device *device, gpu_submission *submission);

#endif
