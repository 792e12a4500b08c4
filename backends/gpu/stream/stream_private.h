/* The open device of the stream driver. Owns: its struct. Included by stream_*.c only. */
#ifndef STERNA_STREAM_PRIVATE_H
#define STERNA_STREAM_PRIVATE_H

#include "base/size.h"
#include "gpu/gpu_kernels.h"
#include "gpu/stream/stream_driver.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#if STERNA_HOSTILE
enum { STAGING_BYTES = 256, STAGING_CHUNKS = 2, MARKS = 2, GRAPHS = 1 };
#else
enum { STAGING_BYTES = 1 << 20, STAGING_CHUNKS = 4, MARKS = 64, GRAPHS = 16 };
#endif

typedef struct stream_settings {
    char device[64];   /* number, part of a name, or "" */
    char library[256]; /* "": the default ones */
#define STREAM_KEY(name, low, high, preset, sentence) uint64_t name;
#include "gpu/stream/keys.def"
} stream_settings;

/* One GPU as its driver describes it. */
typedef struct stream_gpu {
    int ordinal, device; /* index, and what device_get made of it */
    char name[96], arch[32];
    size_t memory;
    int max_group_items, max_grid_x, max_grid_y, warp_size, integrated;
    const stream_image *image; /* NULL: none of the built ones fits */
} stream_gpu;

/* Memory on the device. A handle is the index in the table plus one, and the generation above 32 bits, so that a stale
 * handle is found out. */
typedef struct stream_memory {
    uint64_t address; /* 0: free entry */
    uint64_t bytes;
    uint32_t generation;
} stream_memory;

typedef struct stream_kernel {
    const char *id; /* of the row */
    void *function; /* NULL until looked up */
    uint32_t group;
} stream_kernel;

/* A list of launches between two other commands, packed: see stream_launch.c. */
typedef struct stream_list {
    uint64_t *words;
    uint32_t n_words, n_launches;
    void *graph;   /* executable graph, NULL until the list came a second time */
    uint64_t used; /* clock of the cache when it last came */
} stream_list;

typedef struct stream_device {
    const stream_family *family;
    const stream_api *api;
    const sterna_host *host;
    stream_settings settings;
    stream_gpu gpu;
    void *context; /* CUDA: the primary context, retained */
    bool retained;
    void *stream, *module;

    stream_memory *memory;
    uint32_t n_memory, memory_capacity;
    uint64_t memory_used;

    /* Page-locked host memory: chunks of uploads in turn, then one for downloads. */
    uint8_t *staging;
    uint32_t chunk, chunk_used;
    void *chunk_events[STAGING_CHUNKS]; /* recorded when a chunk is full */
    bool chunk_busy[STAGING_CHUNKS];

    stream_kernel kernels[STERNA_GPU_KERNELS];

    /* Launches since the last other command: `list.words[0 .. launched)` went to the stream, the rest is held back
     * because so far everything equals cached list `match`. */
    stream_list list;
    uint32_t list_capacity, launched, match; /* match == GRAPHS: none */
    bool graphs;
    uint64_t clock;
    stream_list cache[GRAPHS];
    uint64_t graph_launches;

    void *marks[MARKS], *idle_mark; /* events */
    uint64_t fences, done;          /* last given out, last known to be reached */
    uint64_t stalled_fence;         /* waited for in vain since `stalled_since` */
    double stalled_since;

    bool busy;   /* something may be queued */
    bool lost;   /* no call can succeed any more; `loss` says why */
    bool silent; /* lost without an answer: calls that wait for the device would not return */
    sterna_fault loss;
} stream_device;

/* Makes the device's context current for this thread; the driver's result. Frees and destroys need that, too, also of a lost
 * device. */
int sterna_stream_make_current(const stream_device *device);
/* The same for everything else: says when the device is lost. */
sterna_status sterna_stream_enter(stream_device *device, sterna_fault *fault);
/* A call that failed: a fault that names it, and the loss of the device where the error is one that stays. */
sterna_status sterna_stream_failed(stream_device *device, int error, const char *what, sterna_fault *fault);
void sterna_stream_lose(stream_device *device, const char *text);

/* Waits for an event, recorded for `what`. DEVICE when the device is lost, or given up by the watchdog. */
sterna_status sterna_stream_wait_event(stream_device *device, void *event, const char *what,
                                       sterna_fault *fault);
/* Waits for everything queued. */
sterna_status sterna_stream_idle(stream_device *device, const char *what, sterna_fault *fault);

/* The address of a range, or a fault. */
sterna_status sterna_stream_address(stream_device *device, sterna_gpu_memory memory, uint64_t offset,
                                    uint64_t bytes, uint64_t *address, sterna_fault *fault);
/* Frees what is left; returns how many allocations that were. */
uint32_t sterna_stream_memory_end(stream_device *device);

/* Ends the list of launches: what is held back goes to the stream, as a graph where there is one. */
sterna_status sterna_stream_list_end(stream_device *device, sterna_fault *fault);
/* Destroys graphs and lists. */
void sterna_stream_list_free(stream_device *device);
/* Puts one packed launch (stream_launch.c) on the stream; the driver's result. */
int sterna_stream_launch_packed(stream_device *device, const uint64_t *words);
uint32_t sterna_stream_packed_words(const uint64_t *words);
const char *sterna_stream_packed_id(const uint64_t *words);
/* Takes a packed launch into the list: puts it on the stream, or holds it back. */
sterna_status sterna_stream_list_add(stream_device *device, const uint64_t *words, sterna_fault *fault);

sterna_status sterna_stream_settings(const stream_family *family, const char *variant,
                                     stream_settings *settings, sterna_fault *fault);
/* Fills *gpu; UNSUPPORTED with a sentence when the device cannot be used. */
sterna_status sterna_stream_describe(const stream_family *family, const stream_api *api, int ordinal,
                                     stream_gpu *gpu, sterna_fault *fault);
/* The driver's version for people; "?" when it tells none. */
void sterna_stream_driver_version(const stream_family *family, const stream_api *api, char text[32]);
void sterna_stream_limits(const stream_family *family, const stream_api *api, const stream_gpu *gpu,
                          sterna_gpu_limits *limits);
/* Looks for the library: the variant's, the variable's, the default ones. */
sterna_status sterna_stream_find_library(const stream_family *family, const char *path,
                                         const stream_api **api, sterna_fault *fault);

#endif
