/* Asking platforms and devices, names and settings. */
#include "opencl/opencl_device.h"
#include "base/signals.h"
#include "base/size.h"
#include "gpu/gpu_settings.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most work items of a group: kernels need 64, and real GPUs have 256 to 1024 where PoCL says 4096. */
enum { MOST_ITEMS = 256 };

/* What a platform calls itself, and what people call it. */
static const struct {
    const char *part, *name;
} short_names[] = {
    {"Portable Computing Language", "pocl"},
    {"Intel", "intel"},
    {"NVIDIA", "nvidia"},
    {"AMD Accelerated", "amd"},
    {"rusticl", "rusticl"},
    {"Clover", "clover"},
    {"Oclgrind", "oclgrind"},
    {"ARM Platform", "mali"},
    {"QUALCOMM", "adreno"},
};

static void platform_text(const opencl_api *api, cl_platform_id platform, cl_platform_info what,
                          char out[OPENCL_TEXT])
{
    char text[1024] = "";
    if (api->clGetPlatformInfo(platform, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = 0;
    snprintf(out, OPENCL_TEXT, "%.*s", OPENCL_TEXT - 1, text);
}

static void device_text(const opencl_api *api, cl_device_id device, cl_device_info what,
                        char out[OPENCL_TEXT])
{
    char text[1024] = "";
    if (api->clGetDeviceInfo(device, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = 0;
    snprintf(out, OPENCL_TEXT, "%.*s", OPENCL_TEXT - 1, text);
}

/* 0 when the driver does not say. */
static uint64_t device_number(const opencl_api *api, cl_device_id device, cl_device_info what, size_t bytes)
{
    uint64_t value = 0; /* devices are little-endian hosts' neighbours: the low bytes are filled */
    if (api->clGetDeviceInfo(device, what, bytes, &value, NULL) != CL_SUCCESS) return 0;
    return value;
}

/* Does the list of words hold this one? */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(list, word); at; at = strstr(at + length, word))
        if ((at == list || at[-1] == ' ') && (at[length] == 0 || at[length] == ' ')) return true;
    return false;
}

/* Extensions that tell the subgroups' size: name, query, bytes of the answer (the first of several sizes). */
static const struct {
    const char *extension;
    cl_device_info query;
    size_t bytes;
} subgroup_sizes[] = {
    {"cl_intel_required_subgroup_size", CL_DEVICE_SUB_GROUP_SIZES_INTEL, sizeof(size_t)},
    {"cl_nv_device_attribute_query", CL_DEVICE_WARP_SIZE_NV, sizeof(cl_uint)},
    {"cl_amd_device_attribute_query", CL_DEVICE_WAVEFRONT_WIDTH_AMD, sizeof(cl_uint)},
};

/* Words beyond OpenCL C 1.2, which need a compiler that takes them. */
static void read_features(const opencl_api *api, opencl_device *d)
{
    char words[8192] = "";
    size_t got = 0;
    int major = strncmp(d->device_version, "OpenCL ", 7) == 0 ? d->device_version[7] - '0' : 1;
    snprintf(d->standard, sizeof d->standard, "%s", major >= 3 ? "CL3.0" : major == 2 ? "CL2.0" : "CL1.2");
    d->limits.subgroup = 1;
    if (major < 2 ||
        api->clGetDeviceInfo(d->id, CL_DEVICE_EXTENSIONS, sizeof words - 1, words, &got) != CL_SUCCESS)
        return;
    if (has_word(words, "cl_khr_integer_dot_product") &&
        (device_number(api, d->id, CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR, sizeof(cl_ulong)) &
         CL_DEVICE_INTEGER_DOT_PRODUCT_INPUT_4x8BIT_PACKED_KHR))
        d->limits.features |= STERNA_GPU_INT_DOT;
    /* A device of version 3.0 may name the extension and have no subgroups. */
    if (!has_word(words, "cl_khr_subgroups") ||
        device_number(api, d->id, CL_DEVICE_MAX_NUM_SUB_GROUPS, sizeof(cl_uint)) == 0)
        return;
    d->limits.features |= STERNA_GPU_SUBGROUPS;
    for (size_t i = 0; i < STERNA_COUNT(subgroup_sizes); i++) {
        uint64_t sizes[16] = {0};
        if (has_word(words, subgroup_sizes[i].extension) &&
            api->clGetDeviceInfo(d->id, subgroup_sizes[i].query, sizeof sizes, sizes, NULL) == CL_SUCCESS &&
            sizes[0] >= 1 && sizes[0] <= 128)
            d->limits.subgroup = (uint32_t)sizes[0];
    }
}

/* What kind of device it is, and why it is not used, or nothing. */
static void judge(const opencl_api *api, opencl_device *d)
{
    int major = 0, minor = 0;
    const char *why = NULL;
    uint64_t type = device_number(api, d->id, CL_DEVICE_TYPE, sizeof(cl_device_type));
    d->limits.kind = type & CL_DEVICE_TYPE_GPU
                         ? (device_number(api, d->id, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof(cl_bool))
                                ? STERNA_KIND_INTEGRATED
                                : STERNA_KIND_DISCRETE)
                     : type & CL_DEVICE_TYPE_CPU ? STERNA_KIND_EMULATED
                                                 : STERNA_KIND_ACCELERATOR;
    if (sscanf(d->device_version, "OpenCL %d.%d", &major, &minor) != 2 || major * 10 + minor < 12)
        why = "it is older than OpenCL 1.2";
    else if (!device_number(api, d->id, CL_DEVICE_AVAILABLE, sizeof(cl_bool)))
        why = "its driver calls it unavailable";
    else if (!device_number(api, d->id, CL_DEVICE_COMPILER_AVAILABLE, sizeof(cl_bool)))
        why = "its driver has no compiler";
    else if (!device_number(api, d->id, CL_DEVICE_ENDIAN_LITTLE, sizeof(cl_bool)))
        why = "it is big-endian";
    else if (d->limits.max_group_items < 64)
        why = "its groups have fewer than 64 work items";
    if (why) snprintf(d->why, sizeof d->why, "%s", why);
}

static void read_device(const opencl_api *api, opencl_device *d)
{
    size_t sizes[8] = {0};
    device_text(api, d->id, CL_DEVICE_NAME, d->device_name);
    device_text(api, d->id, CL_DEVICE_VERSION, d->device_version);
    device_text(api, d->id, CL_DRIVER_VERSION, d->driver_version);
    d->local_bytes = device_number(api, d->id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong));
    sterna_gpu_limits *limits = &d->limits;
    uint64_t items = device_number(api, d->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    if (api->clGetDeviceInfo(d->id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof sizes, sizes, NULL) == CL_SUCCESS &&
        sizes[0] < items)
        items = sizes[0];
    limits->max_group_items = items < MOST_ITEMS ? (uint32_t)items : MOST_ITEMS;
    limits->memory_bytes = device_number(api, d->id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    /* Allocations are whole pages (gpu_pool.c): an argument that fits the limit only by a part of one could not be had. */
    limits->max_binding_bytes =
        device_number(api, d->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong)) & ~4095ull;
    uint64_t align = device_number(api, d->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof(cl_uint)) / 8; /* bits */
    limits->alignment = align >= 4 && align <= 4096 && sterna_is_pow2(align) ? (uint32_t)align : 128;
    read_features(api, d);
    judge(api, d);
}

/* Devices of one platform; one that offers none is in the list with the reason, so that people learn of it. */
static void read_platform(const opencl_api *api, cl_platform_id platform, opencl_list *list)
{
    cl_device_id ids[OPENCL_MAX_DEVICES];
    cl_uint count = 0;
    cl_int error = api->clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, OPENCL_MAX_DEVICES, ids, &count);
    if (error != CL_SUCCESS || count > OPENCL_MAX_DEVICES)
        count = error == CL_SUCCESS ? OPENCL_MAX_DEVICES : 0;
    for (cl_uint i = 0; (i < count || i == 0) && list->count < OPENCL_MAX_DEVICES; i++) {
        opencl_device *d = &list->devices[list->count++];
        char text[OPENCL_ERROR_TEXT];
        *d = (opencl_device){.platform = platform, .id = count ? ids[i] : NULL};
        platform_text(api, platform, CL_PLATFORM_NAME, d->platform_name);
        platform_text(api, platform, CL_PLATFORM_VERSION, d->platform_version);
        if (d->id)
            read_device(api, d);
        else
            snprintf(d->why, sizeof d->why,
                     "the platform offers no device: %s; is its cache folder writable?",
                     sterna_opencl_error(error != CL_SUCCESS ? error : CL_DEVICE_NOT_FOUND, text));
    }
}

/* "pocl" where one device alone has that name, else the place in the list. */
static void give_names(opencl_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        opencl_device *d = &list->devices[i];
        for (size_t s = 0; s < STERNA_COUNT(short_names) && !d->name[0]; s++)
            if (strstr(d->platform_name, short_names[s].part))
                snprintf(d->name, sizeof d->name, "%s", short_names[s].name);
    }
    bool shared[OPENCL_MAX_DEVICES] = {false};
    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t j = 0; j < list->count; j++)
            shared[i] |= i != j && strcmp(list->devices[i].name, list->devices[j].name) == 0;
    for (uint32_t i = 0; i < list->count; i++) {
        opencl_device *d = &list->devices[i];
        if (shared[i] || !d->name[0]) snprintf(d->name, sizeof d->name, "%u", i);
        sterna_gpu_limits limits = d->limits;
        snprintf(limits.variant, sizeof limits.variant, "%s", d->name);
        snprintf(limits.driver, sizeof limits.driver, "%.45s, %.10s, %.30s", d->platform_name,
                 d->id ? d->device_version : d->platform_version, d->id ? d->driver_version : "no device");
        snprintf(limits.description, sizeof limits.description, "%.150s",
                 d->id ? d->device_name : d->platform_name);
        d->limits = limits;
    }
}

