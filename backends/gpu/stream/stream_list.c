/* Which devices the driver library has, and what it says of them. */
#include "gpu/stream/stream_private.h"

sterna_status sterna_stream_find_library(const stream_family *family, const char *path,
                                         const stream_api **api, sterna_fault *fault)
{
    sterna_fault why = {0};
    const char *named = path[0] ? path : sterna_env_get(family->library_variable);
    const char *const one[] = {named, NULL};
    sterna_status status =
        sterna_stream_load(family->column, named ? one : family->libraries, family->unseen, api, &why);
    if (status == STERNA_OK) return STERNA_OK;
    if (named || status != STERNA_FILE)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: %s", family->name, why.text);
    return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: %s cannot be loaded: %s", family->name,
                       family->libraries[0], family->absent);
}

static int attribute(const stream_api *api, int device, int number)
{
    int value = 0;
    return api->device_attribute(&value, number, device) == STREAM_OK ? value : 0;
}

static void built_archs(const stream_family *family, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < family->n_images && used < size; i++) {
        int n = snprintf(text + used, size - used, "%s%s", i ? ", " : "", family->images[i].arch);
        used += n > 0 ? (size_t)n : 0;
    }
}

static sterna_status call(const stream_family *family, const stream_api *api, int error, const char *what,
                          sterna_fault *fault)
{
    char name[STREAM_NAME];
    if (error == STREAM_OK) return STERNA_OK;
    sterna_stream_error_name(api, error, name);
    return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: %s: %s", family->name, what, name);
}

sterna_status sterna_stream_describe(const stream_family *family, const stream_api *api, int ordinal,
                                     stream_gpu *gpu, sterna_fault *fault)
{
    *gpu = (stream_gpu){.ordinal = ordinal};
    sterna_status status =
        call(family, api, api->device_get(&gpu->device, ordinal), "the device cannot be asked", fault);
    if (status == STERNA_OK)
        status = call(family, api, api->device_name(gpu->name, (int)sizeof gpu->name - 1, gpu->device),
                      "the device tells no name", fault);
    if (status == STERNA_OK)
        status = call(family, api, api->device_memory(&gpu->memory, gpu->device),
                      "the device tells no size of its memory", fault);
    if (status != STERNA_OK) return status;
    family->arch_name(api, gpu->device, ordinal, gpu->arch);
    gpu->max_group_items = attribute(api, gpu->device, api->max_group_items);
    gpu->max_grid_x = attribute(api, gpu->device, api->max_grid_x);
    gpu->max_grid_y = attribute(api, gpu->device, api->max_grid_y);
    gpu->warp_size = attribute(api, gpu->device, api->warp_size);
    gpu->integrated = attribute(api, gpu->device, api->integrated);
    if (gpu->max_group_items < 1 || gpu->max_grid_x < 1 || gpu->max_grid_y < 1 || gpu->warp_size < 1)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: %s tells no limits of a launch", family->name,
                           gpu->name);
    for (uint32_t i = 0; i < family->n_images && !gpu->image; i++)
        if (family->fits(&family->images[i], gpu->arch)) gpu->image = &family->images[i];
    if (!gpu->image) {
        char built[120];
        built_archs(family, built, sizeof built);
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: this build has kernels for %s; %.60s is %s",
                           family->name, built, gpu->name, gpu->arch[0] ? gpu->arch : "of unknown kind");
    }
    return STERNA_OK;
}

void sterna_stream_driver_version(const stream_family *family, const stream_api *api, char text[32])
{
    int number = 0;
    snprintf(text, 32, "?");
    if (api->driver_version(&number) == STREAM_OK) family->version_text(number, text);
}

void sterna_stream_limits(const stream_family *family, const stream_api *api, const stream_gpu *gpu,
                          sterna_gpu_limits *limits)
{
    char version[32];
    sterna_stream_driver_version(family, api, version);
    int groups = gpu->max_grid_x < gpu->max_grid_y ? gpu->max_grid_x : gpu->max_grid_y;
    sterna_gpu_limits made = {.memory_bytes = gpu->memory,
                              .alignment = 256, /* less is legal; whole lines are read at once */
                              .max_groups = (uint32_t)groups,
                              .max_group_items = (uint32_t)gpu->max_group_items,
                              .subgroup = (uint32_t)gpu->warp_size,
                              .features = STERNA_GPU_INT_DOT | STERNA_GPU_SUBGROUPS,
                              .is_mock = api->is_mock,
                              .kind = api->is_mock      ? STERNA_KIND_EMULATED
                                      : gpu->integrated ? STERNA_KIND_INTEGRATED
                                                        : STERNA_KIND_DISCRETE};
    snprintf(made.variant, sizeof made.variant, "%d", gpu->ordinal);
    snprintf(made.driver, sizeof made.driver, "%s %s%s", family->title, version,
             api->is_mock ? ", mock" : "");
    snprintf(made.description, sizeof made.description, "%.60s, %s, %zu MiB, %s driver %.16s%s", gpu->name,
             gpu->arch, gpu->memory >> 20, family->title, version, api->is_mock ? " (a mock library)" : "");
    *limits = made;
}

/* Devices of the default library; 0 with the reason why. */
static int count_devices(const stream_family *family, const stream_api **api, sterna_fault *fault)
{
    int count = 0;
    if (sterna_stream_find_library(family, "", api, fault) != STERNA_OK) return 0;
    int error = (*api)->device_count(&count);
    if (error != STREAM_OK && error != STREAM_NO_DEVICE) {
        call(family, *api, error, "devices cannot be counted", fault);
        return 0;
    }
    if (error == STREAM_NO_DEVICE || count < 1) {
        sterna_fail(fault, STERNA_UNSUPPORTED, "%s: the driver finds no device; %s", family->name,
                    family->unseen);
        return 0;
    }
    return count;
}

uint32_t sterna_stream_device_count(const stream_family *family)
{
    const stream_api *api;
    int count = count_devices(family, &api, NULL);
    return count > 0 ? (uint32_t)count : 1;
}

sterna_status sterna_stream_device_info(const stream_family *family, uint32_t index, sterna_device_info *info)
{
    const stream_api *api = NULL;
    sterna_fault why = {0};
    stream_gpu gpu = {0};
    sterna_gpu_limits limits = {0};
    int count = count_devices(family, &api, &why);
    if (index >= (uint32_t)(count > 0 ? count : 1)) return STERNA_USAGE;
    sterna_device_info full = {.size = info->size};
    if (count > 0) {
        full.usable = sterna_stream_describe(family, api, (int)index, &gpu, &why) == STERNA_OK;
        sterna_stream_limits(family, api, &gpu, &limits);
        full.is_mock = limits.is_mock;
        full.kind = limits.kind;
        full.subgroup = limits.subgroup;
        full.memory_bytes = limits.memory_bytes;
        full.buffer_alignment = limits.alignment;
        snprintf(full.variant, sizeof full.variant, "%s", limits.variant);
        snprintf(full.driver, sizeof full.driver, "%s", limits.driver);
        snprintf(full.description, sizeof full.description, "%s", limits.description);
    } else {
        snprintf(full.description, sizeof full.description, "%s devices", family->title);
    }
    /* Whoever lists devices has said the backend's name. */
    size_t name = strlen(family->name);
    bool named = strncmp(why.text, family->name, name) == 0 && strncmp(why.text + name, ": ", 2) == 0;
    snprintf(full.why, sizeof full.why, "%.159s", why.text + (named ? name + 2 : 0));
    memcpy(info, &full, info->size < sizeof full ? info->size : sizeof full);
    return STERNA_OK;
}
