/* docs/errors.md from STERNA_STATUS_LIST. */
#include "base/status.h"
#include "gendocs.h"

void gendocs_errors(FILE *out)
{
    fputs("# Status and exit codes\n\n"
          "Generated from `STERNA_STATUS_LIST` in `backends/sterna_backend.h` by `make docs`.\n\n"
          "Every function that can fail returns a status; every command of `sterna` ends with the exit code "
          "beside it. The\n"
          "sentence printed on stderr names the file, key, tensor, offset, device or flag, and says what to "
          "do.\n\n"
          "| status | number | exit code | meaning |\n|---|---|---|---|\n",
          out);
#define X(name, number, exit_code, text)                                                                     \
    fprintf(out, "| `%s` | %d | %d | %s |\n", #name, number, exit_code, text);
    STERNA_STATUS_LIST(X)
#undef X
    fputs("\nNumbers are part of the ABI: new ones are appended, none is renumbered. Exit codes stay below "
          "125, which shells\n"
          "and `git bisect run` use themselves.\n\n"
          "`ci/check` and the test programs use the same codes: 0 passed, 1 failed, 2 usage, 4 nothing was "
          "tested. A test\n"
          "program whose cases were all skipped ends with 77, which ctest shows as skipped.\n",
          out);
}
