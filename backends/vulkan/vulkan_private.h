/* The device of the Vulkan driver. Owns: its structs and what its files call of each other. Included by vulkan_*.c and by the
 * driver's own tests only.
 *
 * A device has one queue and one timeline semaphore. Commands are recorded into the current batch; sterna_vulkan_flush hands
 * it to the queue, which sets the semaphore to the batch's value when its work is done. Batches are reused in a ring. */
#ifndef STERNA_VULKAN_PRIVATE_H
#define STERNA_VULKAN_PRIVATE_H

#include "base/thread.h"
#include "gpu/gpu_cache.h"
#include "gpu/gpu_driver.h"
#include "gpu/gpu_kernels.h"
#include "vulkan_loader.h"
#include "vulkan_options.h"

#if STERNA_HOSTILE
enum { VULKAN_BATCHES = 2, VULKAN_SETS = 2, VULKAN_STAGING = 4096, VULKAN_AHEAD = 64, VULKAN_ACCESSES = 20 };
#else
enum {
    VULKAN_BATCHES = 4,
    VULKAN_SETS = 256,
    VULKAN_STAGING = 1 << 22,
    VULKAN_AHEAD = 1 << 21,
    VULKAN_ACCESSES = 128
};
#endif

/* What the validation layer said; filled by its callback, on whatever thread that runs. */
typedef struct vulkan_messages {
    pthread_mutex_t lock;
    uint32_t count;
    char first[400];
} vulkan_messages;

/* A loaded library with an instance in it. */
typedef struct vulkan_instance {
    sterna_vulkan_functions vk;
    VkInstance handle;
    VkDebugUtilsMessengerEXT messenger;
    uint32_t version;          /* of Vulkan that was asked for: nothing later may be used */
    vulkan_messages *messages; /* with validation, else NULL */
    const sterna_host *host;
} vulkan_instance;

enum { VULKAN_MAX_DEVICES = 16 };

/* Execution modes of SPV_KHR_float_controls. Without the last a driver may assume that no NaN, infinity or -0 is met. */
typedef enum vulkan_float_modes {
    VULKAN_KEEPS_SUBNORMALS = 1,
    VULKAN_ROUNDS_TO_EVEN = 2,
    VULKAN_KEEPS_SPECIALS = 4
} vulkan_float_modes;

/* A physical device, looked at. */
typedef struct vulkan_candidate {
    VkPhysicalDevice handle;
    char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    char driver[96];  /* "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)" */
    char variant[32]; /* the first word of its name in lower case, or its index when that is another's, too */
    char why[160];    /* not usable; "" when it is */
    uint32_t api_version, queue_family;
    VkPhysicalDeviceType type;
    VkPhysicalDeviceLimits limits;
    uint64_t max_allocation;
    uint64_t memory_bytes;  /* of the heap that buffers are taken from */
    uint32_t features;      /* STERNA_GPU_INT_DOT, STERNA_GPU_SUBGROUPS */
    uint32_t subgroup;      /* its size; 1 without subgroups */
    uint32_t float_modes;   /* execution modes offered for 32-bit floats (vulkan_float_modes) */
    bool has_timeline_core; /* part of Vulkan 1.2, else an extension */
    bool has_int_dot_core;  /* part of Vulkan 1.3, else an extension */
    bool has_controls_core; /* part of Vulkan 1.2, else an extension */
    bool is_subset;         /* not all of Vulkan: VK_KHR_portability_subset, which has to be enabled then */
    uint8_t cache_uuid[VK_UUID_SIZE];
    uint32_t vendor_id, device_id, driver_version;
} vulkan_candidate;

/* One allocation: memory, and one buffer over all of it. */
typedef struct vulkan_block {
    VkDeviceMemory memory;
    VkBuffer buffer;
    uint64_t bytes;
    uint8_t *mapped;     /* NULL: only by staging */
    bool coherent;       /* mapped, and what either side writes the other sees */
    uint64_t last_use;   /* value of the last batch with a command on it */
    uint32_t generation; /* of the slot; handles of earlier blocks do not fit */
    bool live;
} vulkan_block;

typedef struct vulkan_set_pool {
    struct vulkan_set_pool *next;
    VkDescriptorPool handle;
    uint32_t used;
} vulkan_set_pool;

/* A range that the host reads after submissions; `at` is where its copy lies. */
typedef struct vulkan_wish {
    sterna_gpu_memory memory;
    uint64_t offset, bytes, at;
    uint32_t fruitless; /* submissions since it was last read */
} vulkan_wish;
enum { VULKAN_WISHES = 8 };

