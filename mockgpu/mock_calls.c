/* What the driver offers, one function a call: its checks, the faults it was told to have, its line in the log. */
#include "mock_device.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SMALL_BYTES = 64 * 1024 };

sterna_status sterna_mock_device_make(const sterna_host *host, const mock_settings *settings,
                                      mock_device **out, sterna_fault *fault)
{
    mock_device *device = host->allocate(host->context, sizeof *device, 64);
    if (!device) return sterna_fail(fault, STERNA_MEMORY, "mock: out of host memory");
    memset(device, 0, sizeof *device);
    device->host = host;
    device->settings = *settings;
    device->random = (settings->seed + 1) * 0x9e3779b97f4a7c15ull | 1u;
    sterna_mock_memory_init(&device->memory, host, settings->memory);
    sterna_status status = STERNA_OK;
    device->machine =
        sterna_mock_machine_make(host, (uint32_t)settings->warp, settings->seed, settings->steps);
    if (!device->machine) status = sterna_fail(fault, STERNA_MEMORY, "mock: out of host memory");
    if (status == STERNA_OK) status = sterna_mock_bill_begin(&device->bill, settings, fault);
    if (status != STERNA_OK) {
        sterna_mock_machine_free(device->machine);
        host->release(host->context, device);
        return status;
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
    char counts[160];
    snprintf(counts, sizeof counts,
             "\"allocations\":%" PRIu64 ",\"leaked\":%u,\"lookups\":%" PRIu64 ",\"copies\":%" PRIu64,
             device->allocations, leaked, device->lookups, device->copies);
    sterna_mock_bill_end(&device->bill, counts, host);
    host->release(host->context, device);
}

/* ---- Memory ---- */

static uint64_t small_blocks(const mock_device *device)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < device->memory.count; i++)
        count += device->memory.blocks[i].base && device->memory.blocks[i].bytes <= SMALL_BYTES;
    return count;
}

static sterna_status alloc(mock_device *device, uint64_t bytes, sterna_gpu_memory *memory,
                           sterna_fault *fault)
{
    uint64_t number = ++device->allocations, after = device->settings.hang_alloc;
    if (number == device->settings.fail_alloc)
        return sterna_fail(fault, STERNA_MEMORY, "mock: allocation %" PRIu64 " is refused by its profile",
                           number);
    if (after && small_blocks(device) >= after) {
        char text[200];
        snprintf(text, sizeof text,
                 "mock: allocation %" PRIu64 " of %" PRIu64
                 " bytes did not return within the watchdog's %" PRIu64 " ms; device lost",
                 number, bytes, device->settings.watchdog);
        sterna_mock_lose(device, text, STERNA_GPU_NO_TAG, 0);
        return sterna_mock_is_lost(device, fault);
    }
    return sterna_mock_memory_alloc(&device->memory, bytes, memory, fault);
}

sterna_status sterna_mock_alloc(mock_device *device, uint64_t bytes, sterna_gpu_memory *memory,
                                sterna_fault *fault)
{
    sterna_gpu_memory made = 0;
    if (device->lost) return sterna_mock_is_lost(device, fault);
    sterna_status status = alloc(device, bytes, &made, fault);
    sterna_mock_log(&device->bill, "alloc", "\"memory\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"result\":\"%s\"",
                    made, bytes, sterna_status_name(status));
    if (status == STERNA_OK) *memory = made;
    return status;
}

void sterna_mock_free(mock_device *device, sterna_gpu_memory memory)
{
    sterna_fault fault = {0};
    sterna_mock_finish(device, NULL);
    sterna_status status = sterna_mock_memory_free(&device->memory, memory, &fault);
    sterna_mock_log(&device->bill, "free", "\"memory\":%" PRIu64 ",\"result\":\"%s\"", memory,
                    sterna_status_name(status));
    if (status != STERNA_OK) sterna_mock_lose(device, fault.text, STERNA_GPU_NO_TAG, 0);
}

/* ---- Copies ---- */

