/* The CPU backend's side of the ABI: devices (one per level), opening, closing, the function table. */
#include "cpu/cpu_backend.h"
#include "base/sys.h"
#include "cpu/cpu_code.h"
#include "cpu/cpu_device.h"
#include <stdio.h>
#include <string.h>

void sterna_cpu_link_add(sterna_cpu_link **list, sterna_cpu_link *link)
{
    link->next = *list;
    link->at = list;
    if (link->next) link->next->at = &link->next;
    *list = link;
}

void sterna_cpu_link_remove(sterna_cpu_link *link)
{
    *link->at = link->next;
    if (link->next) link->next->at = link->at;
}

static void describe(sterna_cpu_level level, uint32_t threads, sterna_device_info *info)
{
    sterna_device_info full = {
        .buffer_alignment = STERNA_CPU_ALIGNMENT, .threads = threads, .kind = STERNA_KIND_CPU};
    char brand[64];
    sterna_cpu_brand(brand);
    full.size = info->size;
    snprintf(full.variant, sizeof full.variant, "%s", sterna_cpu_level_name(level));
    snprintf(full.description, sizeof full.description, "%s: %s", brand[0] ? brand : "this processor",
             sterna_cpu_level_sentence(level));
    full.usable = sterna_cpu_level_usable(level, sterna_cpu_features(), full.why);
    memcpy(info, &full, info->size < sizeof full ? info->size : sizeof full);
}

static uint32_t device_count(void)
{
    return STERNA_LEVEL_COUNT;
}

/* Best level first, so that index 0 is what an empty variant opens. */
static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    if (index >= STERNA_LEVEL_COUNT) return STERNA_USAGE;
    describe((sterna_cpu_level)(STERNA_LEVEL_COUNT - 1 - index), sterna_sys_processors(), info);
    return STERNA_OK;
}

static void close_device(sterna_device *device)
{
    if (!device) return;
    while (device->plans) sterna_cpu_plan_destroy(device, (sterna_plan *)device->plans);
    while (device->weights) sterna_cpu_weight_destroy(device, (sterna_weight *)device->weights);
    while (device->buffers) sterna_cpu_buffer_destroy(device, (sterna_buffer *)device->buffers);
    sterna_cpu_pool_destroy(device->pool);
    const sterna_host *host = device->host;
    host->release(host->context, device->launches);
    host->release(host->context, device);
}

static sterna_status check_open(const sterna_host *host, const sterna_open_params *params,
                                sterna_fault *fault)
{
    if (!host || host->size < sizeof *host || host->abi_version != STERNA_ABI_VERSION || !host->allocate ||
        !host->release)
        return sterna_fail(fault, STERNA_USAGE, "cpu: the host's table is not of ABI version %u",
                           STERNA_ABI_VERSION);
    if (params->profile != STERNA_PROFILE_EXACT && params->profile != STERNA_PROFILE_FAST)
        return sterna_fail(fault, STERNA_USAGE, "cpu: profile %d is neither exact nor fast",
                           (int)params->profile);
    if (params->threads > STERNA_CPU_MAX_THREADS)
        return sterna_fail(fault, STERNA_USAGE, "cpu: %u threads, at most %d", params->threads,
                           STERNA_CPU_MAX_THREADS);
    const char *keys = params->variant ? strchr(params->variant, ',') : NULL;
    if (keys)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "cpu: takes a level and nothing else, got '%s'",
                           keys + 1);
    return STERNA_OK;
}

static sterna_status open_device(const sterna_host *host, const sterna_open_params *given,
                                 sterna_device **out, sterna_fault *fault)
{
    sterna_open_params params = {0};
    memcpy(&params, given, given->size < sizeof params ? given->size : sizeof params);
    const char *variant = params.variant ? params.variant : "";
    sterna_cpu_level level;
    sterna_status status = check_open(host, &params, fault);
    if (status == STERNA_OK)
        status = sterna_cpu_level_find(variant, strlen(variant), sterna_cpu_features(), &level, fault);
    if (status != STERNA_OK) return status;

    sterna_device *device = host->allocate(host->context, sizeof *device, 64);
    if (!device) return sterna_fail(fault, STERNA_MEMORY, "cpu: no memory for a device");
    memset(device, 0, sizeof *device);
    device->host = host;
    device->level = level;
    device->profile = params.profile;
    device->threads = params.threads ? params.threads : sterna_sys_processors();
    size_t bytes = sterna_cpu_kernel_count() * sizeof *device->launches;
    device->launches = host->allocate(host->context, bytes, 64);
    if (!device->launches) {
        host->release(host->context, device);
        return sterna_fail(fault, STERNA_MEMORY, "cpu: no memory for a device");
    }
    memset(device->launches, 0, bytes);
    status = sterna_cpu_pool_create(host, device->threads, &device->pool, fault);
    if (status != STERNA_OK) {
        close_device(device);
        return status;
    }
    *out = device;
    return STERNA_OK;
}

static sterna_status info_of(sterna_device *device, sterna_device_info *info)
{
    describe(device->level, device->threads, info);
    return STERNA_OK;
}

/* The reference has every operation, so the catalogue alone decides. */
static int supports(sterna_device *device, const char *name, uint32_t format, sterna_act act)
{
    sterna_op op;
    (void)device;
    return sterna_op_find(name, &op) && sterna_op_takes(op, format, act);
}

static uint32_t kernels_used(sterna_device *device, sterna_kernel_use *uses, uint32_t capacity)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < sterna_cpu_kernel_count(); i++) {
        if (device->launches[i] == 0) continue;
        if (n < capacity) {
            uses[n] = (sterna_kernel_use){.size = sizeof *uses, .launches = device->launches[i]};
            sterna_cpu_kernel_name(i, uses[n].name);
            uses[n].has_hash = sterna_cpu_code_hash(sterna_cpu_kernel_get(i)->run, uses[n].code_hash);
        }
        n++;
    }
    return n;
}

const sterna_backend_api *sterna_backend_cpu_entry(uint32_t abi_version)
{
    static const sterna_backend_api api = {
        .size = sizeof api,
        .abi_version = STERNA_ABI_VERSION,
        .name = "cpu",
        .device_count = device_count,
        .device_info = device_info,
        .open = open_device,
        .close = close_device,
        .info = info_of,
        .supports = supports,
        .buffer_create = sterna_cpu_buffer_create,
        .buffer_destroy = sterna_cpu_buffer_destroy,
        .buffer_write = sterna_cpu_buffer_write,
        .buffer_read = sterna_cpu_buffer_read,
        .weight_create = sterna_cpu_weight_create,
        .weight_destroy = sterna_cpu_weight_destroy,
        .plan_create = sterna_cpu_plan_create,
        .plan_destroy = sterna_cpu_plan_destroy,
        .submit = sterna_cpu_submit,
        .wait = sterna_cpu_wait,
        .kernels_used = kernels_used,
    };
    return abi_version == STERNA_ABI_VERSION ? &api : NULL;
}
