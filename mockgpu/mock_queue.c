/* Commands wait in the queue until a wait, a read or a free needs them done, and then run in a drawn order of those that
 * the driver contract allows (gpu_driver.h): a command may run before earlier ones that touch nothing it writes and write
 * nothing it touches. Time is the mock's own: waiting for a hang moves the clock and returns, so tests of the watchdog take
 * no time. */
#include "mock_device.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t sterna_mock_draw(mock_device *device, uint64_t limit)
{
    device->random ^= device->random >> 12; /* xorshift64* (Vigna 2016) */
    device->random ^= device->random << 25;
    device->random ^= device->random >> 27;
    return (device->random * 0x2545f4914f6cdd1dull >> 11) % limit;
}

sterna_status sterna_mock_is_lost(const mock_device *device, sterna_fault *fault)
{
    return sterna_fail(fault, STERNA_DEVICE, "%s", device->loss.text);
}

void sterna_mock_lose(mock_device *device, const char *text, uint32_t tag, uint64_t mark)
{
    if (device->lost) return;
    device->lost = true;
    device->hangs = false;
    device->lost_tag = tag;
    device->lost_mark = mark;
    sterna_fail(&device->loss, STERNA_DEVICE, "%s", text);
}

mock_command *sterna_mock_push(mock_device *device, mock_command_kind kind, sterna_fault *fault)
{
    if (device->first == device->count) device->first = device->count = 0;
    if (device->count == device->capacity) {
        uint32_t waiting = device->count - device->first, capacity = waiting < 64 ? 128 : waiting * 2;
        mock_command *queue = device->host->allocate(device->host->context, capacity * sizeof *queue, 64);
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
    mock_command *c = &device->queue[device->count++];
    memset(c, 0, offsetof(mock_command, ranges));
    c->kind = kind;
    c->tag = STERNA_GPU_NO_TAG;
    c->mark = device->marks + 1;
    return c;
}

/* ---- Order ---- */

static bool writes(const mock_command *c, uint32_t range)
{
    return c->kind != MOCK_LAUNCH || c->kernel->bound_written[range];
}

static bool overlap(const sterna_gpu_range *a, const sterna_gpu_range *b)
{
    return a->memory == b->memory && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* Whether `later` has to wait for `earlier`. A mark waits for everything before it, and only marks wait for one: what
 * stands behind it may run before it is reported. Status words, the last range of every launch, are only ever or-ed
 * into, which launches may do in any order. */
static bool depends(const mock_command *later, const mock_command *earlier)
{
    if (later->kind == MOCK_FENCE) return true;
    if (earlier->kind == MOCK_FENCE) return false;
    bool launches = later->kind == MOCK_LAUNCH && earlier->kind == MOCK_LAUNCH;
    for (uint32_t i = 0; i < later->n_ranges; i++)
        for (uint32_t k = 0; k < earlier->n_ranges; k++) {
            bool both_status = launches && i + 1 == later->n_ranges && k + 1 == earlier->n_ranges;
            if (!both_status && (writes(later, i) || writes(earlier, k)) &&
                overlap(&later->ranges[i], &earlier->ranges[k]))
                return true;
        }
    return false;
}

/* Draws one of the next `reorder` commands and brings it, or the first one that it has to wait for, to the front. */
static void draw_next(mock_device *device)
{
    mock_command *queue = device->queue + device->first, chosen;
    uint32_t waiting = device->count - device->first,
             window = waiting < device->settings.reorder ? waiting : (uint32_t)device->settings.reorder;
    if (window < 2) return;
    uint32_t at = (uint32_t)sterna_mock_draw(device, window);
    for (uint32_t k = 0; k < at; k++)
        if (depends(&queue[at], &queue[k])) {
            at = k;
            k = UINT32_MAX; /* from the begin again, for the earlier one */
        }
    if (at == 0) return;
    chosen = queue[at];
    memmove(queue + 1, queue, at * sizeof *queue);
    queue[0] = chosen;
}

const mock_command *sterna_mock_pending_write(const mock_device *device, const sterna_gpu_range *range)
{
    for (uint32_t c = device->first; c < device->count; c++) {
        const mock_command *command = &device->queue[c];
        for (uint32_t i = 0; i < command->n_ranges; i++)
            if (writes(command, i) && overlap(&command->ranges[i], range)) return command;
    }
    return NULL;
}

/* ---- Running ---- */

static sterna_status bind_range(mock_device *device, const mock_command *c, uint32_t i, mock_bound *bound,
                                sterna_fault *fault)
{
    const sterna_gpu_range *range = &c->ranges[i];
    const mock_settings *settings = &device->settings;
    uint64_t alignment =
        settings->real_alignment > settings->alignment ? settings->real_alignment : settings->alignment;
    char what[100];
    uint8_t *data, *shadow;
    snprintf(what, sizeof what, "%s, argument %s", c->kernel->name, c->kernel->bound_names[i]);
    if (range->offset % alignment || range->bytes % 4 || range->bytes > settings->max_binding)
        return sterna_fail(fault, STERNA_DEVICE,
                           "mock:%s: %" PRIu64 " bytes at %" PRIu64 " cannot be bound (alignment %" PRIu64
                           ", at most %" PRIu64 " bytes)",
                           what, range->bytes, range->offset, alignment, settings->max_binding);
    sterna_status status = sterna_mock_memory_range(&device->memory, range->memory, range->offset,
                                                    range->bytes, what, &data, &shadow, fault);
    if (status == STERNA_OK) {
        *bound = (mock_bound){.words = (uint32_t *)(void *)data,
                              .shadow = shadow,
                              .count = (uint32_t)(range->bytes / 4),
                              .name = c->kernel->bound_names[i]};
        /* What is only read is watched, too, where another argument writes there. */
        bool watched = false;
        for (uint32_t k = 0; k < c->n_ranges && !watched; k++)
            watched = c->kernel->bound_written[k] && (k == i || overlap(range, &c->ranges[k]));
        if (watched)
            bound->touched = sterna_mock_memory_touched(&device->memory, range->memory, range->offset);
    }
    return status;
}

/* TIMEOUT: the launch never ends, and device->hang_text says where it goes round. */
static sterna_status run_launch(mock_device *device, const mock_command *c, sterna_fault *fault)
{
    mock_bound bounds[STERNA_GPU_MAX_RANGES];
    mock_traffic traffic = {0};
    sterna_status status = STERNA_OK;
    if (c->number == device->settings.flip_memory) sterna_mock_flip_memory(device);
    for (uint32_t i = 0; i < c->n_ranges && status == STERNA_OK; i++)
        status = bind_range(device, c, i, &bounds[i], fault);
    if (status != STERNA_OK) return status;
    /* Before a number comes again, the marks of its last launch are wiped. */
    uint32_t number = (uint32_t)(device->executed++ % ((1u << MOCK_LAUNCH_BITS) - 1)) + 1;
    if (number == 1) sterna_mock_memory_forget(&device->memory);
    mock_launch launch = {c->kernel, c->groups_x, c->groups_y, bounds, c->words, number};
    status = sterna_mock_machine_run(device->machine, &launch, &traffic, fault);
    for (uint32_t i = 0; i < c->n_ranges && status == STERNA_OK; i++)
        status = sterna_mock_memory_check(&device->memory, c->ranges[i].memory, fault);
    if (status == STERNA_OK && c->number == device->settings.flip_bit)
        sterna_mock_flip_output(device, c, number);
    if (status == STERNA_TIMEOUT) return status;
    uint64_t cost = sterna_mock_bill_launch(&device->bill, &device->settings, &traffic);
    sterna_mock_log(&device->bill, "ran",
                    "\"launch\":%" PRIu64 ",\"kernel\":\"%s\",\"read\":%" PRIu64 ",\"written\":%" PRIu64
                    ",\"shared\":%" PRIu64 ",\"ns\":%" PRIu64 ",\"result\":\"%s\"",
                    c->number, c->kernel->name, traffic.loads * 4, traffic.stores * 4, traffic.shared,
                    cost / 1000, sterna_status_name(status));
    return status;
}

sterna_status sterna_mock_copy_in(mock_device *device, const sterna_gpu_range *to, const uint8_t *src,
                                  uint64_t number, sterna_fault *fault)
{
    uint8_t *data, *shadow;
    uint64_t at = 0, bytes = to->bytes;
    sterna_status status = sterna_mock_memory_range(&device->memory, to->memory, to->offset, to->bytes,
                                                    src ? "upload" : "clear", &data, &shadow, fault);
    if (status != STERNA_OK) return status;
    if (!src) {
        memset(data, 0, (size_t)bytes);
    } else {
        sterna_mock_lie(device, number, &at, &bytes);
        memcpy(data + at, src, (size_t)bytes);
    }
    sterna_mock_memory_written(shadow, to->offset, to->bytes);
    return STERNA_OK;
}

static void reach_mark(mock_device *device, uint64_t mark)
{
    device->done_mark = mark;
    mock_sum done = sterna_mock_bill_mark(&device->bill, &device->settings);
    sterna_mock_log(&device->bill, "reached",
                    "\"mark\":%" PRIu64 ",\"launches\":%" PRIu64 ",\"read\":%" PRIu64 ",\"written\":%" PRIu64
                    ",\"shared\":%" PRIu64 ",\"ns\":%" PRIu64,
                    mark, done.launches, done.read, done.written, done.shared, done.picoseconds / 1000);
}

/* Runs one command. False: it hangs. */
static bool run_command(mock_device *device, mock_command *c)
{
    sterna_fault fault = {0};
    switch (c->kind) {
    case MOCK_UPLOAD:
        sterna_mock_copy_in(device, &c->ranges[0], c->copy, c->number, &fault);
        device->host->release(device->host->context, c->copy);
        c->copy = NULL;
        break;
    case MOCK_CLEAR:
        sterna_mock_copy_in(device, &c->ranges[0], NULL, 0, &fault);
        break;
    case MOCK_FENCE:
        reach_mark(device, c->number);
        return true;
    case MOCK_LAUNCH:
        if (c->number == device->settings.hang_launch ||
            (c->number != device->settings.lose_launch && run_launch(device, c, &fault) == STERNA_TIMEOUT)) {
            memcpy(device->hang_text, fault.text, sizeof device->hang_text);
            device->hangs = true;
            return false;
        }
        if (c->number == device->settings.lose_launch)
            sterna_fail(&fault, STERNA_DEVICE, "mock:%s: device lost in launch %" PRIu64, c->kernel->name,
                        c->number);
        break;
    }
    if (fault.status != STERNA_OK) sterna_mock_lose(device, fault.text, c->tag, c->mark);
    return true;
}

sterna_status sterna_mock_run_until(mock_device *device, uint64_t mark)
{
    while (!device->lost && device->done_mark < mark && device->first < device->count) {
        if (!device->hangs) draw_next(device);
        if (device->hangs || !run_command(device, &device->queue[device->first])) return STERNA_TIMEOUT;
        device->first++;
    }
    return device->lost && device->done_mark < mark ? STERNA_DEVICE : STERNA_OK;
}

bool sterna_mock_watchdog(mock_device *device, uint32_t milliseconds)
{
    uint64_t limit = device->settings.watchdog, wait = milliseconds ? milliseconds : limit;
    device->hung_for += wait;
    if (device->hung_for < limit) return false;
    const mock_command *c = &device->queue[device->first];
    char text[480];
    snprintf(text, sizeof text,
             "mock:%s: launch %" PRIu64 " did not end within the watchdog's %" PRIu64
             " ms; device lost%s%.330s",
             c->kernel->name, c->number, limit, device->hang_text[0] ? ": " : "", device->hang_text);
    sterna_mock_lose(device, text, c->tag, c->mark);
    return true;
}

sterna_status sterna_mock_finish(mock_device *device, sterna_fault *fault)
{
    sterna_status status = sterna_mock_run_until(device, UINT64_MAX);
    if (status == STERNA_TIMEOUT) {
        sterna_mock_watchdog(device, 0);
        status = STERNA_DEVICE;
    }
    return status == STERNA_DEVICE ? sterna_mock_is_lost(device, fault) : STERNA_OK;
}
