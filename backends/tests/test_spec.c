/* The text of --device: where a backend's name ends, and which of its devices is meant. */
#include "registry_private.h"
#include "runner.h"
#include "spec.h"
#include <stdlib.h>
#include <string.h>

static void names_end_where_they_should(sterna_test *t)
{
    static const struct {
        const char *spec, *name, *variant;
    } rows[] = {{"cpu", "cpu", ""},
                {"cpu:avx2", "cpu", "avx2"},
                {"cpu:", "cpu", ""},
                {"./x.so", "./x.so", ""},
                {"./x.so:1", "./x.so", "1"},
                {"x.so:a:b", "x.so", "a:b"},
                {"/a/b.so/c.so:1", "/a/b.so/c.so", "1"},
                {"./folder:x/thing", "./folder:x/thing", ""},
                {"toaster:2", "toaster", "2"},
                {"cpu:./x.so", "cpu", "./x.so"}};
    char name[STERNA_SPEC_NAME], much[400];
    const char *variant;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK(t, sterna_spec_split(rows[i].spec, name, &variant, NULL) == STERNA_OK);
        if (!EXPECT(t, !strcmp(name, rows[i].name) && !strcmp(variant, rows[i].variant)))
            sterna_test_note(t, "%s: '%s' and '%s'", rows[i].spec, name, variant);
    }
    CHECK(t, sterna_spec_split("", name, &variant, NULL) == STERNA_USAGE);
    CHECK(t, sterna_spec_split(":0", name, &variant, NULL) == STERNA_USAGE);
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = 0;
    CHECK(t, sterna_spec_split(much, name, &variant, NULL) == STERNA_USAGE);
    /* The longest name, and one more. */
    much[STERNA_SPEC_NAME] = 0;
    CHECK(t, sterna_spec_split(much, name, &variant, NULL) == STERNA_USAGE);
    much[STERNA_SPEC_NAME - 1] = 0;
    CHECK(t,
          sterna_spec_split(much, name, &variant, NULL) == STERNA_OK && strlen(name) == STERNA_SPEC_NAME - 1);
    CHECK(t, sterna_spec_is_library("./x") && sterna_spec_is_library("x.so") && !sterna_spec_is_library("x"));
}

static void devices_are_found(sterna_test *t)
{
    static sterna_backend_state backend = {
        .name = "vulkan",
        .n_devices = 5,
        .devices = {
            {.variant = "llvmpipe", .description = "LLVM 15", .usable = 1, .kind = STERNA_KIND_EMULATED},
            {.variant = "arc", .description = "Intel Arc", .usable = 0, .kind = STERNA_KIND_DISCRETE},
            {.variant = "iris", .description = "Intel Iris", .usable = 1, .kind = STERNA_KIND_INTEGRATED},
            {.variant = "h100",
             .description = "NVIDIA H100",
             .driver = "560.3",
             .usable = 1,
             .kind = STERNA_KIND_DISCRETE},
            {.variant = "h1", .description = "NVIDIA H1", .usable = 1, .kind = STERNA_KIND_DISCRETE}}};
    static const struct {
        const char *wanted;
        sterna_status status;
        uint32_t index;
        const char *says;
    } rows[] = {{"", STERNA_OK, 3, ""}, /* the first usable one of the best kind */
                {"llvmpipe", STERNA_OK, 0, ""},
                {"LLVMpipe", STERNA_OK, 0, ""},
                {"iris", STERNA_OK, 2, ""},
                {"Intel Iris", STERNA_OK, 2, ""},
                {"560", STERNA_OK, 3, ""}, /* no number of a device, so a part of a driver's */
                {"h1", STERNA_OK, 4, ""},  /* a whole name before a part of one */
                {"h10", STERNA_OK, 3, ""},
                {"0", STERNA_OK, 0, ""},
                {"4", STERNA_OK, 4, ""},
                {"iris,key=1", STERNA_OK, 2, ""},
                {"key=h100", STERNA_OK, 3, ""}, /* keys alone: the best there is */
                {"intel", STERNA_USAGE, 0, "--device vulkan:intel: several of its devices have that name"},
                {"arm", STERNA_UNSUPPORTED, 0, "--device vulkan:arm: none of its devices has that name"},
                {"12", STERNA_UNSUPPORTED, 0, "there are 5 devices, from number 0"},
                {"5", STERNA_UNSUPPORTED, 0, "there are 5 devices, from number 0"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t index = 99;
        sterna_fault fault = {0};
        sterna_status status = sterna_spec_match(&backend, rows[i].wanted, &index, &fault);
        bool right = status == rows[i].status && strstr(fault.text, rows[i].says) &&
                     (status != STERNA_OK || index == rows[i].index);
        if (!EXPECT(t, right))
            sterna_test_note(t, "'%s': %s, %u, %s", rows[i].wanted, sterna_status_name(status), index,
                             fault.text);
    }
    static const sterna_backend_state none = {.name = "cuda"};
    uint32_t index;
    /* A kind that only a later version knows is an unknown one: better than the processor, worse than a GPU. */
    static sterna_backend_state later = {
        .name = "vulkan", .n_devices = 2, .devices = {{.usable = 1}, {.usable = 1, .kind = 77}}};
    later.devices[0].kind = STERNA_KIND_EMULATED;
    CHECK(t, sterna_spec_match(&later, "", &index, NULL) == STERNA_OK && index == 1);
    later.devices[0].kind = STERNA_KIND_INTEGRATED;
    CHECK(t, sterna_spec_match(&later, "", &index, NULL) == STERNA_OK && index == 0);
    CHECK(t, sterna_spec_match(&none, "", &index, NULL) == STERNA_UNSUPPORTED);
    /* What stands for no device answers for each that is asked for; its reason is told, not that a name is unknown. */
    static const sterna_backend_state absent = {
        .name = "cuda", .n_devices = 1, .devices = {{.why = "install NVIDIA's driver"}}};
    static const char *const asked[] = {"", "0", "7", "h200", "graphs=0"};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        index = 99;
        CHECK_MSG(t, sterna_spec_match(&absent, asked[i], &index, NULL) == STERNA_OK && index == 0, "%s",
                  asked[i]);
    }
}

