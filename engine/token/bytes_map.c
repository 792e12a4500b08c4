/* GPT-2's map (bytes_to_unicode in its encoder.py): the printable bytes of Latin-1 stand for themselves, the
 * other 68 take U+0100, U+0101, ... in ascending order. Owns: the bijection, computed, no table. */
#include "token/bytes_map.h"

/* 0..32, 127..160 and 173 are not printable; the k-th of them is U+0100 + k. */
static uint32_t code_of(uint8_t byte)
{
    if (byte <= 32) return 0x100u + byte;
    if (byte >= 127 && byte <= 160) return 0x100u + 33u + (byte - 127u);
    if (byte == 173) return 0x100u + 67u;
    return byte;
}

size_t sterna_bytes_map_encode(uint8_t byte, char out[2])
{
    uint32_t code = code_of(byte);
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    out[0] = (char)(0xC0u | code >> 6);
    out[1] = (char)(0x80u | (code & 0x3Fu));
    return 2;
}

int sterna_bytes_map_decode(uint32_t code)
{
    if (code >= 0x100u + 68u) return -1;
    if (code == 0x100u + 67u) return 173;
    if (code >= 0x100u + 33u) return (int)(code - 0x100u - 33u + 127u);
    if (code >= 0x100u) return (int)(code - 0x100u);
    return code_of((uint8_t)code) == code ? (int)code : -1;
}
