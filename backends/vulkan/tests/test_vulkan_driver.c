/* The Vulkan driver through its table: names and keys, copies, marks, barriers, the watchdog, lost devices. */
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "vulkan/vulkan_private.h"
#include "vulkan_adding.h"
#include <stdlib.h>
#include <string.h>

/* A device that everything is checked on; NULL without the layer. */
static vulkan_device *open_validated(char why[500])
{
    void *gpu = NULL;
    sterna_gpu_limits limits;
    sterna_fault fault = {0};
    sterna_status status = DRIVER->open(host(), "validate=1", &gpu, &limits, &fault);
    snprintf(why, 500, "%s", fault.text);
    return status == STERNA_OK ? gpu : NULL;
}

static void variants_are_read(sterna_test *t)
{
    static const struct {
        const char *variant, *says;
    } bad[] = {
        {"llvmpipe,watch=1", "vulkan: unknown key 'watch'; there are library, validate, each, "},
        {"watchdog=0", "vulkan: watchdog = '0' is not a number from 1 to 86400000 (milliseconds a wait"},
        {"watchdog=", "watchdog = '' is not a number"},
        {"validate=yes", "validate = 'yes' is not a number from 0 to 1"},
        {"max_binding=99999999999999999999", "is not a number"},
        {"validate=1,llvmpipe", "'llvmpipe' is not key=value"},
        {"a-name-that-is-much-longer-than-anything-that-a-device-could-ever-be-called",
         "is not a text of 1 to 63 bytes (its number, or a part of its name)"},
        {"library=", "library = '' is not a text of 1 to 255 bytes (the loader's file)"},
    };
    sterna_vulkan_options options;
    for (uint32_t i = 0; i < STERNA_COUNT(bad); i++) {
        sterna_fault fault = {0};
        CHECK(t, sterna_vulkan_options_read(bad[i].variant, &options, &fault) == STERNA_USAGE);
        CHECK_MSG(t, strstr(fault.text, bad[i].says), "%s: %s", bad[i].variant, fault.text);
    }
    CHECK(t, sterna_vulkan_options_read("LLVM,watchdog=5,max_binding=2m,library=/x/y.so", &options, NULL) ==
                 STERNA_OK);
    CHECK(t, strcmp(options.device, "LLVM") == 0 && options.watchdog == 5 && options.max_binding == 2u << 20);
    CHECK(t, strcmp(options.library, "/x/y.so") == 0 && options.max_groups == 65535 && !options.validate);
}

