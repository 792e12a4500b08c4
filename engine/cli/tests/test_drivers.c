/* The program on the drivers of this machine, and on drivers that are planted: an OpenCL and a Vulkan loader are given a
 * library that aborts, crashes or hangs when it is loaded. The program lists the rest, says what happened, and is quick. */
#include "base/sys.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM "'" STERNA_BINARY_DIR "/bin/sterna'"
#define UNRULY  STERNA_BINARY_DIR "/plugins/unruly.so"

static char text[1 << 16];

static int run(sterna_test *t, const char *command)
{
    sterna_test_note(t, "%s", command);
    return sterna_test_shell(t, command, text, sizeof text);
}

static bool have(sterna_test *t, const char *backend)
{
    char command[300];
    snprintf(command, sizeof command, PROGRAM " devices | grep '^%s[: ]' | grep -v ' absent '", backend);
    return run(t, command) == 0;
}

/* Every test of the device passes or says what it would need; and it is the device that was asked for. */
static void examine(sterna_test *t, const char *spec, const char *kind)
{
    char command[300];
    snprintf(command, sizeof command, PROGRAM " doctor --device %s 2>&1", spec);
    CHECK(t, run(t, command) == 0);
    static const char *const must[] = {"allocation  passed", "copies      passed", "sub-buffer  passed",
                                       "events      passed", "arithmetic  passed"};
    for (size_t i = 0; i < sizeof must / sizeof *must; i++) CHECK(t, strstr(text, must[i]));
    CHECK(t, strstr(text, kind) && strstr(text, "driver ") && !strstr(text, "FAILED"));
    CHECK(t, strstr(text, "2 GiB ") && strstr(text, "4 GiB "));
}

static void pocl(sterna_test *t)
{
    if (!have(t, "opencl:pocl")) SKIP(t, "no PoCL here: %.200s", text);
    examine(t, "opencl:pocl", "    emulated");
    CHECK(t, run(t, PROGRAM " devices") == 0);
    CHECK(t, strstr(text, "auto takes cpu:") && strstr(text, "     not opencl:pocl: runs on the processor"));
}

/* Compiling every kernel takes PoCL longer than the second that it gets here, and nobody compiles them before that. */
static void doctor_has_its_time(sterna_test *t)
{
    char command[2000];
    if (!have(t, "opencl:pocl")) SKIP(t, "no PoCL here: %.200s", text);
    snprintf(command, sizeof command,
             "STERNA_CACHE=off POCL_CACHE_DIR='%s' " PROGRAM " doctor --device opencl:pocl --seconds 1 2>&1",
             sterna_test_folder(t));
    const double begin = sterna_sys_now();
    CHECK(t, run(t, command) == 5);
    CHECK(t, strstr(text, "the driver did not answer within 1 s while it "));
    CHECK(t, sterna_sys_now() - begin < 7);
}

static void lavapipe(sterna_test *t)
{
    if (!have(t, "vulkan:llvmpipe")) SKIP(t, "no lavapipe here: %.200s", text);
    examine(t, "vulkan:llvmpipe", "    emulated");
    CHECK(t, run(t, PROGRAM " devices") == 0);
    CHECK(t, strstr(text, "     not vulkan:llvmpipe: runs on the processor"));
}

