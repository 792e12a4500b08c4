/* The lock, failures and their sentences, the one context and how long it lives. */
#include "base/env.h"
#include "base/mem.h"
#include "base/sys.h"
#include "mock_driver.h"
#include "vendor.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool initialised;
static pid_t process; /* that initialised it */
static vendor_context *primary;
static uint64_t launches; /* of contexts that have ended */

/* A handle: a context may end while threads still name it. Little is kept by thread: the mock's thread-local variables
 * are of the kind that needs room set aside at the program's start, of which libraries loaded later find little. */
static _Thread_local const void *current;

/* The latest failure, and texts that were given out; the host prints them at once. */
enum { TEXTS = 16 };
static struct {
    const void *thread;
    vendor_code code;
    char sentence[VENDOR_SENTENCE];
} last;
static char texts[TEXTS][VENDOR_SENTENCE + 64];
static uint32_t next_text;

static void end_primary(void);

void sterna_vendor_enter(void)
{
    pthread_mutex_lock(&lock);
}

static bool is_empty(const vendor_context *context)
{
    return !context->space.live && !context->space.n_pinned && !context->streams->handle &&
           !context->events && !context->modules && !context->graphs;
}

/* No call ends HIP's context: it ends when the last thing in it does, so that a host that cleans up begins anew. */
int sterna_vendor_leave(vendor_code code)
{
    if (sterna_vendor_flavour.implicit && primary) {
        if (!is_empty(primary))
            primary->used = true;
        else if (primary->used)
            end_primary();
    }
    pthread_mutex_unlock(&lock);
    return (int)code;
}

const void *sterna_vendor_thread(void)
{
    return &current;
}

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
    char line[VENDOR_SENTENCE + 64];
    (void)context, (void)level;
    int n = snprintf(line, sizeof line, "%s: %s\n", sterna_vendor_flavour.library, text);
    if (n > 0) (void)sterna_sys_write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1, NULL);
}

static const sterna_host host = {sizeof host,   STERNA_ABI_VERSION, NULL,
                                 host_allocate, host_release,       host_log};

static void note(vendor_code code, const char *text)
{
    last.thread = sterna_vendor_thread();
    last.code = code;
    snprintf(last.sentence, sizeof last.sentence, "%s", text);
}

vendor_code sterna_vendor_fail(vendor_code code, const char *format, ...)
{
    char text[VENDOR_SENTENCE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    note(code, text);
    host_log(NULL, 0, text);
    return code;
}

vendor_code sterna_vendor_break(vendor_context *context, vendor_code code, const char *format, ...)
{
    va_list arguments;
    if (context->sticky == VENDOR_SUCCESS) {
        va_start(arguments, format);
        vsnprintf(context->sentence, sizeof context->sentence, format, arguments);
        va_end(arguments);
        context->sticky = code;
        host_log(NULL, 0, context->sentence);
    }
    note(context->sticky, context->sentence);
    return context->sticky;
}

vendor_code sterna_vendor_status(vendor_context *context, sterna_status status, const char *text)
{
    switch (status) {
    case STERNA_OK:
        return VENDOR_SUCCESS;
    case STERNA_MEMORY:
        return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "%s", text);
    case STERNA_UNSUPPORTED:
        return sterna_vendor_fail(VENDOR_NOT_SUPPORTED, "%s", text);
    case STERNA_DEVICE:
    case STERNA_TIMEOUT:
        if (strstr(text, "watchdog")) return sterna_vendor_break(context, VENDOR_LAUNCH_TIMEOUT, "%s", text);
        if (strstr(text, "out-of-bounds") || strstr(text, "use after free"))
            return sterna_vendor_break(context, VENDOR_ILLEGAL_ADDRESS, "%s", text);
        return sterna_vendor_break(context, VENDOR_LAUNCH_FAILED, "%s", text);
    default:
        return sterna_vendor_break(context, VENDOR_UNKNOWN, "%s", text);
    }
}

const char *sterna_vendor_name(int code)
{
    const char *name = sterna_vendor_flavour.code_name(code), *sentence = NULL;
    switch (code) {
#define CODE(id, number, cuda, hip, text)                                                                    \
    case number:                                                                                             \
        sentence = text;                                                                                     \
        break;
#include "codes.def"
#undef CODE
    default:
        return NULL;
    }
    if (code == VENDOR_SUCCESS) return name;
    if (code == (int)last.code && last.thread == sterna_vendor_thread()) sentence = last.sentence;
    char *text = texts[next_text++ % TEXTS];
    snprintf(text, sizeof texts[0], "%s: %s", name, sentence);
    return text;
}

/* Settings: the API's own, then those of the environment. A pointer has no bound but its allocation's and no alignment
 * but that of words, and refused launches are refused here, where the call is. */
