/* Drivers that crash, hang, end the program or talk cost a child process, and what happened is said. */
#include "base/child_process.h"
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/sys.h"
#include "probe_child.h"
#include "probe_wire.h"
#include "registry.h"
#include "runner.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define UNRULY STERNA_BINARY_DIR "/plugins/unruly.so"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void dies_with_a_sentence(sterna_test *t)
{
    static const struct {
        const char *mode;
        sterna_probe_task task;
        sterna_status status;
        const char *says;
    } rows[] = {
        {"abort-load", STERNA_PROBE_LIST, STERNA_DEVICE,
         "aborted (signal 6) while it was loaded: 'unruly: no /sys"},
        {"abort-list", STERNA_PROBE_LIST, STERNA_DEVICE,
         "aborted (signal 6) while it listed its devices: 'unruly"},
        {"crash-list", STERNA_PROBE_LIST, STERNA_DEVICE, "crashed (signal 11) while it listed its devices"},
        {"crash-load", STERNA_PROBE_LIST, STERNA_DEVICE, "crashed (signal 11) while it was loaded"},
        {"exit-list", STERNA_PROBE_LIST, STERNA_DEVICE, "ended the program (exit code 3) while it listed"},
        {"leave-list", STERNA_PROBE_LIST, STERNA_DEVICE, "ended the program (exit code 0) while it listed"},
        {"hang-load", STERNA_PROBE_LIST, STERNA_DEVICE, "did not answer within 1 s while it was loaded"},
        {"hang-list", STERNA_PROBE_LIST, STERNA_DEVICE,
         "did not answer within 1 s while it listed its devices"},
        {"garbage-list", STERNA_PROBE_LIST, STERNA_DEVICE, "wrote into the probe's answer while it listed"},
        {"endless-list", STERNA_PROBE_LIST, STERNA_DEVICE, "the driver wrote"},
        {"test-list", STERNA_PROBE_LIST, STERNA_DEVICE, "wrote into the probe's answer while it listed"},
        {"verdict-list", STERNA_PROBE_LIST, STERNA_DEVICE, "wrote into the probe's answer while it listed"},
        {"fault-list", STERNA_PROBE_LIST, STERNA_DEVICE, "wrote into the probe's answer while it listed"},
        {"short-list", STERNA_PROBE_LIST, STERNA_DEVICE, "wrote into the probe's answer while it listed"},
        {"ended-list", STERNA_PROBE_LIST, STERNA_DEVICE, "wrote into the probe's answer while it listed"},
        {"crowd-list", STERNA_PROBE_LIST, STERNA_DEVICE, "wrote into the probe's answer while it listed"},
        {"longer-list", STERNA_PROBE_LIST, STERNA_DEVICE, "wrote into the probe's answer while it listed"},
        {"abort-open", STERNA_PROBE_OPEN, STERNA_DEVICE, "aborted (signal 6) while it opened the device"},
        {"abort-close", STERNA_PROBE_OPEN, STERNA_DEVICE, "aborted (signal 6) while it closed the device"},
        {"hang-open", STERNA_PROBE_EXACT, STERNA_DEVICE, "did not answer within 1 s while it opened"},
        {"refuse", STERNA_PROBE_OPEN, STERNA_DEVICE, "the device is absent, lost or failed"},
        {"lost", STERNA_PROBE_EXACT, STERNA_DEVICE, "the device is absent, lost or failed"},
        {"crash-submit", STERNA_PROBE_EXACT, STERNA_DEVICE, "crashed (signal 11) while it compiled and ran"},
        {"crash-submit", STERNA_PROBE_TEST, STERNA_DEVICE,
         "crashed (signal 11) while it was tested: sub-buffer"},
        {"loud-list", STERNA_PROBE_LIST, STERNA_OK, ""},
        {"abort-unload", STERNA_PROBE_LIST, STERNA_OK, ""},
        {"fork-list", STERNA_PROBE_LIST, STERNA_OK, ""},
        {"many", STERNA_PROBE_LIST, STERNA_OK, ""},
        {"none", STERNA_PROBE_LIST, STERNA_OK, ""},
    };
    static sterna_probe_answer answer;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool hangs = strstr(rows[i].mode, "hang") != NULL;
        /* A sanitizer turns a signal into an exit code of its own. */
        if (SANITIZED && strstr(rows[i].says, "(signal 11)")) continue;
        setenv("UNRULY", rows[i].mode, 1);
        sterna_probe_ask(rows[i].task, UNRULY, hangs ? 1 : 60, &answer);
        if (!EXPECT(t, answer.status == rows[i].status && strstr(answer.why, rows[i].says)))
            sterna_test_note(t, "%s: %s: %s", rows[i].mode, sterna_status_name(answer.status), answer.why);
        if (hangs) EXPECT(t, answer.seconds > 0.9 && answer.seconds < 10);
        if (rows[i].task == STERNA_PROBE_TEST) /* what was found before stays */
            EXPECT(t, answer.n_rows == 2 && answer.rows[1].verdict == STERNA_SELF_PASSED);
        if (!strcmp(rows[i].mode, "many")) EXPECT(t, answer.n_devices == STERNA_REGISTRY_DEVICES);
        if (!strcmp(rows[i].mode, "none")) EXPECT(t, answer.n_devices == 0);
        if (strstr(rows[i].says, "probe's answer")) EXPECT(t, answer.n_devices == 0 && answer.n_rows == 0);
    }
}

