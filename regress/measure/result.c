/* Lists of results, and what identifies the code behind one. */
#include "measure/result.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const sterna_benchmark *sterna_results_find(const sterna_results *results, const char *name)
{
    for (uint32_t i = 0; i < results->n; i++)
        if (strcmp(results->items[i].name, name) == 0) return &results->items[i];
    return NULL;
}

sterna_benchmark *sterna_results_add(sterna_results *results, const char *name, sterna_fault *fault)
{
    if (strlen(name) >= STERNA_RESULT_NAME || sterna_results_find(results, name)) {
        sterna_fail(fault, STERNA_INTERNAL, "the benchmark's name %s is %s", name,
                    strlen(name) >= STERNA_RESULT_NAME ? "too long" : "taken");
        return NULL;
    }
    sterna_benchmark *more = sterna_realloc(results->items, results->n + 1, sizeof *more);
    if (!more) {
        sterna_fail(fault, STERNA_MEMORY, "out of memory for the results of %s", name);
        return NULL;
    }
    results->items = more;
    memset(&more[results->n], 0, sizeof *more);
    snprintf(more[results->n].name, STERNA_RESULT_NAME, "%s", name);
    return &more[results->n++];
}

sterna_status sterna_benchmark_sample(sterna_benchmark *result, double seconds, sterna_fault *fault)
{
    if (!isfinite(seconds) || seconds <= 0)
        return sterna_fail(fault, STERNA_FAILED, "%s: a sample of %g seconds", result->name, seconds);
    double *more = sterna_realloc(result->seconds, result->n + 1, sizeof *more);
    if (!more) return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory for a sample", result->name);
    result->seconds = more;
    more[result->n++] = seconds;
    return STERNA_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const sterna_kernel_seen *)a)->name, ((const sterna_kernel_seen *)b)->name);
}

sterna_status sterna_benchmark_code(sterna_benchmark *result, const sterna_kernel_use *uses, uint32_t n,
                                    const sterna_program *program, sterna_fault *fault)
{
    sterna_sha256 hash;
    sterna_kernel_seen *kernels = sterna_alloc(n, sizeof *kernels);
    if (!kernels)
        return sterna_fail(fault, STERNA_MEMORY, "%s: out of memory for %u kernels", result->name, n);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(kernels[i].name, sizeof kernels[i].name, "%.63s", uses[i].name);
        kernels[i].has_code = uses[i].has_hash != 0;
        if (kernels[i].has_code) memcpy(kernels[i].code, uses[i].code_hash, sizeof kernels[i].code);
    }
    if (n > 1) qsort(kernels, n, sizeof *kernels, by_name);
    sterna_free(result->kernels);
    result->kernels = kernels;
    result->n_kernels = n;
    result->has_code = program ? program->has_code : n > 0;
    sterna_sha256_init(&hash);
    for (uint32_t i = 0; i < n; i++) {
        result->has_code = result->has_code && kernels[i].has_code;
        sterna_sha256_update(&hash, kernels[i].name, strlen(kernels[i].name) + 1);
        sterna_sha256_update(&hash, kernels[i].code, sizeof kernels[i].code);
    }
    if (program) sterna_sha256_update(&hash, program->code, sizeof program->code);
    sterna_sha256_final(&hash, result->code);
    return STERNA_OK;
}

void sterna_results_free(sterna_results *results)
{
    for (uint32_t i = 0; i < results->n; i++) {
        sterna_free(results->items[i].seconds);
        sterna_free(results->items[i].kernels);
    }
    sterna_free(results->items);
    results->items = NULL;
    results->n = 0;
}
