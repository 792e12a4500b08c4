/* Files with what a driver compiled, kept between runs: OpenCL programs, Vulkan's pipeline cache. Owns: where
 * they lie, whole files only, finding damage, how much they may be together. Leaves to others: what is in them and what a key must name.
 *
 * A cache saves time and nothing else: a file that is absent, damaged or cannot be written is no failure, and
 * the caller compiles. The folder is $STERNA_CACHE/NAME, else $XDG_CACHE_HOME/sterna/NAME, else
 * $HOME/.cache/sterna/NAME; STERNA_CACHE=off switches caching off, and so does a relative path (the XDG base
 * directory specification demands absolute ones). Whoever can write there can make the driver run his code,
 * as in every cache of compiled programs.
 *
 * A folder has a bound, STERNA_GPU_CACHE_BYTES: when a file is written that exceeds it, the oldest ones are removed until
 * it holds again. Several programs may do so at once. Only files are counted and removed whose names are a cache's: 64 hex
 * digits, with or without a writer's suffix.
 *
 * A key is whatever decides the bytes: hash of the source, device, driver version, options. */
#ifndef STERNA_GPU_CACHE_H
#define STERNA_GPU_CACHE_H

#include "base/sys.h"

enum { STERNA_GPU_CACHE_BYTES = 256 << 20 };

typedef struct sterna_gpu_cache {
    const sterna_host *host; /* for messages: damage is level 2, information */
    char folder[600];        /* empty: off */
    uint64_t bound;          /* on its files together */
} sterna_gpu_cache;

/* What a file held. */
typedef struct sterna_gpu_blob {
    const uint8_t *data;
    size_t bytes;
    sterna_mapping file;
} sterna_gpu_blob;

/* Where the files of `name` ("opencl") are. Touches no file. `host` outlives the cache; NULL: no messages. */
void sterna_gpu_cache_open(sterna_gpu_cache *cache, const char *name, const sterna_host *host);
/* True when there is a whole file for this very key; the caller frees the blob. */
bool sterna_gpu_cache_load(const sterna_gpu_cache *cache, const void *key, size_t key_bytes,
                           sterna_gpu_blob *blob);
/* Writes a file, or replaces it: readers see the old one or the new one. Then keeps the folder to its bound. False when
 * the file could not be written. */
bool sterna_gpu_cache_store(const sterna_gpu_cache *cache, const void *key, size_t key_bytes,
                            const void *data, size_t bytes);
/* A zeroed one is allowed. */
void sterna_gpu_blob_free(sterna_gpu_blob *blob);

#endif
