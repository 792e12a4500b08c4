/* Does a device do what the engine needs? Short tests over the ABI alone, so that built-in devices and a stranger's .so
 * take the same ones. Owns: the tests and their sentences. Leaves to others: the arithmetic probe (probe.c), properties
 * of operations (properties/), the process they run in (probe_child.h). */
#ifndef STERNA_SELF_TEST_H
#define STERNA_SELF_TEST_H

#include "registry.h"

/* SELF(id, name) in the order in which they run. */
#define STERNA_SELF_TESTS(SELF)                                                                              \
    SELF(ALLOCATION, "allocation") /* a thousand small buffers and large ones hold their contents apart */   \
    SELF(COPIES, "copies")         /* at odd offsets and sizes, up to 8 MiB */                               \
    SELF(SUB_BUFFER,                                                                                         \
         "sub-buffer")     /* a kernel writes inside a buffer; range, whole and neighbours are read */       \
    SELF(EVENTS, "events") /* submissions end in order, waits keep to their time */                          \
    SELF(ARITHMETIC, "arithmetic") /* the probe of docs/numerics.md section 1 */                             \
    SELF(TWO_GIB, "2 GiB")         /* a buffer that crosses 2^31 bytes */                                    \
    SELF(FOUR_GIB, "4 GiB")        /* a buffer that crosses 2^32 bytes */

typedef enum sterna_self_id {
#define SELF(id, name) STERNA_SELF_##id,
    STERNA_SELF_TESTS(SELF)
#undef SELF
        STERNA_SELF_COUNT
} sterna_self_id;

typedef enum sterna_self_verdict {
    STERNA_SELF_PASSED,
    STERNA_SELF_FAILED,
    STERNA_SELF_NOT_TESTED, /* no operation, no memory, no time for it: the sentence says which */
} sterna_self_verdict;

typedef struct sterna_self_row {
    uint32_t test;    /* sterna_self_id */
    uint32_t verdict; /* sterna_self_verdict */
    double seconds;
    char text[240];
} sterna_self_row;

/* "copies", "passed" */
const char *sterna_self_name(uint32_t test);
const char *sterna_self_verdict_name(uint32_t verdict);

/* Runs them all on an open device that nobody else uses. `begin` is told before each test, `end` after it with its row;
 * either may be NULL. A test that would begin after `seconds` is not run. All objects it makes are destroyed. */
typedef struct sterna_self_watch {
    void (*begin)(void *context, uint32_t test);
    void (*end)(void *context, const sterna_self_row *row);
    void *context;
} sterna_self_watch;
void sterna_self_test(const sterna_open_device *device, double seconds, const sterna_self_watch *watch);

/* One test of buffers across `boundary` bytes; part of the above, in a file of its own (self_test_large.c). Statuses
 * as of the other tests: OK, FAILED or what the device said, NOTHING when not tested; the sentence in *fault or text. */
sterna_status sterna_self_test_large(const sterna_open_device *device, uint64_t boundary, char text[240],
                                     sterna_fault *fault);
/* x += y `repeats` times (at most 16), both of n floats (at most 65536) at offsets in their buffers. */
sterna_status sterna_self_plan(const sterna_open_device *device, sterna_buffer *x, uint64_t x_offset,
                               sterna_buffer *y, uint64_t y_offset, uint32_t n, uint32_t repeats,
                               sterna_plan **plan, sterna_fault *fault);
/* Submits it once and waits. FAILED when the device reports flags. */
sterna_status sterna_self_run(const sterna_open_device *device, sterna_plan *plan, sterna_fault *fault);

#endif