static vendor_code settings_now(char *variant, size_t size, mock_settings *settings)
{
    static const char fixed[] = ",max_binding=1024g,alignment=4,fail_launch=0";
    sterna_fault fault = {0};
    const char *given = sterna_env_get(STERNA_ENV_GPU_FAKE);
    int n = snprintf(variant, size, "%s,%s", sterna_vendor_flavour.settings, given ? given : "");
    if (n < 0 || (size_t)n + sizeof fixed > size)
        return sterna_vendor_fail(VENDOR_INVALID_VALUE, "%s: longer than %zu bytes",
                                  sterna_env_name(STERNA_ENV_GPU_FAKE), size - sizeof fixed);
    if (sterna_mock_settings(variant, settings, &fault) != STERNA_OK)
        return sterna_vendor_fail(VENDOR_INVALID_VALUE, "%s: %s", sterna_env_name(STERNA_ENV_GPU_FAKE),
                                  fault.text);
    memcpy(variant + n, fixed, sizeof fixed);
    return VENDOR_SUCCESS;
}

enum { VARIANT_BYTES = 1024 };

/* Set to an empty list, or to one that begins with another number than that of the one device: nothing is seen. */
static vendor_code see_device(void)
{
    const char *list = sterna_sys_getenv(sterna_vendor_flavour.visible);
    if (!list || (list[0] == '0' && (list[1] == 0 || list[1] == ','))) return VENDOR_SUCCESS;
    return sterna_vendor_fail(VENDOR_NO_DEVICE, "%s=%.40s hides the device", sterna_vendor_flavour.visible,
                              list);
}

/* No driver survives fork(): threads and mappings of the device stay behind. CUDA says 3 from then on, cuInit too; what a
 * host does with ROCm's runtime is undefined there. */
static vendor_code same_process(void)
{
    if (!process || process == getpid()) return VENDOR_SUCCESS;
    return sterna_vendor_fail(
        VENDOR_NOT_INITIALIZED,
        "the API was initialised before this process was forked: only a process of its own "
        "can use it");
}

vendor_code sterna_vendor_init(void)
{
    char variant[VARIANT_BYTES];
    mock_settings settings;
    vendor_code code = same_process();
    if (code == VENDOR_SUCCESS) code = see_device();
    if (code == VENDOR_SUCCESS) code = settings_now(variant, sizeof variant, &settings);
    if (code != VENDOR_SUCCESS) return code;
    initialised = true;
    process = getpid();
    return code;
}

vendor_code sterna_vendor_device(int device)
{
    if (!initialised && !sterna_vendor_flavour.implicit)
        return sterna_vendor_fail(VENDOR_NOT_INITIALIZED, "called before the API was initialised");
    vendor_code code = same_process();
    if (code == VENDOR_SUCCESS) code = see_device();
    if (code != VENDOR_SUCCESS) return code;
    return device == 0
               ? VENDOR_SUCCESS
               : sterna_vendor_fail(VENDOR_INVALID_DEVICE, "device %d: there is one, number 0", device);
}

vendor_code sterna_vendor_limits(sterna_gpu_limits *limits)
{
    char variant[VARIANT_BYTES];
    mock_settings settings;
    if (primary) {
        *limits = primary->limits;
        return VENDOR_SUCCESS;
    }
    vendor_code code = settings_now(variant, sizeof variant, &settings);
    if (code == VENDOR_SUCCESS)
        *limits = (sterna_gpu_limits){.memory_bytes = settings.memory,
                                      .max_groups = (uint32_t)settings.max_groups,
                                      .max_group_items = (uint32_t)settings.max_group_items,
                                      .subgroup = (uint32_t)settings.warp};
    return code;
}

static void end_context(vendor_context *context)
{
    while (context->events) sterna_vendor_event_end(context->events);
    while (context->streams) sterna_vendor_stream_end(context->streams); /* with their captures */
    while (context->graphs) sterna_vendor_graph_end(context->graphs);
    while (context->modules) sterna_vendor_module_end(context->modules);
    for (uint32_t i = 0; i < context->space.count; i++)
        if (context->space.allocations[i].live)
            sterna_mock_driver.free(context->gpu, context->space.allocations[i].memory);
    if (context->gpu) sterna_mock_driver.close(context->gpu);
    sterna_vendor_space_end(&context->space);
    sterna_vendor_forget(context->handle);
    launches += context->launches;
    sterna_free(context);
}

