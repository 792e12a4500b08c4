/* The images that this build embeds for CUDA and HIP, as the mock libraries read them: every row of kernels.def stands in
 * each, under its id; an image for another architecture, and a damaged one, is refused. */
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
static const embedded cuda[] = {
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
static const embedded hip[] = {
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
    if (!cuda[0].bytes) SKIP(t, "this build has no backend cuda");
    holds_every_row(t, false, &cuda[0], NULL);
    /* Its first word, which says what it is. */
    uint8_t *damaged = sterna_alloc(*cuda[0].size, 1);
    CHECK(t, damaged != NULL);
    memcpy(damaged, cuda[0].bytes, *cuda[0].size);
    memset(damaged, 0xff, 4);
    refused(t, false, damaged, NULL, CODE_INVALID_IMAGE);
    sterna_free(damaged);
}

static void of_hip(sterna_test *t)
{
    uint32_t looked_at = 0;
    if (!hip[0].bytes) SKIP(t, "this build has no backend hip");
    for (const embedded *image = hip; image->arch; image++) {
        bool wide = strcmp(image->arch, "gfx90a") == 0, narrow = strcmp(image->arch, "gfx1030") == 0;
        if (wide || narrow) holds_every_row(t, true, image, wide ? "warp=64" : "warp=32");
        if (!wide) refused(t, true, image->bytes, "warp=64", CODE_NO_BINARY_FOR_GPU);
        if (!narrow) refused(t, true, image->bytes, "warp=32", CODE_NO_BINARY_FOR_GPU);
        looked_at += wide || narrow;
    }
    CHECK(t, looked_at > 0);
}

const sterna_test_case sterna_test_cases[] = {{"of_cuda", of_cuda, 0}, {"of_hip", of_hip, 0}, {0}};