static void absence_is_told(sterna_test *t)
{
    void *gpu = NULL;
    sterna_gpu_limits limits;
    sterna_fault fault = {0};
    CHECK(t,
          DRIVER->open(host(), "library=/nowhere/libvulkan.so", &gpu, &limits, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t,
              strstr(fault.text, "/nowhere/libvulkan.so") && strstr(fault.text, "install the Vulkan loader"),
              "%s", fault.text);
    CHECK(t, !gpu);
    SKIP_WITHOUT_VULKAN(t);
    fault = (sterna_fault){0};
    CHECK(t, DRIVER->open(host(), "no such device", &gpu, &limits, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(fault.text, "no usable device is called no such device; devices here: 0: "), "%s",
              fault.text);
    fault = (sterna_fault){0};
    CHECK(t, DRIVER->open(host(), "library=libm.so.6", &gpu, &limits, &fault) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(fault.text, "has no vkGetInstanceProcAddr"), "%s", fault.text);
}

/* The loader comes by dlopen alone. */
static void nothing_is_linked(sterna_test *t)
{
    sterna_mapping maps = {0};
    CHECK(t, sterna_sys_read("/proc/self/maps", 1 << 22, &maps, NULL) == STERNA_OK);
    bool linked = false;
    for (uint64_t i = 0; i + 9 < maps.size; i++) linked |= memcmp(maps.data + i, "libvulkan", 9) == 0;
    sterna_sys_unmap(&maps);
    CHECK(t, !linked);
}

/* What is asked of the devices is of the same look as their number; counting looks anew. */
static void one_look_for_a_listing(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    sterna_device_info first = {.size = sizeof first}, again = {.size = sizeof again};
    CHECK(t, api->device_count() > 0 && api->device_info(0, &first) == STERNA_OK);
    setenv("VK_ICD_FILENAMES", "/nowhere/icd.json", 1);
    setenv("VK_DRIVER_FILES", "/nowhere/icd.json", 1);
    CHECK(t, api->device_info(0, &again) == STERNA_OK && memcmp(&first, &again, sizeof first) == 0);
    CHECK(t, api->device_count() == 1 && api->device_info(0, &again) == STERNA_OK && !again.usable);
    CHECK_MSG(t, strncmp(again.why, "vulkan: ", 8) == 0, "%s", again.why);
    CHECK(t, api->device_info(1, &again) == STERNA_USAGE);
    unsetenv("VK_ICD_FILENAMES");
    unsetenv("VK_DRIVER_FILES");
}

static void devices_are_named(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    const sterna_backend_api *api = sterna_backend_vulkan_entry(STERNA_ABI_VERSION);
    uint32_t count = api->device_count();
    sterna_device_info info = {.size = sizeof info};
    CHECK(t, count > 0 && api->device_info(count, &info) == STERNA_USAGE);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(t, api->device_info(i, &info) == STERNA_OK);
        if (!info.usable) continue;
        char index[12];
        snprintf(index, sizeof index, "%u", i);
        const char *names[] = {info.variant, index};
        for (uint32_t n = 0; n < 2; n++) {
            sterna_device *device = op_case_open(t, api, names[n]);
            sterna_device_info opened = {.size = sizeof opened};
            CHECK(t, device && api->info(device, &opened) == STERNA_OK);
            api->close(device);
            CHECK_MSG(t, strcmp(opened.variant, info.variant) == 0, "%s opened %s", names[n], opened.variant);
            CHECK(t, strcmp(opened.driver, info.driver) == 0 && opened.kind == info.kind && info.kind != 0);
        }
    }
}

static uint8_t pattern(uint64_t i, uint32_t salt)
{
    return (uint8_t)(i * 7 + (i >> 8) * 13 + salt);
}

/* Copies of odd sizes at odd places, some larger than the staging memory, before and after fills. */
static void copies(sterna_test *t, const char *variant)
{
    enum { BYTES = 9 << 20 };
    vulkan_device *d = open_device(t, variant);
    uint8_t *data = sterna_alloc(BYTES, 1), *back = sterna_alloc(BYTES, 1);
    sterna_gpu_memory memory = 0;
    CHECK(t, d && data && back && DRIVER->alloc(d, BYTES, &memory, NULL) == STERNA_OK);
    for (uint64_t i = 0; i < BYTES; i++) data[i] = pattern(i, 1);
    CHECK(t, DRIVER->upload(d, memory, 0, data, BYTES, NULL) == STERNA_OK);
    CHECK(t, DRIVER->clear(d, memory, 4096, 8, NULL) == STERNA_OK);
    memset(data + 4096, 0, 8);
    for (uint64_t i = 0; i < 5; i++) data[4101 + i] = pattern(i, 99);
    CHECK(t, DRIVER->upload(d, memory, 4101, data + 4101, 5, NULL) == STERNA_OK);
    CHECK(t, DRIVER->clear(d, memory, 5 << 20, 1 << 20, NULL) == STERNA_OK);
    memset(data + (5 << 20), 0, 1 << 20);
    CHECK(t, DRIVER->upload(d, memory, (5 << 20) + 3, "xyz", 3, NULL) == STERNA_OK);
    memcpy(data + (5 << 20) + 3, "xyz", 3);
    CHECK(t, DRIVER->download(d, memory, 0, back, BYTES, NULL) == STERNA_OK);
    uint64_t different = 0;
    for (uint64_t i = 0; i < BYTES; i++) different += data[i] != back[i];
    CHECK_MSG(t, different == 0, "%s: %llu bytes differ", variant, (unsigned long long)different);
    memset(back, 0xee, 16);
    CHECK(t, DRIVER->download(d, memory, 4097, back + 1, 11, NULL) == STERNA_OK);
    CHECK(t, memcmp(back + 1, data + 4097, 11) == 0 && back[0] == 0xee && back[12] == 0xee);
    sterna_fault fault = {0};
    CHECK(t, DRIVER->upload(d, memory, BYTES - 2, data, 3, &fault) == STERNA_INTERNAL && fault.text[0]);
    CHECK(t, DRIVER->clear(d, memory, BYTES, 4, NULL) == STERNA_INTERNAL);
    DRIVER->free(d, memory);
    /* A handle of freed memory fits nothing, also when its place is taken again. */
    sterna_gpu_memory next = 0;
    CHECK(t, DRIVER->alloc(d, 4096, &next, NULL) == STERNA_OK && next != memory);
    CHECK(t, DRIVER->download(d, memory, 0, back, 4, NULL) == STERNA_INTERNAL);
    DRIVER->free(d, next);
    DRIVER->close(d);
    sterna_free(data);
    sterna_free(back);
    CHECK_MSG(t, logged_errors == 0, "%s", logged);
}

static void copies_mapped(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    copies(t, "");
}

static void copies_staged(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    copies(t, "staging=1");
}

/* More batches than the ring has, more sets than a pool has, marks out of turn. */
static void marks_and_batches(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    enum { MARKS = 11, EACH = 300 };
    adding a;
    uint64_t marks[MARKS], last = 0;
    uint32_t tag = 0;
    float first = 0;
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && make_adding(t, &a, d, 64));
    for (uint32_t m = 0; m < MARKS; m++) {
        for (uint32_t i = 0; i < (m == 3 ? 0 : EACH); i++) CHECK(t, add_once(&a, a.x, i, NULL) == STERNA_OK);
        CHECK(t, DRIVER->fence(d, &marks[m], NULL) == STERNA_OK && marks[m] > last);
        last = marks[m];
    }
    for (uint32_t m = MARKS; m-- > 0;) CHECK(t, DRIVER->wait(d, marks[m], 0, &tag, NULL) == STERNA_OK);
    CHECK(t, DRIVER->wait(d, last + 1, 0, &tag, NULL) == STERNA_INTERNAL);
    CHECK(t, DRIVER->wait(d, 0, 0, &tag, NULL) == STERNA_INTERNAL);
    CHECK(t, DRIVER->download(d, a.x, 0, &first, 4, NULL) == STERNA_OK);
    CHECK_MSG(t, first == (float)((MARKS - 1) * EACH), "%f", (double)first);
    end_adding(&a);
    CHECK(t, logged_errors == 0);
}

