/* Images as the mock libraries read them: made here, with each thing that can be wrong; and those that this build embeds,
 * where every row of kernels.def stands under its id. */
#include "base/mem.h"
#include "base/size.h"
#include "vendor_rig.h"
#include <stdio.h>
#include <string.h>

typedef struct embedded {
    const char *arch;
    const unsigned char *bytes;
    const size_t *size;
} embedded;

#if VENDOR_HAVE_CUDA
extern const unsigned char sterna_cuda_kernels[];
extern const size_t sterna_cuda_kernels_bytes;
#endif
static const embedded cuda_images[] = {
#if VENDOR_HAVE_CUDA
    {"sm_90", sterna_cuda_kernels, &sterna_cuda_kernels_bytes},
#endif
    {0}};

#if VENDOR_HAVE_HIP
#define HIP_IMAGE(arch)                                                                                      \
    extern const unsigned char sterna_hip_kernels_##arch[];                                                  \
    extern const size_t sterna_hip_kernels_##arch##_bytes;
#include "hip_images.def"
#undef HIP_IMAGE
#endif
static const embedded hip_images[] = {
#if VENDOR_HAVE_HIP
#define HIP_IMAGE(arch) {#arch, sterna_hip_kernels_##arch, &sterna_hip_kernels_##arch##_bytes},
#include "hip_images.def"
#undef HIP_IMAGE
#endif
    {0}};

static const char *const rows[] = {
#define KERNEL(id, ...) #id,
#include "kernels/kernels.def"
#undef KERNEL
};

/* On a device of this architecture. */
static void holds_every_row(sterna_test *t, bool is_hip, const embedded *image, const char *settings)
{
    vendor_rig rig;
    void *module = NULL, *function = NULL;
    if (!vendor_rig_open(t, &rig, is_hip, settings)) return;
    int code = rig.api.module_load(&module, image->bytes);
    CHECK_MSG(t, code == CODE_SUCCESS, "%s: %s", image->arch, vendor_rig_sentence(&rig, code));
    for (uint32_t i = 0; i < STERNA_COUNT(rows); i++) {
        code = rig.api.module_function(&function, module, rows[i]);
        CHECK_MSG(t, code == CODE_SUCCESS, "%s: %s: %s", image->arch, rows[i],
                  vendor_rig_sentence(&rig, code));
    }
    CHECK(t, rig.api.module_unload(module) == CODE_SUCCESS);
    vendor_rig_close(t, &rig);
}

static void refused(sterna_test *t, bool is_hip, const void *image, const char *settings, int wanted)
{
    vendor_rig rig;
    void *module = NULL;
    if (!vendor_rig_open(t, &rig, is_hip, settings)) return;
    int code = rig.api.module_load(&module, image);
    CHECK_MSG(t, code == wanted, "%d, %s", code, vendor_rig_sentence(&rig, code));
    vendor_rig_close(t, &rig);
}

static void of_cuda(sterna_test *t)
{
    if (!cuda_images[0].bytes) SKIP(t, "this build has no backend cuda");
    holds_every_row(t, false, &cuda_images[0], NULL);
    /* Its first word, which says what it is. */
    uint8_t *damaged = sterna_alloc(*cuda_images[0].size, 1);
    CHECK(t, damaged != NULL);
    memcpy(damaged, cuda_images[0].bytes, *cuda_images[0].size);
    memset(damaged, 0xff, 4);
    refused(t, false, damaged, NULL, CODE_INVALID_IMAGE);
    sterna_free(damaged);
}

static void of_hip(sterna_test *t)
{
    uint32_t looked_at = 0;
    if (!hip_images[0].bytes) SKIP(t, "this build has no backend hip");
    for (const embedded *image = hip_images; image->arch; image++) {
        bool wide = strcmp(image->arch, "gfx90a") == 0, narrow = strcmp(image->arch, "gfx1030") == 0;
        if (wide || narrow) holds_every_row(t, true, image, wide ? "warp=64" : "warp=32");
        if (!wide) refused(t, true, image->bytes, "warp=64", CODE_NO_BINARY_FOR_GPU);
        if (!narrow) refused(t, true, image->bytes, "warp=32", CODE_NO_BINARY_FOR_GPU);
        looked_at += wide || narrow;
    }
    CHECK(t, looked_at > 0);
}

