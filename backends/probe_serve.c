/* The child's side of a probe: it talks to the driver, and tells beforehand what it is about to do. */
#include "base/child_process.h"
#include "base/env.h"
#include "base/size.h"
#include "base/sys.h"
#include "probe_child.h"
#include "probe_wire.h"
#include "spec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    double seconds;
} tasks[] = {[STERNA_PROBE_LIST] = {"list", 30},
             [STERNA_PROBE_OPEN] = {"open", 60},
             [STERNA_PROBE_EXACT] = {"exact", 120},
             [STERNA_PROBE_TEST] = {"test", 120}};

void sterna_probe_version(char text[64])
{
    snprintf(text, 64, "%s-%u-%zu-%zu-%zu-%d", STERNA_VERSION, STERNA_ABI_VERSION, sizeof(sterna_device_info),
             sizeof(sterna_probe), sizeof(sterna_self_row), STERNA_SELF_COUNT);
}

const char *sterna_probe_task_name(sterna_probe_task task)
{
    return tasks[task].name;
}

double sterna_probe_limit(sterna_probe_task task)
{
    /* Compilers in drivers take longer on slow or busy machines: all limits grow with the first. */
    const char *given = sterna_env_get(STERNA_ENV_DRIVER_SECONDS);
    double listing = given ? strtod(given, NULL) : 0;
    return tasks[task].seconds * (listing >= 1 ? listing / tasks[STERNA_PROBE_LIST].seconds : 1);
}

static void send(sterna_record_kind kind, const void *data, uint32_t bytes)
{
    const sterna_record_head head = {STERNA_PROBE_MAGIC, kind, bytes};
    (void)sterna_sys_write(STERNA_CHILD_CHANNEL, &head, sizeof head,
                           NULL); /* a parent that is gone needs nothing */
    if (bytes) (void)sterna_sys_write(STERNA_CHILD_CHANNEL, data, bytes, NULL);
}

static void stage(const char *verb, const char *object)
{
    sterna_stage text = {""};
    snprintf(text.text, sizeof text.text, "%s%.70s", verb, object);
    send(STERNA_RECORD_STAGE, &text, sizeof text);
}

static sterna_status list(const sterna_open_device *d, sterna_fault *fault)
{
    (void)fault;
    stage("listed its devices", "");
    uint32_t n = d->api->device_count();
    for (uint32_t i = 0; i < n && i < STERNA_REGISTRY_DEVICES; i++) {
        sterna_device_info info = {.size = sizeof info};
        if (d->api->device_info(i, &info) == STERNA_OK) send(STERNA_RECORD_DEVICE, &info, sizeof info);
    }
    return STERNA_OK;
}

static void test_begins(void *context, uint32_t test)
{
    (void)context;
    stage("was tested: ", sterna_self_name(test));
}

static void test_ends(void *context, const sterna_self_row *row)
{
    (void)context;
    send(STERNA_RECORD_ROW, row, sizeof *row);
}

static sterna_status use(const sterna_open_device *d, sterna_probe_task task, double seconds,
                         sterna_fault *fault)
{
    const sterna_self_watch watch = {test_begins, test_ends, NULL};
    sterna_probe probe;
    if (task == STERNA_PROBE_TEST) {
        sterna_self_test(d, seconds, &watch);
        return STERNA_OK;
    }
    stage("compiled and ran the probe's kernels", "");
    sterna_status status = sterna_device_probe(d, &probe, fault);
    if (status == STERNA_OK) send(STERNA_RECORD_PROBE, &probe, sizeof probe);
    return status;
}

static sterna_status open_and_use(sterna_open_device *d, const char *variant, sterna_probe_task task,
                                  double seconds, sterna_fault *fault)
{
    const sterna_open_params params = {
        .size = sizeof params, .profile = STERNA_PROFILE_EXACT, .variant = variant};
    stage("opened the device ", variant);
    sterna_status status = d->api->open(sterna_host_default(), &params, &d->device, fault);
    if (status != STERNA_OK) return status;
    d->info.size = sizeof d->info;
    status = d->api->info(d->device, &d->info);
    if (status == STERNA_OK) {
        send(STERNA_RECORD_DEVICE, &d->info, sizeof d->info);
        if (task != STERNA_PROBE_OPEN) status = use(d, task, seconds, fault);
    }
    stage("closed the device ", variant);
    d->api->close(d->device);
    return status;
}

static sterna_status find_backend(const char *what, sterna_open_device *d, const char **variant,
                                  sterna_fault *fault)
{
    char name[STERNA_SPEC_NAME];
    sterna_status status = sterna_spec_split(what, name, variant, fault);
    if (status != STERNA_OK) return status;
    const sterna_backend_state *known = sterna_registry_find(name);
    stage("was loaded", "");
    if (!known) return sterna_plugin_load(name, &d->library, &d->api, fault);
    d->api = known->api;
    return d->api ? STERNA_OK : sterna_fail(fault, STERNA_UNSUPPORTED, "%s: %s", name, known->not_built);
}

static void answer(sterna_probe_task task, const char *what, double seconds)
{
    sterna_open_device d = {0};
    sterna_fault fault = {0};
    const char *variant = "";
    sterna_status status = find_backend(what, &d, &variant, &fault);
    if (status == STERNA_OK && task == STERNA_PROBE_LIST)
        status = list(&d, &fault);
    else if (status == STERNA_OK)
        status = open_and_use(&d, variant, task, seconds, &fault);
    if (status != STERNA_OK) {
        sterna_fail(&fault, status, "%s",
                    sterna_status_text(status)); /* of a backend that failed without a word */
        fault.status = status;
        send(STERNA_RECORD_FAULT, &fault, sizeof fault);
    }
    send(STERNA_RECORD_END, NULL, 0);
}

bool sterna_probe_serve(int argc, char **argv, int *code)
{
    char version[64];
    sterna_probe_version(version);
    sterna_probe_can_serve();
    if (argc < 2 || strcmp(argv[1], STERNA_PROBE_WORD) != 0) return false;
    *code = 2;
    if (argc != STERNA_PROBE_ARGUMENTS || strcmp(argv[2], version) != 0) {
        sterna_fault fault = {STERNA_UNSUPPORTED, ""};
        snprintf(fault.text, sizeof fault.text,
                 "%.200s is of another build: %.60s, wanted %.60s; install both anew", argv[0], version,
                 argc > 2 ? argv[2] : "");
        (void)sterna_sys_write(2, fault.text, strlen(fault.text), NULL);
        return true;
    }
    for (uint32_t task = 0; task < STERNA_COUNT(tasks); task++) {
        if (strcmp(tasks[task].name, argv[4]) != 0) continue;
        double seconds = strtod(argv[3], NULL);
        if (seconds < 1 || seconds > 86400) seconds = 86400;
        sterna_child_begin((uint32_t)seconds);
        answer((sterna_probe_task)task, argv[5], seconds);
        sterna_child_leave(0);
    }
    return true;
}
