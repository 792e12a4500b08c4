/* What `sterna bench` can measure. Owns: the benchmarks, that each is verified before it is timed and after every sample.
 * Leaves to others: end-to-end speed (cli/speed.h), keeping results (store/).
 *
 * Names are paths: "pp512", "kernel/rmsnorm/decode", "file/gguf_open", "text/tokenize". A filter is a list with commas;
 * each item chooses the names that are it or begin with it and a slash. NULL chooses all. */
#ifndef STERNA_MEASURE_H
#define STERNA_MEASURE_H

#include "catalogue/catalogue.h"
#include "cli/json.h"
#include "cli/speed.h"
#include "measure/result.h"
#include "registry.h"

bool sterna_measure_wanted(const char *filter, const char *name);

typedef struct sterna_measure_params {
    const char *filter;
    uint32_t reps;         /* samples of each benchmark */
    double sample_seconds; /* work is repeated until a sample takes about as long; 0: 0.002 */
} sterna_measure_params;

/* Every operation of the catalogue that the device supports, at the shapes of kernel_shapes.def. The device's profile is
 * exact. FAILED: other bits than the reference's. FLAKY: a repetition gave other bits than the one before. */
sterna_status sterna_measure_kernels(sterna_open_device *device, const sterna_measure_params *params,
                                     sterna_results *results, sterna_fault *fault);
/* Opening a GGUF file, and turning text into tokens by its vocabulary. results->program is filled. */
sterna_status sterna_measure_files(const char *path, const char *label, const uint8_t root[STERNA_HASH_BYTES],
                                   const sterna_measure_params *params, sterna_results *results,
                                   sterna_fault *fault);
/* The samples of sterna_speed_measure() as results. */
sterna_status sterna_measure_speed(const sterna_speed *speed, const char *label,
                                   const uint8_t root[STERNA_HASH_BYTES], const sterna_kernel_use *uses,
                                   uint32_t n_uses, sterna_results *results, sterna_fault *fault);

/* Puts "machine", "program", "results" and so on into an object, and reads such an object back: FILE for what is none. */
void sterna_results_put(const sterna_results *results, sterna_json *json);
sterna_status sterna_results_parse(const char *text, size_t bytes, const char *label, sterna_results *results,
                                   sterna_fault *fault);

/* The machine and the program that runs, and the time: what results made here have in common. */
void sterna_results_begin(sterna_results *results, const char *command);
/* What `sterna check --json` printed, as verdicts "check/rmsnorm/F32/oracle" of this machine and program. */
sterna_status sterna_results_from_check(const char *text, size_t bytes, const char *label,
                                        sterna_results *results, sterna_fault *fault);

/* --- One operation at one shape, on host memory ----------------------------------------------------------------------- */

typedef struct sterna_kernel_shape {
    sterna_op op;
    const char *label;
    uint32_t format;
    sterna_act act;
    const char *scalars;
} sterna_kernel_shape;
const sterna_kernel_shape *sterna_kernel_shapes(uint32_t *count);

typedef struct sterna_kernel_call {
    const sterna_kernel_shape *shape;
    const sterna_op_info *info;
    uint32_t scalars[STERNA_MAX_ARGS];
    uint64_t bytes[STERNA_MAX_ARGS];  /* of buffers */
    uint8_t *data[STERNA_MAX_ARGS];   /* contents before the call, zeros for OUT */
    uint8_t *wanted[STERNA_MAX_ARGS]; /* contents after it, by the reference; NULL for IN */
    uint8_t *weight;
    sterna_tensor tensor;
    uint8_t digest[STERNA_HASH_BYTES]; /* of all outputs */
    double touched;                    /* bytes a call has to read and write */
} sterna_kernel_call;
/* Makes inputs by Philox and outputs by the reference. USAGE: the shape breaks the catalogue's rules. */
sterna_status sterna_kernel_call_make(const sterna_kernel_shape *shape, sterna_kernel_call *call,
                                      sterna_fault *fault);
void sterna_kernel_call_free(sterna_kernel_call *call);

#endif
