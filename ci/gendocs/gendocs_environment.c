/* docs/environment.md from the table of environment variables. */
#include "gendocs.h"

void gendocs_environment(FILE *out)
{
    fputs("# Environment variables\n\n"
          "Generated from `backends/base/env.def` by `make docs`.\n\n"
          "A flag wins over its variable, a variable over the default; an empty variable counts as unset. A "
          "variable that begins\n"
          "with `STERNA_` and does not stand here is reported as a mistake.\n\n"
          "Values are read strictly: a switch that is neither on nor off, or a number outside its range, is "
          "an error (exit\ncode 2) that names the variable. `STERNA_FAKE_DEVICES` and `STERNA_GPU_FAKE` let "
          "a program believe in devices that are not\nthere: strict mode refuses both (exit code 8).\n\n"
          "| variable | value | read by | meaning |\n|---|---|---|---|\n",
          out);
#define FLAG               "1 or 0"
#define INTEGER(low, high) #low " to " #high
#define REAL(low, high)    #low " to " #high
#define TEXT               "text"
#define ENV(name, kind, reader, sentence)                                                                    \
    fprintf(out, "| `STERNA_%s` | %s | %s | %s |\n", #name, kind, reader, sentence);
#include "base/env.def"
    fputs("| `NO_COLOR` | text | sterna | not empty: no colour on a terminal (no-color.org) |\n", out);
}
