/* Devices that do not exist, for tests of selection: STERNA_FAKE_DEVICES. Owns: the syntax of its value. Leaves to
 * others: who believes in them (registry.c), who refuses them (strict.c).
 *
 *   STERNA_FAKE_DEVICES='cuda:0,kind=discrete,memory=80G;vulkan:llvmpipe,kind=emulated;opencl:0,exact=0,kind=discrete'
 *
 * Devices with ; between them, each a backend's name, a colon, the device's, and keys: kind (cpu, emulated, integrated,
 * discrete, accelerator, unknown), memory (bytes, with K, M, G or T), exact (what its probe would find: 1, or 0), usable
 * (1, or 0) and mock (0, or 1). While the variable is set no driver of a GPU is asked: its backends have these devices and
 * no others. None can be opened. */
#ifndef STERNA_FAKE_DEVICES_H
#define STERNA_FAKE_DEVICES_H

#include "registry.h"

typedef struct sterna_fake_device {
    char backend[32];
    sterna_device_info info;
    bool exact;
} sterna_fake_device;

/* Reads the whole value. USAGE names the variable, the part and what is legal. */
sterna_status sterna_fake_devices_parse(const char *text, sterna_fake_device devices[STERNA_REGISTRY_DEVICES],
                                        uint32_t *n, sterna_fault *fault);

#endif
