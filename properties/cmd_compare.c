/* `sterna compare`: a model on several devices, operation by operation.
 * Owns: the list of devices and where results go. Leaves to others: the loop (compare/lockstep.h), the forms of the
 * summary (compare/report.h). */
#include "base/mem.h"
#include "cli/command.h"
#include "cli/common.h"
#include "cli/say.h"
#include "compare/report.h"
#include <string.h>

/* The places in the list of --format. */
enum { TEXT, MARKDOWN, JSON, HTML };

/* "seed=3": a key of the device before it, not a device. */
static bool is_key(const char *part)
{
    size_t n = strcspn(part, ",");
    const char *equals = memchr(part, '=', n), *colon = memchr(part, ':', n), *slash = memchr(part, '/', n);
    return equals && (!colon || equals < colon) && (!slash || equals < slash);
}

/* One value of --devices: "a,b", or "a;b" where a device's own keys leave any doubt. */
static uint32_t cut_one(char *list, const char **devices, uint32_t n)
{
    char separator = strchr(list, ';') ? ';' : ',';
    for (char *at = list; at;) {
        char *end = strchr(at, separator);
        while (end && separator == ',' && is_key(end + 1)) end = strchr(end + 1, ',');
        if (end) *end++ = 0;
        if (n == STERNA_LOCKSTEP_DEVICES) return STERNA_LOCKSTEP_DEVICES + 1;
        devices[n++] = at;
        at = end;
    }
    return n;
}

/* All values of --devices, cut in place in *copies (to be freed); more than STERNA_LOCKSTEP_DEVICES: too many. */
static sterna_status cut(const sterna_options *o, char *copies[STERNA_OPTION_LIST_MAX], const char **devices,
                         uint32_t *n, sterna_fault *fault)
{
    const sterna_option_value *value = &o->values[STERNA_OPT_devices];
    for (uint32_t i = 0; i < value->n_texts && *n <= STERNA_LOCKSTEP_DEVICES; i++) {
        copies[i] = sterna_strndup(value->texts[i], strlen(value->texts[i]));
        if (!copies[i]) return sterna_fail(fault, STERNA_MEMORY, "out of memory");
        *n = cut_one(copies[i], devices, *n);
    }
    for (uint32_t d = 0; d < *n && d < STERNA_LOCKSTEP_DEVICES; d++)
        if (!devices[d][0])
            return sterna_fail(fault, STERNA_USAGE, "--devices: name %u of %u is empty", d + 1, *n);
    return STERNA_OK;
}

static sterna_status read_options(const sterna_options *o, sterna_lockstep_params *params,
                                  sterna_fault *fault)
{
    sterna_status status = sterna_cli_session(o, &params->session, fault);
    if (status != STERNA_OK) return status;
    params->n_predict = (uint32_t)sterna_option_integer(o, STERNA_OPT_compare_predict);
    params->ignore_end = sterna_option_flag(o, STERNA_OPT_ignore_end);
    params->sampling = (sterna_sampling){.size = sizeof params->sampling,
                                         .seed = sterna_option_word(o, STERNA_OPT_seed),
                                         .temperature = (float)sterna_option_real(o, STERNA_OPT_temperature),
                                         .top_k = (uint32_t)sterna_option_integer(o, STERNA_OPT_top_k),
                                         .top_p = (float)sterna_option_real(o, STERNA_OPT_top_p),
                                         .min_p = (float)sterna_option_real(o, STERNA_OPT_min_p)};
    return sterna_model_open(sterna_option_text(o, STERNA_OPT_model), &params->model, fault);
}

static void show_progress(uint32_t step, uint32_t node, uint32_t nodes)
{
    sterna_say_progress("step %u, operation %u of %u", step, node + 1, nodes);
}

static sterna_status to_writer(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    return sterna_writer_write(context, data, bytes, fault);
}

