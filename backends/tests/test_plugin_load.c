/* Loading foreign backends: each defect of a library or its table is refused by name, and nothing stays loaded. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "registry.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>

typedef struct defect {
    const char *library;
    sterna_status status;
    const char *says;
} defect;

static const defect defects[] = {
    {"no_table", STERNA_UNSUPPORTED, "does not speak ABI version 1"},
    {"other_version", STERNA_UNSUPPORTED, "speaks ABI version 2"},
    {"short_table", STERNA_UNSUPPORTED, "rebuild it"},
    {"missing_member", STERNA_UNSUPPORTED, "lacks submit"},
    {"empty_name", STERNA_UNSUPPORTED, "name must have"},
    {"no_entry", STERNA_UNSUPPORTED, "exports no sterna_backend_entry"},
    {"absent", STERNA_FILE, "cannot load"},
};

static void library_path(char *path, size_t capacity, const char *name)
{
    snprintf(path, capacity, "%s/plugins/%s.so", STERNA_BINARY_DIR, name);
}

static void defects_are_refused_by_name(sterna_test *t)
{
    for (size_t i = 0; i < sizeof defects / sizeof *defects; i++) {
        char path[600];
        sterna_fault fault = {0};
        sterna_open_device device = {0};
        library_path(path, sizeof path, defects[i].library);
        sterna_status status = sterna_device_open(path, 1, STERNA_PROFILE_EXACT, &device, &fault);
        if (!EXPECT(t, status == defects[i].status && strstr(fault.text, defects[i].says)))
            sterna_test_note(t, "%s: %s: %s", defects[i].library, sterna_status_name(status), fault.text);
        EXPECT(t, device.library == NULL && device.device == NULL);
    }
}

static void a_sound_table_loads(sterna_test *t)
{
    char path[600];
    void *library = NULL;
    const sterna_backend_api *api = NULL;
    sterna_fault fault = {0};
    library_path(path, sizeof path, "sound");
    CHECK_MSG(t, sterna_plugin_load(path, &library, &api, &fault) == STERNA_OK, "%s", fault.text);
    CHECK(t, strcmp(api->name, "defective") == 0);
    sterna_plugin_unload(library);
}

static void a_loader_that_fails_is_an_error(sterna_test *t)
{
    char path[600];
    void *library = NULL;
    const sterna_backend_api *api = NULL;
    sterna_fault fault = {0};
    int64_t before = sterna_mem_live();
    library_path(path, sizeof path, "sound");
    sterna_fault_arm(STERNA_FAULT_SYS, 1, false);
    sterna_status status = sterna_plugin_load(path, &library, &api, &fault);
    sterna_fault_arm(STERNA_FAULT_SYS, 0, false);
    CHECK(t, status == STERNA_FILE && !library && sterna_mem_live() == before);
}

const sterna_test_case sterna_test_cases[] = {
    {"defects_are_refused_by_name", defects_are_refused_by_name, 0},
    {"a_sound_table_loads", a_sound_table_loads, 0},
    {"a_loader_that_fails_is_an_error", a_loader_that_fails_is_an_error, 0},
    {0},
};