static void images(sterna_test *t)
{
    static const char *const kernels[] = {"add", "no_such_kernel", NULL};
    BOTH
    {
        vendor_rig rig;
        uint8_t image[4096] = "this is no image at all, whatever reads it";
        void *module = NULL, *function = NULL;
        if (!vendor_rig_open(t, &rig, hip, "warp=64")) return;
        WANT(INVALID_VALUE, rig.api.module_load(&module, NULL));
        WANT(INVALID_IMAGE, rig.api.module_load(&module, image));
        vendor_rig_image(hip, kernels, hip ? RIG_GFX1030 : 10, image, sizeof image);
        WANT(NO_BINARY_FOR_GPU, rig.api.module_load(&module, image));
        SAYS(NO_BINARY_FOR_GPU, hip ? "the device is gfx90a" : "PTX for sm_100; the device is sm_90");
        vendor_rig_image(hip, kernels, hip ? RIG_GFX90A : 9, image, sizeof image);
        WANT(SUCCESS, rig.api.module_load(&module, image));
        memset(image, 0, sizeof image); /* the driver has its own copy */
        WANT(SUCCESS, rig.api.module_function(&function, module, "add"));
        WANT(NOT_FOUND, rig.api.module_function(&function, module, "no_such_kernel"));
        SAYS(NOT_FOUND, "is not built");
        WANT(NOT_FOUND, rig.api.module_function(&function, module, "ad")); /* a part of a name is none */
        WANT(SUCCESS, rig.api.module_unload(module));
        WANT(INVALID_HANDLE, rig.api.module_unload(module));
        WANT(INVALID_HANDLE, rig.api.module_function(&function, module, "add"));
        vendor_rig_close(t, &rig);
    }
}

/* A fatbin of entries: kind, architecture, flags, data. */
static size_t add_entry(uint8_t *fatbin, uint32_t kind, uint32_t arch, uint32_t flags, const void *data,
                        size_t bytes)
{
    uint64_t size = 0;
    const uint32_t magic = 0xba55ed50, version = 1 | 16 << 16, header = 64, kinds = kind | 0x101 << 16;
    const uint64_t length = bytes;
    memcpy(fatbin, &magic, 4);
    memcpy(fatbin + 4, &version, 4);
    memcpy(&size, fatbin + 8, 8);
    uint8_t *at = fatbin + 16 + size;
    memset(at, 0, 64);
    memcpy(at, &kinds, 4);
    memcpy(at + 4, &header, 4);
    memcpy(at + 8, &length, 8);
    memcpy(at + 28, &arch, 4);
    memcpy(at + 40, &flags, 4);
    memcpy(at + 64, data, bytes);
    size += 64 + bytes;
    memcpy(fatbin + 8, &size, 8);
    return 16 + size;
}

static void fatbins(sterna_test *t)
{
    static const char ptx[] = ".version 7.0\n.target sm_80\n.visible .entry add(\n)\n{}";
    static const char *const kernels[] = {"add", NULL};
    vendor_rig rig;
    uint8_t fatbin[2048] = {0}, elf[1024];
    void *module = NULL, *function = NULL;
    if (!vendor_rig_open(t, &rig, 0, NULL)) return;
    size_t bytes =
        add_entry(fatbin, 1, 80, 0x8011, ptx, sizeof ptx - 1); /* compressed: cannot be looked into */
    WANT(SUCCESS, rig.api.module_load(&module, fatbin));
    WANT(NOT_FOUND, rig.api.module_function(&function, module, "add"));
    WANT(SUCCESS, rig.api.module_unload(module));
    bytes = add_entry(fatbin, 1, 80, 0x11, ptx, sizeof ptx - 1);
    WANT(SUCCESS, rig.api.module_load(&module, fatbin));
    WANT(SUCCESS, rig.api.module_function(&function, module, "add"));
    WANT(SUCCESS, rig.api.module_unload(module));
    uint64_t longer = bytes - 16 + 20; /* behind the last entry there is something else */
    memcpy(fatbin + 8, &longer, 8);
    WANT(INVALID_IMAGE, rig.api.module_load(&module, fatbin));
    memset(fatbin, 0, sizeof fatbin);
    add_entry(fatbin, 1, 100, 0x11, ptx, sizeof ptx - 1);
    WANT(NO_BINARY_FOR_GPU, rig.api.module_load(&module, fatbin));
    add_entry(fatbin, 2, 90, 0x11, ptx, sizeof ptx - 1); /* no ELF */
    WANT(INVALID_IMAGE, rig.api.module_load(&module, fatbin));
    /* Machine code runs on its own architecture only. */
    size_t elf_bytes = vendor_rig_image(true, kernels, 0, elf, sizeof elf);
    elf[18] = 190; /* CUDA's machine number */
    memset(fatbin, 0, sizeof fatbin);
    add_entry(fatbin, 2, 80, 0x11, elf, elf_bytes);
    WANT(NO_BINARY_FOR_GPU, rig.api.module_load(&module, fatbin));
    SAYS(NO_BINARY_FOR_GPU, "none for compute capability 9.0");
    memset(fatbin, 0, sizeof fatbin);
    add_entry(fatbin, 2, 90, 0x11, elf, elf_bytes);
    WANT(SUCCESS, rig.api.module_load(&module, fatbin));
    WANT(SUCCESS, rig.api.module_unload(module));
    vendor_rig_close(t, &rig);
}

const sterna_test_case sterna_test_cases[] = {
    {"images", images, 0}, {"fatbins", fatbins, 0}, {"of_cuda", of_cuda, 0}, {"of_hip", of_hip, 0}, {0}};
