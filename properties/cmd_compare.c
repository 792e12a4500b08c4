/* `sterna compare`: a model on several devices, operation by operation.
 * Owns: the list of devices and what is printed. Leaves to others: the loop (compare/lockstep.h). */
#include "base/mem.h"
#include "cli/command.h"
#include "cli/common.h"
#include "cli/json.h"
#include "cli/say.h"
#include "compare/lockstep.h"
#include <stdio.h>
#include <string.h>

/* "a,b" or "a;b,key=value": the list cut in place. Returns how many there are; 0 when there are too many. */
static uint32_t cut(char *list, const char **devices)
{
    char separator = strchr(list, ';') ? ';' : ',';
    uint32_t n = 0;
    for (char *at = list; at;) {
        char *end = strchr(at, separator);
        if (end) *end++ = 0;
        if (n == STERNA_LOCKSTEP_DEVICES) return 0;
        devices[n++] = at;
        at = end;
    }
    return n;
}

static void where(const sterna_divergence *d, char *text, size_t size)
{
    if (d->layer == d->n_layers)
        snprintf(text, size, "behind the last layer");
    else
        snprintf(text, size, "layer %u", d->layer);
}

static void print_report(sterna_out *out, const sterna_lockstep_params *params,
                         const sterna_lockstep_report *report)
{
    for (uint32_t d = 1; d < params->n_devices; d++) {
        if (report->diverging[d] == 0) {
            sterna_out_print(out, "%s = %s: %llu operations, %llu values, all bits equal\n",
                             params->devices[d], params->devices[0], (unsigned long long)report->operations,
                             (unsigned long long)report->values);
            continue;
        }
        sterna_out_print(out, "%s differs from %s in %llu of %llu operations\n", params->devices[d],
                         params->devices[0], (unsigned long long)report->diverging[d],
                         (unsigned long long)report->operations);
        bool first = true;
        for (uint32_t i = 0; i < report->n_kept; i++) {
            const sterna_divergence *x = &report->kept[i];
            char place[40];
            if (x->device != d) continue;
            where(x, place, sizeof place);
            sterna_out_print(out,
                             "  %s: %s, %s, node %u, step %u, position %u: %s[row %u][%llu] is %.9g, not "
                             "%.9g; %llu of %llu values differ, worst by %llu ULP\n",
                             first ? "first" : "then ", sterna_op_get(x->op)->name, place, x->node, x->step,
                             x->position + x->row, x->output, x->row, (unsigned long long)x->index, x->got,
                             x->want, (unsigned long long)x->different, (unsigned long long)x->compared,
                             (unsigned long long)x->worst_ulp);
            first = false;
        }
    }
}

static sterna_status print_json(const sterna_cli *cli, const sterna_lockstep_params *params,
                                const sterna_lockstep_report *report, sterna_fault *fault)
{
    sterna_json json = {0};
    sterna_json_begin(&json, "compare");
    sterna_json_string(&json, json.root, "reference", params->devices[0]);
    sterna_json_u64(&json, json.root, "operations", report->operations);
    sterna_json_u64(&json, json.root, "values", report->values);
    sterna_json_u64(&json, json.root, "steps", report->steps);
    sterna_json_ids(&json, json.root, "ids", report->tokens, report->n_tokens);
    cJSON *devices = sterna_json_array(&json, json.root, "devices");
    for (uint32_t d = 1; d < params->n_devices; d++) {
        cJSON *device = sterna_json_object(&json, devices, NULL);
        sterna_json_string(&json, device, "device", params->devices[d]);
        sterna_json_u64(&json, device, "diverging", report->diverging[d]);
        cJSON *list = sterna_json_array(&json, device, "divergences");
        for (uint32_t i = 0; i < report->n_kept; i++) {
            const sterna_divergence *x = &report->kept[i];
            if (x->device != d) continue;
            cJSON *one = sterna_json_object(&json, list, NULL);
            sterna_json_string(&json, one, "operation", sterna_op_get(x->op)->name);
            sterna_json_string(&json, one, "output", x->output);
            sterna_json_u64(&json, one, "layer", x->layer);
            sterna_json_u64(&json, one, "node", x->node);
            sterna_json_u64(&json, one, "step", x->step);
            sterna_json_u64(&json, one, "row", x->row);
            sterna_json_u64(&json, one, "index", x->index);
            sterna_json_real(&json, one, "got", x->got);
            sterna_json_real(&json, one, "want", x->want);
            sterna_json_u64(&json, one, "different", x->different);
            sterna_json_u64(&json, one, "compared", x->compared);
        }
    }
    return sterna_json_print(&json, cli->out, fault);
}

static sterna_status read_options(const sterna_options *o, sterna_lockstep_params *params,
                                  sterna_fault *fault)
{
    sterna_status status = sterna_cli_session(o, &params->session, fault);
    if (status != STERNA_OK) return status;
    if (params->session.profile == STERNA_PROFILE_FAST)
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "compare looks at bits, which --profile fast does not promise; `sterna check "
                           "--profile fast` holds it to its bounds");
    int64_t predict = sterna_option_integer(o, STERNA_OPT_n_predict);
    params->n_predict = predict < 0 ? 16 : (uint32_t)predict;
    params->ignore_end = sterna_option_flag(o, STERNA_OPT_ignore_end);
    params->sampling = (sterna_sampling){.size = sizeof params->sampling,
                                         .seed = sterna_option_word(o, STERNA_OPT_seed),
                                         .temperature = (float)sterna_option_real(o, STERNA_OPT_temperature),
                                         .top_k = (uint32_t)sterna_option_integer(o, STERNA_OPT_top_k),
                                         .top_p = (float)sterna_option_real(o, STERNA_OPT_top_p),
                                         .min_p = (float)sterna_option_real(o, STERNA_OPT_min_p)};
    return sterna_model_open(sterna_option_text(o, STERNA_OPT_model), &params->model, fault);
}

sterna_status sterna_cmd_compare(const sterna_cli *cli, sterna_fault *fault)
{
    const sterna_options *o = cli->options;
    const char *list = sterna_option_text(o, STERNA_OPT_devices), *devices[STERNA_LOCKSTEP_DEVICES];
    char *copy = sterna_strndup(list, strlen(list));
    sterna_lockstep_params params = {.devices = devices};
    sterna_lockstep_report report = {0};
    sterna_cli_text prompt = {0};
    uint32_t *ids = NULL;
    size_t n = 0;
    if (!copy) return sterna_fail(fault, STERNA_MEMORY, "out of memory");
    params.n_devices = cut(copy, devices);
    sterna_status status = read_options(o, &params, fault);
    if (status == STERNA_OK) status = sterna_cli_prompt(o, &prompt, fault);
    if (status == STERNA_OK) status = sterna_cli_tokens(o, params.model, &prompt, &ids, &n, fault);
    if (status == STERNA_OK) {
        params.prompt = ids;
        params.n_prompt = n > UINT32_MAX ? 0 : (uint32_t)n;
        status = sterna_lockstep_run(&params, &report, fault);
    }
    if (status == STERNA_OK && sterna_option_flag(o, STERNA_OPT_json))
        status = print_json(cli, &params, &report, fault);
    else if (status == STERNA_OK)
        print_report(cli->out, &params, &report);
    for (uint32_t d = 1; d < params.n_devices && status == STERNA_OK; d++)
        if (report.diverging[d]) status = STERNA_FAILED;
    sterna_lockstep_free(&report);
    sterna_free(ids);
    sterna_sys_unmap(&prompt.held);
    sterna_model_close(params.model);
    sterna_free(copy);
    return status;
}
