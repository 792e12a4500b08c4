/* Fibers: stacks and the switch between them, with the sanitizers told.
 * Owns: one context switch per target. Leaves to others: who runs next (mock_group.c). */
#ifndef STERNA_MOCK_FIBER_H
#define STERNA_MOCK_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if (!defined(__x86_64__) && !defined(__aarch64__)) || defined(STERNA_MOCK_UCONTEXT)
#define MOCK_FIBER_UCONTEXT 1
#include <ucontext.h>
#else
#define MOCK_FIBER_UCONTEXT 0
#endif

/* One stack and what is needed to come back to it. The thread's own stack is a fiber without memory. */
typedef struct mock_fiber {
    void *stack_pointer;
#if MOCK_FIBER_UCONTEXT
    ucontext_t context;
#endif
    uint8_t *stack; /* NULL: the thread's own */
    size_t bytes;
    void *fake_stack;   /* AddressSanitizer's */
    void *tsan;         /* ThreadSanitizer's */
    const void *bottom; /* of the thread's own stack, learnt at each switch away */
    size_t size;
} mock_fiber;

/* Makes a fiber that will call body(argument) when first switched to; body never returns. `stack` is aligned
 * to 16. */
void sterna_mock_fiber_make(mock_fiber *fiber, void *stack, size_t bytes, void (*body)(void *),
                            void *argument);
/* The running thread's own stack. */
void sterna_mock_fiber_adopt(mock_fiber *fiber);
/* Leaves `from` and goes on in `to`. Returns when somebody switches back. */
void sterna_mock_fiber_switch(mock_fiber *from, mock_fiber *to);
/* The first thing after a switch, in a body as after a return: `last` is the fiber that was left. */
void sterna_mock_fiber_arrive(mock_fiber *fiber, mock_fiber *last);
/* Forgets a fiber that does not run, wherever it stands. Its stack may then be used again. */
void sterna_mock_fiber_drop(mock_fiber *fiber);
/* False when the lowest words of the stack were overwritten: the kernel needs more stack than it has. */
bool sterna_mock_fiber_sound(const mock_fiber *fiber);

#endif
