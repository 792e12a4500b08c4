/* Physical devices: what each one offers, whether that is enough, what it is called, and choosing one. */
#include "base/size.h"
#include "catalogue/catalogue.h"
#include "vulkan_private.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char sterna_vulkan_subset[] = "VK_KHR_portability_subset";

typedef struct extension_list {
    VkExtensionProperties *rows;
    uint32_t count;
} extension_list;

static sterna_status list_extensions(const vulkan_instance *instance, VkPhysicalDevice device,
                                     extension_list *list, sterna_fault *fault)
{
    const sterna_vulkan_functions *vk = &instance->vk;
    *list = (extension_list){0};
    VkResult result = vk->vkEnumerateDeviceExtensionProperties(device, NULL, &list->count, NULL);
    if (result == VK_SUCCESS && list->count) {
        list->rows = instance->host->allocate(instance->host->context, list->count * sizeof *list->rows, 64);
        if (!list->rows) return sterna_fail(fault, STERNA_MEMORY, "vulkan: out of host memory");
        result = vk->vkEnumerateDeviceExtensionProperties(device, NULL, &list->count, list->rows);
    }
    if (result == VK_SUCCESS || result == VK_INCOMPLETE) return STERNA_OK;
    instance->host->release(instance->host->context, list->rows);
    *list = (extension_list){0};
    return sterna_vulkan_fail(fault, result, "vkEnumerateDeviceExtensionProperties", "");
}

static bool has(const extension_list *list, const char *name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->rows[i].extensionName, name) == 0) return true;
    return false;
}

/* A structure behind others in a pNext chain. All begin with sType and pNext. */
static void chain(void *head, void *link)
{
    VkBaseOutStructure *at = head, *added = link;
    added->pNext = at->pNext;
    at->pNext = added;
}

/* The most buffers a kernel binds: its operation's, and the status words. */
static uint32_t most_buffers(void)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        const sterna_op_info *info = sterna_op_get(sterna_gpu_kernel_row_at(i)->op);
        uint32_t count = 1;
        for (uint32_t p = 0; p < info->n_params; p++)
            count += info->params[p].kind != STERNA_PARAM_U32 && info->params[p].kind != STERNA_PARAM_F32;
        if (count > most) most = count;
    }
    return most;
}

static uint64_t largest_heap(const sterna_vulkan_functions *vk, VkPhysicalDevice device)
{
    VkPhysicalDeviceMemoryProperties memory;
    uint64_t largest = 0;
    vk->vkGetPhysicalDeviceMemoryProperties(device, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
        if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) &&
            memory.memoryHeaps[i].size > largest)
            largest = memory.memoryHeaps[i].size;
    return largest;
}

/* A family that computes; one without graphics is often a queue of its own. */
static bool find_queue(const sterna_vulkan_functions *vk, VkPhysicalDevice device, uint32_t *family)
{
    VkQueueFamilyProperties families[16];
    uint32_t count = STERNA_COUNT(families);
    bool found = false;
    vk->vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families);
    for (uint32_t i = 0; i < count; i++) {
        if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || families[i].queueCount == 0) continue;
        if (!found || !(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)) *family = i;
        found = true;
        if (!(families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)) break;
    }
    return found;
}

