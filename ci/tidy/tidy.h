/* The rules of the house that a machine can judge: a tree of files, and the rules that look at it.
 * Owns: reading a tree, blanking comments and strings, the rules, the exceptions (ci/tidy.allow). Leaves to
 * others: generated documents (ci/gendocs/), formatting (clang-format), what only people can judge.
 *
 * A finding names rule, file and line. An exception is a line `RULE PATH WORD REASON...` of ci/tidy.allow;
 * one that matches nothing is itself a finding, so that the list cannot rot. */
#ifndef STERNA_TIDY_H
#define STERNA_TIDY_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>

/* RULE(name, function, what kind of mistake it catches) */
#define TIDY_RULES(RULE)                                                                                     \
    RULE("include", tidy_rule_include, "a floor that knows one above or beside it")                          \
    RULE("banned", tidy_rule_banned, "a call that only base/ may make, or that breaks canonical arithmetic") \
    RULE("name", tidy_rule_name, "two sources of one name")                                                  \
    RULE("opening", tidy_rule_opening, "a source whose first lines do not say what it owns")                 \
    RULE("readme", tidy_rule_readme, "a room without a README")                                              \
    RULE("word", tidy_rule_word, "unfinished work")                                                          \
    RULE("link", tidy_rule_link, "a page that points to nothing")                                            \
    RULE("tolerance", tidy_rule_tolerance, "a tuned tolerance outside the derived bounds")                   \
    RULE("kernel", tidy_rule_kernel, "a device access that the mock cannot see")

typedef struct tidy_file {
    char *path; /* below the root, with '/' */
    char *text; /* bytes + 1, NUL at the end */
    char *code; /* of C sources: text with comments and the insides of literals blanked; else NULL */
    size_t bytes;
} tidy_file;

typedef struct tidy_tree {
    tidy_file *files; /* sorted by path */
    size_t n, capacity;
} tidy_tree;

/* One finding; `severity` 1 fails, 0 is only worth a look. */
typedef void (*tidy_listener)(void *context, int severity, const char *rule, const char *path, int line,
                              const char *text);

typedef struct tidy_report {
    const tidy_tree *tree;
    const tidy_file *allow; /* ci/tidy.allow, or NULL */
    bool *used;             /* per line of it */
    tidy_listener listener;
    void *context;
    int findings;
    const char *rule;
} tidy_report;

/* Reads the tree below `root`: sources, documents, build and shell files; not build folders, not hidden
 * folders other than .ci. */
sterna_status tidy_read(const char *root, tidy_tree *tree, sterna_fault *fault);
void tidy_release(tidy_tree *tree);
const tidy_file *tidy_find(const tidy_tree *tree, const char *path);

/* Runs every rule; *findings counts those that fail. MEMORY is the only error. */
sterna_status tidy_run(const tidy_tree *tree, tidy_listener listener, void *context, int *findings);

/* For rules. `word` is what an exception would name. */
void tidy_finding(tidy_report *report, const tidy_file *file, size_t offset, const char *word,
                  const char *format, ...) STERNA_PRINTF(5, 6);
bool tidy_ends(const char *text, const char *end);
bool tidy_begins(const char *text, const char *beginning);
/* Is this file in a tests/ folder? */
bool tidy_is_test(const char *path);
/* Copies the identifier at `at` into word; its length, 0 when none begins there. */
size_t tidy_identifier(const char *at, char *word, size_t capacity);

#define RULE(name, function, catches) void function(tidy_report *report);
TIDY_RULES(RULE)
#undef RULE

#endif
