/* Documents that are tables in disguise: written from the tables, compared with what stands in docs/ by a
 * test. Owns: the list of them. To write them anew: `make docs`. */
#ifndef STERNA_GENDOCS_H
#define STERNA_GENDOCS_H

#include <stdio.h>

/* DOC(path below the root, function) */
#define GENDOCS(DOC)                                                                                         \
    DOC("docs/cli.md", gendocs_cli)                                                                          \
    DOC("docs/environment.md", gendocs_environment)                                                          \
    DOC("docs/errors.md", gendocs_errors)                                                                    \
    DOC("docs/kernels.md", gendocs_kernels)                                                                  \
    DOC("receipts/schema/receipt-1.0.0.json", gendocs_receipt)

#define DOC(path, function) void function(FILE *out);
GENDOCS(DOC)
#undef DOC

#endif
