/* Our declarations of OpenCL against Khronos's header, where that is installed when this is built. */
#include "runner.h"

#if defined(__has_include)
#if __has_include(<CL/cl.h>) && __has_include(<CL/cl_ext.h>)
#define HAVE_HEADER              1
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>
#endif
#endif

#ifdef HAVE_HEADER
/* A row with another type is an error of the compiler here. */
#define CL_FUNCTION(result, name, parameters)                                                                \
    _Static_assert(__builtin_types_compatible_p(__typeof__(name), result parameters), #name);
#include "opencl/opencl_functions.def"

static const struct {
    const char *name;
    int64_t theirs, ours;
} numbers[] = {
#define CL_NUMBER(name, value)        {#name, (int64_t)(name), value},
#define CL_ERROR(name, value, status) {#name, (int64_t)(name), value},
#include "opencl/opencl_constants.def"
};

static void declarations(sterna_test *t)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        CHECK_MSG(t, numbers[i].theirs == numbers[i].ours, "%s is %lld", numbers[i].name,
                  (long long)numbers[i].theirs);
}
#else
static void declarations(sterna_test *t)
{
    SKIP(t, "no CL/cl.h (package opencl-c-headers) when this was built");
}
#endif

const sterna_test_case sterna_test_cases[] = {{"declarations", declarations, 0}, {0}};
