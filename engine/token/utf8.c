/* The one UTF-8 decoder of the engine. Owns: table 3-7 of the Unicode standard, as ranges of the second byte. */
#include "token/utf8.h"

sterna_utf8_step sterna_utf8_next(const uint8_t *data, size_t n)
{
    uint32_t lead = data[0];
    if (lead < 0x80) return (sterna_utf8_step){STERNA_UTF8_VALID, 1, lead};
    if (lead < 0xC2 || lead > 0xF4) return (sterna_utf8_step){STERNA_UTF8_INVALID, 1, 0};
    uint32_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    /* The second byte alone excludes overlong forms, surrogates and what lies beyond U+10FFFF. */
    uint32_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint32_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    uint32_t code = lead & (0x7Fu >> length);
    for (uint32_t i = 1; i < length; i++) {
        if (i == n) return (sterna_utf8_step){STERNA_UTF8_INCOMPLETE, i, 0};
        if (data[i] < low || data[i] > high) return (sterna_utf8_step){STERNA_UTF8_INVALID, i, 0};
        code = code << 6 | (data[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    return (sterna_utf8_step){STERNA_UTF8_VALID, length, code};
}