/* Barriers, counted. */
static uint32_t barriers;
static PFN_vkCmdPipelineBarrier real_barrier;

static void VKAPI_PTR count_barrier(VkCommandBuffer commands, VkPipelineStageFlags from,
                                    VkPipelineStageFlags to, VkDependencyFlags flags, uint32_t n,
                                    const VkMemoryBarrier *all, uint32_t n_buffers,
                                    const VkBufferMemoryBarrier *buffers, uint32_t n_images,
                                    const VkImageMemoryBarrier *images)
{
    barriers++;
    real_barrier(commands, from, to, flags, n, all, n_buffers, buffers, n_images, images);
}

static void VKAPI_PTR no_barrier(VkCommandBuffer commands, VkPipelineStageFlags from, VkPipelineStageFlags to,
                                 VkDependencyFlags flags, uint32_t n, const VkMemoryBarrier *all,
                                 uint32_t n_buffers, const VkBufferMemoryBarrier *buffers, uint32_t n_images,
                                 const VkImageMemoryBarrier *images)
{
    (void)commands, (void)from, (void)to, (void)flags, (void)n, (void)all;
    (void)n_buffers, (void)buffers, (void)n_images, (void)images;
}

static void barriers_stand_where_needed(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    sterna_gpu_memory other[3];
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && make_adding(t, &a, d, 64));
    for (uint32_t i = 0; i < 3; i++) CHECK(t, DRIVER->alloc(d, 4096, &other[i], NULL) == STERNA_OK);
    CHECK(t, sterna_vulkan_finish(d, NULL) == STERNA_OK);
    real_barrier = d->vk.vkCmdPipelineBarrier;
    d->vk.vkCmdPipelineBarrier = count_barrier;
    /* Three that share what they read and the status words. */
    for (uint32_t i = 0; i < 3; i++) CHECK(t, add_once(&a, other[i], i, NULL) == STERNA_OK);
    CHECK(t, barriers == 0);
    /* The same place twice; a copy from it is read behind that. */
    CHECK(t, add_once(&a, other[1], 3, NULL) == STERNA_OK && barriers == 1);
    CHECK(t, add_once(&a, other[1], 3, NULL) == STERNA_OK && barriers == 2);
    CHECK(t, DRIVER->clear(d, other[0], 0, 64, NULL) == STERNA_OK && barriers == 2);
    CHECK(t, add_once(&a, other[0], 4, NULL) == STERNA_OK && barriers == 3);
    /* Status words: cleared between launches that or into them. */
    CHECK(t, DRIVER->clear(d, a.status, 0, 4096, NULL) == STERNA_OK && barriers == 4);
    CHECK(t,
          sterna_vulkan_finish(d, NULL) == STERNA_OK && barriers == 6); /* before the proof, and behind it */
    /* A list that is full counts as a meeting. */
    for (uint32_t i = 0; i < VULKAN_ACCESSES; i++)
        CHECK(t, DRIVER->clear(d, other[0], i * 4, 4, NULL) == STERNA_OK);
    CHECK(t, barriers == 6);
    CHECK(t, DRIVER->clear(d, other[1], 0, 4, NULL) == STERNA_OK && barriers == 7);
    for (uint32_t i = 0; i < 3; i++) DRIVER->free(d, other[i]);
    end_adding(&a);
}