static void strict_mode_refuses(sterna_test *t)
{
    sterna_open_device device = {0};
    sterna_fault fault = {0};
    CHECK(t, sterna_device_open("cpu:scalar", 1, STERNA_PROFILE_EXACT, &device, &fault) == STERNA_OK);
    CHECK_MSG(t, sterna_strict_device(&device, STERNA_PROFILE_EXACT, &fault) == STERNA_OK, "%s", fault.text);
    strcpy(device.passed, "cuda:0: out of contexts");
    CHECK(t, sterna_strict_device(&device, STERNA_PROFILE_EXACT, &fault) == STERNA_POLICY);
    CHECK_MSG(t, strstr(fault.text, "cpu:scalar would be a fallback, for cuda:0: out of contexts"), "%s",
              fault.text);
    sterna_device_close(&device);
}

/* A device that computes other bits is known by a child's probe before it is used, and told. */
static void a_device_that_is_not_exact_is_refused(sterna_test *t)
{
    sterna_open_device device = {.spec = "cuda:0", .info = {.usable = 1}};
    sterna_fault fault = {0};
    sterna_tried found;
    CHECK(t, setenv("STERNA_FAKE_DEVICES", "cuda:0,exact=0;cuda:1", 1) == 0);
    sterna_registry_forget();
    sterna_registry_look("cuda");
    unsetenv("STERNA_FAKE_DEVICES"); /* else strict mode has more to say */
    CHECK(t, sterna_strict_device(&device, STERNA_PROFILE_EXACT, &fault) == STERNA_POLICY);
    CHECK_MSG(t, strstr(fault.text, "cuda:0 is not exact: STERNA_FAKE_DEVICES"), "%s", fault.text);
    sterna_registry_try("cuda:1", STERNA_PROBE_EXACT, &found);
    CHECK(t, found.status == STERNA_OK && found.probe.exact);
}

const sterna_test_case sterna_test_cases[] = {
    {"names_end_where_they_should", names_end_where_they_should, 0},
    {"devices_are_found", devices_are_found, 0},
    {"strict_mode_refuses", strict_mode_refuses, 0},
    {"a_device_that_is_not_exact_is_refused", a_device_that_is_not_exact_is_refused, 0},
    {0}};
