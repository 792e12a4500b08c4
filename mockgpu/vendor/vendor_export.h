/* The functions that a library exports: declared from gpu/stream/api.def, as call_<member>, with the symbol of the API it is
 * compiled for (VENDOR_HIP 0 or 1), so that names and parameters cannot differ from what the host calls. Included by
 * vendor_calls.c, vendor_cuda.c and vendor_hip.c only. */
#ifndef STERNA_VENDOR_EXPORT_H
#define STERNA_VENDOR_EXPORT_H

#include "vendor.h"
#include <stdio.h>
#include <string.h>

#define VENDOR_DEVICE_NAME "Sterna mock GPU"
#define VENDOR_EXPORT      __attribute__((visibility("default")))

#if VENDOR_HIP
enum { VENDOR_VERSION = 60300000 }; /* 6.3 */
#define VENDOR_PICK(cuda, hip) hip
#else
enum { VENDOR_VERSION = 13000 }; /* 13.0 */
#define VENDOR_PICK(cuda, hip) cuda
#endif

/* A row without a symbol for this API declares a function that nobody defines. `asm` names are GNU C. */
#pragma push_macro("NULL")
#undef NULL
#define NULL "sterna_vendor_has_none"
#define STREAM_CALL(group, result, member, parameters, cuda, hip)                                            \
    VENDOR_EXPORT result call_##member parameters __asm__(VENDOR_PICK(cuda, hip));
#define STREAM_NUMBER(member, cuda, hip) enum { NUMBER_##member = VENDOR_PICK(cuda, hip) };
#include "gpu/stream/api.def"
#pragma pop_macro("NULL")

#endif
