/* The keys of a variant. */
#include "vulkan_options.h"
#include "base/size.h"
#include "gpu/gpu_settings.h"

static const sterna_gpu_key keys[] = {
    STERNA_GPU_TEXT(sterna_vulkan_options, library, "the loader's file"),
#define KEY(name, low, high, preset, sentence)                                                               \
    STERNA_GPU_NUMBER(sterna_vulkan_options, name, low, high, sentence),
#include "vulkan_keys.def"
};

sterna_status sterna_vulkan_options_read(const char *variant, sterna_vulkan_options *options,
                                         sterna_fault *fault)
{
    sterna_vulkan_options made = {
#define KEY(name, low, high, preset, sentence) .name = preset,
#include "vulkan_keys.def"
    };
    sterna_status status = sterna_gpu_settings_read("vulkan", variant, made.device, sizeof made.device, keys,
                                                    STERNA_COUNT(keys), &made, fault);
    if (status == STERNA_OK) *options = made;
    return status;
}
