/* The one symbol that the mock vendor libraries export beside the vendor's own: by it a host knows that it does not speak
 * to a real driver, and a test sees what is left in the library. */
#ifndef STERNA_MOCK_VENDOR_H
#define STERNA_MOCK_VENDOR_H

#include <stdint.h>

typedef struct sterna_mock_vendor_state {
    uint32_t size; /* sizeof(sterna_mock_vendor_state), set by the caller */
    uint32_t contexts, allocations, pinned, streams, events, modules, graphs;
    uint64_t bytes;    /* of live allocations */
    uint64_t launches; /* since the library was loaded */
} sterna_mock_vendor_state;

#define STERNA_MOCK_VENDOR_NAME "sterna_mock_vendor"
/* Fills *state (NULL: does nothing); returns the name of the library. */
typedef const char *(*sterna_mock_vendor_fn)(sterna_mock_vendor_state *state);

#endif
