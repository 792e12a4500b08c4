/* Lists of commands, captures that record them, graphs that run them again. */
#include "base/mem.h"
#include "vendor.h"
#include <inttypes.h>
#include <string.h>

/* Lists. */

void sterna_vendor_mark_drop(vendor_mark *mark)
{
    if (mark && --mark->holders == 0) sterna_free(mark);
}

static void drop(const vendor_command *command)
{
    sterna_free(command->staged);
    sterna_vendor_mark_drop(command->mark);
}

bool sterna_vendor_list_add(vendor_list *list, const vendor_command *command)
{
    vendor_command *copy = sterna_alloc(1, sizeof *copy);
    if (!copy) {
        drop(command);
        return false;
    }
    *copy = *command;
    copy->next = NULL;
    if (list->last)
        list->last->next = copy;
    else
        list->first = copy;
    list->last = copy;
    list->count++;
    return true;
}

void sterna_vendor_list_pop(vendor_list *list)
{
    vendor_command *first = list->first;
    list->first = first->next;
    if (!list->first) list->last = NULL;
    list->count--;
    drop(first);
    sterna_free(first);
}

void sterna_vendor_list_clear(vendor_list *list)
{
    while (list->first) sterna_vendor_list_pop(list);
}

/* Graphs. */

static vendor_graph *make_graph(vendor_context *context, vendor_kind kind)
{
    vendor_graph *graph = sterna_alloc(1, sizeof *graph);
    if (graph) graph->handle = sterna_vendor_handle(kind, graph);
    if (!graph || !graph->handle) {
        sterna_free(graph);
        sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for a graph");
        return NULL;
    }
    graph->context = context;
    graph->kind = kind;
    graph->next = context->graphs;
    context->graphs = graph;
    return graph;
}

void sterna_vendor_graph_end(vendor_graph *graph)
{
    vendor_graph **at = &graph->context->graphs;
    while (*at != graph) at = &(*at)->next;
    *at = graph->next;
    sterna_vendor_list_clear(&graph->commands);
    sterna_vendor_forget(graph->handle);
    sterna_free(graph);
}

/* What was launched goes on: its commands are the stream's own. */
vendor_code sterna_vendor_graph_destroy(vendor_kind kind, const void *handle)
{
    vendor_graph *graph = sterna_vendor_object(kind, handle);
    if (!graph)
        return sterna_vendor_fail(VENDOR_INVALID_VALUE, "%p is no %s to be destroyed", handle,
                                  kind == VENDOR_GRAPH ? "graph" : "executable graph");
    sterna_vendor_graph_end(graph);
    return VENDOR_SUCCESS;
}

vendor_code sterna_vendor_graph_instantiate(void **exec, const void *handle)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    const vendor_graph *graph = sterna_vendor_object(VENDOR_GRAPH, handle);
    if (!graph) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "%p is no graph", handle);
    vendor_graph *made = make_graph(context, VENDOR_EXEC);
    if (!made) return VENDOR_OUT_OF_MEMORY;
    for (const vendor_command *c = graph->commands.first; c; c = c->next)
        if (!sterna_vendor_list_add(&made->commands, c)) {
            sterna_vendor_graph_end(made);
            return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for a graph");
        }
    *exec = made->handle;
    return VENDOR_SUCCESS;
}

/* A launch that the profile refuses is refused before any of the graph is queued. */
vendor_code sterna_vendor_graph_launch(const void *handle, const void *stream_handle)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    vendor_stream *stream = sterna_vendor_stream(context, stream_handle);
    const vendor_graph *exec = sterna_vendor_object(VENDOR_EXEC, handle);
    if (!stream) return VENDOR_INVALID_HANDLE;
    if (!exec) return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no executable graph", handle);
    for (const vendor_command *c = exec->commands.first; c; c = c->next)
        if (c->verb == VENDOR_LAUNCH) {
            code = sterna_vendor_admit(context, c->kernel);
            if (code != VENDOR_SUCCESS) return code;
        }
    for (const vendor_command *c = exec->commands.first; c && code == VENDOR_SUCCESS; c = c->next)
        code = sterna_vendor_push(stream, c);
    return code;
}

