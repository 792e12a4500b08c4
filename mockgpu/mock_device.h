/* The inside of a mock device. Owns: its state, and what the files below share. Included by mock_queue.c (commands and
 * their order), mock_calls.c (what the driver offers), mock_lies.c (what breaks in silence), mock_bill.c (costs, log). */
#ifndef STERNA_MOCK_DEVICE_H
#define STERNA_MOCK_DEVICE_H

#include "mock_bill.h"
#include "mock_queue.h"

typedef enum mock_command_kind { MOCK_UPLOAD, MOCK_CLEAR, MOCK_LAUNCH, MOCK_FENCE } mock_command_kind;

typedef struct mock_command {
    mock_command_kind kind;
    uint32_t groups_x, groups_y, tag, n_ranges;
    uint64_t number; /* of a launch from the device's begin, or of a mark */
    uint64_t mark;   /* the one behind it */
    const mock_kernel *kernel;
    uint8_t *copy;                                  /* of an upload */
    sterna_gpu_range ranges[STERNA_GPU_MAX_RANGES]; /* the first is the target of a copy or a clear */
    uint32_t words[STERNA_GPU_MAX_WORDS];
} mock_command;

struct mock_device {
    const sterna_host *host;
    mock_settings settings;
    mock_memory memory;
    mock_machine *machine;
    mock_command *queue; /* from `first` to `count` not yet run */
    uint32_t first, count, capacity;
    uint64_t allocations, lookups, launches, copies, marks; /* calls so far */
    uint64_t executed, done_mark;
    uint64_t random; /* draws of the queue and of flips */
    uint64_t told_late,
        late_times;    /* the mark whose wait was answered TIMEOUT though it is done, and how often */
    uint64_t hung_for; /* milliseconds the hanging launch, the queue's first, has been waited for */
    char hang_text[sizeof(((sterna_fault *)0)->text)]; /* of a launch that really never ends */
    bool hangs, lost;
    uint64_t lost_mark; /* the mark behind the launch that failed */
    uint32_t lost_tag;
    sterna_fault loss; /* why */
    mock_bill bill;
};

/* A number below `limit`, at least 1. */
uint64_t sterna_mock_draw(mock_device *device, uint64_t limit);
sterna_status sterna_mock_is_lost(const mock_device *device, sterna_fault *fault);
/* Loses the device; the first cause stays. `mark` and `tag` are those of the launch that failed. */
void sterna_mock_lose(mock_device *device, const char *text, uint32_t tag, uint64_t mark);

/* ---- mock_queue.c ---- */

/* A new last command; NULL when the host has no memory. */
mock_command *sterna_mock_push(mock_device *device, mock_command_kind kind, sterna_fault *fault);
/* Runs commands up to a mark (UINT64_MAX: all). OK, DEVICE, or TIMEOUT when a launch hangs. */
sterna_status sterna_mock_run_until(mock_device *device, uint64_t mark);
/* Everything queued is done, or the device is lost. */
sterna_status sterna_mock_finish(mock_device *device, sterna_fault *fault);
/* The launch that hangs has been waited for once more (0: until the watchdog fires). True: the watchdog has fired. */
bool sterna_mock_watchdog(mock_device *device, uint32_t milliseconds);
/* Copies to device memory now; `src` NULL writes zeros. */
sterna_status sterna_mock_copy_in(mock_device *device, const sterna_gpu_range *to, const uint8_t *src,
                                  uint64_t number, sterna_fault *fault);
/* The first queued command that is still to write into a range, or NULL. */
const mock_command *sterna_mock_pending_write(const mock_device *device, const sterna_gpu_range *range);

/* ---- mock_lies.c ---- */

/* The copy with this number is a lie: gives the bytes that arrive at [*at, *at + *bytes), from the source's begin. */
bool sterna_mock_lie(const mock_device *device, uint64_t number, uint64_t *at, uint64_t *bytes);
/* flip_bit and flip_memory, for the launch that has run or is about to. */
void sterna_mock_flip_output(mock_device *device, const mock_command *command, uint32_t mark);
void sterna_mock_flip_memory(mock_device *device);

#endif