/* Commands that are recorded together and submitted at once. */
typedef struct vulkan_batch {
    VkCommandPool pool;
    VkCommandBuffer commands;
    vulkan_set_pool *sets, *current; /* all pools; the one that sets are taken from */
    vulkan_block staging;            /* made when first needed */
    uint64_t staged;                 /* bytes of it in use */
    vulkan_block ahead;              /* what was copied for the host, when first needed */
    vulkan_wish ahead_copies[VULKAN_WISHES];
    uint32_t n_ahead;
    uint64_t value; /* what the semaphore is set to behind it; 0: never submitted */
    uint64_t reads; /* bytes that its launches read, about */
    uint32_t launches, first_tag;
    const char *first_kernel, *last_kernel;
} vulkan_batch;

/* How a command touches a range; two commands need a barrier between them unless both read, or both only or. */
typedef enum vulkan_access { VULKAN_READS, VULKAN_WRITES, VULKAN_ORS } vulkan_access;

typedef struct vulkan_touch {
    VkBuffer buffer;
    uint64_t begin, end;
    vulkan_access access;
} vulkan_touch;

typedef struct vulkan_code {
    const unsigned char *spirv; /* words of this machine's order, not aligned */
    const size_t *bytes;
    const unsigned char *hash; /* SHA-256 */
} vulkan_code;

typedef struct vulkan_kernel {
    const sterna_gpu_kernel_row *row;
    VkPipeline pipeline; /* made when first asked for */
    VkPipelineLayout layout;
    VkDescriptorSetLayout sets;
    uint32_t n_ranges, n_words;
    vulkan_access access[STERNA_GPU_MAX_RANGES];
    bool by_rows[STERNA_GPU_MAX_RANGES]; /* each row of groups reads all of the range */
} vulkan_kernel;

typedef struct vulkan_device {
    vulkan_instance instance;
    sterna_vulkan_functions vk; /* with the device's functions */
    const sterna_host *host;
    sterna_vulkan_options options;
    vulkan_candidate physical;
    VkDevice handle;
    bool ready; /* all its functions and its semaphore are there */
    VkQueue queue;
    VkSemaphore timeline;
    VkPhysicalDeviceMemoryProperties memory_types;

    vulkan_block *blocks; /* slots */
    uint32_t n_blocks;

    vulkan_batch batches[VULKAN_BATCHES];
    vulkan_batch *recording; /* NULL: nothing recorded since the last submission */
    uint32_t next_batch;
    uint64_t submitted, done; /* values of the timeline */
    vulkan_block proof; /* a word for each place in the ring: the value of the batch that last ended there */
    vulkan_touch touches[VULKAN_ACCESSES];
    uint32_t n_touches;

    vulkan_kernel kernels[STERNA_GPU_KERNELS];
    VkPipelineCache cache;
    bool cache_grew;
    uint8_t cache_hash[32]; /* of what was on file */
    sterna_gpu_cache cache_files;

    vulkan_wish wishes[VULKAN_WISHES]; /* oldest first */
    uint32_t n_wishes;

    uint64_t waiting_for; /* the mark last waited for without success, and how long in all */
    double waited_ms;
    bool lost, abandoned; /* abandoned: the device may still be at work, nothing of it may be freed */
    uint64_t lost_value;  /* of the batch that failed */
    uint32_t lost_tag;
    sterna_fault loss;
} vulkan_device;

/* vulkan_instance.c */
sterna_status sterna_vulkan_instance_make(const sterna_host *host, const sterna_vulkan_options *options,
                                          vulkan_instance *instance, sterna_fault *fault);
void sterna_vulkan_instance_free(vulkan_instance *instance);
/* DEVICE when the validation layer has said anything since the instance was made. */
sterna_status sterna_vulkan_validated(const vulkan_instance *instance, sterna_fault *fault);

/* vulkan_select.c. An extension whose name stands in a header for trial extensions only. */
extern const char sterna_vulkan_subset[];
/* Fills at most VULKAN_MAX_DEVICES; usable or not. */
sterna_status sterna_vulkan_candidates(const vulkan_instance *instance, vulkan_candidate *list,
                                       uint32_t *count, sterna_fault *fault);
/* The most bytes one argument can have: what a descriptor spans, and what one allocation holds. The driver of a device with
 * ranges up to 4 GiB may allocate 2 GiB at once. */
uint64_t sterna_vulkan_largest_binding(const vulkan_candidate *candidate);
/* A sterna_device_kind. */
uint32_t sterna_vulkan_kind(const vulkan_candidate *candidate);
/* The usable device that the text names; "": a GPU rather than a processor. UNSUPPORTED lists what there is. */
sterna_status sterna_vulkan_choose(const vulkan_candidate *list, uint32_t count, const char *text,
                                   const vulkan_candidate **chosen, sterna_fault *fault);

/* vulkan_device.c */
sterna_status sterna_vulkan_device_make(const sterna_host *host, const sterna_vulkan_options *options,
                                        vulkan_device **device, sterna_fault *fault);
