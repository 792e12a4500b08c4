/* Opening and closing a device of the stream driver; errors. */
#include "gpu/stream/stream_private.h"

/* Results after which the context goes on working: the call was refused, nothing was poisoned. Everything else stays with
 * the context (an illegal address, a launch that failed), and so with the device. */
static bool is_passing(int error)
{
    switch (error) {
    case 1:   /* invalid value */
    case 2:   /* out of memory */
    case 9:   /* invalid configuration of a launch (HIP) */
    case 46:  /* in use by another process that has it alone */
    case 98:  /* invalid device function (HIP) */
    case 200: /* invalid image */
    case 209: /* no binary for this GPU */
    case 218: /* PTX cannot be compiled */
    case 221: /* no compiler of PTX beside the driver */
    case 222: /* PTX of a newer version */
    case 223: /* compiling PTX is turned off */
    case 500: /* not found */
    case 701: /* launch out of resources */
    case 801: /* not supported */
        return true;
    default:
        return error >= 900 && error <= 910; /* stream capture and graphs */
    }
}

void sterna_stream_lose(stream_device *device, const char *text)
{
    if (device->lost) return; /* the first cause stays */
    device->lost = true;
    sterna_fail(&device->loss, STERNA_DEVICE, "%s", text);
}

sterna_status sterna_stream_failed(stream_device *device, int error, const char *what, sterna_fault *fault)
{
    char name[STREAM_NAME];
    sterna_stream_error_name(device->api, error, name);
    if (error == STREAM_OUT_OF_MEMORY)
        return sterna_fail(
            fault, STERNA_MEMORY, "%s: %s: %s; %" PRIu64 " MiB are allocated here, the device has %zu MiB",
            device->family->name, what, name, device->memory_used >> 20, device->gpu.memory >> 20);
    if (is_passing(error))
        return sterna_fail(fault, STERNA_DEVICE, "%s: %s: %s", device->family->name, what, name);
    char text[480];
    snprintf(text, sizeof text, "%s: the device is lost: %s: %s%s", device->family->name, what, name,
             device->settings.sync ? "" : "; with the key sync=1 the launch that fails is known");
    sterna_stream_lose(device, text);
    return sterna_fail(fault, STERNA_DEVICE, "%s", text);
}

int sterna_stream_make_current(const stream_device *device)
{
    const stream_api *api = device->api;
    return api->context_set ? api->context_set(device->context) : api->device_set(device->gpu.ordinal);
}

sterna_status sterna_stream_enter(stream_device *device, sterna_fault *fault)
{
    if (device->lost) return sterna_fail(fault, STERNA_DEVICE, "%s", device->loss.text);
    int error = sterna_stream_make_current(device);
    if (error == STREAM_OK) return STERNA_OK;
    return sterna_stream_failed(device, error, "the device cannot be made current", fault);
}

static bool name_contains(const char *name, const char *part)
{
    size_t length = strlen(part);
    for (; *name; name++) {
        size_t i = 0;
        while (i < length && name[i] && ((name[i] | 32) == (part[i] | 32))) i++;
        if (i == length) return true;
    }
    return false;
}

/* The device that the variant names: by number, or the first whose name holds the text. */
static sterna_status find_device(stream_device *device, sterna_fault *fault)
{
    const stream_family *family = device->family;
    const char *wanted = device->settings.device;
    int count = 0, number = 0, digits = 0;
    int error = device->api->device_count(&count);
    if (error != STREAM_OK && error != STREAM_NO_DEVICE)
        return sterna_stream_failed(device, error, "devices cannot be counted", fault);
    if (error == STREAM_NO_DEVICE || count < 1)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: the driver finds no device; %s", family->name,
                           family->unseen);
    while (wanted[digits] >= '0' && wanted[digits] <= '9' && digits < 4)
        number = number * 10 + (wanted[digits++] - '0');
    if (!wanted[digits]) {
        if (number >= count)
            return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: there is no device %d, there are %d",
                               family->name, number, count);
        return sterna_stream_describe(family, device->api, number, &device->gpu, fault);
    }
    for (int i = 0; i < count; i++) {
        sterna_fault why = {0};
        sterna_status status = sterna_stream_describe(family, device->api, i, &device->gpu, &why);
        if (name_contains(device->gpu.name, wanted))
            return status == STERNA_OK ? status : sterna_fail(fault, status, "%s", why.text);
    }
    return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: none of %d devices has '%s' in its name", family->name,
                       count, wanted);
}

