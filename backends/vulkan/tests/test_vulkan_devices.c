/* What devices are and do that lavapipe is not and does not: memory that is not coherent, heaps that are small, losses that
 * look like success, submissions that take long. Their drivers are lavapipe with functions around it. */
#include "base/size.h"
#include "vulkan_adding.h"
#include <string.h>

/* Memory in which host and device each see their own bytes until these are flushed or invalidated. */
enum { APARTS = 16 };
static struct apart {
    VkDeviceMemory memory;
    uint8_t *real, *seen;
    uint64_t bytes;
} aparts[APARTS];
static uint32_t n_aparts, not_atoms;
static uint64_t last_allocation;
static PFN_vkAllocateMemory real_allocate;
static PFN_vkMapMemory real_map;

static VkResult VKAPI_PTR noted_allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                                         const VkAllocationCallbacks *host_memory, VkDeviceMemory *out)
{
    last_allocation = info->allocationSize;
    return real_allocate(device, info, host_memory, out);
}

static VkResult VKAPI_PTR map_apart(VkDevice device, VkDeviceMemory memory, VkDeviceSize offset,
                                    VkDeviceSize bytes, VkMemoryMapFlags flags, void **out)
{
    struct apart *a = &aparts[n_aparts];
    void *real = NULL;
    VkResult result = real_map(device, memory, offset, bytes, flags, &real);
    uint8_t *seen = sterna_alloc((size_t)last_allocation, 1);
    if (result != VK_SUCCESS || !seen || n_aparts == APARTS) return VK_ERROR_MEMORY_MAP_FAILED;
    memset(seen, 0xa5, (size_t)last_allocation);
    *a = (struct apart){memory, real, seen, last_allocation};
    n_aparts++;
    *out = seen;
    return result;
}

static VkResult exchange(const VkMappedMemoryRange *range, bool to_device)
{
    for (uint32_t i = 0; i < n_aparts; i++) {
        const struct apart *a = &aparts[i];
        if (a->memory != range->memory) continue;
        uint64_t bytes = range->size == VK_WHOLE_SIZE ? a->bytes - range->offset : range->size;
        not_atoms += range->offset % 256 != 0 || (range->size != VK_WHOLE_SIZE && range->size % 256 != 0) ||
                     range->offset + bytes > a->bytes;
        memcpy((to_device ? a->real : a->seen) + range->offset,
               (to_device ? a->seen : a->real) + range->offset, (size_t)bytes);
        return VK_SUCCESS;
    }
    return VK_ERROR_UNKNOWN;
}

static VkResult VKAPI_PTR flush_apart(VkDevice device, uint32_t n, const VkMappedMemoryRange *ranges)
{
    (void)device;
    return n == 1 ? exchange(ranges, true) : VK_ERROR_UNKNOWN;
}

static VkResult VKAPI_PTR invalidate_apart(VkDevice device, uint32_t n, const VkMappedMemoryRange *ranges)
{
    (void)device;
    return n == 1 ? exchange(ranges, false) : VK_ERROR_UNKNOWN;
}

/* Of cached memory that is not coherent and coherent memory that is not cached, the first is taken for what the host reads. */
static void memory_that_is_not_coherent(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    enum { BYTES = 5 << 20, STEPS = 6 };
    adding a;
    uint64_t mark;
    uint32_t tag;
    vulkan_device *d = open_device(t, "staging=1");
    CHECK(t, d && d->memory_types.memoryTypeCount < VK_MAX_MEMORY_TYPES);
    uint32_t types = d->memory_types.memoryTypeCount++;
    for (uint32_t i = types; i-- > 0;) {
        d->memory_types.memoryTypes[i].propertyFlags &= ~(VkFlags)VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
        d->memory_types.memoryTypes[i].propertyFlags |= VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    }
    d->memory_types.memoryTypes[types].propertyFlags =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    d->physical.limits.nonCoherentAtomSize = 256;
    real_allocate = d->vk.vkAllocateMemory;
    real_map = d->vk.vkMapMemory;
    d->vk.vkAllocateMemory = noted_allocate;
    d->vk.vkMapMemory = map_apart;
    d->vk.vkFlushMappedMemoryRanges = flush_apart;
    d->vk.vkInvalidateMappedMemoryRanges = invalidate_apart;

    uint8_t *data = sterna_alloc(BYTES, 1), *back = sterna_alloc(BYTES, 1);
    sterna_gpu_memory memory = 0;
    CHECK(t, data && back && DRIVER->alloc(d, BYTES + 4096, &memory, NULL) == STERNA_OK);
    for (uint64_t i = 0; i < BYTES; i++) data[i] = (uint8_t)(i * 7 + (i >> 8) * 13);
    CHECK(t, DRIVER->upload(d, memory, 3, data, BYTES, NULL) == STERNA_OK);
    CHECK(t, DRIVER->upload(d, memory, 1003, "some bytes", 10, NULL) == STERNA_OK);
    memcpy(data + 1000, "some bytes", 10);
    CHECK(t, DRIVER->download(d, memory, 3, back, BYTES, NULL) == STERNA_OK);
    CHECK(t, memcmp(data, back, BYTES) == 0);
    CHECK(t,
          DRIVER->download(d, memory, 1004, back, 9, NULL) == STERNA_OK && memcmp(back, "ome bytes", 9) == 0);
    DRIVER->free(d, memory);
    /* What rides along with a submission is invalidated, too. */
    CHECK(t, make_adding(t, &a, d, 64));
    for (uint32_t step = 1; step <= STEPS; step++) {
        float got = 0;
        CHECK(t, add_once(&a, a.x, 0, NULL) == STERNA_OK && DRIVER->fence(d, &mark, NULL) == STERNA_OK);
        CHECK(t, DRIVER->wait(d, mark, 0, &tag, NULL) == STERNA_OK);
        CHECK(t, DRIVER->download(d, a.x, 8, &got, 4, NULL) == STERNA_OK);
        CHECK_MSG(t, got == (float)step, "step %u: %f", step, (double)got);
    }
    CHECK(t, n_aparts >= 2 && not_atoms == 0);
    end_adding(&a);
    while (n_aparts > 0) sterna_free(aparts[--n_aparts].seen);
    sterna_free(data);
    sterna_free(back);
    CHECK_MSG(t, logged_errors == 0, "%s", logged);
}