/* Submissions, counted. */
static uint32_t submissions;
static PFN_vkQueueSubmit real_submit;

static VkResult VKAPI_PTR count_submit(VkQueue queue, uint32_t n, const VkSubmitInfo *info, VkFence fence)
{
    submissions++;
    return real_submit(queue, n, info, fence);
}

/* What is read after every mark is copied before it, also where memory is not mapped; and never an old copy is given. */
static void one_submission_per_mark(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    uint64_t mark;
    uint32_t tag, words[2];
    float got[2] = {0, 0};
    vulkan_device *d = open_device(t, "staging=1");
    CHECK(t, d && make_adding(t, &a, d, 64));
    real_submit = d->vk.vkQueueSubmit;
    d->vk.vkQueueSubmit = count_submit;
    for (uint32_t step = 1; step <= 30; step++) {
        submissions = 0;
        CHECK(t, add_once(&a, a.x, 0, NULL) == STERNA_OK && DRIVER->fence(d, &mark, NULL) == STERNA_OK);
        CHECK(t, DRIVER->wait(d, mark, 0, &tag, NULL) == STERNA_OK);
        CHECK(t, DRIVER->download(d, a.status, 0, words, 8, NULL) == STERNA_OK);
        CHECK(t, DRIVER->download(d, a.x, 8, got, 8, NULL) == STERNA_OK);
        CHECK_MSG(t, got[0] == (float)step && got[1] == (float)step, "step %u: %f", step, (double)got[0]);
        /* HOSTILE: there is room for these two. */
        CHECK_MSG(t, submissions == (step == 1 ? 3 : 1), "step %u: %u submissions", step, submissions);
    }
    /* Anything queued behind the copy makes it old: a launch, a fill, an upload. */
    CHECK(t, add_once(&a, a.x, 0, NULL) == STERNA_OK);
    CHECK(t, DRIVER->download(d, a.x, 8, got, 8, NULL) == STERNA_OK && got[0] == 31.0f);
    CHECK(t, add_once(&a, a.x, 0, NULL) == STERNA_OK && DRIVER->fence(d, &mark, NULL) == STERNA_OK);
    CHECK(t, DRIVER->clear(d, a.x, 8, 4, NULL) == STERNA_OK);
    CHECK(t, DRIVER->download(d, a.x, 8, got, 8, NULL) == STERNA_OK && got[0] == 0.0f && got[1] == 32.0f);
    CHECK(t, add_once(&a, a.x, 0, NULL) == STERNA_OK && DRIVER->fence(d, &mark, NULL) == STERNA_OK);
    CHECK(t, DRIVER->upload(d, a.x, 8, "\0\0\0\100", 4, NULL) == STERNA_OK);
    CHECK(t, DRIVER->download(d, a.x, 8, got, 8, NULL) == STERNA_OK && got[0] == 2.0f && got[1] == 33.0f);
    /* A range that nobody reads any more is given up. */
    for (uint32_t step = 0; step < 40; step++)
        CHECK(t, add_once(&a, a.x, 0, NULL) == STERNA_OK && DRIVER->fence(d, &mark, NULL) == STERNA_OK);
    CHECK(t, d->n_wishes == 0);
    end_adding(&a);
    CHECK_MSG(t, logged_errors == 0, "%s", logged);
}

