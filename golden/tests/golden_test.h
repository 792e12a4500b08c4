/* What the golden tests share: files as memory, sessions with the usual parameters. */
#ifndef STERNA_GOLDEN_TEST_H
#define STERNA_GOLDEN_TEST_H

#include "base/sys.h"
#include "golden.h"
#include "runner.h"

/* Session parameters on one device; 0 means the default. */
static inline sterna_session_params golden_params(const char *device, sterna_kv_type kv)
{
    return (sterna_session_params){.size = sizeof(sterna_session_params), .device = device, .kv_type = kv};
}

/* Reads a file of the repository, with a NUL behind its bytes in memory of the mapping's own. */
static inline bool golden_read(sterna_test *t, const char *relative, sterna_mapping *file)
{
    sterna_fault fault = {0};
    if (sterna_sys_read(sterna_test_repo(t, relative), 64u << 20, file, &fault) == STERNA_OK) return true;
    sterna_test_note(t, "%s", fault.text);
    return false;
}

#endif
