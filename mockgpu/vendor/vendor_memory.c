/* Device and page-locked memory, copies and fills. */
#include "base/mem.h"
#include "mock_driver.h"
#include "vendor.h"
#include <inttypes.h>
#include <string.h>

vendor_code sterna_vendor_memory_alloc(uint64_t *address, size_t bytes)
{
    vendor_context *context;
    sterna_gpu_memory memory;
    sterna_fault fault = {0};
    vendor_code code = sterna_vendor_outside_capture(&context);
    if (code != VENDOR_SUCCESS) return code;
    if (bytes == 0 && sterna_vendor_flavour.implicit) {
        *address = 0;
        return VENDOR_SUCCESS;
    }
    if (bytes == 0) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "an allocation of no bytes");
    if (bytes > context->limits.memory_bytes)
        return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "mock: %zu bytes wanted, the device has %" PRIu64,
                                  bytes, context->limits.memory_bytes);
    if (!sterna_vendor_space_reserve(&context->space))
        return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for an allocation");
    uint64_t whole = ((uint64_t)bytes + 3) & ~3ull; /* the mock has words */
    code = sterna_vendor_status(context, sterna_mock_driver.alloc(context->gpu, whole, &memory, &fault),
                                fault.text);
    if (code == VENDOR_SUCCESS) *address = sterna_vendor_space_add(&context->space, bytes, memory);
    return code;
}

/* Waits for all that is queued, as both APIs do. In a broken context the memory is given up all the same. */
vendor_code sterna_vendor_memory_free(uint64_t address)
{
    vendor_context *context = NULL;
    char why[200];
    if (address == 0 && sterna_vendor_flavour.implicit) return VENDOR_SUCCESS;
    vendor_code code = sterna_vendor_outside_capture(&context);
    if (!context || (code != VENDOR_SUCCESS && code != context->sticky)) return code;
    vendor_allocation *at = sterna_vendor_space_range(&context->space, address, 1, why, sizeof why);
    if (!at || at->base != address)
        return sterna_vendor_fail(VENDOR_INVALID_VALUE, "free: %s",
                                  at ? "the address is not where its allocation begins" : why);
    if (code == VENDOR_SUCCESS) code = sterna_vendor_wait(context, NULL);
    sterna_mock_driver.free(context->gpu, at->memory);
    at->live = false;
    context->space.live--;
    context->space.used -= at->bytes;
    return code;
}

vendor_code sterna_vendor_host_alloc(void **memory, size_t bytes)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_outside_capture(&context);
    if (code != VENDOR_SUCCESS) return code;
    if (bytes == 0 && sterna_vendor_flavour.implicit) {
        *memory = NULL;
        return VENDOR_SUCCESS;
    }
    if (bytes == 0) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "page-locked memory of no bytes");
    void *made = sterna_vendor_space_pin(&context->space, bytes);
    if (!made)
        return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for %zu page-locked bytes", bytes);
    *memory = made;
    return VENDOR_SUCCESS;
}

/* Does not wait: a copy that is still queued finds its memory gone. */
vendor_code sterna_vendor_host_free(void *memory)
{
    vendor_context *context = NULL;
    if (!memory && sterna_vendor_flavour.implicit) return VENDOR_SUCCESS;
    vendor_code code = sterna_vendor_outside_capture(&context);
    if (!context || (code != VENDOR_SUCCESS && code != context->sticky)) return code;
    vendor_pinned *pinned = sterna_vendor_space_pinned(&context->space, memory, 1);
    if (!pinned || pinned->base != memory)
        return sterna_vendor_fail(VENDOR_INVALID_VALUE, "%p is not where page-locked memory begins", memory);
    sterna_vendor_space_unpin(&context->space, pinned);
    return code;
}

/* The common beginning of copies and fills: the stream, and the device's range. */
static vendor_code target(uint64_t address, uint64_t bytes, const void *stream_handle, const char *what,
                          vendor_stream **stream, vendor_allocation **at)
{
    vendor_context *context;
    char why[200];
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    *stream = sterna_vendor_stream(context, stream_handle);
    if (!*stream) return VENDOR_INVALID_HANDLE;
    *at = sterna_vendor_space_range(&context->space, address, bytes, why, sizeof why);
    return *at ? VENDOR_SUCCESS : sterna_vendor_fail(VENDOR_INVALID_VALUE, "%s: %s", what, why);
}

vendor_code sterna_vendor_copy_in(uint64_t to, const void *from, size_t bytes, const void *stream_handle)
{
    vendor_stream *stream;
    vendor_allocation *at;
    if (bytes == 0) return VENDOR_SUCCESS;
    vendor_code code = target(to, bytes, stream_handle, "a copy to the device", &stream, &at);
    if (code != VENDOR_SUCCESS) return code;
    if (!from) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "a copy to the device: from nowhere");
    vendor_command command = {.verb = VENDOR_COPY_IN, .address = to, .bytes = bytes};
    const vendor_pinned *pinned = sterna_vendor_space_pinned(&stream->context->space, from, bytes);
    if (pinned) {
        command.host = pinned->base + ((const uint8_t *)from - pinned->base);
    } else {
        command.staged = sterna_alloc_aligned(bytes, 64);
        if (!command.staged)
            return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory to copy %zu pageable bytes",
                                      bytes);
        memcpy(command.staged, from, bytes);
    }
    return sterna_vendor_push(stream, &command);
}

/* To pageable memory the call returns when the copy is done. */
vendor_code sterna_vendor_copy_out(void *to, uint64_t from, size_t bytes, const void *stream_handle)
{
    vendor_stream *stream;
    vendor_allocation *at;
    sterna_fault fault = {0};
    if (bytes == 0) return VENDOR_SUCCESS;
    vendor_code code = target(from, bytes, stream_handle, "a copy from the device", &stream, &at);
    if (code != VENDOR_SUCCESS) return code;
    if (!to) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "a copy from the device: to nowhere");
    if (sterna_vendor_space_pinned(&stream->context->space, to, bytes))
        return sterna_vendor_push(
            stream, &(vendor_command){.verb = VENDOR_COPY_OUT, .address = from, .bytes = bytes, .host = to});
    if (stream->capture)
        return sterna_vendor_spoil(stream, VENDOR_STREAM_CAPTURE_UNSUPPORTED,
                                   "a copy to pageable memory waits");
    code = sterna_vendor_wait(stream->context, stream->blocking ? NULL : stream);
    if (code != VENDOR_SUCCESS) return code;
    sterna_status status =
        sterna_mock_driver.download(stream->context->gpu, at->memory, from - at->base, to, bytes, &fault);
    return sterna_vendor_status(stream->context, status, fault.text);
}

vendor_code sterna_vendor_fill(uint64_t to, uint32_t pattern, size_t words, const void *stream_handle)
{
    vendor_stream *stream;
    vendor_allocation *at;
    if (words == 0) return VENDOR_SUCCESS;
    if (words > SIZE_MAX / 4) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "a fill: %zu words", words);
    vendor_code code = target(to, (uint64_t)words * 4, stream_handle, "a fill", &stream, &at);
    if (code != VENDOR_SUCCESS) return code;
    if (to % 4) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "a fill: of words at %#" PRIx64, to);
    return sterna_vendor_push(
        stream, &(vendor_command){
                    .verb = VENDOR_FILL, .address = to, .bytes = (uint64_t)words * 4, .pattern = pattern});
}
