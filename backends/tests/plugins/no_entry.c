/* A library that is no backend. Owns: one symbol that nobody asks for. */
#include "sterna_backend.h"

STERNA_API int sterna_plugin_of_another_kind(void);

int sterna_plugin_of_another_kind(void)
{
    return 1;
}
