/* The code of a kernel, by hash. Owns: finding the linker section that a function lies in.
 * Leaves to others: putting it there (ci/cmake/code_section). */
#ifndef STERNA_CPU_CODE_H
#define STERNA_CPU_CODE_H

#include "base/hash.h"
#include "catalogue/catalogue.h"
#include <stdbool.h>

/* The SHA-256 of the section that holds this kernel's machine code: all kernels of its level and their
 * helpers, as they stand in the program's file (position-independent, so loading changes nothing). False when
 * the build did not put it into one. Tables of constants are not part of it; the program's own hash covers
 * those. */
bool sterna_cpu_code_hash(sterna_kernel *run, uint8_t hash[STERNA_HASH_BYTES]);

#endif
