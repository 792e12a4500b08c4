/* Opening libvulkan.so.1 and looking up functions; VkResult as a sentence. */
#include "vulkan_loader.h"
#include "base/size.h"
#include "base/sys.h"
#include <string.h>

sterna_status sterna_vulkan_load(const char *path, sterna_vulkan_functions *vk, sterna_fault *fault)
{
    const char *name = path ? path : "libvulkan.so.1";
    sterna_fault why = {0};
    memset(vk, 0, sizeof *vk);
    if (sterna_sys_dlopen(name, &vk->library, &why) != STERNA_OK)
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "vulkan: %s; install the Vulkan loader (Debian: libvulkan1) and a driver",
                           why.text);
    void *symbol = sterna_sys_dlsym(vk->library, "vkGetInstanceProcAddr");
    if (!symbol) {
        sterna_vulkan_unload(vk);
        return sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: %s has no vkGetInstanceProcAddr", name);
    }
    memcpy(&vk->vkGetInstanceProcAddr, &symbol,
           sizeof symbol); /* POSIX: a function's address fits a void pointer */
    const char *missing = NULL;
#define GLOBAL(function)                                                                                     \
    vk->function = (PFN_##function)vk->vkGetInstanceProcAddr(NULL, #function);                               \
    if (!vk->function) missing = #function;
#include "vulkan_functions.def"
    if (!missing) return STERNA_OK;
    sterna_vulkan_unload(vk);
    /* A loader of Vulkan 1.0 has no vkEnumerateInstanceVersion. */
    return sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: %s has no %s; Vulkan 1.1 or later is needed", name,
                       missing);
}

sterna_status sterna_vulkan_load_instance(sterna_vulkan_functions *vk, VkInstance instance,
                                          sterna_fault *fault)
{
    const char *missing = NULL;
#define INSTANCE(function)                                                                                   \
    vk->function = (PFN_##function)vk->vkGetInstanceProcAddr(instance, #function);                           \
    if (!vk->function) missing = #function;
#define OPTIONAL(function) vk->function = (PFN_##function)vk->vkGetInstanceProcAddr(instance, #function);
#include "vulkan_functions.def"
    if (!missing) return STERNA_OK;
    return sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: the loader has no %s", missing);
}

sterna_status sterna_vulkan_load_device(sterna_vulkan_functions *vk, VkDevice device, sterna_fault *fault)
{
    const char *missing = NULL;
#define DEVICE(function)                                                                                     \
    vk->function = (PFN_##function)vk->vkGetDeviceProcAddr(device, #function);                               \
    if (!vk->function) missing = #function;
#define ALIAS(function, older)                                                                               \
    vk->function = (PFN_##function)vk->vkGetDeviceProcAddr(device, #function);                               \
    if (!vk->function) vk->function = (PFN_##function)vk->vkGetDeviceProcAddr(device, older);                \
    if (!vk->function) missing = #function;
#include "vulkan_functions.def"
    if (!missing) return STERNA_OK;
    return sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: the driver has no %s", missing);
}

void sterna_vulkan_unload(sterna_vulkan_functions *vk)
{
    if (vk->library) sterna_sys_dlclose(vk->library);
    memset(vk, 0, sizeof *vk);
}

typedef struct result_row {
    VkResult result;
    sterna_status status;
    const char *name, *sentence;
} result_row;

static const result_row results[] = {
#define ROW(result, status, sentence)                                                                        \
    {                                                                                                        \
        VK_##result, STERNA_##status, "VK_" #result, sentence                                                \
    }
    ROW(ERROR_OUT_OF_HOST_MEMORY, MEMORY, "the driver has no host memory left"),
    ROW(ERROR_OUT_OF_DEVICE_MEMORY, MEMORY,
        "the device has no memory left; use a smaller model, context or batch"),
    ROW(ERROR_OUT_OF_POOL_MEMORY, MEMORY, "the driver's descriptor pool is exhausted"),
    ROW(ERROR_FRAGMENTED_POOL, MEMORY, "the driver's descriptor pool is fragmented"),
    ROW(ERROR_TOO_MANY_OBJECTS, MEMORY, "the device holds no more allocations (maxMemoryAllocationCount)"),
    ROW(ERROR_MEMORY_MAP_FAILED, MEMORY, "device memory cannot be mapped into this process"),
    ROW(ERROR_DEVICE_LOST, DEVICE,
        "the device is lost; see the kernel's log for the driver's reason, then start again"),
    ROW(ERROR_INITIALIZATION_FAILED, DEVICE, "the driver could not start; check its installation"),
    ROW(ERROR_INCOMPATIBLE_DRIVER, UNSUPPORTED, "no driver is installed (Debian: mesa-vulkan-drivers)"),
    ROW(ERROR_LAYER_NOT_PRESENT, UNSUPPORTED, "a layer is not installed"),
    ROW(ERROR_EXTENSION_NOT_PRESENT, UNSUPPORTED, "the driver lacks an extension it was found to have"),
    ROW(ERROR_FEATURE_NOT_PRESENT, UNSUPPORTED, "the driver lacks a feature it was found to have"),
    ROW(ERROR_INVALID_SHADER_NV, DEVICE, "the driver refuses the shader"),
    ROW(ERROR_UNKNOWN, DEVICE, "the driver gives no reason"),
    ROW(TIMEOUT, TIMEOUT, "not done in time"),
    ROW(NOT_READY, TIMEOUT, "not done yet"),
    ROW(INCOMPLETE, DEVICE, "the driver left a part out"),
#undef ROW
};

sterna_status sterna_vulkan_fail(sterna_fault *fault, VkResult result, const char *call, const char *what)
{
    for (size_t i = 0; i < STERNA_COUNT(results); i++)
        if (results[i].result == result)
            return sterna_fail(fault, results[i].status, "vulkan: %s%s%s: %s (%s)", what, what[0] ? ": " : "",
                               call, results[i].sentence, results[i].name);
    return sterna_fail(fault, STERNA_DEVICE, "vulkan: %s%s%s failed with VkResult %d", what,
                       what[0] ? ": " : "", call, (int)result);
}
