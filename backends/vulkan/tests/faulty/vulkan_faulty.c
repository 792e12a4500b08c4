/* The functions that can fail, each around the real one. */
#define VK_NO_PROTOTYPES
#include "vulkan_faulty.h"
#include "base/sys.h"
#include <stdbool.h>
#include <string.h>
#include <vulkan/vulkan_core.h>

static uint32_t armed, called;
static int32_t armed_result;
static const char *failed_name = "", *hidden = "";
static int64_t objects;

/* True when this call is the one to fail. */
static bool fails(const char *name)
{
    if (++called != armed) return false;
    failed_name = name;
    return true;
}

/* CALL: gives a VkResult. MAKE: also makes one object of the last argument. END: destroys its second one. */
#define CALLS(CALL, MAKE, END)                                                                               \
    CALL(vkEnumerateInstanceVersion, (uint32_t * version), (version))                                        \
    CALL(vkEnumeratePhysicalDevices, (VkInstance i, uint32_t * n, VkPhysicalDevice * out), (i, n, out))      \
    CALL(vkEnumerateDeviceExtensionProperties,                                                               \
         (VkPhysicalDevice d, const char *layer, uint32_t *n, VkExtensionProperties *out),                   \
         (d, layer, n, out))                                                                                 \
    CALL(vkQueueSubmit, (VkQueue q, uint32_t n, const VkSubmitInfo *info, VkFence f), (q, n, info, f))       \
    CALL(vkWaitSemaphores, (VkDevice d, const VkSemaphoreWaitInfo *info, uint64_t time), (d, info, time))    \
    CALL(vkGetSemaphoreCounterValue, (VkDevice d, VkSemaphore s, uint64_t * value), (d, s, value))           \
    CALL(vkBindBufferMemory, (VkDevice d, VkBuffer b, VkDeviceMemory m, VkDeviceSize at), (d, b, m, at))     \
    CALL(vkMapMemory,                                                                                        \
         (VkDevice d, VkDeviceMemory m, VkDeviceSize at, VkDeviceSize n, VkFlags f, void **out),             \
         (d, m, at, n, f, out))                                                                              \
    CALL(vkResetCommandPool, (VkDevice d, VkCommandPool p, VkFlags f), (d, p, f))                            \
    CALL(vkAllocateCommandBuffers,                                                                           \
         (VkDevice d, const VkCommandBufferAllocateInfo *info, VkCommandBuffer *out), (d, info, out))        \
    CALL(vkBeginCommandBuffer, (VkCommandBuffer c, const VkCommandBufferBeginInfo *info), (c, info))         \
    CALL(vkEndCommandBuffer, (VkCommandBuffer c), (c))                                                       \
    CALL(vkAllocateDescriptorSets,                                                                           \
         (VkDevice d, const VkDescriptorSetAllocateInfo *info, VkDescriptorSet *out), (d, info, out))        \
    CALL(vkGetPipelineCacheData, (VkDevice d, VkPipelineCache c, size_t * n, void *out), (d, c, n, out))     \
    MAKE(vkCreateInstance,                                                                                   \
         (const VkInstanceCreateInfo *info, const VkAllocationCallbacks *a, VkInstance *out),                \
         (info, a, out))                                                                                     \
    MAKE(                                                                                                    \
        vkCreateDevice,                                                                                      \
        (VkPhysicalDevice p, const VkDeviceCreateInfo *info, const VkAllocationCallbacks *a, VkDevice *out), \
        (p, info, a, out))                                                                                   \
    MAKE(vkCreateSemaphore,                                                                                  \
         (VkDevice d, const VkSemaphoreCreateInfo *info, const VkAllocationCallbacks *a, VkSemaphore *out),  \
         (d, info, a, out))                                                                                  \
    MAKE(vkCreateBuffer,                                                                                     \
         (VkDevice d, const VkBufferCreateInfo *info, const VkAllocationCallbacks *a, VkBuffer *out),        \
         (d, info, a, out))                                                                                  \
    MAKE(                                                                                                    \
        vkAllocateMemory,                                                                                    \
        (VkDevice d, const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *a, VkDeviceMemory *out), \
        (d, info, a, out))                                                                                   \
    MAKE(vkCreateCommandPool,                                                                                \
         (VkDevice d, const VkCommandPoolCreateInfo *info, const VkAllocationCallbacks *a,                   \
          VkCommandPool *out),                                                                               \
         (d, info, a, out))                                                                                  \
    MAKE(vkCreateDescriptorPool,                                                                             \
         (VkDevice d, const VkDescriptorPoolCreateInfo *info, const VkAllocationCallbacks *a,                \
          VkDescriptorPool *out),                                                                            \
         (d, info, a, out))                                                                                  \
    MAKE(vkCreateDescriptorSetLayout,                                                                        \
         (VkDevice d, const VkDescriptorSetLayoutCreateInfo *info, const VkAllocationCallbacks *a,           \
          VkDescriptorSetLayout *out),                                                                       \
         (d, info, a, out))                                                                                  \
    MAKE(vkCreatePipelineLayout,                                                                             \
         (VkDevice d, const VkPipelineLayoutCreateInfo *info, const VkAllocationCallbacks *a,                \
          VkPipelineLayout *out),                                                                            \
         (d, info, a, out))                                                                                  \
    MAKE(vkCreateShaderModule,                                                                               \
         (VkDevice d, const VkShaderModuleCreateInfo *info, const VkAllocationCallbacks *a,                  \
          VkShaderModule *out),                                                                              \
         (d, info, a, out))                                                                                  \
    MAKE(vkCreatePipelineCache,                                                                              \
         (VkDevice d, const VkPipelineCacheCreateInfo *info, const VkAllocationCallbacks *a,                 \
          VkPipelineCache *out),                                                                             \
         (d, info, a, out))                                                                                  \
    MAKE(vkCreateComputePipelines,                                                                           \
         (VkDevice d, VkPipelineCache c, uint32_t n, const VkComputePipelineCreateInfo *info,                \
          const VkAllocationCallbacks *a, VkPipeline *out),                                                  \
         (d, c, n, info, a, out))                                                                            \
    END(vkDestroyInstance, (VkInstance o, const VkAllocationCallbacks *a), (o, a))                           \
    END(vkDestroyDevice, (VkDevice o, const VkAllocationCallbacks *a), (o, a))                               \
    END(vkDestroySemaphore, (VkDevice d, VkSemaphore o, const VkAllocationCallbacks *a), (d, o, a))          \
    END(vkDestroyBuffer, (VkDevice d, VkBuffer o, const VkAllocationCallbacks *a), (d, o, a))                \
    END(vkFreeMemory, (VkDevice d, VkDeviceMemory o, const VkAllocationCallbacks *a), (d, o, a))             \
    END(vkDestroyCommandPool, (VkDevice d, VkCommandPool o, const VkAllocationCallbacks *a), (d, o, a))      \
    END(vkDestroyDescriptorPool, (VkDevice d, VkDescriptorPool o, const VkAllocationCallbacks *a),           \
        (d, o, a))                                                                                           \
    END(vkDestroyDescriptorSetLayout, (VkDevice d, VkDescriptorSetLayout o, const VkAllocationCallbacks *a), \
        (d, o, a))                                                                                           \
    END(vkDestroyPipelineLayout, (VkDevice d, VkPipelineLayout o, const VkAllocationCallbacks *a),           \
        (d, o, a))                                                                                           \
    END(vkDestroyShaderModule, (VkDevice d, VkShaderModule o, const VkAllocationCallbacks *a), (d, o, a))    \
    END(vkDestroyPipelineCache, (VkDevice d, VkPipelineCache o, const VkAllocationCallbacks *a), (d, o, a))  \
    END(vkDestroyPipeline, (VkDevice d, VkPipeline o, const VkAllocationCallbacks *a), (d, o, a))

