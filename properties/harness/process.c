/* Child processes under watch. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, sigabbrev_np, prctl */
#include "harness/process.h"
#include "base/sys.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void *sterna_process_map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void sterna_process_unmap(void *memory, size_t bytes)
{
    if (memory) munmap(memory, bytes);
}

double sterna_process_patience(void)
{
    const char *text = sterna_sys_getenv("STERNA_TIME_SCALE");
    double scale = text ? strtod(text, NULL) : 1.0;
    return 60 * (scale > 0 && scale <= 1000 ? scale : 1.0);
}

static void be_child(bool quiet)
{
    struct rlimit none = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &none);
    int nothing = quiet ? open("/dev/null", O_WRONLY) : -1;
    if (nothing >= 0) dup2(nothing, STDERR_FILENO);
}

sterna_verdict sterna_process_run(void (*body)(void *context), void *context, sterna_pulse *pulse,
                                  double seconds, bool quiet)
{
    sterna_verdict v = {0};
    int ended = 0;
    atomic_store(&pulse->finished, 0);
    fflush(NULL); /* or the child would print the parent's buffers again */
    pid_t child = fork();
    if (child == 0) {
        be_child(quiet);
        body(context);
        atomic_store(&pulse->finished, 1);
        _exit(0);
    }
    if (child < 0) {
        sterna_judge(&v, STERNA_VERDICT_REFUSED, "no process for the case");
        return v;
    }
    uint32_t beat = atomic_load(&pulse->beats);
    double since = sterna_sys_now();
    for (uint32_t naps = 0; waitpid(child, &ended, WNOHANG) == 0; naps++) {
        poll(NULL, 0, naps < 50 ? 1 : 10);
        if (atomic_load(&pulse->beats) != beat) {
            beat = atomic_load(&pulse->beats);
            since = sterna_sys_now();
        } else if (sterna_sys_now() - since > seconds) {
            kill(child, SIGKILL);
            waitpid(child, &ended, 0);
            sterna_judge(&v, STERNA_VERDICT_HANG, "no result within %.3g s", seconds);
            return v;
        }
    }
    if (WIFSIGNALED(ended)) {
        const char *name = sigabbrev_np(WTERMSIG(ended));
        sterna_judge(&v, STERNA_VERDICT_CRASH, "killed by SIG%s", name ? name : "?");
    } else if (WEXITSTATUS(ended) != 0 || !atomic_load(&pulse->finished)) {
        sterna_judge(&v, STERNA_VERDICT_CRASH, "ended with exit code %d before its time", WEXITSTATUS(ended));
    }
    return v;
}
