/* Test cases that misbehave in every way the runner promises to survive; test_runner.c runs this program and
 * looks at its verdicts. Not a test itself. */
#include "base/mem.h"
#include "runner.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void passes(sterna_test *t)
{
    printf("quiet unless asked\n");
    CHECK(t, 1 + 1 == 2);
}

static void fails(sterna_test *t)
{
    printf("what the case printed <&>\x01\n");
    int got = 3;
    EXPECT(t, got == 4);
    CHECK_MSG(t, got == 5, "got %d", got);
    sterna_test_note(t, "not reached");
}

static void skips(sterna_test *t)
{
    SKIP(t, "no %s\there", "moon");
}
static void aborts(sterna_test *t)
{
    (void)t, abort();
}

static void segfaults(sterna_test *t)
{
    sterna_test_note(t, "about to write through a bad pointer");
    volatile uintptr_t nowhere = 16;
    *(volatile int *)nowhere = 1;
}

static void hangs(sterna_test *t)
{
    (void)t;
    for (volatile unsigned i = 0;; i++) {}
}

static void exits_zero(sterna_test *t)
{
    (void)t, exit(0);
}
static void exits_three(sterna_test *t)
{
    (void)t, _exit(3);
}
static void leaks(sterna_test *t)
{
    CHECK(t, sterna_alloc(3, 1) != NULL);
}

static void fails_after_verdict(void)
{
    _exit(9);
}
static void dies_at_exit(sterna_test *t)
{
    CHECK(t, atexit(fails_after_verdict) == 0);
}

/* A grandchild that holds the output open must not keep the runner waiting. */
static void leaves_a_process(sterna_test *t)
{
    pid_t child = fork();
    CHECK(t, child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    printf("left %ld\n", (long)child);
}

static void reads_nothing(sterna_test *t)
{
    CHECK(t, getchar() == EOF);
}

static void keeps_folder(sterna_test *t)
{
    const char *folder = sterna_test_folder(t);
    char path[2048];
    snprintf(path, sizeof path, "%s/file", folder);
    FILE *file = fopen(path, "w");
    CHECK(t, file != NULL);
    CHECK(t, fclose(file) == 0);
    printf("folder %s\n", folder);
    abort();
}

const sterna_test_case sterna_test_cases[] = {
    {"passes", passes, 0},
    {"fails", fails, 0},
    {"skips", skips, 0},
    {"aborts", aborts, 0},
    {"segfaults", segfaults, 0},
    {"hangs", hangs, 1},
    {"exits_zero", exits_zero, 0},
    {"exits_three", exits_three, 0},
    {"leaks", leaks, 0},
    {"dies_at_exit", dies_at_exit, 0},
    {"leaves_a_process", leaves_a_process, 10},
    {"reads_nothing", reads_nothing, 0},
    {"keeps_folder", keeps_folder, 0},
    {0},
};
