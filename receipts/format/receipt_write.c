/* A receipt as text. Owns: the payload's layout, which never depends on anything but the receipt.
 * Leaves to others: the envelope around it, the file. */
#include "base/mem.h"
#include "format/receipt.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A text that grows. The first failure stays; later calls do nothing. */
typedef struct text_out {
    char *text;
    size_t used, capacity;
    sterna_status status;
    sterna_fault *fault;
    const char *section;
} text_out;

static void put(text_out *out, const char *data, size_t bytes)
{
    if (out->status != STERNA_OK) return;
    if (bytes > out->capacity - out->used) {
        size_t capacity = out->capacity;
        while (bytes > capacity - out->used) capacity = capacity ? capacity * 2 : 4096;
        char *bigger = sterna_realloc(out->text, capacity, 1);
        if (!bigger) {
            out->status =
                sterna_fail(out->fault, STERNA_MEMORY, "out of memory for a receipt of %zu bytes", capacity);
            return;
        }
        out->text = bigger;
        out->capacity = capacity;
    }
    memcpy(out->text + out->used, data, bytes);
    out->used += bytes;
}

static void put_text(text_out *out, const char *text)
{
    put(out, text, strlen(text));
}

static void put_string(text_out *out, const char *text)
{
    put_text(out, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        char escape[8];
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            snprintf(escape, sizeof escape, "\\u%04x", c);
        else
            snprintf(escape, sizeof escape, "%c", c);
        put_text(out, escape);
    }
    put_text(out, "\"");
}

static void put_hash(text_out *out, const uint8_t hash[STERNA_HASH_BYTES])
{
    char hex[2 * STERNA_HASH_BYTES + 1];
    sterna_hash_hex(hash, hex);
    put_string(out, hex);
}

static void refuse(text_out *out, const char *name, const char *why)
{
    if (out->status == STERNA_OK)
        out->status = sterna_fail(out->fault, STERNA_USAGE, "receipt: %s.%s is %s", out->section, name, why);
}

static void put_value(text_out *out, const sterna_receipt_field *field, const void *at)
{
    char number[40];
    uint64_t word;
    double real;
    switch (field->type) {
    case STERNA_RECEIPT_TEXT:
        put_string(out, at);
        break;
    case STERNA_RECEIPT_COUNT:
        memcpy(&word, at, sizeof word);
        if (word > STERNA_RECEIPT_COUNT_MAX) refuse(out, field->name, "2^53 or more");
        snprintf(number, sizeof number, "%" PRIu64, word);
        put_text(out, number);
        break;
    case STERNA_RECEIPT_WORD:
        memcpy(&word, at, sizeof word);
        snprintf(number, sizeof number, "\"%" PRIu64 "\"", word);
        put_text(out, number);
        break;
    case STERNA_RECEIPT_REAL:
        memcpy(&real, at, sizeof real);
        if (!isfinite(real)) refuse(out, field->name, "not a finite number");
        snprintf(number, sizeof number, "%.17g", real);
        put_text(out, number);
        break;
    case STERNA_RECEIPT_FLAG:
        put_text(out, *(const bool *)at ? "true" : "false");
        break;
    case STERNA_RECEIPT_HASH:
        put_hash(out, at);
        break;
    }
}

/* The fields of one section, without the braces. */
static void put_fields(text_out *out, sterna_receipt_section_id id, const void *from)
{
    const sterna_receipt_section *section = &sterna_receipt_sections[id];
    out->section = section->name;
    for (uint32_t i = 0; i < section->n_fields; i++) {
        if (i) put_text(out, ",");
        put_string(out, section->fields[i].name);
        put_text(out, ":");
        put_value(out, &section->fields[i], (const char *)from + section->fields[i].offset);
    }
}

static void put_object(text_out *out, const char *name, bool present, sterna_receipt_section_id id,
                       const void *from)
{
    put_text(out, ",\n\"");
    put_text(out, name);
    put_text(out, present ? "\":{" : "\":null");
    if (!present) return;
    put_fields(out, id, from);
    put_text(out, "}");
}

static void put_list(text_out *out, const char *name, sterna_receipt_section_id id, const void *items,
                     uint32_t n)
{
    put_text(out, ",\n\"");
    put_text(out, name);
    put_text(out, "\":[");
    for (uint32_t i = 0; i < n; i++) {
        put_text(out, i ? ",\n{" : "\n{");
        put_fields(out, id, (const char *)items + (size_t)i * sterna_receipt_sections[id].size);
        put_text(out, "}");
    }
    put_text(out, "]");
}

static void put_ids(text_out *out, const char *name, const uint32_t *ids, uint32_t n)
{
    char number[16];
    put_text(out, ",\n\"");
    put_text(out, name);
    put_text(out, "\":[");
    for (uint32_t i = 0; i < n; i++) {
        snprintf(number, sizeof number, "%s%" PRIu32, i ? "," : "", ids[i]);
        put_text(out, number);
    }
    put_text(out, "]");
}

sterna_status sterna_receipt_write(const sterna_receipt *r, char **text, size_t *bytes, sterna_fault *fault)
{
    text_out out = {.fault = fault};
    put_text(&out, "{");
    put_fields(&out, STERNA_RECEIPT_SECTION_head, &r->head);
#define X(id, generation)                                                                                    \
    put_object(&out, #id, !(generation) || r->generated, STERNA_RECEIPT_SECTION_##id, &r->id);
    STERNA_RECEIPT_OBJECTS(X)
#undef X
    put_ids(&out, "prompt", r->prompt, r->n_prompt);
    put_ids(&out, "tokens", r->tokens, r->n_tokens);
    put_text(&out, ",\n\"steps\":[");
    for (uint32_t i = 0; i < r->n_steps; i++) {
        put_text(&out, i ? ",\n" : "\n");
        put_hash(&out, r->steps[i]);
    }
    put_text(&out, "]");
#define X(list, section, limit) put_list(&out, #list, STERNA_RECEIPT_SECTION_##section, r->list, r->n_##list);
    STERNA_RECEIPT_LISTS(X)
#undef X
    put(&out, "}\n", sizeof "}\n"); /* with the NUL */
    if (out.status != STERNA_OK) {
        sterna_free(out.text);
        return out.status;
    }
    *text = out.text;
    *bytes = out.used - 1;
    return STERNA_OK;
}
