/* The table of backends, and what was found of each: kept for the process, in memory that is never freed. */
#include "registry.h"
#include "base/env.h"
#include "base/mem.h"
#include "base/sys.h"
#include "fake_devices.h"
#include "probe_child.h"
#include "registry_private.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define BACKEND(name, entry, where) const sterna_backend_api *entry(uint32_t abi_version);
#include "backends.def"

enum { HERE = 0, IN_CHILD = 1 };

/* Entry functions, and the texts of what is not built, in the order of `rows`. */
static sterna_backend_state rows[] = {
#define BACKEND(name, entry, where) {#name, NULL, "", where, false, "", 0, 0, {{0}}},
#define BACKEND_OFF(name, why_not)  {#name, NULL, why_not, true, false, "", 0, 0, {{0}}},
#include "backends.def"
};
static const sterna_backend_entry_fn entries[] = {
#define BACKEND(name, entry, where) entry,
#define BACKEND_OFF(name, why_not)  NULL,
#include "backends.def"
};
enum { N_ROWS = (int)(sizeof rows / sizeof rows[0]) };

/* The longest list of devices: of each backend as many as are kept, a name, a colon, a variant, a comma. */
enum {
#define ALL_OF(name) STERNA_REGISTRY_DEVICES *(sizeof #name + sizeof((sterna_device_info *)NULL)->variant)
    LONGEST_LIST = 0
#define BACKEND(name, entry, where) +ALL_OF(name)
#include "backends.def"
#undef ALL_OF
};
_Static_assert((int)LONGEST_LIST < (int)STERNA_DETECTED_BYTES, "a snapshot holds all devices");

/* Devices that a child process has tried, by spec and task. */
static struct tried {
    char what[STERNA_SPEC_BYTES];
    sterna_probe_task task;
    sterna_tried found;
} tried[32];
static uint32_t n_tried;

static sterna_fake_device fakes[STERNA_REGISTRY_DEVICES];
static uint32_t n_fakes;
static bool faked; /* STERNA_FAKE_DEVICES is set and was understood */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of everything above */

static void *host_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    return sterna_alloc_aligned(bytes, alignment);
}

static void host_release(void *context, void *memory)
{
    (void)context;
    sterna_free(memory);
}

static void host_log(void *context, int level, const char *text)
{
    (void)context, (void)level;
    char line[600];
    int n = snprintf(line, sizeof line, "%s\n", text);
    if (n > 0) (void)sterna_sys_write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1, NULL);
}

const sterna_host *sterna_host_default(void)
{
    static const sterna_host host = {sizeof host,   STERNA_ABI_VERSION, NULL,
                                     host_allocate, host_release,       host_log};
    return &host;
}

uint32_t sterna_registry_count(void)
{
    return N_ROWS;
}

static sterna_backend_state *row_at(uint32_t i)
{
    if (!rows[i].api && entries[i]) rows[i].api = entries[i](STERNA_ABI_VERSION);
    return &rows[i];
}

const sterna_backend_state *sterna_registry_get(uint32_t i)
{
    pthread_mutex_lock(&lock);
    const sterna_backend_state *row = row_at(i);
    pthread_mutex_unlock(&lock);
    return row;
}

static uint32_t index_of(const char *name)
{
    uint32_t i = 0;
    while (i < N_ROWS && strcmp(rows[i].name, name) != 0) i++;
    return i;
}

const sterna_backend_state *sterna_registry_find(const char *name)
{
    uint32_t i = index_of(name);
    return i < N_ROWS ? sterna_registry_get(i) : NULL;
}

sterna_status sterna_registry_fakes(bool *set, sterna_fault *fault)
{
    const char *text = sterna_env_get(STERNA_ENV_FAKE_DEVICES);
    sterna_fake_device devices[STERNA_REGISTRY_DEVICES];
    uint32_t n = 0;
    *set = text != NULL;
    if (!text) return STERNA_OK;
    sterna_status status = sterna_fake_devices_parse(text, devices, &n, fault);
    for (uint32_t i = 0; i < n && status == STERNA_OK; i++)
        if (index_of(devices[i].backend) == N_ROWS)
            status = sterna_fail(fault, STERNA_USAGE, "STERNA_FAKE_DEVICES: no backend is called '%s'",
                                 devices[i].backend);
    if (status != STERNA_OK) return status;
    pthread_mutex_lock(&lock);
    memcpy(fakes, devices, n * sizeof *fakes);
    n_fakes = n;
    faked = true;
    pthread_mutex_unlock(&lock);
    return STERNA_OK;
}

static void look_at_fakes(sterna_backend_state *row)
{
    for (uint32_t i = 0; i < n_fakes; i++)
        if (strcmp(fakes[i].backend, row->name) == 0) row->devices[row->n_devices++] = fakes[i].info;
    if (row->n_devices == 0)
        snprintf(row->why, sizeof row->why, "STERNA_FAKE_DEVICES lists none of its devices");
}

static void look_here(sterna_backend_state *row)
{
    uint32_t n = row->api->device_count();
    for (uint32_t i = 0; i < n && row->n_devices < STERNA_REGISTRY_DEVICES; i++) {
        sterna_device_info *info = &row->devices[row->n_devices];
        *info = (sterna_device_info){.size = sizeof *info};
        if (row->api->device_info(i, info) == STERNA_OK) row->n_devices++;
    }
}

