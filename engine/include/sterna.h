/* sterna.h: run a language model and get the same bits on every device.
 * Owns: the installed interface of libsterna. Leaves to others: backends (sterna_backend.h), the command line.
 *
 * CONCEPTS
 *   model     an opened GGUF file: checked, mapped, never copied. Read-only; may be shared by sessions and threads.
 *   session   one device, one KV cache, up to n_seqs sequences. Used by one thread at a time.
 *   batch     rows of (token, position, sequence), each saying whether its logits are wanted. Rows of one sequence come
 *             in ascending positions without gaps, beginning at the sequence's length. Positions of earlier calls may
 *             be computed anew after sterna_session_truncate().
 *   observer  a listener on what a session does: prompt, operations, logits, tokens. Trace, digest and receipts are
 *             observers; the session knows none of them.
 *   digest    D0 = SHA-256(Merkle root of the file, prompt ids), Di = SHA-256(D(i-1), token, logits it was drawn from),
 *             ids and tokens as u32, logits as f32, all little-endian. Equal digests mean equal bits at every step.
 *
 * In the exact profile the logits of a row depend on nothing but the file, the tokens before it and the cache's type:
 * not on device, instruction set, threads, batch size, prompt split or page size (docs/numerics.md).
 *
 * ERRORS   Functions return a sterna_status; the optional sterna_fault gets a sentence. Nothing exits or aborts.
 * LIMITS   Positions below 2^24; at most 65,536 rows per submission; vocabulary up to 2^24.
 * STRINGS  UTF-8. Text in and out carries its length; no NUL is needed or written unless said. */
#ifndef STERNA_H
#define STERNA_H

#include "sterna_backend.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0" */
STERNA_API const char *sterna_version(void);
/* "FILE", and its sentence. */
STERNA_API const char *sterna_status_name(sterna_status status);
STERNA_API const char *sterna_status_text(sterna_status status);

/* ---- Models ---- */

typedef struct sterna_model sterna_model;

typedef struct sterna_model_info {
    uint32_t size;                   /* set by the caller: sizeof(sterna_model_info) */
    const char *architecture, *name; /* live as long as the model; name may be "" */
    uint32_t n_layers, n_embd, n_heads, n_kv_heads, head_dim, n_ff, n_vocab, n_ctx_train;
    uint64_t parameters;   /* values in all tensors */
    uint64_t tensor_bytes; /* bytes of all tensors */
    uint64_t file_bytes;
} sterna_model_info;

/* Opens and checks a GGUF file: container, keys, tensor shapes, vocabulary. FILE with key or tensor and offset. */
STERNA_API sterna_status sterna_model_open(const char *path, sterna_model **model, sterna_fault *fault);
/* After the sessions that use it. NULL is allowed. */
STERNA_API void sterna_model_close(sterna_model *model);
STERNA_API void sterna_model_get_info(const sterna_model *model, sterna_model_info *info);
/* The Merkle root of the file's bytes over leaves of 1 MiB (RFC 6962 section 2.1): 32 bytes. Computed at the first
 * call with up to `threads` threads, then remembered; the first call is not thread-safe. */
STERNA_API sterna_status sterna_model_hash(sterna_model *model, uint32_t threads, uint8_t root[32],
                                           sterna_fault *fault);

/* ---- Text ---- */

#define STERNA_TOKENIZE_BOS     1u /* begin as the model wants: its BOS if it asks for one */
#define STERNA_TOKENIZE_SPECIAL 2u /* recognise control tokens written out in the text */

/* Tokens of text[0, bytes). Writes up to `capacity` ids and the number needed to *count; MEMORY when capacity is too
 * small (call again with room for *count). ids may be NULL when capacity is 0. */
STERNA_API sterna_status sterna_tokenize(const sterna_model *model, const char *text, size_t bytes,
                                         uint32_t flags, uint32_t *ids, size_t capacity, size_t *count,
                                         sterna_fault *fault);
/* Bytes of one token (a part of a UTF-8 sequence is possible), up to `capacity`; returns how many there are. Control
 * tokens have none. */
