/* Which devices exist and how one is asked for. Owns: the list of backends, what was found of them, the syntax of
 * --device, the choice of `auto`, strict mode's demands on a device, loading foreign backends, the host's services.
 * Leaves to others: everything a device does (sterna_backend.h), the child process that asks drivers (probe_child.h).
 *
 * A device is named
 *     auto              a discrete GPU that is exact and has the memory, else the best level of the CPU; says why.
 *                       Never a mock, never what is not exact, never a GPU's API that runs on the processor
 *     cpu  cpu:avx2     a backend, and one of its devices: as `sterna devices` names it,
 *     opencl:pocl       by its number among the backend's devices ("opencl:0"), or by a part of its name that no other
 *     vulkan:llvmpipe   device of the backend has; "," and what follows go to the backend as they are
 *     mock:key=value    the mock takes settings
 *     ./x.so  x.so:1    a foreign backend's library (the name holds a slash or ends in .so), and a variant
 * An explicit request never falls back: what cannot be opened is an error that lists what could.
 *
 * Backends that call a vendor's driver are isolated: a child process lists their devices and tries the one that is
 * asked for; only what the child survives is opened here. A backend's entry function must not call its driver. */
#ifndef STERNA_REGISTRY_H
#define STERNA_REGISTRY_H

#include "base/status.h"
#include <stdbool.h>

/* The last two hold every device of every backend with commas between (registry.c checks that), and every name with its
 * variant and keys. */
enum {
    STERNA_REGISTRY_DEVICES = 16,
    STERNA_DEVICE_NAME = 80,
    STERNA_DETECTED_BYTES = 4096,
    STERNA_OPENED_BYTES = 520
};

/* A backend as this build and this machine have it. */
typedef struct sterna_backend_state {
    const char *name;
    const sterna_backend_api *api; /* NULL: not part of this build */
    const char *not_built;         /* why not; "" */
    bool isolated;
    bool looked;    /* what follows is known */
    char why[240];  /* why there is no list of devices: the driver crashed, hung, ...; "" */
    double seconds; /* that listing took */
    uint32_t n_devices;
    sterna_device_info devices[STERNA_REGISTRY_DEVICES];
} sterna_backend_state;

/* Backends that this program knows, built in or not, in the order of `sterna devices`. */
uint32_t sterna_registry_count(void);
/* One of them, without asking any driver; `looked` says whether somebody has asked already. */
const sterna_backend_state *sterna_registry_get(uint32_t i);
/* The same, by name; NULL when there is none. */
const sterna_backend_state *sterna_registry_find(const char *name);
/* One of them with its devices; asked once per process. sterna_registry_look_all() asks all at the same time. */
const sterna_backend_state *sterna_registry_look(const char *name);
void sterna_registry_look_all(void);
/* Forgets what was found; for tests. Nothing that sterna_registry_get() gave may be in use. */
void sterna_registry_forget(void);

/* "vulkan:0" */
void sterna_device_name(const char *backend, const sterna_device_info *info, char name[STERNA_DEVICE_NAME]);

/* Calls visit for every device of every backend, in order; stops when visit returns false. */
typedef bool sterna_device_visit(void *context, const sterna_backend_state *backend,
                                 const sterna_device_info *info);
void sterna_registry_list(sterna_device_visit *visit, void *context);

/* Host services over base/mem.h; the table is constant. */
const sterna_host *sterna_host_default(void);

/* What a name stands for: what to give to api->open(). Zero-initialise. */
typedef struct sterna_resolved {
    const sterna_backend_api *api;
    void *library;     /* of a foreign backend, else NULL: sterna_plugin_unload() */
    char name[256];    /* of the backend, or the library's path */
    char variant[256]; /* with keys, as open() takes it */
    char reason[240];  /* why `auto` chose it; "" for an explicit request */
    char passed[240];  /* device that `auto` preferred but could not open, and why; "" */
    char doubt[200];   /* the first difference that a child's probe found: the device is not exact; "" */
} sterna_resolved;

