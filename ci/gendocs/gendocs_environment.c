/* docs/environment.md from the table of environment variables. */
#include "gendocs.h"

void gendocs_environment(FILE *out)
{
    fputs("# Environment variables\n\n"
          "Generated from `backends/base/env.def` by `make docs`.\n\n"
          "A flag wins over its variable, a variable over the default; an empty variable counts as unset. A "
          "variable that begins\n"
          "with `STERNA_` and does not stand here is reported as a mistake.\n\n"
          "| variable | read by | meaning |\n|---|---|---|\n",
          out);
#define ENV(name, reader, sentence) fprintf(out, "| `STERNA_%s` | %s | %s |\n", #name, reader, sentence);
#include "base/env.def"
    fputs("| `NO_COLOR` | sterna | not empty: no colour on a terminal (no-color.org) |\n", out);
}
