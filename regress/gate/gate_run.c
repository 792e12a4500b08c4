/* Child processes of the gate: one at a time, in turn. */
#define _GNU_SOURCE /* pipe2 */
#include "gate/gate_run.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/sys.h"
#include "cli/say.h"
#include "measure/measure.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PADDING_MAX = 4096, OUTPUT_MAX = 64 << 20 };

/* The environment with one more variable, of a length that varies. */
static char **padded(char *variable, uint32_t padding)
{
    size_t n = 0;
    static const char name[] = "GATE_PADDING=";
    while (environ[n]) n++;
    char **all = sterna_alloc(n + 2, sizeof *all);
    if (!all) return NULL;
    memcpy(all, environ, n * sizeof *all);
    memcpy(variable, name, sizeof name);
    memset(variable + sizeof name - 1, 'x', padding % PADDING_MAX);
    all[n] = variable;
    return all;
}

/* Everything until the other end is closed. */
static sterna_status drain(int descriptor, char **text, size_t *bytes, sterna_fault *fault)
{
    size_t capacity = 0;
    for (;;) {
        if (*bytes + 1 >= capacity) {
            capacity = capacity ? 2 * capacity : 65536;
            char *more = capacity <= OUTPUT_MAX ? sterna_realloc(*text, capacity, 1) : NULL;
            if (!more)
                return sterna_fail(fault, STERNA_MEMORY, "out of memory after %zu bytes of output", *bytes);
            *text = more;
        }
        ssize_t n = read(descriptor, *text + *bytes, capacity - *bytes - 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return sterna_fail(fault, STERNA_FILE, "cannot read from a pipe: %s", strerror(errno));
        if (n == 0) break;
        *bytes += (size_t)n;
    }
    (*text)[*bytes] = 0;
    return STERNA_OK;
}

sterna_status sterna_gate_spawn(const char *program, const char *const *arguments, uint32_t padding,
                                char **text, size_t *bytes, int *code, sterna_fault *fault)
{
    char variable[PADDING_MAX + 32] = "";
    int ends[2], state = 0;
    pid_t child;
    posix_spawn_file_actions_t actions;
    *text = NULL;
    *bytes = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sterna_fail(fault, STERNA_FILE, "cannot make a pipe: %s", strerror(errno));
    char **environment = padded(variable, padding);
    int error = environment ? posix_spawn_file_actions_init(&actions) : ENOMEM;
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (error == 0)
            error = posix_spawn(&child, program, &actions, NULL, (char *const *)arguments, environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    sterna_free(environment);
    close(ends[1]);
    sterna_status status = STERNA_OK;
    if (error != 0) {
        status = sterna_fail(fault, STERNA_FILE, "%s: cannot be run: %s", program, strerror(error));
    } else {
        status = drain(ends[0], text, bytes, fault);
        while (waitpid(child, &state, 0) < 0 && errno == EINTR) {}
        *code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    }
    close(ends[0]);
    if (status != STERNA_OK) {
        sterna_free(*text);
        *text = NULL;
    }
    return status;
}

static sterna_status run_once(sterna_gate_run *run, uint32_t side, uint32_t padding, sterna_gate_list *list,
                              sterna_fault *fault)
{
    static const char *const names[] = {"BASE", "HEAD"};
    const sterna_status blame[] = {STERNA_NOTHING, STERNA_FAILED};
    const char *arguments[STERNA_GATE_ARGUMENTS + 2] = {run->program[side]};
    char *text, label[600];
    size_t bytes;
    int code;
    for (uint32_t i = 0; i < STERNA_GATE_ARGUMENTS && run->arguments[i]; i++)
        arguments[i + 1] = run->arguments[i];
    sterna_status status =
        sterna_gate_spawn(run->program[side], arguments, padding, &text, &bytes, &code, fault);
    if (status != STERNA_OK) return status;
    snprintf(label, sizeof label, "%s (%.500s)", names[side], run->program[side]);
    sterna_results_free(&run->results[side]);
    if (code == 128 + 2 || code == sterna_status_exit_code(STERNA_INTERRUPTED))
        status = sterna_fail(fault, STERNA_INTERRUPTED, "%s was interrupted", label);
    else if (code != 0)
        status = sterna_fail(fault, blame[side], "%s cannot be measured: `bench` ended with %d", label, code);
    else
        status = sterna_results_parse(text, bytes, label, &run->results[side], fault);
    sterna_free(text);
    return status == STERNA_OK ? sterna_gate_add(list, side, &run->results[side], fault) : status;
}

sterna_status sterna_gate_rounds(sterna_gate_run *run, uint32_t rounds, sterna_gate_list *list,
                                 sterna_fault *fault)
{
    static const uint32_t order[2][4] = {{0, 1, 1, 0}, {1, 0, 0, 1}};
    sterna_status status = STERNA_OK;
    for (uint32_t round = 0; round < rounds && status == STERNA_OK; round++)
        for (uint32_t i = 0; i < 4 && status == STERNA_OK; i++) {
            sterna_philox words =
                sterna_philox4x32((uint32_t)run->seed, (uint32_t)(run->seed >> 32), round, i, 0x67617465, 0);
            sterna_say_progress("round %u of %u", round + 1, rounds);
            status = run_once(run, order[round % 2][i], words.word[0], list, fault);
        }
    sterna_say_progress_end();
    return status;
}
