/* How a command plugs into the program `sterna`. Owns: what main.c hands to a command and takes back.
 * Commands of upper rooms (properties/cmd_check.c) include this; main.c alone lists them all. */
#ifndef STERNA_COMMAND_H
#define STERNA_COMMAND_H

#include "cli/options.h"
#include "cli/out.h"

typedef struct sterna_cli {
    const sterna_options *options; /* parsed and checked */
    sterna_out *out; /* standard output: results only. Figures, progress, complaints: cli/say.h */
} sterna_cli;

/* Runs one command. On failure it says why in *fault (main prints it) and returns the status that gives the
 * exit code. FAILED and NOTHING may come without a fault text, when the output says it all. */
typedef sterna_status (*sterna_command)(const sterna_cli *cli, sterna_fault *fault);

#define COMMAND(id, build, arguments, fewest, most, sentence)                                                \
    sterna_status sterna_cmd_##id(const sterna_cli *cli, sterna_fault *fault);
#include "cli/options.def"

#endif