/* Two memory types where lavapipe has one; allocations of the first beyond `first_holds` bytes are refused. */
static uint64_t first_holds;
static uint32_t last_type;
static PFN_vkGetBufferMemoryRequirements real_needs;

static void VKAPI_PTR two_types(VkDevice device, VkBuffer buffer, VkMemoryRequirements *needs)
{
    real_needs(device, buffer, needs);
    needs->memoryTypeBits = 3;
}

static VkResult VKAPI_PTR allocate_of_two(VkDevice device, const VkMemoryAllocateInfo *info,
                                          const VkAllocationCallbacks *host_memory, VkDeviceMemory *out)
{
    VkMemoryAllocateInfo first = *info;
    first.memoryTypeIndex = 0;
    last_type = info->memoryTypeIndex;
    if (last_type == 0 && info->allocationSize > first_holds) return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    return real_allocate(device, &first, host_memory, out);
}

static vulkan_device *open_two_types(sterna_test *t, VkFlags first, VkFlags second)
{
    vulkan_device *d = open_device(t, "");
    if (!d) return NULL;
    d->memory_types.memoryTypeCount = 2;
    d->memory_types.memoryTypes[0] = (VkMemoryType){first, 0};
    d->memory_types.memoryTypes[1] = (VkMemoryType){second, 0};
    real_needs = d->vk.vkGetBufferMemoryRequirements;
    real_allocate = d->vk.vkAllocateMemory;
    d->vk.vkGetBufferMemoryRequirements = two_types;
    d->vk.vkAllocateMemory = allocate_of_two;
    return d;
}

