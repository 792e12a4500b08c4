/* A scanner that accepts strict JSON only; then cJSON builds the tree. */
#include "format/json_strict.h"
#include "base/mem.h"
#include "token/utf8.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = 64, NUMBER_MAX = 40 };

typedef struct scanner {
    const char *what, *text;
    size_t at, bytes;
    uint32_t depth;
    uint64_t values;
    sterna_status status;
    sterna_fault *fault;
} scanner;

static bool refuse(scanner *s, const char *why)
{
    uint32_t line = 1, column = 1;
    for (size_t i = 0; i < s->at && i < s->bytes; i++) {
        column = s->text[i] == '\n' ? 1 : column + 1;
        line += s->text[i] == '\n';
    }
    s->status = sterna_fail(s->fault, STERNA_FILE, "%s: line %u, column %u: %s", s->what, line, column, why);
    return false;
}

static int peek(const scanner *s)
{
    return s->at < s->bytes ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(scanner *s)
{
    while (s->at < s->bytes && memchr(" \t\r\n", s->text[s->at], 4)) s->at++;
}

static bool hex4(scanner *s, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        int c = peek(s);
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)c - '0';
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            digit = ((uint32_t)c & 7) + 9;
        else
            return refuse(s, "\\u without four hex digits");
        *code = *code * 16 + digit;
    }
    return true;
}

static bool scan_escape(scanner *s)
{
    uint32_t code;
    int c = peek(s);
    s->at++;
    if (c >= 0 && c != 0 && strchr("\"\\/bfnrt", c)) return true;
    if (c != 'u') return refuse(s, "an escape that JSON does not have");
    if (!hex4(s, &code)) return false;
    if (code == 0) return refuse(s, "a NUL in a string");
    if (code >= 0xdc00 && code <= 0xdfff) return refuse(s, "half a surrogate pair");
    if (code < 0xd800 || code > 0xdbff) return true;
    if (peek(s) != '\\') return refuse(s, "half a surrogate pair");
    s->at++;
    if (peek(s) != 'u') return refuse(s, "half a surrogate pair");
    s->at++;
    if (!hex4(s, &code)) return false;
    return (code >= 0xdc00 && code <= 0xdfff) || refuse(s, "half a surrogate pair");
}

static bool scan_string(scanner *s)
{
    s->at++;
    for (;;) {
        int c = peek(s);
        if (c < 0) return refuse(s, "a string without an end");
        if (c < 0x20) return refuse(s, "a control character in a string");
        if (c == '"') break;
        if (c == '\\') {
            s->at++;
            if (!scan_escape(s)) return false;
        } else {
            sterna_utf8_step step = sterna_utf8_next((const uint8_t *)s->text + s->at, s->bytes - s->at);
            if (step.verdict != STERNA_UTF8_VALID) return refuse(s, "bytes that are not UTF-8");
            s->at += step.bytes;
        }
    }
    s->at++;
    return true;
}

static bool digits(scanner *s)
{
    size_t from = s->at;
    while (peek(s) >= '0' && peek(s) <= '9') s->at++;
    return s->at > from || refuse(s, "a digit is missing");
}

static bool scan_number(scanner *s)
{
    size_t from = s->at;
    bool whole = true;
    char text[NUMBER_MAX + 1];
    if (peek(s) == '-') s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!digits(s))
        return false;
    if (peek(s) == '.') {
        whole = false;
        s->at++;
        if (!digits(s)) return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        whole = false;
        s->at++;
        if (peek(s) == '+' || peek(s) == '-') s->at++;
        if (!digits(s)) return false;
    }
    if (s->at - from > NUMBER_MAX) return refuse(s, "a number of more than 40 characters");
    memcpy(text, s->text + from, s->at - from);
    text[s->at - from] = '\0';
    double value = strtod(text, NULL);
    if (!isfinite(value)) return refuse(s, "a number that is not finite");
    if (whole && fabs(value) > 9007199254740991.0) return refuse(s, "a whole number beyond 2^53 - 1");
    return true;
}

