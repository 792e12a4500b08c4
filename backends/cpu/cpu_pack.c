/* Packing into panels, and reading them back. Layouts are drawn in cpu_pack.h. */
#include "cpu/cpu_pack.h"
#include "base/size.h"
#include <string.h>

enum { ROWS = STERNA_CPU_PANEL_ROWS };

/* Bytes from one block of a panel to the next. */
static uint32_t block_bytes(sterna_cpu_pack pack)
{
    switch (pack) {
    case STERNA_CPU_PACK_TERNARY:
        return STERNA_CPU_TERNARY_CODES;
    case STERNA_CPU_PACK_Q8:
        return STERNA_CPU_Q8_BLOCK;
    case STERNA_CPU_PACK_Q4K:
        return STERNA_CPU_Q4K_BLOCK;
    case STERNA_CPU_PACK_NONE:
        break;
    }
    return 0;
}

/* One scale for a whole tensor is in the view already. */
static bool has_scales(sterna_cpu_pack pack, const sterna_weight_view *view)
{
    return pack == STERNA_CPU_PACK_TERNARY && !(view->act == STERNA_ACT_TOKEN && view->uniform);
}

static uint32_t blocks_of(const sterna_weight_view *view)
{
    return view->cols / view->format->values;
}

uint64_t sterna_cpu_pack_bytes(sterna_cpu_pack pack, const sterna_weight_view *view)
{
    uint64_t panels = ((uint64_t)view->rows + ROWS - 1) / ROWS;
    uint32_t each = block_bytes(pack) + (has_scales(pack, view) ? STERNA_CPU_TERNARY_SCALES : 0);
    return sterna_sat_mul(sterna_sat_mul(panels, blocks_of(view)), each);
}

/* Byte of the packed block that holds column i of panel row r, and the shift of its code. */
static uint32_t place(sterna_cpu_pack pack, uint32_t r, uint32_t i, uint32_t *shift)
{
    switch (pack) {
    case STERNA_CPU_PACK_TERNARY:
        *shift = i % 16 / 4 * 2;
        return i / 16 * 64 + r * 4 + i % 4;
    case STERNA_CPU_PACK_Q4K:
        *shift = i % 8 / 4 * 4;
        return i / 8 * 64 + r * 4 + i % 4;
    case STERNA_CPU_PACK_Q8:
    case STERNA_CPU_PACK_NONE:
        break;
    }
    *shift = 0;
    return i / 4 * 64 + r * 4 + i % 4;
}

static void put_f16(uint8_t *at, uint32_t r, float value)
{
    uint16_t half = sterna_f32_to_f16(value);
    memcpy(at + 2 * r, &half, sizeof half);
}

static float get_f16(const uint8_t *at, uint32_t r)
{
    uint16_t half;
    memcpy(&half, at + 2 * r, sizeof half);
    return sterna_f16_to_f32(half);
}

/* Added to a value to make its unsigned code. */
static uint32_t offset_of(sterna_cpu_pack pack)
{
    return pack == STERNA_CPU_PACK_TERNARY ? 1 : pack == STERNA_CPU_PACK_Q8 ? 128 : 0;
}

static uint8_t *scales_at(const sterna_weight_view *view, uint8_t *packed, uint32_t row, uint32_t block)
{
    uint64_t index = (uint64_t)(row / ROWS) * blocks_of(view) + block;
    return packed + sterna_cpu_pack_scales_offset(view) + index * STERNA_CPU_TERNARY_SCALES + row % ROWS * 4;
}

/* A lane: four codes of one row. */
static void put_lane(uint8_t *line, uint32_t r, uint32_t lane)
{
    memcpy(line + 4 * r, &lane, sizeof lane);
}

static uint32_t four_codes(const int8_t *q)
{
    uint32_t word;
    memcpy(&word, q, sizeof word);
    return word;
}

/* The block's codes into lane r of its lines. Q8_0's +128 is an exclusive or, since it wraps. */
static void pack_codes(sterna_cpu_pack pack, const sterna_block *block, uint32_t r, uint8_t *out)
{
    const int8_t *q = block->q;
    switch (pack) {
    case STERNA_CPU_PACK_TERNARY:
        for (uint32_t t = 0; t < 16; t++) {
            int8_t code[16];
            for (uint32_t i = 0; i < 16; i++) code[i] = (int8_t)(q[16 * t + i] + 1);
            put_lane(out + 64 * t, r,
                     four_codes(code) | four_codes(code + 4) << 2 | four_codes(code + 8) << 4 |
                         four_codes(code + 12) << 6);
        }
        break;
    case STERNA_CPU_PACK_Q8:
        for (uint32_t t = 0; t < 8; t++) put_lane(out + 64 * t, r, four_codes(q + 4 * t) ^ 0x80808080u);
        break;
    case STERNA_CPU_PACK_Q4K:
        for (uint32_t t = 0; t < 32; t++)
            put_lane(out + 64 * t, r, four_codes(q + 8 * t) | four_codes(q + 8 * t + 4) << 4);
        break;
    case STERNA_CPU_PACK_NONE:
        break;
    }
}

