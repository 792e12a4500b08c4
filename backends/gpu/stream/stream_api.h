/* The driver library of CUDA or HIP as a table of function pointers. Owns: loading it by name, finding its
 * symbols, errors by name. Leaves to others: what is called when (stream_*.c). */
#ifndef STERNA_STREAM_API_H
#define STERNA_STREAM_API_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct stream_api {
#define STREAM_CALL(group, result, member, parameters, cuda, hip) result(*member) parameters;
#define STREAM_NUMBER(member, cuda, hip)                          int member;
#include "gpu/stream/api.def"
    void *library;
    char path[200];  /* as it was loaded */
    bool has_graphs; /* all functions of the group GRAPH are there */
    bool is_mock;    /* exports sterna_mock_vendor */
} stream_api;

/* What both APIs have in common. */
enum {
    STREAM_OK = 0,
    STREAM_OUT_OF_MEMORY = 2,
    STREAM_NO_DEVICE = 100,
    STREAM_NOT_FOUND = 500,
    STREAM_NOT_READY = 600,
    STREAM_LOCAL_BYTES = 3, /* function attributes */
    STREAM_REGISTERS = 4,
};

#endif
