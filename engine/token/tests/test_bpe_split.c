/* Pre-tokenizers: examples by hand, and every regular expression against PCRE2 on random texts where it is
 * installed. Owns: the expressions as PCRE2 wants them. */
#include "base/mem.h"
#include "base/philox.h"
#include "base/size.h"
#include "runner.h"
#include "token/pretokenizer.h"
#include <stdio.h>
#include <string.h>
#ifdef STERNA_HAVE_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#endif

/* The words joined by '|'. */
static void join_words(const char *pre, const char *text, size_t bytes, char *out, size_t room)
{
    sterna_words words = {
        .pre = sterna_pretokenizer_find(pre, strlen(pre)), .text = (const uint8_t *)text, .bytes = bytes};
    size_t n = 0;
    for (size_t start, end; sterna_words_next(&words, &start, &end);)
        n +=
            (size_t)snprintf(out + n, room - n, "%s%.*s", n > 0 ? "|" : "", (int)(end - start), text + start);
    out[n] = 0;
}

static void cuts_the_examples(sterna_test *t)
{
    static const struct {
        const char *pre, *text, *words;
    } rows[] = {
        {"gpt-2", "Hello world", "Hello| world"},
        {"gpt-2", "I've 12345  cats", "I|'ve| 12345| | cats"},
        {"gpt-2", "I'VE a 'tale", "I|'|VE| a| '|tale"},
        {"gpt-2", "a  \n", "a|  \n"},
        {"gpt-2", "a\n\nb", "a|\n|\n|b"},
        {"gpt-2", "x=y; // ok", "x|=|y|;| //| ok"},
        {"gpt-2",
         "\xFF\xFE"
         "a",
         "\xFF\xFE|a"},
        {"llama-bpe", "I'VE 12345  cats", "I|'VE| |123|45| | cats"},
        {"llama-bpe", "a\n\n b", "a|\n\n| b"},
        {"llama-bpe", "a!\n\n b", "a|!\n\n| b"},
        {"llama-bpe", "(word) .net\tgo", "(word|)| .|net|\tgo"},
        {"llama-bpe", "\xC2\xBD\xC2\xBD\xC2\xBD\xC2\xBD", "\xC2\xBD\xC2\xBD\xC2\xBD|\xC2\xBD"},
        {"refact", "a 12b", "a| |1|2|b"},
        {"default", "I've 12345...", "I|'|ve| |123|45|..."},
        {"default", "a $5+x", "a| |$|5|+|x"},
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        char out[200];
        join_words(rows[i].pre, rows[i].text, strlen(rows[i].text), out, sizeof out);
        if (!EXPECT(t, strcmp(out, rows[i].words) == 0))
            sterna_test_note(t, "%s, row %zu: got %s, want %s", rows[i].pre, i, out, rows[i].words);
    }
}

/* Characters that a rule or a category could get wrong; the last two are not UTF-8. */
static const char *const alphabet[] = {
    " ",
    " ",
    " ",
    "\n",
    "\r",
    "\t",
    "\v",
    "\x1f",
    "'",
    "'",
    "s",
    "T",
    "re",
    "VE",
    "m",
    "ll",
    "D",
    "a",
    "Z",
    "7",
    "0",
    "42",
    "!",
    "?",
    ".",
    "-",
    "$",
    "+",
    "^",
    "|",
    "~",
    "`",
    "_",
    "(",
    "\xC2\x85",
    "\xC2\xA0",
    "\xC2\xAD",
    "\xC2\xB2",
    "\xC2\xBD",
    "\xC3\x9F",
    "\xC7\x85",
    "\xCA\xB0",
    "\xCC\x81",
    "\xD9\xA3",
    "\xE0\xA4\xBF",
    "\xE1\x9A\x80",
    "\xE2\x80\x8B",
    "\xE2\x80\xA8",
    "\xE2\x85\xA7",
    "\xE2\x82\xAC",
    "\xE2\x96\x81",
    "\xE3\x80\x80",
    "\xE6\x97\xA5",
    "\xEF\xBC\x9F",
    "\xF0\x9F\xA6\x99",
    "\xF0\x9D\x9F\x99",
    "\xEE\x80\x80",
};

static void never_loses_a_byte(sterna_test *t)
{
    uint32_t rows;
    const sterna_pretokenizer *all = sterna_pretokenizer_all(&rows);
    for (uint32_t i = 0; i < 40000; i++) {
        uint8_t text[16];
        uint32_t length = 0;
        for (uint32_t k = 0; k < 4; k++) {
            sterna_philox r = sterna_philox4x32(3, 4, i, k, 0, 0);
            memcpy(text + length, r.word, 4);
            /* Half of the bytes from the range where something is decided. */
            for (uint32_t b = 0; b < 4; b++, length++)
                text[length] = r.word[3] >> b & 1 ? text[length] & 0x3Fu : text[length];
        }
        sterna_words words = {.pre = &all[i % rows], .text = text, .bytes = length};
        size_t at = 0;
        for (size_t start, end; sterna_words_next(&words, &start, &end); at = end)
            CHECK_MSG(t, start == at && end > start && end <= length, "%s, case %u", all[i % rows].name, i);
        CHECK(t, at == length);
    }
}

#ifdef STERNA_HAVE_PCRE2
/* PCRE2's \s takes U+180E and follows its own Unicode version, so White_Space is spelled out. */
#define S                                                                                                    \
    "\\x{09}-\\x{0D}\\x{20}\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}"   \
    "\\x{3000}"