/* Scales come from f16 in all three formats, so that storing them as f16 again is exact. */
static void pack_scales(sterna_cpu_pack pack, const sterna_block *block, uint32_t r, uint8_t *out)
{
    if (pack == STERNA_CPU_PACK_Q8) put_f16(out + STERNA_CPU_Q8_D, r, block->d);
    if (pack != STERNA_CPU_PACK_Q4K) return;
    for (uint32_t g = 0; g < 8; g++) {
        out[STERNA_CPU_Q4K_SCALES + 16 * g + r] = block->scale[g];
        out[STERNA_CPU_Q4K_MINS + 16 * g + r] = block->min[g];
    }
    put_f16(out + STERNA_CPU_Q4K_D, r, block->d);
    put_f16(out + STERNA_CPU_Q4K_D + 32, r, block->dmin);
}

void sterna_cpu_pack_panels(sterna_cpu_pack pack, const sterna_weight_view *view, uint8_t *out,
                            uint64_t begin, uint64_t end)
{
    const sterna_format *format = view->format;
    const uint32_t bytes = block_bytes(pack), blocks = blocks_of(view);
    sterna_block block;
    for (uint64_t panel = begin; panel < end; panel++) {
        uint8_t *to = out + panel * blocks * bytes;
        const uint32_t first = (uint32_t)(panel * ROWS),
                       rows = view->rows - first < ROWS ? view->rows - first : ROWS;
        if (rows < ROWS) memset(to, 0, (size_t)blocks * bytes);
        if (rows < ROWS && has_scales(pack, view))
            memset(scales_at(view, out, first, 0), 0, (size_t)blocks * STERNA_CPU_TERNARY_SCALES);
        for (uint32_t b = 0; b < blocks; b++)
            for (uint32_t r = 0; r < rows; r++) {
                format->decode(view->data + (first + r) * view->row_bytes + (uint64_t)b * format->bytes,
                               &block);
                pack_codes(pack, &block, r, to + (size_t)b * bytes);
                pack_scales(pack, &block, r, to + (size_t)b * bytes);
                if (has_scales(pack, view))
                    memcpy(scales_at(view, out, first + r, b), &block.d, sizeof block.d);
            }
    }
}

void sterna_cpu_pack_read(sterna_cpu_pack pack, const sterna_weight_view *view, const uint8_t *packed,
                          uint32_t row, uint32_t block, sterna_block *out)
{
    static const uint8_t mask[] = {
        [STERNA_CPU_PACK_TERNARY] = 3, [STERNA_CPU_PACK_Q8] = 255, [STERNA_CPU_PACK_Q4K] = 15};
    const uint32_t r = row % ROWS;
    const uint8_t *in = packed + ((uint64_t)(row / ROWS) * blocks_of(view) + block) * block_bytes(pack);
    uint32_t shift;
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < view->format->values; i++) {
        uint32_t at = place(pack, r, i, &shift);
        out->q[i] = (int8_t)(int32_t)((in[at] >> shift & mask[pack]) - offset_of(pack));
    }
    out->scale[0] = 1;
    if (pack == STERNA_CPU_PACK_Q8) out->d = get_f16(in + STERNA_CPU_Q8_D, r);
    if (pack == STERNA_CPU_PACK_TERNARY) {
        out->d = view->scale;
        if (has_scales(pack, view))
            memcpy(&out->d, scales_at(view, (uint8_t *)(uintptr_t)packed, row, block), sizeof out->d);
    }
    if (pack != STERNA_CPU_PACK_Q4K) return;
    for (uint32_t g = 0; g < 8; g++) {
        out->scale[g] = in[STERNA_CPU_Q4K_SCALES + 16 * g + r];
        out->min[g] = in[STERNA_CPU_Q4K_MINS + 16 * g + r];
    }
    out->d = get_f16(in + STERNA_CPU_Q4K_D, r);
    out->dmin = get_f16(in + STERNA_CPU_Q4K_D + 32, r);
}
