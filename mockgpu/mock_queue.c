/* Commands wait in the queue until a wait, a read or a free needs them done: no host can rely on early
 * completion. Time is the mock's own: waiting for a hang moves the clock and returns, so tests of the
 * watchdog take no time. */
#include "mock_queue.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef enum command_kind { UPLOAD, CLEAR, LAUNCH, FENCE } command_kind;

typedef struct command {
    command_kind kind;
    uint32_t groups_x, groups_y, tag, n_ranges;
    uint64_t number; /* of a launch from the device's begin, or of a fence */
    const mock_kernel *kernel;
    uint8_t *copy;                                  /* of an upload */
    sterna_gpu_range ranges[STERNA_GPU_MAX_RANGES]; /* the first is the target of a copy or a clear */
    uint32_t words[STERNA_GPU_MAX_WORDS];
} command;

struct mock_device {
    const sterna_host *host;
    mock_settings settings;
    mock_memory memory;
    mock_machine *machine;
    command *queue; /* from `first` to `count` not yet run */
    uint32_t first, count, capacity;
    uint64_t allocations, launches, fences, done_fence;
    uint64_t hung_for; /* milliseconds the hanging launch has been waited for; 0: no launch hangs */
    bool hangs, lost;
    uint64_t lost_fence; /* the mark behind the launch that failed */
    uint32_t lost_tag;
    sterna_fault loss; /* why */
};

sterna_status sterna_mock_device_make(const sterna_host *host, const mock_settings *settings,
                                      mock_device **out, sterna_fault *fault)
{
    mock_device *device = host->allocate(host->context, sizeof *device, 64);
    if (!device) return sterna_fail(fault, STERNA_MEMORY, "mock: out of host memory");
    memset(device, 0, sizeof *device);
    device->host = host;
    device->settings = *settings;
    sterna_mock_memory_init(&device->memory, host, settings->memory);
    device->machine = sterna_mock_machine_make(host, (uint32_t)settings->warp, settings->seed);
    if (!device->machine) {
        host->release(host->context, device);
        return sterna_fail(fault, STERNA_MEMORY, "mock: out of host memory");
    }
    *out = device;
    return STERNA_OK;
}

void sterna_mock_device_free(mock_device *device)
{
    const sterna_host *host = device->host;
    for (uint32_t i = device->first; i < device->count; i++)
        host->release(host->context, device->queue[i].copy);
    host->release(host->context, device->queue);
    sterna_mock_machine_free(device->machine);
    uint64_t bytes = device->memory.used;
    uint32_t leaked = sterna_mock_memory_end(&device->memory);
    if (leaked && host->log) {
        char text[120];
        snprintf(text, sizeof text, "mock: %u allocations of %" PRIu64 " bytes leaked at close", leaked,
                 bytes);
        host->log(host->context, 0, text);
    }
    host->release(host->context, device);
}

static sterna_status lost(const mock_device *device, sterna_fault *fault)
{
    return sterna_fail(fault, STERNA_DEVICE, "%s", device->loss.text);
}

/* The first cause stays. */
static void lose(mock_device *device, const char *text, uint32_t tag, uint64_t fence)
{
    if (device->lost) return;
    device->lost = true;
    device->hangs = false;
    device->lost_tag = tag;
    device->lost_fence = fence;
    sterna_fail(&device->loss, STERNA_DEVICE, "%s", text);
}

static command *push(mock_device *device, command_kind kind, sterna_fault *fault)
{
    if (device->first == device->count) device->first = device->count = 0;
    if (device->count == device->capacity) {
        uint32_t waiting = device->count - device->first, capacity = waiting < 64 ? 128 : waiting * 2;
        command *queue = device->host->allocate(device->host->context, capacity * sizeof *queue, 64);
        if (!queue) {
            sterna_fail(fault, STERNA_MEMORY, "mock: out of host memory for %u commands", capacity);
            return NULL;
        }
        if (waiting) memcpy(queue, device->queue + device->first, waiting * sizeof *queue);
        device->host->release(device->host->context, device->queue);
        device->queue = queue;
        device->first = 0;
        device->count = waiting;
        device->capacity = capacity;
    }
    command *c = &device->queue[device->count++];
    memset(c, 0, offsetof(command, ranges));
    c->kind = kind;
    return c;
}