static bool lost_in_copy(mock_device *device, uint64_t number)
{
    char text[80];
    if (number != device->settings.lose_copy) return false;
    snprintf(text, sizeof text, "mock: device lost in copy %" PRIu64, number);
    sterna_mock_lose(device, text, STERNA_GPU_NO_TAG, 0);
    return true;
}

static void log_copy(mock_device *device, const char *call, uint64_t number, const sterna_gpu_range *range,
                     sterna_status status)
{
    uint64_t cost = status == STERNA_OK ? sterna_mock_bill_copy(&device->bill, &device->settings,
                                                                call[0] == 'u', range->bytes)
                                        : 0;
    sterna_mock_log(&device->bill, call,
                    "\"copy\":%" PRIu64 ",\"memory\":%" PRIu64 ",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64
                    ",\"ns\":%" PRIu64 ",\"result\":\"%s\"",
                    number, range->memory, range->offset, range->bytes, cost / 1000,
                    sterna_status_name(status));
}

static sterna_status upload(mock_device *device, const sterna_gpu_range *to, const void *src, uint64_t number,
                            sterna_fault *fault)
{
    if (lost_in_copy(device, number)) return sterna_mock_is_lost(device, fault);
    if (device->first == device->count) { /* nothing before it */
        sterna_fault why = {0};
        if (sterna_mock_copy_in(device, to, src, number, &why) == STERNA_OK) return STERNA_OK;
        sterna_mock_lose(device, why.text, STERNA_GPU_NO_TAG, 0);
        return sterna_mock_is_lost(device, fault);
    }
    uint8_t *copy = device->host->allocate(device->host->context, (size_t)to->bytes, 64);
    if (!copy)
        return sterna_fail(fault, STERNA_MEMORY,
                           "mock: out of host memory for an upload of %" PRIu64 " bytes", to->bytes);
    mock_command *c = sterna_mock_push(device, MOCK_UPLOAD, fault);
    if (!c) {
        device->host->release(device->host->context, copy);
        return STERNA_MEMORY;
    }
    memcpy(copy, src, (size_t)to->bytes);
    c->copy = copy;
    c->number = number;
    c->n_ranges = 1;
    c->ranges[0] = *to;
    return STERNA_OK;
}

sterna_status sterna_mock_upload(mock_device *device, sterna_gpu_memory memory, uint64_t offset,
                                 const void *src, uint64_t bytes, sterna_fault *fault)
{
    const sterna_gpu_range to = {memory, offset, bytes};
    if (device->lost) return sterna_mock_is_lost(device, fault);
    uint64_t number = ++device->copies;
    sterna_status status = upload(device, &to, src, number, fault);
    log_copy(device, "upload", number, &to, status);
    return status;
}

static sterna_status download(mock_device *device, const sterna_gpu_range *from, uint8_t *dst,
                              uint64_t number, sterna_fault *fault)
{
    const mock_settings *settings = &device->settings;
    const mock_command *pending = settings->strict_reads ? sterna_mock_pending_write(device, from) : NULL;
    if (pending)
        return sterna_fail(fault, STERNA_DEVICE,
                           "mock: download of %" PRIu64 " bytes at %" PRIu64 " of memory %" PRIu64
                           ", which %s %" PRIu64 " is still to write: wait for its mark first (strict_reads)",
                           from->bytes, from->offset, from->memory,
                           pending->kind == MOCK_LAUNCH ? pending->kernel->name : "a copy", pending->number);
    sterna_status status = settings->lie_fence ? STERNA_OK : sterna_mock_finish(device, fault);
    uint8_t *data, *shadow;
    uint64_t at = 0, bytes = from->bytes;
    if (status == STERNA_OK && lost_in_copy(device, number)) status = sterna_mock_is_lost(device, fault);
    if (status == STERNA_OK)
        status = sterna_mock_memory_range(&device->memory, from->memory, from->offset, from->bytes,
                                          "download", &data, &shadow, fault);
    if (status != STERNA_OK) return status;
    if (from->offset > 0 && settings->offset_read == MOCK_OFFSET_READ_ERROR)
        return sterna_fail(fault, STERNA_DEVICE,
                           "mock: download of %" PRIu64 " bytes at %" PRIu64 " of memory %" PRIu64
                           ": this driver cannot read from inside an allocation",
                           from->bytes, from->offset, from->memory);
    bool stale = from->offset > 0 && settings->offset_read == MOCK_OFFSET_READ_STALE;
    if (sterna_mock_lie(device, number, &at, &bytes) || stale)
        sterna_mock_memory_fresh(dst, from->offset, from->bytes);
    if (!stale) memcpy(dst + at, data, (size_t)bytes);
    return STERNA_OK;
}

