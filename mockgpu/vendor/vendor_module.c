/* Modules: an image that was looked at, functions by the names that stand in it; launches of them. */
#include "base/mem.h"
#include "mock_driver.h"
#include "vendor.h"
#include <inttypes.h>
#include <string.h>

vendor_code sterna_vendor_module_load(void **out, const uint8_t *image)
{
    vendor_context *context;
    char why[200] = "";
    uint64_t bytes = 0;
    vendor_code code = sterna_vendor_outside_capture(&context);
    if (code != VENDOR_SUCCESS) return code;
    if (!image) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "no image");
    code = sterna_vendor_flavour.image_check(image, context->limits.subgroup, &bytes, why, sizeof why);
    if (code != VENDOR_SUCCESS) return sterna_vendor_fail(code, "an image: %s", why);
    vendor_module *module = sterna_alloc(1, sizeof *module);
    if (module) {
        module->image = sterna_alloc_aligned((size_t)bytes, 64);
        module->handle = module->image ? sterna_vendor_handle(VENDOR_MODULE, module) : NULL;
    }
    if (!module || !module->handle) {
        if (module) sterna_free(module->image);
        sterna_free(module);
        return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for an image of %" PRIu64 " bytes",
                                  bytes);
    }
    memcpy(module->image, image, (size_t)bytes);
    module->bytes = bytes;
    module->context = context;
    module->next = context->modules;
    context->modules = module;
    *out = module->handle;
    return VENDOR_SUCCESS;
}

void sterna_vendor_module_end(vendor_module *module)
{
    vendor_module **at = &module->context->modules;
    while (*at != module) at = &(*at)->next;
    *at = module->next;
    while (module->functions) {
        vendor_function *function = module->functions;
        module->functions = function->next;
        sterna_vendor_forget(function->handle);
        sterna_free(function);
    }
    sterna_vendor_forget(module->handle);
    sterna_free(module->image);
    sterna_free(module);
}

/* The code goes away at once: launches of it that are still queued, in a stream or a graph, have none to run. */
vendor_code sterna_vendor_module_unload(const void *handle)
{
    vendor_module *module = sterna_vendor_object(VENDOR_MODULE, handle);
    if (!module) return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no module to be unloaded", handle);
    vendor_code code = sterna_vendor_any_current();
    if (code != VENDOR_SUCCESS) return code;
    code = module->context->sticky;
    sterna_vendor_module_end(module);
    return code;
}

vendor_code sterna_vendor_module_function(void **out, const void *handle, const char *name)
{
    vendor_context *context;
    const void *kernel;
    uint8_t hash[32];
    sterna_fault fault = {0};
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    vendor_module *module = sterna_vendor_object(VENDOR_MODULE, handle);
    if (!module) return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no module", handle);
    if (!name) return sterna_vendor_fail(VENDOR_INVALID_VALUE, "a function without a name");
    for (const vendor_function *f = module->functions; f; f = f->next)
        if (strcmp(f->kernel->name, name) == 0) {
            *out = f->handle;
            return VENDOR_SUCCESS;
        }
    if (!sterna_vendor_flavour.image_has(module->image, module->bytes, name))
        return sterna_vendor_fail(VENDOR_NOT_FOUND, "the image holds no kernel %s", name);
    sterna_status status = sterna_mock_driver.kernel(context->gpu, name, &kernel, hash, &fault);
    if (status == STERNA_UNSUPPORTED) return sterna_vendor_fail(VENDOR_NOT_FOUND, "%s", fault.text);
    if (status != STERNA_OK) return sterna_vendor_status(context, status, fault.text);
    if (!kernel) { /* a quirk of some drivers, as the profile may want it */
        *out = NULL;
        return VENDOR_SUCCESS;
    }
    vendor_function *function = sterna_alloc(1, sizeof *function);
    if (function) function->handle = sterna_vendor_handle(VENDOR_FUNCTION, function);
    if (!function || !function->handle) {
        sterna_free(function);
        return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for a function");
    }
    function->module = module;
    function->kernel = kernel;
    function->next = module->functions;
    module->functions = function;
    *out = function->handle;
    return VENDOR_SUCCESS;
}

