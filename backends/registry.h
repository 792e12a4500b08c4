/* Which devices exist and how one is asked for. Owns: the list of backends, the syntax of --device, loading
 * foreign backends, the host's services. Leaves to others: everything a device does (sterna_backend.h).
 *
 * A device is named
 *     auto              the best level of the CPU; says why. Never a mock, never a device that is not exact
 *     cpu  cpu:avx2     a built-in backend, and one of its variants
 *     mock:key=value    "," and what follows go to the backend as they are
 *     ./x.so  x.so:1    a foreign backend's library (the name holds a slash or ends in .so), and a variant
 * An explicit request never falls back: what cannot be opened is an error that lists what could. */
#ifndef STERNA_REGISTRY_H
#define STERNA_REGISTRY_H

#include "base/status.h"
#include <stdbool.h>

/* An open device with all that is needed to use it. Zero-initialise. */
typedef struct sterna_open_device {
    const sterna_backend_api *api;
    sterna_device *device;
    sterna_device_info info;
    void *library;      /* of a foreign backend, else NULL */
    char spec[300];     /* "cpu:avx512vnni": opens the same device again */
    char reason[200];   /* why `auto` chose it; "" for an explicit request */
    char snapshot[600]; /* requested=auto detected=[cpu:scalar,cpu:avx2] selected=cpu:avx2 */
} sterna_open_device;

/* Host services over base/mem.h; the table is constant. */
const sterna_host *sterna_host_default(void);

/* Opens the device that spec names ("" or NULL: auto). threads 0: the backend's choice.
 * USAGE: not understood. UNSUPPORTED: unknown or absent. DEVICE, MEMORY, FILE: as the backend or the loader
 * says. */
sterna_status sterna_device_open(const char *spec, uint32_t threads, sterna_profile profile,
                                 sterna_open_device *out, sterna_fault *fault);
/* The same with all of the ABI's parameters; params->variant is not read. */
sterna_status sterna_device_open_with(const char *spec, const sterna_open_params *params, sterna_open_device *out,
                                      sterna_fault *fault);
/* Closes device and library. A zeroed one is allowed. */
void sterna_device_close(sterna_open_device *device);

/* Calls visit for every device of every built-in backend, in order; stops when visit returns false. */
typedef bool sterna_device_visit(void *context, const sterna_backend_api *api,
                                 const sterna_device_info *info);
void sterna_registry_list(sterna_device_visit *visit, void *context);

/* Loads a backend from a library and checks its table: version, size, members. FILE or UNSUPPORTED, naming
 * the library and what is wrong. The caller closes *library with sterna_plugin_unload after the last use of
 * *api. */
sterna_status sterna_plugin_load(const char *path, void **library, const sterna_backend_api **api,
                                 sterna_fault *fault);
void sterna_plugin_unload(void *library);

/* Whether a device rounds as the reference does (docs/numerics.md section 1): a few thousand fixed inputs,
 * subnormals, ties and signed zeros included, run through its operations and compared bit by bit. */
typedef struct sterna_probe {
    bool exact;
    uint32_t compared;  /* values looked at */
    uint32_t different; /* of these */
    char why[200];      /* the first difference, or "" */
} sterna_probe;
/* A status other than OK: the probe could not run. A device that computes other bits is OK and not exact. */
sterna_status sterna_device_probe(const sterna_open_device *device, sterna_probe *probe, sterna_fault *fault);

#endif
