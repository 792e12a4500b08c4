/* The mock libcuda.so.1: what CUDA alone has, and images as its driver takes them. */
#include "vendor_export.h"
#include "vendor_image.h"

static const char *code_name(int code)
{
    switch (code) {
#define CODE(name, number, cuda, hip, sentence)                                                              \
    case number:                                                                                             \
        return cuda;
#include "codes.def"
#undef CODE
    }
    return NULL;
}

const vendor_flavour sterna_vendor_flavour = {
    .library = "mock libcuda.so.1",
    .settings = "warp=32",
    .visible = "CUDA_VISIBLE_DEVICES",
    .code_name = code_name,
    .image_check = sterna_vendor_cuda_check,
    .image_has = sterna_vendor_cuda_has,
};

int call_error_name_out(int error, const char **name)
{
    sterna_vendor_enter();
    if (!name) return sterna_vendor_leave(VENDOR_INVALID_VALUE);
    *name = sterna_vendor_name(error);
    return sterna_vendor_leave(*name ? VENDOR_SUCCESS : VENDOR_INVALID_VALUE);
}

int call_context_retain(void **context, int device)
{
    vendor_context *made = NULL;
    sterna_vendor_enter();
    vendor_code code = context ? sterna_vendor_device(device)
                               : sterna_vendor_fail(VENDOR_INVALID_VALUE, "a context: nowhere to write to");
    if (code == VENDOR_SUCCESS) code = sterna_vendor_retain(&made);
    if (code == VENDOR_SUCCESS) *context = made->handle;
    return sterna_vendor_leave(code);
}

int call_context_release(int device)
{
    sterna_vendor_enter();
    vendor_code code = sterna_vendor_device(device);
    return sterna_vendor_leave(code == VENDOR_SUCCESS ? sterna_vendor_release() : code);
}

int call_context_set(void *handle)
{
    sterna_vendor_enter();
    vendor_code code = sterna_vendor_device(0);
    vendor_context *context = sterna_vendor_object(VENDOR_CONTEXT, handle);
    if (code == VENDOR_SUCCESS && handle && !context)
        code = sterna_vendor_fail(VENDOR_INVALID_CONTEXT, "%p is no context", handle);
    if (code == VENDOR_SUCCESS) sterna_vendor_set_current(context);
    return sterna_vendor_leave(code);
}
