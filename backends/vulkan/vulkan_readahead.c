/* Copies to the host that ride along with a submission. Where device memory is not mapped, reading a result takes a copy, a
 * submission and a wait of its own. Hosts read the same few ranges after every submission (status words, logits), so those
 * are copied at its end, and the read that follows finds them there: one submission per token.
 *
 * A copy counts only while its submission is the last thing queued; then nothing can have changed what it was taken from. */
#include "vulkan_private.h"
#include <string.h>

enum { FRUITLESS = 16 }; /* submissions after which a range that nobody read is given up */

static bool same(const vulkan_wish *wish, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes)
{
    return wish->memory == memory && wish->offset == offset && wish->bytes == bytes;
}

static void forget(vulkan_device *device, uint32_t index)
{
    device->n_wishes--;
    memmove(device->wishes + index, device->wishes + index + 1,
            (device->n_wishes - index) * sizeof *device->wishes);
}

void sterna_vulkan_wish(vulkan_device *device, sterna_gpu_memory memory, uint64_t offset, uint64_t bytes)
{
    if (bytes > VULKAN_AHEAD) return;
    for (uint32_t i = 0; i < device->n_wishes; i++)
        if (same(&device->wishes[i], memory, offset, bytes)) {
            device->wishes[i].fruitless = 0;
            return;
        }
    if (device->n_wishes == VULKAN_WISHES) forget(device, 0); /* the oldest */
    device->wishes[device->n_wishes++] = (vulkan_wish){.memory = memory, .offset = offset, .bytes = bytes};
}

sterna_status sterna_vulkan_read_ahead(vulkan_device *device, vulkan_batch *batch, sterna_fault *fault)
{
    uint64_t used = 0;
    sterna_fault why = {0};
    batch->n_ahead = 0;
    if (batch->launches == 0 || device->n_wishes == 0) return STERNA_OK;
    if (!batch->ahead.live &&
        sterna_vulkan_block_make(device, VULKAN_AHEAD, true, &batch->ahead, &why) != STERNA_OK) {
        /* Refused memory is no failure here: the read then takes its own way. */
        return why.status == STERNA_MEMORY ? STERNA_OK : sterna_fail(fault, why.status, "%s", why.text);
    }
    for (uint32_t i = 0; i < device->n_wishes;) {
        vulkan_wish *wish = &device->wishes[i];
        vulkan_block *block = sterna_vulkan_block_of(device, wish->memory);
        if (!block || wish->fruitless++ >= FRUITLESS) {
            forget(device, i);
            continue;
        }
        i++;
        if (wish->bytes > VULKAN_AHEAD - used) continue;
        sterna_vulkan_copy(device, batch, block, wish->offset, &batch->ahead, used, wish->bytes);
        batch->ahead_copies[batch->n_ahead] = *wish;
        batch->ahead_copies[batch->n_ahead++].at = used;
        used = (used + wish->bytes + 15) & ~15ull;
        if (used > VULKAN_AHEAD) used = VULKAN_AHEAD;
    }
    return STERNA_OK;
}

const vulkan_block *sterna_vulkan_ahead(const vulkan_device *device, sterna_gpu_memory memory,
                                        uint64_t offset, uint64_t bytes, uint64_t *at)
{
    if (device->recording) return NULL;
    for (uint32_t b = 0; b < VULKAN_BATCHES; b++) {
        const vulkan_batch *batch = &device->batches[b];
        if (batch->value == 0 || batch->value != device->submitted) continue;
        for (uint32_t i = 0; i < batch->n_ahead; i++)
            if (same(&batch->ahead_copies[i], memory, offset, bytes)) {
                *at = batch->ahead_copies[i].at;
                return &batch->ahead;
            }
    }
    return NULL;
}