/* Numbers as both APIs have them. What the mock does not know of real code, it calls none. */
vendor_code sterna_vendor_function_attribute(int *value, int attribute, const void *handle)
{
    enum { MAX_ITEMS, SHARED_BYTES, CONSTANT_BYTES, LOCAL_BYTES, REGISTERS };
    const vendor_function *function = sterna_vendor_object(VENDOR_FUNCTION, handle);
    if (!function) return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no function", handle);
    switch (attribute) {
    case MAX_ITEMS:
        *value = (int)function->module->context->limits.max_group_items;
        break;
    case SHARED_BYTES:
        *value = (int)function->kernel->shared_bytes;
        break;
    case CONSTANT_BYTES:
    case LOCAL_BYTES:
    case REGISTERS:
        *value = 0;
        break;
    default:
        return sterna_vendor_fail(VENDOR_INVALID_VALUE, "%d is no attribute of a function", attribute);
    }
    return VENDOR_SUCCESS;
}

vendor_code sterna_vendor_admit(vendor_context *context, const mock_kernel *kernel)
{
    if (++context->launches != context->fail_launch) return VENDOR_SUCCESS;
    return sterna_vendor_fail(VENDOR_LAUNCH_OUT_OF_RESOURCES,
                              "mock:%s: launch %" PRIu64 " is refused by its profile", kernel->name,
                              context->launches);
}

static vendor_code check_shape(const vendor_context *context, const mock_kernel *kernel,
                               const uint32_t grid[3], const uint32_t block[3], uint32_t shared_bytes)
{
    const uint32_t most = context->limits.max_groups;
    if (block[0] != kernel->group_size || block[1] != 1 || block[2] != 1)
        return sterna_vendor_fail(VENDOR_INVALID_VALUE,
                                  "mock:%s: blocks of %u x %u x %u items, its groups have %u", kernel->name,
                                  block[0], block[1], block[2], kernel->group_size);
    if (grid[0] == 0 || grid[1] == 0 || grid[0] > most || grid[1] > most || grid[2] != 1)
        return sterna_vendor_fail(
            VENDOR_INVALID_VALUE,
            "mock:%s: a grid of %u x %u x %u blocks; from 1 to %u in two dimensions can be launched",
            kernel->name, grid[0], grid[1], grid[2], most);
    if (shared_bytes + (uint64_t)kernel->shared_bytes > VENDOR_SHARED_BYTES)
        return sterna_vendor_fail(VENDOR_INVALID_VALUE,
                                  "mock:%s: %u bytes of shared memory beside its own %u", kernel->name,
                                  shared_bytes, kernel->shared_bytes);
    return VENDOR_SUCCESS;
}

vendor_code sterna_vendor_launch(const void *handle, const uint32_t grid[3], const uint32_t block[3],
                                 uint32_t shared_bytes, const void *stream_handle, void *const *parameters)
{
    vendor_context *context;
    vendor_code code = sterna_vendor_current(&context);
    if (code != VENDOR_SUCCESS) return code;
    const vendor_function *function = sterna_vendor_object(VENDOR_FUNCTION, handle);
    vendor_stream *stream = sterna_vendor_stream(context, stream_handle);
    if (!function)
        return sterna_vendor_fail(VENDOR_INVALID_HANDLE, "%p is no function to be launched", handle);
    if (!stream) return VENDOR_INVALID_HANDLE;
    const mock_kernel *kernel = function->kernel;
    code = check_shape(context, kernel, grid, block, shared_bytes);
    if (code != VENDOR_SUCCESS) return code;
    vendor_command command = {.verb = VENDOR_LAUNCH,
                              .module = function->module->handle,
                              .kernel = kernel,
                              .groups_x = grid[0],
                              .groups_y = grid[1]};
    for (uint32_t i = 0; i < kernel->n_bounds + kernel->n_words; i++) {
        const void *from = parameters ? parameters[i] : NULL;
        if (!from)
            return sterna_vendor_fail(VENDOR_INVALID_VALUE, "mock:%s: parameter %u of %u is missing",
                                      kernel->name, i, kernel->n_bounds + kernel->n_words);
        if (i < kernel->n_bounds)
            memcpy(&command.pointers[i], from, 8);
        else
            memcpy(&command.words[i - kernel->n_bounds], from, 4);
    }
    if (!stream->capture) code = sterna_vendor_admit(context, kernel);
    return code == VENDOR_SUCCESS ? sterna_vendor_push(stream, &command) : code;
}
