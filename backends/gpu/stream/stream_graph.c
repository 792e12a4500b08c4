/* Lists of launches that come again are submitted as graphs: decoding a token is the same some hundred launches each time,
 * to the byte, and one graph costs the host a fraction of them.
 *
 * A list is what is launched between two other commands. The first time it goes to the stream launch by launch and is
 * remembered; the second time it is captured; from then on the graph is launched. While launches come in, those that agree
 * with a remembered list are held back, and follow at once where the list turns out to be another one. */
#include "gpu/stream/stream_private.h"

enum { SHORTEST = 4 }; /* fewer launches are not worth a graph */

/* Makes room for `more` words. */
static sterna_status grow(stream_device *device, uint32_t more, sterna_fault *fault)
{
    stream_list *list = &device->list;
    uint64_t needed = (uint64_t)list->n_words + more;
    if (needed <= device->list_capacity) return STERNA_OK;
    uint64_t capacity = needed * 2 < 1024 ? 1024 : needed * 2;
    const sterna_host *host = device->host;
    uint64_t *words =
        capacity > UINT32_MAX ? NULL : host->allocate(host->context, (size_t)capacity * sizeof *words, 64);
    if (!words)
        return sterna_fail(fault, STERNA_MEMORY, "%s: out of host memory for a list of launches",
                           device->family->name);
    if (list->n_words) memcpy(words, list->words, list->n_words * sizeof *words);
    host->release(host->context, list->words);
    list->words = words;
    device->list_capacity = (uint32_t)capacity;
    return STERNA_OK;
}

static void begin_anew(stream_device *device)
{
    device->list.n_words = device->list.n_launches = device->launched = 0;
    device->match = GRAPHS;
}

/* Puts what is held back on the stream. After a failure the rest is dropped: its submission has failed. */
static sterna_status launch_held(stream_device *device, sterna_fault *fault)
{
    const stream_list *list = &device->list;
    device->match = GRAPHS;
    while (device->launched < list->n_words) {
        const uint64_t *words = list->words + device->launched;
        int error = sterna_stream_launch_packed(device, words);
        device->launched += sterna_stream_packed_words(words);
        if (error == STREAM_OK) continue;
        begin_anew(device);
        return sterna_stream_failed(device, error, sterna_stream_packed_id(words), fault);
    }
    return STERNA_OK;
}

static bool begins_with(const stream_list *longer, const stream_list *list)
{
    return longer->n_words >= list->n_words &&
           memcmp(longer->words, list->words, list->n_words * sizeof *list->words) == 0;
}

sterna_status sterna_stream_list_add(stream_device *device, const uint64_t *words, sterna_fault *fault)
{
    stream_list *list = &device->list;
    uint32_t n = sterna_stream_packed_words(words), before = list->n_words;
    sterna_status status = grow(device, n, fault);
    if (status != STERNA_OK) return status;
    memcpy(list->words + before, words, n * sizeof *words);
    list->n_words += n;
    list->n_launches++;
    const stream_list *match = device->match < GRAPHS ? &device->cache[device->match] : NULL;
    if (match && match->n_words >= list->n_words &&
        memcmp(match->words + before, words, n * sizeof *words) == 0)
        return STERNA_OK;
    /* Another list may begin the same way, as long as nothing of this one is on the stream. */
    for (uint32_t i = 0; i < GRAPHS && device->launched == 0; i++)
        if (device->cache[i].words && begins_with(&device->cache[i], list)) {
            device->match = i;
            return STERNA_OK;
        }
    return launch_held(device, fault);
}

static void forget(stream_device *device, stream_list *entry)
{
    if (entry->graph && !device->silent) device->api->graph_exec_destroy(entry->graph);
    device->host->release(device->host->context, entry->words);
    *entry = (stream_list){0};
}

void sterna_stream_list_free(stream_device *device)
{
    for (uint32_t i = 0; i < GRAPHS; i++) forget(device, &device->cache[i]);
    device->host->release(device->host->context, device->list.words);
    device->list = (stream_list){0};
}

