/* What is read of physical devices and which one is taken: a real driver's answers, one of them changed at a time, and
 * lists that are made up. */
#include "base/size.h"
#include "vulkan/vulkan_private.h"
#include "vulkan_test.h"
#include <string.h>

/* What a wrapped call changes in the driver's answer. */
typedef enum change { NONE, OLD, FEW_BUFFERS, NO_TIMELINE, NO_COMPUTE, ONE_WIDTH, CHANGES } change;

static change planted;
static sterna_vulkan_functions real;

/* The structure of a type in a pNext chain; NULL: it is not asked for. */
static void *chained(void *head, VkStructureType type)
{
    for (VkBaseOutStructure *at = head; at; at = at->pNext)
        if (at->sType == type) return at;
    return NULL;
}

static void VKAPI_PTR properties(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *all)
{
    real.vkGetPhysicalDeviceProperties2(device, all);
    VkPhysicalDeviceFloatControlsProperties *floats =
        chained(all, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES);
    if (planted == OLD) all->properties.apiVersion = VK_API_VERSION_1_0;
    if (planted == FEW_BUFFERS) all->properties.limits.maxPerStageDescriptorStorageBuffers = 4;
    if (!floats) return;
    floats->shaderDenormPreserveFloat32 = floats->shaderRoundingModeRTEFloat32 = VK_TRUE;
    floats->denormBehaviorIndependence = floats->roundingModeIndependence =
        planted == ONE_WIDTH ? VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_NONE
                             : VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_32_BIT_ONLY;
}

static void VKAPI_PTR features(VkPhysicalDevice device, VkPhysicalDeviceFeatures2 *all)
{
    real.vkGetPhysicalDeviceFeatures2(device, all);
    VkPhysicalDeviceTimelineSemaphoreFeatures *timeline =
        chained(all, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES);
    if (timeline && planted == NO_TIMELINE) timeline->timelineSemaphore = VK_FALSE;
}

static void VKAPI_PTR queues(VkPhysicalDevice device, uint32_t *count, VkQueueFamilyProperties *families)
{
    real.vkGetPhysicalDeviceQueueFamilyProperties(device, count, families);
    for (uint32_t i = 0; families && planted == NO_COMPUTE && i < *count; i++)
        families[i].queueFlags &= ~(VkQueueFlags)VK_QUEUE_COMPUTE_BIT;
}

/* A device that lacks what is needed is in the list, with the reason. */
static void what_is_lacking_is_told(sterna_test *t)
{
    static const char *const why[CHANGES] = {[NONE] = "",
                                             [OLD] = "its driver speaks Vulkan 1.0; 1.1 or later is needed",
                                             [FEW_BUFFERS] = "it binds 4 buffers; kernels have up to ",
                                             [NO_TIMELINE] = "its driver has no timeline semaphores",
                                             [NO_COMPUTE] = "it has no queue that computes",
                                             [ONE_WIDTH] = ""};
    SKIP_WITHOUT_VULKAN(t);
    vulkan_instance instance;
    vulkan_candidate list[VULKAN_MAX_DEVICES];
    sterna_vulkan_options options;
    uint32_t count = 0;
    sterna_fault fault = {0};
    CHECK(t, sterna_vulkan_options_read("", &options, &fault) == STERNA_OK);
    CHECK(t, sterna_vulkan_instance_make(op_case_host(), &options, &instance, &fault) == STERNA_OK);
    real = instance.vk;
    instance.vk.vkGetPhysicalDeviceProperties2 = properties;
    instance.vk.vkGetPhysicalDeviceFeatures2 = features;
    instance.vk.vkGetPhysicalDeviceQueueFamilyProperties = queues;
    for (planted = NONE; planted < CHANGES; planted++) {
        const uint32_t modes = VULKAN_KEEPS_SUBNORMALS | VULKAN_ROUNDS_TO_EVEN;
        CHECK(t, sterna_vulkan_candidates(&instance, list, &count, &fault) == STERNA_OK && count > 0);
        const vulkan_candidate *c = &list[0];
        if (planted == NONE && c->why[0]) SKIP(t, "the first device is not usable: %s", c->why);
        CHECK_MSG(t,
                  strncmp(c->why, why[planted], strlen(why[planted])) == 0 && !c->why[0] == !why[planted][0],
                  "change %d: '%s'", (int)planted, c->why);
        /* Modes for one width that would bind the others are not asked for. */
        if (planted == NONE && c->has_controls_core) CHECK(t, (c->float_modes & modes) == modes);
        if (planted == ONE_WIDTH) CHECK(t, (c->float_modes & modes) == 0);
    }
    instance.vk = real;
    sterna_vulkan_instance_free(&instance);
}

/* The first of the best kind; a name is looked for among the usable ones; a number is a place. */
static void the_best_is_taken(sterna_test *t)
{
    static const vulkan_candidate list[] = {
        {.name = "llvmpipe (LLVM)", .type = VK_PHYSICAL_DEVICE_TYPE_CPU},
        {.name = "Broken GPU", .type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, .why = "it has no queue"},
        {.name = "Iris", .type = VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU},
        {.name = "Virtio", .type = VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU},
        {.name = "GPU one", .type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU},
        {.name = "GPU two", .type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU},
        {.name = "Thing 3", .type = VK_PHYSICAL_DEVICE_TYPE_OTHER}};
    static const struct {
        uint32_t count;
        const char *text;
        int place; /* -1: none */
    } rows[] = {{7, "", 4},   {7, "gpu", 4},     {7, "TWO", 5}, {4, "", 2},
                {2, "", 0},   {7, "i", 2},       {7, "3", 3},   {7, "1", -1},
                {7, "7", -1}, {7, "broken", -1}, {7, "03", -1}, {7, "thing 3", 6}};
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        const vulkan_candidate *chosen = NULL;
        sterna_fault fault = {0};
        sterna_status status = sterna_vulkan_choose(list, rows[i].count, rows[i].text, &chosen, &fault);
        CHECK_MSG(t,
                  rows[i].place < 0 ? status == STERNA_UNSUPPORTED && !chosen
                                    : status == STERNA_OK && chosen == &list[rows[i].place],
                  "'%s' of %u: %s", rows[i].text, rows[i].count, chosen ? chosen->name : fault.text);
    }
    sterna_fault fault = {0};
    const vulkan_candidate *chosen;
    CHECK(t, sterna_vulkan_choose(list, 2, "gpu", &chosen, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(fault.text, "1: Broken GPU (not usable: it has no queue)"), "%s", fault.text);
}

static void kinds(sterna_test *t)
{
    static const struct {
        VkPhysicalDeviceType type;
        uint32_t kind;
    } rows[] = {{VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, STERNA_KIND_DISCRETE},
                {VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU, STERNA_KIND_DISCRETE}, /* a share of one */
                {VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, STERNA_KIND_INTEGRATED},
                {VK_PHYSICAL_DEVICE_TYPE_CPU, STERNA_KIND_EMULATED},
                {VK_PHYSICAL_DEVICE_TYPE_OTHER, STERNA_KIND_ACCELERATOR}};
    for (size_t i = 0; i < STERNA_COUNT(rows); i++)
        CHECK(t, sterna_vulkan_kind(&(vulkan_candidate){.type = rows[i].type}) == rows[i].kind);
}

const sterna_test_case sterna_test_cases[] = {{"what_is_lacking_is_told", what_is_lacking_is_told, 0},
                                              {"the_best_is_taken", the_best_is_taken, 0},
                                              {"kinds", kinds, 0},
                                              {0}};
