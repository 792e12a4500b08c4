/* What follows "vulkan:" in a device's name. Owns: its syntax. Leaves to others: what the keys do.
 *   ""  "0"  "llvmpipe"  "llvmpipe,validate=1,watchdog=5000"  "validate=1"
 * A number is an index of device_info(); other text is a part of the device's name, in any case. */
#ifndef STERNA_VULKAN_OPTIONS_H
#define STERNA_VULKAN_OPTIONS_H

#include "base/status.h"

typedef struct sterna_vulkan_options {
    char device[64];   /* "" is the backend's choice */
    char library[256]; /* "" is libvulkan.so.1 */
#define KEY(name, low, high, preset, sentence) uint64_t name;
#include "vulkan_keys.def"
} sterna_vulkan_options;

/* USAGE when a key or its value is not understood. */
sterna_status sterna_vulkan_options_read(const char *variant, sterna_vulkan_options *options,
                                         sterna_fault *fault);

#endif
