/* Dictionaries for fuzzers, made from the tables of keys, types and formats, so that a new row is known to
 * them. Owns: what goes into which dictionary. Leaves to others: writing files (drivers/fuzz_replay.c). */
#include "format/envelope.h"
#include "format/receipt.h"
#include "fuzz.h"
#include "gguf/gguf.h"
#include "gguf_doc.h"
#include "harness/bench.h"
#include "names.h"
#include <stdio.h>
#include <string.h>

enum { LINE = 512 };

typedef struct book {
    sterna_fuzz_line *line;
    void *context;
} book;

/* One entry: bytes in quotes, what is not plain ASCII as \xNN. */
static void entry(const book *b, const void *data, size_t bytes)
{
    static const char hex[] = "0123456789abcdef";
    char text[LINE];
    size_t at = 0;
    text[at++] = '"';
    for (size_t i = 0; i < bytes && at + 6 < LINE; i++) {
        unsigned char c = ((const unsigned char *)data)[i];
        if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
            text[at++] = (char)c;
            continue;
        }
        text[at++] = '\\';
        text[at++] = 'x';
        text[at++] = hex[c >> 4];
        text[at++] = hex[c & 15];
    }
    text[at++] = '"';
    text[at] = 0;
    b->line(b->context, text);
}

static void word(const book *b, const char *text)
{
    entry(b, text, strlen(text));
}

static void number(const book *b, uint64_t value, size_t width)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> (8 * i));
    entry(b, bytes, width);
}

static void limits(const book *b)
{
    static const uint64_t values[] = {1u << 20,   1u << 30,  (1u << 30) + 1, INT32_MAX, UINT32_MAX,
                                      1ull << 32, INT64_MAX, 1ull << 63,     UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) number(b, values[i], 8);
    number(b, UINT32_MAX, 4);
}

/* Names with their lengths in front, as they stand in a file. */
static void name(const book *b, const char *text)
{
    uint8_t bytes[8 + 128];
    size_t length = strlen(text);
    if (length > 128) return;
    for (unsigned i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)length >> (8 * i));
    memcpy(bytes + 8, text, length);
    entry(b, bytes, 8 + length);
}

static void gguf(const book *b)
{
    uint32_t n;
    entry(b, "GGUF\3\0\0\0", 8);
    entry(b, "GGUF\2\0\0\0", 8);
    const char *const *names = gguf_doc_key_names(&n);
    for (uint32_t i = 0; i < n; i++) name(b, names[i]);
    names = gguf_doc_tensor_names(&n);
    for (uint32_t i = 0; i < n; i++) name(b, names[i]);
#define X(type, id, bytes) number(b, id, 4);
    STERNA_GGUF_TYPES(X)
#undef X
    const sterna_format *formats = sterna_format_all(&n);
    for (uint32_t i = 0; i < n; i++)
        if (formats[i].id > STERNA_GGUF_F64) number(b, formats[i].id, 4);
            /* Strings that are compared with. */
#define ARCH(id, text, ...) name(b, text);
#include "model/archs.def"
#undef ARCH
#define PRETOKENIZER(text, ...) name(b, text);
#include "token/pretokenizers.def"
#undef PRETOKENIZER
    name(b, "gpt2");
    name(b, "linear");
    name(b, "none");
    name(b, "<0x00>");
    limits(b);
}

static void text(const book *b)
{
    /* The mark of a space, a byte of no character, overlong, surrogate, beyond the last one, combining,
     * joined. */
    static const char *const pieces[] = {"\xE2\x96\x81",
                                         "\xC3\x28",
                                         "\xC0\x80",
                                         "\xED\xA0\x80",
                                         "\xF4\x90\x80\x80",
                                         "\xCC\x81",
                                         "\xEF\xBB\xBF",
                                         "\xE2\x80\x8D",
                                         "\xF0\x9F\x92\xA9",
                                         "\xC4\xA0",
                                         "<s>",
                                         "</s>",
                                         "<unk>",
                                         "<0x0A>",
                                         "<|begin_of_text|>",
                                         "<|end_of_text|>",
                                         "'re",
                                         "'LL",
                                         "\r\n",
                                         "  ",
                                         "\xC2\xA0",
                                         "123",
                                         "\xD9\xA1",
                                         "...",
                                         "\xF0"};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) word(b, pieces[i]);
}