static sterna_status print_form(int64_t form, const sterna_compare_summary *summary, sterna_out *out,
                                sterna_fault *fault)
{
    switch (form) {
    case MARKDOWN:
        sterna_compare_markdown(summary, out);
        return STERNA_OK;
    case JSON:
        return sterna_compare_json(summary, out, fault);
    case HTML:
        sterna_compare_html(summary, out);
        return STERNA_OK;
    default:
        sterna_compare_text(summary, out);
        return STERNA_OK;
    }
}

/* To standard output, or to the file of -o. */
static sterna_status print_report(const sterna_cli *cli, const sterna_compare_summary *summary,
                                  sterna_fault *fault)
{
    static sterna_out out;
    const char *path = sterna_option_text(cli->options, STERNA_OPT_report_file);
    int64_t form = sterna_option_integer(cli->options, STERNA_OPT_report_form);
    if (sterna_option_flag(cli->options, STERNA_OPT_json)) {
        sterna_status status = print_form(JSON, summary, cli->out, fault);
        if (status != STERNA_OK || !path) return status;
    }
    if (!path) return print_form(form, summary, cli->out, fault);
    sterna_writer *writer;
    sterna_status status = sterna_writer_open(path, &writer, fault);
    if (status != STERNA_OK) return status;
    sterna_out_init(&out, to_writer, writer);
    status = print_form(form, summary, &out, fault);
    if (status == STERNA_OK) status = sterna_out_flush(&out, fault);
    if (status == STERNA_OK) return sterna_writer_commit(writer, fault);
    sterna_writer_abandon(writer);
    return status;
}

static sterna_status run(const sterna_cli *cli, const sterna_lockstep_params *params, sterna_fault *fault)
{
    static sterna_compare_summary summary;
    sterna_lockstep_report report = {0};
    const char *where = sterna_option_text(cli->options, STERNA_OPT_compare_repro);
    summary = (sterna_compare_summary){
        .params = params, .run = &report, .model = sterna_option_text(cli->options, STERNA_OPT_model)};
    sterna_say_progress("opening %u devices", params->n_devices);
    sterna_status status = sterna_lockstep_run(params, &report, fault);
    sterna_say_progress_end();
    if (status == STERNA_OK && params->capture) status = sterna_compare_save(&summary, where, fault);
    if (status == STERNA_OK) status = print_report(cli, &summary, fault);
    if (status == STERNA_OK) status = sterna_lockstep_verdict(&report, fault);
    sterna_lockstep_free(&report);
    return status;
}

sterna_status sterna_cmd_compare(const sterna_cli *cli, sterna_fault *fault)
{
    const sterna_options *o = cli->options;
    const char *devices[STERNA_LOCKSTEP_DEVICES];
    char *copies[STERNA_OPTION_LIST_MAX] = {NULL};
    const char *where = sterna_option_text(o, STERNA_OPT_compare_repro);
    sterna_lockstep_params params = {
        .devices = devices, .capture = strcmp(where, "-") != 0, .progress = show_progress};
    sterna_cli_text prompt = {0};
    uint32_t *ids = NULL;
    size_t n = 0;
    sterna_status status = cut(o, copies, devices, &params.n_devices, fault);
    if (status == STERNA_OK) status = read_options(o, &params, fault);
    for (uint32_t d = 0; d < params.n_devices && status == STERNA_OK; d++)
        status = sterna_cli_strict(o, devices[d], params.session.profile, fault);
    if (status == STERNA_OK) status = sterna_cli_prompt(o, &prompt, fault);
    if (status == STERNA_OK) status = sterna_cli_tokens(o, params.model, &prompt, &ids, &n, fault);
    if (status == STERNA_OK) {
        params.prompt = ids;
        params.n_prompt = n > UINT32_MAX ? 0 : (uint32_t)n;
        status = run(cli, &params, fault);
    }
    sterna_free(ids);
    sterna_sys_unmap(&prompt.held);
    sterna_model_close(params.model);
    for (uint32_t i = 0; i < STERNA_OPTION_LIST_MAX; i++) sterna_free(copies[i]);
    return status;
}