#define GPT2                                                                                                 \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" S "\\p{L}\\p{N}]+|[" S "]+(?![^" S "])|[" S "]+"

static const struct {
    const char *pre, *expressions[STERNA_SPLIT_PASSES];
} regexes[] = {
    {"gpt-2", {GPT2}},
    {"llama-bpe",
     {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
      "| ?[^" S "\\p{L}\\p{N}]+[\\r\\n]*|[" S "]*[\\r\\n]+|[" S "]+(?![^" S "])|[" S "]+"}},
    {"refact", {"\\p{N}", GPT2}},
    {"default", {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
};

/* Marks the word boundaries that PCRE2 finds: one more pass over the pieces there are. */
static void refine(pcre2_code *code, pcre2_match_data *match, const char *text, size_t bytes, uint8_t *ends)
{
    for (size_t from = 0; from < bytes;) {
        size_t to = from + 1;
        while (!ends[to]) to++;
        for (size_t at = from; at < to;) {
            int found = pcre2_match(code, (PCRE2_SPTR)text + from, to - from, at - from, 0, match, NULL);
            if (found < 0) break;
            const PCRE2_SIZE *range = pcre2_get_ovector_pointer(match);
            ends[from + range[0]] = ends[from + range[1]] = 1;
            at = from + range[1];
        }
        from = to;
    }
}

static void agrees_with_pcre2(sterna_test *t)
{
    for (size_t row = 0; row < STERNA_COUNT(regexes); row++) {
        const char *name = regexes[row].pre;
        const sterna_pretokenizer *pre = sterna_pretokenizer_find(name, strlen(name));
        pcre2_code *code[STERNA_SPLIT_PASSES] = {0};
        pcre2_match_data *match = pcre2_match_data_create(4, NULL);
        for (int k = 0; k < STERNA_SPLIT_PASSES && regexes[row].expressions[k]; k++) {
            int error;
            PCRE2_SIZE offset;
            code[k] = pcre2_compile((PCRE2_SPTR)regexes[row].expressions[k], PCRE2_ZERO_TERMINATED,
                                    PCRE2_UTF | PCRE2_UCP, &error, &offset, NULL);
            CHECK(t, code[k] != NULL);
        }
        for (uint32_t i = 0; i < 20000; i++) {
            char text[80];
            size_t bytes = 0;
            sterna_philox r = {{0}};
            uint32_t pieces = sterna_philox4x32(5, 6, i, 99, (uint32_t)row, 0).word[0] % 12;
            for (uint32_t k = 0; k < pieces; k++) {
                if (k % 4 == 0) r = sterna_philox4x32(5, 6, i, k, (uint32_t)row, 0);
                const char *piece = alphabet[r.word[k % 4] % STERNA_COUNT(alphabet)];
                memcpy(text + bytes, piece, strlen(piece));
                bytes += strlen(piece);
            }
            uint8_t want[81] = {0}, got[81] = {0};
            want[0] = want[bytes] = got[0] = 1;
            for (int k = 0; k < STERNA_SPLIT_PASSES && code[k]; k++)
                refine(code[k], match, text, bytes, want);
            sterna_words words = {.pre = pre, .text = (const uint8_t *)text, .bytes = bytes};
            for (size_t start, end; sterna_words_next(&words, &start, &end);) got[end] = 1;
            char shown[200] = "";
            if (memcmp(want, got, bytes + 1) != 0) join_words(name, text, bytes, shown, sizeof shown);
            CHECK_MSG(t, memcmp(want, got, bytes + 1) == 0, "%s, case %u: cut as \"%s\"", name, i, shown);
        }
        for (int k = 0; k < STERNA_SPLIT_PASSES; k++) pcre2_code_free(code[k]);
        pcre2_match_data_free(match);
    }
}
#else
static void agrees_with_pcre2(sterna_test *t)
{
    SKIP(t, "PCRE2 is not installed (libpcre2-dev): %zu characters not cross-checked",
         STERNA_COUNT(alphabet));
}
#endif

/* A run of half a million of anything takes linear time: seconds otherwise turn into hours. */
static void long_runs_are_linear(sterna_test *t)
{
    enum { LENGTH = 500000 };
    static const char *const unit[] = {" ", "a",    "7",  "\n", " \n", "'", "\xE2\x80\xA8",
                                       "$", "\xFF", "1a", " !"};
    uint32_t rows;
    const sterna_pretokenizer *all = sterna_pretokenizer_all(&rows);
    uint8_t *text = sterna_alloc(LENGTH, 1);
    CHECK(t, text != NULL);
    for (size_t u = 0; u < STERNA_COUNT(unit); u++) {
        for (size_t i = 0; i < LENGTH; i++) text[i] = (uint8_t)unit[u][i % strlen(unit[u])];
        for (uint32_t i = 0; i < rows; i++) {
            sterna_words words = {.pre = &all[i], .text = text, .bytes = LENGTH};
            size_t at = 0;
            for (size_t start, end; sterna_words_next(&words, &start, &end);) at = end;
            CHECK(t, at == LENGTH);
        }
    }
    sterna_free(text);
}

const sterna_test_case sterna_test_cases[] = {
    {"cuts_the_examples", cuts_the_examples, 0},
    {"never_loses_a_byte", never_loses_a_byte, 0},
    {"agrees_with_pcre2", agrees_with_pcre2, 60},
    {"long_runs_are_linear", long_runs_are_linear, 60},
    {0},
};