STERNA_API size_t sterna_token_bytes(const sterna_model *model, uint32_t id, char *bytes, size_t capacity);
/* 1 when the token ends a text (EOS, end of turn). */
STERNA_API int sterna_token_is_end(const sterna_model *model, uint32_t id);

/* ---- Sessions ---- */

typedef struct sterna_session sterna_session;

typedef enum sterna_kv_type { STERNA_KV_F16 = 0, STERNA_KV_F32 = 1 } sterna_kv_type;

typedef struct sterna_session_params {
    uint32_t size;
    const char *device;     /* "auto", "cpu", "cpu:avx2", "mock:warp=8,seed=3", "./plugin.so"; NULL: auto */
    uint32_t threads;       /* 0: the device's choice */
    sterna_profile profile; /* exact unless asked otherwise */
    uint32_t n_ctx;         /* positions per sequence; 0: what the model was trained for, at most 4096 */
    uint32_t n_batch;       /* rows per submission; 0: 512, at most n_ctx * n_seqs */
    uint32_t n_seqs;        /* 0: 1 */
    uint32_t n_logits;      /* rows of logits kept of one sterna_session_run(); 0: n_seqs */
    uint32_t page_size;     /* positions per page of the KV cache; 0: contiguous */
    sterna_kv_type kv_type;
    uint32_t verify_upload; /* 1: copies to and from a GPU are compared; DEVICE names the tensor that differs */
    uint32_t separate;      /* 1: activations share no memory, so that unwritten reads show (mock) */
} sterna_session_params;

/* Bytes a session would take on its device, computed without opening it. */
typedef struct sterna_memory {
    uint64_t weights, cache, activations, total;
    uint64_t available; /* 0: unknown */
} sterna_memory;

STERNA_API sterna_status sterna_session_estimate(const sterna_model *model,
                                                 const sterna_session_params *params, sterna_memory *memory,
                                                 sterna_fault *fault);
/* Opens the device, uploads the weights, builds the plan. MEMORY, with figures, when the estimate exceeds what is
 * available; UNSUPPORTED names the tensor or operation that the device cannot do. */
STERNA_API sterna_status sterna_session_open(sterna_model *model, const sterna_session_params *params,
                                             sterna_session **session, sterna_fault *fault);
STERNA_API void sterna_session_close(sterna_session *session);
/* The device that was selected, and how: "requested=auto detected=[...] selected=cpu:avx512". */
STERNA_API const char *sterna_session_snapshot(const sterna_session *session);
STERNA_API void sterna_session_device(const sterna_session *session, sterna_device_info *info);
STERNA_API uint32_t sterna_session_kernels(const sterna_session *session, sterna_kernel_use *uses,
                                           uint32_t capacity);

typedef struct sterna_batch {
    uint32_t n;
    const uint32_t *ids;       /* [n] */
    const uint32_t *positions; /* [n] */
    const uint32_t *sequences; /* [n], NULL: all 0 */
    const uint8_t *wanted;     /* [n] 1: logits wanted; NULL: only the last row's */
} sterna_batch;

/* Computes all rows, in submissions of at most n_batch. USAGE for rows that break the rules above; MEMORY when the
 * cache is full; NUMERIC names operation and layer that met NaN, infinity or a value out of range; INTERRUPTED after
 * sterna_session_cancel(). After a failure the sequences of the batch have the length they had before it. */
STERNA_API sterna_status sterna_session_run(sterna_session *session, const sterna_batch *batch,
                                            sterna_fault *fault);
/* Logits [n_vocab] of the i-th wanted row of the last run; NULL when there is none. Valid until the next run. */
STERNA_API const float *sterna_session_logits(const sterna_session *session, uint32_t i);
/* Positions held of a sequence. */
STERNA_API uint32_t sterna_session_length(const sterna_session *session, uint32_t sequence);
/* Forgets the positions from `length` on. */
STERNA_API void sterna_session_truncate(sterna_session *session, uint32_t sequence, uint32_t length);
/* Makes the running or next call stop between submissions. May be called from a signal handler or another thread. */
STERNA_API void sterna_session_cancel(sterna_session *session);

