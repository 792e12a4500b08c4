/* `sterna convert FOLDER OUT`: SafeTensors, config.json and tokenizer.json become one GGUF file. */
#include "cli/command.h"
#include "cli/common.h"
#include "convert/convert.h"

sterna_status sterna_cmd_convert(const sterna_cli *cli, sterna_fault *fault)
{
    const sterna_options *o = cli->options;
    sterna_convert_params params = {.folder = o->arguments[0],
                                    .path = o->arguments[1],
                                    .name = sterna_option_text(o, STERNA_OPT_general_name),
                                    .license = sterna_option_text(o, STERNA_OPT_license)};
    sterna_status status = sterna_convert(&params, fault);
    return status == STERNA_OK ? sterna_cli_written(cli, "convert", params.path, fault) : status;
}
