/* What the cases of the stream driver share: the mock library, opening on it, what is left in it. Included by
 * stream_*.c of this folder only. */
#ifndef STERNA_STREAM_RIG_H
#define STERNA_STREAM_RIG_H

#define _POSIX_C_SOURCE 200809L /* setenv */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "base/sys.h"
#include "gpu/gpu_private.h"
#include "gpu/stream/stream_private.h"
#include "gpu/tests/tiny_plan.h"
#include "stream_cases.h"
#include <stdlib.h>

enum { MOST = TINY_ROWS * TINY_WIDTH };

const sterna_backend_api *stream_api_table(void);
/* The path of the mock library; NULL where it was not built. */
const char *stream_library(void);
/* Opens a device on it: `settings` for the mock (STERNA_GPU_FAKE), `keys` for the driver (",sync=1"). With graphs, unless
 * the keys say otherwise: HIP goes without by itself. */
sterna_device *stream_open(sterna_test *t, const char *settings, const char *keys);
/* The same with a plan. */
bool stream_make(sterna_test *t, tiny_plan *p, const char *settings, const char *keys);
/* The driver's device below. */
const stream_device *stream_of(const sterna_device *device);
/* Is the mock library empty of contexts, memory, streams, events, modules and graphs? */
bool stream_nothing_left(sterna_test *t);
/* What its context holds. */
typedef struct stream_held {
    uint32_t allocations, pinned, streams, events, modules, graphs;
} stream_held;
stream_held stream_mock_held(sterna_test *t);
/* Launches it has run since it was loaded, and how many of those opening a device takes. */
uint64_t stream_mock_launches(sterna_test *t);
uint32_t stream_opening_launches(sterna_test *t);

#define NEEDS_MOCK(t)                                                                                        \
    do {                                                                                                     \
        if (!stream_library()) SKIP(t, "no mock driver library was built (mockgpu/vendor)");                 \
    } while (0)

#endif
