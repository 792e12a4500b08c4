/* `sterna replay FILE...`: failing cases again, each in a process of its own.
 * Owns: what it prints. Leaves to others: the format of the files (harness/repro.h). */
#include "cli/command.h"
#include "cli/common.h"
#include "cli/json.h"
#include "harness/repro.h"
#include <string.h>

sterna_status sterna_cmd_replay(const sterna_cli *cli, sterna_fault *fault)
{
    static sterna_repro repro;
    static char story[STERNA_STORY_BYTES];
    const char *device = sterna_option_text(cli->options, STERNA_OPT_replay_device);
    bool as_json = sterna_option_flag(cli->options, STERNA_OPT_json), failed = false;
    sterna_status status = STERNA_OK;
    sterna_json json = {0};
    cJSON *cases = NULL;
    if (as_json) {
        sterna_json_begin(&json, "replay");
        cases = sterna_json_array(&json, json.root, "cases");
    }
    for (uint32_t i = 0; i < cli->options->n_arguments; i++) {
        status = sterna_repro_read(cli->options->arguments[i], &repro, fault);
        if (status != STERNA_OK) break;
        status = sterna_cli_strict(cli->options, device ? device : repro.device, repro.profile, fault);
        if (status != STERNA_OK) break;
        sterna_verdict v = sterna_repro_run(&repro, device, 0, story, sizeof story);
        sterna_repro_free(&repro);
        if (v.code == STERNA_VERDICT_UNSUPPORTED || v.code == STERNA_VERDICT_REFUSED) {
            status = sterna_fail(fault, STERNA_UNSUPPORTED, "%s: %s", device ? device : repro.device, v.text);
            break;
        }
        failed |= sterna_verdict_failed(v.code);
        if (as_json) {
            cJSON *one = sterna_json_object(&json, cases, NULL);
            sterna_json_string(&json, one, "case", cli->options->arguments[i]);
            sterna_json_string(&json, one, "device", device ? device : repro.device);
            sterna_json_string(&json, one, "verdict", sterna_verdict_name(v.code));
            sterna_json_string(&json, one, "expected",
                               repro.verdict ? sterna_verdict_name(repro.verdict) : NULL);
            sterna_json_string(&json, one, "text", v.text);
            continue;
        }
        sterna_out_print(cli->out, "%s %s %s: %s%s", device ? device : repro.device,
                         sterna_op_get(repro.job.op)->name, sterna_law_get(repro.job.law)->name,
                         sterna_verdict_name(v.code), v.text[0] ? ": " : "\n");
        if (v.text[0]) sterna_out_text(cli->out, v.text), sterna_out_text(cli->out, "\n");
        sterna_out_text(cli->out, story);
    }
    if (as_json && status == STERNA_OK)
        status = sterna_json_print(&json, cli->out, fault);
    else if (as_json)
        sterna_json_release(&json);
    return status != STERNA_OK ? status : failed ? STERNA_FAILED : STERNA_OK;
}