/* Running. */

static sterna_status bind_range(mock_device *device, const command *c, uint32_t i, mock_bound *bound,
                                sterna_fault *fault)
{
    const sterna_gpu_range *range = &c->ranges[i];
    char what[100];
    uint8_t *data, *shadow;
    snprintf(what, sizeof what, "%s, argument %s", c->kernel->name, c->kernel->bound_names[i]);
    if (range->offset % device->settings.alignment || range->bytes % 4 ||
        range->bytes > device->settings.max_binding)
        return sterna_fail(fault, STERNA_DEVICE,
                           "mock:%s: %" PRIu64 " bytes at %" PRIu64 " cannot be bound (alignment %" PRIu64
                           ", at most %" PRIu64 " bytes)",
                           what, range->bytes, range->offset, device->settings.alignment,
                           device->settings.max_binding);
    sterna_status status = sterna_mock_memory_range(&device->memory, range->memory, range->offset,
                                                    range->bytes, what, &data, &shadow, fault);
    if (status == STERNA_OK) {
        *bound = (mock_bound){.words = (uint32_t *)(void *)data,
                              .shadow = shadow,
                              .count = (uint32_t)(range->bytes / 4),
                              .name = c->kernel->bound_names[i]};
        if (c->kernel->bound_written[i])
            bound->touched = sterna_mock_memory_touched(&device->memory, range->memory, range->offset);
    }
    return status;
}

static sterna_status run_launch(mock_device *device, const command *c, sterna_fault *fault)
{
    mock_bound bounds[STERNA_GPU_MAX_RANGES];
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < c->n_ranges && status == STERNA_OK; i++)
        status = bind_range(device, c, i, &bounds[i], fault);
    if (status != STERNA_OK) return status;
    /* Before a number comes again, the marks of its last launch are wiped. */
    uint32_t number = (uint32_t)(c->number % ((1u << MOCK_LAUNCH_BITS) - 1)) + 1;
    if (number == 1) sterna_mock_memory_forget(&device->memory);
    mock_launch launch = {c->kernel, c->groups_x, c->groups_y, bounds, c->words, number};
    status = sterna_mock_machine_run(device->machine, &launch, fault);
    for (uint32_t i = 0; i < c->n_ranges && status == STERNA_OK; i++)
        status = sterna_mock_memory_check(&device->memory, c->ranges[i].memory, fault);
    return status;
}

static void run_copy(mock_device *device, command *c, const uint8_t *src, sterna_fault *fault)
{
    uint8_t *data, *shadow;
    const sterna_gpu_range *to = &c->ranges[0];
    if (sterna_mock_memory_range(&device->memory, to->memory, to->offset, to->bytes,
                                 c->kind == CLEAR ? "clear" : "upload", &data, &shadow, fault) != STERNA_OK)
        return;
    if (src)
        memcpy(data, src, (size_t)to->bytes);
    else
        memset(data, 0, (size_t)to->bytes);
    sterna_mock_memory_written(shadow, to->offset, to->bytes);
}

/* Runs one command. False: it hangs. */
static bool run_command(mock_device *device, command *c)
{
    sterna_fault fault = {0};
    switch (c->kind) {
    case UPLOAD:
        run_copy(device, c, c->copy, &fault);
        device->host->release(device->host->context, c->copy);
        c->copy = NULL;
        break;
    case CLEAR:
        run_copy(device, c, NULL, &fault);
        break;
    case FENCE:
        device->done_fence = c->number;
        return true;
    case LAUNCH:
        if (c->number == device->settings.hang_launch) {
            device->hangs = true;
            return false;
        }
        if (c->number == device->settings.lose_launch)
            sterna_fail(&fault, STERNA_DEVICE, "mock:%s: device lost in launch %" PRIu64, c->kernel->name,
                        c->number);
        else
            run_launch(device, c, &fault);
        break;
    }
    if (fault.status != STERNA_OK) lose(device, fault.text, c->tag, device->done_fence + 1);
    return true;
}

