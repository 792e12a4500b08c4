/* The machine that runs launches: groups one after the other, items of a group as fibers, in a seeded order.
 * Owns: barriers, subgroups, shared memory, the report of a violation. Leaves to others: memory
 * (mock_memory.c), the queue and commanded faults (mock_queue.c). */
#ifndef STERNA_MOCK_GROUP_H
#define STERNA_MOCK_GROUP_H

#include "base/status.h"
#include "mock_fiber.h"
#include "mock_item.h"

enum { MOCK_MAX_BOUNDS = 32, MOCK_MAX_PARAMS = 4096 };

/* One launch: bounds and words in the order of the kernel's parameters. */
typedef struct mock_launch {
    const mock_kernel *kernel;
    uint32_t groups_x, groups_y;
    const mock_bound *bounds;
    const uint32_t *words;
    uint32_t number; /* 1 to 2^MOCK_LAUNCH_BITS - 1; nothing in `touched` of a bound has it yet */
} mock_launch;

typedef struct mock_machine mock_machine;

/* `warp` is a power of two. `steps` are the turns of loops of an item without a barrier from which on
 * a launch counts as hung; a barrier of a group counts as 256. NULL when memory is refused. */
mock_machine *sterna_mock_machine_make(const sterna_host *host, uint32_t warp, uint64_t seed, uint64_t steps);
void sterna_mock_machine_free(mock_machine *machine);
/* Runs all groups to their end, or up to the first violation: then DEVICE, with the report in *fault; TIMEOUT for a loop
 * that does not end. *traffic is what the items did that have ended. */
sterna_status sterna_mock_machine_run(mock_machine *machine, const mock_launch *launch, mock_traffic *traffic,
                                      sterna_fault *fault);

#endif
