/* Settings behind a device's name: what is read, and one sentence for each mistake. */
#include "base/size.h"
#include "gpu/gpu_settings.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>

typedef struct made {
    uint64_t speed, mode;
    char log[8];
} made;

static const sterna_gpu_key keys[] = {
    STERNA_GPU_NUMBER(made, speed, 2, 1u << 20, "turns a second"),
    STERNA_GPU_WORD(made, mode, "off|slow|fast", "how"),
    STERNA_GPU_TEXT(made, log, "a file"),
};

static sterna_status read_text(const char *text, char device[6], made *to, sterna_fault *fault)
{
    *fault = (sterna_fault){0};
    return sterna_gpu_settings_read("dev", text, device, 6, keys, STERNA_COUNT(keys), to, fault);
}

static void what_is_read(sterna_test *t)
{
    static const struct {
        const char *text, *device;
        made want;
    } rows[] = {
        {"", "", {7, 7, "x"}},
        {",", "", {7, 7, "x"}},
        {"abcde", "abcde", {7, 7, "x"}},
        {" ab ,speed=3", "ab", {3, 7, "x"}},
        {"speed=3,speed=1m,", "", {1 << 20, 7, "x"}},
        {",,mode=off,,", "", {7, 0, "x"}},
        {"0,mode = fast\t, log=a=b c\r", "0", {7, 2, "a=b c"}},
        {"log=1234567,mode=slow,speed=2k", "", {2048, 1, "1234567"}},
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        char device[6] = "old";
        made got = {7, 7, "x"};
        sterna_fault fault;
        CHECK_MSG(t, read_text(rows[i].text, device, &got, &fault) == STERNA_OK, "%s", fault.text);
        CHECK_MSG(t,
                  strcmp(device, rows[i].device) == 0 && got.speed == rows[i].want.speed &&
                      got.mode == rows[i].want.mode && strcmp(got.log, rows[i].want.log) == 0,
                  "'%s': '%s', %u, %u, '%s'", rows[i].text, device, (unsigned)got.speed, (unsigned)got.mode,
                  got.log);
    }
}

static void each_mistake_has_its_sentence(sterna_test *t)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"abcdef",
         "dev: device = 'abcdef' is not a text of 1 to 5 bytes (its number, or a part of its name)"},
        {"speed=3,0", "dev: '0' is not key=value"},
        {"turbo=1", "dev: unknown key 'turbo'; there are speed, mode, log"},
        {"=1", "dev: unknown key ''; there are speed, mode, log"},
        {"spee=3", "dev: unknown key 'spee'; there are speed, mode, log"},
        {"speed=1", "dev: speed = '1' is not a number from 2 to 1048576 (turns a second)"},
        {"speed=1025k", "dev: speed = '1025k' is not a number from 2 to 1048576 (turns a second)"},
        {"speed=k", "dev: speed = 'k' is not a number from 2 to 1048576 (turns a second)"},
        {"speed=", "dev: speed = '' is not a number from 2 to 1048576 (turns a second)"},
        {"speed=18446744073709551618", "dev: speed = '18446744073709551618' is not a number from 2 to "
                                       "1048576 (turns a second)"},
        {"speed=17179869184g",
         "dev: speed = '17179869184g' is not a number from 2 to 1048576 (turns a second)"},
        {"mode=fas", "dev: mode = 'fas' is not one of off|slow|fast (how)"},
        {"mode=slower", "dev: mode = 'slower' is not one of off|slow|fast (how)"},
        {"mode=", "dev: mode = '' is not one of off|slow|fast (how)"},
        {"log=12345678", "dev: log = '12345678' is not a text of 1 to 7 bytes (a file)"},
        {"log= ", "dev: log = '' is not a text of 1 to 7 bytes (a file)"},
        {"0123456789012345678901234567890123456789xyz=1",
         "dev: unknown key '0123456789012345678901234567890123456789'; there are speed, mode, log"},
    };
    for (size_t i = 0; i < STERNA_COUNT(rows); i++) {
        char device[6];
        made got = {0};
        sterna_fault fault;
        CHECK(t, read_text(rows[i].text, device, &got, &fault) == STERNA_USAGE);
        CHECK_MSG(t, strcmp(fault.text, rows[i].says) == 0, "'%s': %s", rows[i].text, fault.text);
    }
}

/* More keys than a sentence holds: it ends in dots behind a whole name, however long what stands before is. */
static void a_long_list_is_cut_visibly(sterna_test *t)
{
    static sterna_gpu_key many[60];
    static char names[60][12], where[400];
    for (size_t i = 0; i < STERNA_COUNT(many); i++) {
        snprintf(names[i], sizeof names[i], "key_%05zu", i);
        many[i] = (sterna_gpu_key){.name = names[i], .sentence = ""};
    }
    for (size_t prefix = 1; prefix < sizeof where; prefix += 7) {
        made got = {0};
        sterna_fault fault = {0};
        memset(where, 'w', prefix);
        where[prefix] = 0;
        CHECK(t, sterna_gpu_settings_one(where, "x=1", 3, many, STERNA_COUNT(many), &got, &fault) ==
                     STERNA_USAGE);
        const size_t length = strlen(fault.text);
        CHECK_MSG(t, length >= 470 && length < sizeof fault.text - 1, "%zu: %s", prefix, fault.text);
        CHECK_MSG(t, strcmp(fault.text + length - 5, ", ...") == 0, "%s", fault.text);
        const char *last = strrchr(fault.text, 'k');
        CHECK_MSG(t, last && strlen(last) == strlen("key_00000, ..."), "%s", fault.text);
    }
}

const sterna_test_case sterna_test_cases[] = {
    {"what_is_read", what_is_read, 0},
    {"each_mistake_has_its_sentence", each_mistake_has_its_sentence, 0},
    {"a_long_list_is_cut_visibly", a_long_list_is_cut_visibly, 0},
    {0},
};