/* Finds the device that spec names ("" or NULL: auto), asking an isolated backend's driver in a child process first;
 * opens nothing. For who opens with services of his own. Statuses as sterna_device_open. */
sterna_status sterna_device_resolve(const char *spec, sterna_resolved *out, sterna_fault *fault);
/* The same, but a device that is named is only looked up in its driver's list, and not tried: for who has it tested anyway. */
sterna_status sterna_device_find(const char *spec, sterna_resolved *out, sterna_fault *fault);

/* An open device with all that is needed to use it. Zero-initialise. */
typedef struct sterna_open_device {
    const sterna_backend_api *api;
    sterna_device *device;
    sterna_device_info info;
    void *library;                  /* of a foreign backend, else NULL */
    char spec[STERNA_OPENED_BYTES]; /* "cpu:avx512vnni": opens the same device again */
    char reason[240];               /* why `auto` chose it; "" for an explicit request */
    char passed[240];               /* what `auto` would rather have had but could not open; "" */
    char doubt[200];                /* why it is known not to be exact; "" */
    /* requested=auto detected=[cpu:scalar,cpu:avx2] selected=cpu:avx2, never cut */
    char snapshot[STERNA_DETECTED_BYTES + 2 * STERNA_OPENED_BYTES];
} sterna_open_device;

typedef struct sterna_device_request {
    const char *spec;          /* "" or NULL: auto */
    uint64_t memory;           /* bytes that will be needed; `auto` takes no GPU with less. 0: unknown */
    sterna_open_params params; /* .variant is not read */
} sterna_device_request;

/* Opens the device. In the snapshot `detected` holds what was really looked for and found usable: under `auto` the
 * devices of all backends, for an explicit request those of the CPU and of the named backend; never a mock.
 * USAGE: not understood, or a part of several names. UNSUPPORTED: unknown or absent. DEVICE: its driver crashes, hangs
 * or fails. MEMORY, FILE: as the backend or the loader says. */
sterna_status sterna_device_request_open(const sterna_device_request *request, sterna_open_device *out,
                                         sterna_fault *fault);
/* The same where the memory that will be needed is not known. */
sterna_status sterna_device_open_with(const char *spec, const sterna_open_params *params,
                                      sterna_open_device *out, sterna_fault *fault);
sterna_status sterna_device_open(const char *spec, uint32_t threads, sterna_profile profile,
                                 sterna_open_device *out, sterna_fault *fault);
/* What would be opened, with `device` NULL at the end: for a program that is about to fork, because no driver of a GPU
 * survives that. In strict mode the device is probed: in a child process, where it is isolated. */
sterna_status sterna_device_survey(const sterna_device_request *request, bool strict, sterna_open_device *out,
                                   sterna_fault *fault);
/* Closes device and library. A zeroed one is allowed. */
void sterna_device_close(sterna_open_device *device);

/* Why `auto` takes a device or passes over it. Asks all backends, opens nothing: a GPU
 * that it would choose is said to be chosen if its probe passes. */
typedef struct sterna_auto_reason {
    char device[STERNA_DEVICE_NAME];
    char text[240];
} sterna_auto_reason;
enum { STERNA_AUTO_REASONS = 64 };
/* Fills reasons[0, *n), one per device; the first is what is chosen. UNSUPPORTED when nothing is. */
sterna_status sterna_auto_explain(uint64_t memory, sterna_auto_reason reasons[STERNA_AUTO_REASONS],
                                  uint32_t *n, sterna_fault *fault);

/* USAGE when a variable that tells of devices is not understood. */
sterna_status sterna_registry_environment(sterna_fault *fault);

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

/* What strict mode demands before anything is computed. POLICY, with the sentence, when a variable lets the program
 * believe in devices that are not there. */
sterna_status sterna_strict_environment(sterna_fault *fault);
/* The same, and of a device: POLICY for a mock, for one that `auto` fell back to, for the fast profile, and for one
 * whose compiler refuses what it announces or whose probe is not exact. A device that is not open is probed in a child process. */
sterna_status sterna_strict_device(const sterna_open_device *device, sterna_profile profile,
                                   sterna_fault *fault);

#endif
