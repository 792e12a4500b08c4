/* The driver behind both mock vendor libraries: contexts, device addresses, streams, events, graphs and modules over one
 * mock GPU. Owns: the half that the two APIs share, with the vendors' rules of order and their result codes. Leaves to
 * others: exported names (vendor_calls.c, vendor_cuda.c, vendor_hip.c), execution and faults (the mock's driver table).
 *
 * One lock guards everything; the exported functions take it. A handle is a number that is never given out twice, and an
 * address belongs to no host memory: a stale one is found, and a host that follows one faults. */
#ifndef STERNA_VENDOR_H
#define STERNA_VENDOR_H

#include "gpu/gpu_driver.h"
#include "mock_item.h"
#include "mock_profile.h"
#include "sterna_mock_vendor.h"

typedef enum vendor_code {
#define CODE(name, number, cuda, hip, sentence) VENDOR_##name = number,
#include "codes.def"
#undef CODE
} vendor_code;

enum { VENDOR_SHARED_BYTES = 48 * 1024, VENDOR_SENTENCE = 480 };

/* What tells one API from the other (vendor_cuda.c, vendor_hip.c). */
typedef struct vendor_flavour {
    const char *library;                /* in front of what is logged */
    const char *settings;               /* of the mock, before those of STERNA_GPU_FAKE */
    const char *visible;                /* the vendor's variable that lists the devices a program may see */
    bool implicit;                      /* initialises itself, and memory of no bytes is no error */
    const char *(*code_name)(int code); /* NULL: no code */
    /* Bytes of the image that is in memory at `image`, once it is found to be one for this device: SUCCESS,
     * INVALID_IMAGE or NO_BINARY_FOR_GPU with a sentence. */
    vendor_code (*image_check)(const uint8_t *image, uint32_t warp, uint64_t *bytes, char *why, size_t size);
    /* Does an image that passed hold this kernel's code? */
    bool (*image_has)(const uint8_t *image, uint64_t bytes, const char *kernel);
} vendor_flavour;
extern const vendor_flavour sterna_vendor_flavour;

/* Handles (vendor_table.c). */
typedef enum vendor_kind {
    VENDOR_NONE,
    VENDOR_CONTEXT,
    VENDOR_MODULE,
    VENDOR_FUNCTION,
    VENDOR_STREAM,
    VENDOR_EVENT,
    VENDOR_GRAPH,
    VENDOR_EXEC,
} vendor_kind;

/* NULL when memory is refused. */
void *sterna_vendor_handle(vendor_kind kind, void *object);
/* NULL for what is not, or no longer, a handle of that kind. */
void *sterna_vendor_object(vendor_kind kind, const void *handle);
void sterna_vendor_forget(const void *handle);
void sterna_vendor_table_end(void);

/* Device addresses (vendor_space.c). */
typedef struct vendor_allocation {
    uint64_t base, bytes;
    sterna_gpu_memory memory;
    bool live;
} vendor_allocation;

/* Page-locked host memory. */
typedef struct vendor_pinned {
    uint8_t *base;
    size_t bytes;
} vendor_pinned;

typedef struct vendor_space {
    vendor_allocation *allocations; /* by ascending base; freed ones stay, so that their use is found */
    uint32_t count, capacity, live;
    uint64_t next, used;
    vendor_pinned *pinned;
    uint32_t n_pinned, pinned_capacity;
} vendor_space;

/* Room for one more allocation, so that sterna_vendor_space_add cannot fail. False when memory is refused. */
bool sterna_vendor_space_reserve(vendor_space *space);
/* Gives an allocation an address, behind a gap. */
uint64_t sterna_vendor_space_add(vendor_space *space, uint64_t bytes, sterna_gpu_memory memory);
/* The live allocation that holds the range, else NULL with a sentence that says what lies there. */
vendor_allocation *sterna_vendor_space_range(const vendor_space *space, uint64_t address, uint64_t bytes,
                                             char *why, size_t size);
/* Page-locked memory of `bytes`; NULL when it is refused. */
void *sterna_vendor_space_pin(vendor_space *space, size_t bytes);
/* The block that a range lies in, or NULL. */
vendor_pinned *sterna_vendor_space_pinned(const vendor_space *space, const void *base, uint64_t bytes);
void sterna_vendor_space_unpin(vendor_space *space, vendor_pinned *pinned);
void sterna_vendor_space_end(vendor_space *space);

/* A point in a stream, held by an event and by the command that reaches it. */
typedef struct vendor_mark {
    uint32_t holders;
    bool issued;
    uint64_t fence; /* of the mock, once issued */
} vendor_mark;