/* What the barrier between a fill and a launch is for: the layer sees that it is missing. */
static void a_missing_barrier_is_reported(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    char why[500];
    for (uint32_t planted = 0; planted < 2; planted++) {
        adding a;
        sterna_fault fault = {0};
        vulkan_device *d = open_validated(why);
        if (!d) SKIP(t, "%s", why);
        CHECK(t, make_adding(t, &a, d, 64) && sterna_vulkan_finish(d, NULL) == STERNA_OK);
        if (planted) d->vk.vkCmdPipelineBarrier = no_barrier;
        sterna_status status = DRIVER->clear(d, a.x, 0, 256, &fault);
        if (status == STERNA_OK) status = add_once(&a, a.x, 0, &fault);
        if (status == STERNA_OK) status = sterna_vulkan_finish(d, &fault);
        end_adding(&a);
        if (!planted) {
            CHECK_MSG(t, status == STERNA_OK && logged_errors == 0, "%s%s", fault.text, logged);
            continue;
        }
        CHECK_MSG(t,
                  status == STERNA_DEVICE && strstr(fault.text, "validation") &&
                      strstr(fault.text, "SYNC-HAZARD"),
                  "status %d: %s", (int)status, fault.text);
        CHECK(t, strstr(logged, "SYNC-HAZARD"));
    }
}

/* Memory is freed, and a device closed, while work on them is queued or runs: the layer would tell. */
static void nothing_is_freed_in_use(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    char why[500];
    adding a;
    uint64_t mark;
    sterna_gpu_memory other[2];
    vulkan_device *d = open_validated(why);
    if (!d) SKIP(t, "%s", why);
    CHECK(t, make_adding(t, &a, d, 1 << 16));
    for (uint32_t i = 0; i < 2; i++) CHECK(t, DRIVER->alloc(d, 1 << 18, &other[i], NULL) == STERNA_OK);
    for (uint32_t i = 0; i < 20; i++) CHECK(t, add_once(&a, other[i % 2], i, NULL) == STERNA_OK);
    DRIVER->free(d, other[0]); /* recorded */
    for (uint32_t i = 0; i < 20; i++) CHECK(t, add_once(&a, other[1], i, NULL) == STERNA_OK);
    CHECK(t, DRIVER->fence(d, &mark, NULL) == STERNA_OK);
    DRIVER->free(d, other[1]); /* submitted */
    for (uint32_t i = 0; i < 20; i++) CHECK(t, add_once(&a, a.x, i, NULL) == STERNA_OK);
    sterna_fault fault = {0};
    CHECK_MSG(t, DRIVER->fence(d, &mark, &fault) == STERNA_OK, "%s", fault.text);
    end_adding(&a);
    CHECK_MSG(t, logged_errors == 0, "%s", logged);
}