/* ---- Observers ---- */

typedef enum sterna_event_kind {
    STERNA_EVENT_PROMPT = 1, /* generation begins: ids[0, n_ids) of `sequence` */
    STERNA_EVENT_OP = 2,     /* operation `op` of `layer` is done; node is its place in the plan */
    STERNA_EVENT_LOGITS = 4, /* logits[0, n_logits) of (sequence, position) */
    STERNA_EVENT_TOKEN = 8   /* `token` was drawn from those logits; its own position is position + 1 */
} sterna_event_kind;

typedef struct sterna_event {
    sterna_event_kind kind;
    uint32_t sequence, position;
    const uint32_t *ids;
    uint32_t n_ids;
    const char *op;
    uint32_t layer, node; /* layer: n_layers for what follows the last one */
    const float *logits;
    uint32_t n_logits;
    uint32_t token;
} sterna_event;

/* Returning anything but OK ends the run with that status. Called on the thread that runs the session. */
typedef sterna_status (*sterna_observer)(void *context, const sterna_event *event);
/* Adds a listener for the kinds in `mask`, at most 8 per session. Listening to operations makes the session submit
 * them one by one; the bits stay the same. MEMORY when there is no place left. */
STERNA_API sterna_status sterna_session_observe(sterna_session *session, uint32_t mask,
                                                sterna_observer observer, void *context);

/* ---- Sampling and generation ---- */

typedef struct sterna_sampling {
    uint32_t size;
    uint64_t seed;
    float temperature; /* 0 or more; 0: greedy; the lowest id wins ties */
    uint32_t top_k;    /* 0: off */
    float top_p;       /* 0 to 1; 1: off */
    float min_p;       /* 0 to 1; 0: off */
} sterna_sampling;

/* Draws a token from logits[0, n), as docs/numerics.md section 6 says: same logits, sampling, position and sequence,
 * same token. `order` is scratch for n words. NUMERIC when a logit is NaN or infinite;
 * USAGE when a setting is out of its range. */
STERNA_API sterna_status sterna_sample(const sterna_sampling *sampling, const float *logits, uint32_t n,
                                       uint32_t position, uint32_t sequence, uint32_t *order, uint32_t *token,
                                       sterna_fault *fault);

typedef struct sterna_generate_params {
    uint32_t size;
    uint32_t sequence;
    const uint32_t *prompt; /* at least one id */
    uint32_t n_prompt;
    uint32_t n_predict;  /* tokens to draw at most; they must fit n_ctx */
    uint32_t ignore_end; /* 1: go on after an end token */
    sterna_sampling sampling;
} sterna_generate_params;

typedef struct sterna_generate_result {
    uint32_t size;
    uint32_t n_prompt, n_tokens;
    uint32_t ended;        /* 1: an end token was drawn (it is the last one) */
    double prompt_seconds; /* prompt to first logits */
    double decode_seconds; /* all later steps */
} sterna_generate_result;

/* Runs the prompt from the sequence's present length on and draws tokens; `on_token` (may be NULL) gets each as it
 * comes and may stop the generation by returning anything but OK. *result is filled on failure, too. */
STERNA_API sterna_status sterna_generate(sterna_session *session, const sterna_generate_params *params,
                                         sterna_status (*on_token)(void *context, uint32_t token),
                                         void *context, sterna_generate_result *result, sterna_fault *fault);

/* ---- Digest ---- */

/* Observes a session and keeps its running digest of one sequence. */
typedef struct sterna_digest sterna_digest;
STERNA_API sterna_status sterna_digest_attach(sterna_session *session, const uint8_t model_root[32],
                                              uint32_t sequence, sterna_digest **digest, sterna_fault *fault);
/* The digest so far, and the number of tokens in it. */
STERNA_API uint32_t sterna_digest_get(const sterna_digest *digest, uint8_t value[32]);
/* After the session is closed or no longer runs. */
STERNA_API void sterna_digest_free(sterna_digest *digest);

#ifdef __cplusplus
}
#endif
#endif
