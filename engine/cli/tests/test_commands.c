/* The n-th of everything fails: each command is run with its first, second, ... allocation or system call
 * refused, and must end with a status and a sentence, give back all memory, and not claim success with half a
 * result. */
#include "base/fault_point.h"
#include "base/mem.h"
#include "cli/command.h"
#include "runner.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 24, TEXT_BYTES = 1 << 17, CALLS_MAX = 20000 };

typedef struct text {
    char data[TEXT_BYTES];
    size_t used;
} text;

static sterna_status collect(void *context, const void *data, size_t bytes, sterna_fault *fault)
{
    text *out = context;
    if (bytes > TEXT_BYTES - out->used) return sterna_fail(fault, STERNA_FILE, "more output than expected");
    memcpy(out->data + out->used, data, bytes);
    out->used += bytes;
    return STERNA_OK;
}

/* Parses and runs one command line in this process; its output goes to *result. */
static sterna_status command(sterna_command_id id, sterna_command run, const char *line, text *result,
                             sterna_fault *fault)
{
    static sterna_out out;
    static char copy[1024];
    char *words[WORDS_MAX];
    sterna_options options;
    snprintf(copy, sizeof copy, "%s", line);
    int n = sterna_test_words(copy, words, WORDS_MAX);
    *fault = (sterna_fault){0};
    result->used = 0;
    sterna_out_init(&out, collect, result);
    sterna_status status = sterna_options_parse(id, n, words, &options, fault);
    if (status == STERNA_OK) status = run(&(sterna_cli){&options, &out, NULL}, fault);
    sterna_options_free(&options);
    sterna_status flushed = sterna_out_flush(&out, status == STERNA_OK ? fault : NULL);
    return status == STERNA_OK ? flushed : status;
}

/* Fails each call of one kind in turn. Output of a run that says OK must be that of an undisturbed one, but
 * for what is measured (`measured`: compare nothing). */
static void sweep(sterna_test *t, sterna_fault_kind kind, sterna_command_id id, sterna_command run,
                  const char *line, bool measured)
{
    static text whole, result;
    sterna_fault fault;
    /* Some things are made at the first use and kept; what counts is what a later call leaves behind. */
    CHECK_MSG(t, command(id, run, line, &whole, &fault) == STERNA_OK, "%s: %s", line, fault.text);
    int64_t live = sterna_mem_live();
    /* Every call up to the 200th; later ones, which are items of JSON by the thousand, in growing steps. */
    for (uint64_t n = 1; n < CALLS_MAX; n += n < 200 ? 1 : n / 50) {
        sterna_fault_arm(kind, n, false);
        sterna_status status = command(id, run, line, &result, &fault);
        uint64_t calls = sterna_fault_count(kind);
        sterna_fault_arm(kind, 0, false);
        CHECK_MSG(t, sterna_mem_live() == live, "%s: call %llu: %lld blocks are left", line,
                  (unsigned long long)n, (long long)(sterna_mem_live() - live));
        CHECK_MSG(t, status == STERNA_OK || fault.text[0], "%s: call %llu: %s without a sentence", line,
                  (unsigned long long)n, sterna_status_name(status));
        CHECK_MSG(t, status != STERNA_INTERNAL, "%s: call %llu: %s", line, (unsigned long long)n, fault.text);
        bool same = result.used == whole.used && !memcmp(result.data, whole.data, whole.used);
        CHECK_MSG(t, status != STERNA_OK || measured || same, "%s: call %llu: OK with other output", line,
                  (unsigned long long)n);
        if (calls < n) { /* n was beyond the last call: an undisturbed run */
            CHECK_MSG(t, status == STERNA_OK, "%s: %s", line, fault.text);
            CHECK_MSG(t, n > 2, "%s: only %llu calls", line, (unsigned long long)calls);
            return;
        }
    }
    CHECK_MSG(t, false, "%s: more than %d calls", line, CALLS_MAX);
}

#define MODEL "'" STERNA_SOURCE_DIR "/golden/models/golden.gguf'"

/* X(case, command, line, output varies) */
#define SWEEPS(X)                                                                                            \
    X(inspect, inspect, MODEL, false)                                                                        \
    X(inspect_json, inspect, MODEL " --json", false)                                                         \
    X(hash_json, hash, MODEL " --json -t 1", false)                                                          \
    X(tokenize, tokenize, "-m " MODEL " -p day", false)                                                      \
    X(tokenize_json, tokenize, "-m " MODEL " -p day --json", false)                                          \
    X(devices_json, devices, "--json", false)                                                                \
    X(run, run, "-m " MODEL " -p day -n 2 -t 1 --device cpu:scalar -q --digest", false)                      \
    X(run_json, run, "-m " MODEL " -p day -n 2 -t 1 --device cpu:scalar --json", true)

#define X(name, id, line, measured)                                                                          \
    static void memory_##name(sterna_test *t)                                                                \
    {                                                                                                        \
        sweep(t, STERNA_FAULT_ALLOC, STERNA_CMD_##id, sterna_cmd_##id, line, measured);                      \
    }
SWEEPS(X)
#undef X

/* Calls to the system: opening, mapping, reading, writing, starting threads. Output goes to the test's own
 * sink, so that what is refused are the calls of the work itself and of standard error, which must never
 * matter. */
static void system_calls(sterna_test *t)
{
    sweep(t, STERNA_FAULT_SYS, STERNA_CMD_run, sterna_cmd_run,
          "-m " MODEL " -p day -n 2 -t 2 --device cpu -q --digest", false);
}

const sterna_test_case sterna_test_cases[] = {
#define X(name, id, line, measured) {"memory_" #name, memory_##name, 60},
    SWEEPS(X)
#undef X
        {"system_calls", system_calls, 60},
    {0},
};
