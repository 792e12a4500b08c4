/* Opening devices on a mock library. */
#include "stream_rig.h"

/* The function that mock libraries export beside the driver's (mockgpu/vendor/sterna_mock_vendor.h, which stands above
 * this room), and what it fills in. */
typedef struct mock_state {
    uint32_t size;
    uint32_t contexts, allocations, pinned, streams, events, modules, graphs;
    uint64_t bytes, launches;
} mock_state;
typedef const char *(*mock_state_fn)(mock_state *state);

const sterna_backend_api *stream_api_table(void)
{
    return stream_tested.entry(STERNA_ABI_VERSION);
}

const char *stream_library(void)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", STERNA_BINARY_DIR, stream_tested.library);
    return sterna_sys_exists(path) ? path : NULL;
}

static void settle(const char *settings)
{
    if (settings[0])
        setenv("STERNA_GPU_FAKE", settings, 1);
    else
        unsetenv("STERNA_GPU_FAKE");
}

sterna_device *stream_open(sterna_test *t, const char *settings, const char *keys)
{
    char variant[400];
    settle(settings);
    snprintf(variant, sizeof variant, "library=%s,graphs=1%s", stream_library(), keys);
    return op_case_open(t, stream_api_table(), variant);
}

bool stream_make(sterna_test *t, tiny_plan *p, const char *settings, const char *keys)
{
    char variant[400];
    settle(settings);
    snprintf(variant, sizeof variant, "library=%s,graphs=1%s", stream_library(), keys);
    if (EXPECT(t, tiny_make(p, stream_api_table(), op_case_host(), variant) == STERNA_OK)) return true;
    sterna_test_note(t, "%s, %s: %s", settings, variant, p->fault.text);
    tiny_close(p);
    return false;
}

const stream_device *stream_of(const sterna_device *device)
{
    return device->gpu;
}

static bool ask(sterna_test *t, mock_state *state)
{
    void *library, *symbol;
    mock_state_fn function;
    *state = (mock_state){.size = sizeof *state};
    if (!EXPECT(t, sterna_sys_dlopen(stream_library(), &library, NULL) == STERNA_OK)) return false;
    symbol = sterna_sys_dlsym(library, "sterna_mock_vendor");
    memcpy(&function, &symbol, sizeof function);
    if (function) function(state);
    sterna_sys_dlclose(library);
    return EXPECT(t, function != NULL);
}

bool stream_nothing_left(sterna_test *t)
{
    mock_state s;
    if (!ask(t, &s)) return false;
    /* HIP's context is the process's. */
    bool released = stream_tested.keeps_context || !s.contexts;
    if (released && !s.allocations && !s.pinned && !s.streams && !s.events && !s.modules && !s.graphs)
        return true;
    sterna_test_note(
        t, "left: %u contexts, %u allocations, %u pinned, %u streams, %u events, %u modules, %u graphs",
        s.contexts, s.allocations, s.pinned, s.streams, s.events, s.modules, s.graphs);
    return false;
}

stream_held stream_mock_held(sterna_test *t)
{
    mock_state s;
    if (!ask(t, &s)) return (stream_held){0};
    return (stream_held){s.allocations, s.pinned, s.streams, s.events, s.modules, s.graphs};
}

uint64_t stream_mock_launches(sterna_test *t)
{
    mock_state state;
    return ask(t, &state) ? state.launches : 0;
}

uint32_t stream_opening_launches(sterna_test *t)
{
    uint64_t before = stream_mock_launches(t);
    sterna_device *device = stream_open(t, "", "");
    if (device) stream_api_table()->close(device);
    return (uint32_t)(stream_mock_launches(t) - before);
}
