/* The program behind `make tidy`: reads a tree and prints findings as FILE:LINE: RULE: text.
 * Owns: the command line. Leaves to others: the rules (tidy/). Exit: 0 clean, 1 findings, 2 usage, 6
 * unreadable. */
#include "tidy.h"
#include <stdio.h>

static void print(void *context, int severity, const char *rule, const char *path, int line, const char *text)
{
    (void)context;
    fprintf(severity ? stderr : stdout, "%s:%d: %s%s: %s\n", path, line, severity ? "" : "note: ", rule,
            text);
}

int main(int argc, char **argv)
{
    sterna_fault fault = {0};
    tidy_tree tree;
    int findings = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: tidy ROOT\nrules:\n");
#define RULE(name, function, catches) fprintf(stderr, "  %-10s %s\n", name, catches);
        TIDY_RULES(RULE)
#undef RULE
        return sterna_status_exit_code(STERNA_USAGE);
    }
    sterna_status status = tidy_read(argv[1], &tree, &fault);
    if (status == STERNA_OK && tree.n == 0)
        status = sterna_fail(&fault, STERNA_NOTHING, "%s: no sources", argv[1]);
    if (status == STERNA_OK) status = tidy_run(&tree, print, NULL, &findings);
    if (status != STERNA_OK) {
        fprintf(stderr, "tidy: %s\n", fault.text[0] ? fault.text : sterna_status_text(status));
        return sterna_status_exit_code(status);
    }
    tidy_release(&tree);
    return findings ? sterna_status_exit_code(STERNA_FAILED) : 0;
}