/* Runs the queue up to a fence (UINT64_MAX: all of it). OK, DEVICE, or TIMEOUT when a launch hangs. */
static sterna_status run_until(mock_device *device, uint64_t fence)
{
    while (!device->lost && device->done_fence < fence && device->first < device->count) {
        if (device->hangs || !run_command(device, &device->queue[device->first])) return STERNA_TIMEOUT;
        device->first++;
    }
    return device->lost && device->done_fence < fence ? STERNA_DEVICE : STERNA_OK;
}

/* A hanging launch has been waited for once more. True: the watchdog has fired. */
static bool watchdog(mock_device *device, uint32_t milliseconds)
{
    uint64_t limit = device->settings.watchdog, wait = milliseconds ? milliseconds : limit;
    device->hung_for += wait;
    if (device->hung_for < limit) return false;
    const command *c = &device->queue[device->first];
    char text[200];
    snprintf(text, sizeof text,
             "mock:%s: launch %" PRIu64 " did not end within the watchdog's %" PRIu64 " ms; device lost",
             c->kernel->name, c->number, limit);
    lose(device, text, c->tag, device->done_fence + 1);
    return true;
}

/* Everything queued is done, or the device is lost. */
static sterna_status finish(mock_device *device, sterna_fault *fault)
{
    sterna_status status = run_until(device, UINT64_MAX);
    if (status == STERNA_TIMEOUT) {
        watchdog(device, 0);
        status = STERNA_DEVICE;
    }
    return status == STERNA_DEVICE ? lost(device, fault) : STERNA_OK;
}

/* What the driver offers. */

sterna_status sterna_mock_alloc(mock_device *device, uint64_t bytes, sterna_gpu_memory *memory,
                                sterna_fault *fault)
{
    if (device->lost) return lost(device, fault);
    if (++device->allocations == device->settings.fail_alloc)
        return sterna_fail(fault, STERNA_MEMORY, "mock: allocation %" PRIu64 " is refused by its profile",
                           device->allocations);
    return sterna_mock_memory_alloc(&device->memory, bytes, memory, fault);
}

void sterna_mock_free(mock_device *device, sterna_gpu_memory memory)
{
    sterna_fault fault = {0};
    finish(device, NULL);
    if (sterna_mock_memory_free(&device->memory, memory, &fault) != STERNA_OK)
        lose(device, fault.text, STERNA_GPU_NO_TAG, 0);
}

sterna_status sterna_mock_upload(mock_device *device, sterna_gpu_memory memory, uint64_t offset,
                                 const void *src, uint64_t bytes, sterna_fault *fault)
{
    if (device->lost) return lost(device, fault);
    command now = {.kind = UPLOAD, .ranges = {{memory, offset, bytes}}}, *c = &now;
    if (device->first == device->count) { /* nothing before it */
        sterna_fault why = {0};
        run_copy(device, c, src, &why);
        if (why.status == STERNA_OK) return STERNA_OK;
        lose(device, why.text, STERNA_GPU_NO_TAG, 0);
        return lost(device, fault);
    }
    uint8_t *copy = device->host->allocate(device->host->context, (size_t)bytes, 64);
    if (!copy)
        return sterna_fail(fault, STERNA_MEMORY,
                           "mock: out of host memory for an upload of %" PRIu64 " bytes", bytes);
    c = push(device, UPLOAD, fault);
    if (!c) {
        device->host->release(device->host->context, copy);
        return STERNA_MEMORY;
    }
    memcpy(copy, src, (size_t)bytes);
    c->copy = copy;
    c->ranges[0] = (sterna_gpu_range){memory, offset, bytes};
    return STERNA_OK;
}

