/* sterna-probe: the child process of programs that use libsterna and cannot be their own (probe_child.h).
 * Owns: main(). */
#include "probe_child.h"
#include <stdio.h>

int main(int argc, char **argv)
{
    int code = 2;
    if (!sterna_probe_serve(argc, argv, &code))
        fputs("sterna-probe asks device drivers for Sterna; it is not meant to be called by people.\n",
              stderr);
    return code;
}
