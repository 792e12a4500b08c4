/* Sizes, floats, integers and encoded blocks. Bulk data come from one drawn seed, so that a stream stays
 * short and a case that shrinks in shape keeps its values. */
#include "base/philox.h"
#include "base/size.h"
#include "gen/gen.h"
#include <string.h>

/* As an offset from 1, which is what most sizes start at. */
static uint32_t suggest_size(uint32_t max, uint32_t word0, uint32_t word1)
{
    static const uint16_t prime[] = {2,  3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43, 47,
                                     53, 61, 67, 71, 73, 97, 101, 127, 131, 193, 251, 257, 509, 521};
    uint32_t size;
    switch (word0 % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        size = 1 + word1 % 8;
        break;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
        size = (4u << word1 % 8) + word1 / 8 % 3 - 1;
        break;
    case 10:
    case 11:
    case 12:
        size = prime[word1 % STERNA_COUNT(prime)];
        break;
    default:
        size = max < 65536 ? 1 + word1 % (max + 1) : 1 + word1 % 1024;
    }
    return size - 1 <= max ? size - 1 : word1 % (max + 1);
}

uint32_t sterna_gen_size(sterna_choices *c, uint32_t low, uint32_t high)
{
    return low + sterna_choose_biased(c, high > low ? high - low : 0, suggest_size);
}

uint32_t sterna_gen_word(uint32_t seed, uint64_t index)
{
    return sterna_philox4x32(seed, 0x5EED, (uint32_t)index, (uint32_t)(index >> 32), 0, 0).word[0];
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float fill_value(sterna_fill kind, uint32_t w)
{
    float unit = (float)(int32_t)w * 0x1p-31f;
    switch (kind) {
    case STERNA_FILL_ONES:
        return 1.0f;
    case STERNA_FILL_INTEGERS:
        return (float)((int32_t)(w % 9) - 4);
    case STERNA_FILL_UNIT:
        return unit;
    case STERNA_FILL_NORMAL: /* four uniforms: close enough, with no function of the engine's */
        return ((float)(w & 255) + (float)(w >> 8 & 255) + (float)(w >> 16 & 255) + (float)(w >> 24) -
                510.0f) *
               0x1.bp-8f;
    case STERNA_FILL_ZEROS:
        return w & 1 ? 0.0f : -0.0f;
    case STERNA_FILL_OUTLIER:
        return w % 331 == 0 ? unit * 1000.0f : unit;
    case STERNA_FILL_RANGE:
        return float_of((w & 0x807FFFFFu) | (87 + (w >> 23 & 255) % 81) << 23);
    case STERNA_FILL_TINY:
        return float_of((w & 0x807FFFFFu) | (w >> 23 & 3) << 23);
    case STERNA_FILL_ANY:
        return float_of((w & 0x7F800000u) == 0x7F800000u ? w & 0x807FFFFFu : w);
    case STERNA_FILLS:
        break;
    }
    return 0.0f;
}

sterna_fill sterna_gen_f32(sterna_choices *c, sterna_fill last, void *data, uint64_t count)
{
    sterna_fill kind = (sterna_fill)sterna_choose(c, last);
    uint32_t seed = sterna_choose(c, 65535);
    for (uint64_t i = 0; i < count; i++) {
        float value = fill_value(kind, sterna_gen_word(seed, i));
        memcpy((uint8_t *)data + 4 * i, &value, sizeof value);
    }
    return kind;
}

bool sterna_gen_bad_values(sterna_choices *c, void *data, uint64_t count)
{
    static const uint32_t bad[] = {0x7FC00000u, 0x7F800000u, 0xFF800000u, 0xFFC12345u, 0x7F800001u};
    bool any = false;
    if (!sterna_choose_rarely(c, 10)) return false;
    for (uint32_t i = 0; i < 4; i++) {
        sterna_span_begin(c);
        bool more = sterna_choose(c, 1);
        if (more) {
            uint64_t at = sterna_choose(c, (uint32_t)(count - 1));
            memcpy((uint8_t *)data + 4 * at, &bad[sterna_choose(c, STERNA_COUNT(bad) - 1)], 4);
            any = true;
        }
        sterna_span_end(c);
        if (!more) break;
    }
    return any;
}

void sterna_gen_i8(sterna_choices *c, void *data, uint64_t count)
{
    enum { ONES, SMALL, FULL, EXTREME, LARGEST, SMALLEST, KINDS };
    uint32_t kind = sterna_choose(c, KINDS - 1), seed = sterna_choose(c, 65535);
    int8_t *q = data;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t w = sterna_gen_word(seed, i);
        switch (kind) {
        case ONES:
            q[i] = 1;
            break;
        case SMALL:
            q[i] = (int8_t)((int32_t)(w % 7) - 3);
            break;
        case FULL:
            q[i] = (int8_t)((int32_t)(w % 255) - 127);
            break;
        case EXTREME:
            q[i] = w & 1 ? 127 : -127;
            break;
        case LARGEST:
            q[i] = 127;
            break;
        default:
            q[i] = -127;
        }
    }
}

