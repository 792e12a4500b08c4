/* Streams: what was asked for waits here until a call needs it done. Commands of several streams are then issued to the
 * mock in a drawn order, of which only the order within a stream, events and the default stream take anything away. */
#include "base/mem.h"
#include "base/size.h"
#include "mock_driver.h"
#include "vendor.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* xorshift64* (Vigna 2016). */
static uint32_t draw(vendor_context *context)
{
    context->random ^= context->random >> 12;
    context->random ^= context->random << 25;
    context->random ^= context->random >> 27;
    return (uint32_t)(context->random * 0x2545f4914f6cdd1dull >> 32);
}

/* Issuing. */

/* Until the mock has done what was issued. */
static vendor_code settle(vendor_context *context)
{
    sterna_fault fault = {0};
    uint64_t fence;
    uint32_t tag;
    sterna_status status = sterna_mock_driver.fence(context->gpu, &fence, &fault);
    if (status == STERNA_OK) status = sterna_mock_driver.wait(context->gpu, fence, 0, &tag, &fault);
    return sterna_vendor_status(context, status, fault.text);
}

static void issue_copy(vendor_context *context, const vendor_command *c)
{
    char why[200];
    sterna_fault fault = {0};
    const char *way = c->verb == VENDOR_COPY_IN ? "to the device" : "from the device";
    const vendor_allocation *at =
        sterna_vendor_space_range(&context->space, c->address, c->bytes, why, sizeof why);
    if (!at) {
        sterna_vendor_break(context, VENDOR_ILLEGAL_ADDRESS, "a copy %s: %s", way, why);
        return;
    }
    if (c->host && !sterna_vendor_space_pinned(&context->space, c->host, c->bytes)) {
        sterna_vendor_break(context, VENDOR_ILLEGAL_ADDRESS,
                            "a copy %s: its page-locked memory was freed before the copy ran", way);
        return;
    }
    if (c->verb == VENDOR_COPY_OUT && settle(context) != VENDOR_SUCCESS) return;
    sterna_status status = c->verb == VENDOR_COPY_IN
                               ? sterna_mock_driver.upload(context->gpu, at->memory, c->address - at->base,
                                                           c->host ? c->host : c->staged, c->bytes, &fault)
                               : sterna_mock_driver.download(context->gpu, at->memory, c->address - at->base,
                                                             c->host, c->bytes, &fault);
    sterna_vendor_status(context, status, fault.text);
}

static void issue_fill(vendor_context *context, const vendor_command *c)
{
    enum { WORDS = 1024 };
    uint32_t words[WORDS];
    char why[200];
    sterna_fault fault = {0};
    const vendor_allocation *at =
        sterna_vendor_space_range(&context->space, c->address, c->bytes, why, sizeof why);
    if (!at) {
        sterna_vendor_break(context, VENDOR_ILLEGAL_ADDRESS, "a fill: %s", why);
        return;
    }
    uint64_t offset = c->address - at->base;
    sterna_status status = STERNA_OK;
    if (c->pattern == 0) {
        status = sterna_mock_driver.clear(context->gpu, at->memory, offset, c->bytes, &fault);
    } else {
        for (uint32_t i = 0; i < WORDS; i++) words[i] = c->pattern;
        for (uint64_t done = 0; done < c->bytes && status == STERNA_OK; done += sizeof words)
            status = sterna_mock_driver.upload(
                context->gpu, at->memory, offset + done, words,
                c->bytes - done < sizeof words ? c->bytes - done : sizeof words, &fault);
    }
    sterna_vendor_status(context, status, fault.text);
}

/* A pointer is bound to what is left of its allocation: the driver does not know how much of it a kernel may touch. */
static void issue_launch(vendor_context *context, const vendor_command *c)
{
    char why[200];
    sterna_fault fault = {0};
    sterna_gpu_range ranges[STERNA_GPU_MAX_RANGES];
    const mock_kernel *kernel = c->kernel;
    if (!sterna_vendor_object(VENDOR_MODULE, c->module)) {
        sterna_vendor_break(context, VENDOR_ILLEGAL_ADDRESS, "mock:%s: its module was unloaded before it ran",
                            kernel->name);
        return;
    }
    for (uint32_t i = 0; i < kernel->n_bounds; i++) {
        const vendor_allocation *at =
            sterna_vendor_space_range(&context->space, c->pointers[i], 1, why, sizeof why);
        if (!at) {
            sterna_vendor_break(context, VENDOR_ILLEGAL_ADDRESS, "mock:%s, argument %s: %s", kernel->name,
                                kernel->bound_names[i], why);
            return;
        }
        uint64_t offset = c->pointers[i] - at->base;
        ranges[i] = (sterna_gpu_range){at->memory, offset, (at->bytes - offset) & ~3ull};
    }
    const sterna_gpu_launch launch = {.kernel = kernel,
                                      .groups_x = c->groups_x,
                                      .groups_y = c->groups_y,
                                      .ranges = ranges,
                                      .words = c->words,
                                      .n_ranges = kernel->n_bounds,
                                      .n_words = kernel->n_words,
                                      .tag = STERNA_GPU_NO_TAG};
    sterna_vendor_status(context, sterna_mock_driver.launch(context->gpu, &launch, &fault), fault.text);
}

