/* The queue: launches, marks, waiting under a watchdog. Each command's event is looked at, since a mark behind
 * a kernel that failed may end well. Waiting is polling: no OpenCL call that waits can be given up. */
#include "base/size.h"
#include "base/sys.h"
#include "opencl/opencl_driver.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool sterna_opencl_have_room(opencl_gpu *gpu)
{
    opencl_pending *to = gpu->pending;
    if (gpu->first + gpu->n_pending < gpu->most_pending) return true;
    /* At the end of the array: back to its begin, or into a larger one. */
    if (gpu->n_pending >= gpu->most_pending / 2) {
        uint32_t more = gpu->most_pending ? gpu->most_pending * 2 : 1024;
        if (more > 1u << 24) return false;
        to = gpu->host->allocate(gpu->host->context, more * sizeof *to, 64);
        if (!to) return false;
        gpu->most_pending = more;
    }
    if (gpu->n_pending) memmove(to, gpu->pending + gpu->first, gpu->n_pending * sizeof *to);
    if (to != gpu->pending) gpu->host->release(gpu->host->context, gpu->pending);
    gpu->pending = to;
    gpu->first = 0;
    return true;
}

void sterna_opencl_note(opencl_gpu *gpu, opencl_pending command)
{
    gpu->pending[gpu->first + gpu->n_pending++] = command;
}

static cl_int set_arguments(const opencl_gpu *gpu, cl_kernel kernel, const sterna_gpu_launch *launch)
{
    cl_uint index = 0;
    cl_int error = CL_SUCCESS;
    for (uint32_t i = 0; i < launch->n_ranges && error == CL_SUCCESS; i++) {
        const sterna_gpu_range *range = &launch->ranges[i];
        cl_mem memory = sterna_opencl_memory(gpu, range->memory, range->offset, range->bytes);
        cl_uint from = (cl_uint)(range->offset / 4);
        if (!memory) return CL_INVALID_MEM_OBJECT;
        error = gpu->cl->clSetKernelArg(kernel, index++, sizeof memory, &memory);
        if (error == CL_SUCCESS) error = gpu->cl->clSetKernelArg(kernel, index++, sizeof from, &from);
    }
    for (uint32_t i = 0; i < launch->n_words && error == CL_SUCCESS; i++)
        error = gpu->cl->clSetKernelArg(kernel, index++, sizeof launch->words[i], &launch->words[i]);
    return error;
}

sterna_status sterna_opencl_launch(opencl_gpu *gpu, const sterna_gpu_launch *launch, sterna_fault *fault)
{
    const opencl_kernel *kernel = launch->kernel;
    const sterna_gpu_kernel_row *row = sterna_gpu_kernel_row_at(kernel->row);
    const size_t local[2] = {row->group, 1};
    const size_t global[2] = {(size_t)launch->groups_x * row->group, launch->groups_y};
    cl_event event = NULL;
    sterna_status status = sterna_opencl_alive(gpu, fault);
    if (status != STERNA_OK) return status;
    if (!sterna_opencl_have_room(gpu)) return sterna_fail(fault, STERNA_MEMORY, "opencl: out of host memory");
    cl_int error = set_arguments(gpu, kernel->kernel, launch);
    if (error == CL_SUCCESS)
        error = gpu->cl->clEnqueueNDRangeKernel(gpu->queue, kernel->kernel, 2, NULL, global, local, 0, NULL,
                                                &event);
    if (error != CL_SUCCESS)
        return sterna_opencl_fail(fault, error, "kernel %s cannot be launched on %u x %u groups", row->id,
                                  launch->groups_x, launch->groups_y);
    sterna_opencl_note(gpu, (opencl_pending){.event = event, .kernel = kernel, .tag = launch->tag});
    return STERNA_OK;
}

sterna_status sterna_opencl_fence(opencl_gpu *gpu, uint64_t *fence, sterna_fault *fault)
{
    cl_event event = NULL;
    sterna_status status = sterna_opencl_alive(gpu, fault);
    if (status != STERNA_OK) return status;
    if (!sterna_opencl_have_room(gpu)) return sterna_fail(fault, STERNA_MEMORY, "opencl: out of host memory");
    cl_int error = gpu->cl->clEnqueueMarkerWithWaitList(gpu->queue, 0, NULL, &event);
    if (error != CL_SUCCESS) return sterna_opencl_fail(fault, error, "a mark cannot be queued");
    sterna_opencl_note(gpu, (opencl_pending){.event = event, .is_mark = true});
    error = gpu->cl->clFlush(gpu->queue);
    if (error != CL_SUCCESS) return sterna_opencl_fail(fault, error, "the queue cannot be started");
    *fence = gpu->retired + gpu->n_pending;
    return STERNA_OK;
}

/* "kernel rmsnorm (node 3)" */
static void describe(const opencl_pending *command, char *out, size_t bytes)
{
    if (command->kernel)
        snprintf(out, bytes, "kernel %s (node %u)", sterna_gpu_kernel_row_at(command->kernel->row)->id,
                 command->tag);
    else
        snprintf(out, bytes, "%s", command->is_mark ? "a mark behind the kernels" : "clearing memory");
}

