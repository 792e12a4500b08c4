/* HIP behind the backend ABI: its library, its kernels, its names. Everything else is gpu/stream. */
#include "base/size.h"
#include "gpu/stream/stream_driver.h"
#include <stdio.h>
#include <string.h>

/* Code objects made of kernels.def when this was built (CMakeLists.txt). */
#define HIP_IMAGE(arch)                                                                                      \
    extern const unsigned char sterna_hip_kernels_##arch[], sterna_hip_kernels_##arch##_sha256[32];          \
    extern const size_t sterna_hip_kernels_##arch##_bytes;
#include "hip_images.def"
#undef HIP_IMAGE

static const stream_image images[] = {
#define HIP_IMAGE(arch)                                                                                      \
    {#arch, sterna_hip_kernels_##arch, &sterna_hip_kernels_##arch##_bytes,                                   \
     sterna_hip_kernels_##arch##_sha256},
#include "hip_images.def"
#undef HIP_IMAGE
};

/* The last one is where ROCm's packages put it; not all of them tell the loader. */
static const char *const libraries[] = {"libamdhip64.so",
                                        "libamdhip64.so.7",
                                        "libamdhip64.so.6",
                                        "libamdhip64.so.5",
                                        "/opt/rocm/lib/libamdhip64.so",
                                        NULL};

/* The name of the architecture stands in the device's properties, whose layout differs between versions of the runtime: a
 * text that begins with "gfx" behind the device's name, which comes first. Features follow it after a colon. */
static void arch_name(const stream_api *api, int device, int ordinal, char arch[32])
{
    enum { NAME = 256, LARGEST = 8192 };
    _Alignas(16) char properties[LARGEST] = {0};
    (void)device;
    arch[0] = 0;
    if (api->device_properties(properties, ordinal) != STREAM_OK) return;
    for (size_t at = NAME; at + 32 < LARGEST; at++)
        if (properties[at - 1] == 0 && memcmp(properties + at, "gfx", 3) == 0) {
            size_t length = strcspn(properties + at, ":");
            snprintf(arch, 32, "%.*s", (int)(length < 31 ? length : 31), properties + at);
            return;
        }
}

/* Code objects run on the architecture they were made for. */
static bool fits(const stream_image *image, const char *arch)
{
    return strcmp(image->arch, arch) == 0;
}

/* 50221153 is 5.2. */
static void version_text(int version, char text[32])
{
    snprintf(text, 32, "%d.%d", version / 10000000, version / 100000 % 100);
}

static const stream_family family = {
    .name = "hip",
    .title = "HIP",
    .column = STREAM_HIP,
    .libraries = libraries,
    .library_variable = STERNA_ENV_HIP_LIBRARY,
    .absent = "install AMD's ROCm runtime",
    .unseen = "see rocminfo, and whether this user may open /dev/kfd (groups render, video)",
    .made_by = "clang for code objects of version 4",
    .graphs = 0, /* ROCm has versions whose graphs compute wrongly and say nothing: docs/hip.md */
    .images = images,
    .n_images = STERNA_COUNT(images),
    .arch_name = arch_name,
    .fits = fits,
    .version_text = version_text,
};

static sterna_status open_driver(const sterna_host *host, const char *variant, void **gpu,
                                 sterna_gpu_limits *limits, sterna_fault *fault)
{
    return sterna_stream_open(&family, host, variant, gpu, limits, fault);
}

static const sterna_gpu_driver driver = {.prefix = "hip:", .open = open_driver, STERNA_STREAM_DRIVER};

static uint32_t device_count(void)
{
    return sterna_stream_device_count(&family);
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    return sterna_stream_device_info(&family, index, info);
}

STERNA_GPU_BACKEND(hip, driver, device_count, device_info)
