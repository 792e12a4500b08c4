/* Settings of a driver behind a device's name: "pocl,max_binding=1m,watchdog=500". Owns: their syntax and the
 * errors about them. Leaves to others: which keys there are (each driver's table). */
#ifndef STERNA_GPU_SETTINGS_H
#define STERNA_GPU_SETTINGS_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct sterna_gpu_key {
    const char *name, *sentence; /* what it means, for messages */
    uint64_t low, high;
    size_t offset; /* of the uint64_t in the settings' struct */
} sterna_gpu_key;

/* A whole number; k, m or g behind it multiplies by a power of 1024. False when it is none or does not fit. */
bool sterna_gpu_settings_number(const char *text, size_t length, uint64_t *out);

/* Reads "key=value,key=value" (nothing at all is allowed) into `settings`; the last of a key wins. Values are numbers
 * as above. USAGE, naming `prefix` ("opencl:") and the key. */
sterna_status sterna_gpu_settings_read(const char *prefix, const char *text, const sterna_gpu_key *keys,
                                       size_t n_keys, void *settings, sterna_fault *fault);

#endif
