/* The driver's pipeline cache, kept between runs (gpu/gpu_cache.h). The driver checks what it is given by the header of
 * its own data (Vulkan specification, "Pipeline Cache Header"); the key names device and driver all the same. */
#include "base/hash.h"
#include "vulkan_private.h"
#include <string.h>

typedef struct cache_key {
    char name[24];
    uint8_t uuid[VK_UUID_SIZE];
    uint32_t vendor, device, driver;
} cache_key;

static cache_key key_of(const vulkan_device *device)
{
    const vulkan_candidate *p = &device->physical;
    cache_key key;
    memset(&key, 0, sizeof key); /* padding, too */
    memcpy(key.name, "vulkan pipeline cache 1", sizeof key.name);
    memcpy(key.uuid, p->cache_uuid, sizeof key.uuid);
    key.vendor = p->vendor_id;
    key.device = p->device_id;
    key.driver = p->driver_version;
    return key;
}

void sterna_vulkan_cache_open(vulkan_device *device)
{
    sterna_gpu_blob blob = {0};
    const cache_key key = key_of(device);
    sterna_gpu_cache_open(&device->cache_files, "vulkan", device->host);
    if (!sterna_gpu_cache_load(&device->cache_files, &key, sizeof key, &blob)) blob = (sterna_gpu_blob){0};
    const VkPipelineCacheCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                            .initialDataSize = blob.bytes,
                                            .pInitialData = blob.data};
    /* Without a cache pipelines are compiled, which is slower and otherwise the same. */
    if (device->vk.vkCreatePipelineCache(device->handle, &info, NULL, &device->cache) != VK_SUCCESS)
        device->cache = VK_NULL_HANDLE;
    if (blob.bytes) sterna_sha256_once(blob.data, blob.bytes, device->cache_hash);
    sterna_gpu_blob_free(&blob);
}

static void store(vulkan_device *device)
{
    size_t bytes = 0;
    const cache_key key = key_of(device);
    if (device->vk.vkGetPipelineCacheData(device->handle, device->cache, &bytes, NULL) != VK_SUCCESS ||
        bytes == 0)
        return;
    void *data = device->host->allocate(device->host->context, bytes, 64);
    if (!data) return;
    if (device->vk.vkGetPipelineCacheData(device->handle, device->cache, &bytes, data) == VK_SUCCESS) {
        uint8_t hash[STERNA_HASH_BYTES];
        sterna_sha256_once(data, bytes, hash);
        if (memcmp(hash, device->cache_hash, sizeof hash) != 0)
            sterna_gpu_cache_store(&device->cache_files, &key, sizeof key, data, bytes);
    }
    device->host->release(device->host->context, data);
}

void sterna_vulkan_cache_close(vulkan_device *device)
{
    if (!device->cache) return;
    if (device->cache_grew && !device->lost) store(device);
    device->vk.vkDestroyPipelineCache(device->handle, device->cache, NULL);
    device->cache = VK_NULL_HANDLE;
}
