/* UTF-8: the decoder against an independent rule on every short sequence, the stream against itself uncut.
 * Owns: the examples of the Unicode standard, table 3-11. */
#include "base/philox.h"
#include "base/size.h"
#include "runner.h"
#include "token/utf8.h"
#include "token/utf8_stream.h"
#include <string.h>

/* Length of the code point at the front by value, not by ranges of bytes: 0 when there is none. */
static uint32_t length_by_value(const uint8_t *s, size_t n, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (length == 0 || length > n) return 0;
    *code = length == 1 ? s[0] : s[0] & (0xFFu >> (length + 1));
    for (uint32_t i = 1; i < length; i++) {
        if (s[i] >> 6 != 2) return 0;
        *code = *code << 6 | (s[i] & 63u);
    }
    if (*code < least[length] || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF)) return 0;
    return length;
}

/* Whether some continuation makes the n bytes a code point: tried out. */
static bool can_become_valid(const uint8_t *s, size_t n)
{
    uint8_t full[4];
    memcpy(full, s, n);
    for (uint32_t rest = 0; rest < 64u * 64u * 64u; rest++) {
        for (size_t i = n; i < 4; i++) full[i] = (uint8_t)(0x80u | (rest >> 6 * (i - n) & 63u));
        uint32_t code;
        if (length_by_value(full, 4, &code) > n) return true;
        if (rest >> 6 * (4 - n)) break;
    }
    return false;
}

static void decodes_every_code_point(sterna_test *t)
{
    uint64_t valid = 0;
    for (uint32_t i = 0; i < 1u << 24; i++) {
        uint8_t s[3] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        uint32_t code = 0, length = length_by_value(s, 3, &code);
        sterna_utf8_step step = sterna_utf8_next(s, 3);
        bool agree = length > 0
                         ? step.verdict == STERNA_UTF8_VALID && step.bytes == length && step.code == code
                         : step.verdict != STERNA_UTF8_VALID && step.bytes >= 1 && step.bytes <= 3;
        CHECK_MSG(t, agree, "bytes %02x %02x %02x: length %u, got verdict %d bytes %u code %x", s[0], s[1],
                  s[2], length, (int)step.verdict, step.bytes, step.code);
        valid += length == 3;
    }
    CHECK(t, valid == 0x10000 - 0x800 - 0x800);
    for (uint32_t code = 0x10000; code <= 0x10FFFF; code++) {
        uint8_t s[4] = {(uint8_t)(0xF0 | code >> 18), (uint8_t)(0x80 | (code >> 12 & 63)),
                        (uint8_t)(0x80 | (code >> 6 & 63)), (uint8_t)(0x80 | (code & 63))};
        sterna_utf8_step step = sterna_utf8_next(s, 4);
        CHECK(t, step.verdict == STERNA_UTF8_VALID && step.bytes == 4 && step.code == code);
    }
}

static void incomplete_means_it_can_be_completed(sterna_test *t)
{
    for (uint32_t i = 0; i < 0x10000; i++) {
        uint8_t s[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        uint32_t code;
        if (length_by_value(s, 2, &code) > 0) continue;
        sterna_utf8_step step = sterna_utf8_next(s, 2);
        CHECK_MSG(t, (step.verdict == STERNA_UTF8_INCOMPLETE) == can_become_valid(s, 2), "bytes %02x %02x",
                  s[0], s[1]);
    }
}

/* What a stream makes of a text given in one piece. */
static size_t whole(const char *text, size_t n, bool keep, char *out)
{
    sterna_utf8_stream stream = {.keep_invalid = keep};
    size_t written = sterna_utf8_push(&stream, text, n, out);
    return written + sterna_utf8_flush(&stream, out + written);
}

static void replaces_maximal_subparts(sterna_test *t)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
#define BAD "\xEF\xBF\xBD"
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A"},
        {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", BAD BAD BAD BAD BAD BAD BAD BAD "A"},
        {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", BAD BAD BAD BAD BAD "A" BAD BAD "B"},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", BAD BAD BAD BAD "A"},
        {"\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", BAD BAD BAD "b" BAD "c" BAD BAD "d"},
        {"ok \xE2\x82", "ok " BAD},
        {"\xE2\x82\xAC", "\xE2\x82\xAC"},
        {"", ""},
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        char out[STERNA_UTF8_ROOM(32)];
        size_t n = whole(rows[i].in, strlen(rows[i].in), false, out);
        bool same = n == strlen(rows[i].out) && memcmp(out, rows[i].out, n) == 0;
        if (!EXPECT(t, same)) sterna_test_note(t, "row %zu: %zu bytes, want %zu", i, n, strlen(rows[i].out));
    }
}

