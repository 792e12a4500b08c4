/* Failing the n-th of everything: one countdown under every allocation and every call to the operating
 * system. Owns: the counters. mem.c and sys.c ask before they act; tests arm it and run the same work for n =
 * 1, 2, ... (the idea is SQLite's and curl's: count once, then fail each). */
#ifndef STERNA_FAULT_POINT_H
#define STERNA_FAULT_POINT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum sterna_fault_kind {
    STERNA_FAULT_ALLOC, /* memory */
    STERNA_FAULT_SYS,   /* open, map, read, write, rename, thread creation, dlopen ... */
    STERNA_FAULT_KINDS
} sterna_fault_kind;

/* The n-th call of this kind from now on fails (n = 1: the next one); with `forever`, all later ones, too.
 * n = 0 disarms. Counting starts anew. */
void sterna_fault_arm(sterna_fault_kind kind, uint64_t n, bool forever);
/* Calls of this kind since the last arm. */
uint64_t sterna_fault_count(sterna_fault_kind kind);
/* Asked by mem.c, sys.c and thread.c: true when this call has to fail. An empty function is called then, to
 * break on. */
bool sterna_fault_here(sterna_fault_kind kind);

#endif
