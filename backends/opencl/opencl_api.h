/* OpenCL as far as it is used, declared here and found at run time: neither header nor library is needed to
 * build. Owns: types, numbers, the table of functions, loading libOpenCL.so.1, errors as text. Leaves to
 * others: devices and queues.
 *
 * Types and numbers carry the specification's own names (Khronos, OpenCL 1.2 revision 19). */
#ifndef STERNA_OPENCL_API_H
#define STERNA_OPENCL_API_H

#include "base/status.h"

typedef int32_t cl_int;
typedef uint32_t cl_uint, cl_bool, cl_platform_info, cl_device_info, cl_program_info, cl_program_build_info,
    cl_kernel_work_group_info, cl_event_info;
typedef uint64_t cl_ulong, cl_device_type, cl_command_queue_properties, cl_mem_flags;
typedef intptr_t cl_context_properties;
typedef struct _cl_platform_id *cl_platform_id;
typedef struct _cl_device_id *cl_device_id;
typedef struct _cl_context *cl_context;
typedef struct _cl_command_queue *cl_command_queue;
typedef struct _cl_mem *cl_mem;
typedef struct _cl_program *cl_program;
typedef struct _cl_kernel *cl_kernel;
typedef struct _cl_event *cl_event;

enum {
#define CL_NUMBER(name, value)        name = value,
#define CL_ERROR(name, value, status) name = value,
#include "opencl/opencl_constants.def"
};
#define CL_DEVICE_TYPE_ALL 0xffffffffu

/* The loader's functions, all of them there. */
typedef struct opencl_api {
#define CL_FUNCTION(result, name, parameters) result(*name) parameters;
#include "opencl/opencl_functions.def"
} opencl_api;

/* Loads libOpenCL.so.1 (or $STERNA_OPENCL_LIBRARY), once per process: drivers leave threads behind, so that it is never unloaded. A failure
 * is not kept. UNSUPPORTED: it is absent or lacks a function. */
sterna_status sterna_opencl_load(const opencl_api **api, sterna_fault *fault);

/* "CL_OUT_OF_RESOURCES (-5)", in a buffer of the caller's. */
enum { OPENCL_ERROR_TEXT = 64 };
const char *sterna_opencl_error(cl_int code, char text[OPENCL_ERROR_TEXT]);
/* As what an error code counts; DEVICE for one that is not known. */
sterna_status sterna_opencl_status(cl_int code);

#endif
