/* The functions that both APIs have, compiled once for each library under the names of gpu/stream/api.def. Owns: their
 * arguments. Leaves to others: what they do (vendor_*.c), functions of one API alone (vendor_cuda.c, vendor_hip.c). */
#include "vendor_export.h"
#include <limits.h>

#define OUT(pointer)                                                                                         \
    if (!(pointer))                                                                                          \
    return sterna_vendor_leave(sterna_vendor_fail(VENDOR_INVALID_VALUE, "%s: nowhere to write to", __func__))

int call_init(unsigned flags)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(flags ? sterna_vendor_fail(VENDOR_INVALID_VALUE, "init: flags %#x", flags)
                                     : sterna_vendor_init());
}

int call_driver_version(int *version)
{
    sterna_vendor_enter();
    OUT(version);
    *version = VENDOR_VERSION;
    return sterna_vendor_leave(VENDOR_SUCCESS);
}

int call_device_count(int *devices)
{
    sterna_vendor_enter();
    OUT(devices);
    vendor_code code = sterna_vendor_device(0);
    if (code == VENDOR_SUCCESS) *devices = 1;
    return sterna_vendor_leave(code);
}

int call_device_get(int *device, int ordinal)
{
    sterna_vendor_enter();
    OUT(device);
    vendor_code code = sterna_vendor_device(ordinal);
    if (code == VENDOR_SUCCESS) *device = ordinal;
    return sterna_vendor_leave(code);
}

int call_device_name(char *name, int bytes, int device)
{
    sterna_vendor_enter();
    OUT(name);
    vendor_code code = sterna_vendor_device(device);
    if (code == VENDOR_SUCCESS && bytes <= 0)
        code = sterna_vendor_fail(VENDOR_INVALID_VALUE, "a name of no bytes");
    if (code == VENDOR_SUCCESS) snprintf(name, (size_t)bytes, "%s", VENDOR_DEVICE_NAME);
    return sterna_vendor_leave(code);
}

int call_device_memory(size_t *bytes, int device)
{
    sterna_gpu_limits limits;
    sterna_vendor_enter();
    OUT(bytes);
    vendor_code code = sterna_vendor_device(device);
    if (code == VENDOR_SUCCESS) code = sterna_vendor_limits(&limits);
    if (code == VENDOR_SUCCESS) *bytes = (size_t)limits.memory_bytes;
    return sterna_vendor_leave(code);
}

/* The numbers of api.def, each with what the mock has there. */
int call_device_attribute(int *value, int attribute, int device)
{
    sterna_gpu_limits limits;
    sterna_vendor_enter();
    OUT(value);
    vendor_code code = sterna_vendor_device(device);
    if (code == VENDOR_SUCCESS) code = sterna_vendor_limits(&limits);
    if (code != VENDOR_SUCCESS) return sterna_vendor_leave(code);
    switch (attribute) {
    case NUMBER_max_group_items:
        *value = (int)limits.max_group_items;
        break;
    case NUMBER_max_grid_x: /* as GPUs have it; more groups than along Y are no launch of ours all the same */
        *value = INT_MAX;
        break;
    case NUMBER_max_grid_y:
        *value = (int)limits.max_groups;
        break;
    case NUMBER_warp_size:
        *value = (int)limits.subgroup;
        break;
    case NUMBER_capability_major: /* 9.0 is that of an H100, and of gfx90a */
        *value = 9;
        break;
    case NUMBER_capability_minor:
    case NUMBER_integrated: /* no: memory of its own */
        *value = 0;
        break;
    default:
        code = sterna_vendor_fail(VENDOR_INVALID_VALUE, "%d is no attribute of a device", attribute);
    }
    return sterna_vendor_leave(code);
}

/* Memory. */

int call_memory_alloc(uint64_t *address, size_t bytes)
{
    sterna_vendor_enter();
    OUT(address);
    return sterna_vendor_leave(sterna_vendor_memory_alloc(address, bytes));
}

int call_memory_free(uint64_t address)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_memory_free(address));
}

