/* What the driver must not ask of a device, and what it must not believe of one: limits of launches and allocations, memory in
 * use, waits that time out for ever, a device that hangs. */
#include "base/size.h"
#include "base/sys.h"
#include "vulkan_adding.h"
#include <string.h>

/* Each limit of a launch and of an allocation, by a device that has less of it. */
static void limits_are_kept(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    sterna_gpu_memory memory = 0;
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && make_adding(t, &a, d, 64));
    const VkPhysicalDeviceLimits real = d->physical.limits;
    const uint32_t words[] = {1, 64, 0};
    sterna_gpu_range ranges[] = {{a.x, 0, 256}, {a.y, 0, 256}, {a.status, 0, 4096}};
    sterna_gpu_launch launch = {a.kernel, 1, 1, ranges, words, 3, 3, 0};
    CHECK(t, DRIVER->launch(d, &launch, NULL) == STERNA_OK);
    d->physical.limits.maxStorageBufferRange = 4092;
    CHECK(t, DRIVER->launch(d, &launch, NULL) == STERNA_INTERNAL);
    d->physical.limits = real;
    d->physical.limits.minStorageBufferOffsetAlignment = 64;
    ranges[1].offset = 64;
    CHECK(t, DRIVER->launch(d, &launch, NULL) == STERNA_OK);
    ranges[1].offset = 32;
    CHECK(t, DRIVER->launch(d, &launch, NULL) == STERNA_INTERNAL);
    d->physical.limits = real;
    ranges[1] = (sterna_gpu_range){a.y, 4096 - 128, 256}; /* ends behind its memory */
    CHECK(t, DRIVER->launch(d, &launch, NULL) == STERNA_INTERNAL);
    ranges[1] = (sterna_gpu_range){a.y, 0, 256};
    d->physical.limits.maxComputeWorkGroupCount[0] = 5;
    d->physical.limits.maxComputeWorkGroupCount[1] = 3;
    for (uint32_t i = 0; i < 4; i++) {
        launch.groups_x = i == 1 ? 6 : 5;
        launch.groups_y = i == 2 ? 4 : i == 3 ? 0 : 3;
        CHECK_MSG(t, DRIVER->launch(d, &launch, NULL) == (i == 0 ? STERNA_OK : STERNA_INTERNAL), "grid %u",
                  i);
    }
    d->physical.limits = real;
    d->physical.max_allocation = 8192;
    sterna_fault fault = {0};
    CHECK(t, DRIVER->alloc(d, 12288, &memory, &fault) == STERNA_MEMORY && !memory);
    CHECK_MSG(t, strstr(fault.text, "allocates at most 8192 bytes at once"), "%s", fault.text);
    CHECK(t, DRIVER->alloc(d, 8192, &memory, NULL) == STERNA_OK);
    DRIVER->free(d, memory);
    end_adding(&a);
    CHECK_MSG(t, logged_errors == 0, "%s", logged);
}

static VkResult VKAPI_PTR far_ahead(VkDevice device, VkSemaphore semaphore, uint64_t *value)
{
    (void)device, (void)semaphore;
    *value = UINT64_MAX; /* as drivers answer for a device that is lost */
    return VK_SUCCESS;
}

/* A write to mapped memory comes behind the launches that were asked for before it, recorded or submitted. */
static void writes_come_behind_launches(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    uint64_t mark;
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && make_adding(t, &a, d, 1 << 14));
    d->vk.vkGetSemaphoreCounterValue = far_ahead;
    for (uint32_t submitted = 0; submitted < 2; submitted++) {
        const float five = 5;
        float got = 0;
        for (uint32_t i = 0; i < 10; i++) CHECK(t, add_once(&a, a.x, i, NULL) == STERNA_OK);
        if (submitted) CHECK(t, DRIVER->fence(d, &mark, NULL) == STERNA_OK);
        CHECK(t, DRIVER->upload(d, a.x, 0, &five, 4, NULL) == STERNA_OK);
        CHECK(t, DRIVER->download(d, a.x, 0, &got, 4, NULL) == STERNA_OK);
        CHECK_MSG(t, got == 5.0f, "submitted %u: %g", submitted, (double)got);
        CHECK(t, d->vk.vkDeviceWaitIdle(d->handle) == VK_SUCCESS); /* nothing came behind it */
        CHECK(t, DRIVER->download(d, a.x, 0, &got, 4, NULL) == STERNA_OK);
        CHECK_MSG(t, got == 5.0f && d->done <= d->submitted, "submitted %u: %g", submitted, (double)got);
    }
    end_adding(&a);
}

/* A mark that is reached says nothing of later ones. */
static void marks_are_their_own(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    uint64_t first, second;
    uint32_t tag;
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && make_adding(t, &a, d, 64) && add_once(&a, a.x, 0, NULL) == STERNA_OK);
    CHECK(t, DRIVER->fence(d, &first, NULL) == STERNA_OK && add_once(&a, a.x, 0, NULL) == STERNA_OK);
    CHECK(t,
          DRIVER->fence(d, &second, NULL) == STERNA_OK && DRIVER->wait(d, first, 0, &tag, NULL) == STERNA_OK);
    CHECK(t, d->done == first && d->submitted == second);
    end_adding(&a);
}

static uint32_t waits;

static VkResult VKAPI_PTR never_done(VkDevice device, const VkSemaphoreWaitInfo *info, uint64_t timeout)
{
    (void)device, (void)info, (void)timeout;
    waits++;
    sterna_sys_sleep(0.001);
    return VK_TIMEOUT;
}

static uint32_t freed;

static void VKAPI_PTR count_free(VkDevice device, VkDeviceMemory memory,
                                 const VkAllocationCallbacks *host_memory)
{
    (void)device, (void)memory, (void)host_memory;
    freed++;
}