typedef enum vendor_verb {
    VENDOR_COPY_IN,  /* host to device */
    VENDOR_COPY_OUT, /* device to host */
    VENDOR_FILL,
    VENDOR_LAUNCH,
    VENDOR_RECORD,
    VENDOR_WAIT, /* for a mark of another stream */
} vendor_verb;

/* One thing a stream does. Nothing happens at the call: page-locked memory is read and written when the command is
 * issued, which is as late as the API allows. */
typedef struct vendor_command {
    struct vendor_command *next;
    vendor_verb verb;
    uint64_t address, bytes; /* of a copy or a fill */
    uint8_t *host;           /* the host's side of a copy, page-locked; NULL: `staged` */
    uint8_t *staged;         /* pageable memory as it was at the call */
    uint32_t pattern;        /* of a fill */
    vendor_mark *mark;
    const void *module; /* handle */
    const mock_kernel *kernel;
    uint32_t groups_x, groups_y;
    uint64_t pointers[STERNA_GPU_MAX_RANGES];
    uint32_t words[STERNA_GPU_MAX_WORDS];
} vendor_command;

typedef struct vendor_list {
    vendor_command *first, *last;
    uint32_t count;
} vendor_list;

typedef struct vendor_context vendor_context;

/* Commands in the order they run; as captured, or made executable. */
typedef struct vendor_graph {
    void *handle;
    vendor_context *context;
    struct vendor_graph *next;
    vendor_kind kind;
    vendor_list commands;
} vendor_graph;

typedef enum vendor_capture_mode { VENDOR_GLOBAL, VENDOR_THREAD, VENDOR_RELAXED } vendor_capture_mode;

typedef struct vendor_stream {
    struct vendor_stream *next;
    void *handle; /* NULL: the default stream */
    vendor_context *context;
    bool blocking; /* waits for the default stream, and it for this one */
    vendor_list waiting;
    vendor_graph *capture; /* NULL when none is going on */
    bool spoilt;           /* the capture */
    vendor_capture_mode mode;
    const void *thread; /* that began it */
} vendor_stream;

typedef struct vendor_event {
    struct vendor_event *next;
    void *handle;
    vendor_context *context;
    vendor_mark *mark; /* NULL: never recorded */
} vendor_event;

typedef struct vendor_module vendor_module;

typedef struct vendor_function {
    struct vendor_function *next;
    void *handle;
    vendor_module *module;
    const mock_kernel *kernel;
} vendor_function;

struct vendor_module {
    vendor_module *next;
    void *handle;
    vendor_context *context;
    vendor_function *functions;
    uint8_t *image; /* a copy: the host may forget its own */
    uint64_t bytes;
};

/* The primary context of the one device. */
struct vendor_context {
    void *handle;
    uint32_t holders;
    bool used; /* it held something */
    void *gpu;
    sterna_gpu_limits limits;
    uint64_t fail_launch; /* a setting of the mock that these libraries obey themselves, at the call */
    vendor_space space;
    vendor_stream *streams; /* the default stream is the last */
    vendor_event *events;
    vendor_module *modules;
    vendor_graph *graphs;
    uint64_t launches, random;
    vendor_code sticky; /* SUCCESS, or what every later call gives */
    char sentence[VENDOR_SENTENCE];
};

/* The process (vendor_process.c). Every exported function is enter(), work, leave(). */
void sterna_vendor_enter(void);
/* Returns the code, as the exported function's result. */
int sterna_vendor_leave(vendor_code code);
/* Says why a call fails, on stderr and behind the code's name; returns the code. */
vendor_code sterna_vendor_fail(vendor_code code, const char *format, ...) STERNA_PRINTF(2, 3);
/* The same, and the context gives this code from now on. The first cause stays. */
vendor_code sterna_vendor_break(vendor_context *context, vendor_code code, const char *format, ...)
    STERNA_PRINTF(3, 4);
/* What a status of the mock's driver table means here; DEVICE and TIMEOUT break the context. */
vendor_code sterna_vendor_status(vendor_context *context, sterna_status status, const char *text);
/* The name of a code, with the sentence of this thread's latest failure when that gave the same code. */
const char *sterna_vendor_name(int code);
/* A place of this thread's own, to tell threads apart. */
const void *sterna_vendor_thread(void);
vendor_code sterna_vendor_init(void);
/* NO_DEVICE when the vendor's variable hides it, NOT_INITIALIZED before init where the API wants it, INVALID_DEVICE for
 * another device than 0. */
vendor_code sterna_vendor_device(int device);
/* The settings of the mock as they stand now: of the context, if there is one. */
vendor_code sterna_vendor_limits(sterna_gpu_limits *limits);

/* The context. Retain makes it when there is none, with the settings of that moment; the last release reports what is
 * left in it and ends it. */
