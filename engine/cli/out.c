/* Standard output: a buffer that remembers its first failure. */
#include "cli/out.h"
#include "base/sys.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { STANDARD_OUTPUT = 1 };

static sterna_status to_standard_output(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    (void)context;
    return sterna_sys_write(STANDARD_OUTPUT, data, bytes, fault);
}

void sterna_out_init(sterna_out *out, sterna_out_sink sink, void *context)
{
    out->sink = sink ? sink : to_standard_output;
    out->context = context;
    out->status = STERNA_OK;
    out->fault = (sterna_fault){0};
    out->used = 0;
}

static void pass_on(sterna_out *out)
{
    if (out->status == STERNA_OK && out->used > 0)
        out->status = out->sink(out->context, out->buffer, out->used, &out->fault);
    out->used = 0;
}

void sterna_out_write(sterna_out *out, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0 && out->status == STERNA_OK) {
        size_t n = sizeof out->buffer - out->used;
        if (n > bytes) n = bytes;
        memcpy(out->buffer + out->used, at, n);
        out->used += n;
        at += n;
        bytes -= n;
        if (out->used == sizeof out->buffer) pass_on(out);
    }
}

void sterna_out_print(sterna_out *out, const char *format, ...)
{
    char text[1024]; /* callers print long texts with sterna_out_write() */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) {
        if (out->status == STERNA_OK)
            out->status =
                sterna_fail(&out->fault, STERNA_INTERNAL, "a line of output exceeds %zu bytes", sizeof text);
        return;
    }
    sterna_out_write(out, text, (size_t)n);
}

void sterna_out_text(sterna_out *out, const char *text)
{
    sterna_out_write(out, text, strlen(text));
}

void sterna_out_wrap(sterna_out *out, const char *text, size_t column, size_t indent, size_t width)
{
    bool first = true;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (!first && column + 1 + n > width) {
            sterna_out_print(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        if (!first) sterna_out_write(out, " ", 1);
        sterna_out_write(out, text, n);
        column += n + !first;
        first = false;
        text += n;
        text += strspn(text, " ");
    }
    sterna_out_write(out, "\n", 1);
}

sterna_status sterna_out_flush(sterna_out *out, sterna_fault *fault)
{
    pass_on(out);
    if (out->status == STERNA_OK) return STERNA_OK;
    return sterna_fail(fault, out->status, "%s", out->fault.text);
}

void sterna_out_html(sterna_out *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            sterna_out_text(out, "&amp;");
            break;
        case '<':
            sterna_out_text(out, "&lt;");
            break;
        case '>':
            sterna_out_text(out, "&gt;");
            break;
        case '"':
            sterna_out_text(out, "&quot;");
            break;
        case '\'':
            sterna_out_text(out, "&#39;");
            break;
        default:
            if ((unsigned char)*text < 0x20 || *text == 0x7F)
                sterna_out_text(out, "\xef\xbf\xbd");
            else
                sterna_out_write(out, text, 1);
        }
    }
}

const char *sterna_out_word(const char *text, char *room, size_t bytes)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:,=+@%";
    size_t used = 1;
    if (*text && !text[strspn(text, plain)]) return text;
    if (bytes < sizeof "''") return text;
    room[0] = '\'';
    for (const char *at = text; *at; at++) {
        bool mark = *at == '\'';
        const char *piece = mark ? "'\\''" : at;
        size_t n = mark ? strlen(piece) : 1;
        if (n > bytes - sizeof "'" - used) return text;
        memcpy(room + used, piece, n);
        used += n;
    }
    memcpy(room + used, "'", sizeof "'");
    return room;
}
