/* What libsterna says about itself. Owns: its version. */
#include "sterna.h"

const char *sterna_version(void)
{
    return STERNA_VERSION;
}
