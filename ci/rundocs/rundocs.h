/* Executes the code blocks of a document, so that what the manual says to type works as written.
 * Owns: which blocks run, and what counts as right. Leaves to others: which documents (tests/test_docs.c).
 *
 *   ```sh           runs under `sh -eu`, all blocks of a page in one folder; every command must succeed, and
 * one whose line ends in `# exit N` must end with that code
 *   ```sh no-run    does not run: needs the network, minutes, or a person
 *   ```text output  what the block before it prints on stdout; `…` stands for anything within a line, and
 * alone on its line for any lines */
#ifndef STERNA_RUNDOCS_H
#define STERNA_RUNDOCS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct rundocs_result {
    int ran, failed, compared;
    char text[4000]; /* LINE: what went wrong, of the first failures */
} rundocs_result;

/* `page` is the document's text; `prelude` runs before each block (PATH, for one); `folder` is where they
 * run. */
void rundocs_page(const char *page, const char *folder, const char *prelude, rundocs_result *result);

/* Does the output match what was written, `…` included? Trailing spaces and a missing last newline do not
 * count. */
bool rundocs_matches(const char *expected, size_t bytes, const char *output);

#endif