static void cuts_do_not_matter(sterna_test *t)
{
    enum { LENGTH = 24 };
    static const uint8_t alphabet[] = {'a',  0x80, 0xBF, 0xC2, 0xC0, 0xE0, 0xA0, 0xE2, 0x82, 0xAC, 0xED,
                                       0x9F, 0xF0, 0x9F, 0x98, 0x80, 0xF4, 0x8F, 0x90, 0xFF, 0xEF, 0xBB};
    for (uint32_t i = 0; i < 200000; i++) {
        char text[LENGTH], one[STERNA_UTF8_ROOM(LENGTH)], many[STERNA_UTF8_ROOM(LENGTH) * 2];
        uint64_t cuts = 0;
        for (uint32_t k = 0; k < LENGTH; k++) {
            sterna_philox r = sterna_philox4x32(1, 2, i, k, 0, 0);
            text[k] = (char)alphabet[r.word[0] % STERNA_COUNT(alphabet)];
            cuts |= (uint64_t)(r.word[1] & 1) << k;
        }
        bool keep = i & 1;
        size_t expected = whole(text, LENGTH, keep, one);
        sterna_utf8_stream stream = {.keep_invalid = keep};
        size_t got = 0, from = 0;
        for (size_t k = 1; k <= LENGTH; k++) {
            if (k < LENGTH && !(cuts >> k & 1)) continue;
            char room[STERNA_UTF8_ROOM(LENGTH)];
            size_t n = sterna_utf8_push(&stream, text + from, k - from, room);
            CHECK(t, n <= STERNA_UTF8_ROOM(k - from) && stream.count <= 3);
            memcpy(many + got, room, n);
            got += n;
            from = k;
        }
        got += sterna_utf8_flush(&stream, many + got);
        CHECK_MSG(t, got == expected && memcmp(one, many, got) == 0, "case %u", i);
        if (keep) CHECK_MSG(t, got == LENGTH && memcmp(one, text, LENGTH) == 0, "case %u", i);
    }
}

static void complete_characters_pass_at_once(sterna_test *t)
{
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\xA6\x99z";
    sterna_utf8_stream stream = {0};
    size_t pushed = 0, passed = 0;
    for (; pushed < strlen(text); pushed++) {
        char out[STERNA_UTF8_ROOM(1)];
        size_t n = sterna_utf8_push(&stream, text + pushed, 1, out);
        CHECK(t, memcmp(out, text + passed, n) == 0);
        passed += n;
        bool boundary = ((uint8_t)text[pushed + 1] & 0xC0) != 0x80;
        CHECK(t, (passed == pushed + 1) == boundary);
    }
    CHECK(t, passed == strlen(text));
}

const sterna_test_case sterna_test_cases[] = {
    {"decodes_every_code_point", decodes_every_code_point, 0},
    {"incomplete_means_it_can_be_completed", incomplete_means_it_can_be_completed, 0},
    {"replaces_maximal_subparts", replaces_maximal_subparts, 0},
    {"cuts_do_not_matter", cuts_do_not_matter, 0},
    {"complete_characters_pass_at_once", complete_characters_pass_at_once, 0},
    {0},
};
