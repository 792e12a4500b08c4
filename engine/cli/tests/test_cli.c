/* The command line as people meet it: each scenario file (*.txt beside this) is a case. Owns: the list of
 * them, and what a file of text cannot say: signals and pipes that close. */
#define _XOPEN_SOURCE 700 /* pseudo-terminals */
#include "base/sys.h"
#include "scenario.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "'" STERNA_BINARY_DIR "/bin/sterna' "
#define MODEL   "'" STERNA_SOURCE_DIR "/golden/models/golden.gguf' "

#define SCENARIOS(X)                                                                                         \
    X(usage)                                                                                                 \
    X(help)                                                                                                  \
    X(inspect)                                                                                               \
    X(hash)                                                                                                  \
    X(tokenize)                                                                                              \
    X(convert) X(synth) X(run) X(devices) X(doctor) X(select) X(strict) X(check) X(mock) X(bench) X(files)

#ifndef STERNA_HOSTILE
#define STERNA_HOSTILE 0
#endif
#define X(name)                                                                                              \
    static void case_##name(sterna_test *t)                                                                  \
    {                                                                                                        \
        if (STERNA_HOSTILE && strcmp(#name, "mock") == 0) SKIP(t, "a hostile build copies in other pieces"); \
        scenario_run(t, STERNA_SOURCE_DIR "/engine/cli/tests/" #name ".txt");                                \
    }
SCENARIOS(X)
#undef X

/* The judge itself. */
static void matching(sterna_test *t)
{
    EXPECT(t, scenario_match("a*c", "abc"));
    EXPECT(t, scenario_match("a*c", "ac"));
    EXPECT(t, scenario_match("*b*b*", "abxb"));
    EXPECT(t, !scenario_match("*b*b*", "abx"));
    EXPECT(t, !scenario_match("abc", "abcd"));
    EXPECT(t, !scenario_match("abcd", "abc"));
    EXPECT(t, scenario_match("*", ""));
    EXPECT(t, scenario_match("a*bc*bcd", "a bc bc bcd"));
}

/* Every scenario of the folder is in the list above. */
static void list_is_complete(sterna_test *t)
{
    static const char *const listed[] = {
#define X(name) #name ".txt",
        SCENARIOS(X)
#undef X
    };
    DIR *folder = opendir(STERNA_SOURCE_DIR "/engine/cli/tests");
    CHECK(t, folder != NULL);
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        const char *end = strrchr(entry->d_name, '.');
        if (!end || strcmp(end, ".txt") != 0) continue;
        bool known = false;
        for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
            known |= !strcmp(listed[i], entry->d_name);
        if (!EXPECT(t, known)) sterna_test_note(t, "%s is never run", entry->d_name);
    }
    closedir(folder);
}

typedef struct child {
    pid_t id;
    int out; /* its standard output */
    char errors[600];
} child;

/* Starts `sterna run` on the golden model with a text that goes on for long. */
static bool start(sterna_test *t, child *c, const char *prompt)
{
    int ends[2];
    snprintf(c->errors, sizeof c->errors, "%s/errors", sterna_test_folder(t));
    if (pipe(ends) != 0) return false;
    c->id = fork();
    if (c->id == 0) {
        int errors = open(c->errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(ends[1], 1);
        dup2(errors, 2);
        close(ends[0]);
        close(ends[1]);
        signal(SIGINT, SIG_DFL);
        execl(STERNA_BINARY_DIR "/bin/sterna", "sterna", "run", "-m",
              STERNA_SOURCE_DIR "/golden/models/golden.gguf", "-p", prompt, "--ignore-eos", "--device",
              "cpu:scalar", "-c", "120000", "-b", "4096", "-n", "99990", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    c->out = ends[0];
    return c->id > 0;
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

/* Its wait status, or -1 when it does not end within the seconds. */
static int ended(pid_t id, int seconds)
{
    int status;
    for (int i = 0; i < seconds * 100; i++) {
        if (waitpid(id, &status, WNOHANG) == id) return status;
        pause_ms(10);
    }
    kill(id, SIGKILL);
    waitpid(id, &status, 0);
    return -1;
}

static bool errors_hold(const child *c, const char *part)
{
    sterna_mapping file = {0};
    char text[4096] = "";
    if (sterna_sys_read(c->errors, sizeof text - 1, &file, NULL) != STERNA_OK) return false;
    memcpy(text, file.data, file.size);
    sterna_sys_unmap(&file);
    return strstr(text, part) != NULL;
}

/* Ctrl-C: the text so far stays, figures follow, exit code INTERRUPTED. */
static void interrupt(sterna_test *t)
{
    child c;
    char text[1 << 16];
    CHECK(t, start(t, &c, "one day"));
    ssize_t first = read(c.out, text, 8); /* it is writing */
    kill(c.id, SIGINT);
    size_t used = first > 0 ? (size_t)first : 0;
    for (ssize_t n; used < sizeof text && (n = read(c.out, text + used, sizeof text - used)) > 0;)
        used += (size_t)n;
    int status = ended(c.id, 15);
    close(c.out);
    CHECK(t, first > 0);
    CHECK_MSG(t, WIFEXITED(status) && WEXITSTATUS(status) == sterna_status_exit_code(STERNA_INTERRUPTED),
              "wait status %d", status);
    EXPECT(t, text[used - 1] == '\n');
    EXPECT(t, errors_hold(&c, "(interrupted)"));
    EXPECT(t, !errors_hold(&c, "error"));
}

/* A reader that goes away: no complaint, and an exit code that does not claim a whole result. */
static void closed_pipe(sterna_test *t)
{
    child c;
    char text[8];
    CHECK(t, start(t, &c, "one day"));
    CHECK(t, read(c.out, text, sizeof text) > 0);
    close(c.out);
    int status = ended(c.id, 15);
    CHECK_MSG(t, WIFEXITED(status) && WEXITSTATUS(status) == sterna_status_exit_code(STERNA_INTERRUPTED),
              "wait status %d", status);
    EXPECT(t, !errors_hold(&c, "error"));
}

/* Waits until the process catches SIGINT, which proc(5) tells; false after some seconds. */
static bool catches_interrupts(pid_t id)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)id);
    for (int i = 0; i < 1500; i++, pause_ms(10)) {
        sterna_mapping file = {0};
        if (sterna_sys_read(path, sizeof text - 1, &file, NULL) != STERNA_OK) return false;
        memcpy(text, file.data, file.size);
        text[file.size] = 0;
        sterna_sys_unmap(&file);
        const char *caught = strstr(text, "SigCgt:");
        if (caught && strtoull(caught + strlen("SigCgt:"), NULL, 16) >> (SIGINT - 1) & 1) return true;
    }
    return false;
}

/* The first Ctrl-C waits for the end of the submission, here a prompt of thousands of tokens; the second one does not. */
static void second_interrupt(sterna_test *t)
{
    static char prompt[40000];
    child c;
    int status = 0;
    for (size_t i = 0; i + 8 < sizeof prompt; i += 8) memcpy(prompt + i, "one day ", 8);
    CHECK(t, start(t, &c, prompt));
    bool ready = catches_interrupts(c.id);
    kill(c.id, SIGINT);
    pause_ms(100);
    bool still_running = waitpid(c.id, &status, WNOHANG) == 0;
    kill(c.id, SIGINT);
    if (still_running) status = ended(c.id, 3);
    close(c.out);
    CHECK_MSG(t, ready && still_running && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT,
              "wait status %d", status);
}

/* The pages for shells that are installed here are what these shells understand. */
static void shells(sterna_test *t)
{
    static const char *const commands[] = {
        "zsh -fc : && " PROGRAM "--completion-zsh >_sterna && zsh -n _sterna",
        "fish -c : && " PROGRAM "--completion-fish >sterna.fish && "
        "fish -c 'source sterna.fish; complete -C \"sterna run -ctk f\"' | grep -q ^f32",
    };
    int tried = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char line[1024];
        snprintf(line, sizeof line, "cd '%s' && command -v %.*s >/dev/null 2>&1", sterna_test_folder(t),
                 (int)strcspn(commands[i], " "), commands[i]);
        if (system(line) != 0) continue;
        tried++;
        snprintf(line, sizeof line, "cd '%s' && HOME=$PWD && export HOME && %s", sterna_test_folder(t),
                 commands[i]);
        if (!EXPECT(t, system(line) == 0)) sterna_test_note(t, "%s", line);
    }
    if (!tried) SKIP(t, "neither zsh nor fish is installed");
}

/* What a command writes to a terminal (a pseudo-terminal) as its standard error. */
static bool on_terminal(sterna_test *t, const char *arguments, char *text, size_t size)
{
    char command[2048];
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) return false;
    snprintf(command, sizeof command, "exec env TERM=xterm %s >'%s/out' 2>'%s' </dev/null", arguments,
             sterna_test_folder(t), ptsname(terminal));
    pid_t id = fork();
    if (id == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    /* Reading fails with EIO once the last writer has closed the terminal; before the first one has opened
     * it, too. */
    size_t used = 0;
    int status = 0;
    for (bool running = true; running;) {
        running = waitpid(id, &status, WNOHANG) == 0;
        pause_ms(10);
        for (ssize_t n; used + 1 < size && (fcntl(terminal, F_SETFL, O_NONBLOCK),
                                            n = read(terminal, text + used, size - 1 - used)) > 0;)
            used += (size_t)n;
    }
    text[used] = 0;
    close(terminal);
    return WIFEXITED(status);
}

/* A bare chroot has no /dev/pts. */
static bool have_terminals(void)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    bool have = terminal >= 0 && grantpt(terminal) == 0 && access(ptsname(terminal), W_OK) == 0;
    if (terminal >= 0) close(terminal);
    return have;
}

/* Colour and redrawn lines on a terminal only, and no colour where NO_COLOR is set and not empty. */
static void terminal(sterna_test *t)
{
    static char text[1 << 16];
    if (!have_terminals()) SKIP(t, "no pseudo-terminals here (/dev/pts is not mounted)");
    CHECK(t, on_terminal(t, PROGRAM "run --bad", text, sizeof text));
    EXPECT(t, strstr(text, "sterna run: \033[1;31merror:\033[0m --bad") != NULL);
    CHECK(t, on_terminal(t, "NO_COLOR= " PROGRAM "run --bad", text, sizeof text));
    EXPECT(t, strstr(text, "\033[1;31m") != NULL);
    CHECK(t, on_terminal(t, "NO_COLOR=1 " PROGRAM "run --bad", text, sizeof text));
    EXPECT(t, strstr(text, "error: --bad") != NULL && strchr(text, '\033') == NULL);
    CHECK(t, on_terminal(t, "TERM=dumb " PROGRAM "run --bad", text, sizeof text));
    EXPECT(t, strstr(text, "error: --bad") != NULL && strchr(text, '\033') == NULL);
    CHECK(t, on_terminal(t, PROGRAM "bench --no-limits -p 4 -n 2 -r 1 -m " MODEL, text, sizeof text));
    EXPECT(t, strstr(text, "\r\033[Kpp4: run 0 of 1") != NULL);
}

const sterna_test_case sterna_test_cases[] = {
    {"matching", matching, 0},
    {"list_is_complete", list_is_complete, 0},
#define X(name) {#name, case_##name, 60},
    SCENARIOS(X)
#undef X
        {"interrupt", interrupt, 30},
    {"closed_pipe", closed_pipe, 30},
    {"second_interrupt", second_interrupt, 30},
    {"shells", shells, 30},
    {"terminal", terminal, 60},
    {0},
};
