/* Results: what was measured or checked, where, and by which code. Owns: the types that the store keeps, the gate compares
 * and JSON carries. Leaves to others: producing them (the rest of measure/), keeping them (store/). */
#ifndef STERNA_RESULT_H
#define STERNA_RESULT_H

#include "base/hash.h"
#include "base/status.h"
#include "registry.h"
#include <stdbool.h>

enum { STERNA_RESULT_NAME = 160, STERNA_RESULT_KERNELS = 64 };

/* The processor and memory that a figure depends on; equal fingerprints may be compared. */
typedef struct sterna_machine {
    char processor[64], architecture[32];
    char system[64]; /* operating system and its release: told, but no part of the fingerprint */
    uint32_t processors, features;
    uint64_t memory_bytes;
    uint8_t fingerprint
        [STERNA_HASH_BYTES]; /* SHA-256 of processor, architecture, processors, features, memory in GiB */
} sterna_machine;

typedef struct sterna_program {
    char version[32], commit[64], compiler[64], type[32], flags[256];
    bool has_code; /* code: SHA-256 of the program's executable segments */
    uint8_t code[STERNA_HASH_BYTES];
} sterna_program;

typedef struct sterna_kernel_seen {
    char name[64];
    bool has_code;
    uint8_t code[STERNA_HASH_BYTES];
} sterna_kernel_seen;

typedef enum sterna_result_kind {
    STERNA_RESULT_TIME,   /* samples: seconds for the whole work, each after its output was compared */
    STERNA_RESULT_VERDICT /* counts of cases */
} sterna_result_kind;

/* One benchmark of one run, or one property of one `check`. */
typedef struct sterna_benchmark {
    sterna_result_kind kind;
    char name[STERNA_RESULT_NAME]; /* "tg128", "kernel/matmul_ternary/decode", "check/rmsnorm/F32/oracle" */
    char settings[STERNA_RESULT_NAME]; /* what else the figure depends on: "kv=f16 batch=512" */
    char model[STERNA_RESULT_NAME];    /* label of the file, "" where none is involved */
    bool has_root;                     /* root: the file's Merkle root */
    uint8_t root[STERNA_HASH_BYTES];
    uint8_t digest[STERNA_HASH_BYTES]; /* TIME: SHA-256 of the output, the same in every sample */
    bool has_code;                     /* code: identifies all code that the figure is about */
    uint8_t code[STERNA_HASH_BYTES];
    double work;     /* TIME: units of work in a sample; 0: none to speak of */
    char unit[16];   /* "token", "byte" */
    double *seconds; /* [n] */
    uint32_t n;
    uint64_t passed, failed, unsupported; /* VERDICT */
    sterna_kernel_seen *kernels;          /* [n_kernels] that computed it */
    uint32_t n_kernels;
} sterna_benchmark;

/* A run: results with what they have in common. Zero-initialise; sterna_results_free() in any case. */
typedef struct sterna_results {
    char began[24];   /* UTC, RFC 3339 */
    char command[16]; /* "bench", "check" */
    char arguments[512];
    char device[STERNA_OPENED_BYTES], profile[8];
    uint32_t threads;
    sterna_machine machine;
    sterna_program program;
    sterna_benchmark *items; /* [n] */
    uint32_t n;
} sterna_results;

/* A new, empty result at the end; NULL when memory is refused or the name is taken (*fault says which). */
sterna_benchmark *sterna_results_add(sterna_results *results, const char *name, sterna_fault *fault);
/* Appends a sample. FAILED unless it is finite and above zero. */
sterna_status sterna_benchmark_sample(sterna_benchmark *result, double seconds, sterna_fault *fault);
/* Records the kernels that ran and derives `code`: the hash of all their hashes, and of `program` too when the whole
 * program's code matters (NULL: the kernels alone). has_code stays false when one of them has no hash. */
sterna_status sterna_benchmark_code(sterna_benchmark *result, const sterna_kernel_use *uses, uint32_t n,
                                    const sterna_program *program, sterna_fault *fault);
/* By name; NULL when there is none. */
const sterna_benchmark *sterna_results_find(const sterna_results *results, const char *name);
void sterna_results_free(sterna_results *results);

/* This machine. Never fails: what cannot be found out is empty. */
void sterna_machine_here(sterna_machine *machine);
/* The hash of this program's executable segments; the rest of *program is the caller's. */
void sterna_program_code(sterna_program *program);

#endif
