/* Devices of all OpenCL platforms. Owns: finding and describing them, which one a variant names, the settings
 * behind a variant's comma. Leaves to others: contexts and queues (opencl_driver.c).
 *
 * A device has three names: its place in the list ("0"), a short name where that is unique ("pocl"), and any part of
 * its platform's or its own name ("portable", "EPYC"), upper or lower case. */
#ifndef STERNA_OPENCL_DEVICE_H
#define STERNA_OPENCL_DEVICE_H

#include "gpu/gpu_driver.h"
#include "opencl/opencl_api.h"
#include <stdbool.h>

enum { OPENCL_MAX_PLATFORMS = 16, OPENCL_MAX_DEVICES = 32, OPENCL_TEXT = 128 };

typedef struct opencl_device {
    cl_platform_id platform;
    cl_device_id id; /* NULL: the platform has none to offer, `why` says so */
    char name[32];   /* unique: "pocl", else the place in the list */
    char platform_name[OPENCL_TEXT], platform_version[OPENCL_TEXT];
    char device_name[OPENCL_TEXT], device_version[OPENCL_TEXT], driver_version[OPENCL_TEXT];
    char why[160]; /* not empty: it cannot be used */
    uint64_t local_bytes;
    char standard[8]; /* "CL3.0": what the words beyond OpenCL C 1.2 are built as */
    sterna_gpu_limits limits;
} opencl_device;

typedef struct opencl_list {
    opencl_device devices[OPENCL_MAX_DEVICES];
    uint32_t count;
} opencl_list;

/* Asks the drivers anew. UNSUPPORTED: there is no OpenCL here. */
sterna_status sterna_opencl_list(const opencl_api *api, opencl_list *list, sterna_fault *fault);

/* A variant: "pocl,max_binding=1m". */
typedef struct opencl_settings {
    char device[64]; /* its name; "": the backend's choice */
#define OPENCL_KEY(name, low, high, preset, sentence) uint64_t name;
#include "opencl/opencl_keys.def"
} opencl_settings;

/* USAGE, naming the key that is not understood. */
sterna_status sterna_opencl_settings(const char *variant, opencl_settings *settings, sterna_fault *fault);
/* The device a name stands for; an empty one: a GPU rather than a processor, the first of its kind that can be used.
 * UNSUPPORTED, with the names there are. */
sterna_status sterna_opencl_find(const opencl_list *list, const char *name, const opencl_device **device,
                                 sterna_fault *fault);

#endif
