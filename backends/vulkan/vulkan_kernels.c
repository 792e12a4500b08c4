/* The embedded modules, and pipelines made of them. */
#include "base/size.h"
#include "vulkan_private.h"
#include <string.h>

#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                \
    extern const unsigned char sterna_vulkan_spirv_##id[], sterna_vulkan_spirv_##id##_sha256[32];            \
    extern const size_t sterna_vulkan_spirv_##id##_bytes;
#include "kernels/kernels.def"
#undef KERNEL

static const vulkan_code codes[STERNA_GPU_KERNELS] = {
#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                \
    {sterna_vulkan_spirv_##id, &sterna_vulkan_spirv_##id##_bytes, sterna_vulkan_spirv_##id##_sha256},
#include "kernels/kernels.def"
#undef KERNEL
};

const vulkan_code *sterna_vulkan_code(uint32_t index)
{
    return &codes[index];
}

/* Buffers and words as the prelude lays them out (kernels/DIALECT.md). */
static void read_signature(uint32_t index, vulkan_kernel *kernel)
{
    kernel->row = sterna_gpu_kernel_row_at(index);
    const sterna_op_info *info = sterna_op_get(kernel->row->op);
    kernel->n_ranges = kernel->n_words = 0;
    for (uint32_t i = 0; i < info->n_params; i++) switch (info->params[i].kind) {
        case STERNA_PARAM_WEIGHT:
            kernel->n_words += 4;
            kernel->by_rows[kernel->n_ranges] = true;
            kernel->access[kernel->n_ranges++] = VULKAN_READS;
            break;
        case STERNA_PARAM_IN:
            kernel->by_rows[kernel->n_ranges] = kernel->row->op == STERNA_OP_attention; /* its caches */
            kernel->access[kernel->n_ranges++] = VULKAN_READS;
            break;
        case STERNA_PARAM_OUT:
        case STERNA_PARAM_INOUT:
            kernel->access[kernel->n_ranges++] = VULKAN_WRITES;
            break;
        case STERNA_PARAM_U32:
        case STERNA_PARAM_F32:
            kernel->n_words++;
            break;
        }
    kernel->access[kernel->n_ranges++] = VULKAN_ORS; /* status */
    kernel->n_words++;
}

static sterna_status make_layouts(vulkan_device *device, vulkan_kernel *kernel, sterna_fault *fault)
{
    VkDescriptorSetLayoutBinding bindings[STERNA_GPU_MAX_RANGES];
    for (uint32_t i = 0; i < kernel->n_ranges; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i + 1,
                                                     .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                     .descriptorCount = 1,
                                                     .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    const VkDescriptorSetLayoutCreateInfo sets = {.sType =
                                                      VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                  .bindingCount = kernel->n_ranges,
                                                  .pBindings = bindings};
    VkResult result = VK_SUCCESS;
    if (!kernel->sets)
        result = device->vk.vkCreateDescriptorSetLayout(device->handle, &sets, NULL, &kernel->sets);
    if (result != VK_SUCCESS) {
        kernel->sets = VK_NULL_HANDLE;
        return sterna_vulkan_fail(fault, result, "vkCreateDescriptorSetLayout", kernel->row->id);
    }
    const VkPushConstantRange words = {VK_SHADER_STAGE_COMPUTE_BIT, 0, kernel->n_words * 4};
    const VkPipelineLayoutCreateInfo layout = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                               .setLayoutCount = 1,
                                               .pSetLayouts = &kernel->sets,
                                               .pushConstantRangeCount = 1,
                                               .pPushConstantRanges = &words};
    result = device->vk.vkCreatePipelineLayout(device->handle, &layout, NULL, &kernel->layout);
    if (result == VK_SUCCESS) return STERNA_OK;
    kernel->layout = VK_NULL_HANDLE;
    return sterna_vulkan_fail(fault, result, "vkCreatePipelineLayout", kernel->row->id);
}

static sterna_status make_pipeline(vulkan_device *device, vulkan_kernel *kernel, const vulkan_code *code,
                                   sterna_fault *fault)
{
    const vulkan_candidate *p = &device->physical;
    VkShaderModule module = VK_NULL_HANDLE;
    uint32_t *words = NULL;
    size_t bytes = 0;
    sterna_status status =
        sterna_vulkan_float_controls(device->host, code, p->float_modes, &words, &bytes, fault);
    if (status != STERNA_OK) return status;
    const VkShaderModuleCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = words};
    VkResult result = device->vk.vkCreateShaderModule(device->handle, &info, NULL, &module);
    const char *call = "vkCreateShaderModule";
    bool lied = false;
    if (result == VK_SUCCESS) {
        const VkComputePipelineCreateInfo pipeline = {
            .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
            .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                      .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                      .module = module,
                      .pName = "main"},
            .layout = kernel->layout,
            .basePipelineIndex = -1};
        call = "vkCreateComputePipelines";
        result = device->vk.vkCreateComputePipelines(device->handle, device->cache, 1, &pipeline, NULL,
                                                     &kernel->pipeline);
        device->vk.vkDestroyShaderModule(device->handle, module, NULL);
        /* A driver that gives nothing, and success, is not believed. */
        lied = result == VK_SUCCESS && !kernel->pipeline;
        if (lied) result = VK_ERROR_UNKNOWN;
        if (result == VK_SUCCESS) device->cache_grew = true;
    }
    device->host->release(device->host->context, words);
    if (result == VK_SUCCESS) return STERNA_OK;
    kernel->pipeline = VK_NULL_HANDLE;
    sterna_fault why = {0};
    status = sterna_vulkan_fail(&why, result, call, kernel->row->id);
    /* Compilers that fail have no code of their own (VK_ERROR_UNKNOWN, _INITIALIZATION_FAILED, what they please). */
    if (status == STERNA_DEVICE && result != VK_ERROR_DEVICE_LOST && !lied) status = STERNA_UNSUPPORTED;
    return sterna_fail(fault, status, "%s", why.text);
}

sterna_status sterna_vulkan_kernel(void *gpu, const char *id, const void **kernel, uint8_t hash[32],
                                   sterna_fault *fault)
{
    vulkan_device *device = gpu;
    sterna_status status = sterna_vulkan_usable(device, fault);
    if (status != STERNA_OK) return status;
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        vulkan_kernel *found = &device->kernels[i];
        if (strcmp(sterna_gpu_kernel_row_at(i)->id, id) != 0) continue;
        read_signature(i, found);
        if (!found->layout) status = make_layouts(device, found, fault);
        if (status == STERNA_OK && !found->pipeline) status = make_pipeline(device, found, &codes[i], fault);
        if (status == STERNA_OK) status = sterna_vulkan_check(device, fault);
        if (status != STERNA_OK) return status;
        memcpy(hash, codes[i].hash, 32);
        *kernel = found;
        return STERNA_OK;
    }
    return sterna_fail(fault, STERNA_UNSUPPORTED, "vulkan: kernel %s is not built", id);
}

void sterna_vulkan_kernels_free(vulkan_device *device)
{
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++) {
        vulkan_kernel *kernel = &device->kernels[i];
        if (kernel->pipeline) device->vk.vkDestroyPipeline(device->handle, kernel->pipeline, NULL);
        if (kernel->layout) device->vk.vkDestroyPipelineLayout(device->handle, kernel->layout, NULL);
        if (kernel->sets) device->vk.vkDestroyDescriptorSetLayout(device->handle, kernel->sets, NULL);
        *kernel = (vulkan_kernel){0};
    }
}