static void a_crash_is_a_sentence_under_sanitizers(sterna_test *t)
{
    static sterna_probe_answer answer;
    setenv("UNRULY", "crash-list", 1);
    sterna_probe_ask(STERNA_PROBE_LIST, UNRULY, 60, &answer);
    CHECK_MSG(t, answer.status == STERNA_DEVICE && strstr(answer.why, "while it listed its devices"), "%s",
              answer.why);
}

static void texts_are_tidied(sterna_test *t)
{
    static sterna_probe_answer answer;
    setenv("UNRULY", "text", 1);
    sterna_probe_ask(STERNA_PROBE_LIST, UNRULY, 60, &answer);
    CHECK_MSG(t, answer.status == STERNA_OK && answer.n_devices == 1, "%s", answer.why);
    CHECK(t, strlen(answer.devices[0].description) == sizeof answer.devices[0].description - 1);
    CHECK(t, !strncmp(answer.devices[0].description, "x  x x", 6));
}

/* The group is killed: nothing that a driver started lives on. */
static void leaves_nobody_behind(sterna_test *t)
{
    static sterna_probe_answer answer;
    char path[600], text[32] = "";
    snprintf(path, sizeof path, "%s/pid", sterna_test_folder(t));
    setenv("UNRULY", "fork-list", 1);
    setenv("UNRULY_PID", path, 1);
    sterna_probe_ask(STERNA_PROBE_LIST, UNRULY, 60, &answer);
    CHECK_MSG(t, answer.status == STERNA_OK && answer.seconds < 30, "%s", answer.why);
    FILE *file = fopen(path, "r");
    if (!file) return; /* killed before it could say who it is */
    bool told = fgets(text, sizeof text, file) != NULL;
    fclose(file);
    int pid = told ? atoi(text) : 0;
    for (int i = 0; pid > 0 && i < 500; i++) {
        char state[64] = "", stat[300] = "";
        snprintf(state, sizeof state, "/proc/%d/stat", pid);
        FILE *process = fopen(state, "r"); /* an orphan that nobody reaps stays as a zombie */
        if (!process) return;
        bool zombie = fgets(stat, sizeof stat, process) && strstr(stat, ") Z ");
        fclose(process);
        if (zombie) return;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    CHECK_MSG(t, pid == 0, "process %d lives on", pid);
}

static uint32_t open_descriptors(void)
{
    uint32_t n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder)) n++;
    if (folder) closedir(folder);
    return n;
}

static void every_failure_is_an_error(sterna_test *t)
{
    static sterna_probe_answer answer;
    const int64_t live = sterna_mem_live();
    unsetenv("UNRULY");
    for (int kind = 0; kind < STERNA_FAULT_KINDS; kind++)
        for (uint64_t n = 1;; n++) {
            const uint32_t descriptors = open_descriptors();
            sterna_fault_arm((sterna_fault_kind)kind, n, false);
            sterna_probe_ask(STERNA_PROBE_LIST, UNRULY, 0, &answer);
            uint64_t calls = sterna_fault_count((sterna_fault_kind)kind);
            sterna_fault_arm((sterna_fault_kind)kind, 0, false);
            CHECK(t, sterna_mem_live() == live && open_descriptors() == descriptors);
            if (n > calls) {
                CHECK_MSG(t, answer.status == STERNA_OK && n > 2, "%s", answer.why);
                break;
            }
            CHECK_MSG(t,
                      answer.status == (kind == STERNA_FAULT_ALLOC ? STERNA_MEMORY : STERNA_FILE) &&
                          answer.why[0],
                      "fault %llu: %s", (unsigned long long)n, answer.why);
        }
}

static void several_at_a_time(sterna_test *t)
{
    static sterna_probe_answer answer;
    sterna_probe_child *children[4];
    unsetenv("UNRULY");
    setenv("UNRULY", "hang-list", 1);
    CHECK(t, sterna_probe_start(STERNA_PROBE_LIST, UNRULY, 1, &children[0], NULL) == STERNA_OK);
    unsetenv("UNRULY");
    for (int i = 1; i < 4; i++)
        CHECK(t, sterna_probe_start(STERNA_PROBE_LIST, UNRULY, 20, &children[i], NULL) == STERNA_OK);
    const double begin = sterna_sys_now();
    for (int i = 0; i < 4; i++) {
        sterna_probe_finish(children[i], &answer);
        EXPECT(t, answer.status == (i ? STERNA_OK : STERNA_DEVICE));
    }
    CHECK(t, sterna_sys_now() - begin < 15);
}

