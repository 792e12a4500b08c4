/* Spawning, listening to two pipes, killing. */
#define _GNU_SOURCE /* pipe2, dladdr */
#include "base/child_process.h"
#include "base/fault_point.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ; /* POSIX demands that the program declares it */

enum {
    ANSWER_MAX = 1 << 20,
    WORDS_KEPT = 2048,
    FIRST_FREE = 10, /* descriptors of ours lie above those that the child's are moved to */
    TICK_MS = 20,    /* how often the process is looked at while its pipes are silent */
};

struct sterna_child {
    pid_t pid;
    int channel, words; /* our ends; -1: closed by the other side */
    double deadline;
    uint8_t *answer;
    size_t bytes, capacity;
    char tail[WORDS_KEPT]; /* the end of what it printed */
    size_t n_tail;
};

static void close_one(int *descriptor)
{
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
}

/* A pipe whose ends are no standard descriptors and not the channel. */
static bool make_pipe(int ends[2])
{
    int raw[2];
    ends[0] = ends[1] = -1;
    if (sterna_fault_here(STERNA_FAULT_SYS)) {
        errno = EMFILE;
        return false;
    }
    if (pipe2(raw, O_CLOEXEC) != 0) return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(raw[i], F_DUPFD_CLOEXEC, FIRST_FREE);
        close(raw[i]);
    }
    if (ends[0] >= 0 && ends[1] >= 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) return true;
    close_one(&ends[0]);
    close_one(&ends[1]);
    return false;
}

static int fill_actions(posix_spawn_file_actions_t *actions, int words, int channel)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(actions, words, STDOUT_FILENO);
    if (error == 0) error = posix_spawn_file_actions_adddup2(actions, words, STDERR_FILENO);
    if (error == 0) error = posix_spawn_file_actions_adddup2(actions, channel, STERNA_CHILD_CHANNEL);
    return error;
}

/* A group of its own, so that compilers which a driver starts are killed with it; signals as a new program expects
 * them, whatever the caller blocks or ignores. */
static int fill_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    static const int signals[] = {SIGPIPE, SIGALRM, SIGINT, SIGTERM, SIGCHLD};
    for (size_t i = 0; i < STERNA_COUNT(signals); i++) sigaddset(&usual, signals[i]);
    int error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                         POSIX_SPAWN_SETSIGDEF);
    if (error == 0) error = posix_spawnattr_setpgroup(attributes, 0);
    if (error == 0) error = posix_spawnattr_setsigmask(attributes, &none);
    return error == 0 ? posix_spawnattr_setsigdefault(attributes, &usual) : error;
}

