/* What several commands ask of their options: the text to begin with, its tokens, a session's parameters.
 * Owns: the meaning of -p, -f, -ctk, -ctv and --kv-type. */
#ifndef STERNA_CLI_COMMON_H
#define STERNA_CLI_COMMON_H

#include "base/sys.h"
#include "cli/command.h"
#include "sterna.h"

/* The text of -p, of -f, or of standard input (one newline at the end of the latter two does not count).
 * Release `held` with sterna_sys_unmap(). */
typedef struct sterna_cli_text {
    const char *data;
    size_t bytes;
    sterna_mapping held;
} sterna_cli_text;
sterna_status sterna_cli_prompt(const sterna_options *options, sterna_cli_text *text, sterna_fault *fault);

/* The ids of a text after --special and --no-bos. Free with sterna_free(). */
sterna_status sterna_cli_tokens(const sterna_options *options, const sterna_model *model,
                                const sterna_cli_text *text, uint32_t **ids, size_t *count,
                                sterna_fault *fault);

/* A session as the flags want it, for commands that have the sections Device and Context. */
sterna_status sterna_cli_session(const sterna_options *options, sterna_session_params *params,
                                 sterna_fault *fault);

/* What --strict demands of a session before it is used: POLICY for a mock, a fallback, invented devices, the fast
 * profile, or a device whose bits are not the reference's. Without --strict it only warns of a device that is not exact. */
sterna_status sterna_cli_policy(const sterna_options *options, sterna_session *session, sterna_fault *fault);
/* The same for a device that is named but not yet open, as far as it can be known without a model. */
sterna_status sterna_cli_strict(const sterna_options *options, const char *spec, sterna_profile profile,
                                sterna_fault *fault);
/* The recorder of --receipt begins, when that is asked for; *record stays NULL otherwise. */
sterna_status sterna_cli_record(const sterna_cli *cli, sterna_session *session,
                                const sterna_generate_params *params, void **record, sterna_fault *fault);

/* Says what a command has written to a GGUF file, which is read back for it: on standard error, or with
 * --json as an object of the schema "sterna-<schema>/1". */
sterna_status sterna_cli_written(const sterna_cli *cli, const char *schema, const char *path,
                                 sterna_fault *fault);

/* "f16", "f32". */
const char *sterna_cli_kv_name(sterna_kv_type type);

#endif
