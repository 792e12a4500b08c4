/* The driver library of CUDA or HIP as a table of function pointers. Owns: loading it by name, finding its
 * symbols, numbers that differ, errors by name. Leaves to others: what is called when (stream_*.c). */
#ifndef STERNA_STREAM_API_H
#define STERNA_STREAM_API_H

#include "base/status.h"
#include <stdbool.h>
#include <stddef.h>

/* Columns of api.def. */
typedef enum stream_column { STREAM_CUDA, STREAM_HIP } stream_column;

typedef struct stream_api {
#define STREAM_CALL(group, result, member, parameters, cuda, hip) result(*member) parameters;
#define STREAM_NUMBER(member, cuda, hip)                          int member;
#include "gpu/stream/api.def"
    stream_column column;
    char path[256];  /* as it was loaded */
    bool has_graphs; /* all functions of the group GRAPH are there */
    bool is_mock;    /* exports sterna_mock_vendor */
} stream_api;

/* What both APIs have in common. */
enum {
    STREAM_OK = 0,
    STREAM_OUT_OF_MEMORY = 2,
    STREAM_NO_DEVICE = 100,
    STREAM_BAD_DEVICE = 101,
    STREAM_NOT_FOUND = 500,
    STREAM_NOT_READY = 600,
    STREAM_LOCAL_BYTES = 3, /* function attributes */
    STREAM_REGISTERS = 4,
};

/* Loads the first of `paths` (NULL-terminated) that loads, looks up its symbols and initialises it. A library that was
 * loaded before is given back as it is, and none is ever unloaded: drivers leave threads and exit handlers behind.
 * FILE: none loads. UNSUPPORTED: one loads, but lacks a symbol or cannot be initialised. The text says which and why;
 * `unseen` stands at its end where there is no device. */
sterna_status sterna_stream_load(stream_column column, const char *const *paths, const char *unseen,
                                 const stream_api **api, sterna_fault *fault);

/* "CUDA_ERROR_ILLEGAL_ADDRESS (700)"; a mock has a whole sentence behind the name. */
enum { STREAM_NAME = 240 };
void sterna_stream_error_name(const stream_api *api, int error, char text[STREAM_NAME]);

#endif