#define CALL(name, parameters, arguments)                                                                    \
    static PFN_##name real_##name;                                                                           \
    static VkResult VKAPI_PTR faulty_##name parameters                                                       \
    {                                                                                                        \
        return fails(#name) ? (VkResult)armed_result : real_##name arguments;                                \
    }
#define MAKE(name, parameters, arguments)                                                                    \
    static PFN_##name real_##name;                                                                           \
    static VkResult VKAPI_PTR faulty_##name parameters                                                       \
    {                                                                                                        \
        *out = VK_NULL_HANDLE;                                                                               \
        if (fails(#name)) return (VkResult)armed_result;                                                     \
        VkResult result = real_##name arguments;                                                             \
        objects += result == VK_SUCCESS;                                                                     \
        return result;                                                                                       \
    }
#define END(name, parameters, arguments)                                                                     \
    static PFN_##name real_##name;                                                                           \
    static void VKAPI_PTR faulty_##name parameters                                                           \
    {                                                                                                        \
        objects -= o != VK_NULL_HANDLE;                                                                      \
        real_##name arguments;                                                                               \
    }
CALLS(CALL, MAKE, END)

/* A driver behind the wrappers that has a subset of Vulkan. */
static const char subset_name[] = "VK_KHR_portability_subset";
static bool is_subset, was_asked;
static PFN_vkCreateInstance behind_vkCreateInstance;
static PFN_vkCreateDevice behind_vkCreateDevice;
static PFN_vkEnumeratePhysicalDevices behind_vkEnumeratePhysicalDevices;
static PFN_vkEnumerateDeviceExtensionProperties behind_vkEnumerateDeviceExtensionProperties;

static VkResult VKAPI_PTR subset_vkCreateInstance(const VkInstanceCreateInfo *info,
                                                  const VkAllocationCallbacks *memory, VkInstance *out)
{
    bool named = false;
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
        named |= strcmp(info->ppEnabledExtensionNames[i], VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME) == 0;
    was_asked = named && (info->flags & VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR);
    return behind_vkCreateInstance(info, memory, out);
}

static VkResult VKAPI_PTR subset_vkEnumeratePhysicalDevices(VkInstance instance, uint32_t *n,
                                                            VkPhysicalDevice *out)
{
    if (!is_subset || was_asked) return behind_vkEnumeratePhysicalDevices(instance, n, out);
    *n = 0;
    return VK_SUCCESS;
}

static VkResult VKAPI_PTR subset_vkEnumerateDeviceExtensionProperties(VkPhysicalDevice device,
                                                                      const char *layer, uint32_t *n,
                                                                      VkExtensionProperties *out)
{
    const uint32_t room = *n;
    VkResult result = behind_vkEnumerateDeviceExtensionProperties(device, layer, n, out);
    if (!is_subset || layer || result != VK_SUCCESS || (out && *n == room)) return result;
    if (out) {
        out[*n] = (VkExtensionProperties){.specVersion = 1};
        memcpy(out[*n].extensionName, subset_name, sizeof subset_name);
    }
    ++*n;
    return VK_SUCCESS;
}

static VkResult VKAPI_PTR subset_vkCreateDevice(VkPhysicalDevice device, const VkDeviceCreateInfo *info,
                                                const VkAllocationCallbacks *memory, VkDevice *out)
{
    const char *others[8];
    VkDeviceCreateInfo rest = *info;
    rest.enabledExtensionCount = 0;
    rest.ppEnabledExtensionNames = others;
    for (uint32_t i = 0; i < info->enabledExtensionCount && i < 8; i++)
        if (strcmp(info->ppEnabledExtensionNames[i], subset_name) != 0)
            others[rest.enabledExtensionCount++] = info->ppEnabledExtensionNames[i];
    if (rest.enabledExtensionCount + is_subset != info->enabledExtensionCount)
        return VK_ERROR_EXTENSION_NOT_PRESENT;
    return behind_vkCreateDevice(device, &rest, memory, out);
}

/* The function of a driver with a subset around one that was found. */
static PFN_vkVoidFunction behind(const char *name, PFN_vkVoidFunction found)
{
#define BEHIND(function)                                                                                     \
    if (found && strcmp(name, #function) == 0) {                                                             \
        behind_##function = (PFN_##function)found;                                                           \
        return (PFN_vkVoidFunction)subset_##function;                                                        \
    }
    BEHIND(vkCreateInstance)
    BEHIND(vkCreateDevice)
    BEHIND(vkEnumeratePhysicalDevices)
    BEHIND(vkEnumerateDeviceExtensionProperties)
    return found;
}

static PFN_vkGetInstanceProcAddr real_lookup;
static PFN_vkGetDeviceProcAddr real_device_lookup;

/* The wrapper of a function that was found, or the function itself. */
static PFN_vkVoidFunction wrapped(const char *name, PFN_vkVoidFunction found)
{
    if (!found) return NULL;
#define WRAP(wrapped_name, parameters, arguments)                                                            \
    if (strcmp(name, #wrapped_name) == 0) {                                                                  \
        real_##wrapped_name = (PFN_##wrapped_name)found;                                                     \
        return (PFN_vkVoidFunction)faulty_##wrapped_name;                                                    \
    }
    CALLS(WRAP, WRAP, WRAP)
    return found;
}

static PFN_vkVoidFunction VKAPI_PTR device_lookup(VkDevice device, const char *name)
{
    return strcmp(name, hidden) == 0 ? NULL : wrapped(name, real_device_lookup(device, name));
}

STERNA_API PFN_vkVoidFunction VKAPI_PTR vkGetInstanceProcAddr(VkInstance instance, const char *name);
STERNA_API PFN_vkVoidFunction VKAPI_PTR vkGetInstanceProcAddr(VkInstance instance, const char *name)
{
    static void *library;
    if (!library) {
        sterna_fault fault = {0};
        if (sterna_sys_dlopen("libvulkan.so.1", &library, &fault) != STERNA_OK) return NULL;
        void *symbol = sterna_sys_dlsym(library, "vkGetInstanceProcAddr");
        memcpy(&real_lookup, &symbol, sizeof symbol);
    }
    if (!real_lookup || strcmp(name, hidden) == 0) return NULL;
    PFN_vkVoidFunction found = real_lookup(instance, name);
    if (strcmp(name, "vkGetDeviceProcAddr") == 0 && found) {
        real_device_lookup = (PFN_vkGetDeviceProcAddr)found;
        return (PFN_vkVoidFunction)device_lookup;
    }
    return wrapped(name, behind(name, found));
}

static void arm(uint32_t n, int32_t result)
{
    armed = n;
    armed_result = result;
    called = 0;
    failed_name = "";
}

static uint32_t calls(void)
{
    return called;
}

static const char *failed(void)
{
    return failed_name;
}

static void hide(const char *name)
{
    hidden = name;
}

static int64_t live(void)
{
    return objects;
}

static void subset(int on)
{
    is_subset = on != 0;
}

extern STERNA_API const vulkan_faulty vulkan_faulty_table;
const vulkan_faulty vulkan_faulty_table = {arm, calls, failed, hide, live, subset};
