/* `sterna doctor`: per backend whether it is compiled, what it detects, and whether that is usable: each device takes the
 * self-test, in a child process. Owns: what is printed, the exit code. Leaves to others: the tests (self_test.h), the
 * child (probe_child.h).
 *
 * Exit codes: 0 when the report is complete, whatever it says; 5 when --device names a device that cannot be opened or
 * fails a test. */
#include "cli/command.h"
#include "cli/devices.h"
#include "cli/json.h"
#include "cli/say.h"
#include "probe_child.h"
#include <stdio.h>

typedef struct doctor {
    sterna_out *out;
    sterna_json json;
    bool as_json;
    cJSON *devices;
    double seconds;  /* for each device; 0: the usual limit */
    uint32_t failed; /* tests, and devices that could not be tested to the end */
    char first[300]; /* the first of them */
} doctor;

static void note_failure(doctor *d, const char *device, const char *test, const char *text)
{
    if (d->failed++) return;
    if (strncmp(text, device, strlen(device)) == 0) /* it begins with the name of what was asked for */
        snprintf(d->first, sizeof d->first, "%.290s", text);
    else
        snprintf(d->first, sizeof d->first, "%.79s: %s%s%.180s", device, test, test[0] ? ": " : "", text);
}

static void print_limits(doctor *d, const sterna_device_info *info)
{
    char memory[STERNA_SAY_BYTES_MAX], binding[STERNA_SAY_BYTES_MAX];
    sterna_out_print(d->out, "    %s", sterna_device_kind_name(info->kind));
    if (info->driver[0]) sterna_out_print(d->out, ", driver %s", info->driver);
    if (info->memory_bytes)
        sterna_out_print(d->out, ", memory %s", sterna_say_bytes(info->memory_bytes, memory));
    if (info->max_binding_bytes)
        sterna_out_print(d->out, ", arguments up to %s", sterna_say_bytes(info->max_binding_bytes, binding));
    if (info->subgroup > 1) sterna_out_print(d->out, ", subgroups of %u", info->subgroup);
    if (info->threads) sterna_out_print(d->out, ", %u threads", info->threads);
    sterna_out_print(d->out, ", offsets in steps of %u bytes\n", info->buffer_alignment);
    if (info->why[0]) sterna_out_print(d->out, "    it %s\n", info->why);
}

static void print_rows(doctor *d, const sterna_probe_answer *answer)
{
    for (uint32_t i = 0; i < answer->n_rows; i++) {
        const sterna_self_row *row = &answer->rows[i];
        sterna_out_print(d->out, "    %-11s %-10s %7.3f s  %s\n", sterna_self_name(row->test),
                         sterna_self_verdict_name(row->verdict), row->seconds, row->text);
    }
    if (answer->status != STERNA_OK)
        sterna_out_print(d->out, "    %-11s %-10s %7.3f s  %s\n", "self-test", "FAILED", answer->seconds,
                         answer->why);
}

static void json_rows(doctor *d, cJSON *device, const sterna_probe_answer *answer)
{
    cJSON *tests = sterna_json_array(&d->json, device, "tests");
    for (uint32_t i = 0; i < answer->n_rows; i++) {
        const sterna_self_row *row = &answer->rows[i];
        cJSON *test = sterna_json_object(&d->json, tests, NULL);
        sterna_json_string(&d->json, test, "test", sterna_self_name(row->test));
        sterna_json_string(&d->json, test, "verdict",
                           row->verdict == STERNA_SELF_FAILED ? "failed"
                                                              : sterna_self_verdict_name(row->verdict));
        sterna_json_real(&d->json, test, "seconds", row->seconds);
        sterna_json_string(&d->json, test, "text", row->text);
    }
    sterna_json_string(&d->json, device, "died", answer->status == STERNA_OK ? NULL : answer->why);
    sterna_json_real(&d->json, device, "seconds", answer->seconds);
}

static void examine(doctor *d, const char *backend, const sterna_device_info *listed, const char *spec)
{
    static sterna_probe_answer answer;
    sterna_say_progress("testing %s", spec);
    sterna_probe_ask(STERNA_PROBE_TEST, spec, d->seconds, &answer);
    sterna_say_progress_end();
    const sterna_device_info *info = answer.n_devices ? &answer.devices[0] : listed;
    if (answer.status != STERNA_OK) note_failure(d, spec, "", answer.why);
    for (uint32_t i = 0; i < answer.n_rows; i++)
        if (answer.rows[i].verdict == STERNA_SELF_FAILED)
            note_failure(d, spec, sterna_self_name(answer.rows[i].test), answer.rows[i].text);
    if (d->as_json) {
        cJSON *device = sterna_json_object(&d->json, d->devices, NULL);
        sterna_json_device(&d->json, device, backend, info);
        json_rows(d, device, &answer);
        return;
    }
    sterna_out_print(d->out, "  %s  %s\n", spec, info->description);
    if (info->buffer_alignment) print_limits(d, info); /* 0: it was not opened, and told nothing */
    print_rows(d, &answer);
    (void)sterna_out_flush(d->out, NULL); /* one device after the other, as they are tested */
}

