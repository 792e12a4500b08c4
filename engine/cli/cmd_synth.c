/* `sterna synth SHAPE OUT`: a GGUF file of a real model's shape with random weights. */
#include "cli/command.h"
#include "cli/common.h"
#include "cli/json.h"
#include "convert/convert.h"

static sterna_status list_shapes(const sterna_cli *cli, bool as_json, sterna_fault *fault)
{
    const char *name, *about;
    sterna_json json;
    cJSON *array = NULL;
    if (as_json) {
        sterna_json_begin(&json, "synth-shapes");
        array = sterna_json_array(&json, json.root, "shapes");
    }
    for (uint32_t i = 0; (name = sterna_synth_shape(i, &about)); i++) {
        if (!as_json) {
            sterna_out_print(cli->out, "%-16s %s\n", name, about);
            continue;
        }
        cJSON *shape = sterna_json_object(&json, array, NULL);
        sterna_json_string(&json, shape, "name", name);
        sterna_json_string(&json, shape, "about", about);
    }
    return as_json ? sterna_json_print(&json, cli->out, fault) : STERNA_OK;
}

sterna_status sterna_cmd_synth(const sterna_cli *cli, sterna_fault *fault)
{
    const sterna_options *o = cli->options;
    bool as_json = sterna_option_flag(o, STERNA_OPT_json);
    if (sterna_option_flag(o, STERNA_OPT_list_shapes)) return list_shapes(cli, as_json, fault);
    if (o->n_arguments != 2)
        return sterna_fail(fault, STERNA_USAGE, "SHAPE and OUT are needed; --list names the shapes");
    sterna_synth_params params = {.shape = o->arguments[0],
                                  .type = sterna_option_text(o, STERNA_OPT_synth_type),
                                  .seed = sterna_option_word(o, STERNA_OPT_synth_seed),
                                  .layers = (uint32_t)sterna_option_integer(o, STERNA_OPT_synth_layers)};
    sterna_status status = sterna_synth(&params, o->arguments[1], fault);
    return status == STERNA_OK ? sterna_cli_written(cli, "synth", o->arguments[1], fault) : status;
}
