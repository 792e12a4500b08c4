/* The one allocator. Owns: alignment, zeroing, overflow checks, the allocation fault point and the live
 * count. Everything else in the tree is forbidden to call malloc (ci/tidy). */
#ifndef STERNA_MEM_H
#define STERNA_MEM_H

#include <stddef.h>
#include <stdint.h>

/* count * size bytes, zeroed, aligned to 64; NULL when refused or when the product overflows. A request of
 * zero bytes gives a pointer that must be freed and may not be dereferenced. */
void *sterna_alloc(size_t count, size_t size);
/* The same, not zeroed, aligned to `alignment` (a power of two, at least 16). */
void *sterna_alloc_aligned(size_t bytes, size_t alignment);
/* Grows or shrinks a block from sterna_alloc, keeping min(old, new) bytes; new bytes are not zeroed. On
 * failure the old block stays valid and NULL is returned. */
void *sterna_realloc(void *block, size_t count, size_t size);
/* NULL is allowed. */
void sterna_free(void *block);
/* A copy of the first n bytes of text with a NUL behind them; NULL when refused. */
char *sterna_strndup(const char *text, size_t n);
/* Blocks not yet freed: zero at the end of a leak-free run. */
int64_t sterna_mem_live(void);
/* Bytes of blocks not yet freed, and the largest that number has been. */
int64_t sterna_mem_bytes(void);
int64_t sterna_mem_peak(void);

#endif
