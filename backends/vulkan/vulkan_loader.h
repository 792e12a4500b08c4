/* The Vulkan loader, opened at run time, and what its results mean. Owns: the table of functions, VkResult as a sentence.
 * Leaves to others: every call (vulkan_*.c). Nothing links against libvulkan: a program built with this backend starts on
 * a machine without it. */
#ifndef STERNA_VULKAN_LOADER_H
#define STERNA_VULKAN_LOADER_H

#define VK_NO_PROTOTYPES
#include "base/status.h"
#include <vulkan/vulkan_core.h>

/* The functions of vulkan_functions.def under their own names. Global ones are there after sterna_vulkan_load, the others
 * after sterna_vulkan_load_instance and sterna_vulkan_load_device; optional ones may be NULL. */
typedef struct sterna_vulkan_functions {
    void *library;
    PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr;
#define GLOBAL(name)       PFN_##name name;
#define INSTANCE(name)     PFN_##name name;
#define OPTIONAL(name)     PFN_##name name;
#define DEVICE(name)       PFN_##name name;
#define ALIAS(name, older) PFN_##name name;
#include "vulkan_functions.def"
} sterna_vulkan_functions;

/* Opens the loader; `path` NULL: libvulkan.so.1. UNSUPPORTED when it is absent or has not got what it must have. */
sterna_status sterna_vulkan_load(const char *path, sterna_vulkan_functions *vk, sterna_fault *fault);
sterna_status sterna_vulkan_load_instance(sterna_vulkan_functions *vk, VkInstance instance,
                                          sterna_fault *fault);
sterna_status sterna_vulkan_load_device(sterna_vulkan_functions *vk, VkDevice device, sterna_fault *fault);
/* A zeroed table is allowed. */
void sterna_vulkan_unload(sterna_vulkan_functions *vk);

/* Reports a failed call: MEMORY for what the driver refuses, DEVICE for the rest. `call` is the function's name, `what` names
 * the object. */
sterna_status sterna_vulkan_fail(sterna_fault *fault, VkResult result, const char *call, const char *what);

#endif
