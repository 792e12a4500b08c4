/* Buffers of more than 2^31 and 2^32 bytes. A byte offset that some layer keeps in 32 bits comes out 4 GiB (or, signed,
 * somewhere) too low: so the bytes around the boundary, at the end, and where they would alias are all different. */
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "self_test.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    PIECE = 64 << 10,
    MARGIN = 1 << 20, /* behind the boundary */
    FLOATS = 8192,    /* half of a piece: two of them meet at the boundary */
};

typedef struct large {
    const sterna_open_device *d;
    sterna_buffer *buffer;
    uint64_t at
        [3]; /* of pieces: where the last one's offset would end up without its high bits, around the boundary, at the end */
    uint8_t *want[3], *room;
    sterna_fault *fault;
} large;

/* Is there room for it? The host's memory counts where the device computes in it. */
static bool enough_memory(const sterna_device_info *info, uint64_t bytes, char text[240])
{
    const bool host = info->memory_bytes == 0 || info->kind <= STERNA_KIND_INTEGRATED;
    const uint64_t need = bytes + bytes / 2;
    const uint64_t available = host ? sterna_sys_memory_available() : 0;
    if (info->is_mock) { /* half a minute for 2 GiB, which are filled and shadowed byte by byte */
        snprintf(text, 240, "a mock watches every byte: too slow at this size");
        return false;
    }
    if (info->memory_bytes && bytes > info->memory_bytes) {
        snprintf(text, 240, "needs %" PRIu64 " MiB, the device has %" PRIu64 " MiB", bytes >> 20,
                 info->memory_bytes >> 20);
        return false;
    }
    if (available == 0 || need <= available) return true;
    snprintf(text, 240, "needs %" PRIu64 " MiB of the host's memory, %" PRIu64 " MiB are free", need >> 20,
             available >> 20);
    return false;
}

static sterna_status write_pieces(const large *l)
{
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < 3 && status == STERNA_OK; i++) {
        /* Whole numbers, so that they can be added to. */
        for (uint32_t j = 0; j < PIECE / 4; j++) {
            float value = (float)(1000000 * (i + 1) + j);
            memcpy(l->want[i] + 4 * j, &value, 4);
        }
        status = l->d->api->buffer_write(l->d->device, l->buffer, l->at[i], l->want[i], PIECE, l->fault);
    }
    return status;
}

static sterna_status read_pieces(const large *l, const char *after)
{
    sterna_status status = STERNA_OK;
    for (uint32_t i = 0; i < 3 && status == STERNA_OK; i++) {
        status = l->d->api->buffer_read(l->d->device, l->buffer, l->at[i], l->room, PIECE, l->fault);
        for (uint32_t j = 0; j < PIECE && status == STERNA_OK; j++)
            if (l->room[j] != l->want[i][j])
                status = sterna_fail(l->fault, STERNA_FAILED, "%s: byte %" PRIu64 " reads %02x, not %02x",
                                     after, l->at[i] + j, l->room[j], l->want[i][j]);
    }
    return status;
}

/* The middle piece's second quarter to third quarter, across the boundary, plus the last piece's beginning. */
static sterna_status compute(large *l)
{
    const sterna_open_device *d = l->d;
    uint64_t skip = PIECE / 2 - 2 * FLOATS;
    sterna_plan *plan = NULL;
    sterna_status status =
        sterna_self_plan(d, l->buffer, l->at[1] + skip, l->buffer, l->at[2], FLOATS, 1, &plan, l->fault);
    if (status == STERNA_OK) status = sterna_self_run(d, plan, l->fault);
    d->api->plan_destroy(d->device, plan);
    for (uint32_t j = 0; j < FLOATS; j++) {
        float x, y;
        memcpy(&x, l->want[1] + skip + 4 * j, 4);
        memcpy(&y, l->want[2] + 4 * j, 4);
        x = x + y;
        memcpy(l->want[1] + skip + 4 * j, &x, 4);
    }
    return status == STERNA_OK ? read_pieces(l, "after a kernel") : status;
}

static sterna_status run(large *l, uint64_t bytes, char text[240])
{
    sterna_fault refused = {0};
    sterna_status status = l->d->api->buffer_create(l->d->device, bytes, &l->buffer, &refused);
    if (status == STERNA_MEMORY || status == STERNA_UNSUPPORTED) {
        snprintf(text, 240, "the device refuses so large a buffer: %.180s", refused.text);
        return STERNA_NOTHING;
    }
    if (status != STERNA_OK) return sterna_fail(l->fault, status, "%s", refused.text);
    status = write_pieces(l);
    if (status == STERNA_OK) status = read_pieces(l, "after copies");
    if (status == STERNA_OK && l->d->api->supports(l->d->device, "add", 0, STERNA_ACT_F32))
        status = compute(l);
    return status;
}

sterna_status sterna_self_test_large(const sterna_open_device *device, uint64_t boundary, char text[240],
                                     sterna_fault *fault)
{
    const uint64_t bytes = boundary + MARGIN;
    large l = {.d = device, .at = {MARGIN - PIECE, boundary - PIECE / 2, bytes - PIECE}, .fault = fault};
    if (!enough_memory(&device->info, bytes, text)) return STERNA_NOTHING;
    sterna_status status = STERNA_OK;
    l.room = sterna_alloc(PIECE, 1);
    for (uint32_t i = 0; i < 3; i++) l.want[i] = sterna_alloc(PIECE, 1);
    if (!l.room || !l.want[0] || !l.want[1] || !l.want[2])
        status = sterna_fail(fault, STERNA_MEMORY, "no memory on the host");
    snprintf(text, 240, "copies and a kernel across byte %" PRIu64 " of one buffer", boundary);
    if (status == STERNA_OK) status = run(&l, bytes, text);
    device->api->buffer_destroy(device->device, l.buffer);
    for (uint32_t i = 0; i < 3; i++) sterna_free(l.want[i]);
    sterna_free(l.room);
    return status;
}
