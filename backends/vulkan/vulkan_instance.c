/* Instances: made with or without the validation layer, whose messages are kept. */
#include "base/size.h"
#include "vulkan_private.h"
#include <stdio.h>
#include <string.h>

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";

static VkBool32 VKAPI_PTR on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                     VkDebugUtilsMessageTypeFlagsEXT types,
                                     const VkDebugUtilsMessengerCallbackDataEXT *data, void *context)
{
    vulkan_messages *messages = context;
    (void)severity, (void)types;
    pthread_mutex_lock(&messages->lock);
    if (messages->count++ == 0) {
        snprintf(messages->first, sizeof messages->first, "%s",
                 data && data->pMessage ? data->pMessage : "a message without text");
        for (char *at = messages->first; *at; at++)
            if (*at == '\n') *at = ' ';
    }
    pthread_mutex_unlock(&messages->lock);
    return VK_FALSE;
}

sterna_status sterna_vulkan_validated(const vulkan_instance *instance, sterna_fault *fault)
{
    vulkan_messages *messages = instance->messages;
    if (!messages) return STERNA_OK;
    pthread_mutex_lock(&messages->lock);
    uint32_t count = messages->count;
    pthread_mutex_unlock(&messages->lock);
    if (count == 0) return STERNA_OK;
    return sterna_fail(fault, STERNA_DEVICE, "vulkan: %u validation messages; the first: %s", count,
                       messages->first);
}

static bool has_layer(const vulkan_instance *instance)
{
    VkLayerProperties *layers;
    uint32_t count = 0;
    bool found = false;
    const sterna_vulkan_functions *vk = &instance->vk;
    if (vk->vkEnumerateInstanceLayerProperties(&count, NULL) != VK_SUCCESS || count == 0) return false;
    layers = instance->host->allocate(instance->host->context, count * sizeof *layers, 64);
    if (!layers) return false;
    VkResult result = vk->vkEnumerateInstanceLayerProperties(&count, layers);
    for (uint32_t i = 0; (result == VK_SUCCESS || result == VK_INCOMPLETE) && i < count; i++)
        found |= strcmp(layers[i].layerName, validation_layer) == 0;
    instance->host->release(instance->host->context, layers);
    return found;
}

/* Devices that offer not all of Vulkan, such as MoltenVK's, are shown only to those who ask for them. */
static bool can_show_subsets(const vulkan_instance *instance)
{
    uint32_t count = 0;
    bool found = false;
    const sterna_vulkan_functions *vk = &instance->vk;
    if (vk->vkEnumerateInstanceExtensionProperties(NULL, &count, NULL) != VK_SUCCESS || count == 0)
        return false;
    VkExtensionProperties *rows = instance->host->allocate(instance->host->context, count * sizeof *rows, 64);
    if (!rows) return false;
    VkResult result = vk->vkEnumerateInstanceExtensionProperties(NULL, &count, rows);
    for (uint32_t i = 0; (result == VK_SUCCESS || result == VK_INCOMPLETE) && i < count; i++)
        found |= strcmp(rows[i].extensionName, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME) == 0;
    instance->host->release(instance->host->context, rows);
    return found;
}

static sterna_status make_messages(vulkan_instance *instance, sterna_fault *fault)
{
    if (!has_layer(instance))
        return sterna_fail(
            fault, STERNA_UNSUPPORTED,
            "vulkan: validate=1 needs %s, which is not installed (Debian: vulkan-validationlayers)",
            validation_layer);
    instance->messages = instance->host->allocate(instance->host->context, sizeof *instance->messages, 64);
    if (!instance->messages) return sterna_fail(fault, STERNA_MEMORY, "vulkan: out of host memory");
    memset(instance->messages, 0, sizeof *instance->messages);
    pthread_mutex_init(&instance->messages->lock, NULL);
    return STERNA_OK;
}