static void take_answer(sterna_backend_state *row, sterna_probe_child *child)
{
    static sterna_probe_answer answer; /* under the lock */
    sterna_probe_finish(child, &answer);
    row->seconds = answer.seconds;
    memcpy(row->why, answer.why, sizeof row->why);
    if (answer.status != STERNA_OK) return;
    row->n_devices = answer.n_devices;
    memcpy(row->devices, answer.devices, answer.n_devices * sizeof row->devices[0]);
    if (answer.n_devices == 0) snprintf(row->why, sizeof row->why, "its driver lists no device");
}

/* All children run at the same time; each has its own limit. */
static void look(uint32_t first, uint32_t end)
{
    sterna_probe_child *children[N_ROWS] = {0};
    sterna_fault ignored = {0};
    bool set;
    if (sterna_registry_fakes(&set, &ignored) != STERNA_OK) set = false;
    pthread_mutex_lock(&lock);
    for (uint32_t i = first; i < end; i++) {
        sterna_backend_state *row = row_at(i);
        sterna_fault fault = {0};
        if (row->looked) continue;
        row->looked = true;
        row->n_devices = 0;
        row->why[0] = 0;
        if (row->isolated && faked)
            look_at_fakes(row);
        else if (!row->api)
            snprintf(row->why, sizeof row->why, "not part of this build: %s", row->not_built);
        else if (!row->isolated)
            look_here(row);
        else if (sterna_probe_start(STERNA_PROBE_LIST, row->name, 0, &children[i], &fault) != STERNA_OK)
            snprintf(row->why, sizeof row->why, "%.*s", (int)sizeof row->why - 1, fault.text);
    }
    for (uint32_t i = first; i < end; i++)
        if (children[i]) take_answer(&rows[i], children[i]);
    pthread_mutex_unlock(&lock);
}

const sterna_backend_state *sterna_registry_look(const char *name)
{
    uint32_t i = index_of(name);
    if (i == N_ROWS) return NULL;
    look(i, i + 1);
    return &rows[i];
}

void sterna_registry_look_all(void)
{
    look(0, N_ROWS);
}

void sterna_registry_forget(void)
{
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < N_ROWS; i++) rows[i].looked = false;
    n_tried = n_fakes = 0;
    faked = false;
    pthread_mutex_unlock(&lock);
}

void sterna_device_name(const char *backend, const sterna_device_info *info, char name[STERNA_DEVICE_NAME])
{
    snprintf(name, STERNA_DEVICE_NAME, "%.40s%s%s", backend, info->variant[0] ? ":" : "", info->variant);
}

void sterna_registry_list(sterna_device_visit *visit, void *context)
{
    sterna_registry_look_all();
    for (uint32_t b = 0; b < N_ROWS; b++)
        for (uint32_t i = 0; i < rows[b].n_devices; i++)
            if (!visit(context, &rows[b], &rows[b].devices[i])) return;
}

bool sterna_registry_gpu_may_exist(void)
{
    /* Linux DRM (AMD, Intel, nouveau, Mali, ...), NVIDIA's own driver, ROCm, WSL, Mali's and Adreno's own drivers. */
    static const char *const files[] = {"/dev/dri", "/dev/nvidiactl", "/dev/kfd",
                                        "/dev/dxg", "/dev/mali0",     "/dev/kgsl-3d0"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (sterna_sys_exists(files[i])) return true;
    return false;
}

bool sterna_registry_is_fake(const sterna_backend_state *backend)
{
    return backend->isolated && faked;
}

/* What STERNA_FAKE_DEVICES says a probe of it would find. */
static void try_fake(const char *what, sterna_tried *found)
{
    *found = (sterna_tried){.status = STERNA_OK, .probe = {.exact = true, .compared = 1}};
    for (uint32_t i = 0; i < n_fakes; i++) {
        char name[STERNA_DEVICE_NAME];
        sterna_device_name(fakes[i].backend, &fakes[i].info, name);
        if (strcmp(name, what) != 0 || fakes[i].exact) continue;
        found->probe.exact = false;
        snprintf(found->probe.why, sizeof found->probe.why, "STERNA_FAKE_DEVICES says so");
    }
}

void sterna_registry_try(const char *what, sterna_probe_task task, sterna_tried *found)
{
    static sterna_probe_answer answer; /* under the lock */
    pthread_mutex_lock(&lock);
    uint32_t i = 0;
    while (i < n_tried && (tried[i].task != task || strcmp(tried[i].what, what) != 0)) i++;
    if (i == n_tried) {
        if (faked) {
            try_fake(what, found);
        } else {
            sterna_probe_ask(task, what, 0, &answer);
            *found = (sterna_tried){.status = answer.status, .probe = answer.probe};
            memcpy(found->why, answer.why, sizeof found->why);
            if (answer.n_devices) memcpy(found->lacks, answer.devices[0].why, sizeof found->lacks);
        }
        if (n_tried < sizeof tried / sizeof tried[0] && strlen(what) < sizeof tried[0].what) {
            snprintf(tried[i].what, sizeof tried[i].what, "%s", what);
            tried[i].task = task;
            tried[i].found = *found;
            n_tried++;
        }
    } else {
        *found = tried[i].found;
    }
    pthread_mutex_unlock(&lock);
}
