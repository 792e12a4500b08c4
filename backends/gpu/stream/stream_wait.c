/* Marks in the stream, and waiting for them with a watchdog. */
#include "base/sys.h"
#include "base/thread.h"
#include "gpu/stream/stream_private.h"

/* Asks at once, then ever more rarely: a token of a small model takes less than the first span, and what lasts longer is
 * noticed at most a sixty-fourth of its time too late. */
static const double SPIN_SECONDS = 0.002, LATE = 1.0 / 64, LONGEST_NAP = 0.001;

/* True once it is reached. `limit` in milliseconds. */
static sterna_status poll(stream_device *device, void *event, double limit, const char *what, bool *reached,
                          sterna_fault *fault)
{
    double begin = sterna_sys_now();
    for (;;) {
        int error = device->api->event_query(event);
        *reached = error == STREAM_OK;
        if (*reached) return STERNA_OK;
        if (error != STREAM_NOT_READY) return sterna_stream_failed(device, error, what, fault);
        double waited = sterna_sys_now() - begin;
        if (waited * 1000 >= limit) return STERNA_OK;
        if (waited < SPIN_SECONDS)
            sterna_thread_yield();
        else
            sterna_sys_sleep(waited * LATE < LONGEST_NAP ? waited * LATE : LONGEST_NAP);
    }
}

static sterna_status give_up(stream_device *device, const char *what, sterna_fault *fault)
{
    char text[200];
    snprintf(text, sizeof text,
             "%s: the device is given up: no answer to %s within %" PRIu64 " ms (key watchdog); its memory stays "
             "allocated until the program ends",
             device->family->name, what, device->settings.watchdog);
    device->silent = true;
    sterna_stream_lose(device, text);
    return sterna_fail(fault, STERNA_DEVICE, "%s", text);
}

sterna_status sterna_stream_wait_event(stream_device *device, void *event, const char *what,
                                       sterna_fault *fault)
{
    bool reached;
    sterna_status status = poll(device, event, (double)device->settings.watchdog, what, &reached, fault);
    return status != STERNA_OK || reached ? status : give_up(device, what, fault);
}

sterna_status sterna_stream_idle(stream_device *device, const char *what, sterna_fault *fault)
{
    sterna_status status = sterna_stream_list_end(device, fault);
    if (status != STERNA_OK || !device->busy) return status;
    int error = device->api->event_record(device->idle_mark, device->stream);
    if (error != STREAM_OK) return sterna_stream_failed(device, error, what, fault);
    status = sterna_stream_wait_event(device, device->idle_mark, what, fault);
    if (status == STERNA_OK) {
        device->busy = false;
        device->done = device->fences;
    }
    return status;
}

sterna_status sterna_stream_fence(void *gpu, uint64_t *fence, sterna_fault *fault)
{
    stream_device *device = gpu;
    sterna_status status = sterna_stream_enter(device, fault);
    if (status == STERNA_OK) status = sterna_stream_list_end(device, fault);
    if (status != STERNA_OK) return status;
    uint64_t made = device->fences + 1;
    int error = device->api->event_record(device->marks[made % MARKS], device->stream);
    if (error != STREAM_OK) return sterna_stream_failed(device, error, "a mark cannot be set", fault);
    device->busy = true;
    device->fences = made;
    *fence = made;
    return STERNA_OK;
}

sterna_status sterna_stream_wait(void *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                                 sterna_fault *fault)
{
    stream_device *device = gpu;
    *tag = STERNA_GPU_NO_TAG; /* a device does not tell which of its launches failed */
    if (fence == 0 || fence > device->fences)
        return sterna_fail(fault, STERNA_INTERNAL, "%s: there is no mark %" PRIu64, device->family->name,
                           fence);
    if (fence <= device->done) return STERNA_OK;
    sterna_status status = sterna_stream_enter(device, fault);
    if (status != STERNA_OK) return status;
    /* Waits that time out add up, so that a silent device is given up in the end however short the single waits are. */
    double now = sterna_sys_now();
    if (device->stalled_fence != fence) {
        device->stalled_fence = fence;
        device->stalled_since = now;
    }
    double left = (double)device->settings.watchdog - (now - device->stalled_since) * 1000;
    bool patient = milliseconds == 0 || milliseconds >= left, reached;
    /* The event of this mark, or of a later one that used the event again: in one stream it implies this one. */
    uint64_t newest = device->fences - (device->fences - fence) % MARKS;
    status = poll(device, device->marks[newest % MARKS], patient ? left : milliseconds, "a submission",
                  &reached, fault);
    if (status != STERNA_OK) return status;
    if (!reached && patient) return give_up(device, "a submission", fault);
    if (!reached)
        return sterna_fail(fault, STERNA_TIMEOUT, "%s: no answer to a submission within %u ms",
                           device->family->name, milliseconds);
    device->done = newest;
    device->stalled_fence = 0;
    return STERNA_OK;
}