sterna_status sterna_mock_download(mock_device *device, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                   uint64_t bytes, sterna_fault *fault)
{
    uint8_t *data, *shadow;
    sterna_status status = finish(device, fault);
    if (status != STERNA_OK) return status;
    status =
        sterna_mock_memory_range(&device->memory, memory, offset, bytes, "download", &data, &shadow, fault);
    if (status == STERNA_OK) memcpy(dst, data, (size_t)bytes);
    return status;
}

sterna_status sterna_mock_clear(mock_device *device, sterna_gpu_memory memory, uint64_t offset,
                                uint64_t bytes, sterna_fault *fault)
{
    if (device->lost) return lost(device, fault);
    command *c = push(device, CLEAR, fault);
    if (!c) return STERNA_MEMORY;
    c->ranges[0] = (sterna_gpu_range){memory, offset, bytes};
    return STERNA_OK;
}

sterna_status sterna_mock_launch(mock_device *device, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    const mock_kernel *kernel = launch->kernel;
    if (device->lost) return lost(device, fault);
    if (launch->n_ranges != kernel->n_bounds || launch->n_words != kernel->n_words ||
        launch->n_ranges > STERNA_GPU_MAX_RANGES || launch->n_words > STERNA_GPU_MAX_WORDS)
        return sterna_fail(fault, STERNA_INTERNAL,
                           "mock:%s: %u buffers and %u words given, it takes %u and %u", kernel->name,
                           launch->n_ranges, launch->n_words, kernel->n_bounds, kernel->n_words);
    if (!launch->groups_x || !launch->groups_y || launch->groups_x > device->settings.max_groups ||
        launch->groups_y > device->settings.max_groups)
        return sterna_fail(fault, STERNA_INTERNAL,
                           "mock:%s: a grid of %u x %u groups; from 1 to %" PRIu64 " can be launched",
                           kernel->name, launch->groups_x, launch->groups_y, device->settings.max_groups);
    uint64_t number = device->launches + 1;
    if (number == device->settings.fail_launch) {
        device->launches = number;
        return sterna_fail(fault, STERNA_DEVICE, "mock:%s: launch %" PRIu64 " is refused by its profile",
                           kernel->name, number);
    }
    for (uint32_t i = 0; i < launch->n_ranges; i++) {
        sterna_status status =
            kernel->bound_written[i]
                ? sterna_mock_memory_watch(&device->memory, launch->ranges[i].memory, fault)
                : STERNA_OK;
        if (status != STERNA_OK) return status;
    }
    command *c = push(device, LAUNCH, fault);
    if (!c) return STERNA_MEMORY;
    device->launches = number;
    c->number = number;
    c->kernel = kernel;
    c->groups_x = launch->groups_x;
    c->groups_y = launch->groups_y;
    c->tag = launch->tag;
    c->n_ranges = launch->n_ranges;
    memcpy(c->ranges, launch->ranges, launch->n_ranges * sizeof *c->ranges);
    memcpy(c->words, launch->words, launch->n_words * sizeof *c->words);
    return STERNA_OK;
}

sterna_status sterna_mock_fence(mock_device *device, uint64_t *fence, sterna_fault *fault)
{
    if (device->lost) return lost(device, fault);
    command *c = push(device, FENCE, fault);
    if (!c) return STERNA_MEMORY;
    c->number = ++device->fences;
    *fence = c->number;
    return STERNA_OK;
}

sterna_status sterna_mock_wait(mock_device *device, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                               sterna_fault *fault)
{
    sterna_status status = run_until(device, fence);
    if (status == STERNA_TIMEOUT && !watchdog(device, milliseconds))
        return sterna_fail(
            fault, STERNA_TIMEOUT, "mock:%s: launch %" PRIu64 " has not ended after %" PRIu64 " ms",
            device->queue[device->first].kernel->name, device->queue[device->first].number, device->hung_for);
    if (status == STERNA_OK) return STERNA_OK;
    if (fence == device->lost_fence) *tag = device->lost_tag;
    return lost(device, fault);
}
