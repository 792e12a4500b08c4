/* What the files of this folder share about the registry. Owns: nothing outside registry.c. */
#ifndef STERNA_REGISTRY_PRIVATE_H
#define STERNA_REGISTRY_PRIVATE_H

#include "probe_child.h"

enum { STERNA_SPEC_BYTES = 300 };

/* What a child process found of one device. */
typedef struct sterna_tried {
    sterna_status status; /* OK: it lives */
    char why[240];
    sterna_probe probe; /* of STERNA_PROBE_EXACT */
    char lacks[160];    /* what the open device announces and does not have; "" */
} sterna_tried;

/* Asks once per process, device and task. */
void sterna_registry_try(const char *what, sterna_probe_task task, sterna_tried *found);

/* False when no driver has left a device file that a GPU could stand behind: then `auto` need not ask the APIs, which
 * costs more than starting a small model. An API that runs on the processor needs no such file and is never its choice. */
bool sterna_registry_gpu_may_exist(void);

/* Is STERNA_FAKE_DEVICES set? USAGE when it is not understood. */
sterna_status sterna_registry_fakes(bool *set, sterna_fault *fault);
/* Has the backend been given invented devices? */
bool sterna_registry_is_fake(const sterna_backend_state *backend);

#endif
