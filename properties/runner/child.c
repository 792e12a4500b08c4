/* One case in a process of its own. Owns: fork, time limit, killing the process group, collecting output, and
 * saying in words how a child ended. Leaves to others: what the case records (case.c). */
#define _GNU_SOURCE /* pipe2, sigabbrev_np, prctl */
#include "base/mem.h"
#include "base/sys.h"
#include "case.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_LIMIT = 256 * 1024, POLL_MS = 50 };

/* The last OUTPUT_LIMIT / 2 bytes at least of what the child wrote. */
typedef struct output {
    char *text;
    size_t length, capacity;
} output;

static void keep_output(output *out, const char *bytes, size_t count)
{
    if (out->length + count + 1 > OUTPUT_LIMIT) {
        size_t kept = OUTPUT_LIMIT / 2 < out->length ? OUTPUT_LIMIT / 2 : out->length;
        memmove(out->text, out->text + out->length - kept, kept);
        out->length = kept;
    }
    if (out->length + count + 1 > out->capacity) {
        size_t capacity = out->capacity ? out->capacity * 2 : 8192;
        while (capacity < out->length + count + 1) capacity *= 2;
        char *bigger = sterna_realloc(out->text, capacity, 1);
        if (!bigger) return;
        out->text = bigger;
        out->capacity = capacity;
    }
    memcpy(out->text + out->length, bytes, count);
    out->length += count;
    out->text[out->length] = 0;
}

/* The group that a signal to the runner has to take along. */
static volatile sig_atomic_t running_group;

static void end_with_child(int number)
{
    if (running_group > 0) kill(-(pid_t)running_group, SIGKILL);
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = end_with_child};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static void child_main(sterna_test *t, const sterna_test_case *entry, int descriptor)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the runner itself is killed */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing > 0) dup2(nothing, STDIN_FILENO), close(nothing);
    dup2(descriptor, STDOUT_FILENO);
    dup2(descriptor, STDERR_FILENO);
    close(descriptor);
    setvbuf(stdout, NULL, _IOLBF, 0); /* so that a crash loses no whole line */
    sterna_case_run(t, entry->body);
    /* exit, not _exit: leak checkers and coverage report from there. */
    exit(0);
}

/* Reads what is there; false at end of file. */
static bool drain(int descriptor, output *out)
{
    char bytes[16384];
    for (;;) {
        ssize_t n = read(descriptor, bytes, sizeof bytes);
        if (n > 0)
            keep_output(out, bytes, (size_t)n);
        else if (n < 0 && errno == EINTR)
            continue;
        else
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
}

/* Waits for the child while reading its output; false when it had to be killed at the time limit. */
static bool wait_child(pid_t child, int descriptor, double limit, output *out, int *ended)
{
    double deadline = sterna_sys_now() + limit;
    bool open = true;
    for (;;) {
        pid_t done = waitpid(child, ended, WNOHANG);
        if (done == child) break;
        if (sterna_sys_now() > deadline) {
            kill(-child, SIGKILL);
            waitpid(child, ended, 0);
            drain(descriptor, out);
            return false;
        }
        /* At end of file the child is about to end, or has closed its output on purpose: look often. */
        struct pollfd watched = {.fd = descriptor, .events = POLLIN};
        if (open && poll(&watched, 1, POLL_MS) > 0)
            open = drain(descriptor, out);
        else if (!open)
            poll(NULL, 0, 1);
    }
    kill(-child, SIGKILL); /* what the case left running */
    drain(descriptor, out);
    return true;
}

char *sterna_child_run(sterna_test *t, const sterna_test_case *entry, double limit)
{
    int ends[2], ended = 0;
    output out = {0};
    watch_signals();
    if (pipe2(ends, O_CLOEXEC) != 0) {
        sterna_case_blame(t, "no pipe: %s", strerror(errno));
        return NULL;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fflush(NULL); /* or the child would print the parent's buffers again */
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        child_main(t, entry, ends[1]);
    }
    close(ends[1]);
    if (child < 0) {
        sterna_case_blame(t, "no process: %s", strerror(errno));
        close(ends[0]);
        return NULL;
    }
    setpgid(child, child); /* here, too: whoever comes first */
    running_group = child;
    bool in_time = wait_child(child, ends[0], limit, &out, &ended);
    running_group = 0;
    close(ends[0]);

    bool verdict = atomic_load(&t->state) != CASE_RUNNING;
    const char *when = verdict ? "after its verdict" : "without a verdict";
    if (!in_time) {
        sterna_case_blame(t, "hang: ran longer than %.3g s", limit);
    } else if (WIFSIGNALED(ended)) {
        const char *name = sigabbrev_np(WTERMSIG(ended));
        sterna_case_blame(t, "crash: killed by SIG%s", name ? name : "?");
    } else if (WEXITSTATUS(ended) != 0 || !verdict) {
        sterna_case_blame(t, "crash: ended with exit code %d %s", WEXITSTATUS(ended), when);
    }
    return out.text;
}
