/* What a driver's blocks can be used for, found out when a device is opened: a part of a block is bound, written and read
 * at an offset. Known drivers return something else when memory is read back from the middle of an allocation; such a
 * device gets whole allocations for what the host reads. One whose kernels miss the offset cannot be used: plans bind
 * at offsets, too. */
#include "gpu/gpu_private.h"

enum { PAGE = 4096, WORDS = 64, BYTES = WORDS * 4 };
enum { GRANULES = 4, PART_AT = 2 }; /* of the block; the status word of `add` lies at its begin */

typedef struct probe {
    sterna_device *device;
    sterna_gpu_memory block, own;
    uint64_t part; /* offset in the block */
    const void *add;
} probe;

static sterna_status find_add(probe *p, sterna_fault *fault)
{
    sterna_device *device = p->device;
    uint32_t rows[STERNA_GPU_KERNELS];
    if (sterna_gpu_kernels_for(STERNA_OP_add, NULL, &device->limits, rows) == 0) return STERNA_UNSUPPORTED;
    sterna_fault why = {0};
    sterna_status status = sterna_gpu_load_kernel(device, rows[0], &why);
    if (status == STERNA_OK) p->add = device->kernels[rows[0]].kernel;
    if (status != STERNA_OK && status != STERNA_UNSUPPORTED) sterna_fail(fault, status, "%s", why.text);
    return status;
}

/* x = x + y with the catalogue's operation `add`: rows, n, and where its status word is. */
static sterna_status add(const probe *p, sterna_gpu_range x, sterna_gpu_range y, sterna_fault *fault)
{
    const sterna_gpu_range ranges[] = {x, y, {p->block, 0, 4}};
    const uint32_t words[] = {1, WORDS, 0};
    const sterna_gpu_launch launch = {.kernel = p->add,
                                      .groups_x = 1,
                                      .groups_y = 1,
                                      .ranges = ranges,
                                      .words = words,
                                      .n_ranges = STERNA_COUNT(ranges),
                                      .n_words = STERNA_COUNT(words),
                                      .tag = STERNA_GPU_NO_TAG};
    return p->device->driver->launch(p->device->gpu, &launch, fault);
}

/* Whether all words at the place are `value`. A read that is refused twice from the middle, and is not for other reasons,
 * is an answer, too. */
static sterna_status holds(const probe *p, sterna_gpu_memory memory, uint64_t offset, float value, bool *same,
                           sterna_fault *fault)
{
    const sterna_gpu_driver *driver = p->device->driver;
    float got[WORDS];
    sterna_fault why = {0}, again = {0};
    sterna_status status = driver->download(p->device->gpu, memory, offset, got, sizeof got, &why);
    if (status != STERNA_OK && offset &&
        driver->download(p->device->gpu, memory, offset, got, sizeof got, &again) != STERNA_OK) {
        *same = false;
        return driver->download(p->device->gpu, memory, 0, got, sizeof got, fault);
    }
    for (uint32_t i = 0; i < WORDS && status == STERNA_OK; i++) *same &= got[i] == value;
    return status == STERNA_OK ? status : sterna_fail(fault, status, "%s", why.text);
}

static sterna_status run(probe *p, sterna_fault *fault)
{
    const sterna_gpu_driver *driver = p->device->driver;
    void *gpu = p->device->gpu;
    const sterna_gpu_range own = {p->own, 0, BYTES}, part = {p->block, p->part, BYTES};
    bool bound = true, read_back = true;
    float ones[WORDS], twos[WORDS];
    for (uint32_t i = 0; i < WORDS; i++) {
        ones[i] = 1.0f;
        twos[i] = 2.0f;
    }
    sterna_status status = driver->clear(gpu, p->block, 0, GRANULES * p->device->pool.granule, fault);
    if (status == STERNA_OK) status = driver->upload(gpu, p->own, 0, ones, BYTES, fault);
    if (status == STERNA_OK) status = driver->upload(gpu, p->block, p->part, twos, BYTES, fault);
    if (status == STERNA_OK) status = holds(p, p->block, p->part, 2.0f, &read_back, fault);
    if (status == STERNA_OK) status = add(p, own, part, fault);
    if (status == STERNA_OK) status = holds(p, p->own, 0, 3.0f, &bound, fault);
    if (status == STERNA_OK) status = add(p, part, own, fault);
    if (status == STERNA_OK) status = holds(p, p->block, p->part, 5.0f, &read_back, fault);
    /* The same once more from the side of a kernel: did the sum reach the part, whatever a copy says? */
    if (status == STERNA_OK) status = add(p, own, part, fault);
    if (status == STERNA_OK) status = holds(p, p->own, 0, 8.0f, &bound, fault);
    if (status != STERNA_OK) return status;
    if (!bound)
        return sterna_fail(
            fault, STERNA_DEVICE,
            "%s kernels miss the offset of the memory they are given; this driver cannot be used",
            p->device->driver->prefix);
    p->device->reads_inside = read_back;
    if (!read_back && p->device->host->log)
        p->device->host->log(
            p->device->host->context, 1,
            "the device reads back wrong values from inside an allocation: what is read gets whole ones");
    return STERNA_OK;
}

sterna_status sterna_gpu_pool_probe(sterna_device *device, sterna_fault *fault)
{
    probe p = {.device = device, .part = PART_AT * device->pool.granule};
    if (!device->pool.largest) return STERNA_OK;
    sterna_fault why = {0};
    sterna_status status = find_add(&p, &why);
    if (status == STERNA_UNSUPPORTED) { /* nothing to find out with */
        device->pool.largest = 0;
        return STERNA_OK;
    }
    if (status != STERNA_OK) return sterna_fail(fault, status, "%s", why.text);
    status = device->driver->alloc(device->gpu, GRANULES * device->pool.granule, &p.block, fault);
    if (status == STERNA_OK) status = device->driver->alloc(device->gpu, PAGE, &p.own, fault);
    if (status == STERNA_OK) status = run(&p, fault);
    if (p.own) device->driver->free(device->gpu, p.own);
    if (p.block) device->driver->free(device->gpu, p.block);
    return status;
}
