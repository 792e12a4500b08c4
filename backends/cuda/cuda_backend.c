/* CUDA behind the backend ABI: its library, its kernels, its names. Everything else is gpu/stream. */
#include "gpu/stream/stream_driver.h"
#include <stdio.h>
#include <string.h>

/* Made of kernels.def when this was built (CMakeLists.txt). */
extern const unsigned char sterna_cuda_kernels[], sterna_cuda_kernels_sha256[32];
extern const size_t sterna_cuda_kernels_bytes;

/* The oldest compute capability that the image serves: it has PTX for 8.0, which newer ones compile. */
enum { OLDEST = 80 };

static const char *const libraries[] = {"libcuda.so.1", NULL};

static void arch_name(const stream_api *api, int device, int ordinal, char arch[32])
{
    int major = 0, minor = 0;
    (void)ordinal;
    api->device_attribute(&major, api->capability_major, device);
    api->device_attribute(&minor, api->capability_minor, device);
    snprintf(arch, 32, "sm_%d%d", major, minor);
}

static bool fits(const stream_image *image, const char *arch)
{
    int capability = 0;
    (void)image;
    for (const char *digit = arch + strlen("sm_"); *digit >= '0' && *digit <= '9' && capability < 10000;
         digit++)
        capability = capability * 10 + (*digit - '0');
    return capability >= OLDEST;
}

/* 13020 is 13.2. */
static void version_text(int version, char text[32])
{
    snprintf(text, 32, "%d.%d", version / 1000, version % 1000 / 10);
}

static const stream_image images[] = {
    {"sm_80 and later", sterna_cuda_kernels, &sterna_cuda_kernels_bytes, sterna_cuda_kernels_sha256}};

static const stream_family family = {
    .name = "cuda",
    .title = "CUDA",
    .column = STREAM_CUDA,
    .libraries = libraries,
    .library_variable = STERNA_ENV_CUDA_LIBRARY,
    .absent = "install NVIDIA's driver",
    .unseen = "see nvidia-smi, and CUDA_VISIBLE_DEVICES",
    .made_by = STERNA_CUDA_MADE_BY,
    .graphs = 1,
    .images = images,
    .n_images = 1,
    .arch_name = arch_name,
    .fits = fits,
    .version_text = version_text,
};

static sterna_status open_driver(const sterna_host *host, const char *variant, void **gpu,
                                 sterna_gpu_limits *limits, sterna_fault *fault)
{
    return sterna_stream_open(&family, host, variant, gpu, limits, fault);
}

static const sterna_gpu_driver driver = {.prefix = "cuda:", .open = open_driver, STERNA_STREAM_DRIVER};

static uint32_t device_count(void)
{
    return sterna_stream_device_count(&family);
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    return sterna_stream_device_info(&family, index, info);
}

STERNA_GPU_BACKEND(cuda, driver, device_count, device_info)
