/* An OpenCL library that computes nothing and fails on command: every function at its n-th call, kernels that fail or
 * never end. Owns: what the tests set and count in it. Loaded as $STERNA_OPENCL_LIBRARY. Where FAKE_OPENCL_REFUSES is set it
 * has features, refuses programs with that word, and has room for the probe: a child process is told so. */
#ifndef STERNA_FAKE_OPENCL_H
#define STERNA_FAKE_OPENCL_H

#include "opencl/opencl_api.h"
#include <stdbool.h>

enum {
#define CL_FUNCTION(result, name, parameters) FAKE_##name,
#include "opencl/opencl_functions.def"
    FAKE_FUNCTIONS
};

typedef struct fake_opencl {
    /* Settings. */
    int fail;                         /* a function, -1: none */
    uint32_t fail_at;                 /* its call that fails, from 1 */
    cl_int code;                      /* what it gives; CL_SUCCESS: no object, and no error */
    uint32_t bad_kernel, hung_kernel; /* launch that fails or never ends, from 1; 0: none */
    uint32_t devices,
        unavailable;   /* how many there are; how many of them cannot be used, from the first on */
    uint64_t types[4]; /* CL_DEVICE_TYPE of the first ones; 0: a GPU */
    bool unified[4];   /* these share the processor's memory */
    const char *platform_name, *device_version, *driver_version, *extensions;
    cl_device_info number; /* what devices say of this is number_value; 0: all as usual */
    uint64_t number_value;
    uint64_t kernel_items, kernel_bytes; /* largest group of a kernel, memory that its items share */
    const char *build_log;
    uint32_t polls; /* looks at a command until it has ended, 0: three */
    bool refuses_binaries;
    const char *refused[2]; /* a program with both of these in text or options does not compile; NULL: none */
    /* Counts. */
    uint32_t calls[FAKE_FUNCTIONS];
    uint32_t launches;
    uint32_t standards[4]; /* programs built as OpenCL C 1.x, 2.x, 3.x */
    int live;              /* objects made and not released */
} fake_opencl;

/* The exported object. */
#define FAKE_OPENCL_SYMBOL "sterna_fake_opencl"

#endif
