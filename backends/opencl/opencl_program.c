/* Kernels: embedded texts by id, compiled when first asked for, kept as binaries between runs. */
#include "base/hash.h"
#include "base/signals.h"
#include "base/size.h"
#include "opencl/opencl_driver.h"
#include <stdio.h>
#include <string.h>

/* What the build embedded (CMakeLists.txt): text, its length, its SHA-256. */
#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                \
    extern const unsigned char sterna_opencl_text_##id[],                                                    \
        sterna_opencl_text_##id##_sha256[STERNA_HASH_BYTES];                                                 \
    extern const size_t sterna_opencl_text_##id##_bytes;
#include "kernels/kernels.def"
#undef KERNEL

static const struct {
    const unsigned char *text;
    const size_t *bytes;
    const unsigned char *hash;
} texts[STERNA_GPU_KERNELS] = {
#define KERNEL(id, file, op, format, group, tile_rows, x, x_tile, y, min_rows, scales, needs)                \
    {sterna_opencl_text_##id, &sterna_opencl_text_##id##_bytes, sterna_opencl_text_##id##_sha256},
#include "kernels/kernels.def"
#undef KERNEL
};

/* Everything that decides what the compiler makes of a text. */
typedef struct build_key {
    char text[1200];
    size_t bytes;
} build_key;

static void make_key(const opencl_gpu *gpu, const char *text, size_t text_bytes, const char *options,
                     build_key *key)
{
    const opencl_device *d = &gpu->device;
    uint8_t hash[STERNA_HASH_BYTES];
    char hex[2 * STERNA_HASH_BYTES + 1];
    sterna_sha256_once(text, text_bytes, hash);
    sterna_hash_hex(hash, hex);
    int n =
        snprintf(key->text, sizeof key->text, "OpenCL program\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n", hex, options,
                 d->platform_name, d->platform_version, d->device_name, d->device_version, d->driver_version);
    key->bytes = n > 0 && (size_t)n < sizeof key->text ? (size_t)n : sizeof key->text - 1;
}

/* The first lines of the compiler's messages, as one. */
static void first_lines(const opencl_gpu *gpu, cl_program program, char *out, size_t bytes)
{
    size_t size = 0, at = 0;
    out[0] = 0;
    if (gpu->cl->clGetProgramBuildInfo(program, gpu->device.id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) !=
            CL_SUCCESS ||
        size == 0)
        return;
    char *log = gpu->host->allocate(gpu->host->context, size + 1, 64);
    if (!log) return;
    if (gpu->cl->clGetProgramBuildInfo(program, gpu->device.id, CL_PROGRAM_BUILD_LOG, size, log, NULL) ==
        CL_SUCCESS) {
        log[size] = 0;
        for (const char *c = log; *c && at + 4 < bytes; c++) {
            if (*c != '\n' && *c != '\r') {
                out[at++] = *c;
            } else if (at && out[at - 1] != ' ') {
                memcpy(out + at, " | ", 3);
                at += 3;
            }
        }
        while (at && (out[at - 1] == ' ' || out[at - 1] == '|')) at--;
        out[at] = 0;
    }
    gpu->host->release(gpu->host->context, log);
}

static void name_function(const char *id, char out[80])
{
    snprintf(out, 80, "sterna_%s", id); /* as in prelude_opencl.h */
}

/* Releases the program, keeps the kernel, which holds on to it. */
static cl_kernel take_kernel(const opencl_gpu *gpu, cl_program program, const char *id, cl_int *error)
{
    char name[80];
    name_function(id, name);
    cl_kernel kernel = gpu->cl->clCreateKernel(program, name, error);
    if (*error == CL_SUCCESS && !kernel) *error = CL_INVALID_KERNEL;
    gpu->cl->clReleaseProgram(program);
    return *error == CL_SUCCESS ? kernel : NULL;
}

/* A kernel from a binary of the cache; NULL when there is none or the driver does not take it. */
static cl_kernel from_cache(opencl_gpu *gpu, const char *id, const char *options, const build_key *key)
{
    sterna_gpu_blob blob = {0};
    cl_int state = CL_SUCCESS, error = CL_SUCCESS;
    cl_kernel kernel = NULL;
    if (!sterna_gpu_cache_load(&gpu->cache, key->text, key->bytes, &blob)) return NULL;
    cl_program program = gpu->cl->clCreateProgramWithBinary(gpu->context, 1, &gpu->device.id, &blob.bytes,
                                                            &blob.data, &state, &error);
    if (error == CL_SUCCESS && program) {
        error = state == CL_SUCCESS
                    ? gpu->cl->clBuildProgram(program, 1, &gpu->device.id, options, NULL, NULL)
                    : state;
        if (error == CL_SUCCESS)
            kernel = take_kernel(gpu, program, id, &error);
        else
            gpu->cl->clReleaseProgram(program);
    }
    sterna_gpu_blob_free(&blob);
    if (!kernel && gpu->host->log)
        gpu->host->log(gpu->host->context, 2, "opencl: the driver refuses a program it made; compiling anew");
    return kernel;
}

/* Failures are no errors: the next run compiles again. */
static void keep(const opencl_gpu *gpu, cl_program program, const build_key *key)
{
    size_t size = 0;
    if (!gpu->cache.folder[0] ||
        gpu->cl->clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) != CL_SUCCESS ||
        size == 0)
        return;
    unsigned char *binary = gpu->host->allocate(gpu->host->context, size, 64);
    if (!binary) return;
    if (gpu->cl->clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        sterna_gpu_cache_store(&gpu->cache, key->text, key->bytes, binary, size);
    gpu->host->release(gpu->host->context, binary);
}

static sterna_status compile(opencl_gpu *gpu, const char *id, const char *text, size_t text_bytes,
                             const char *options, const build_key *key, cl_kernel *kernel,
                             sterna_fault *fault)
{
    cl_int error = CL_SUCCESS;
    char log[300];
    cl_program program = gpu->cl->clCreateProgramWithSource(gpu->context, 1, &text, &text_bytes, &error);
    if (error != CL_SUCCESS || !program)
        return sterna_opencl_fail(fault, error, "kernel %s: the driver does not take its text", id);
    error = gpu->cl->clBuildProgram(program, 1, &gpu->device.id, options, NULL, NULL);
    if (error != CL_SUCCESS) {
        first_lines(gpu, program, log, sizeof log);
        gpu->cl->clReleaseProgram(program);
        return sterna_opencl_fail(fault, error, "kernel %s: %s does not compile it (%s): %s", id,
                                  gpu->device.name, options, log);
    }
    keep(gpu, program, key);
    *kernel = take_kernel(gpu, program, id, &error);
    return *kernel ? STERNA_OK : sterna_opencl_fail(fault, error, "kernel %s: not in its program", id);
}

sterna_status sterna_opencl_build(opencl_gpu *gpu, const char *id, const char *text, size_t text_bytes,
                                  uint32_t needs, cl_kernel *kernel, sterna_fault *fault)
{
    char options[40];
    build_key key;
    snprintf(options, sizeof options, "-cl-std=%s", needs ? gpu->device.standard : "CL1.2");
    make_key(gpu, text, text_bytes, options, &key);
    sterna_status status = STERNA_OK;
    sterna_signals_keep();
    *kernel = from_cache(gpu, id, options, &key);
    if (*kernel)
        gpu->from_cache++;
    else if ((status = compile(gpu, id, text, text_bytes, options, &key, kernel, fault)) == STERNA_OK)
        gpu->compiled++;
    sterna_signals_restore();
    return status;
}

/* Does the kernel fit the device's groups and shared memory? */
static sterna_status check_size(const opencl_gpu *gpu, const sterna_gpu_kernel_row *row, cl_kernel kernel,
                                sterna_fault *fault)
{
    size_t items = 0;
    cl_ulong local = 0;
    cl_int error = gpu->cl->clGetKernelWorkGroupInfo(kernel, gpu->device.id, CL_KERNEL_WORK_GROUP_SIZE,
                                                     sizeof items, &items, NULL);
    if (error == CL_SUCCESS)
        error = gpu->cl->clGetKernelWorkGroupInfo(kernel, gpu->device.id, CL_KERNEL_LOCAL_MEM_SIZE,
                                                  sizeof local, &local, NULL);
    if (error != CL_SUCCESS) return sterna_opencl_fail(fault, error, "kernel %s tells no sizes", row->id);
    if (items < row->group || local > gpu->device.local_bytes)
        return sterna_fail(
            fault, STERNA_UNSUPPORTED,
            "opencl: kernel %s needs groups of %u items and %llu bytes they share; %s allows it %zu "
            "and %llu",
            row->id, row->group, (unsigned long long)local, gpu->device.name, items,
            (unsigned long long)gpu->device.local_bytes);
    return STERNA_OK;
}

sterna_status sterna_opencl_kernel(opencl_gpu *gpu, const char *id, const void **kernel, uint8_t hash[32],
                                   sterna_fault *fault)
{
    uint32_t row = 0;
    sterna_status status = sterna_opencl_alive(gpu, fault);
    while (row < STERNA_GPU_KERNELS && strcmp(sterna_gpu_kernel_row_at(row)->id, id) != 0) row++;
    if (status == STERNA_OK && row == STERNA_GPU_KERNELS)
        return sterna_fail(fault, STERNA_UNSUPPORTED, "opencl: kernel %s is not built", id);
    if (status != STERNA_OK) return status;
    if (!gpu->kernels[row].kernel) {
        const sterna_gpu_kernel_row *about = sterna_gpu_kernel_row_at(row);
        cl_kernel made = NULL;
        status = sterna_opencl_build(gpu, id, (const char *)texts[row].text, *texts[row].bytes, about->needs,
                                     &made, fault);
        if (status == STERNA_OK) status = check_size(gpu, about, made, fault);
        if (status != STERNA_OK) {
            if (made) gpu->cl->clReleaseKernel(made);
            return status;
        }
        gpu->kernels[row] = (opencl_kernel){made, row};
    }
    *kernel = &gpu->kernels[row];
    memcpy(hash, texts[row].hash, STERNA_HASH_BYTES);
    return STERNA_OK;
}

void sterna_opencl_free_programs(opencl_gpu *gpu)
{
    for (uint32_t i = 0; i < STERNA_GPU_KERNELS; i++)
        if (gpu->kernels[i].kernel && !gpu->hung) gpu->cl->clReleaseKernel(gpu->kernels[i].kernel);
}