sterna_status sterna_opencl_list(const opencl_api *api, opencl_list *list, sterna_fault *fault)
{
    cl_platform_id platforms[OPENCL_MAX_PLATFORMS];
    cl_uint count = 0;
    char text[OPENCL_ERROR_TEXT];
    list->count = 0;
    sterna_signals_keep();
    cl_int error = api->clGetPlatformIDs(OPENCL_MAX_PLATFORMS, platforms, &count);
    if (count > OPENCL_MAX_PLATFORMS) count = OPENCL_MAX_PLATFORMS;
    for (cl_uint i = 0; error == CL_SUCCESS && i < count; i++) read_platform(api, platforms[i], list);
    sterna_signals_restore();
    if (error != CL_SUCCESS || count == 0)
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "opencl: no driver is installed (clGetPlatformIDs gives %s); PoCL runs on any "
                           "processor: package pocl-opencl-icd",
                           sterna_opencl_error(error, text));
    give_names(list);
    return STERNA_OK;
}

static const sterna_gpu_key keys[] = {
#define OPENCL_KEY(name, low, high, preset, sentence)                                                        \
    STERNA_GPU_NUMBER(opencl_settings, name, low, high, sentence),
#include "opencl/opencl_keys.def"
};

sterna_status sterna_opencl_settings(const char *variant, opencl_settings *settings, sterna_fault *fault)
{
    opencl_settings made = {
#define OPENCL_KEY(name, low, high, preset, sentence) .name = preset,
#include "opencl/opencl_keys.def"
    };
    sterna_status status = sterna_gpu_settings_read("opencl", variant, made.device, sizeof made.device, keys,
                                                    STERNA_COUNT(keys), &made, fault);
    if (status == STERNA_OK) *settings = made;
    return status;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool contains(const char *text, const char *part)
{
    const size_t length = strlen(part);
    for (; strlen(text) >= length; text++) {
        size_t i = 0;
        while (i < length && lower(text[i]) == lower(part[i])) i++;
        if (i == length) return true;
    }
    return false;
}

/* The place in the list that the name is, or -1. */
static int place(const opencl_list *list, const char *name)
{
    uint32_t value = 0;
    if (!name[0] || strlen(name) > 4) return -1;
    for (size_t i = 0; name[i]; i++) {
        if (name[i] < '0' || name[i] > '9') return -1;
        value = value * 10 + (uint32_t)(name[i] - '0');
    }
    return value < list->count ? (int)value : -1;
}

/* "0: Portable Computing Language, ...; 1: ..." */
static void names_of(const opencl_list *list, char *out, size_t bytes)
{
    size_t at = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < list->count && at < bytes; i++) {
        const opencl_device *d = &list->devices[i];
        int n = snprintf(out + at, bytes - at, "%s%s (%.30s, %.40s)", i ? "; " : "", d->name,
                         d->platform_name, d->id ? d->device_name : "no device");
        at += n > 0 ? (size_t)n : 0;
    }
}