static bool can_issue(const vendor_stream *stream)
{
    const vendor_command *c = stream->waiting.first;
    return c && (c->verb != VENDOR_WAIT || c->mark->issued);
}

static void issue(vendor_stream *stream)
{
    vendor_context *context = stream->context;
    const vendor_command *c = stream->waiting.first;
    sterna_fault fault = {0};
    switch (c->verb) {
    case VENDOR_COPY_IN:
    case VENDOR_COPY_OUT:
        issue_copy(context, c);
        break;
    case VENDOR_FILL:
        issue_fill(context, c);
        break;
    case VENDOR_LAUNCH:
        issue_launch(context, c);
        break;
    case VENDOR_RECORD:
        sterna_vendor_status(context, sterna_mock_driver.fence(context->gpu, &c->mark->fence, &fault),
                             fault.text);
        c->mark->issued = true;
        break;
    case VENDOR_WAIT:
        break;
    }
    sterna_vendor_list_pop(&stream->waiting);
}

/* Issues one command of a drawn stream. False when there is none. */
static bool issue_any(vendor_context *context)
{
    uint32_t ready = 0;
    for (const vendor_stream *s = context->streams; s; s = s->next) ready += can_issue(s);
    if (ready == 0) return false;
    uint32_t chosen = draw(context) % ready;
    for (vendor_stream *s = context->streams; s; s = s->next)
        if (can_issue(s) && chosen-- == 0) {
            issue(s);
            return true;
        }
    return false;
}

vendor_code sterna_vendor_wait(vendor_context *context, const vendor_stream *only)
{
    while (context->sticky == VENDOR_SUCCESS && (!only || only->waiting.first) && issue_any(context)) {}
    return context->sticky == VENDOR_SUCCESS ? settle(context) : context->sticky;
}

/* Streams. */

vendor_stream *sterna_vendor_stream(vendor_context *context, const void *handle)
{
    vendor_stream *stream = NULL;
    if (!handle) /* the last of the list */
        for (stream = context->streams; stream->next; stream = stream->next) {}
    else
        stream = sterna_vendor_object(VENDOR_STREAM, handle);
    if (!stream) sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no stream", handle);
    return stream;
}

vendor_code sterna_vendor_stream_create(void **out, bool blocking)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    vendor_stream *stream = sterna_alloc(1, sizeof *stream);
    if (stream) stream->handle = sterna_vendor_handle(VENDOR_STREAM, stream);
    if (!stream || !stream->handle) {
        sterna_free(stream);
        return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for a stream");
    }
    stream->context = context;
    stream->blocking = blocking;
    stream->next = context->streams;
    context->streams = stream;
    *out = stream->handle;
    return VENDOR_SUCCESS;
}

void sterna_vendor_stream_end(vendor_stream *stream)
{
    vendor_stream **at = &stream->context->streams;
    while (*at != stream) at = &(*at)->next;
    *at = stream->next;
    sterna_vendor_list_clear(&stream->waiting);
    if (stream->capture) sterna_vendor_graph_end(stream->capture);
    if (stream->handle) sterna_vendor_forget(stream->handle);
    sterna_free(stream);
}

/* What was asked of it is done all the same. */
vendor_code sterna_vendor_stream_destroy(const void *handle)
{
    vendor_stream *stream = handle ? sterna_vendor_object(VENDOR_STREAM, handle) : NULL;
    if (!stream) return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no stream to be destroyed", handle);
    vendor_code code = sterna_vendor_any_current();
    if (code != VENDOR_SUCCESS) return code;
    code = sterna_vendor_wait(stream->context, stream);
    sterna_vendor_stream_end(stream);
    return code;
}

/* `later` waits for all that `earlier` has been asked to do. */
static bool order(vendor_stream *earlier, vendor_stream *later)
{
    if (!earlier->waiting.first) return true;
    vendor_mark *mark = sterna_alloc(1, sizeof *mark);
    if (!mark) return false;
    mark->holders = 2;
    const vendor_command record = {.verb = VENDOR_RECORD, .mark = mark},
                         wait = {.verb = VENDOR_WAIT, .mark = mark};
    bool recorded = sterna_vendor_list_add(&earlier->waiting, &record);
    if (recorded) return sterna_vendor_list_add(&later->waiting, &wait);
    sterna_vendor_mark_drop(mark);
    return false;
}

/* The default stream comes after all that other streams were asked before, and they after it, but for those that were
 * made not to wait for it. */
