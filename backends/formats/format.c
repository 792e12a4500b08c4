/* The table of formats and its look-ups.
 * Owns: rows made from formats.def. Leaves to others: what the functions do (fmt_*.c). */
#include "formats/format.h"
#include "base/size.h"
#include "formats/format_private.h"

/* Sub-scales and minima of the computed formats, by stem. */
enum {
    GROUP_f32 = 1,
    GROUP_f16 = 1,
    GROUP_bf16 = 1,
    GROUP_q8_0 = 32,
    GROUP_q4_k = 32,
    GROUP_tq2_0 = 256,
    MINIMA_f32 = 0,
    MINIMA_f16 = 0,
    MINIMA_bf16 = 0,
    MINIMA_q8_0 = 0,
    MINIMA_q4_k = 1,
    MINIMA_tq2_0 = 0,
};

#define DECODE_F32(stem)      NULL
#define DECODE_BLOCK32(stem)  sterna_##stem##_decode
#define DECODE_BLOCK256(stem) sterna_##stem##_decode

static const sterna_format formats[] = {
#define FORMAT(id, name, values, bytes, act, stem)                                                           \
    {id,                                                                                                     \
     #name,                                                                                                  \
     values,                                                                                                 \
     bytes,                                                                                                  \
     GROUP_##stem,                                                                                           \
     MINIMA_##stem,                                                                                          \
     STERNA_ACT_##act,                                                                                       \
     sterna_##stem##_unpack,                                                                                 \
     sterna_##stem##_pack,                                                                                   \
     sterna_##stem##_validate,                                                                               \
     DECODE_##act(stem)},
#define FORMAT_STORED(id, name, values, bytes)                                                               \
    {id, #name, values, bytes, values, 0, STERNA_ACT_F32, NULL, NULL, NULL, NULL},
#include "formats/formats.def"
#undef FORMAT
#undef FORMAT_STORED
};

const sterna_format *sterna_format_all(uint32_t *count)
{
    *count = STERNA_COUNT(formats);
    return formats;
}

/* formats.def stands in ascending order of ids (test_formats checks it). Files with 100,000 tensors ask this
 * often. */
const sterna_format *sterna_format_find(uint32_t id)
{
    uint32_t low = 0, high = STERNA_COUNT(formats);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (formats[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < STERNA_COUNT(formats) && formats[low].id == id ? &formats[low] : NULL;
}

/* Without the locale's opinion. */
static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool same_name(const char *a, const char *b)
{
    while (*a && upper(*a) == upper(*b)) {
        a++;
        b++;
    }
    return upper(*a) == upper(*b);
}

const sterna_format *sterna_format_named(const char *name)
{
    for (uint32_t i = 0; i < STERNA_COUNT(formats); i++)
        if (same_name(formats[i].name, name)) return &formats[i];
    return NULL;
}

bool sterna_format_row_bytes(const sterna_format *format, uint64_t cols, uint64_t *bytes)
{
    return cols % format->values == 0 && sterna_mul_u64(cols / format->values, format->bytes, bytes);
}
