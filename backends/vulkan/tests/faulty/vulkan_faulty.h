/* A Vulkan loader that fails on command: what it does not fail it passes to libvulkan.so.1. Owns: counting calls that can
 * fail, failing the n-th, hiding a function, counting objects that are alive. A test opens it with the key library=PATH,
 * and reaches these functions by dlsym on the same path. One thread. */
#ifndef STERNA_VULKAN_FAULTY_H
#define STERNA_VULKAN_FAULTY_H

#include <stdint.h>

typedef struct vulkan_faulty {
    /* Call n from now on gives `result` and does nothing; 0: none. A result of 0 is success, and nothing made. */
    void (*arm)(uint32_t n, int32_t result);
    uint32_t (*calls)(void);        /* since arm() */
    const char *(*failed)(void);    /* the function that failed; "" */
    void (*hide)(const char *name); /* looked up, it is not there; "" hides none */
    int64_t (*live)(void);          /* objects made and not destroyed */
    /* 1: devices are those of a driver that has not all of Vulkan (VK_KHR_portability_subset): shown to an instance that asks,
     * made only with that extension. */
    void (*subset)(int on);
} vulkan_faulty;

#define VULKAN_FAULTY_TABLE "vulkan_faulty_table"

#endif