/* binary16 and bfloat16 bit patterns that are finite. */
static uint16_t half_bits(uint32_t kind, uint32_t w, uint16_t exponent_mask)
{
    uint16_t any = (uint16_t)w, special[] = {0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x1400};
    if (kind == 2) any = special[w % STERNA_COUNT(special)];
    return (any & exponent_mask) == exponent_mask ? (uint16_t)(any ^ 0x4000) : any;
}

static void fill_f32_rows(uint32_t kind, uint32_t seed, uint8_t *data, uint64_t count)
{
    static const sterna_fill fills[] = {STERNA_FILL_ONES,  STERNA_FILL_UNIT, STERNA_FILL_TINY,
                                        STERNA_FILL_RANGE, STERNA_FILL_ONES, STERNA_FILL_INTEGERS};
    for (uint64_t i = 0; i < count; i++) {
        float value = fill_value(fills[kind], sterna_gen_word(seed, i));
        memcpy(data + 4 * i, &value, 4);
    }
}

static void fill_half_rows(uint32_t kind, uint32_t seed, uint8_t *data, uint64_t count, bool brain)
{
    uint16_t one = brain ? 0x3F80 : 0x3C00, mask = brain ? 0x7F80 : 0x7C00;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t w = sterna_gen_word(seed, i);
        /* kind 3: magnitudes in [2^-4, 16) or so, whatever the format */
        uint16_t near = brain ? (uint16_t)((w & 0x807F) | (123 + (w >> 16) % 8) << 7)
                              : (uint16_t)((w & 0x83FF) | (11 + (w >> 16) % 8) << 10);
        static const uint16_t small[2][5] = {{0, 0x3C00, 0x4000, 0x4200, 0x4400},
                                             {0, 0x3F80, 0x4000, 0x4040, 0x4080}};
        uint16_t integer = (uint16_t)(small[brain][w % 5] | (w & 0x8000));
        uint16_t half = kind == STERNA_BLOCKS_INTEGERS  ? integer
                        : kind == STERNA_BLOCKS_LARGEST ? one
                        : kind == 0                     ? one
                        : kind == 3                     ? near
                                                        : half_bits(kind, w, mask);
        memcpy(data + 2 * i, &half, 2);
    }
}

/* Where a block's f16 scales stand (at most two) and how long it is. */
typedef struct block_shape {
    uint32_t format, bytes, scale[2], scales;
} block_shape;

static const block_shape shapes[] = {{8, 34, {0, 0}, 1}, {12, 144, {0, 2}, 2}, {35, 66, {64, 0}, 1}};

void sterna_gen_blocks(sterna_choices *c, uint32_t format, uint8_t *data, uint64_t bytes)
{
    uint32_t kind = sterna_choose(c, STERNA_BLOCKS_LARGEST);
    sterna_gen_blocks_kind(kind, sterna_choose(c, 65535), format, data, bytes);
}

void sterna_gen_blocks_kind(uint32_t kind, uint32_t seed, uint32_t format, uint8_t *data, uint64_t bytes)
{
    const block_shape *shape = NULL;
    if (format == 0) fill_f32_rows(kind, seed, data, bytes / 4);
    if (format == 1) fill_half_rows(kind, seed, data, bytes / 2, false);
    if (format == 30) fill_half_rows(kind, seed, data, bytes / 2, true);
    for (uint32_t i = 0; i < STERNA_COUNT(shapes); i++)
        if (shapes[i].format == format) shape = &shapes[i];
    if (!shape) return;
    uint8_t end = format == 8 ? (seed & 1 ? 0x7F : 0x80) : 0xFF;
    for (uint64_t i = 0; i < bytes; i++)
        data[i] = kind == STERNA_BLOCKS_LARGEST ? end : (uint8_t)sterna_gen_word(seed, i);
    for (uint64_t b = 0; b < bytes / shape->bytes; b++)
        for (uint32_t s = 0; s < shape->scales; s++) {
            uint32_t w = sterna_gen_word(seed ^ 0x5CA1E, kind == 3 ? s : b * shape->scales + s);
            uint16_t near = (uint16_t)((w & 0x3FF) | (5 + (w >> 16) % 8) << 10);
            uint16_t scale = kind == 0 || kind >= STERNA_BLOCKS_LARGEST ? 0x3C00
                             : kind == 1                                ? half_bits(1, w, 0x7C00)
                             : kind == 2                                ? half_bits(2, w, 0x7C00)
                                                                        : near;
            memcpy(data + b * shape->bytes + shape->scale[s], &scale, 2);
        }
}