sterna_status sterna_mock_download(mock_device *device, sterna_gpu_memory memory, uint64_t offset, void *dst,
                                   uint64_t bytes, sterna_fault *fault)
{
    const sterna_gpu_range from = {memory, offset, bytes};
    uint64_t number = ++device->copies;
    sterna_status status = download(device, &from, dst, number, fault);
    log_copy(device, "download", number, &from, status);
    return status;
}

sterna_status sterna_mock_clear(mock_device *device, sterna_gpu_memory memory, uint64_t offset,
                                uint64_t bytes, sterna_fault *fault)
{
    if (device->lost) return sterna_mock_is_lost(device, fault);
    mock_command *c = sterna_mock_push(device, MOCK_CLEAR, fault);
    if (!c) return STERNA_MEMORY;
    c->n_ranges = 1;
    c->ranges[0] = (sterna_gpu_range){memory, offset, bytes};
    sterna_mock_log(&device->bill, "clear",
                    "\"memory\":%" PRIu64 ",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"result\":\"OK\"",
                    memory, offset, bytes);
    return STERNA_OK;
}

/* ---- Kernels ---- */

sterna_status sterna_mock_lookup(mock_device *device, const char *id, const mock_kernel *kernel,
                                 const void **out, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    uint64_t number = ++device->lookups;
    if (number == device->settings.fail_kernel)
        status =
            sterna_fail(fault, STERNA_UNSUPPORTED,
                        "mock: look-up %" PRIu64 ", of kernel %s, is refused by its profile", number, id);
    else if (!kernel)
        status = sterna_fail(fault, STERNA_UNSUPPORTED, "mock: kernel %s is not built", id);
    else
        *out = number == device->settings.null_kernel ? NULL : kernel;
    sterna_mock_log(&device->bill, "kernel", "\"lookup\":%" PRIu64 ",\"kernel\":\"%s\",\"result\":\"%s\"",
                    number, id, sterna_status_name(status));
    return status;
}

static sterna_status check_launch(const mock_device *device, const sterna_gpu_launch *launch, uint64_t number,
                                  sterna_fault *fault)
{
    const mock_kernel *kernel = launch->kernel;
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
    if (kernel->group_size > device->settings.max_group_items)
        return sterna_fail(fault, STERNA_INTERNAL,
                           "mock:%s: groups of %u items; %" PRIu64 " are this device's limit", kernel->name,
                           kernel->group_size, device->settings.max_group_items);
    if (number == device->settings.fail_launch)
        return sterna_fail(fault, STERNA_DEVICE, "mock:%s: launch %" PRIu64 " is refused by its profile",
                           kernel->name, number);
    return STERNA_OK;
}

