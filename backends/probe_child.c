/* The parent's side of a probe: finding the program, mistrusting the answer, wording how a child ended. */
#include "probe_child.h"
#include "base/child_process.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/sys.h"
#include "probe_wire.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#ifndef STERNA_PROBE_INSTALLED
#define STERNA_PROBE_INSTALLED ""
#endif

enum { PATH_BYTES = 1024 };

static atomic_bool serves_itself; /* main() of this program calls sterna_probe_serve() */

void sterna_probe_can_serve(void)
{
    atomic_store(&serves_itself, true);
}

struct sterna_probe_child {
    sterna_child *process;
    sterna_probe_task task;
    double begin, limit;
};

/* Beside this program or library, in the places where a build and an installation put it. */
static bool find_beside(char *path, size_t room)
{
    static const char *const places[] = {"sterna-probe", "../bin/sterna-probe",
                                         "../libexec/sterna/sterna-probe",
                                         "../../libexec/sterna/sterna-probe"};
    char module[PATH_BYTES];
    bool known[2] = {sterna_child_own_module(module, sizeof module)};
    char program[PATH_BYTES];
    known[1] = sterna_child_own_program(program, sizeof program);
    for (uint32_t m = 0; m < 2; m++) {
        const char *from = m == 0 ? module : program, *slash = known[m] ? strrchr(from, '/') : NULL;
        for (size_t i = 0; slash && i < STERNA_COUNT(places); i++) {
            int n = snprintf(path, room, "%.*s/%s", (int)(slash - from), from, places[i]);
            if (n > 0 && (size_t)n < room && sterna_child_executable(path)) return true;
        }
    }
    return false;
}

static sterna_status find_program(char *path, size_t room, sterna_fault *fault)
{
    if (atomic_load(&serves_itself) && sterna_child_own_program(path, room)) return STERNA_OK;
    if (find_beside(path, room)) return STERNA_OK;
    snprintf(path, room, "%s", STERNA_PROBE_INSTALLED);
    if (path[0] && sterna_child_executable(path)) return STERNA_OK;
    return sterna_fail(
        fault, STERNA_FILE,
        "the program sterna-probe, which asks drivers in a process of its own, is neither beside "
        "this program nor at '%s': install it",
        path);
}

sterna_status sterna_probe_start(sterna_probe_task task, const char *what, double seconds,
                                 sterna_probe_child **out, sterna_fault *fault)
{
    char program[PATH_BYTES], version[64], limit[24];
    sterna_status status = find_program(program, sizeof program, fault);
    if (status != STERNA_OK) return status;
    sterna_probe_child *child = sterna_alloc(1, sizeof *child);
    if (!child) return sterna_fail(fault, STERNA_MEMORY, "out of memory for a child process");
    child->task = task;
    child->limit = seconds > 0 ? seconds : sterna_probe_limit(task);
    child->begin = sterna_sys_now();
    sterna_probe_version(version);
    snprintf(limit, sizeof limit, "%.0f", child->limit + 1);
    const char *arguments[STERNA_PROBE_ARGUMENTS + 1] = {
        program, STERNA_PROBE_WORD, version, limit, sterna_probe_task_name(task), what, NULL};
    status = sterna_child_start(program, arguments, child->limit, &child->process, fault);
    if (status != STERNA_OK) {
        sterna_free(child);
        return status;
    }
    *out = child;
    return STERNA_OK;
}

/* Text that came from outside: ended, and without what would disturb a line of output. */
static void tidy(char *text, size_t room)
{
    text[room - 1] = 0;
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = ' ';
}

static bool take(const void *record, uint32_t bytes, void *out, size_t size)
{
    if (bytes != size) return false;
    memcpy(out, record, size);
    return true;
}

static bool take_device(const uint8_t *record, uint32_t bytes, sterna_probe_answer *a)
{
    sterna_device_info info;
    if (!take(record, bytes, &info, sizeof info) || a->n_devices == STERNA_REGISTRY_DEVICES) return false;
    info.size = sizeof info;
    tidy(info.variant, sizeof info.variant);
    tidy(info.description, sizeof info.description);
    tidy(info.why, sizeof info.why);
    tidy(info.driver, sizeof info.driver);
    a->devices[a->n_devices++] = info;
    return true;
}

static bool take_row(const uint8_t *record, uint32_t bytes, sterna_probe_answer *a)
{
    sterna_self_row row;
    if (!take(record, bytes, &row, sizeof row) || a->n_rows == STERNA_SELF_COUNT ||
        row.test >= STERNA_SELF_COUNT || row.verdict > STERNA_SELF_NOT_TESTED)
        return false;
    tidy(row.text, sizeof row.text);
    a->rows[a->n_rows++] = row;
    return true;
}