/* A program of another build is told apart, not misunderstood. */
static void another_build_is_refused(sterna_test *t)
{
    const char *arguments[] = {"sterna-probe", "--sterna-probe", "0.0.0-1", "5", "list", "cpu", NULL};
    sterna_child *child;
    sterna_child_end end;
    CHECK(t, sterna_child_start(STERNA_BINARY_DIR "/bin/sterna-probe", arguments, 20, &child, NULL) ==
                 STERNA_OK);
    CHECK(t, sterna_child_finish(child, &end, NULL) == STERNA_OK);
    CHECK(t, end.fate == STERNA_CHILD_EXITED && end.number == 2 && end.bytes == 0);
    CHECK_MSG(t, strstr(end.words, "is of another build"), "%s", end.words);
    sterna_free(end.answer);
}

/* A child whose parent does not come back ends by itself when its time is over. */
static void children_end_without_a_parent(sterna_test *t)
{
    char version[64];
    sterna_child *child;
    sterna_child_end end;
    sterna_probe_version(version);
    const char *arguments[] = {"sterna-probe", "--sterna-probe", version, "1", "list", UNRULY, NULL};
    setenv("UNRULY", "hang-list", 1);
    const double begin = sterna_sys_now();
    CHECK(t, sterna_child_start(STERNA_BINARY_DIR "/bin/sterna-probe", arguments, 60, &child, NULL) ==
                 STERNA_OK);
    CHECK(t, sterna_child_finish(child, &end, NULL) == STERNA_OK);
    CHECK_MSG(t, end.fate == STERNA_CHILD_SIGNALLED && sterna_sys_now() - begin < 30, "fate %d after %g s",
              (int)end.fate, sterna_sys_now() - begin);
    sterna_free(end.answer);
}

/* The host may ignore SIGCHLD and block every signal. */
static void any_host_will_do(sterna_test *t)
{
    static sterna_probe_answer answer;
    sigset_t all;
    signal(SIGCHLD, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    unsetenv("UNRULY");
    sterna_probe_ask(STERNA_PROBE_LIST, UNRULY, 0, &answer);
    CHECK_MSG(t, answer.status == STERNA_OK && answer.n_devices == 1, "%s", answer.why);
    setenv("UNRULY", "abort-list", 1);
    sterna_probe_ask(STERNA_PROBE_LIST, UNRULY, 0, &answer);
    CHECK_MSG(t, answer.status == STERNA_DEVICE, "%s", answer.why);
}

static void a_sound_device_passes(sterna_test *t)
{
    static sterna_probe_answer answer;
    sterna_probe_ask(STERNA_PROBE_TEST, "cpu:scalar", 0, &answer);
    CHECK_MSG(t, answer.status == STERNA_OK && answer.n_rows == STERNA_SELF_COUNT, "%s", answer.why);
    for (uint32_t i = 0; i < answer.n_rows; i++)
        CHECK_MSG(t, answer.rows[i].test == i && answer.rows[i].verdict != STERNA_SELF_FAILED, "%s: %s",
                  sterna_self_name(i), answer.rows[i].text);
    CHECK(t, answer.n_devices == 1 && !strcmp(answer.devices[0].variant, "scalar"));
    sterna_probe_ask(STERNA_PROBE_EXACT, "cpu:scalar", 0, &answer);
    CHECK(t, answer.status == STERNA_OK && answer.probe.exact && answer.probe.compared > 20000);
    sterna_probe_ask(STERNA_PROBE_OPEN, "cpu:sse9", 0, &answer);
    CHECK_MSG(t, answer.status == STERNA_UNSUPPORTED && strstr(answer.why, "unknown level"), "%s",
              answer.why);
}

const sterna_test_case sterna_test_cases[] = {
    {"dies_with_a_sentence", dies_with_a_sentence, 90},
    {"a_crash_is_a_sentence_under_sanitizers", a_crash_is_a_sentence_under_sanitizers, 0},
    {"texts_are_tidied", texts_are_tidied, 0},
    {"leaves_nobody_behind", leaves_nobody_behind, 60},
    {"every_failure_is_an_error", every_failure_is_an_error, 60},
    {"several_at_a_time", several_at_a_time, 60},
    {"another_build_is_refused", another_build_is_refused, 0},
    {"children_end_without_a_parent", children_end_without_a_parent, 60},
    {"any_host_will_do", any_host_will_do, 60},
    {"a_sound_device_passes", a_sound_device_passes, 60},
    {0}};