/* Which folder of OpenCL drivers, which list of Vulkan drivers: files that name the planted library. */
static bool plant(sterna_test *t, char environment[1200])
{
    char path[600];
    const char *folder = sterna_test_folder(t);
    snprintf(path, sizeof path, "%s/vendors", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/vendors/unruly.icd", folder);
    FILE *icd = fopen(path, "w");
    if (!icd || fprintf(icd, UNRULY "\n") < 0 || fclose(icd) != 0) return false;
    snprintf(path, sizeof path, "%s/unruly.json", folder);
    icd = fopen(path, "w");
    if (!icd ||
        fprintf(icd, "{\"file_format_version\":\"1.0.0\",\"ICD\":{\"library_path\":\"" UNRULY
                     "\",\"api_version\":\"1.3.0\"}}\n") < 0 ||
        fclose(icd) != 0)
        return false;
    snprintf(environment, 1200, "OCL_ICD_VENDORS='%s/vendors' VK_ICD_FILENAMES='%s/unruly.json' ", folder,
             folder);
    return true;
}

/* True where the backend is built and its loader is here: only a loader loads a planted driver. */
static bool loads_drivers(sterna_test *t, const char *backend)
{
    char command[300];
    snprintf(command, sizeof command,
             PROGRAM " devices | grep '^%s' | grep -v -e 'not part of this build' -e 'cannot be loaded'",
             backend);
    return run(t, command) == 0;
}

static void a_driver_that_dies_is_a_line(sterna_test *t, const char *backend)
{
    static const struct {
        const char *mode, *says;
    } rows[] = {
        {"abort-load", "the driver aborted (signal 6) while it listed its devices: 'unruly: no /sys here"},
        {"crash-load", "while it listed its devices"},
        {"exit-load", "the driver ended the program (exit code 3) while it listed its devices"}};
    char environment[1200], command[2000];
    if (!loads_drivers(t, backend)) SKIP(t, "%s is not built, or its loader is not here", backend);
    CHECK(t, plant(t, environment));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(command, sizeof command, "%s UNRULY=%s " PROGRAM " devices 2>&1", environment, rows[i].mode);
        CHECK(t, run(t, command) == 0);
        CHECK(t, strstr(text, "cpu:scalar") && strstr(text, "auto takes cpu:")); /* the others are listed */
        CHECK(t, strstr(text, rows[i].says));
        snprintf(command, sizeof command,
                 "%s UNRULY=%s " PROGRAM " run -m golden/models/golden.gguf -p x -n 1 --device %s 2>&1",
                 environment, rows[i].mode, backend);
        CHECK(t, run(t, command) == 5);
        CHECK(t, strstr(text, rows[i].says) && strstr(text, "usable here: cpu:"));
    }
    /* The same library, well behaved, is no driver: nothing is listed, and that is no crash. */
    snprintf(command, sizeof command, "%s " PROGRAM " devices 2>&1", environment);
    CHECK(t, run(t, command) == 0 && !strstr(text, "while it listed"));
    snprintf(command, sizeof command, "%s " PROGRAM " doctor 2>&1", environment);
    CHECK(t, run(t, command) == 0);
    snprintf(command, sizeof command, "\n%s: compiled; nothing detected: ", backend);
    CHECK(t, strstr(text, command));
}

static void opencl_drivers_that_die(sterna_test *t)
{
    a_driver_that_dies_is_a_line(t, "opencl");
}

static void vulkan_drivers_that_die(sterna_test *t)
{
    a_driver_that_dies_is_a_line(t, "vulkan");
}

static void a_driver_that_hangs_is_a_line(sterna_test *t)
{
    char environment[1200], command[2000];
    if (!loads_drivers(t, "opencl")) SKIP(t, "OpenCL is not built, or its loader is not here");
    CHECK(t, plant(t, environment));
    const double begin = sterna_sys_now();
    snprintf(command, sizeof command, "%s STERNA_DRIVER_SECONDS=3 UNRULY=hang-load " PROGRAM " devices 2>&1",
             environment);
    CHECK(t, run(t, command) == 0);
    CHECK(t, strstr(text, "the driver did not answer within 3 s while it listed its devices"));
    CHECK(t, sterna_sys_now() - begin < 9); /* both drivers hang at the same time */
    /* Who does not ask for it does not meet it. */
    const double without = sterna_sys_now();
    snprintf(command, sizeof command,
             "%s UNRULY=hang-load " PROGRAM
             " run -m golden/models/golden.gguf -p x -n 1 -q --strict --device cpu 2>&1",
             environment);
    CHECK(t, run(t, command) == 0);
    CHECK(t, sterna_sys_now() - without < 9);
}

static void plug_ins_are_tested_in_a_child(sterna_test *t)
{
    CHECK(t, run(t, PROGRAM " doctor --device '" UNRULY "':scalar 2>&1") == 0);
    CHECK(t, strstr(text, "arithmetic  passed"));
    CHECK(t, run(t, "UNRULY=abort-submit " PROGRAM " doctor --device '" UNRULY "' 2>&1") == 5);
    CHECK(t, strstr(text, "copies      passed") &&
                 strstr(text, "aborted (signal 6) while it was tested: sub-buffer"));
    CHECK(t, run(t, "UNRULY=abort-load " PROGRAM " doctor --json --device '" UNRULY "' 2>/dev/null") == 5);
    CHECK(t, strstr(text, "\"died\":\t\"the driver aborted (signal 6) while it was loaded"));
    CHECK(t, run(t, "UNRULY=refuse " PROGRAM " doctor --device '" UNRULY "' 2>&1") == 5);
    CHECK(t, run(t, "UNRULY=hang-open " PROGRAM " doctor --seconds 1 --device '" UNRULY "' 2>&1") == 5);
    CHECK(t, strstr(text, "the driver did not answer within 1 s while it opened the device"));
}

