/* The keys of a variant. */
#include "gpu/gpu_settings.h"
#include "gpu/stream/stream_private.h"

static const sterna_gpu_key keys[] = {
    STERNA_GPU_TEXT(stream_settings, library, "the driver library's file"),
#define STREAM_KEY(name, low, high, preset, sentence)                                                        \
    STERNA_GPU_NUMBER(stream_settings, name, low, high, sentence),
#include "gpu/stream/keys.def"
};

sterna_status sterna_stream_settings(const stream_family *family, const char *variant,
                                     stream_settings *settings, sterna_fault *fault)
{
    stream_settings made = {
#define STREAM_KEY(name, low, high, preset, sentence) .name = preset,
#include "gpu/stream/keys.def"
    };
    sterna_status status = sterna_gpu_settings_read(family->name, variant, made.device, sizeof made.device,
                                                    keys, STERNA_COUNT(keys), &made, fault);
    if (status == STERNA_OK) *settings = made;
    return status;
}
