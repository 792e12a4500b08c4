/* Taking checked bytes from a file, and saying what is wrong and where.
 * Owns: the end-of-file check and the shape of messages. Leaves to others: the grammar (gguf_values.c,
 * gguf_tensors.c). */
#include "gguf/gguf_private.h"
#include <stdio.h>

const char *sterna_gguf_quote(sterna_gguf_text text, char out[STERNA_GGUF_QUOTE])
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    out[at++] = '"';
    for (uint64_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (at + 9 > STERNA_GGUF_QUOTE) { /* four for \xNN, three dots, the quote and the NUL */
            memcpy(out + at, "...", 3);
            at += 3;
            break;
        }
        if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
            out[at++] = (char)c;
        } else {
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = hex[c >> 4];
            out[at++] = hex[c & 15];
        }
    }
    out[at++] = '"';
    out[at] = 0;
    return out;
}

sterna_status sterna_gguf_bad(const sterna_gguf_cursor *cursor, uint64_t at, const char *format, ...)
{
    char sentence[240], quoted[STERNA_GGUF_QUOTE], subject[STERNA_GGUF_QUOTE + 40] = "";
    va_list args;
    va_start(args, format);
    if (vsnprintf(sentence, sizeof sentence, format, args) < 0) sentence[0] = 0;
    va_end(args);
    if (cursor->kind && cursor->name.data)
        snprintf(subject, sizeof subject, "%s %s: ", cursor->kind, sterna_gguf_quote(cursor->name, quoted));
    else if (cursor->kind)
        snprintf(subject, sizeof subject, "%s number %llu: ", cursor->kind,
                 (unsigned long long)cursor->number);
    return sterna_fail(cursor->fault, STERNA_FILE, "%s: %s%s (at byte %llu)", cursor->label, subject,
                       sentence, (unsigned long long)at);
}

sterna_status sterna_gguf_no_memory(const sterna_gguf_cursor *cursor)
{
    return sterna_fail(cursor->fault, STERNA_MEMORY, "%s: out of memory while reading its directory",
                       cursor->label);
}

sterna_status sterna_gguf_take(sterna_gguf_cursor *cursor, uint64_t bytes, const char *what,
                               const uint8_t **out)
{
    uint64_t left = cursor->size - cursor->at;
    if (bytes > left)
        return sterna_gguf_bad(cursor, cursor->at,
                               "the file ends within %s: %llu bytes are needed, %llu are left", what,
                               (unsigned long long)bytes, (unsigned long long)left);
    *out = cursor->data + cursor->at;
    cursor->at += bytes;
    return STERNA_OK;
}

sterna_status sterna_gguf_take_u32(sterna_gguf_cursor *cursor, const char *what, uint32_t *out)
{
    const uint8_t *at = NULL;
    sterna_status status = sterna_gguf_take(cursor, 4, what, &at);
    if (status == STERNA_OK) *out = sterna_gguf_load_u32(at);
    return status;
}

sterna_status sterna_gguf_take_u64(sterna_gguf_cursor *cursor, const char *what, uint64_t *out)
{
    const uint8_t *at = NULL;
    sterna_status status = sterna_gguf_take(cursor, 8, what, &at);
    if (status == STERNA_OK) *out = sterna_gguf_load_u64(at);
    return status;
}

sterna_status sterna_gguf_take_text(sterna_gguf_cursor *cursor, uint64_t limit, const char *what,
                                    sterna_gguf_text *out)
{
    uint64_t length = 0, start = cursor->at;
    const uint8_t *data = NULL;
    sterna_status status = sterna_gguf_take_u64(cursor, what, &length);
    if (status != STERNA_OK) return status;
    if (length > limit)
        return sterna_gguf_bad(cursor, start, "%s is %llu bytes long; at most %llu are allowed", what,
                               (unsigned long long)length, (unsigned long long)limit);
    status = sterna_gguf_take(cursor, length, what, &data);
    if (status == STERNA_OK) *out = (sterna_gguf_text){(const char *)data, length};
    return status;
}

sterna_status sterna_gguf_take_name(sterna_gguf_cursor *cursor, uint64_t limit)
{
    uint64_t start = cursor->at;
    sterna_gguf_text name = {0};
    cursor->name = (sterna_gguf_text){0};
    sterna_status status = sterna_gguf_take_text(cursor, limit, "the name", &name);
    if (status != STERNA_OK) return status;
    if (name.length == 0) return sterna_gguf_bad(cursor, start, "the name is empty");
    cursor->name = name;
    if (memchr(name.data, 0, name.length)) return sterna_gguf_bad(cursor, start, "the name holds a NUL byte");
    return STERNA_OK;
}

/* Announced counts are not believed: memory follows what has really been read. */
sterna_status sterna_gguf_grow(const sterna_gguf_cursor *cursor, void **records, uint64_t used,
                               uint64_t total, uint64_t *capacity, size_t bytes)
{
    enum { FIRST = 16384 };
    if (used < *capacity) return STERNA_OK;
    uint64_t wanted = used ? used * 2 : FIRST;
    if (wanted > total) wanted = total;
    void *bigger = sterna_realloc(*records, wanted, bytes);
    if (!bigger) return sterna_gguf_no_memory(cursor);
    *records = bigger;
    *capacity = wanted;
    return STERNA_OK;
}
