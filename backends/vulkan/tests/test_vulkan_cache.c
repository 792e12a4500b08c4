/* The pipeline cache between runs: written once, given to the driver the next time, and harmless when it is damaged or
 * cannot be written. */
#include "base/size.h"
#include "vulkan/vulkan_private.h"
#include "vulkan_test.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DRIVER (&sterna_vulkan_driver)

/* What the driver was given when the device was opened. */
static size_t given;

static bool open_device(sterna_test *t, vulkan_device **device)
{
    void *gpu = NULL;
    sterna_gpu_limits limits;
    sterna_fault fault = {0};
    if (!EXPECT(t, DRIVER->open(op_case_host(), "", &gpu, &limits, &fault) == STERNA_OK))
        sterna_test_note(t, "%s", fault.text);
    *device = gpu;
    return gpu != NULL;
}

static VkResult VKAPI_PTR see_data(VkDevice device, const VkPipelineCacheCreateInfo *info,
                                   const VkAllocationCallbacks *callbacks, VkPipelineCache *cache)
{
    (void)device, (void)callbacks;
    given = info->initialDataSize;
    *cache = VK_NULL_HANDLE;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

/* How many bytes of cache a device would be given that is opened now. */
static size_t offered(vulkan_device *device)
{
    PFN_vkCreatePipelineCache real = device->vk.vkCreatePipelineCache;
    VkPipelineCache own = device->cache;
    given = 0;
    device->vk.vkCreatePipelineCache = see_data;
    sterna_vulkan_cache_open(device);
    device->vk.vkCreatePipelineCache = real;
    device->cache = own;
    return given;
}

static bool use_a_kernel(vulkan_device *device)
{
    const void *kernel;
    uint8_t hash[32];
    return DRIVER->kernel(device, "add", &kernel, hash, NULL) == STERNA_OK;
}

/* The one file below the folder; false when there is none or more. */
static bool find_file(const char *folder, char *path, size_t size)
{
    char below[1100];
    snprintf(below, sizeof below, "%s/vulkan", folder);
    DIR *dir = opendir(below);
    uint32_t files = 0;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, size, "%.1000s/%.255s", below, entry->d_name);
        files++;
    }
    if (dir) closedir(dir);
    return files == 1;
}

static void kept_between_devices(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    const char *folder = sterna_test_folder(t);
    char path[1400];
    vulkan_device *d;
    setenv("STERNA_CACHE", folder, 1);
    CHECK(t, open_device(t, &d) && offered(d) == 0);
    DRIVER->close(d);
    CHECK(t, !find_file(folder, path, sizeof path)); /* nothing was compiled */
    CHECK(t, open_device(t, &d) && use_a_kernel(d));
    DRIVER->close(d);
    CHECK(t, find_file(folder, path, sizeof path));
    /* The driver's header alone has 32 bytes (VkPipelineCacheHeaderVersionOne). */
    CHECK(t, open_device(t, &d));
    size_t whole = offered(d);
    CHECK_MSG(t, whole >= 32 && use_a_kernel(d), "%zu bytes", whole);
    DRIVER->close(d);
    /* A flipped bit in the middle: not given to the driver, and replaced. */
    FILE *file = fopen(path, "r+b");
    CHECK(t, file && fseek(file, -8, SEEK_END) == 0);
    int byte = fgetc(file);
    CHECK(t, fseek(file, -8, SEEK_END) == 0 && fputc(byte ^ 4, file) != EOF && fclose(file) == 0);
    CHECK(t, open_device(t, &d) && offered(d) == 0 && use_a_kernel(d));
    DRIVER->close(d);
    CHECK(t, open_device(t, &d) && offered(d) == whole);
    DRIVER->close(d);
}

static void another_driver_has_its_own(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    vulkan_device *d;
    setenv("STERNA_CACHE", sterna_test_folder(t), 1);
    CHECK(t, open_device(t, &d) && use_a_kernel(d));
    DRIVER->close(d);
    CHECK(t, open_device(t, &d) && offered(d) > 0);
    d->physical.driver_version++;
    CHECK(t, offered(d) == 0);
    d->physical.driver_version--;
    d->physical.cache_uuid[15] ^= 1;
    CHECK(t, offered(d) == 0);
    DRIVER->close(d);
}

static void does_without(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    static const char *const places[] = {"off", "/proc/nowhere", "/dev/null/x"};
    for (uint32_t i = 0; i < STERNA_COUNT(places); i++) {
        vulkan_device *d;
        setenv("STERNA_CACHE", places[i], 1);
        CHECK(t, open_device(t, &d) && offered(d) == 0 && use_a_kernel(d));
        DRIVER->close(d);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"kept_between_devices", kept_between_devices, 0},
    {"another_driver_has_its_own", another_driver_has_its_own, 0},
    {"does_without", does_without, 0},
    {0},
};