/* An integrated GPU goes on in the rest of its memory when the part set aside is full; a discrete one says that it is full. */
static void small_heaps(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    static const VkPhysicalDeviceType kinds[] = {VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
                                                 VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU};
    first_holds = 1 << 16;
    for (uint32_t k = 0; k < STERNA_COUNT(kinds); k++) {
        sterna_gpu_memory small = 0, large = 0;
        sterna_fault fault = {0};
        uint32_t back = 0;
        vulkan_device *d =
            open_two_types(t, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                           VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
        CHECK(t, d != NULL);
        d->physical.type = kinds[k];
        CHECK(t, DRIVER->alloc(d, 1 << 16, &small, NULL) == STERNA_OK && last_type == 0);
        sterna_status status = DRIVER->alloc(d, 1 << 20, &large, &fault);
        if (kinds[k] == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU) {
            CHECK_MSG(t, status == STERNA_OK && last_type == 1, "%s", fault.text);
            CHECK(t, DRIVER->upload(d, large, 4092, "four", 4, NULL) == STERNA_OK);
            CHECK(t, DRIVER->download(d, large, 4092, &back, 4, NULL) == STERNA_OK);
            CHECK(t, memcmp(&back, "four", 4) == 0);
        } else {
            CHECK_MSG(t, status == STERNA_MEMORY && strstr(fault.text, "no memory left"), "%s", fault.text);
        }
        DRIVER->free(d, small);
        DRIVER->free(d, large);
        DRIVER->close(d);
        CHECK_MSG(t, logged_errors == 0, "%s", logged);
    }
}

/* Types that only a feature of AMD's makes legal are passed over. */
static void types_of_features(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    const VkFlags host_cached = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                                VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
                  all = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | host_cached;
    vulkan_block block = {0};
    first_holds = UINT64_MAX;
    vulkan_device *d = open_two_types(t, all | VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD, all);
    CHECK(t, d != NULL);
    for (uint32_t staging = 0; staging < 2; staging++) {
        last_type = 0;
        CHECK(t,
              sterna_vulkan_block_make(d, 4096, staging == 1, &block, NULL) == STERNA_OK && last_type == 1);
        sterna_vulkan_block_free(d, &block);
    }
    DRIVER->close(d);
}

/* Signals what is to be signalled, and runs nothing. */
static PFN_vkQueueSubmit real_submit;
static uint32_t submissions;

static VkResult VKAPI_PTR hollow_submit(VkQueue queue, uint32_t n, const VkSubmitInfo *info, VkFence fence)
{
    VkSubmitInfo hollow = *info;
    hollow.commandBufferCount = 0;
    return n == 1 ? real_submit(queue, 1, &hollow, fence) : VK_ERROR_UNKNOWN;
}

static VkResult VKAPI_PTR count_submit(VkQueue queue, uint32_t n, const VkSubmitInfo *info, VkFence fence)
{
    submissions++;
    return real_submit(queue, n, info, fence);
}

/* The specification lets waits on a lost device succeed: the bits of the token before would pass for this one's. */
static void success_on_a_lost_device(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    static const char *const variants[] = {"", "staging=1"};
    for (uint32_t v = 0; v < STERNA_COUNT(variants); v++) {
        adding a;
        uint64_t mark;
        uint32_t tag = 7, kept = 0;
        sterna_fault fault = {0};
        vulkan_device *d = open_device(t, variants[v]);
        CHECK(t, d && make_adding(t, &a, d, 64));
        for (uint32_t i = 0; i < 3 * VULKAN_BATCHES; i++) {
            CHECK(t, add_once(&a, a.x, i, NULL) == STERNA_OK && DRIVER->fence(d, &mark, NULL) == STERNA_OK);
            CHECK(t, DRIVER->wait(d, mark, 0, &tag, NULL) == STERNA_OK);
        }
        real_submit = d->vk.vkQueueSubmit;
        d->vk.vkQueueSubmit = hollow_submit;
        CHECK(t, add_once(&a, a.x, 40, NULL) == STERNA_OK && DRIVER->fence(d, &mark, NULL) == STERNA_OK);
        CHECK(t, DRIVER->wait(d, mark, 0, &tag, &fault) == STERNA_DEVICE && tag == 40);
        CHECK_MSG(t, strstr(fault.text, "the last command has not run") && strstr(fault.text, "it ran add"),
                  "%s", fault.text);
        CHECK(t, DRIVER->download(d, a.x, 0, &kept, 4, NULL) == STERNA_DEVICE && kept == 0);
        end_adding(&a);
    }
}

/* What a submission may take is bounded: operating systems end long ones. */
static void long_work_is_cut(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    enum { LAUNCHES = 6, READS = 256 + 256 + 4096 };
    static const struct {
        const char *variant;
        uint32_t submissions;
    } rows[] = {{"submit=1", LAUNCHES}, {"staging=1,submit=9216", LAUNCHES / 2}, {"staging=1", 1}};
    _Static_assert(2 * READS == 9216, "two launches");
    for (uint32_t r = 0; r < STERNA_COUNT(rows); r++) {
        adding a;
        uint64_t mark;
        uint32_t tag;
        float got = 0;
        vulkan_device *d = open_device(t, rows[r].variant);
        CHECK(t, d && make_adding(t, &a, d, 64) && sterna_vulkan_finish(d, NULL) == STERNA_OK);
        real_submit = d->vk.vkQueueSubmit;
        d->vk.vkQueueSubmit = count_submit;
        submissions = 0;
        for (uint32_t i = 0; i < LAUNCHES; i++) CHECK(t, add_once(&a, a.x, i, NULL) == STERNA_OK);
        CHECK(t, DRIVER->fence(d, &mark, NULL) == STERNA_OK &&
                     DRIVER->wait(d, mark, 0, &tag, NULL) == STERNA_OK);
        CHECK_MSG(t, submissions == rows[r].submissions, "%s: %u", rows[r].variant, submissions);
        CHECK(t, DRIVER->download(d, a.x, 252, &got, 4, NULL) == STERNA_OK && got == (float)LAUNCHES);
        /* What is read again rides along with the last one. */
        submissions = 0;
        for (uint32_t i = 0; i < LAUNCHES; i++) CHECK(t, add_once(&a, a.x, i, NULL) == STERNA_OK);
        CHECK(t, DRIVER->fence(d, &mark, NULL) == STERNA_OK &&
                     DRIVER->wait(d, mark, 0, &tag, NULL) == STERNA_OK);
        CHECK(t, DRIVER->download(d, a.x, 252, &got, 4, NULL) == STERNA_OK && got == 2.0f * LAUNCHES);
        CHECK_MSG(t, submissions == rows[r].submissions, "%s: %u", rows[r].variant, submissions);
        end_adding(&a);
        CHECK(t, logged_errors == 0);
    }
    /* Weights and caches are read by each row of groups. */
    const void *opened = NULL;
    uint8_t hash[32];
    vulkan_device *d = open_device(t, "");
    CHECK(t, d && DRIVER->kernel(d, "matmul_ternary_tq2_0", &opened, hash, NULL) == STERNA_OK);
    const vulkan_kernel *kernel = opened;
    uint32_t by_rows = 0;
    for (uint32_t i = 0; i < kernel->n_ranges; i++) by_rows += kernel->by_rows[i];
    CHECK(t, by_rows == 1);
    CHECK(t, DRIVER->kernel(d, "attention", &opened, hash, NULL) == STERNA_OK);
    kernel = opened;
    for (uint32_t i = 0; i < kernel->n_ranges; i++)
        CHECK(t, kernel->by_rows[i] == (kernel->access[i] == VULKAN_READS));
    DRIVER->close(d);
}

/* Every second wait is over before its time. */
static PFN_vkWaitSemaphores real_wait;
static uint32_t waits;

static VkResult VKAPI_PTR wake_early(VkDevice device, const VkSemaphoreWaitInfo *info, uint64_t timeout)
{
    return ++waits % 2 ? VK_TIMEOUT : real_wait(device, info, timeout);
}

/* Recording waits for the batch whose place it takes, and gives no TIMEOUT, which is for those who wait with a limit. */
static void waits_that_are_woken(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    adding a;
    float got = 0;
    sterna_fault fault = {0};
    vulkan_device *d = open_device(t, "submit=1");
    CHECK(t, d && make_adding(t, &a, d, 64) && sterna_vulkan_finish(d, NULL) == STERNA_OK);
    real_wait = d->vk.vkWaitSemaphores;
    d->vk.vkWaitSemaphores = wake_early;
    waits = 0;
    for (uint32_t i = 0; i < 6 * VULKAN_BATCHES; i++)
        CHECK_MSG(t, add_once(&a, a.x, i, &fault) == STERNA_OK, "launch %u: %s", i, fault.text);
    CHECK(t, DRIVER->download(d, a.x, 0, &got, 4, NULL) == STERNA_OK && got == 6.0f * VULKAN_BATCHES);
    CHECK(t, waits > VULKAN_BATCHES && fault.text[0] == 0);
    d->vk.vkWaitSemaphores = real_wait;
    end_adding(&a);
    CHECK(t, logged_errors == 0);
}

static VkResult VKAPI_PTR refuse_pipelines(VkDevice device, VkPipelineCache cache, uint32_t n,
                                           const VkComputePipelineCreateInfo *info,
                                           const VkAllocationCallbacks *host_memory, VkPipeline *out)
{
    (void)device, (void)cache, (void)n, (void)info, (void)host_memory, (void)out;
    return VK_ERROR_UNKNOWN;
}

/* A compiler that fails has not lost the device: the kernel is one that cannot be had here. */
static void features_that_fail(sterna_test *t)
{
    SKIP_WITHOUT_VULKAN(t);
    const void *kernel = NULL;
    uint8_t hash[32];
    sterna_fault plain = {0}, feature = {0};
    vulkan_device *d = open_device(t, "");
    CHECK(t, d != NULL);
    d->vk.vkCreateComputePipelines = refuse_pipelines;
    CHECK(t, DRIVER->kernel(d, "add", &kernel, hash, &plain) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(plain.text, "vulkan: add: "), "%s", plain.text);
    CHECK(t, DRIVER->kernel(d, "matmul_block_q4_k_dot", &kernel, hash, &feature) == STERNA_UNSUPPORTED);
    CHECK_MSG(t, strstr(feature.text, "vulkan: matmul_block_q4_k_dot: "), "%s", feature.text);
    DRIVER->close(d);
}

const sterna_test_case sterna_test_cases[] = {
    {"memory_that_is_not_coherent", memory_that_is_not_coherent, 0},
    {"small_heaps", small_heaps, 0},
    {"types_of_features", types_of_features, 0},
    {"success_on_a_lost_device", success_on_a_lost_device, 0},
    {"long_work_is_cut", long_work_is_cut, 0},
    {"waits_that_are_woken", waits_that_are_woken, 0},
    {"features_that_fail", features_that_fail, 0},
    {0},
};
