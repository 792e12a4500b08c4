/* The text of --device. Owns: where the backend's name ends, which of its devices is meant. Leaves to others: what is
 * legal to open (select.c). */
#ifndef STERNA_SPEC_H
#define STERNA_SPEC_H

#include "registry.h"

enum { STERNA_SPEC_NAME = 256 };

/* "cpu:avx2" -> "cpu", "avx2"; "./x.so:1" -> "./x.so", "1". *variant points into spec. A backend's name comes first:
 * what stands behind its colon may hold slashes ("mock:profile=./small.txt"). */
sterna_status sterna_spec_split(const char *spec, char name[STERNA_SPEC_NAME], const char **variant,
                                sterna_fault *fault);
/* Is `name` a library's path? It holds a slash or ends in .so */
bool sterna_spec_is_library(const char *name);

/* The keys of a variant, behind its first comma: "llvmpipe,validate=1", or all of it when no device is named:
 * "validate=1". */
const char *sterna_spec_keys(const char *wanted);
/* Which of the backend's devices `wanted` (up to its keys) means: the best kind when empty, else by its whole name, its
 * number, or a part of name, description or driver in any case. USAGE when it is a part of several, UNSUPPORTED when of
 * none, or when there is none. The device need not be usable. */
sterna_status sterna_spec_match(const sterna_backend_state *backend, const char *wanted, uint32_t *index,
                                sterna_fault *fault);

#endif
