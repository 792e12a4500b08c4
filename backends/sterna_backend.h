/* sterna_backend.h: the C ABI between Sterna and a backend, ours or a stranger's .so.
 * Owns: handles, status codes, limits, plans and submissions. Leaves to others: what an operation means
 * (docs/numerics.md, docs/kernels.md) and how tensors are stored (docs/formats.md).
 *
 * CONCEPTS
 *
 * A backend is one exported function, sterna_backend_entry(), that returns a table of functions, or NULL when it
 * does not speak the asked version. This header includes nothing of Sterna's, so a plug-in needs this one file.
 *
 *   device      an opened processor. One in-order queue: everything submitted, written and read on a device happens
 *               in call order as far as results are concerned; submit() returns before the work is done.
 *   buffer      device memory behind a handle; never a host pointer. Contents are undefined until written.
 *   weight      a constant matrix, uploaded once; the backend keeps it in whatever layout its kernels like.
 *   plan        a flat list of nodes (operations on buffers, weights and scalars), checked once, run many times.
 *   slot        a 32-bit scalar that changes from submission to submission (number of rows, for one).
 *   fence       the completion of one submission, with its status word.
 *
 * THREADS   A device and all its objects are used by one thread at a time; different devices are independent.
 * ERRORS    Every call returns a sterna_status. On failure the optional sterna_fault receives a sentence that names
 *           the object and says what to do; out-parameters are left untouched; nothing is half-created. A backend
 *           never exits, aborts, or falls back to another device or kernel that the host did not ask for.
 * OWNERSHIP The host destroys what it created, in any order, before close(); destroying NULL does nothing. close()
 *           on a device with live objects releases them.
 * MEMORY    A backend allocates host memory through sterna_host only, so that the bench can fail the n-th request.
 * LAYOUT    Little-endian. All structs begin with their size; a reader ignores fields beyond the size it was given.
 */
#ifndef STERNA_BACKEND_H
#define STERNA_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what a library exports when everything else in it is hidden: sterna_backend_entry, for one. */
#ifndef STERNA_API
#if defined(__GNUC__)
#define STERNA_API __attribute__((visibility("default")))
#else
#define STERNA_API
#endif
#endif

#define STERNA_ABI_VERSION 1u
#define STERNA_MAX_ARGS    24u /* arguments of one operation */
#define STERNA_MAX_SLOTS   8u  /* changing scalars of one plan */

/* name, number, process exit code, sentence. Numbers are ABI: append, never renumber. */
#define STERNA_STATUS_LIST(X)                                                                                \
    X(OK, 0, 0, "ok")                                                                                        \
    X(FAILED, 1, 1, "a check failed")                                                                        \
    X(USAGE, 2, 2, "the command line or an argument is wrong")                                               \
    X(REGRESSION, 3, 3, "slower than the baseline")                                                          \
    X(NOTHING, 4, 4, "nothing was tested or compared")                                                       \
    X(DEVICE, 5, 5, "the device is absent, lost or failed")                                                  \
    X(FILE, 6, 6, "a file cannot be read, written or understood")                                            \
    X(INVALID, 7, 7, "a receipt or digest does not hold")                                                    \
    X(POLICY, 8, 8, "strict mode forbids this")                                                              \
    X(FLAKY, 9, 9, "two runs of the same thing differ")                                                      \
    X(MEMORY, 10, 10, "out of memory, or refused before it came to that")                                    \
    X(UNSUPPORTED, 11, 11, "this device or build cannot do that")                                            \
    X(NUMERIC, 12, 12, "NaN, infinity or a value out of range met in computation")                           \
    X(INTERRUPTED, 13, 13, "stopped by a signal")                                                            \
    X(TIMEOUT, 14, 14, "the device did not answer in time")                                                  \
    X(INTERNAL, 15, 70, "a defect in Sterna; please report it")

typedef enum sterna_status {
#define X(name, number, exit_code, text) STERNA_##name = number,
    STERNA_STATUS_LIST(X)
#undef X
} sterna_status;

/* Where a failing call explains itself. Zero-initialise; the first failure is kept. */
typedef struct sterna_fault {
    sterna_status status;
    char text[500]; /* one sentence, no newline, always terminated */
} sterna_fault;

typedef struct sterna_device sterna_device;
typedef struct sterna_buffer sterna_buffer;
typedef struct sterna_weight sterna_weight;
typedef struct sterna_plan sterna_plan;
typedef uint64_t sterna_fence; /* 0 is never a fence */

/* What the host lends. All functions may be called from any thread. */
typedef struct sterna_host {
    uint32_t size; /* sizeof(sterna_host) */
    uint32_t abi_version;
    void *context;
    void *(*allocate)(void *context, size_t bytes, size_t alignment); /* NULL when refused; not zeroed */
    void (*release)(void *context, void *memory);                     /* NULL is allowed */
    void (*log)(void *context, int level, const char *text);          /* 0 error, 1 warning, 2 information */
} sterna_host;

