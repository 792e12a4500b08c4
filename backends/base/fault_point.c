/* The countdown behind fault_point.h. Relaxed atomics: threads may race for the n-th call, but exactly one
 * gets it. */
#include "base/fault_point.h"
#include <stdatomic.h>

static _Atomic uint64_t calls[STERNA_FAULT_KINDS];
static _Atomic uint64_t fail_at[STERNA_FAULT_KINDS];
static _Atomic bool fail_after[STERNA_FAULT_KINDS];

/* Set a breakpoint here to see which call a failing sweep picked. */
__attribute__((noinline)) static void sterna_fault_injected(void)
{
    __asm__ volatile("");
}

void sterna_fault_arm(sterna_fault_kind kind, uint64_t n, bool forever)
{
    atomic_store(&fail_at[kind], n);
    atomic_store(&fail_after[kind], forever);
    atomic_store(&calls[kind], 0);
}

uint64_t sterna_fault_count(sterna_fault_kind kind)
{
    return atomic_load(&calls[kind]);
}

bool sterna_fault_here(sterna_fault_kind kind)
{
    uint64_t n = atomic_fetch_add_explicit(&calls[kind], 1, memory_order_relaxed) + 1;
    uint64_t at = atomic_load_explicit(&fail_at[kind], memory_order_relaxed);
    if (at == 0 || (n != at && !(n > at && atomic_load_explicit(&fail_after[kind], memory_order_relaxed))))
        return false;
    sterna_fault_injected();
    return true;
}
