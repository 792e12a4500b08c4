/* Standard output that notices failure. Owns: buffering, telling a full disk from a reader that has gone,
 * wrapping. Leaves to others: standard error (say.h). */
#ifndef STERNA_OUT_H
#define STERNA_OUT_H

#include "base/status.h"
#include <stddef.h>

/* Where bytes go in the end: all of them, or a failure. */
typedef sterna_status (*sterna_out_sink)(void *context, const void *data, size_t bytes, sterna_fault *fault);

typedef struct sterna_out {
    sterna_out_sink sink;
    void *context;
    sterna_status status; /* the first failure stays; later writes do nothing */
    sterna_fault fault;
    size_t used;
    char buffer[8192];
} sterna_out;

/* sink NULL: the process's standard output. */
void sterna_out_init(sterna_out *out, sterna_out_sink sink, void *context);
void sterna_out_write(sterna_out *out, const void *data, size_t bytes);
/* At most 1023 bytes; texts of unknown length go through sterna_out_write(). */
void sterna_out_print(sterna_out *out, const char *format, ...) STERNA_PRINTF(2, 3);
void sterna_out_text(sterna_out *out, const char *text);
/* Text between tags and in attributes in quotes: & < > " ' become entities, control characters U+FFFD. */
void sterna_out_html(sterna_out *out, const char *text);
/* `text` as one word of a shell's command line: itself, or in single quotes, written to `room`, where a shell would read
 * more than a word into it. Itself, too, where `room` is too small. */
const char *sterna_out_word(const char *text, char *room, size_t bytes);
/* Words of `text` in lines of at most `width` columns. The cursor stands in column `column`; further lines
 * begin in column `indent`. Ends with a newline. */
void sterna_out_wrap(sterna_out *out, const char *text, size_t column, size_t indent, size_t width);
/* Passes on what is held and returns the state of the stream: INTERRUPTED when the reader closed its end (a
 * pipe into `head`: nothing to complain about), FILE when the write failed. */
sterna_status sterna_out_flush(sterna_out *out, sterna_fault *fault);

#endif