/* One failing call ends the chain; `what` then names it. */
static int make_objects(stream_device *device, const char **what)
{
    const stream_api *api = device->api;
    int error = STREAM_OK;
    *what = "the context cannot be made";
    if (api->context_retain) error = api->context_retain(&device->context, device->gpu.device);
    if (error != STREAM_OK) return error;
    device->retained = true;
    error = sterna_stream_make_current(device);
    if (error != STREAM_OK) return error;
    *what = "the stream cannot be made";
    error = api->stream_create(&device->stream, 1);
    *what = error == STREAM_OK ? "an event cannot be made" : *what;
    for (uint32_t i = 0; i < MARKS && error == STREAM_OK; i++)
        error = api->event_create(&device->marks[i], 2);
    for (uint32_t i = 0; i < STAGING_CHUNKS && error == STREAM_OK; i++)
        error = api->event_create(&device->chunk_events[i], 2);
    if (error == STREAM_OK) error = api->event_create(&device->idle_mark, 2);
    if (error != STREAM_OK) return error;
    *what = "page-locked memory for copies is refused";
    error = api->host_alloc((void **)&device->staging, (STAGING_CHUNKS + 1) * (size_t)STAGING_BYTES, 0);
    if (error != STREAM_OK) return error;
    *what = NULL; /* load_failed */
    return api->module_load(&device->module, device->gpu.image->bytes);
}

/* Drivers have been seen to say success and give nothing. */
static const char *missing_object(const stream_device *device)
{
    if (device->api->context_retain && !device->context) return "context";
    if (!device->stream) return "stream";
    for (uint32_t i = 0; i < MARKS; i++)
        if (!device->marks[i]) return "event";
    for (uint32_t i = 0; i < STAGING_CHUNKS; i++)
        if (!device->chunk_events[i]) return "event";
    if (!device->idle_mark) return "event";
    if (!device->staging) return "page-locked memory";
    return device->module ? NULL : "module";
}

/* Mostly it is a driver older than the compiler: cuModuleLoadData refuses code of a later major version, and PTX of any
 * later one (CUDA Compatibility, section 2). */
static sterna_status load_failed(stream_device *device, int error, sterna_fault *fault)
{
    char what[160], version[32];
    sterna_stream_driver_version(device->family, device->api, version);
    snprintf(what, sizeof what, "the driver, of %s %s, cannot load the kernels, made by %s",
             device->family->title, version, device->family->made_by);
    return sterna_stream_failed(device, error, what, fault);
}

static void release(stream_device *device)
{
    const stream_api *api = device->api;
    const sterna_host *host = device->host;
    sterna_stream_list_free(device);
    if (!device->silent) {
        if (device->module) api->module_unload(device->module);
        if (device->staging) api->host_free(device->staging);
        for (uint32_t i = 0; i < MARKS; i++)
            if (device->marks[i]) api->event_destroy(device->marks[i]);
        for (uint32_t i = 0; i < STAGING_CHUNKS; i++)
            if (device->chunk_events[i]) api->event_destroy(device->chunk_events[i]);
        if (device->idle_mark) api->event_destroy(device->idle_mark);
        if (device->stream) api->stream_destroy(device->stream);
        if (device->retained && api->context_release) api->context_release(device->gpu.device);
    }
    host->release(host->context, device->memory);
    host->release(host->context, device);
}

sterna_status sterna_stream_open(const stream_family *family, const sterna_host *host, const char *variant,
                                 void **gpu, sterna_gpu_limits *limits, sterna_fault *fault)
{
    const char *what;
    stream_settings settings;
    sterna_status status = sterna_stream_settings(family, variant, &settings, fault);
    if (status != STERNA_OK) return status;
    const stream_api *api;
    status = sterna_stream_find_library(family, settings.library, &api, fault);
    if (status != STERNA_OK) return status;
    stream_device *device = host->allocate(host->context, sizeof *device, 64);
    if (!device) return sterna_fail(fault, STERNA_MEMORY, "%s: out of host memory", family->name);
    memset(device, 0, sizeof *device);
    device->family = family;
    device->api = api;
    device->host = host;
    device->settings = settings;
    device->match = GRAPHS;
    device->graphs = settings.graphs && api->has_graphs;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        device->kernels[i].id = sterna_gpu_kernel_row_at(i)->id;
        device->kernels[i].group = sterna_gpu_kernel_row_at(i)->group;
    }
    status = find_device(device, fault);
    if (status == STERNA_OK) {
        int error = make_objects(device, &what);
        if (error != STREAM_OK)
            status =
                what ? sterna_stream_failed(device, error, what, fault) : load_failed(device, error, fault);
        else if ((what = missing_object(device)) != NULL)
            status = sterna_fail(fault, STERNA_DEVICE, "%s: the driver reported success and gave no %s",
                                 family->name, what);
    }
    if (status != STERNA_OK) {
        release(device);
        return status;
    }
    sterna_stream_limits(family, api, &device->gpu, limits);
    limits->features &= (uint32_t)settings.features;
    *gpu = device;
    return STERNA_OK;
}

void sterna_stream_close(void *gpu)
{
    stream_device *device = gpu;
    sterna_fault fault = {0};
    if (sterna_stream_enter(device, &fault) == STERNA_OK) sterna_stream_idle(device, "close", &fault);
    /* What is left of a lost device is given back in its context, too, which enter() does not make current. */
    if (!device->silent) (void)sterna_stream_make_current(device);
    uint64_t bytes = device->memory_used;
    uint32_t leaked = sterna_stream_memory_end(device);
    if (leaked && device->host->log) {
        char text[120];
        snprintf(text, sizeof text, "%s: %u allocations of %" PRIu64 " bytes leaked at close",
                 device->family->name, leaked, bytes);
        device->host->log(device->host->context, 0, text);
    }
    release(device);
}
