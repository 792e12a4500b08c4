/* What the process does on signals, kept while foreign libraries are called: LLVM, which is inside OpenCL and Vulkan
 * drivers, takes interrupts and crashes over when it is first used, and a program's own handlers are gone. Owns:
 * keeping and putting back. Leaves to others: handlers of our own (engine/cli/interrupt.c). */
#ifndef STERNA_SIGNALS_H
#define STERNA_SIGNALS_H

/* Call both around calls of such a library, in pairs; pairs may nest and overlap between threads: the first one
 * keeps, the last one puts back. No handler may be set meanwhile. Between them a thread's interrupts wait. */
void sterna_signals_keep(void);
void sterna_signals_restore(void);

#endif