/* Captures. */

vendor_code sterna_vendor_spoil(vendor_stream *stream, vendor_code code, const char *why)
{
    stream->spoilt = true;
    return sterna_vendor_fail(code, "during a capture: %s", why);
}

vendor_code sterna_vendor_capture_add(vendor_stream *stream, const vendor_command *command)
{
    if (stream->spoilt) {
        drop(command);
        return sterna_vendor_fail(VENDOR_STREAM_CAPTURE_INVALIDATED,
                                  "the capture was spoilt by an earlier call");
    }
    if (command->staged || command->mark) {
        drop(command);
        return sterna_vendor_spoil(stream, VENDOR_STREAM_CAPTURE_UNSUPPORTED,
                                   "events and copies of pageable memory are not captured by this library");
    }
    return sterna_vendor_list_add(&stream->capture->commands, command)
               ? VENDOR_SUCCESS
               : sterna_vendor_spoil(stream, VENDOR_OUT_OF_MEMORY, "no host memory for a command");
}

vendor_code sterna_vendor_outside_capture(vendor_context **context)
{
    vendor_code code = sterna_vendor_current(context);
    if (code != VENDOR_SUCCESS) return code;
    for (vendor_stream *s = (*context)->streams; s; s = s->next)
        if (s->capture &&
            (s->mode == VENDOR_GLOBAL || (s->mode == VENDOR_THREAD && s->thread == sterna_vendor_thread())))
            code = sterna_vendor_spoil(s, VENDOR_STREAM_CAPTURE_UNSUPPORTED, "this call is not allowed");
    return code;
}

vendor_code sterna_vendor_capture_begin(const void *handle, int mode)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    vendor_stream *stream = sterna_vendor_stream(context, handle);
    if (!stream) return VENDOR_INVALID_HANDLE;
    if (!handle)
        return sterna_vendor_fail(VENDOR_STREAM_CAPTURE_UNSUPPORTED, "the default stream cannot be captured");
    if (mode < VENDOR_GLOBAL || mode > VENDOR_RELAXED)
        return sterna_vendor_fail(VENDOR_INVALID_VALUE, "%d is no mode of capture", mode);
    if (stream->capture)
        return sterna_vendor_fail(VENDOR_ILLEGAL_STATE, "the stream is being captured already");
    vendor_graph *graph = make_graph(context, VENDOR_GRAPH);
    if (!graph) return VENDOR_OUT_OF_MEMORY;
    stream->capture = graph;
    stream->spoilt = false;
    stream->mode = (vendor_capture_mode)mode;
    stream->thread = sterna_vendor_thread();
    return VENDOR_SUCCESS;
}

/* The capture is over in any case, but for a call from the wrong thread. */
vendor_code sterna_vendor_capture_end(const void *handle, void **graph)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    vendor_stream *stream = sterna_vendor_stream(context, handle);
    if (!stream) return VENDOR_INVALID_HANDLE;
    if (!stream->capture) return sterna_vendor_fail(VENDOR_ILLEGAL_STATE, "the stream is not being captured");
    if (stream->mode != VENDOR_RELAXED && stream->thread != sterna_vendor_thread())
        return sterna_vendor_fail(VENDOR_STREAM_CAPTURE_WRONG_THREAD, "another thread began this capture");
    vendor_graph *made = stream->capture;
    stream->capture = NULL;
    if (stream->spoilt) {
        sterna_vendor_graph_end(made);
        return sterna_vendor_fail(VENDOR_STREAM_CAPTURE_INVALIDATED,
                                  "the capture was spoilt by an earlier call");
    }
    *graph = made->handle;
    return VENDOR_SUCCESS;
}