static bool order_default(vendor_stream *stream)
{
    vendor_stream *null_stream = sterna_vendor_stream(stream->context, NULL);
    if (stream != null_stream) return !stream->blocking || order(null_stream, stream);
    for (vendor_stream *s = stream->context->streams; s != stream; s = s->next)
        if (s->blocking && !order(s, stream)) return false;
    return true;
}

/* The default stream would have to wait for what a captured stream has not done yet. */
static vendor_code capture_waits(const vendor_stream *stream)
{
    vendor_code code = VENDOR_SUCCESS;
    for (vendor_stream *s = stream->context->streams; s && !stream->handle; s = s->next)
        if (s->capture && s->blocking)
            code = sterna_vendor_spoil(s, VENDOR_STREAM_CAPTURE_IMPLICIT, "work for the default stream");
    return code;
}

vendor_code sterna_vendor_push(vendor_stream *stream, const vendor_command *command)
{
    if (stream->capture) return sterna_vendor_capture_add(stream, command);
    vendor_code code = capture_waits(stream);
    bool ordered = code == VENDOR_SUCCESS && order_default(stream);
    if (!ordered) {
        sterna_free(command->staged);
        sterna_vendor_mark_drop(command->mark);
    }
    if (code != VENDOR_SUCCESS) return code;
    return ordered && sterna_vendor_list_add(&stream->waiting, command)
               ? VENDOR_SUCCESS
               : sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for a command");
}

/* Events. */

vendor_code sterna_vendor_event_create(void **out)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    vendor_event *event = sterna_alloc(1, sizeof *event);
    if (event) event->handle = sterna_vendor_handle(VENDOR_EVENT, event);
    if (!event || !event->handle) {
        sterna_free(event);
        return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for an event");
    }
    event->context = context;
    event->next = context->events;
    context->events = event;
    *out = event->handle;
    return VENDOR_SUCCESS;
}

void sterna_vendor_event_end(vendor_event *event)
{
    vendor_event **at = &event->context->events;
    while (*at != event) at = &(*at)->next;
    *at = event->next;
    sterna_vendor_mark_drop(event->mark);
    sterna_vendor_forget(event->handle);
    sterna_free(event);
}

vendor_code sterna_vendor_event_destroy(const void *handle)
{
    vendor_event *event = sterna_vendor_object(VENDOR_EVENT, handle);
    if (!event) return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no event to be destroyed", handle);
    vendor_code code = sterna_vendor_any_current();
    if (code == VENDOR_SUCCESS) sterna_vendor_event_end(event);
    return code;
}

vendor_code sterna_vendor_event_record(const void *handle, const void *stream_handle)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    vendor_event *event = sterna_vendor_object(VENDOR_EVENT, handle);
    vendor_stream *stream = sterna_vendor_stream(context, stream_handle);
    if (!event) return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no event to be recorded", handle);
    if (!stream) return VENDOR_INVALID_HANDLE;
    vendor_mark *mark = sterna_alloc(1, sizeof *mark);
    if (!mark) return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for a mark");
    mark->holders = 2;
    code = sterna_vendor_push(stream, &(vendor_command){.verb = VENDOR_RECORD, .mark = mark});
    if (code != VENDOR_SUCCESS) {
        sterna_vendor_mark_drop(mark);
        return code;
    }
    sterna_vendor_mark_drop(event->mark);
    event->mark = mark;
    return VENDOR_SUCCESS;
}

/* Half of the queries do as much as is needed; the others do a part of what waits, and mostly see that it was not
 * enough. A launch that hangs is a millisecond older after each. */
vendor_code sterna_vendor_event_query(const void *handle)
{
    vendor_context *context;
    sterna_fault fault = {0};
    uint32_t tag, waiting = 0;
    vendor_code code = sterna_vendor_outside_capture(&context);
    if (code != VENDOR_SUCCESS) return code;
    vendor_event *event = sterna_vendor_object(VENDOR_EVENT, handle);
    if (!event) return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no event to be asked", handle);
    if (!event->mark) return VENDOR_SUCCESS; /* never recorded */
    for (const vendor_stream *s = context->streams; s; s = s->next) waiting += s->waiting.count;
    uint32_t steps = draw(context) % 2 ? UINT32_MAX : draw(context) % (waiting + 1);
    while (!event->mark->issued && steps-- > 0 && context->sticky == VENDOR_SUCCESS && issue_any(context)) {}
    if (context->sticky != VENDOR_SUCCESS) return context->sticky;
    if (!event->mark->issued) return VENDOR_NOT_READY;
    sterna_status status = sterna_mock_driver.wait(context->gpu, event->mark->fence, 1, &tag, &fault);
    return status == STERNA_TIMEOUT ? VENDOR_NOT_READY : sterna_vendor_status(context, status, fault.text);
}