/* Exact by its probe, and wrong in what it computes: strict mode compares that with the reference. */
static void strict_mode_looks_at_the_work(sterna_test *t)
{
    static const char run_strict[] =
        PROGRAM " run -m golden/models/golden.gguf -p x -n 1 -q --strict --device '" UNRULY "':scalar 2>&1";
    char command[800];
    CHECK(t, run(t, run_strict) == 0);
    snprintf(command, sizeof command, "UNRULY=lazy %s", run_strict);
    CHECK(t, run(t, command) == 8);
    CHECK(t, strstr(text, "differs from the reference in "));
}

/* What lies behind a mock of a vendor's library is a mock. */
static void mocks_behind_drivers_are_refused(sterna_test *t)
{
    static const struct {
        const char *backend, *library;
    } rows[] = {{"cuda", "STERNA_CUDA_LIBRARY='" STERNA_BINARY_DIR "/mockgpu/vendor/cuda/libcuda.so.1'"},
                {"hip", "STERNA_HIP_LIBRARY='" STERNA_BINARY_DIR "/mockgpu/vendor/hip/libamdhip64.so'"}};
    uint32_t found = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char command[900];
        snprintf(command, sizeof command, "%s " PROGRAM " devices | grep '^%s:.* usable .*, mock'",
                 rows[i].library, rows[i].backend);
        if (run(t, command) != 0) continue;
        found++;
        snprintf(command, sizeof command, "%s " PROGRAM " check --op add -n 1 --strict --backend %s 2>&1",
                 rows[i].library, rows[i].backend);
        CHECK(t, run(t, command) == 8 && strstr(text, " is a mock"));
    }
    if (!found) SKIP(t, "no mock of a vendor's library was built");
}

/* Of all devices at once: those that cannot be used are listed and not tested, and what fails is told at the end. */
static void what_fails_is_a_finding(sterna_test *t)
{
    CHECK(t, run(t, "STERNA_FAKE_DEVICES='hip:9,kind=discrete;vulkan:a1,kind=discrete,usable=0' " PROGRAM
                    " doctor --json 2>&1") == 0);
    CHECK(t, strstr(text, "1 findings; the first: hip:9: "));
    const char *hip = strstr(text, "\"hip:9\""), *vulkan = strstr(text, "\"vulkan:a1\"");
    CHECK(t, hip && strstr(hip, "\"died\":\t\"") && vulkan && strstr(vulkan, "\"usable\":\tfalse"));
    CHECK(t, strstr(text, "\"backend\":\t\"opencl\",\n\t\t\t\"compiled\""));
    size_t tested = 0;
    for (const char *at = text; (at = strstr(at, "\"tests\":")); at++) tested++;
    size_t listed = 0;
    for (const char *at = text; (at = strstr(at, "\"device\":")); at++) listed++;
    CHECK_MSG(t, tested > 1 && tested + 1 == listed, "%zu tested of %zu", tested, listed);
}

const sterna_test_case sterna_test_cases[] = {
    {"pocl", pocl, 120},
    {"doctor_has_its_time", doctor_has_its_time, 0},
    {"lavapipe", lavapipe, 120},
    {"opencl_drivers_that_die", opencl_drivers_that_die, 120},
    {"vulkan_drivers_that_die", vulkan_drivers_that_die, 120},
    {"a_driver_that_hangs_is_a_line", a_driver_that_hangs_is_a_line, 120},
    {"plug_ins_are_tested_in_a_child", plug_ins_are_tested_in_a_child, 120},
    {"strict_mode_looks_at_the_work", strict_mode_looks_at_the_work, 60},
    {"mocks_behind_drivers_are_refused", mocks_behind_drivers_are_refused, 60},
    {"what_fails_is_a_finding", what_fails_is_a_finding, 120},
    {0}};
