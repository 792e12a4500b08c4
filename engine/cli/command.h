/* How a command plugs into the program `sterna`. Owns: what main.c hands to a command and takes back.
 * Commands of upper rooms (properties/cmd_check.c) include this; main.c alone lists them all. */
#ifndef STERNA_COMMAND_H
#define STERNA_COMMAND_H

#include "cli/options.h"
#include "cli/out.h"
#include "sterna.h"

/* What a check of a device came to, for its receipt. */
typedef struct sterna_checked {
    const char *snapshot; /* requested, detected, selected (registry.h) */
    const sterna_device_info *device;
    sterna_profile profile;
    const sterna_kernel_use *kernels;
    uint32_t n_kernels;
    uint64_t passed, failed, skipped; /* cases */
} sterna_checked;

/* What keeps evidence of a generation (--receipt). An upper room brings it (receipts/cli), main.c hands it to the
 * commands, and they call it around sterna_generate(). */
typedef struct sterna_recorder {
    /* Before the generation, on an empty session. Checks at once that what it needs can be had (the key). */
    sterna_status (*begin)(const sterna_options *options, sterna_session *session,
                           const sterna_generate_params *params, void **record, sterna_fault *fault);
    /* After one that succeeded: writes the receipt. POLICY in strict mode when the record does not keep to it. */
    sterna_status (*end)(void *record, const sterna_generate_result *result, sterna_fault *fault);
    /* In any case, once the session runs no more. NULL is allowed. */
    void (*release)(void *record);
    /* After a check, whatever it came to: writes the receipt. */
    sterna_status (*check)(const sterna_options *options, const sterna_checked *checked, sterna_fault *fault);
} sterna_recorder;

typedef struct sterna_cli {
    const sterna_options *options; /* parsed and checked */
    sterna_out *out; /* standard output: results only. Figures, progress, complaints: cli/say.h */
    const sterna_recorder *recorder; /* NULL: not part of this build */
} sterna_cli;

/* The receipts' one (receipts/cli/recorder.c), where the build has it. */
extern const sterna_recorder sterna_receipt_recorder;

/* Runs one command. On failure it says why in *fault (main prints it) and returns the status that gives the
 * exit code. FAILED and NOTHING may come without a fault text, when the output says it all. */
typedef sterna_status (*sterna_command)(const sterna_cli *cli, sterna_fault *fault);

#define COMMAND(id, build, arguments, fewest, most, sentence)                                                \
    sterna_status sterna_cmd_##id(const sterna_cli *cli, sterna_fault *fault);
#include "cli/options.def"

#endif