/* Two profiles (docs/numerics.md section 7). */
typedef enum sterna_profile {
    STERNA_PROFILE_EXACT = 0, /* canonical arithmetic: the bits of the reference */
    STERNA_PROFILE_FAST = 1,  /* within the derived bound of the oracle */
} sterna_profile;

/* What computes. `auto` chooses by it, and never a device whose kind is not told. */
typedef enum sterna_device_kind {
    STERNA_KIND_UNKNOWN = 0,     /* not told */
    STERNA_KIND_CPU = 1,         /* the processor, by code made for it */
    STERNA_KIND_EMULATED = 2,    /* the processor behind a GPU's API: PoCL, lavapipe, SwiftShader, a mock */
    STERNA_KIND_INTEGRATED = 3,  /* a GPU in the host's memory */
    STERNA_KIND_DISCRETE = 4,    /* a GPU with memory of its own */
    STERNA_KIND_ACCELERATOR = 5, /* anything else that is real */
} sterna_device_kind;

/* One device a backend could open. Members behind buffer_alignment came later: where the caller's or the
 * backend's size ends before them they are 0 and "". */
typedef struct sterna_device_info {
    uint32_t size;
    char variant[32];           /* open() takes this text: "avx2", "0", "pocl"; "" is the backend's default */
    char description[160];      /* for people: processor, driver */
    uint32_t usable;            /* 0: known to the build, but not on this machine; `why` says so */
    char why[160];              /* of an open device: what it announces and does not have; "": nothing */
    uint32_t is_mock;           /* 1: results must never pass for a real device's */
    uint32_t threads;           /* host threads it computes with, 0 when not applicable */
    uint32_t subgroup;          /* work items in lock-step, 0 when not applicable */
    uint64_t memory_bytes;      /* 0: the host's */
    uint64_t max_binding_bytes; /* largest part of a buffer one argument may span; 0: no limit */
    uint32_t buffer_alignment;  /* of argument offsets, a power of two */
    uint32_t kind;              /* sterna_device_kind */
    char driver[96]; /* name and version of the driver or runtime: "PoCL 3.1, LLVM 14.0.6"; "": none */
} sterna_device_info;

typedef struct sterna_open_params {
    uint32_t size;
    sterna_profile profile;
    const char
        *variant;     /* from device_info, possibly followed by ",key=value,..." of the backend's own keys */
    uint32_t threads; /* 0: the backend's choice */
    /* 1: what weight_create and buffer_write sent is read back and compared, and buffer_read reads twice; DEVICE
     * names what differs. For backends that copy to a device's memory; others have nothing to compare. */
    uint32_t verify_upload;
} sterna_open_params;

/* How activations meet a weight (docs/numerics.md section 4). */
typedef enum sterna_act {
    STERNA_ACT_F32 = 0,      /* float weights, or an unpacked row (embedding): no quantised activations */
    STERNA_ACT_TOKEN = 1,    /* one int8 scale per row: ternary linear layers of BitNet architectures */
    STERNA_ACT_BLOCK32 = 2,  /* int8 blocks of 32 */
    STERNA_ACT_BLOCK256 = 3, /* int8 blocks of 256 */
} sterna_act;

/* A matrix as it stands in a GGUF file: `rows` rows of `cols` values, each row `row_bytes` long, rows adjacent. */
typedef struct sterna_tensor {
    uint32_t size;
    uint32_t format; /* GGUF type id: 0 F32, 1 F16, 8 Q8_0, 12 Q4_K, 30 BF16, 35 TQ2_0 */
    sterna_act act;
    uint32_t rows, cols;
    uint32_t outlives; /* 1: data stays readable and unchanged until the weight is destroyed */
    uint64_t row_bytes;
    const void *data;
    const char *name; /* for messages; not kept */
} sterna_tensor;

typedef enum sterna_arg_kind {
    STERNA_ARG_BUFFER = 0,
    STERNA_ARG_WEIGHT = 1,
    STERNA_ARG_U32 = 2,  /* .u32 is the value */
    STERNA_ARG_F32 = 3,  /* .u32 holds the value's bits */
    STERNA_ARG_SLOT = 4, /* .u32 is the slot's index; its value is given with each submission */
} sterna_arg_kind;

typedef struct sterna_arg {
    uint32_t kind; /* sterna_arg_kind */
    uint32_t u32;
    sterna_buffer *buffer;
    sterna_weight *weight;
    uint64_t offset; /* bytes into the buffer, a multiple of the device's buffer_alignment */
} sterna_arg;

/* One operation. Arguments stand in the order of the catalogue's row (docs/kernels.md). */
typedef struct sterna_node {
    const char *op; /* catalogue name: "rmsnorm" */
    const sterna_arg *args;
    uint32_t n_args;
    uint32_t label; /* the host's; returned in the status word (layer number) */
} sterna_node;

