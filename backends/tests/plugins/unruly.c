/* The CPU backend as a library that misbehaves as drivers are known to: it crashes, hangs, ends the program, talks. The
 * variable UNRULY says how and when. Loaded by an ICD loader it is no driver at all, but its constructor runs.
 * Owns: the defects. */
#include "cpu/cpu_backend.h"
#include "probe_wire.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

STERNA_API const sterna_backend_api *sterna_backend_entry(uint32_t abi_version);

static sterna_backend_api table;
static const sterna_backend_api *honest;

static int asked(const char *what)
{
    const char *mode = getenv("UNRULY");
    return mode && strcmp(mode, what) == 0;
}

/* A record into the probe's answer whose head claims so many bytes. */
static void put(sterna_record_kind kind, const void *data, size_t bytes, size_t claimed)
{
    const sterna_record_head head = {STERNA_PROBE_MAGIC, kind, (uint32_t)claimed};
    if (write(3, &head, sizeof head) < 0 || write(3, data, bytes) < 0) abort();
}

/* Records that look like ours and are none. */
static void forge(const char *mode)
{
    const sterna_self_row test = {.test = STERNA_SELF_COUNT},
                          verdict = {.verdict = STERNA_SELF_NOT_TESTED + 1};
    const sterna_device_info info = {.size = sizeof info};
    const sterna_fault none = {STERNA_OK, "nothing"};
    if (!strncmp(mode, "test", 4)) put(STERNA_RECORD_ROW, &test, sizeof test, sizeof test);
    if (!strncmp(mode, "verdict", 7)) put(STERNA_RECORD_ROW, &verdict, sizeof verdict, sizeof verdict);
    if (!strncmp(mode, "fault", 5)) put(STERNA_RECORD_FAULT, &none, sizeof none, sizeof none);
    if (!strncmp(mode, "short", 5)) put(STERNA_RECORD_DEVICE, &info, 8, 8);
    if (!strncmp(mode, "ended", 5)) put(STERNA_RECORD_END, &info, 0, 0);
    for (int i = 0; !strncmp(mode, "crowd", 5) && i < 1 + STERNA_REGISTRY_DEVICES; i++)
        put(STERNA_RECORD_DEVICE, &info, sizeof info, sizeof info);
    if (strncmp(mode, "longer", 6) != 0) return;
    put(STERNA_RECORD_DEVICE, &info, 8, sizeof info);
    _exit(0);
}

/* "abort-list" aborts at "list", and so on. */
static void misbehave(const char *when)
{
    const char *mode = getenv("UNRULY"), *dash = mode ? strchr(mode, '-') : NULL;
    if (!dash || strcmp(dash + 1, when) != 0) return;
    if (!strncmp(mode, "abort", 5)) {
        fputs("unruly: no /sys here, giving up\n", stderr);
        abort();
    }
    if (!strncmp(mode, "crash", 5)) raise(SIGSEGV);
    if (!strncmp(mode, "exit", 4)) _exit(3);
    if (!strncmp(mode, "leave", 5)) _exit(0);
    while (!strncmp(mode, "hang", 4)) pause();
    if (!strncmp(mode, "loud", 4))
        for (int i = 0; i < 100000; i++) puts("unruly: a line that nobody asked for, and a long one at that");
    static const char garbage[] = "no record of ours begins like this";
    if (!strncmp(mode, "garbage", 7) && write(3, garbage, sizeof garbage) < 0) abort();
    forge(mode);
    for (int i = 0; !strncmp(mode, "endless", 7) && i < 1 << 12; i++)
        if (write(3, &table, sizeof table) < 0) return;
    /* A helper that outlives its parent and holds all descriptors, as a compiler's server would. */
    if (!strncmp(mode, "fork", 4) && fork() == 0) {
        const char *path = getenv("UNRULY_PID");
        FILE *file = path ? fopen(path, "w") : NULL;
        if (file) fprintf(file, "%d\n", (int)getpid()), fclose(file);
        for (;;) pause();
    }
}

__attribute__((constructor)) static void loaded(void)
{
    misbehave("load");
}

__attribute__((destructor)) static void unloaded(void)
{
    if (asked("abort-unload")) abort();
}

static uint32_t device_count(void)
{
    misbehave("list");
    return asked("none") ? 0 : asked("many") ? 1000 : 1;
}

static sterna_status device_info(uint32_t index, sterna_device_info *info)
{
    sterna_status status = honest->device_info(asked("many") ? 0 : index, info);
    if (asked("text")) {
        memset(info->description, 'x', sizeof info->description);
        info->description[1] = '\n';
        info->description[2] = '\033';
        info->description[4] = '\177';
    }
    return status;
}

static sterna_status open_device(const sterna_host *host, const sterna_open_params *params,
                                 sterna_device **device, sterna_fault *fault)
{
    misbehave("open");
    return asked("refuse") ? STERNA_DEVICE : honest->open(host, params, device, fault);
}

static void close_device(sterna_device *device)
{
    misbehave("close");
    honest->close(device);
}

static sterna_status submit(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                            const uint32_t *slots, sterna_fence *fence, sterna_fault *fault)
{
    misbehave("submit");
    if (asked("lost")) return STERNA_DEVICE;
    if (asked("lazy") && count > 16)
        count--; /* a model's last node is left out; a probe's plans are shorter */
    return honest->submit(device, plan, first, count, slots, fence, fault);
}

const sterna_backend_api *sterna_backend_entry(uint32_t abi_version)
{
    honest = sterna_backend_cpu_entry(abi_version);
    if (!honest) return NULL;
    table = *honest;
    table.name = "unruly";
    table.device_count = device_count;
    table.device_info = device_info;
    table.open = open_device;
    table.close = close_device;
    table.submit = submit;
    return &table;
}