static void json(const book *b)
{
    static const char *const pieces[] = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         ":",
                                         ",",
                                         "\"",
                                         "\\u0000",
                                         "\\uD800",
                                         "\\uDC00",
                                         "null",
                                         "true",
                                         "false",
                                         "1e999",
                                         "-0",
                                         "1e-7",
                                         "18446744073709551616",
                                         "9007199254740993",
                                         "\\\"",
                                         "[[[[[[[[",
                                         "{\"a\":"};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) word(b, pieces[i]);
}

static void receipt(const book *b)
{
    json(b);
    for (uint32_t i = 0; i < STERNA_RECEIPT_SECTIONS; i++) {
        word(b, sterna_receipt_sections[i].name);
        for (uint32_t k = 0; k < sterna_receipt_sections[i].n_fields; k++)
            word(b, sterna_receipt_sections[i].fields[k].name);
    }
    word(b, STERNA_RECEIPT_SCHEMA);
    word(b, STERNA_PAYLOAD_TYPE);
    word(b, "check");
    word(b, "signatures");
}

/* A whole line of a repro file: a later line of the same key counts, so it may go in anywhere. */
static void whole_line(const book *b, const char *key, const char *value)
{
    char text[96];
    snprintf(text, sizeof text, "\n%s %s\n", key, value);
    word(b, text);
}

static void repro(const book *b)
{
    static const char *const acts[] = {"f32", "token", "block32", "block256"};
    uint32_t n;
    whole_line(b, "sterna-repro", "1");
    whole_line(b, "profile", "fast");
    word(b, "\nchoices ");
    word(b, "\ncase\n");
    whole_line(b, "most-rows", "1");
    whole_line(b, "label", "0");
    for (uint32_t i = 0; i < STERNA_OP_COUNT; i++)
        for (uint32_t p = 0; p < sterna_op_get((sterna_op)i)->n_params; p++) {
            const sterna_param *param = &sterna_op_get((sterna_op)i)->params[p];
            bool scalar = param->kind == STERNA_PARAM_U32 || param->kind == STERNA_PARAM_F32;
            char key[64];
            snprintf(key, sizeof key, scalar ? "scalar %s" : "arg %s", param->name);
            whole_line(b, key, scalar ? "00000001" : "00000000");
        }
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) whole_line(b, "act", acts[i]);
    for (uint32_t i = 0; i < STERNA_OP_COUNT; i++) whole_line(b, "op", sterna_op_get((sterna_op)i)->name);
    for (uint32_t i = 0; i < STERNA_LAW_COUNT; i++)
        whole_line(b, "law", sterna_law_get((sterna_law_id)i)->name);
    for (uint32_t i = 0; i < STERNA_VERDICTS; i++)
        whole_line(b, "verdict", sterna_verdict_name((sterna_verdict_code)i));
    const sterna_format *formats = sterna_format_all(&n);
    for (uint32_t i = 0; i < n; i++)
        if (formats[i].unpack) whole_line(b, "format", formats[i].name);
}

bool sterna_fuzz_dictionary(const char *dictionary, sterna_fuzz_line *line, void *context)
{
    static const struct {
        const char *name;
        void (*write)(const book *b);
    } all[] = {{"gguf", gguf}, {"text", text}, {"json", json}, {"receipt", receipt}, {"repro", repro}};
    book b = {line, context};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].name, dictionary) == 0) {
            all[i].write(&b);
            return true;
        }
    return false;
}
