/* Loading the ICD loader's library and looking its functions up; error codes as text. */
#include "opencl/opencl_api.h"
#include "base/env.h"
#include "base/size.h"
#include "base/sys.h"
#include "base/thread.h"
#include <stdio.h>
#include <string.h>

static const char *const function_names[] = {
#define CL_FUNCTION(result, name, parameters) #name,
#include "opencl/opencl_functions.def"
};
/* The table is an array of addresses in the order of the names. */
_Static_assert(sizeof(opencl_api) == STERNA_COUNT(function_names) * sizeof(void *), "one pointer per row");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static opencl_api table;
static bool loaded;

static sterna_status load(opencl_api *out, sterna_fault *fault)
{
    void *library;
    const char *own = sterna_env_get(STERNA_ENV_OPENCL_LIBRARY), *name = own ? own : "libOpenCL.so.1";
    sterna_fault why = {0};
    if (sterna_sys_dlopen(name, &library, &why) != STERNA_OK)
        return sterna_fail(fault, STERNA_UNSUPPORTED,
                           "opencl: %.200s; install an OpenCL loader (ocl-icd) and a driver", why.text);
    for (size_t i = 0; i < STERNA_COUNT(function_names); i++) {
        void *symbol = sterna_sys_dlsym(library, function_names[i]);
        if (!symbol) {
            sterna_sys_dlclose(library);
            return sterna_fail(fault, STERNA_UNSUPPORTED,
                               "opencl: %s has no %s; OpenCL 1.2 or later is needed", name,
                               function_names[i]);
        }
        /* POSIX: a function's address fits a void pointer. */
        memcpy((char *)out + i * sizeof symbol, &symbol, sizeof symbol);
    }
    return STERNA_OK;
}

sterna_status sterna_opencl_load(const opencl_api **api, sterna_fault *fault)
{
    sterna_status status = STERNA_OK;
    pthread_mutex_lock(&lock);
    if (!loaded) status = load(&table, fault);
    loaded = loaded || status == STERNA_OK;
    pthread_mutex_unlock(&lock);
    if (status == STERNA_OK) *api = &table;
    return status;
}

typedef struct error_row {
    cl_int code;
    sterna_status status;
    const char *name;
} error_row;

static const error_row errors[] = {
#define CL_ERROR(name, value, status) {value, STERNA_##status, #name},
#include "opencl/opencl_constants.def"
};

static const error_row *find(cl_int code)
{
    for (size_t i = 0; i < STERNA_COUNT(errors); i++)
        if (errors[i].code == code) return &errors[i];
    return NULL;
}

const char *sterna_opencl_error(cl_int code, char text[OPENCL_ERROR_TEXT])
{
    const error_row *row = find(code);
    if (code == CL_SUCCESS) /* from a function that gives an object */
        snprintf(text, OPENCL_ERROR_TEXT, "the driver gives nothing and tells no error");
    else
        snprintf(text, OPENCL_ERROR_TEXT, "%s (%d)", row ? row->name : "an unknown error", code);
    return text;
}

sterna_status sterna_opencl_status(cl_int code)
{
    const error_row *row = find(code);
    return row ? row->status : STERNA_DEVICE;
}
