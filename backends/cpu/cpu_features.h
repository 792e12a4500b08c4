/* What this processor can do, and the levels that follow from it. Owns: detection, level names.
 * Leaves to others: which kernel a level has (cpu_kernels.h). */
#ifndef STERNA_CPU_FEATURES_H
#define STERNA_CPU_FEATURES_H

#include "base/status.h"
#include <stdbool.h>

/* Level files exist for 64-bit x86 only; elsewhere all rows but scalar are known and unusable. */
#if defined(__x86_64__)
#define STERNA_CPU_X86 1
#else
#define STERNA_CPU_X86 0
#endif

enum {
    STERNA_CPU_AVX2 = 1,
    STERNA_CPU_F16C = 2,
    STERNA_CPU_AVX512 = 4, /* F, BW, DQ and VL */
    STERNA_CPU_VNNI = 8,   /* AVX512_VNNI */
};

typedef enum sterna_cpu_level {
#define LEVEL(NAME, name, needs, sentence) STERNA_LEVEL_##NAME,
#include "cpu/levels.def"
#undef LEVEL
    STERNA_LEVEL_COUNT
} sterna_cpu_level;

/* Instruction sets of this processor that the operating system saves, too. */
uint32_t sterna_cpu_features(void);
/* The processor's own name, "" when it has none. */
void sterna_cpu_brand(char brand[64]);

const char *sterna_cpu_level_name(sterna_cpu_level level);
const char *sterna_cpu_level_sentence(sterna_cpu_level level);
/* True when all that the level needs is among `features`; else why[] names what is missing. */
bool sterna_cpu_level_usable(sterna_cpu_level level, uint32_t features, char why[160]);
/* The level a name stands for: a row of levels.def, "avx512" for the best AVX-512 row, or "" for the best row
 * there is. UNSUPPORTED, listing the usable ones, when the name is unknown or the processor lacks it. */
sterna_status sterna_cpu_level_find(const char *name, size_t length, uint32_t features,
                                    sterna_cpu_level *level, sterna_fault *fault);

#endif
