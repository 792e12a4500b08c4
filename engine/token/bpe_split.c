/* Pre-tokenizers by hand instead of by a regex engine: one pass per regular expression, linear in the text.
 * Owns: the expressions. Leaves to others: Unicode's categories (utf8proc). */
#include "base/size.h"
#include "token/pretokenizer.h"
#include "token/utf8.h"
#include <string.h>
#include <utf8proc.h>

enum { LETTER = 1, NUMBER = 2, SPACE = 4, PUNCTUATION = 8, OTHER = 16 };

/* One character: class 0 and no bytes behind the end. */
typedef struct glyph {
    uint32_t bytes, code, class;
} glyph;

/* \s of the expressions: the White_Space property (PropList.txt). */
static bool is_space(uint32_t code)
{
    if (code <= 0x20) return code == 0x20 || (code >= 0x09 && code <= 0x0D);
    return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
           code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

static uint32_t class_of(uint32_t code)
{
    if ((code | 0x20) >= 'a' && (code | 0x20) <= 'z') return LETTER;
    if (code >= '0' && code <= '9') return NUMBER;
    if (is_space(code)) return SPACE;
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return NUMBER;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return PUNCTUATION;
    default:
        return OTHER;
    }
}

static glyph glyph_at(const uint8_t *text, size_t at, size_t end)
{
    if (at >= end) return (glyph){0, 0, 0};
    sterna_utf8_step step = sterna_utf8_next(text + at, end - at);
    if (step.verdict != STERNA_UTF8_VALID) return (glyph){1, 0, OTHER};
    return (glyph){step.bytes, step.code, class_of(step.code)};
}

/* Behind the characters from `at` on whose class is in `classes`; at most `most` of them. */
static size_t skip(const uint8_t *text, size_t at, size_t end, uint32_t classes, uint32_t most)
{
    for (uint32_t n = 0; n < most; n++) {
        glyph g = glyph_at(text, at, end);
        if (!(g.class & classes)) break;
        at += g.bytes;
    }
    return at;
}

/* 's|'t|'re|'ve|'m|'ll|'d at text[at]: its length, else 0. `fold`: upper case, too. */
static size_t contraction(const uint8_t *text, size_t at, size_t end, bool fold)
{
    static const char forms[][3] = {"s", "t", "m", "d", "re", "ve", "ll"};
    if (text[at] != '\'') return 0;
    for (size_t i = 0; i < STERNA_COUNT(forms); i++) {
        size_t length = strlen(forms[i]);
        if (end - at - 1 < length) continue;
        bool equal = true;
        for (size_t k = 0; k < length; k++) {
            uint8_t c = text[at + 1 + k];
            if (fold && c >= 'A' && c <= 'Z') c |= 0x20;
            equal = equal && c == (uint8_t)forms[i][k];
        }
        if (equal) return 1 + length;
    }
    return 0;
}

