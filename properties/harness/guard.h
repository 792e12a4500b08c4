/* Host memory for the device under test: every block lies before a page that must not be touched.
 * Owns: the blocks. Leaves to others: counting them, and what a kernel does with them (subject.c). */
#ifndef STERNA_GUARD_H
#define STERNA_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* `bytes` bytes full of the pattern, aligned to `alignment` (a power of two), with an inaccessible page before and behind. The
 * block ends at the page behind as far as its alignment allows; what is left holds the pattern, too. NULL when refused.
 * May be called from any thread. */
void *sterna_guard_allocate(size_t bytes, size_t alignment);
/* Gives it back. False when the pattern was changed: somebody wrote beside the block. NULL is allowed. */
bool sterna_guard_release(void *block);

#endif
