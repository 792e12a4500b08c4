/* Whether a driver's compiler takes what its device announces, found out when a device is opened. Drivers are known that
 * name an extension and refuse its words; a plan on such a device would fail although slower rows of kernels.def run there.
 * One small kernel is compiled that needs all the features, and if that fails one for each: what fails is not used, and
 * the device says so. Drivers whose kernels were compiled when Sterna was built have nothing to find out. */
#include "gpu/gpu_private.h"
#include <stdio.h>

enum { BOTH = STERNA_GPU_INT_DOT | STERNA_GPU_SUBGROUPS };

/* Does the first kernel that needs just these features compile? A failure of another kind is an error. */
static sterna_status compiles(sterna_device *device, uint32_t needs, bool *does, sterna_fault *why,
                              sterna_fault *fault)
{
    sterna_fault inner = {0};
    sterna_status status = STERNA_OK;
    uint32_t row = 0;
    while (row < STERNA_GPU_KERNELS &&
           (sterna_gpu_kernel_row_at(row)->needs != needs ||
            sterna_gpu_kernel_row_at(row)->group > device->limits.max_group_items))
        row++;
    if (row < STERNA_GPU_KERNELS) status = sterna_gpu_load_kernel(device, row, &inner);
    *does = status == STERNA_OK;
    if (status != STERNA_OK) sterna_fail(why, status, "%s", inner.text);
    if (status == STERNA_OK || status == STERNA_UNSUPPORTED) return STERNA_OK;
    return sterna_fail(fault, status, "%s", inner.text);
}

static const char *name_of(uint32_t features)
{
    return features == BOTH                 ? "int8 dot products and subgroups"
           : features == STERNA_GPU_INT_DOT ? "int8 dot products"
                                            : "subgroups";
}

/* What is left of `features` when a kernel that needs all of them does not compile. */
static sterna_status try_each(sterna_device *device, uint32_t features, uint32_t *left, sterna_fault *why,
                              sterna_fault *fault)
{
    bool dot = false, subgroups = false;
    sterna_status status = STERNA_OK;
    *left = 0;
    if (features != BOTH) return STERNA_OK;
    status = compiles(device, STERNA_GPU_INT_DOT, &dot, why, fault);
    if (status == STERNA_OK) status = compiles(device, STERNA_GPU_SUBGROUPS, &subgroups, why, fault);
    /* Each alone, but not together: rows that need both are out. */
    *left = dot ? STERNA_GPU_INT_DOT : subgroups ? STERNA_GPU_SUBGROUPS : 0;
    return status;
}

sterna_status sterna_gpu_verify_features(sterna_device *device, sterna_fault *fault)
{
    sterna_gpu_limits *limits = &device->limits;
    const uint32_t announced = limits->features & BOTH;
    uint32_t left = announced;
    sterna_fault why = {0};
    bool does = true;
    if (!device->driver->compiles || !announced) return STERNA_OK;
    sterna_status status = compiles(device, announced, &does, &why, fault);
    if (status == STERNA_OK && !does) status = try_each(device, announced, &left, &why, fault);
    if (status != STERNA_OK || left == announced) return status;
    limits->features = left;
    if (!(left & STERNA_GPU_SUBGROUPS)) limits->subgroup = 1;
    snprintf(device->lacks, sizeof device->lacks, "announces %s, which its compiler refuses: not used",
             name_of(announced & ~left));
    if (device->host->log) {
        char text[500];
        snprintf(text, sizeof text, "%s%s %s (%.300s)", device->driver->prefix, limits->variant,
                 device->lacks, why.text);
        device->host->log(device->host->context, 1, text);
    }
    return STERNA_OK;
}
