/* Streaming UTF-8. Owns: the four bytes of state. Validity is utf8.c's. */
#include "token/utf8_stream.h"
#include "token/utf8.h"
#include <string.h>

static size_t put_invalid(const sterna_utf8_stream *stream, const uint8_t *data, uint32_t n, char *out)
{
    if (!stream->keep_invalid) {
        memcpy(out, "\xEF\xBF\xBD", 3);
        return 3;
    }
    memcpy(out, data, n);
    return n;
}

size_t sterna_utf8_push(sterna_utf8_stream *stream, const char *data, size_t n, char *out)
{
    const uint8_t *in = (const uint8_t *)data;
    size_t done = 0, written = 0;
    while (done < n) {
        /* Held bytes are few and rare: complete them byte by byte in the small buffer. */
        bool held = stream->count > 0;
        if (held) stream->held[stream->count++] = in[done++];
        const uint8_t *from = held ? stream->held : in + done;
        sterna_utf8_step step = sterna_utf8_next(from, held ? stream->count : n - done);
        if (step.verdict == STERNA_UTF8_INCOMPLETE) {
            if (!held) {
                memcpy(stream->held, from, step.bytes);
                stream->count = step.bytes;
                done += step.bytes;
            }
            continue;
        }
        if (step.verdict == STERNA_UTF8_VALID) {
            memcpy(out + written, from, step.bytes);
            written += step.bytes;
        } else {
            written += put_invalid(stream, from, step.bytes, out + written);
        }
        if (held) {
            /* An invalid step leaves the byte just taken (it may begin a new sequence): give it back. */
            done -= stream->count - step.bytes;
            stream->count = 0;
        } else {
            done += step.bytes;
        }
    }
    return written;
}

size_t sterna_utf8_flush(sterna_utf8_stream *stream, char *out)
{
    size_t written = stream->count > 0 ? put_invalid(stream, stream->held, stream->count, out) : 0;
    stream->count = 0;
    return written;
}