vendor_code sterna_vendor_retain(vendor_context **context);
vendor_code sterna_vendor_release(void);
/* HIP's way: makes the one context and makes it current. One that holds nothing is ended first, so that the settings
 * count from here; one that held something ends when it holds nothing any more (sterna_vendor_leave). */
vendor_code sterna_vendor_choose(void);
/* Makes it current in this thread; NULL: none. */
void sterna_vendor_set_current(vendor_context *context);
/* The current context when it works; else INVALID_CONTEXT, or the code it broke with. */
vendor_code sterna_vendor_current(vendor_context **context);
/* The same for calls that may wait: they are not allowed during a capture (and spoil it). */
vendor_code sterna_vendor_outside_capture(vendor_context **context);
/* For calls that give something back, which a broken context lets them do: INVALID_CONTEXT when none is current. */
vendor_code sterna_vendor_any_current(void);

/* Memory and copies (vendor_memory.c). */
vendor_code sterna_vendor_memory_alloc(uint64_t *address, size_t bytes);
vendor_code sterna_vendor_memory_free(uint64_t address);
vendor_code sterna_vendor_host_alloc(void **memory, size_t bytes);
vendor_code sterna_vendor_host_free(void *memory);
vendor_code sterna_vendor_copy_in(uint64_t to, const void *from, size_t bytes, const void *stream);
vendor_code sterna_vendor_copy_out(void *to, uint64_t from, size_t bytes, const void *stream);
vendor_code sterna_vendor_fill(uint64_t to, uint32_t pattern, size_t words, const void *stream);

/* Modules and launches (vendor_module.c). */
vendor_code sterna_vendor_module_load(void **module, const uint8_t *image);
vendor_code sterna_vendor_module_unload(const void *module);
void sterna_vendor_module_end(vendor_module *module);
vendor_code sterna_vendor_module_function(void **function, const void *module, const char *name);
vendor_code sterna_vendor_function_attribute(int *value, int attribute, const void *function);
/* Counts a launch; LAUNCH_OUT_OF_RESOURCES when it is the one that the profile refuses. */
vendor_code sterna_vendor_admit(vendor_context *context, const mock_kernel *kernel);
vendor_code sterna_vendor_launch(const void *function, const uint32_t grid[3], const uint32_t block[3],
                                 uint32_t shared_bytes, const void *stream, void *const *parameters);

/* Streams and events (vendor_stream.c). */
vendor_code sterna_vendor_stream_create(void **stream, bool blocking);
vendor_code sterna_vendor_stream_destroy(const void *stream);
void sterna_vendor_stream_end(vendor_stream *stream);
/* The stream of a handle, NULL when there is none. */
vendor_stream *sterna_vendor_stream(vendor_context *context, const void *handle);
/* Puts a copy of the command into the stream, or into its capture. Takes over `staged` and one holder of `mark`, also on
 * failure. */
vendor_code sterna_vendor_push(vendor_stream *stream, const vendor_command *command);
/* Until everything in all streams, or in one, is done. */
vendor_code sterna_vendor_wait(vendor_context *context, const vendor_stream *only);
vendor_code sterna_vendor_event_create(void **event);
vendor_code sterna_vendor_event_destroy(const void *event);
void sterna_vendor_event_end(vendor_event *event);
vendor_code sterna_vendor_event_record(const void *event, const void *stream);
vendor_code sterna_vendor_event_query(const void *event);

/* Captures and graphs (vendor_graph.c). */
/* Adds a copy, with what it holds; false when memory is refused (then what it holds is dropped). */
bool sterna_vendor_list_add(vendor_list *list, const vendor_command *command);
void sterna_vendor_list_pop(vendor_list *list);
void sterna_vendor_list_clear(vendor_list *list);
/* Puts a command into a capture; refuses, and spoils the capture, when it is of a kind that is not captured. */
vendor_code sterna_vendor_capture_add(vendor_stream *stream, const vendor_command *command);
/* A call that does not go with a capture ends it; returns the code. */
vendor_code sterna_vendor_spoil(vendor_stream *stream, vendor_code code, const char *why);
void sterna_vendor_mark_drop(vendor_mark *mark);
vendor_code sterna_vendor_capture_begin(const void *stream, int mode);
vendor_code sterna_vendor_capture_end(const void *stream, void **graph);
vendor_code sterna_vendor_graph_instantiate(void **exec, const void *graph);
vendor_code sterna_vendor_graph_launch(const void *exec, const void *stream);
vendor_code sterna_vendor_graph_destroy(vendor_kind kind, const void *handle);
void sterna_vendor_graph_end(vendor_graph *graph);

#endif
