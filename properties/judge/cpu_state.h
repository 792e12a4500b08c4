/* The processor state that a backend must leave as it found it: rounding mode, subnormal handling and exception masks
 * (MXCSR) and the direction flag. Owns: reading it. Empty where the processor is not x86-64. */
#ifndef STERNA_CPU_STATE_H
#define STERNA_CPU_STATE_H

#include <stdint.h>

typedef struct sterna_cpu_state {
    uint32_t control;   /* MXCSR without the sticky exception flags */
    uint32_t direction; /* DF */
} sterna_cpu_state;

static inline sterna_cpu_state sterna_cpu_state_read(void)
{
#if defined(__x86_64__)
    return (sterna_cpu_state){__builtin_ia32_stmxcsr() & 0xFFC0u,
                              (uint32_t)(__builtin_ia32_readeflags_u64() >> 10 & 1)};
#else
    return (sterna_cpu_state){0, 0};
#endif
}

static inline void sterna_cpu_state_restore(sterna_cpu_state state)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(state.control);
    if (!state.direction) __asm__ volatile("cld");
#else
    (void)state;
#endif
}

#endif
