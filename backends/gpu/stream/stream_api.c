/* Loading a driver library once per process. */
#include "gpu/stream/stream_api.h"
#include "base/size.h"
#include "base/sys.h"
#include "base/thread.h"
#include <stdio.h>
#include <string.h>

enum { BASE, GRAPH, MAX_LIBRARIES = 8 };

static const struct symbol {
    size_t offset; /* of the pointer in stream_api */
    int group;
    const char *names[2]; /* by column */
} symbols[] = {
#define STREAM_CALL(group, result, member, parameters, cuda, hip)                                            \
    {offsetof(stream_api, member), group, {cuda, hip}},
#define STREAM_NUMBER(member, cuda, hip)
#include "gpu/stream/api.def"
};

/* Finds the first of the alternatives "a|b" that the library has. */
static void *find(void *library, const char *names)
{
    char name[64];
    for (const char *at = names; *at;) {
        size_t length = strcspn(at, "|");
        if (length < sizeof name) {
            memcpy(name, at, length);
            name[length] = 0;
            void *address = sterna_sys_dlsym(library, name);
            if (address) return address;
        }
        at += length + (at[length] != 0);
    }
    return NULL;
}

static sterna_status fill(stream_api *api, void *library, const char *unseen, sterna_fault *fault)
{
    api->has_graphs = true;
    for (size_t i = 0; i < STERNA_COUNT(symbols); i++) {
        const char *names = symbols[i].names[api->column];
        void *address = names ? find(library, names) : NULL;
        if (names && !address && symbols[i].group == BASE)
            return sterna_fail(fault, STERNA_UNSUPPORTED,
                               "%s has no symbol %s: it is too old, or no driver of this API", api->path,
                               names);
        if (names && !address) api->has_graphs = false;
        memcpy((char *)api + symbols[i].offset, &address,
               sizeof address); /* POSIX: as wide as a function's */
    }
#define STREAM_CALL(group, result, member, parameters, cuda, hip)
#define STREAM_NUMBER(member, cuda, hip) api->member = api->column == STREAM_CUDA ? cuda : hip;
#include "gpu/stream/api.def"
    api->is_mock = sterna_sys_dlsym(library, "sterna_mock_vendor") != NULL;
    int error = api->init(0);
    if (error != STREAM_OK) {
        char name[STREAM_NAME];
        sterna_stream_error_name(api, error, name);
        if (error == STREAM_NO_DEVICE || error == STREAM_BAD_DEVICE) /* HIP without a GPU says the second */
            return sterna_fail(fault, STERNA_UNSUPPORTED, "the driver finds no device; %s: %s, %s", unseen,
                               name, api->path);
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s cannot be initialised: %s", api->path, name);
    }
    return STERNA_OK;
}

static stream_api loaded[MAX_LIBRARIES];
static size_t n_loaded;
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static sterna_status load_one(stream_column column, const char *path, const char *unseen,
                              const stream_api **api, bool *found, sterna_fault *fault)
{
    *found = true;
    for (size_t i = 0; i < n_loaded; i++)
        if (loaded[i].column == column && strcmp(loaded[i].path, path) == 0) {
            *api = &loaded[i];
            return STERNA_OK;
        }
    stream_api made = {.column = column};
    void *library;
    if (n_loaded == MAX_LIBRARIES || strlen(path) >= sizeof made.path)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "%s: one driver library too many, or too long a name",
                           path);
    snprintf(made.path, sizeof made.path, "%s", path);
    sterna_fault why = {0};
    if (sterna_sys_dlopen(path, &library, &why) != STERNA_OK) {
        *found = false;
        return sterna_fail(fault, STERNA_FILE, "%s", why.text);
    }
    sterna_status status = fill(&made, library, unseen, fault);
    if (status != STERNA_OK)
        return status; /* it stays loaded, as drivers want it, but is tried anew next time */
    loaded[n_loaded] = made;
    *api = &loaded[n_loaded++];
    return STERNA_OK;
}

sterna_status sterna_stream_load(stream_column column, const char *const *paths, const char *unseen,
                                 const stream_api **api, sterna_fault *fault)
{
    sterna_status status = STERNA_FILE;
    sterna_fault first = {0};
    bool found = false;
    pthread_mutex_lock(&loading);
    for (; *paths && !found; paths++) {
        sterna_fault why = {0};
        status = load_one(column, *paths, unseen, api, &found, &why);
        if (status != STERNA_OK && (found || first.status == STERNA_OK)) first = why;
    }
    pthread_mutex_unlock(&loading);
    return status == STERNA_OK ? status : sterna_fail(fault, first.status, "%s", first.text);
}

void sterna_stream_error_name(const stream_api *api, int error, char text[STREAM_NAME])
{
    const char *name = NULL;
    if (api->error_name_out && api->error_name_out(error, &name) != STREAM_OK) name = NULL;
    if (api->error_name) name = api->error_name(error);
    snprintf(text, STREAM_NAME, "%.220s (%d)", name ? name : "unknown error", error);
}