/* \s+(?!\S)|\s+ : a run of spaces, without its last one when something follows that is not the run's end. */
static size_t spaces(const uint8_t *text, size_t at, size_t end)
{
    size_t last = at, stop = at;
    for (glyph g; (g = glyph_at(text, stop, end)).class & SPACE; stop += g.bytes) last = stop;
    return stop < end && last > at ? last : stop;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ */
static size_t split_gpt2(const uint8_t *text, size_t at, size_t end)
{
    size_t short_form = contraction(text, at, end, false);
    if (short_form > 0) return at + short_form;
    size_t word = at + (text[at] == ' ');
    uint32_t class = glyph_at(text, word, end).class;
    if (class == LETTER || class == NUMBER) return skip(text, word, end, class, UINT32_MAX);
    if (class & (PUNCTUATION | OTHER)) return skip(text, word, end, PUNCTUATION | OTHER, UINT32_MAX);
    return spaces(text, at, end);
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
 * ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t split_llama3(const uint8_t *text, size_t at, size_t end)
{
    size_t short_form = contraction(text, at, end, true);
    if (short_form > 0) return at + short_form;
    glyph first = glyph_at(text, at, end);
    if (first.class == NUMBER) return skip(text, at, end, NUMBER, 3);
    bool line_end = first.code == '\r' || first.code == '\n';
    if (first.class == LETTER || (!line_end && glyph_at(text, at + first.bytes, end).class == LETTER))
        return skip(text, at + first.bytes, end, LETTER, UINT32_MAX);
    size_t word = at + (text[at] == ' ');
    if (glyph_at(text, word, end).class & (PUNCTUATION | OTHER)) {
        word = skip(text, word, end, PUNCTUATION | OTHER, UINT32_MAX);
        while (word < end && (text[word] == '\r' || text[word] == '\n')) word++;
        return word;
    }
    size_t behind_line = at, stop = at;
    for (glyph g; (g = glyph_at(text, stop, end)).class & SPACE; stop += g.bytes)
        if (g.code == '\r' || g.code == '\n') behind_line = stop + g.bytes;
    return behind_line > at ? behind_line : spaces(text, at, end);
}

/* [\p{P}\$\+<=>\^~\|] */
static bool is_mark(glyph g)
{
    return g.class == PUNCTUATION || (g.code > 0 && g.code < 0x80 && strchr("$+<=>^~|", (int)g.code));
}

/* [\p{P}\$\+<=>\^~\|]+ and what lies between. */
static size_t split_punctuation(const uint8_t *text, size_t at, size_t end)
{
    glyph g = glyph_at(text, at, end);
    bool mark = is_mark(g);
    for (; g.bytes > 0 && is_mark(g) == mark; g = glyph_at(text, at, end)) at += g.bytes;
    return at;
}

/* \p{N}+ and what lies between. */
static size_t split_numbers(const uint8_t *text, size_t at, size_t end)
{
    uint32_t classes = glyph_at(text, at, end).class == NUMBER ? NUMBER : (uint32_t)~NUMBER;
    return skip(text, at, end, classes, UINT32_MAX);
}

/* \p{N} and what lies between. */
static size_t split_each_number(const uint8_t *text, size_t at, size_t end)
{
    if (glyph_at(text, at, end).class == NUMBER) return skip(text, at, end, NUMBER, 1);
    return skip(text, at, end, ~(uint32_t)NUMBER, UINT32_MAX);
}

static bool three_digits(const uint8_t *text, size_t at, size_t end)
{
    for (size_t i = 0; i < 3; i++)
        if (at + i >= end || text[at + i] < '0' || text[at + i] > '9') return false;
    return true;
}

/* [0-9][0-9][0-9] and what lies between. */
static size_t split_three_digits(const uint8_t *text, size_t at, size_t end)
{
    if (three_digits(text, at, end)) return at + 3;
    while (at < end && !three_digits(text, at, end)) at++;
    return at;
}

static const sterna_pretokenizer table[] = {
#define PRETOKENIZER(name, ignore_merges, adds_bos, ...) {name, ignore_merges, adds_bos, {__VA_ARGS__}},
#include "token/pretokenizers.def"
#undef PRETOKENIZER
};

const sterna_pretokenizer *sterna_pretokenizer_all(uint32_t *count)
{
    *count = STERNA_COUNT(table);
    return table;
}

const sterna_pretokenizer *sterna_pretokenizer_find(const char *name, size_t bytes)
{
    for (size_t i = 0; i < STERNA_COUNT(table); i++)
        if (strlen(table[i].name) == bytes && memcmp(table[i].name, name, bytes) == 0) return &table[i];
    return NULL;
}

bool sterna_words_next(sterna_words *words, size_t *start, size_t *end)
{
    if (words->at >= words->bytes) return false;
    words->limit[0] = words->bytes;
    int last = 0;
    for (; last < STERNA_SPLIT_PASSES && words->pre->pass[last]; last++)
        if (words->limit[last + 1] <= words->at)
            words->limit[last + 1] = words->pre->pass[last](words->text, words->at, words->limit[last]);
    *start = words->at;
    *end = words->at = words->limit[last];
    return true;
}
