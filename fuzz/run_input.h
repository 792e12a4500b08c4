/* Running a target on one input, or on all files of a folder, with no fuzzer.
 * Owns: the input's place in memory, finding files. Leaves to others: which folders (drivers/,
 * tests/). */
#ifndef STERNA_FUZZ_RUN_INPUT_H
#define STERNA_FUZZ_RUN_INPUT_H

#include "fuzz.h"

/* NULL when there is no such target. */
const sterna_fuzz_target *sterna_fuzz_find(const char *name);
/* All targets, in the order of targets.def. */
const sterna_fuzz_target *sterna_fuzz_targets(uint32_t *count);

/* Runs the target on a copy of the bytes that ends at a page which must not be touched. False when memory is
 * refused. Inputs above the target's largest size are cut. */
bool sterna_fuzz_run(const sterna_fuzz_target *target, const uint8_t *data, size_t size);
/* Every regular file of a folder, by name in ascending order; not below it. False when the folder cannot be
 * read. */
typedef void sterna_fuzz_visit(void *context, const char *path, const uint8_t *data, size_t size);
bool sterna_fuzz_each_file(const char *folder, sterna_fuzz_visit *visit, void *context);

#endif