static bool take_fault(const uint8_t *record, uint32_t bytes, sterna_probe_answer *a)
{
    sterna_fault inner;
    if (!take(record, bytes, &inner, sizeof inner) || inner.status == STERNA_OK) return false;
    tidy(inner.text, sizeof inner.text);
    a->status = inner.status;
    snprintf(a->why, sizeof a->why, "%.*s", (int)sizeof a->why - 1, inner.text);
    return true;
}

/* Reads the records; *said is true when the last one is END. False when they are not what a child of this build writes. */
static bool read_answer(const sterna_child_end *end, sterna_probe_answer *a, sterna_stage *stage, bool *said)
{
    size_t at = 0;
    *said = false;
    while (at < end->bytes && !*said) {
        sterna_record_head head;
        if (end->bytes - at < sizeof head) return false;
        memcpy(&head, end->answer + at, sizeof head);
        at += sizeof head;
        if (head.magic != STERNA_PROBE_MAGIC || head.bytes > end->bytes - at) return false;
        const uint8_t *record = end->answer + at;
        at += head.bytes;
        bool legal = false;
        switch ((sterna_record_kind)head.kind) {
        case STERNA_RECORD_STAGE:
            legal = take(record, head.bytes, stage, sizeof *stage);
            tidy(stage->text, sizeof stage->text);
            break;
        case STERNA_RECORD_DEVICE:
            legal = take_device(record, head.bytes, a);
            break;
        case STERNA_RECORD_PROBE:
            legal = take(record, head.bytes, &a->probe, sizeof a->probe);
            tidy(a->probe.why, sizeof a->probe.why);
            break;
        case STERNA_RECORD_ROW:
            legal = take_row(record, head.bytes, a);
            break;
        case STERNA_RECORD_FAULT:
            legal = take_fault(record, head.bytes, a);
            break;
        case STERNA_RECORD_END:
            legal = *said = head.bytes == 0;
            break;
        }
        if (!legal) return false;
    }
    return at == end->bytes;
}

static const char *verb_of(int signal)
{
    switch (signal) {
    case SIGABRT:
        return "aborted";
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
        return "crashed";
    default:
        return "was killed";
    }
}

static void word_death(const sterna_child_end *end, const sterna_stage *stage, double limit, char *why,
                       size_t room)
{
    const char *doing = stage->text[0] ? stage->text : "was loaded";
    int used = 0;
    switch (end->fate) {
    case STERNA_CHILD_SIGNALLED:
        used = snprintf(why, room, "the driver %s (signal %d) while it %s", verb_of(end->number), end->number,
                        doing);
        break;
    case STERNA_CHILD_EXITED:
        if (!stage->text[0])
            used = snprintf(why, room, "the probing program ended at once (exit code %d)", end->number);
        else
            used = snprintf(why, room, "the driver ended the program (exit code %d) while it %s", end->number,
                            doing);
        break;
    case STERNA_CHILD_TIMED_OUT:
        used = snprintf(why, room, "the driver did not answer within %.0f s while it %s", limit, doing);
        break;
    case STERNA_CHILD_TALKATIVE:
        used = snprintf(why, room, "the driver wrote without end into the probe's answer");
        break;
    }
    if (end->words[0] && used > 0 && (size_t)used < room)
        snprintf(why + used, room - (size_t)used, ": '%s'", end->words);
}

void sterna_probe_finish(sterna_probe_child *child, sterna_probe_answer *answer)
{
    sterna_child_end end;
    sterna_fault fault = {0};
    sterna_stage stage = {""};
    bool said;
    *answer = (sterna_probe_answer){.status = STERNA_OK};
    sterna_status status = sterna_child_finish(child->process, &end, &fault);
    answer->seconds = sterna_sys_now() - child->begin;
    if (status != STERNA_OK) {
        answer->status = status;
        snprintf(answer->why, sizeof answer->why, "%.*s", (int)sizeof answer->why - 1, fault.text);
    } else if (!read_answer(&end, answer, &stage, &said)) {
        answer->status = STERNA_DEVICE;
        answer->n_devices = answer->n_rows = 0;
        snprintf(answer->why, sizeof answer->why, "the driver wrote into the probe's answer while it %s",
                 stage.text[0] ? stage.text : "was loaded");
    } else if (!said) { /* whatever it did later: what is said is said */
        answer->status = STERNA_DEVICE;
        word_death(&end, &stage, child->limit, answer->why, sizeof answer->why);
    }
    sterna_free(end.answer);
    sterna_free(child);
}

void sterna_probe_ask(sterna_probe_task task, const char *what, double seconds, sterna_probe_answer *answer)
{
    sterna_probe_child *child;
    sterna_fault fault = {0};
    sterna_status status = sterna_probe_start(task, what, seconds, &child, &fault);
    if (status == STERNA_OK) {
        sterna_probe_finish(child, answer);
        return;
    }
    *answer = (sterna_probe_answer){.status = status};
    snprintf(answer->why, sizeof answer->why, "%.*s", (int)sizeof answer->why - 1, fault.text);
}
