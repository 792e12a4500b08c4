/* The mock libamdhip64.so: what HIP alone has, and images as its runtime takes them. */
#include "vendor_export.h"
#include "vendor_image.h"

static const char *code_name(int code)
{
    switch (code) {
#define CODE(name, number, cuda, hip, sentence)                                                              \
    case number:                                                                                             \
        return hip;
#include "codes.def"
#undef CODE
    }
    return NULL;
}

const vendor_flavour sterna_vendor_flavour = {
    .library = "mock libamdhip64.so",
    .settings = "warp=64",
    .visible = "HIP_VISIBLE_DEVICES",
    .implicit = true,
    .code_name = code_name,
    .image_check = sterna_vendor_hip_check,
    .image_has = sterna_vendor_hip_has,
};

const char *call_error_name(int error)
{
    sterna_vendor_enter();
    const char *name = sterna_vendor_name(error);
    sterna_vendor_leave(VENDOR_SUCCESS);
    return name ? name : "hipErrorUnknown";
}

int call_device_set(int ordinal)
{
    sterna_vendor_enter();
    vendor_code code = sterna_vendor_device(ordinal);
    return sterna_vendor_leave(code == VENDOR_SUCCESS ? sterna_vendor_choose() : code);
}

/* hipDeviceProp_t: what a host that knows no version may look for is the name, at its begin, and the architecture; the rest
 * is zero. */
static int write_properties(void *properties, int ordinal, size_t bytes, size_t architecture)
{
    sterna_gpu_limits limits;
    char *out = properties;
    sterna_vendor_enter();
    vendor_code code = properties
                           ? sterna_vendor_device(ordinal)
                           : sterna_vendor_fail(VENDOR_INVALID_VALUE, "properties: nowhere to write to");
    if (code == VENDOR_SUCCESS) code = sterna_vendor_limits(&limits);
    if (code == VENDOR_SUCCESS) {
        memset(out, 0, bytes);
        snprintf(out, 256, "%s", VENDOR_DEVICE_NAME);
        snprintf(out + architecture, 256, "%s:sramecc+:xnack-", sterna_vendor_gfx(limits.subgroup));
    }
    return sterna_vendor_leave(code);
}

VENDOR_EXPORT int hipGetDeviceProperties(void *properties, int ordinal);
VENDOR_EXPORT int hipGetDevicePropertiesR0600(void *properties, int ordinal);

/* The structure of ROCm 5, and of its successors for programs that were compiled for it. */
int hipGetDeviceProperties(void *properties, int ordinal)
{
    return write_properties(properties, ordinal, 792, 396);
}

/* That of ROCm 6 and 7. */
int hipGetDevicePropertiesR0600(void *properties, int ordinal)
{
    return write_properties(properties, ordinal, 1472, 1160);
}
