/* Device layout of weight rows: splitting blocks into words and halves. */
#include "gpu/gpu_layout.h"
#include "base/size.h"
#include <string.h>

/* Where the f16 stands in a block that has one: first, or behind the words. */
static uint32_t half_offset(const sterna_format *format)
{
    return format->id == STERNA_FORMAT_TQ2_0 ? format->bytes - 2 : 0;
}

static bool is_taken_apart(const sterna_format *format)
{
    return format->bytes > 2 && format->bytes % 4 == 2;
}

bool sterna_gpu_row_words(const sterna_format *format, uint32_t cols, uint32_t *words)
{
    uint64_t blocks = cols / format->values, bytes, rounded;
    if (!sterna_mul_u64(blocks, format->bytes, &bytes) || !sterna_align_u64(bytes, 4, &rounded) ||
        rounded / 4 > UINT32_MAX)
        return false;
    *words = (uint32_t)(rounded / 4);
    return true;
}

bool sterna_gpu_split_rows(uint64_t binding, uint32_t words, uint32_t rows, uint32_t *per_part,
                           uint32_t *parts)
{
    uint64_t row_bytes = (uint64_t)words * 4, most = row_bytes ? binding / row_bytes : rows;
    if (most == 0 && rows) return false;
    *per_part = most < rows ? (uint32_t)most : rows;
    *parts = rows ? (uint32_t)(((uint64_t)rows + *per_part - 1) / *per_part) : 0;
    return true;
}

void sterna_gpu_pack_row(const sterna_format *format, uint32_t cols, const uint8_t *row, uint8_t *out)
{
    uint32_t blocks = cols / format->values, words;
    if (!sterna_gpu_row_words(format, cols, &words)) return;
    size_t bytes = (size_t)blocks * format->bytes;
    memset(out + bytes, 0, (size_t)words * 4 - bytes);
    if (!is_taken_apart(format)) {
        memcpy(out, row, bytes);
        return;
    }
    uint32_t body = format->bytes - 2, half = half_offset(format);
    uint8_t *halves = out + (size_t)blocks * body;
    for (uint32_t b = 0; b < blocks; b++, row += format->bytes) {
        memcpy(out + (size_t)b * body, row + (half == 0 ? 2 : 0), body);
        memcpy(halves + (size_t)b * 2, row + half, 2);
    }
}
