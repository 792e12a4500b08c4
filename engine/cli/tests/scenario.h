/* Scenarios of the command line: text files with commands, what they print and how they end.
 *
 *   # a comment
 *   $ sterna hash {repo}/golden/models/golden.gguf      a line for /bin/sh, run in the case's own folder
 *   > merkle  * golden.gguf                              standard output, line by line
 *   ! sterna hash: error: *                             standard error, line by line
 *   = 2                                                 the exit status; without this line 0
 *
 * In expected lines * stands for any characters; a line "..." stands for any number of lines. {repo} is the
 * source folder, {folder} the case's own. Standard output must match completely; standard error only when at
 * least one line of it is expected. The program under test is first in PATH, standard input is empty. */
#ifndef STERNA_SCENARIO_H
#define STERNA_SCENARIO_H

#include "runner.h"

/* Runs every command of the file; each difference fails the case and says what was printed. */
void scenario_run(sterna_test *t, const char *path);

/* Does `text` match `pattern`, in which * stands for any characters? */
bool scenario_match(const char *pattern, const char *text);

#endif