static void examine_backend(doctor *d, const sterna_backend_state *backend)
{
    const uint32_t detected = sterna_devices_detected(backend);
    /* One device that stands for none has the reason. */
    const char *why = backend->why[0] || backend->n_devices != 1 ? backend->why : backend->devices[0].why;
    if (!d->as_json) {
        if (!backend->api)
            sterna_out_print(d->out, "%s: %s\n", backend->name, backend->why);
        else if (detected == 0)
            sterna_out_print(d->out, "%s: compiled; nothing detected%s%s\n", backend->name,
                             why[0] ? ": " : "", why);
        else if (backend->isolated)
            sterna_out_print(d->out, "%s: compiled; detected in %.3f s: %u\n", backend->name,
                             backend->seconds, detected);
        else
            sterna_out_print(d->out, "%s: compiled; detected: %u\n", backend->name, detected);
        if (detected == 0 && backend->n_devices < 2) return;
    }
    for (uint32_t i = 0; i < backend->n_devices; i++) {
        const sterna_device_info *info = &backend->devices[i];
        char spec[STERNA_DEVICE_NAME];
        sterna_device_name(backend->name, info, spec);
        if (info->usable) {
            examine(d, backend->name, info, spec);
        } else if (d->as_json) {
            sterna_json_device(&d->json, sterna_json_object(&d->json, d->devices, NULL), backend->name, info);
        } else {
            sterna_out_print(d->out, "  %s  not usable: %s\n", spec, info->why);
        }
    }
}

static void examine_all(doctor *d)
{
    cJSON *backends = d->as_json ? sterna_json_array(&d->json, d->json.root, "backends") : NULL;
    sterna_registry_look_all();
    for (uint32_t b = 0; b < sterna_registry_count(); b++) {
        const sterna_backend_state *backend = sterna_registry_get(b);
        if (d->as_json) sterna_json_backend(&d->json, sterna_json_object(&d->json, backends, NULL), backend);
        examine_backend(d, backend);
    }
}

/* What --device names. A library is not loaded here: the child does that. */
static sterna_status examine_one(doctor *d, const char *asked, sterna_fault *fault)
{
    sterna_resolved found;
    sterna_fault inner = {0};
    char spec[600];
    const sterna_device_info unknown = {.size = sizeof unknown, .description = "not opened"};
    if (strchr(asked, '/')) {
        examine(d, asked, &unknown, asked);
        return STERNA_OK;
    }
    sterna_status status = sterna_device_find(asked, &found, &inner);
    if (status != STERNA_OK)
        return sterna_fail(fault, status == STERNA_USAGE ? STERNA_USAGE : STERNA_DEVICE, "%s", inner.text);
    if (found.library) sterna_plugin_unload(found.library);
    snprintf(spec, sizeof spec, "%s%s%s", found.name, found.variant[0] ? ":" : "", found.variant);
    examine(d, found.name, &unknown, spec);
    return STERNA_OK;
}

sterna_status sterna_cmd_doctor(const sterna_cli *cli, sterna_fault *fault)
{
    const char *asked = sterna_option_text(cli->options, STERNA_OPT_doctor_device);
    doctor d = {.out = cli->out,
                .as_json = sterna_option_flag(cli->options, STERNA_OPT_json),
                .seconds = (double)sterna_option_integer(cli->options, STERNA_OPT_doctor_seconds)};
    sterna_status status = sterna_registry_environment(fault);
    if (status != STERNA_OK) return status;
    if (d.as_json) {
        sterna_json_begin(&d.json, "doctor");
        d.devices = sterna_json_array(&d.json, d.json.root, "devices");
    }
    if (asked)
        status = examine_one(&d, asked, fault);
    else
        examine_all(&d);
    if (status == STERNA_OK && d.as_json)
        status = sterna_json_print(&d.json, cli->out, fault);
    else if (d.as_json)
        sterna_json_release(&d.json);
    if (status != STERNA_OK || !d.failed) return status;
    if (!asked) {
        sterna_say("%u findings; the first: %s", d.failed, d.first);
        return STERNA_OK;
    }
    return d.as_json ? STERNA_DEVICE : sterna_fail(fault, STERNA_DEVICE, "%s", d.first);
}