/* A wait in small steps, then a watchdog that fires: work that still runs is waited for before memory goes. */
static void the_watchdog(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    uint64_t mark;
    uint32_t tag = 7, timeouts = 0;
    sterna_fault fault = {0};
    sterna_status status;
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && make_adding(t, &a, d, 1 << 18));
    for (uint32_t i = 0; i < 40; i++) CHECK(t, add_once(&a, a.x, i, NULL) == STERNA_OK);
    CHECK(t, DRIVER->fence(d, &mark, NULL) == STERNA_OK);
    while ((status = DRIVER->wait(d, mark, 1, &tag, &fault)) == STERNA_TIMEOUT) {
        CHECK_MSG(t, strstr(fault.text, "not done after"), "%s", fault.text);
        fault = (sterna_fault){0};
        timeouts++;
    }
    CHECK_MSG(t, status == STERNA_OK && timeouts > 0, "%s, %u timeouts", fault.text, timeouts);
    d->options.watchdog = 2;
    for (uint32_t i = 0; i < 40; i++) CHECK(t, add_once(&a, a.x, i, NULL) == STERNA_OK);
    CHECK(t, DRIVER->fence(d, &mark, NULL) == STERNA_OK);
    CHECK(t, DRIVER->wait(d, mark, 0, &tag, &fault) == STERNA_DEVICE);
    CHECK_MSG(t,
              strstr(fault.text, "no answer within the watchdog's 2 ms") &&
                  strstr(fault.text, "40 kernels from add to add"),
              "%s", fault.text);
    fault = (sterna_fault){0};
    CHECK(t, add_once(&a, a.x, 0, &fault) == STERNA_DEVICE && strstr(fault.text, "watchdog"));
    sterna_gpu_memory memory;
    CHECK(t, DRIVER->alloc(d, 4096, &memory, NULL) == STERNA_DEVICE);
    end_adding(&a);
}

static VkResult VKAPI_PTR lost_wait(VkDevice device, const VkSemaphoreWaitInfo *info, uint64_t timeout)
{
    (void)device, (void)info, (void)timeout;
    return VK_ERROR_DEVICE_LOST;
}

/* One launch between two marks is named with its tag; of many the range is told, and each=1 finds the one. */
static void lost_devices_name_kernels(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    for (uint32_t launches = 1; launches <= 2; launches++) {
        adding a;
        uint64_t before, mark;
        uint32_t tag = 7;
        sterna_fault fault = {0};
        vulkan_device *d = open_device(t, "");
        CHECK(t, d && make_adding(t, &a, d, 64) && DRIVER->fence(d, &before, NULL) == STERNA_OK);
        CHECK(t, DRIVER->wait(d, before, 0, &tag, NULL) == STERNA_OK);
        for (uint32_t i = 0; i < launches; i++) CHECK(t, add_once(&a, a.x, 40 + i, NULL) == STERNA_OK);
        CHECK(t, DRIVER->fence(d, &mark, NULL) == STERNA_OK);
        PFN_vkWaitSemaphores real = d->vk.vkWaitSemaphores;
        d->vk.vkWaitSemaphores = lost_wait;
        CHECK(t, DRIVER->wait(d, mark, 0, &tag, &fault) == STERNA_DEVICE);
        CHECK_MSG(
            t, tag == (launches == 1 ? 40 : STERNA_GPU_NO_TAG) && strstr(fault.text, "VK_ERROR_DEVICE_LOST"),
            "tag %u, %s", tag, fault.text);
        CHECK_MSG(t, strstr(fault.text, launches == 1 ? "it ran add" : "2 kernels from add to add"), "%s",
                  fault.text);
        d->vk.vkWaitSemaphores = real;
        CHECK(t, DRIVER->wait(d, mark, 0, &tag, NULL) == STERNA_DEVICE); /* a loss stays */
        end_adding(&a);
    }
    adding a;
    sterna_fault fault = {0};
    vulkan_device *d = open_device(t, "each=1");
    CHECK(t, d && make_adding(t, &a, d, 64) && add_once(&a, a.x, 1, NULL) == STERNA_OK);
    CHECK(t, d->done == d->submitted && d->done > 0);
    PFN_vkWaitSemaphores real = d->vk.vkWaitSemaphores;
    d->vk.vkWaitSemaphores = lost_wait;
    CHECK(t, add_once(&a, a.x, 2, &fault) == STERNA_DEVICE && strstr(fault.text, "it ran add"));
    d->vk.vkWaitSemaphores = real;
    end_adding(&a);
}

static void leaks_are_told(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    sterna_gpu_memory memory;
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && DRIVER->alloc(d, 8192, &memory, NULL) == STERNA_OK);
    DRIVER->close(d);
    CHECK_MSG(t, strcmp(logged, "vulkan: 1 allocations of 8192 bytes leaked at close") == 0, "%s", logged);
}