/* The device that is taken when none is named: platforms come in any order, and a processor's is often the first. */
static int rank(const opencl_device *device)
{
    return device->limits.kind == STERNA_KIND_DISCRETE      ? 3
           : device->limits.kind == STERNA_KIND_INTEGRATED  ? 2
           : device->limits.kind == STERNA_KIND_ACCELERATOR ? 1
                                                            : 0;
}

sterna_status sterna_opencl_find(const opencl_list *list, const char *name, const opencl_device **device,
                                 sterna_fault *fault)
{
    const opencl_device *found = NULL;
    uint32_t matches = 0;
    char names[300];
    names_of(list, names, sizeof names);
    for (uint32_t i = 0; i < list->count; i++) {
        const opencl_device *d = &list->devices[i];
        if (strcmp(d->name, name) == 0 || place(list, name) == (int)i) {
            found = d;
            matches = 1;
            break;
        }
        if (!name[0]) {
            if (d->why[0] || (found && rank(d) <= rank(found))) continue;
            found = d;
            matches = 1;
        } else if (contains(d->platform_name, name) || contains(d->device_name, name)) {
            found = d;
            matches++;
        }
    }
    if (matches == 0 && !name[0])
        return sterna_fail(fault, STERNA_UNSUPPORTED, "opencl: no device can be used; there are: %s", names);
    if (matches == 0)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "opencl: no device is called '%s'; there are: %s", name,
                           names);
    if (matches > 1)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "opencl: %u devices are called '%s'; there are: %s",
                           matches, name, names);
    if (found->why[0])
        return sterna_fail(fault, STERNA_UNSUPPORTED, "opencl: device %s cannot be used: %s", found->name,
                           found->why);
    *device = found;
    return STERNA_OK;
}