static bool scan_word(scanner *s, const char *word)
{
    size_t n = strlen(word);
    if (s->bytes - s->at < n || memcmp(s->text + s->at, word, n) != 0) return refuse(s, "not a JSON value");
    s->at += n;
    return true;
}

static bool scan_value(scanner *s, uint32_t depth);

/* Keys are compared as they are written, so one that needs an escape is refused: two spellings would be one
 * key. */
static bool scan_key(scanner *s, size_t *from, size_t *length)
{
    if (peek(s) != '"') return refuse(s, "a key is missing");
    *from = s->at;
    if (!scan_string(s)) return false;
    *length = s->at - *from;
    return !memchr(s->text + *from, '\\', *length) || refuse(s, "an escape in a key");
}

static bool scan_object(scanner *s, uint32_t depth)
{
    size_t from[KEYS_MAX], length[KEYS_MAX];
    uint32_t n = 0;
    s->at++;
    skip_space(s);
    if (peek(s) == '}') {
        s->at++;
        return true;
    }
    for (;; n++) {
        skip_space(s);
        if (n == KEYS_MAX) return refuse(s, "more than 64 keys in an object");
        size_t begin = s->at;
        if (!scan_key(s, &from[n], &length[n])) return false;
        for (uint32_t i = 0; i < n; i++)
            if (length[i] == length[n] && !memcmp(s->text + from[i], s->text + from[n], length[n])) {
                s->at = begin;
                return refuse(s, "this key stands here twice");
            }
        skip_space(s);
        if (peek(s) != ':') return refuse(s, "a colon is missing");
        s->at++;
        if (!scan_value(s, depth + 1)) return false;
        skip_space(s);
        int c = peek(s);
        if (c != ',' && c != '}') return refuse(s, "neither a comma nor the end of the object");
        s->at++;
        if (c == '}') return true;
    }
}

static bool scan_array(scanner *s, uint32_t depth)
{
    s->at++;
    skip_space(s);
    if (peek(s) == ']') {
        s->at++;
        return true;
    }
    for (;;) {
        if (!scan_value(s, depth + 1)) return false;
        skip_space(s);
        int c = peek(s);
        if (c != ',' && c != ']') return refuse(s, "neither a comma nor the end of the list");
        s->at++;
        if (c == ']') return true;
    }
}

static bool scan_value(scanner *s, uint32_t depth)
{
    skip_space(s);
    if (s->values-- == 0) return refuse(s, "too many values");
    int c = peek(s);
    if ((c == '{' || c == '[') && depth >= s->depth) return refuse(s, "nested too deeply");
    switch (c) {
    case '{':
        return scan_object(s, depth);
    case '[':
        return scan_array(s, depth);
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        if (c == '-' || (c >= '0' && c <= '9')) return scan_number(s);
        return refuse(s, c < 0 ? "the text ends too early" : "not a JSON value");
    }
}

static void *allocate(size_t bytes)
{
    return sterna_alloc(bytes, 1);
}

sterna_status sterna_json_strict(const char *what, const char *text, size_t bytes, uint32_t depth,
                                 uint64_t values, cJSON **root, sterna_fault *fault)
{
    scanner s = {
        .what = what, .text = text, .bytes = bytes, .depth = depth, .values = values, .fault = fault};
    if (!scan_value(&s, 0)) return s.status;
    skip_space(&s);
    if (s.at != bytes) {
        refuse(&s, "something stands behind the value");
        return s.status;
    }
    cJSON_Hooks hooks = {allocate, sterna_free};
    cJSON_InitHooks(&hooks);
    *root = cJSON_ParseWithLength(text, bytes);
    /* The text is well-formed, so nothing but memory can have been wanting. */
    return *root ? STERNA_OK : sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", what);
}