static void misuse_is_refused(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    uint8_t hash[32];
    const void *kernel = NULL;
    sterna_fault fault = {0};
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && make_adding(t, &a, d, 64));
    CHECK(t, DRIVER->kernel(d, "subtract", &kernel, hash, &fault) == STERNA_UNSUPPORTED && !kernel);
    CHECK(t, strcmp(fault.text, "vulkan: kernel subtract is not built") == 0);
    sterna_gpu_memory gone;
    CHECK(t, DRIVER->alloc(d, 4096, &gone, NULL) == STERNA_OK);
    DRIVER->free(d, gone);
    fault = (sterna_fault){0};
    CHECK(t, add_once(&a, gone, 0, &fault) == STERNA_DEVICE && strstr(fault.text, "memory that was freed"));
    const uint32_t words[] = {1, 64, 0};
    const sterna_gpu_range ranges[] = {{a.x, 0, 8192}, {a.y, 0, 256}, {a.status, 0, 4096}};
    sterna_gpu_launch launch = {a.kernel, 1, 1, ranges, words, 3, 3, 0};
    fault = (sterna_fault){0};
    CHECK(t, DRIVER->launch(d, &launch, &fault) == STERNA_INTERNAL && strstr(fault.text, "cannot be bound"));
    launch.n_words = 2;
    CHECK(t, DRIVER->launch(d, &launch, NULL) == STERNA_INTERNAL);
    launch.n_words = 3;
    launch.groups_x = 0;
    CHECK(t, DRIVER->launch(d, &launch, NULL) == STERNA_INTERNAL);
    fault = (sterna_fault){0};
    sterna_gpu_memory huge = 0;
    CHECK(t, DRIVER->alloc(d, 1ull << 60, &huge, &fault) == STERNA_MEMORY && !huge);
    CHECK_MSG(t, strstr(fault.text, "maxMemoryAllocationSize") || strstr(fault.text, "no memory left"), "%s",
              fault.text);
    end_adding(&a);
}

/* An argument is never larger than what the driver allocates at once, in whole pages. */
static void bindings_can_be_allocated(sterna_test *t)
{
    static const struct {
        uint32_t range;
        uint64_t allocation, largest;
    } rows[] = {
        {0xffffffff, 1ull << 40, 0xfffffffc}, {0xffffffff, 0xffe00000, 0xffe00000}, /* NVIDIA */
        {0xfffffffc, 0xfffffffc, 0xfffff000},                                       /* RADV */
        {0xffffffff, 1ull << 31, 1ull << 31},                                       /* ANV */
        {1u << 27, 1ull << 31, 1u << 27},
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        const vulkan_candidate c = {.limits = {.maxStorageBufferRange = rows[i].range},
                                    .max_allocation = rows[i].allocation};
        CHECK(t, sterna_vulkan_largest_binding(&c) == rows[i].largest);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"variants_are_read", variants_are_read, 0},
    {"absence_is_told", absence_is_told, 0},
    {"nothing_is_linked", nothing_is_linked, 0},
    {"one_look_for_a_listing", one_look_for_a_listing, 0},
    {"devices_are_named", devices_are_named, 0},
    {"copies_mapped", copies_mapped, 0},
    {"copies_staged", copies_staged, 0},
    {"marks_and_batches", marks_and_batches, 0},
    {"barriers_stand_where_needed", barriers_stand_where_needed, 0},
    {"one_submission_per_mark", one_submission_per_mark, 0},
    {"a_missing_barrier_is_reported", a_missing_barrier_is_reported, 0},
    {"nothing_is_freed_in_use", nothing_is_freed_in_use, 0},
    {"the_watchdog", the_watchdog, 60},
    {"lost_devices_name_kernels", lost_devices_name_kernels, 0},
    {"leaks_are_told", leaks_are_told, 0},
    {"misuse_is_refused", misuse_is_refused, 0},
    {"bindings_can_be_allocated", bindings_can_be_allocated, 0},
    {0},
};
