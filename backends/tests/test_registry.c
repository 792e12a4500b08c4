/* Naming and opening devices. Leaves to others: what they compute. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "registry.h"
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void opens(sterna_test *t)
{
    sterna_open_device device = {0};
    sterna_fault fault = {0};
    CHECK(t, sterna_device_open("auto", 1, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK);
    CHECK(t, strcmp(device.api->name, "cpu") == 0 && !device.info.is_mock && device.reason[0]);
    CHECK(t,
          strstr(device.snapshot, "requested=auto detected=[cpu:") && strstr(device.snapshot, "cpu:scalar"));
    sterna_open_device again = {0};
    CHECK(t, sterna_device_open(device.spec, 1, STERNA_PROFILE_EXACT, &again, &fault) == STERNA_OK);
    CHECK(t, strcmp(again.spec, device.spec) == 0 && !again.reason[0]);
    sterna_device_close(&again);
    sterna_device_close(&device);
    CHECK(t, sterna_device_open("cpu:scalar", 2, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK);
    CHECK(t, strcmp(device.spec, "cpu:scalar") == 0 && device.info.threads == 2);
    CHECK(t, strstr(device.snapshot, "selected=cpu:scalar"));
    sterna_device_close(&device);
    sterna_device_close(&device);
}

static void refuses(sterna_test *t)
{
    static const struct {
        const char *spec;
        sterna_status status;
        const char *says;
    } rows[] = {
        {"gpu", STERNA_UNSUPPORTED, "no backend is called 'gpu'; usable here: cpu:"},
        {"cpu:sse9", STERNA_UNSUPPORTED, "unknown level 'sse9'"},
        {"cpu:avx2,threads=2", STERNA_UNSUPPORTED, "threads=2"},
        {":avx2", STERNA_USAGE, "want auto"},
        {"./no-such.so", STERNA_FILE, "no-such.so"},
        {"no-such.so:1", STERNA_FILE, "no-such.so"},
        {"./folder/thing", STERNA_FILE, "thing"},
        {"Auto", STERNA_UNSUPPORTED, "Auto"},
        /* What stands behind a built-in's colon is that backend's, whatever it looks like. */
        {"cpu:./x.so", STERNA_UNSUPPORTED, "unknown level './x.so'"},
        {"mock:profile=./no/such.so", STERNA_FILE, "./no/such.so: cannot open"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sterna_open_device device = {0};
        sterna_fault fault = {0};
        sterna_status status = sterna_device_open(rows[i].spec, 1, STERNA_PROFILE_EXACT, &device, &fault);
        CHECK_MSG(t, status == rows[i].status && strstr(fault.text, rows[i].says), "%s: %s, %s", rows[i].spec,
                  sterna_status_name(status), fault.text);
        CHECK(t, !device.api && !device.device && !device.library);
    }
}

/* Every device that was found stands in the snapshot, however many there are and however long their names. */
static void snapshots_are_whole(sterna_test *t)
{
    char fakes[STERNA_REGISTRY_DEVICES * 80] = "", last[STERNA_OPENED_BYTES + 40];
    size_t used = 0;
    for (uint32_t i = 0; i < STERNA_REGISTRY_DEVICES; i++)
        used += (size_t)snprintf(fakes + used, sizeof fakes - used,
                                 "%sopencl:a-device-whose-name-is-long-%02u,kind=emulated", i ? ";" : "", i);
    setenv("STERNA_FAKE_DEVICES", fakes, 1);
    sterna_registry_forget();
    sterna_open_device device = {0};
    sterna_fault fault = {0};
    CHECK_MSG(t, sterna_device_open("auto", 1, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK, "%s",
              fault.text);
    const char *at = device.snapshot;
    for (uint32_t i = 0; i < STERNA_REGISTRY_DEVICES; i++) {
        snprintf(last, sizeof last, ",opencl:a-device-whose-name-is-long-%02u", i);
        at = strstr(at, last);
        CHECK_MSG(t, at, "no %s in %s", last, device.snapshot);
    }
    snprintf(last, sizeof last, "15] selected=%s", device.spec);
    CHECK_MSG(t, strcmp(strstr(at, "15]"), last) == 0, "%s", device.snapshot);
    sterna_device_close(&device);
    /* Where a sentence has no room for all, it ends behind a whole name. */
    CHECK(t, sterna_device_open("abacus", 1, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_UNSUPPORTED);
    at = strstr(fault.text, "usable here: cpu:");
    const char *dots = strstr(fault.text, ", ... (sterna devices)");
    CHECK_MSG(t, at && dots && dots[strlen(", ... (sterna devices)")] == 0 && dots - at > 130, "%s",
              fault.text);
    CHECK_MSG(t, strspn(dots - 2, "0123456789") == 2 && dots[-3] == '-', "%s", fault.text);
    unsetenv("STERNA_FAKE_DEVICES");
    sterna_registry_forget();
}

/* What was asked for and what was opened stand in it whole, too. */
static void long_names_are_whole(sterna_test *t)
{
    char spec[240] = "mock:", wanted[600];
    while (strlen(spec) + 12 < sizeof spec) strcat(spec, "seed=1,");
    strcat(spec, "warp=8");
    sterna_open_device device = {0};
    sterna_fault fault = {0};
    CHECK_MSG(t, sterna_device_open(spec, 1, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK, "%s",
              fault.text);
    snprintf(wanted, sizeof wanted, "requested=%s detected=[", spec);
    CHECK_MSG(t, strncmp(device.snapshot, wanted, strlen(wanted)) == 0, "%s", device.snapshot);
    snprintf(wanted, sizeof wanted, "] selected=%s", spec);
    CHECK_MSG(t, strstr(device.snapshot, wanted) && strcmp(device.spec, spec) == 0, "%s", device.snapshot);
    sterna_device_close(&device);
}

static bool count_visits(void *context, const sterna_backend_state *backend, const sterna_device_info *info)
{
    uint32_t *left = context;
    (void)backend;
    return info->variant[0] && --*left > 0;
}

static void lists(sterna_test *t)
{
    uint32_t left = 1;
    sterna_registry_list(count_visits, &left);
    CHECK(t, left == 0);
    left = 1000;
    sterna_registry_list(count_visits, &left);
    CHECK(t, left < 1000 && left > 900);
}

static void survives_refused_memory(sterna_test *t)
{
    const int64_t live = sterna_mem_live();
    for (uint64_t n = 1;; n++) {
        sterna_open_device device = {0};
        sterna_fault_arm(STERNA_FAULT_ALLOC, n, false);
        sterna_status status = sterna_device_open("auto", 2, STERNA_PROFILE_EXACT, &device, NULL);
        uint64_t calls = sterna_fault_count(STERNA_FAULT_ALLOC);
        sterna_fault_arm(STERNA_FAULT_ALLOC, 0, false);
        sterna_device_close(&device);
        CHECK(t, sterna_mem_live() == live);
        if (n > calls) {
            CHECK(t, status == STERNA_OK);
            return;
        }
        /* A backend that only had to be looked at is left out of the list. */
        CHECK(t, status == STERNA_MEMORY || status == STERNA_OK);
    }
}

const sterna_test_case sterna_test_cases[] = {{"opens", opens, 0},
                                              {"refuses", refuses, 0},
                                              {"snapshots_are_whole", snapshots_are_whole, 0},
                                              {"long_names_are_whole", long_names_are_whole, 0},
                                              {"lists", lists, 0},
                                              {"survives_refused_memory", survives_refused_memory, 0},
                                              {0}};