static vendor_code make_context(void)
{
    char variant[VARIANT_BYTES];
    mock_settings settings;
    sterna_fault fault = {0};
    vendor_code code = settings_now(variant, sizeof variant, &settings);
    if (code != VENDOR_SUCCESS) return code;
    vendor_context *made = sterna_alloc(1, sizeof *made);
    if (!made) return sterna_vendor_fail(VENDOR_OUT_OF_MEMORY, "no host memory for a context");
    made->fail_launch = settings.fail_launch;
    made->random = (settings.seed + 7) * 0x9e3779b97f4a7c15ull | 1u;
    made->handle = sterna_vendor_handle(VENDOR_CONTEXT, made);
    vendor_stream *null_stream = sterna_alloc(1, sizeof *null_stream);
    sterna_status status = STERNA_MEMORY;
    if (made->handle && null_stream)
        status = sterna_mock_driver.open(&host, variant, &made->gpu, &made->limits, &fault);
    if (status != STERNA_OK) {
        sterna_free(null_stream);
        end_context(made);
        return sterna_vendor_fail(status == STERNA_MEMORY ? VENDOR_OUT_OF_MEMORY : VENDOR_INVALID_VALUE,
                                  "no context: %s", fault.text[0] ? fault.text : "no host memory");
    }
    *null_stream = (vendor_stream){.context = made, .blocking = true};
    made->streams = null_stream;
    primary = made;
    return VENDOR_SUCCESS;
}

vendor_code sterna_vendor_retain(vendor_context **context)
{
    vendor_code code = primary ? VENDOR_SUCCESS : make_context();
    if (code != VENDOR_SUCCESS) return code;
    primary->holders++;
    *context = primary;
    return VENDOR_SUCCESS;
}

static void count(sterna_mock_vendor_state *state)
{
    if (!primary) return;
    state->contexts = 1;
    state->allocations = primary->space.live;
    state->bytes = primary->space.used;
    state->pinned = primary->space.n_pinned;
    for (vendor_stream *s = primary->streams; s->handle; s = s->next) state->streams++;
    for (vendor_event *e = primary->events; e; e = e->next) state->events++;
    for (vendor_module *m = primary->modules; m; m = m->next) state->modules++;
    for (vendor_graph *g = primary->graphs; g; g = g->next) state->graphs++;
}

static void end_primary(void)
{
    if (!is_empty(primary)) {
        sterna_mock_vendor_state left = {.size = sizeof left};
        char text[240];
        count(&left);
        snprintf(text, sizeof text,
                 "left in the context at its end: %u allocations (%" PRIu64
                 " bytes), %u page-locked blocks, %u streams, %u events, %u modules, %u graphs",
                 left.allocations, left.bytes, left.pinned, left.streams, left.events, left.modules,
                 left.graphs);
        host_log(NULL, 0, text);
    }
    end_context(primary);
    primary = NULL;
}

vendor_code sterna_vendor_release(void)
{
    if (!primary || primary->holders == 0)
        return sterna_vendor_fail(VENDOR_INVALID_CONTEXT, "released more often than retained");
    if (--primary->holders == 0) end_primary();
    return VENDOR_SUCCESS;
}

void sterna_vendor_set_current(vendor_context *context)
{
    current = context ? context->handle : NULL;
}

vendor_code sterna_vendor_choose(void)
{
    vendor_context *context = NULL;
    if (primary && is_empty(primary)) end_primary();
    vendor_code code = primary ? VENDOR_SUCCESS : sterna_vendor_retain(&context);
    sterna_vendor_set_current(primary);
    return code;
}

vendor_code sterna_vendor_current(vendor_context **context)
{
    vendor_code code = sterna_vendor_device(0);
    if (code != VENDOR_SUCCESS) return code;
    *context = sterna_vendor_object(VENDOR_CONTEXT, current);
    if (!*context && sterna_vendor_flavour.implicit) {
        code = primary ? VENDOR_SUCCESS : sterna_vendor_retain(context);
        if (code != VENDOR_SUCCESS) return code;
        *context = primary;
        sterna_vendor_set_current(primary);
    }
    if (!*context)
        return sterna_vendor_fail(VENDOR_INVALID_CONTEXT, "%s",
                                  current ? "the context that is current in this thread has ended"
                                          : "no context is current in this thread");
    if ((*context)->sticky != VENDOR_SUCCESS)
        return sterna_vendor_break(*context, (*context)->sticky, "%s", (*context)->sentence);
    return VENDOR_SUCCESS;
}

vendor_code sterna_vendor_any_current(void)
{
    vendor_context *context = NULL;
    vendor_code code = sterna_vendor_current(&context);
    return context ? VENDOR_SUCCESS : code;
}

__attribute__((visibility("default"))) const char *sterna_mock_vendor(sterna_mock_vendor_state *state);

const char *sterna_mock_vendor(sterna_mock_vendor_state *state)
{
    sterna_vendor_enter();
    sterna_mock_vendor_state now = {.size = sizeof now,
                                    .launches = launches + (primary ? primary->launches : 0)};
    count(&now);
    if (state) {
        uint32_t size = state->size < sizeof now ? state->size : (uint32_t)sizeof now;
        now.size = size;
        memcpy(state, &now, size);
    }
    sterna_vendor_leave(VENDOR_SUCCESS);
    return sterna_vendor_flavour.library;
}

/* When the library is unloaded. */
__attribute__((destructor)) static void unload(void)
{
    if (primary) end_primary();
    sterna_vendor_table_end();
}
