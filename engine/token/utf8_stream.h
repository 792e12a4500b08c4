/* Whole characters from pieces of characters. Owns: what is held back between tokens.
 * Leaves to others: where the text goes.
 *
 * Tokens may end inside a UTF-8 sequence. A stream passes complete sequences on at once and holds at most 3
 * bytes of an unfinished one. Bytes that can no longer become a character are replaced by U+FFFD, one for
 * each maximal subpart (Unicode 15.0, section 3.9, as web browsers do); with `keep_invalid` they are passed
 * on as they are. flush() treats what is still held as invalid. So the output for one text does not depend on
 * where it was cut. */
#ifndef STERNA_UTF8_STREAM_H
#define STERNA_UTF8_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; set keep_invalid if wanted. */
typedef struct sterna_utf8_stream {
    uint8_t held[4];
    uint32_t count;
    bool keep_invalid;
} sterna_utf8_stream;

/* Room that `out` needs for n bytes pushed; for a flush n = 0. */
#define STERNA_UTF8_ROOM(n) (3u * ((size_t)(n) + 3u))

/* Takes n bytes, writes what is complete to out[], returns how many bytes that is. */
size_t sterna_utf8_push(sterna_utf8_stream *stream, const char *data, size_t n, char *out);
/* Ends the text: writes what was held back, and the stream is new again. */
size_t sterna_utf8_flush(sterna_utf8_stream *stream, char *out);

#endif
