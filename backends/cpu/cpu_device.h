/* What stands behind the handles of the CPU backend. Owns: the structs that cpu_backend.c, cpu_memory.c and
 * cpu_plan.c share. */
#ifndef STERNA_CPU_DEVICE_H
#define STERNA_CPU_DEVICE_H

#include "cpu/cpu_kernels.h"
#include "cpu/cpu_pool.h"

enum {
    STERNA_CPU_ALIGNMENT = 4,    /* of argument offsets: the largest element of args.def */
    STERNA_CPU_MAX_FENCES = 64,  /* submissions not yet waited for */
    STERNA_CPU_MAX_THREADS = 512 /* more is a mistake in a flag */
};

/* Objects of a device stand in doubly linked lists, so that close() finds what the host left. */
typedef struct sterna_cpu_link {
    struct sterna_cpu_link *next, **at; /* *at points to this link */
} sterna_cpu_link;

struct sterna_buffer {
    sterna_cpu_link link;
    sterna_device *device;
    uint64_t bytes;
    uint8_t *data;
};

struct sterna_weight {
    sterna_cpu_link link;
    sterna_device *device;
    sterna_weight_view view;
    void *owned; /* a copy of the data, or the packed panels; NULL: view.data is the host's memory */
};

/* What the executor touches for each node ... */
typedef struct sterna_cpu_node {
    sterna_kernel *run;
    uint64_t items, piece;
    uint32_t kernel, label;
    sterna_args args;
} sterna_cpu_node;

/* ... and what is needed only when a slot changes. */
typedef struct sterna_cpu_binding {
    sterna_op op;
    uint32_t n_args, n_slots;
    uint8_t slot[STERNA_MAX_ARGS]; /* index of the slot, or NO_SLOT */
    sterna_value values[STERNA_MAX_ARGS];
    uint64_t room[STERNA_MAX_ARGS]; /* extents at slot_max, which were checked */
    const void *handles[STERNA_MAX_ARGS];
} sterna_cpu_binding;
enum { STERNA_CPU_NO_SLOT = 255 };

struct sterna_plan {
    sterna_cpu_link link;
    sterna_device *device;
    sterna_cpu_node *nodes;
    sterna_cpu_binding *bindings;
    uint32_t n_nodes, n_slots;
    uint32_t slot_max[STERNA_MAX_SLOTS];
    uint32_t checked[STERNA_MAX_SLOTS]; /* slots of the last submission that was accepted */
    uint32_t bound[STERNA_MAX_SLOTS];   /* slots the nodes' arguments hold */
    uint32_t broken;                    /* 1: a buffer or weight of a node was destroyed */
};

/* A submission: waits in a ring, runs when its fence or anything behind it is waited for. */
typedef struct sterna_cpu_submission {
    sterna_plan *plan;
    sterna_fence fence; /* 0: free */
    uint32_t next, end; /* nodes still to run */
    uint32_t slots[STERNA_MAX_SLOTS];
    sterna_result result;
} sterna_cpu_submission;

struct sterna_device {
    const sterna_host *host;
    sterna_cpu_level level;
    uint32_t threads;
    sterna_profile profile;
    sterna_cpu_pool *pool;
    sterna_cpu_link *buffers, *weights, *plans;
    sterna_cpu_submission ring[STERNA_CPU_MAX_FENCES];
    sterna_fence last_fence; /* given out */
    sterna_fence done;       /* every submission up to this one has run */
    uint64_t *launches;      /* per row of the kernel table */
};

void sterna_cpu_link_add(sterna_cpu_link **list, sterna_cpu_link *link);
void sterna_cpu_link_remove(sterna_cpu_link *link);

/* Runs everything accepted so far: before memory is touched or an object goes away. */
void sterna_cpu_finish(sterna_device *device);
/* Plans that use this buffer or weight cannot be submitted any more. */
void sterna_cpu_plans_break(sterna_device *device, const void *handle);

/* Members of the ABI table (sterna_backend.h). */
sterna_status sterna_cpu_buffer_create(sterna_device *device, uint64_t bytes, sterna_buffer **buffer,
                                       sterna_fault *fault);
void sterna_cpu_buffer_destroy(sterna_device *device, sterna_buffer *buffer);
sterna_status sterna_cpu_buffer_write(sterna_device *device, sterna_buffer *buffer, uint64_t offset,
                                      const void *src, uint64_t bytes, sterna_fault *fault);
sterna_status sterna_cpu_buffer_read(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault);
sterna_status sterna_cpu_weight_create(sterna_device *device, const sterna_tensor *tensor,
                                       sterna_weight **weight, sterna_fault *fault);
void sterna_cpu_weight_destroy(sterna_device *device, sterna_weight *weight);
sterna_status sterna_cpu_plan_create(sterna_device *device, const sterna_plan_params *params,
                                     sterna_plan **plan, sterna_fault *fault);
void sterna_cpu_plan_destroy(sterna_device *device, sterna_plan *plan);
sterna_status sterna_cpu_submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                                const uint32_t *slots, sterna_fence *fence, sterna_fault *fault);
sterna_status sterna_cpu_wait(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                              sterna_result *result, sterna_fault *fault);

#endif