/* The oldest command failed, or never ends: so do all behind it, whatever they say. */
static void lose(opencl_gpu *gpu, cl_int code, bool hung)
{
    char what[100], text[OPENCL_ERROR_TEXT];
    describe(&gpu->pending[gpu->first], what, sizeof what);
    gpu->lost = true;
    gpu->hung = hung;
    if (hung)
        snprintf(gpu->why, sizeof gpu->why,
                 "opencl: %s did not end within %" PRIu64 " ms (watchdog); the device is lost", what,
                 gpu->settings.watchdog);
    else
        snprintf(gpu->why, sizeof gpu->why, "opencl: %s failed: %s; the device is lost", what,
                 sterna_opencl_error(code, text));
}

/* Takes ended commands off the queue, up to number `end`. Returns the state of the oldest one left (CL_COMPLETE when
 * there is none); negative: it failed, and the device is lost. */
static cl_int retire(opencl_gpu *gpu, uint64_t end)
{
    while (gpu->n_pending && gpu->retired < end) {
        cl_int state = CL_COMPLETE;
        cl_event event = gpu->pending[gpu->first].event;
        cl_int error =
            gpu->cl->clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
        if (error != CL_SUCCESS) state = error < 0 ? error : CL_INVALID_EVENT;
        if (state < 0) lose(gpu, state, false);
        if (state != CL_COMPLETE) return state;
        gpu->cl->clReleaseEvent(event);
        gpu->first++;
        gpu->n_pending--;
        gpu->retired++;
    }
    if (gpu->n_pending == 0) gpu->first = 0;
    return CL_COMPLETE;
}

/* Waits until command `end` has ended: at most `seconds` (0: no limit), and no longer than the watchdog allows one
 * command to stay as it is. */
static sterna_status wait_for(opencl_gpu *gpu, uint64_t end, double seconds, sterna_fault *fault)
{
    const double begin = sterna_sys_now();
    double changed = begin;
    uint64_t seen = gpu->retired;
    cl_int state, last = CL_COMPLETE;
    while (!gpu->lost && (state = retire(gpu, end)) != CL_COMPLETE && !gpu->lost) {
        double now = sterna_sys_now(), waited = now - begin;
        if (gpu->retired != seen || state != last) changed = now;
        seen = gpu->retired;
        last = state;
        if ((now - changed) * 1e3 > (double)gpu->settings.watchdog) {
            lose(gpu, 0, true);
        } else if (seconds > 0 && waited > seconds) {
            char what[100];
            describe(&gpu->pending[gpu->first], what, sizeof what);
            return sterna_fail(fault, STERNA_TIMEOUT, "opencl: %s still runs after %.0f ms", what,
                               seconds * 1e3);
        } else {
            /* A sixteenth of the time so far: at most that much is lost. */
            double nap = waited / 16;
            sterna_sys_sleep(nap < 20e-6 ? 20e-6 : nap > 1e-3 ? 1e-3 : nap);
        }
    }
    return sterna_opencl_alive(gpu, fault);
}

/* The tag of the command that lost the device, when it stands between the mark `fence` and the one before. */
static uint32_t failed_tag(const opencl_gpu *gpu, uint64_t fence)
{
    const opencl_pending *failed = &gpu->pending[gpu->first];
    if (!failed->kernel || fence <= gpu->retired) return STERNA_GPU_NO_TAG;
    for (uint64_t number = gpu->retired + 1; number < fence; number++)
        if (gpu->pending[gpu->first + (number - gpu->retired - 1)].is_mark) return STERNA_GPU_NO_TAG;
    return failed->tag;
}

sterna_status sterna_opencl_wait(opencl_gpu *gpu, uint64_t fence, uint32_t milliseconds, uint32_t *tag,
                                 sterna_fault *fault)
{
    if (fence == 0 || fence > gpu->retired + gpu->n_pending)
        return sterna_fail(fault, STERNA_INTERNAL, "opencl: %" PRIu64 " is no mark of this queue", fence);
    if (fence <= gpu->retired) return STERNA_OK; /* ended before the device was lost, if it was */
    sterna_status status = wait_for(gpu, fence, milliseconds * 1e-3, fault);
    if (gpu->lost) *tag = failed_tag(gpu, fence);
    return status;
}

sterna_status sterna_opencl_drain(opencl_gpu *gpu, sterna_fault *fault)
{
    sterna_status status = sterna_opencl_alive(gpu, fault);
    if (status != STERNA_OK || gpu->n_pending == 0) return status;
    /* The last commands may have come behind the last mark. */
    cl_int error = gpu->cl->clFlush(gpu->queue);
    if (error != CL_SUCCESS) return sterna_opencl_fail(fault, error, "the queue cannot be started");
    return wait_for(gpu, gpu->retired + gpu->n_pending, 0, fault);
}

void sterna_opencl_free_pending(opencl_gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->n_pending && !gpu->hung; i++)
        gpu->cl->clReleaseEvent(gpu->pending[gpu->first + i].event);
    gpu->host->release(gpu->host->context, gpu->pending);
    gpu->pending = NULL;
    gpu->n_pending = 0;
}
