/* Environment variables: switches, misspelt names, and that every variable an option reads is in the table. */
#include "base/env.h"
#include "runner.h"
#include <stdlib.h>
#include <string.h>

static char warned[256];
static int warnings;

static void take(const char *name)
{
    warnings++;
    strncpy(warned, name, sizeof warned - 1);
}

static void switches(sterna_test *t)
{
    static const struct {
        const char *text;
        int want; /* -1: refused */
    } rows[] = {{"1", 1},   {"true", 1}, {"on", 1}, {"yes", 1},   {"0", 0},   {"false", 0},   {"", 0},
                {"off", 0}, {"no", 0},   {"2", -1}, {"TRUE", -1}, {" 1", -1}, {"perhaps", -1}};
    bool value = true;
    unsetenv("STERNA_STRICT");
    CHECK(t, sterna_env_flag(STERNA_ENV_STRICT, &value, NULL) == STERNA_OK && !value);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sterna_fault fault = {0};
        setenv("STERNA_STRICT", rows[i].text, 1);
        sterna_status status = sterna_env_flag(STERNA_ENV_STRICT, &value, &fault);
        bool right = rows[i].want < 0 ? status == STERNA_USAGE && strstr(fault.text, "STERNA_STRICT")
                                      : status == STERNA_OK && value == (rows[i].want == 1);
        if (!EXPECT(t, right)) sterna_test_note(t, "'%s'", rows[i].text);
    }
}

static void unknown_names(sterna_test *t)
{
    for (int i = 0; i < STERNA_ENV_COUNT; i++) setenv(sterna_env_name((sterna_env)i), "1", 1);
    warnings = 0;
    sterna_env_warn_unknown(take);
    CHECK_MSG(t, warnings == 0, "%s", warned);
    setenv("STERNA_STRICKT", "1", 1);
    setenv("STERN_STRICT", "1", 1);
    sterna_env_warn_unknown(take);
    CHECK(t, warnings == 1 && strcmp(warned, "STERNA_STRICKT") == 0);
    CHECK(t, strcmp(sterna_env_get(STERNA_ENV_MODEL), "1") == 0);
    setenv("STERNA_MODEL", "", 1);
    CHECK(t, sterna_env_get(STERNA_ENV_MODEL) == NULL);
}

static void values_are_read_strictly(sterna_test *t)
{
    static const struct {
        const char *name, *text;
        bool legal;
        const char *says;
    } rows[] = {{"STERNA_STRICT", "maybe", false, "want 1 or 0"},
                {"STERNA_STRICT", "yes", true, ""},
                {"STERNA_VERIFY_UPLOAD", "2", false, "want 1 or 0"},
                {"STERNA_THREADS", "0", true, ""},
                {"STERNA_THREADS", "1024", true, ""},
                {"STERNA_THREADS", "1025", false, "want a whole number from 0 to 1024"},
                {"STERNA_THREADS", "-1", false, "whole number"},
                {"STERNA_THREADS", "4 ", false, "whole number"},
                {"STERNA_THREADS", "four", false, "whole number"},
                {"STERNA_THREADS", "1.0", false, "whole number"},
                {"STERNA_THREADS", "0000000000000000000000001", false, "whole number"},
                {"STERNA_JOBS", "0", false, "from 1 to 1024"},
                {"STERNA_TIME_SCALE", "2.5", true, ""},
                {"STERNA_TIME_SCALE", ".5", false, "want a number from 0 to 10000"},
                {"STERNA_TIME_SCALE", "1e3", false, "want a number"},
                {"STERNA_TIME_SCALE", "", true, ""},
                {"STERNA_DEVICE", "anything at all", true, ""}};
    for (int i = 0; i < STERNA_ENV_COUNT; i++) unsetenv(sterna_env_name((sterna_env)i));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sterna_fault fault = {0};
        setenv(rows[i].name, rows[i].text, 1);
        sterna_status status = sterna_env_check(&fault);
        bool right = rows[i].legal ? status == STERNA_OK
                                   : status == STERNA_USAGE && strstr(fault.text, rows[i].name) &&
                                         strstr(fault.text, rows[i].says);
        if (!EXPECT(t, right)) sterna_test_note(t, "%s='%s': %s", rows[i].name, rows[i].text, fault.text);
        unsetenv(rows[i].name);
    }
}

const sterna_test_case sterna_test_cases[] = {{"values_are_read_strictly", values_are_read_strictly, 0},
                                              {"switches", switches, 0},
                                              {"unknown_names", unknown_names, 0},
                                              {0}};