sterna_status sterna_vulkan_instance_make(const sterna_host *host, const sterna_vulkan_options *options,
                                          vulkan_instance *instance, sterna_fault *fault)
{
    uint32_t version = 0;
    *instance = (vulkan_instance){.host = host};
    sterna_vulkan_functions *vk = &instance->vk;
    sterna_status status = sterna_vulkan_load(options->library[0] ? options->library : NULL, vk, fault);
    if (status != STERNA_OK) return status;
    VkResult result = vk->vkEnumerateInstanceVersion(&version);
    if (result != VK_SUCCESS)
        status = sterna_vulkan_fail(fault, result, "vkEnumerateInstanceVersion", "");
    else if (version < VK_API_VERSION_1_1)
        status =
            sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: the loader speaks %u.%u; 1.1 or later is needed",
                        VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
    if (status == STERNA_OK && options->validate) status = make_messages(instance, fault);
    if (status != STERNA_OK) {
        sterna_vulkan_instance_free(instance);
        return status;
    }
    instance->version = version < VK_API_VERSION_1_3 ? version : VK_API_VERSION_1_3;
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .pApplicationName = "sterna",
                                           .apiVersion = instance->version};
    static const VkValidationFeatureEnableEXT checks[] = {
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
    const VkValidationFeaturesEXT features = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                              .enabledValidationFeatureCount = STERNA_COUNT(checks),
                                              .pEnabledValidationFeatures = checks};
    const VkDebugUtilsMessengerCreateInfoEXT listener = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .pNext = &features,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = instance->messages};
    const char *const layer = validation_layer;
    const char *extensions[3];
    uint32_t n_extensions = 0;
    const bool subsets = can_show_subsets(instance);
    if (instance->messages) {
        extensions[n_extensions++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
        extensions[n_extensions++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    }
    if (subsets) extensions[n_extensions++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                       .pNext = instance->messages ? &listener : NULL,
                                       .flags =
                                           subsets ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
                                       .pApplicationInfo = &application,
                                       .enabledLayerCount = instance->messages ? 1 : 0,
                                       .ppEnabledLayerNames = &layer,
                                       .enabledExtensionCount = n_extensions,
                                       .ppEnabledExtensionNames = extensions};
    result = vk->vkCreateInstance(&info, NULL, &instance->handle);
    if (result != VK_SUCCESS) {
        instance->handle = VK_NULL_HANDLE;
        status = sterna_vulkan_fail(fault, result, "vkCreateInstance", "");
    } else {
        status = sterna_vulkan_load_instance(vk, instance->handle, fault);
    }
    if (status == STERNA_OK && instance->messages) {
        VkDebugUtilsMessengerCreateInfoEXT later = listener;
        later.pNext = NULL;
        if (!vk->vkCreateDebugUtilsMessengerEXT || !vk->vkDestroyDebugUtilsMessengerEXT)
            status = sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: the loader has no VK_EXT_debug_utils");
        else if ((result = vk->vkCreateDebugUtilsMessengerEXT(instance->handle, &later, NULL,
                                                              &instance->messenger)) != VK_SUCCESS)
            status = sterna_vulkan_fail(fault, result, "vkCreateDebugUtilsMessengerEXT", "");
    }
    if (status != STERNA_OK) sterna_vulkan_instance_free(instance);
    return status;
}

void sterna_vulkan_instance_free(vulkan_instance *instance)
{
    const sterna_vulkan_functions *vk = &instance->vk;
    if (instance->messenger) vk->vkDestroyDebugUtilsMessengerEXT(instance->handle, instance->messenger, NULL);
    if (instance->handle && vk->vkDestroyInstance) vk->vkDestroyInstance(instance->handle, NULL);
    if (instance->messages) {
        sterna_fault said = {0};
        if (sterna_vulkan_validated(instance, &said) != STERNA_OK && instance->host->log)
            instance->host->log(instance->host->context, 0, said.text);
        pthread_mutex_destroy(&instance->messages->lock);
        instance->host->release(instance->host->context, instance->messages);
    }
    sterna_vulkan_unload(&instance->vk);
    *instance = (vulkan_instance){0};
}
