/* Reading one value strictly, and finding the spelling that was meant. Owns: what counts as a whole number, a
 * number, a choice. A value is legal from its first byte to its last, or the message says what would be. */
#include "base/size.h"
#include "cli/options.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Decimal digits, with a minus sign where `low` allows negative numbers. */
static bool read_integer(const char *text, size_t n, int64_t low, int64_t high, int64_t *out)
{
    bool negative = n > 0 && text[0] == '-';
    size_t i = negative;
    uint64_t value = 0;
    if (i == n) return false;
    for (; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        if (!sterna_mul_u64(value, 10, &value) || !sterna_add_u64(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    if (value > INT64_MAX) return false;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return *out >= low && *out <= high;
}

static sterna_status bad_integer(const sterna_option_row *row, const char *said, const char *text,
                                 sterna_fault *fault)
{
    return sterna_fail(fault, STERNA_USAGE, "%s %s: must be %s from %lld to %lld", said, text,
                       row->kind == STERNA_OPTION_INTEGERS ? "whole numbers with commas between them, each"
                                                           : "a whole number",
                       (long long)row->low, (long long)row->high);
}

static sterna_status read_integers(const sterna_option_row *row, const char *said, const char *text,
                                   sterna_option_value *value, sterna_fault *fault)
{
    value->n_list = 0;
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        int64_t element;
        if (!read_integer(at, n, row->low, row->high, &element)) return bad_integer(row, said, text, fault);
        if (value->n_list == STERNA_OPTION_LIST_MAX)
            return sterna_fail(fault, STERNA_USAGE, "%s %s: more than %u numbers", said, text,
                               STERNA_OPTION_LIST_MAX);
        value->list[value->n_list++] = (uint32_t)element;
        at += n;
        if (!*at) return STERNA_OK;
    }
}

static sterna_status read_word(const char *said, const char *text, uint64_t *out, sterna_fault *fault)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; text[i] >= '0' && text[i] <= '9'; i++)
        if (!sterna_mul_u64(value, 10, &value) || !sterna_add_u64(value, (uint64_t)(text[i] - '0'), &value))
            break;
    if (i == 0 || text[i])
        return sterna_fail(fault, STERNA_USAGE,
                           "%s %s: must be a whole number from 0 to 18446744073709551615", said, text);
    *out = value;
    return STERNA_OK;
}

static sterna_status read_real(const sterna_option_row *row, const char *said, const char *text, double *out,
                               sterna_fault *fault)
{
    /* strtod also takes spaces, hexadecimal, inf and nan; people who type those mean something else. */
    bool plain = text[0] && strspn(text, "0123456789.eE+-") == strlen(text);
    char *end = NULL;
    double value = plain ? strtod(text, &end) : 0;
    if (!plain || *end || !isfinite(value) || value < (double)row->low || value > (double)row->high)
        return sterna_fail(fault, STERNA_USAGE, "%s %s: must be a number from %lld to %lld", said, text,
                           (long long)row->low, (long long)row->high);
    *out = value;
    return STERNA_OK;
}

/* The place of `text` in "a|b|c", or -1. */
static int64_t find_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (int64_t i = 0;; i++) {
        size_t n = strcspn(choices, "|");
        if (n == length && !memcmp(choices, text, n)) return i;
        choices += n;
        if (!*choices) return -1;
        choices++;
    }
}

static sterna_status read_flag(const char *said, const char *text, int64_t *out, sterna_fault *fault)
{
    static const char *const words[] = {"0", "1", "off", "on", "false", "true"};
    for (size_t i = 0; i < STERNA_COUNT(words); i++)
        if (!strcmp(text, words[i])) {
            *out = (int64_t)(i & 1u);
            return STERNA_OK;
        }
    return sterna_fail(fault, STERNA_USAGE, "%s %s: must be on or off (or 1, 0, true, false)", said, text);
}

sterna_status sterna_option_parse(const sterna_option_row *row, const char *said, const char *text,
                                  sterna_option_value *value, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    switch (row->kind) {
    case STERNA_OPTION_FLAG:
        status = read_flag(said, text, &value->integer, fault);
        break;
    case STERNA_OPTION_INTEGER:
        if (!read_integer(text, strlen(text), row->low, row->high, &value->integer))
            status = bad_integer(row, said, text, fault);
        break;
    case STERNA_OPTION_INTEGERS:
        status = read_integers(row, said, text, value, fault);
        break;
    case STERNA_OPTION_WORD64:
        status = read_word(said, text, &value->word, fault);
        break;
    case STERNA_OPTION_REAL:
        status = read_real(row, said, text, &value->real, fault);
        break;
    case STERNA_OPTION_CHOICE:
        value->integer = find_choice(row->value, text);
        if (value->integer < 0)
            status = sterna_fail(fault, STERNA_USAGE, "%s %s: must be one of %s", said, text, row->value);
        break;
    case STERNA_OPTION_PATH:
        if (!text[0])
            status = sterna_fail(fault, STERNA_USAGE, "%s: the name of a file cannot be empty", said);
        break;
    case STERNA_OPTION_TEXT:
        break;
    case STERNA_OPTION_TEXTS:
        if (value->n_texts == STERNA_OPTION_LIST_MAX)
            return sterna_fail(fault, STERNA_USAGE, "%s: given more than %u times", said,
                               STERNA_OPTION_LIST_MAX);
        value->texts[value->n_texts++] = text;
        break;
    }
    if (status != STERNA_OK) return status;
    value->text = text;
    value->set = true;
    return STERNA_OK;
}

/* Edits between two words: insert, delete, replace, swap neighbours (the restricted Damerau-Levenshtein
 * distance). */
static uint32_t distance(const char *a, size_t n, const char *b, size_t m)
{
    enum { LONGEST = 40 };
    uint32_t rows[3][LONGEST + 1];
    if (n > LONGEST || m > LONGEST) return UINT32_MAX;
    for (size_t j = 0; j <= m; j++) rows[0][j] = (uint32_t)j;
    for (size_t i = 1; i <= n; i++) {
        uint32_t *now = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (uint32_t)i;
        for (size_t j = 1; j <= m; j++) {
            uint32_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

uint32_t sterna_nearest(const char *word, const char *(*next)(const void *context, uint32_t i),
                        const void *context)
{
    size_t n = strlen(word);
    uint32_t nearest = UINT32_MAX,
             least = (uint32_t)(n / 3 > 1 ? n / 3 : 1) + 1; /* below this it may be meant */
    const char *candidate;
    for (uint32_t i = 0; (candidate = next(context, i)); i++) {
        uint32_t d = distance(word, n, candidate, strlen(candidate));
        if (d < least) {
            least = d;
            nearest = i;
        }
    }
    return nearest;
}
