/* The variables of options are those of the environment's table: a new one that is missing there would be called
 * misspelt. */
#include "base/env.h"
#include "cli/options.h"
#include "runner.h"
#include <string.h>

static void variables_are_known(sterna_test *t)
{
    for (int i = 0; i < STERNA_OPT_COUNT; i++) {
        const char *variable = sterna_option_rows[i].variable;
        bool known = !variable;
        for (int v = 0; v < STERNA_ENV_COUNT && !known; v++)
            known = strcmp(variable, sterna_env_name((sterna_env)v)) == 0;
        CHECK_MSG(t, known, "%s", variable);
    }
}

const sterna_test_case sterna_test_cases[] = {{"variables_are_known", variables_are_known, 0}, {0}};