/* Flags: portable, mapped, write-combined. */
int call_host_alloc(void **memory, size_t bytes, unsigned flags)
{
    sterna_vendor_enter();
    OUT(memory);
    return sterna_vendor_leave(flags > 7
                                   ? sterna_vendor_fail(VENDOR_INVALID_VALUE, "host memory: flags %#x", flags)
                                   : sterna_vendor_host_alloc(memory, bytes));
}

int call_host_free(void *memory)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_host_free(memory));
}

int call_copy_to_device(uint64_t to, const void *from, size_t bytes, void *stream)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_copy_in(to, from, bytes, stream));
}

int call_copy_to_host(void *to, uint64_t from, size_t bytes, void *stream)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_copy_out(to, from, bytes, stream));
}

int call_fill_words(uint64_t to, unsigned value, size_t words, void *stream)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_fill(to, value, words, stream));
}

/* Streams and events. */

int call_stream_create(void **stream, unsigned flags)
{
    enum { NON_BLOCKING = 1 };
    sterna_vendor_enter();
    OUT(stream);
    return sterna_vendor_leave(flags > NON_BLOCKING
                                   ? sterna_vendor_fail(VENDOR_INVALID_VALUE, "a stream: flags %#x", flags)
                                   : sterna_vendor_stream_create(stream, flags != NON_BLOCKING));
}

int call_stream_destroy(void *stream)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_stream_destroy(stream));
}

/* Flags: waiting blocks the thread, no times. Between processes there is nothing to share here. */
int call_event_create(void **event, unsigned flags)
{
    sterna_vendor_enter();
    OUT(event);
    return sterna_vendor_leave(flags > 3
                                   ? sterna_vendor_fail(VENDOR_INVALID_VALUE, "an event: flags %#x", flags)
                                   : sterna_vendor_event_create(event));
}

int call_event_destroy(void *event)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_event_destroy(event));
}

int call_event_record(void *event, void *stream)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_event_record(event, stream));
}

int call_event_query(void *event)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_event_query(event));
}

/* Kernels. */

int call_module_load(void **module, const void *image)
{
    sterna_vendor_enter();
    OUT(module);
    return sterna_vendor_leave(sterna_vendor_module_load(module, image));
}

int call_module_unload(void *module)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_module_unload(module));
}

int call_module_function(void **function, void *module, const char *name)
{
    sterna_vendor_enter();
    OUT(function);
    return sterna_vendor_leave(sterna_vendor_module_function(function, module, name));
}

int call_function_attribute(int *value, int attribute, void *function)
{
    sterna_vendor_enter();
    OUT(value);
    return sterna_vendor_leave(sterna_vendor_function_attribute(value, attribute, function));
}

int call_launch(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream, void **parameters,
                void **extra)
{
    const uint32_t grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
    sterna_vendor_enter();
    return sterna_vendor_leave(
        extra ? sterna_vendor_fail(VENDOR_NOT_SUPPORTED, "a launch: parameters in a buffer of their own")
              : sterna_vendor_launch(function, grid, block, shared_bytes, stream, parameters));
}

/* Graphs. */

int call_stream_begin_capture(void *stream, int mode)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_capture_begin(stream, mode));
}

int call_stream_end_capture(void *stream, void **graph)
{
    sterna_vendor_enter();
    OUT(graph);
    return sterna_vendor_leave(sterna_vendor_capture_end(stream, graph));
}

int call_graph_instantiate(void **exec, void *graph, unsigned long long flags)
{
    sterna_vendor_enter();
    OUT(exec);
    return sterna_vendor_leave(flags ? sterna_vendor_fail(VENDOR_INVALID_VALUE, "a graph: flags %#llx", flags)
                                     : sterna_vendor_graph_instantiate(exec, graph));
}

int call_graph_launch(void *exec, void *stream)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_graph_launch(exec, stream));
}

int call_graph_exec_destroy(void *exec)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_graph_destroy(VENDOR_EXEC, exec));
}

int call_graph_destroy(void *graph)
{
    sterna_vendor_enter();
    return sterna_vendor_leave(sterna_vendor_graph_destroy(VENDOR_GRAPH, graph));
}
