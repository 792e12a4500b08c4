/* The GPU driver of APIs with streams, which are CUDA and HIP: contexts, memory, launches, graphs, marks, over the
 * functions of api.def. Owns: everything the two share, which is all but names and kernels. Leaves to others:
 * those (backends/cuda, backends/hip), the backend ABI (gpu/gpu_host.h). */
#ifndef STERNA_STREAM_DRIVER_H
#define STERNA_STREAM_DRIVER_H

#include "base/env.h"
#include "gpu/gpu_host.h"
#include "gpu/stream/stream_api.h"

/* Compiled kernels: one image that a driver can load. */
typedef struct stream_image {
    const char *arch; /* "gfx90a"; for messages, and for fits() */
    const unsigned char *bytes;
    const size_t *size;
    const unsigned char *sha256; /* of the bytes: the code_hash of its kernels */
} stream_image;

/* What makes a backend of the driver. */
typedef struct stream_family {
    const char *name;  /* "cuda" */
    const char *title; /* "CUDA" */
    stream_column column;
    const char *const *libraries; /* NULL-terminated: where the driver is looked for */
    sterna_env library_variable;  /* names another library */
    const char *absent;           /* what to do when none loads: "install NVIDIA's driver" */
    const char *unseen;           /* what to look at when one loads and finds no device */
    const char *made_by;          /* the compiler of the images: "nvcc 13.0" */
    uint32_t graphs;              /* the key's default */
    const stream_image *images;
    uint32_t n_images;
    /* "sm_90" or "gfx90a", of at least 32 bytes. */
    void (*arch_name)(const stream_api *api, int device, int ordinal, char arch[32]);
    bool (*fits)(const stream_image *image, const char *arch);
    /* The driver's version number for people: "13.0". */
    void (*version_text)(int version, char text[32]);
} stream_family;

/* device_count() and device_info() of the backend: the devices of the default library; where it cannot be loaded or has
 * none, one entry that is not usable and says why. */
uint32_t sterna_stream_device_count(const stream_family *family);
sterna_status sterna_stream_device_info(const stream_family *family, uint32_t index,
                                        sterna_device_info *info);

/* The driver's open(). `variant`: a device's number (default 0) or a part of its name in any case, then keys (keys.def). */
sterna_status sterna_stream_open(const stream_family *family, const sterna_host *host, const char *variant,
                                 void **gpu, sterna_gpu_limits *limits, sterna_fault *fault);

/* The other members of sterna_gpu_driver. */
void sterna_stream_close(void *gpu);
sterna_status sterna_stream_alloc(void *gpu, uint64_t bytes, sterna_gpu_memory *memory, sterna_fault *fault);
void sterna_stream_free(void *gpu, sterna_gpu_memory memory);
sterna_status sterna_stream_upload(void *gpu, sterna_gpu_memory memory, uint64_t offset, const void *src,
                                   uint64_t bytes, sterna_fault *fault);
sterna_status sterna_stream_download(void *gpu, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                     uint64_t bytes, sterna_fault *fault);
sterna_status sterna_stream_clear(void *gpu, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes,
                                  sterna_fault *fault);
sterna_status sterna_stream_kernel(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                                   sterna_fault *fault);
sterna_status sterna_stream_launch(void *gpu, const sterna_gpu_launch *launch, sterna_fault *fault);
sterna_status sterna_stream_fence(void *gpu, uint64_t *fence, sterna_fault *fault);
sterna_status sterna_stream_wait(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                                 sterna_fault *fault);

#define STERNA_STREAM_DRIVER                                                                                 \
    .close = sterna_stream_close, .alloc = sterna_stream_alloc, .free = sterna_stream_free,                  \
    .upload = sterna_stream_upload, .download = sterna_stream_download, .clear = sterna_stream_clear,        \
    .kernel = sterna_stream_kernel, .launch = sterna_stream_launch, .fence = sterna_stream_fence,            \
    .wait = sterna_stream_wait

#endif