static sterna_status queue_launch(mock_device *device, const sterna_gpu_launch *launch, uint64_t number,
                                  sterna_fault *fault)
{
    const mock_kernel *kernel = launch->kernel;
    for (uint32_t i = 0; i < launch->n_ranges; i++) {
        sterna_status status =
            kernel->bound_written[i]
                ? sterna_mock_memory_watch(&device->memory, launch->ranges[i].memory, fault)
                : STERNA_OK;
        if (status != STERNA_OK) return status;
    }
    mock_command *c = sterna_mock_push(device, MOCK_LAUNCH, fault);
    if (!c) return STERNA_MEMORY;
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

static void log_launch(mock_device *device, const sterna_gpu_launch *launch, uint64_t number,
                       sterna_status status)
{
    const mock_kernel *kernel = launch->kernel;
    char ranges[STERNA_GPU_MAX_RANGES * 66];
    int n = 0;
    if (!device->bill.log) return;
    for (uint32_t i = 0; i < launch->n_ranges && i < STERNA_GPU_MAX_RANGES; i++)
        n += snprintf(ranges + n, sizeof ranges - (size_t)n, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]",
                      i ? "," : "", launch->ranges[i].memory, launch->ranges[i].offset,
                      launch->ranges[i].bytes);
    sterna_mock_log(&device->bill, "launch",
                    "\"launch\":%" PRIu64
                    ",\"kernel\":\"%s\",\"grid\":[%u,%u],\"ranges\":[%s],\"tag\":%u,\"result\":\"%s\"",
                    number, kernel->name, launch->groups_x, launch->groups_y, ranges, launch->tag,
                    sterna_status_name(status));
}

sterna_status sterna_mock_launch(mock_device *device, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    if (device->lost) return sterna_mock_is_lost(device, fault);
    uint64_t number = device->launches + 1;
    sterna_status status = check_launch(device, launch, number, fault);
    if (status != STERNA_INTERNAL) device->launches = number;
    if (status == STERNA_OK) status = queue_launch(device, launch, number, fault);
    log_launch(device, launch, number, status);
    return status;
}

/* ---- Marks ---- */

sterna_status sterna_mock_fence(mock_device *device, uint64_t *fence, sterna_fault *fault)
{
    if (device->lost) return sterna_mock_is_lost(device, fault);
    mock_command *c = sterna_mock_push(device, MOCK_FENCE, fault);
    if (!c) return STERNA_MEMORY;
    c->number = ++device->marks;
    *fence = c->number;
    sterna_mock_log(&device->bill, "fence", "\"mark\":%" PRIu64 ",\"result\":\"OK\"", c->number);
    return STERNA_OK;
}

/* The work is done; a wait with a limit may learn of it late, up to so many times as the seed says for this mark. */
static bool tells_late(mock_device *device, uint64_t mark, uint32_t milliseconds)
{
    uint64_t most = device->settings.late;
    if (milliseconds == 0 || most == 0) return false;
    if (device->told_late != mark) {
        device->told_late = mark;
        device->late_times = sterna_mock_draw(device, most + 1);
    }
    if (device->late_times == 0) return false;
    device->late_times--;
    return true;
}

static sterna_status wait_for(mock_device *device, uint64_t mark, uint32_t milliseconds, uint32_t *tag,
                              sterna_fault *fault)
{
    /* A device that lies is one submission behind. */
    sterna_status status = sterna_mock_run_until(device, device->settings.lie_fence ? mark - 1 : mark);
    if (status == STERNA_OK && tells_late(device, mark, milliseconds))
        return sterna_fail(fault, STERNA_TIMEOUT, "mock: mark %" PRIu64 " is not reported after %u ms", mark,
                           milliseconds);
    if (status == STERNA_TIMEOUT && !sterna_mock_watchdog(device, milliseconds))
        return sterna_fail(
            fault, STERNA_TIMEOUT, "mock:%s: launch %" PRIu64 " has not ended after %" PRIu64 " ms",
            device->queue[device->first].kernel->name, device->queue[device->first].number, device->hung_for);
    if (status == STERNA_OK) return STERNA_OK;
    if (mark == device->lost_mark) *tag = device->lost_tag;
    return sterna_mock_is_lost(device, fault);
}

sterna_status sterna_mock_wait(mock_device *device, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                               sterna_fault *fault)
{
    sterna_status status = wait_for(device, fence, milliseconds, tag, fault);
    sterna_mock_log(&device->bill, "wait", "\"mark\":%" PRIu64 ",\"milliseconds\":%u,\"result\":\"%s\"",
                    fence, milliseconds, sterna_status_name(status));
    return status;
}