void sterna_vulkan_device_free(vulkan_device *device);
/* Marks the device lost, with the first cause; returns that. */
sterna_status sterna_vulkan_lose(vulkan_device *device, const sterna_fault *why, sterna_fault *fault);
/* Loses the device when the validation layer has said anything. */
sterna_status sterna_vulkan_check(vulkan_device *device, sterna_fault *fault);
/* The stored cause when the device is lost, else OK. */
sterna_status sterna_vulkan_usable(const vulkan_device *device, sterna_fault *fault);

/* vulkan_memory.c */
sterna_status sterna_vulkan_block_make(vulkan_device *device, uint64_t bytes, bool staging,
                                       vulkan_block *block, sterna_fault *fault);
void sterna_vulkan_block_free(vulkan_device *device, vulkan_block *block);
/* The live block of a handle; NULL without one. */
vulkan_block *sterna_vulkan_block_of(vulkan_device *device, sterna_gpu_memory memory);
/* What the host has written to mapped memory is there for the next submission. */
sterna_status sterna_vulkan_to_device(vulkan_device *device, const vulkan_block *block, uint64_t offset,
                                      uint64_t bytes, sterna_fault *fault);
/* Reads mapped memory that the device has written. */
sterna_status sterna_vulkan_to_host(vulkan_device *device, const vulkan_block *block, uint64_t offset,
                                    void *dst, uint64_t bytes, sterna_fault *fault);
/* Records a copy. */
void sterna_vulkan_copy(vulkan_device *device, vulkan_batch *batch, vulkan_block *from, uint64_t from_at,
                        vulkan_block *to, uint64_t to_at, uint64_t bytes);
sterna_status sterna_vulkan_alloc(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault);
void sterna_vulkan_free(void *gpu, sterna_gpu_memory memory);
sterna_status sterna_vulkan_upload(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                                   uint64_t bytes, sterna_fault *fault);
sterna_status sterna_vulkan_download(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault);

/* vulkan_queue.c */
/* The batch to record into, begun if need be. */
sterna_status sterna_vulkan_batch(vulkan_device *device, vulkan_batch **batch, sterna_fault *fault);
/* Records a barrier if one of `touches` meets an earlier command's, and keeps them for later commands. */
void sterna_vulkan_order(vulkan_device *device, vulkan_batch *batch, const vulkan_touch *touches,
                         uint32_t count);
/* Submits what is recorded, if anything is. A failure makes the device lost: accepted work is gone. */
sterna_status sterna_vulkan_flush(vulkan_device *device, sterna_fault *fault);
/* Takes notice that the timeline has reached `value`, a submitted one. False: a batch up to it has not left its proof. */
bool sterna_vulkan_reached(vulkan_device *device, uint64_t value);
/* Waits until the timeline has reached `value`. TIMEOUT (milliseconds not 0) or the device's loss. */
sterna_status sterna_vulkan_reach(vulkan_device *device, uint64_t value, uint32_t milliseconds,
                                  sterna_fault *fault);
/* Submits and waits for everything. */
sterna_status sterna_vulkan_finish(vulkan_device *device, sterna_fault *fault);
void sterna_vulkan_batches_free(vulkan_device *device);
sterna_status sterna_vulkan_clear(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                  sterna_fault *fault);
sterna_status sterna_vulkan_fence(void *gpu, uint64_t *fence, sterna_fault *fault);
sterna_status sterna_vulkan_wait(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                                 sterna_fault *fault);

/* vulkan_readahead.c */
/* The host has read a range that is not mapped, and will again. */
void sterna_vulkan_wish(vulkan_device *device, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes);
/* Records copies of the ranges that are likely to be read when this batch is done. */
sterna_status sterna_vulkan_read_ahead(vulkan_device *device, vulkan_batch *batch, sterna_fault *fault);
/* Where the range lies, at `*at`, as the last submission left it, once that is done; NULL: it was not copied, or more is
 * queued. */
const vulkan_block *sterna_vulkan_ahead(const vulkan_device *device, sterna_gpu_memory memory,
                                        uint64_t offset, uint64_t bytes, uint64_t *at);

/* vulkan_launch.c */
sterna_status sterna_vulkan_launch(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault);

/* vulkan_kernels.c */
const vulkan_code *sterna_vulkan_code(uint32_t index); /* of a row of kernels.def */
sterna_status sterna_vulkan_kernel(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                                   sterna_fault *fault);
void sterna_vulkan_kernels_free(vulkan_device *device);

/* vulkan_float_controls.c. A copy of a module with execution modes for 32-bit floats (SPV_KHR_float_controls) that its
 * device offers; freed by host->release. */
sterna_status sterna_vulkan_float_controls(const sterna_host *host, const vulkan_code *code, uint32_t modes,
                                           uint32_t **words, size_t *bytes, sterna_fault *fault);

/* vulkan_cache.c: the pipeline cache between runs. */
void sterna_vulkan_cache_open(vulkan_device *device);
void sterna_vulkan_cache_close(vulkan_device *device);

#endif