typedef struct sterna_plan_params {
    uint32_t size;
    const sterna_node *nodes; /* copied by plan_create */
    uint32_t n_nodes;
    uint32_t n_slots;         /* at most STERNA_MAX_SLOTS */
    const uint32_t *slot_max; /* the largest value each slot will take; buffers must hold that */
} sterna_plan_params;

/* Bits of the status word. */
#define STERNA_FLAG_NAN    1u /* a norm, quantiser or attention met NaN */
#define STERNA_FLAG_INF    2u /* ... infinity */
#define STERNA_FLAG_RANGE  4u /* an index or a value out of its range (token id, page, F16 cache) */
#define STERNA_FLAG_DEVICE 8u /* the device failed; see status */

/* What became of one submission. */
typedef struct sterna_result {
    uint32_t size;
    sterna_status status; /* OK: all nodes ran to their end (flags may still be set) */
    uint32_t flags;       /* STERNA_FLAG_* of the first node that set any */
    uint32_t node;        /* that node, or the failing one */
    uint32_t label;       /* its label */
} sterna_result;

/* One kernel that really ran since the device was opened. */
typedef struct sterna_kernel_use {
    uint32_t size;
    char name[64];         /* "matmul_ternary/avx512vnni"; a mock's begins with "mock:" */
    uint64_t launches;     /* nodes (CPU) or launches (GPU) */
    uint32_t has_hash;     /* 1: code_hash is the SHA-256 of the code that ran */
    uint8_t code_hash[32]; /* */
} sterna_kernel_use;

typedef struct sterna_backend_api {
    uint32_t size; /* sizeof(sterna_backend_api) */
    uint32_t abi_version;
    const char *name; /* "cpu" */

    /* Devices. *info has its size set by the caller. USAGE when index >= device_count(). */
    uint32_t (*device_count)(void);
    sterna_status (*device_info)(uint32_t index, sterna_device_info *info);
    /* UNSUPPORTED: the variant is unknown or this machine lacks it. `host` outlives the device. */
    sterna_status (*open)(const sterna_host *host, const sterna_open_params *params, sterna_device **device,
                          sterna_fault *fault);
    void (*close)(sterna_device *device);
    sterna_status (*info)(sterna_device *device, sterna_device_info *info);

    /* 1 when a node of this operation can run here; format is the weight's, ignored without one. */
    int (*supports)(sterna_device *device, const char *op, uint32_t format, sterna_act act);

    /* Memory. Writes copy `src` before they return; reads wait for everything before them. Ranges are checked. */
    sterna_status (*buffer_create)(sterna_device *device, uint64_t bytes, sterna_buffer **buffer,
                                   sterna_fault *fault);
    void (*buffer_destroy)(sterna_device *device, sterna_buffer *buffer);
    sterna_status (*buffer_write)(sterna_device *device, sterna_buffer *buffer, uint64_t offset,
                                  const void *src, uint64_t bytes, sterna_fault *fault);
    sterna_status (*buffer_read)(sterna_device *device, sterna_buffer *buffer, uint64_t offset, void *dst,
                                 uint64_t bytes, sterna_fault *fault);
    /* FILE: the data break the format's rules (a NaN scale). UNSUPPORTED: no kernel takes this format. */
    sterna_status (*weight_create)(sterna_device *device, const sterna_tensor *tensor, sterna_weight **weight,
                                   sterna_fault *fault);
    void (*weight_destroy)(sterna_device *device, sterna_weight *weight);

    /* Plans. Every node is checked against the catalogue: argument kinds, extents at slot_max, formats. */
    sterna_status (*plan_create)(sterna_device *device, const sterna_plan_params *params, sterna_plan **plan,
                                 sterna_fault *fault);
    void (*plan_destroy)(sterna_device *device, sterna_plan *plan);
    /* Runs nodes [first, first + count). Returns once accepted; slots are copied. */
    sterna_status (*submit)(sterna_device *device, sterna_plan *plan, uint32_t first, uint32_t count,
                            const uint32_t *slots, sterna_fence *fence, sterna_fault *fault);
    /* Waits until the submission is done, at most `milliseconds` (0: as long as the device's watchdog allows).
     * TIMEOUT leaves the fence waitable. Otherwise the fence is used up and *result is filled; the returned status
     * equals result->status. */
    sterna_status (*wait)(sterna_device *device, sterna_fence fence, uint32_t milliseconds,
                          sterna_result *result, sterna_fault *fault);

    /* Kernels that ran: fills up to `capacity` entries, returns how many there are. */
    uint32_t (*kernels_used)(sterna_device *device, sterna_kernel_use *uses, uint32_t capacity);
} sterna_backend_api;

/* The one symbol a plug-in exports. The table is constant and lives as long as the library is loaded. */
typedef const sterna_backend_api *(*sterna_backend_entry_fn)(uint32_t abi_version);
#define STERNA_BACKEND_ENTRY_NAME "sterna_backend_entry"

#ifdef __cplusplus
}
#endif
#endif
