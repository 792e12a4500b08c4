/* Looking for a word in a name. Owns: that case does not count (ASCII). */
#ifndef STERNA_GATES_TEXT_H
#define STERNA_GATES_TEXT_H

#include <stdbool.h>

/* Does text hold the word, which is in lower case? */
static inline bool sterna_text_has(const char *text, const char *word)
{
    for (; *text; text++) {
        const char *a = text, *b = word;
        while (*b && (*a | (*a >= 'A' && *a <= 'Z' ? 0x20 : 0)) == *b) a++, b++;
        if (!*b) return true;
    }
    return false;
}

#endif