static void VKAPI_PTR count_device(VkDevice device, const VkAllocationCallbacks *host_memory)
{
    (void)device, (void)host_memory;
    freed++;
}

static void VKAPI_PTR count_instance(VkInstance instance, const VkAllocationCallbacks *host_memory)
{
    (void)instance, (void)host_memory;
    freed++;
}

/* Waits that time out add up to the watchdog's limit however short they are, and name the failed mark alone; what hangs is
 * left with all its memory, since a driver would wait for it. */
static void a_device_that_hangs_is_left(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    uint64_t first, second;
    uint32_t tag = 7, rounds = 0;
    sterna_status status;
    int64_t live = sterna_mem_live();
    vulkan_device *d = open_device(t, "watchdog=20");
    CHECK(t, d && make_adding(t, &a, d, 64) && sterna_vulkan_finish(d, NULL) == STERNA_OK);
    CHECK(t, add_once(&a, a.x, 40, NULL) == STERNA_OK && DRIVER->fence(d, &first, NULL) == STERNA_OK);
    CHECK(t, add_once(&a, a.x, 41, NULL) == STERNA_OK && DRIVER->fence(d, &second, NULL) == STERNA_OK);
    d->vk.vkWaitSemaphores = never_done;
    while ((status = DRIVER->wait(d, second, 1, &tag, NULL)) == STERNA_TIMEOUT && rounds < 100) rounds++;
    CHECK_MSG(t, status == STERNA_DEVICE && rounds > 1 && rounds <= 20 && tag == 7,
              "status %d, tag %u, %u rounds", (int)status, tag, rounds);
    CHECK(t, DRIVER->wait(d, first, 0, &tag, NULL) == STERNA_DEVICE && tag == 40);
    waits = 0;
    d->vk.vkFreeMemory = count_free;
    d->vk.vkDestroyDevice = count_device;
    d->instance.vk.vkDestroyInstance = count_instance;
    DRIVER->free(d, a.x);
    DRIVER->close(d);
    CHECK_MSG(t, waits > 0 && freed == 0, "%u waits, %u freed", waits, freed);
    CHECK(t, sterna_mem_live() == live);
}

/* Memory that is copied ahead for the host, or used by one of many batches, is not freed and not used again before that is
 * done; more is asked for than is copied ahead, and of places that change. The layer would tell. */
static void nothing_ahead_is_freed_in_use(sterna_test *t)
{
    enum { RANGES = 11, FLOATS = 1 << 17, STEPS = 12 };
    SKIP_WITHOUT_VULKAN(t);
    static float got[FLOATS];
    adding a;
    uint64_t mark;
    uint32_t tag;
    void *gpu = NULL;
    sterna_gpu_limits limits;
    sterna_gpu_memory other[RANGES];
    sterna_fault fault = {0};
    if (DRIVER->open(host(), "validate=1,staging=1", &gpu, &limits, &fault) != STERNA_OK)
        SKIP(t, "%s", fault.text);
    vulkan_device *d = gpu;
    CHECK(t, make_adding(t, &a, d, FLOATS));
    for (uint32_t i = 0; i < RANGES; i++) {
        CHECK(t, DRIVER->alloc(d, FLOATS * 4, &other[i], NULL) == STERNA_OK);
        CHECK(t, DRIVER->clear(d, other[i], 0, FLOATS * 4, NULL) == STERNA_OK);
    }
    for (uint32_t step = 0; step < STEPS; step++) {
        for (uint32_t i = 0; i < 3; i++)
            CHECK(t, add_once(&a, other[(step + i) % RANGES], i, NULL) == STERNA_OK);
        CHECK_MSG(t, DRIVER->fence(d, &mark, &fault) == STERNA_OK, "%s", fault.text);
        if (step % 3 == 0) continue; /* several batches are under way */
        CHECK_MSG(t, DRIVER->wait(d, mark, 0, &tag, &fault) == STERNA_OK, "%s", fault.text);
        for (uint32_t i = 0; i < RANGES; i++) {
            uint32_t r = (step + i) % RANGES, want = 0;
            for (uint32_t s = 0; s <= step; s++) want += (r + RANGES - s % RANGES) % RANGES < 3;
            CHECK_MSG(t, DRIVER->download(d, other[r], 0, got, sizeof got, &fault) == STERNA_OK, "%s",
                      fault.text);
            CHECK_MSG(t, got[0] == (float)want && got[FLOATS - 1] == (float)want,
                      "step %u, range %u: %g, not %u", step, r, (double)got[0], want);
        }
    }
    /* The ranges that were read last are those that are copied next. */
    CHECK(t, VULKAN_AHEAD < FLOATS * 4 ||
                 (d->n_wishes == VULKAN_WISHES &&
                  d->wishes[VULKAN_WISHES - 1].memory == other[(STEPS - 1 + RANGES - 1) % RANGES]));
    CHECK(t, add_once(&a, a.x, 0, NULL) == STERNA_OK && DRIVER->fence(d, &mark, NULL) == STERNA_OK);
    for (uint32_t i = 0; i < RANGES; i++) DRIVER->free(d, other[i]); /* some are being copied */
    end_adding(&a);
    CHECK_MSG(t, logged_errors == 0, "%s", logged);
}

const sterna_test_case sterna_test_cases[] = {
    {"limits_are_kept", limits_are_kept, 0},
    {"writes_come_behind_launches", writes_come_behind_launches, 0},
    {"marks_are_their_own", marks_are_their_own, 0},
    {"a_device_that_hangs_is_left", a_device_that_hangs_is_left, 0},
    {"nothing_ahead_is_freed_in_use", nothing_ahead_is_freed_in_use, 60},
    {0}};
