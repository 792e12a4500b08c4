/* ci/install-deps: silent when all is there, one apt call when not, exit 5 with the command where it cannot.
 * Owns: machines played by a folder of fake commands that log how they were called. */
#include "base/sys.h"
#include "runner.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the machine is like. */
typedef struct machine {
    const char *installed;   /* regular expression of the packages that are there */
    const char *user;        /* "0" or "1000" */
    const char *sudo_status; /* "0", "1"; NULL: no sudo */
    const char *archive;     /* URI of the package archive; NULL: no apt at all */
    const char *apt_status;  /* of apt-get install */
} machine;

static bool fake(const char *folder, const char *name, const char *format, const char *argument)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file) return false;
    fprintf(file, "#!/bin/sh\necho \"%s $*\" >>'%s/calls'\n", name, folder);
    fprintf(file, format, argument);
    fputc('\n', file);
    return fclose(file) == 0 && chmod(path, 0777) == 0;
}

/* Builds the machine in the case's folder: real tools by links, the package system by fakes. */
static bool build(sterna_test *t, const machine *m)
{
    const char *folder = sterna_test_folder(t);
    char command[1500];
    snprintf(command, sizeof command,
             "cd '%s' && rm -f * && : >calls && for tool in sh awk cut grep sed head tail env mktemp rm "
             "dirname timeout bash; "
             "do ln -s \"$(command -v $tool)\" $tool || exit 1; done",
             folder);
    if (system(command) != 0) return false;
    bool built = fake(folder, "id", "echo %s", m->user);
    if (m->sudo_status)
        built = built && fake(folder, "sudo", "test %s = 0 && { shift; \"$@\"; }", m->sudo_status);
    if (!m->archive) return built;
    built =
        built &&
        fake(folder, "dpkg-query",
             "for p; do case $p in -*) ;; *) if echo \"$p\" | grep -qxE '%s'; then echo \"$p installed\"; "
             "else echo \"$p not-installed\"; fi;; esac; done",
             m->installed);
    built = built && fake(folder, "apt-config", "true %s", "");
    char apt[600];
    snprintf(apt, sizeof apt, "case \"$*\" in indextargets*) echo '%s' ;; *install*) exit %s ;; esac",
             m->archive, m->apt_status);
    return built && fake(folder, "apt-get", "%s", apt);
}

/* Runs the script there; its exit code. Output in `text`, calls of the fakes in `calls`. */
static int install(sterna_test *t, const machine *m, char *text, size_t text_size, char *calls,
                   size_t calls_size)
{
    const char *folder = sterna_test_folder(t);
    char command[2600];
    if (!build(t, m)) return -1;
    snprintf(command, sizeof command, "env -i PATH='%s' sh '%s' core 2>&1; code=$?; exit $code", folder,
             sterna_test_repo(t, "ci/install-deps"));
    int ended = sterna_test_shell(t, command, text, text_size);
    snprintf(command, sizeof command, "%s/calls", folder);
    FILE *log = fopen(command, "r");
    size_t n = log ? fread(calls, 1, calls_size - 1, log) : 0;
    calls[n] = '\0';
    if (log) fclose(log);
    sterna_test_note(t, "calls:\n%s", calls);
    return ended;
}

static char text[8192], calls[8192];

static void nothing_missing(sterna_test *t)
{
    machine m = {".*", "1000", NULL, "http://localhost:1/debian", "0"};
    CHECK(t, install(t, &m, text, sizeof text, calls, sizeof calls) == 0);
    CHECK(t, text[0] == '\0');
    CHECK(t, strstr(calls, "dpkg-query") && !strstr(calls, "apt"));
}

/* Only what is missing is named: a present package would be upgraded. */
static void installs_the_missing(sterna_test *t)
{
    machine m = {"gcc|libc6-dev|make", "0", NULL, "file:/mirror", "0"};
    CHECK(t, install(t, &m, text, sizeof text, calls, sizeof calls) == 0);
    const char *line = strstr(calls, "--no-install-recommends");
    CHECK(t, line != NULL && strstr(line, " cmake") && strstr(line, " ninja-build") &&
                 strstr(line, " libcjson-dev"));
    CHECK(t, !strstr(line, " gcc") && !strstr(line, " make"));
}

static void installs_with_sudo(sterna_test *t)
{
    machine m = {"gcc", "1000", "0", "file:/mirror", "0"};
    CHECK(t, install(t, &m, text, sizeof text, calls, sizeof calls) == 0);
    CHECK(t, strstr(calls, "sudo -n env") && strstr(calls, "--no-install-recommends"));
}

/* What every refusal has in common: exit 5 within a second, and the command to type. */
static void refuses(sterna_test *t, const machine *m, const char *why)
{
    double start = sterna_sys_now();
    int code = install(t, m, text, sizeof text, calls, sizeof calls);
    double seconds = sterna_sys_now() - start;
    CHECK_MSG(t, code == 5, "exit %d", code);
    CHECK_MSG(t, strstr(text, why), "wants: %s", why);
    CHECK(t, strstr(text, "apt-get install -y --no-install-recommends") && strstr(text, " cmake"));
    CHECK(t, !strstr(calls, "-y -o"));
    CHECK_MSG(t, seconds < 3.0, "%.1f s", seconds); /* 1 s on an idle machine */
}

static void refuses_without_root(sterna_test *t)
{
    machine m = {"gcc", "1000", NULL, "file:/mirror", "0"};
    refuses(t, &m, "not root");
}

static void refuses_when_sudo_asks(sterna_test *t)
{
    machine m = {"gcc", "1000", "1", "file:/mirror", "0"};
    refuses(t, &m, "not root");
}

static void refuses_offline(sterna_test *t)
{
    machine m = {"gcc", "0", NULL, "http://localhost:1/debian", "0"};
    refuses(t, &m, "offline: localhost");
}

static void refuses_elsewhere(sterna_test *t)
{
    machine m = {"", "0", NULL, NULL, "0"};
    refuses(t, &m, "neither Debian nor Ubuntu");
}

static void tells_when_apt_fails(sterna_test *t)
{
    machine m = {"gcc", "0", NULL, "file:/mirror", "100"};
    CHECK(t, install(t, &m, text, sizeof text, calls, sizeof calls) == 5);
    CHECK(t, strstr(text, "apt-get failed") && strstr(text, "sudo apt-get update"));
}

/* A misspelt group must not look like "nothing is missing". */
static void groups_must_exist(sterna_test *t)
{
    char command[1200];
    const char *script = sterna_test_repo(t, "ci/install-deps");
    snprintf(command, sizeof command, "sh '%s' core chekc 2>&1", script);
    CHECK(t, sterna_test_shell(t, command, text, sizeof text) == 2);
    CHECK(t, strstr(text, "there is no group 'chekc'; groups are: core check ci nightly\n"));
    snprintf(command, sizeof command, "sh '%s' 2>&1", script);
    CHECK(t, sterna_test_shell(t, command, text, sizeof text) == 2 && strstr(text, "usage: "));
}

const sterna_test_case sterna_test_cases[] = {
    {"nothing_missing", nothing_missing, 0},
    {"installs_the_missing", installs_the_missing, 0},
    {"installs_with_sudo", installs_with_sudo, 0},
    {"refuses_without_root", refuses_without_root, 0},
    {"refuses_when_sudo_asks", refuses_when_sudo_asks, 0},
    {"refuses_offline", refuses_offline, 0},
    {"refuses_elsewhere", refuses_elsewhere, 0},
    {"tells_when_apt_fails", tells_when_apt_fails, 0},
    {"groups_must_exist", groups_must_exist, 0},
    {0},
};