static void read_properties(const vulkan_instance *instance, const extension_list *extensions,
                            vulkan_candidate *c)
{
    VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    VkPhysicalDeviceSubgroupProperties subgroup = {.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
    VkPhysicalDeviceMaintenance3Properties sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
    VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceFloatControlsProperties floats = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES};
    chain(&all, &subgroup);
    chain(&all, &sizes);
    if (c->has_controls_core || has(extensions, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME))
        chain(&all, &driver);
    if (c->has_controls_core || has(extensions, VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME))
        chain(&all, &floats);
    instance->vk.vkGetPhysicalDeviceProperties2(c->handle, &all);
    c->limits = all.properties.limits;
    c->max_allocation = sizes.maxMemoryAllocationSize;
    snprintf(c->driver, sizeof c->driver, "%.40s%s%.50s", driver.driverName, driver.driverInfo[0] ? ", " : "",
             driver.driverInfo);
    const VkSubgroupFeatureFlags needed = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT;
    c->subgroup = 1;
    if ((subgroup.supportedOperations & needed) == needed &&
        (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) && subgroup.subgroupSize > 1) {
        c->subgroup = subgroup.subgroupSize;
        c->features |= STERNA_GPU_SUBGROUPS;
    }
    /* A mode for one width binds the others, too, where they are not independent. */
    if (floats.shaderDenormPreserveFloat32 &&
        floats.denormBehaviorIndependence != VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_NONE)
        c->float_modes |= VULKAN_KEEPS_SUBNORMALS;
    if (floats.shaderRoundingModeRTEFloat32 &&
        floats.roundingModeIndependence != VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_NONE)
        c->float_modes |= VULKAN_ROUNDS_TO_EVEN;
    if (floats.shaderSignedZeroInfNanPreserveFloat32) c->float_modes |= VULKAN_KEEPS_SPECIALS;
}

static void read_features(const vulkan_instance *instance, const extension_list *extensions,
                          vulkan_candidate *c)
{
    VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
    VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES};
    bool may_dot = c->has_int_dot_core || has(extensions, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
    bool may_wait = c->has_timeline_core || has(extensions, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME);
    if (may_wait) chain(&all, &timeline);
    if (may_dot) chain(&all, &dot);
    instance->vk.vkGetPhysicalDeviceFeatures2(c->handle, &all);
    if (dot.shaderIntegerDotProduct) c->features |= STERNA_GPU_INT_DOT;
    if (!timeline.timelineSemaphore) snprintf(c->why, sizeof c->why, "its driver has no timeline semaphores");
}

static sterna_status look_at(const vulkan_instance *instance, VkPhysicalDevice handle, vulkan_candidate *c,
                             sterna_fault *fault)
{
    VkPhysicalDeviceProperties2 plain = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
    extension_list extensions;
    *c = (vulkan_candidate){.handle = handle};
    instance->vk.vkGetPhysicalDeviceProperties2(handle, &plain);
    const VkPhysicalDeviceProperties *p = &plain.properties;
    snprintf(c->name, sizeof c->name, "%s", p->deviceName);
    c->type = p->deviceType;
    c->vendor_id = p->vendorID;
    c->device_id = p->deviceID;
    c->driver_version = p->driverVersion;
    memcpy(c->cache_uuid, p->pipelineCacheUUID, sizeof c->cache_uuid);
    c->api_version = p->apiVersion < instance->version ? p->apiVersion : instance->version;
    if (c->api_version < VK_API_VERSION_1_1) {
        snprintf(c->why, sizeof c->why, "its driver speaks Vulkan %u.%u; 1.1 or later is needed",
                 VK_API_VERSION_MAJOR(p->apiVersion), VK_API_VERSION_MINOR(p->apiVersion));
        return STERNA_OK;
    }
    c->has_timeline_core = c->has_controls_core = c->api_version >= VK_API_VERSION_1_2;
    c->has_int_dot_core = c->api_version >= VK_API_VERSION_1_3;
    sterna_status status = list_extensions(instance, handle, &extensions, fault);
    if (status != STERNA_OK) return status;
    read_properties(instance, &extensions, c);
    read_features(instance, &extensions, c);
    c->is_subset = has(&extensions, sterna_vulkan_subset);
    instance->host->release(instance->host->context, extensions.rows);
    c->memory_bytes = largest_heap(&instance->vk, handle);
    uint32_t buffers = most_buffers();
    if (c->limits.maxPerStageDescriptorStorageBuffers < buffers)
        snprintf(c->why, sizeof c->why, "it binds %u buffers; kernels have up to %u",
                 c->limits.maxPerStageDescriptorStorageBuffers, buffers);
    if (!find_queue(&instance->vk, handle, &c->queue_family))
        snprintf(c->why, sizeof c->why, "it has no queue that computes");
    return STERNA_OK;
}