/* Remembers the list in place of the one that came longest ago, one without a graph first. A host without memory for it
 * goes without. */
static sterna_status remember(stream_device *device, sterna_fault *fault)
{
    const sterna_host *host = device->host;
    stream_list *oldest = &device->cache[0];
    for (uint32_t i = 1; i < GRAPHS; i++) {
        stream_list *entry = &device->cache[i];
        if (!oldest->graph == !entry->graph ? entry->used < oldest->used : oldest->graph != NULL)
            oldest = entry;
    }
    if (oldest->graph) { /* it may still run */
        begin_anew(device);
        sterna_status status = sterna_stream_idle(device, "a graph", fault);
        if (status == STERNA_OK) forget(device, oldest);
        return status; /* the list is remembered the next time */
    }
    forget(device, oldest);
    uint64_t *words = host->allocate(host->context, device->list.n_words * sizeof *words, 64);
    if (!words) return STERNA_OK;
    memcpy(words, device->list.words, device->list.n_words * sizeof *words);
    *oldest = (stream_list){words, device->list.n_words, device->list.n_launches, NULL, device->clock};
    return STERNA_OK;
}

/* Captures the list into an executable graph; the driver's result. */
static int capture(stream_device *device, stream_list *entry)
{
    const stream_api *api = device->api;
    void *graph = NULL, *exec = NULL;
    int error = api->stream_begin_capture(device->stream, 1);
    if (error != STREAM_OK) return error;
    for (uint32_t at = 0; at < entry->n_words && error == STREAM_OK;
         at += sterna_stream_packed_words(entry->words + at))
        error = sterna_stream_launch_packed(device, entry->words + at);
    int ended = api->stream_end_capture(device->stream,
                                        &graph); /* also after a failure: the stream is to be usable */
    if (error == STREAM_OK) error = ended;
    if (error == STREAM_OK && graph) error = api->graph_instantiate(&exec, graph, 0);
    /* HIP's runtime stores a pointer that points nowhere when it fails (hipStreamEndCapture of ROCm 6.3). */
    if (ended == STREAM_OK && graph) api->graph_destroy(graph);
    if (error != STREAM_OK) return error;
    entry->graph = exec;
    return exec ? STREAM_OK : STREAM_NOT_FOUND; /* success that gave nothing */
}

static sterna_status launch_graph(stream_device *device, stream_list *entry, sterna_fault *fault)
{
    if (!entry->graph) {
        int error = capture(device, entry);
        if (error != STREAM_OK) { /* do without: the launches themselves tell whether the device is well */
            char text[400], name[STREAM_NAME];
            sterna_stream_error_name(device->api, error, name);
            snprintf(text, sizeof text, "%s: launches cannot be captured, graphs are not used: %s",
                     device->family->name, name);
            if (device->host->log) device->host->log(device->host->context, 1, text);
            device->graphs = false;
            return launch_held(device, fault);
        }
    }
    int error = device->api->graph_launch(entry->graph, device->stream);
    if (error != STREAM_OK) return sterna_stream_failed(device, error, "a graph cannot be launched", fault);
    device->graph_launches++;
    return STERNA_OK;
}

sterna_status sterna_stream_list_end(stream_device *device, sterna_fault *fault)
{
    stream_list *list = &device->list;
    sterna_status status = STERNA_OK;
    if (list->n_launches == 0) return STERNA_OK;
    stream_list *match = device->match < GRAPHS ? &device->cache[device->match] : NULL;
    device->clock++;
    if (match && match->n_words == list->n_words) {
        match->used = device->clock;
        status = launch_graph(device, match, fault);
    } else {
        status = launch_held(device, fault);
        if (status == STERNA_OK && list->n_launches >= SHORTEST) status = remember(device, fault);
    }
    begin_anew(device);
    return status;
}
