/* Faults that nobody announces: copies that are not made, bits that flip. */
#include "mock_device.h"
#include <string.h>

bool sterna_mock_lie(const mock_device *device, uint64_t number, uint64_t *at, uint64_t *bytes)
{
    uint64_t all = *bytes, shift = all > 4 ? 4 : all / 2;
    if (number == 0 || number != device->settings.lie_copy) return false;
    switch (device->settings.lie_mode) {
    case MOCK_LIE_DROP:
        *bytes = 0;
        break;
    case MOCK_LIE_SHIFT:
        *at = shift;
        *bytes = all - shift;
        break;
    case MOCK_LIE_CUT:
        *bytes = all / 2;
        break;
    }
    return true;
}

static void flip(mock_device *device, uint32_t *word)
{
    *word ^= 1u << sterna_mock_draw(device, 32);
}

/* The arguments but for the status words, from a drawn one on; in the first that the launch wrote to, the first word that
 * it wrote behind a drawn place. */
void sterna_mock_flip_output(mock_device *device, const mock_command *c, uint32_t number)
{
    uint32_t arguments = c->n_ranges - 1, start = (uint32_t)sterna_mock_draw(device, arguments);
    for (uint32_t a = 0; a < arguments; a++) {
        uint32_t i = (start + a) % arguments;
        const sterna_gpu_range *range = &c->ranges[i];
        uint64_t count = range->bytes / 4;
        uint8_t *data, *shadow;
        if (!c->kernel->bound_written[i] || count == 0 ||
            sterna_mock_memory_range(&device->memory, range->memory, range->offset, range->bytes, "flip",
                                     &data, &shadow, NULL) != STERNA_OK)
            continue;
        const mock_touch *touched = sterna_mock_memory_touched(&device->memory, range->memory, range->offset);
        uint64_t at = sterna_mock_draw(device, count);
        for (uint64_t w = 0; w < count; w++, at = (at + 1) % count)
            if (touched[at] >> MOCK_LAUNCH_SHIFT == number && (touched[at] & MOCK_HOW_MASK) != MOCK_READ) {
                flip(device, (uint32_t *)(void *)data + at);
                return;
            }
    }
}

/* A word of all memory, drawn; from there on the first that was written and that no launch has written. */
void sterna_mock_flip_memory(mock_device *device)
{
    mock_memory *memory = &device->memory;
    uint64_t words = memory->used / 4;
    if (words == 0) return;
    uint64_t at = sterna_mock_draw(device, words), seen = 0;
    uint32_t b = 0;
    for (;; b++) { /* the block that holds it */
        uint64_t count = memory->blocks[b].base ? memory->blocks[b].bytes / 4 : 0;
        if (at < count) break;
        at -= count;
    }
    for (; seen <= words; b = (b + 1) % memory->count, at = 0) {
        const mock_block *block = &memory->blocks[b];
        uint8_t *data, *shadow;
        if (sterna_mock_memory_range(memory, b + 1, 0, block->bytes, "flip", &data, &shadow, NULL) !=
            STERNA_OK)
            continue;
        for (uint64_t count = block->bytes / 4; at < count; at++, seen++)
            if (shadow[at] == MOCK_WRITTEN) {
                flip(device, (uint32_t *)(void *)data + at);
                return;
            }
    }
}