/* The first word of a name in lower case: "llvmpipe" of "llvmpipe (LLVM 15.0.6, 256 bits)". */
static void short_name(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; n + 1 < size && isalnum((unsigned char)name[n]); n++)
        out[n] = (char)tolower((unsigned char)name[n]);
    out[n] = 0;
}

sterna_status sterna_vulkan_candidates(const vulkan_instance *instance, vulkan_candidate *list,
                                       uint32_t *count, sterna_fault *fault)
{
    VkPhysicalDevice handles[VULKAN_MAX_DEVICES];
    uint32_t found = VULKAN_MAX_DEVICES;
    VkResult result = instance->vk.vkEnumeratePhysicalDevices(instance->handle, &found, handles);
    if (result != VK_SUCCESS && result != VK_INCOMPLETE)
        return sterna_vulkan_fail(fault, result, "vkEnumeratePhysicalDevices", "");
    for (uint32_t i = 0; i < found; i++) {
        sterna_status status = look_at(instance, handles[i], &list[i], fault);
        if (status != STERNA_OK) return status;
        short_name(list[i].name, list[i].variant, sizeof list[i].variant);
    }
    for (uint32_t i = 0; i < found; i++) {
        bool unique = list[i].variant[0] != 0 && !isdigit((unsigned char)list[i].variant[0]);
        char own[32];
        short_name(list[i].name, own, sizeof own);
        for (uint32_t k = 0; k < found; k++) {
            char other[32];
            short_name(list[k].name, other, sizeof other);
            unique = unique && (k == i || strcmp(own, other) != 0);
        }
        if (!unique) snprintf(list[i].variant, sizeof list[i].variant, "%u", i);
    }
    *count = found;
    return STERNA_OK;
}

/* Is `part` somewhere in `text`, in any case? */
static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && text[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length) return true;
    }
    return false;
}

uint64_t sterna_vulkan_largest_binding(const vulkan_candidate *candidate)
{
    uint64_t range = candidate->limits.maxStorageBufferRange & ~3u;
    uint64_t allocation = candidate->max_allocation & ~4095ull; /* allocations are whole pages (gpu_pool.c) */
    return range < allocation ? range : allocation;
}

uint32_t sterna_vulkan_kind(const vulkan_candidate *candidate)
{
    switch (candidate->type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return STERNA_KIND_DISCRETE;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return STERNA_KIND_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return STERNA_KIND_EMULATED;
    default:
        return STERNA_KIND_ACCELERATOR;
    }
}

static int rank(VkPhysicalDeviceType type)
{
    return type == VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU     ? 4
           : type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ? 3
           : type == VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU    ? 2
           : type == VK_PHYSICAL_DEVICE_TYPE_CPU            ? 1
                                                            : 0;
}

sterna_status sterna_vulkan_choose(const vulkan_candidate *list, uint32_t count, const char *text,
                                   const vulkan_candidate **chosen, sterna_fault *fault)
{
    const vulkan_candidate *best = NULL;
    char names[300] = "none", index[12];
    size_t used = 0;
    bool is_index = text[0] != 0 && strspn(text, "0123456789") == strlen(text);
    for (uint32_t i = 0; i < count; i++) {
        int n = snprintf(names + used, sizeof names - used, "%s%u: %.60s%s%.80s%s", used ? "; " : "", i,
                         list[i].name, list[i].why[0] ? " (not usable: " : "", list[i].why,
                         list[i].why[0] ? ")" : "");
        used = n > 0 && (size_t)n < sizeof names - used ? used + (size_t)n : sizeof names - 1;
        snprintf(index, sizeof index, "%u", i);
        bool named = text[0] == 0 || (is_index ? strcmp(index, text) == 0 : contains(list[i].name, text));
        if (named && !list[i].why[0] && (!best || rank(list[i].type) > rank(best->type))) best = &list[i];
    }
    if (!best)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: no usable device%s%s; devices here: %s",
                           text[0] ? " is called " : "", text, names);
    *chosen = best;
    return STERNA_OK;
}