static int spawn(const char *program, const char *const *arguments, int words, int channel, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (sterna_fault_here(STERNA_FAULT_SYS)) return EAGAIN;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = fill_actions(&actions, words, channel);
        if (error == 0) error = fill_attributes(&attributes);
        if (error == 0)
            error = posix_spawn(pid, program, &actions, &attributes, (char *const *)arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

sterna_status sterna_child_start(const char *program, const char *const *arguments, double seconds,
                                 sterna_child **out, sterna_fault *fault)
{
    int channel[2], words[2] = {-1, -1};
    sterna_child *child = sterna_alloc(1, sizeof *child);
    if (!child) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory", program);
    int error = make_pipe(channel) && make_pipe(words) ? 0 : errno;
    if (error == 0) error = spawn(program, arguments, words[1], channel[1], &child->pid);
    close_one(&channel[1]);
    close_one(&words[1]);
    if (error != 0) {
        close_one(&channel[0]);
        close_one(&words[0]);
        sterna_free(child);
        return sterna_fail(fault, STERNA_FILE, "%s: cannot be run: %s", program, strerror(error));
    }
    child->channel = channel[0];
    child->words = words[0];
    child->deadline = sterna_sys_now() + seconds;
    *out = child;
    return STERNA_OK;
}

/* Reads what is there. STERNA_OK with the descriptor closed when the other side has closed its own. */
static sterna_status take_answer(sterna_child *child)
{
    for (;;) {
        if (child->bytes == child->capacity) {
            size_t capacity = child->capacity ? 2 * child->capacity : 4096;
            uint8_t *bigger = sterna_realloc(child->answer, capacity, 1);
            if (!bigger) return STERNA_MEMORY;
            child->answer = bigger;
            child->capacity = capacity;
        }
        ssize_t n = read(child->channel, child->answer + child->bytes, child->capacity - child->bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return STERNA_OK;
        if (n <= 0) {
            close_one(&child->channel);
            return STERNA_OK;
        }
        child->bytes += (size_t)n;
        if (child->bytes > ANSWER_MAX) return STERNA_FILE;
    }
}

static void take_words(sterna_child *child)
{
    char text[512];
    for (uint32_t rounds = 0; rounds < 64; rounds++) { /* one that prints without end must not hold us */
        ssize_t n = read(child->words, text, sizeof text);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            close_one(&child->words);
            return;
        }
        size_t room = sizeof child->tail, fresh = (size_t)n;
        size_t kept = child->n_tail + fresh > room ? room - fresh : child->n_tail;
        memmove(child->tail, child->tail + child->n_tail - kept, kept);
        memcpy(child->tail + kept, text, fresh);
        child->n_tail = kept + fresh;
    }
}

/* The last line that says something, for a sentence: printable characters of ASCII, cut at the end. */
static void last_words(const sterna_child *child, char *words, size_t room)
{
    size_t end = child->n_tail, used = 0;
    while (end > 0 && (child->tail[end - 1] <= ' ' || child->tail[end - 1] > '~')) end--;
    size_t begin = end;
    while (begin > 0 && child->tail[begin - 1] != '\n') begin--;
    for (; begin < end && used + 1 < room; begin++)
        if (child->tail[begin] >= ' ' && child->tail[begin] <= '~') words[used++] = child->tail[begin];
    words[used] = 0;
}

/* Ended, but not yet forgotten by the kernel, so that its number still means it and its group. */
static bool has_ended(const sterna_child *child)
{
    siginfo_t info = {.si_pid = 0};
    int error;
    do error = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT | WNOHANG);
    while (error != 0 && errno == EINTR);
    return error != 0 || info.si_pid != 0;
}

/* Kills it, if need be, and what it has left behind in its group. Where the host ignores SIGCHLD the kernel keeps no
 * code: taken for 0. */
static int end_it(const sterna_child *child)
{
    int state = 0;
    pid_t pid;
    kill(-child->pid, SIGKILL);
    do pid = waitpid(child->pid, &state, 0);
    while (pid < 0 && errno == EINTR);
    return pid < 0 ? 0 : state;
}

static void listen_once(sterna_child *child)
{
    struct pollfd pipes[2] = {{child->channel, POLLIN, 0}, {child->words, POLLIN, 0}};
    (void)poll(pipes, 2, TICK_MS); /* a negative descriptor is skipped; an early return does no harm */
}

/* Until it ends, speaks too much, or its time is up. */
static sterna_status follow(sterna_child *child, sterna_child_end *end)
{
    sterna_status status = STERNA_OK;
    bool ended = false, late = false;
    while (!ended && !late && status == STERNA_OK) {
        listen_once(child);
        ended = has_ended(child); /* before reading: what it wrote last is read below */
        late = sterna_sys_now() > child->deadline;
        if (child->channel >= 0) status = take_answer(child);
        if (child->words >= 0) take_words(child);
    }
    int state = end_it(child);
    if (status == STERNA_FILE) {
        end->fate = STERNA_CHILD_TALKATIVE;
        return STERNA_OK;
    }
    if (!ended)
        end->fate = STERNA_CHILD_TIMED_OUT;
    else
        end->fate = WIFSIGNALED(state) ? STERNA_CHILD_SIGNALLED : STERNA_CHILD_EXITED;
    end->number = WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state);
    return status;
}

sterna_status sterna_child_finish(sterna_child *child, sterna_child_end *end, sterna_fault *fault)
{
    *end = (sterna_child_end){.fate = STERNA_CHILD_EXITED};
    sterna_status status = follow(child, end);
    last_words(child, end->words, sizeof end->words);
    close_one(&child->channel);
    close_one(&child->words);
    if (status == STERNA_OK) {
        end->answer = child->answer;
        end->bytes = child->bytes;
    } else {
        sterna_free(child->answer);
    }
    sterna_free(child);
    return status == STERNA_OK ? STERNA_OK
                               : sterna_fail(fault, status, "out of memory for what a child process answers");
}

void sterna_child_begin(uint32_t seconds)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)fcntl(STERNA_CHILD_CHANNEL, F_SETFD, FD_CLOEXEC);
    alarm(seconds);
}

void sterna_child_leave(int code)
{
    _exit(code);
}

bool sterna_child_own_program(char *path, size_t bytes)
{
    ssize_t n = readlink("/proc/self/exe", path, bytes);
    if (n <= 0 || (size_t)n >= bytes) return false;
    path[n] = 0;
    return true;
}

bool sterna_child_own_module(char *path, size_t bytes)
{
    Dl_info module;
    static const char here; /* lies in this module */
    if (!dladdr(&here, &module) || !module.dli_fname) return false;
    /* Of a program the name is argv[0], which may be found through PATH only. */
    if (!strchr(module.dli_fname, '/')) return sterna_child_own_program(path, bytes);
    int n = snprintf(path, bytes, "%s", module.dli_fname);
    return n > 0 && (size_t)n < bytes;
}

bool sterna_child_executable(const char *path)
{
    return access(path, X_OK) == 0;
}
