/* cpuid and the level table. Owns: detection and the sentences about absent levels. */
#include "cpu/cpu_features.h"
#include <stdio.h>
#include <string.h>

#if STERNA_CPU_X86
#include <cpuid.h>

/* The state components the operating system saves: XCR0, read by XGETBV. */
static uint32_t saved_state(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* Bits after the Intel SDM, volume 2A, CPUID leaves 1 and 7. */
uint32_t sterna_cpu_features(void)
{
    uint32_t a, b, c, d, found = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    const uint32_t osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
    if ((c & osxsave) == 0 || (c & avx) == 0) return 0;
    uint32_t state = saved_state();
    const uint32_t ymm_state = 0x6, zmm_state = 0xe6;
    if ((state & ymm_state) != ymm_state) return 0;
    if (c & f16c) found |= STERNA_CPU_F16C;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
    if (b & 1u << 5) found |= STERNA_CPU_AVX2;
    const uint32_t f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31, all = f | dq | bw | vl;
    if ((state & zmm_state) == zmm_state && (b & all) == all) {
        found |= STERNA_CPU_AVX512;
        if (c & 1u << 11) found |= STERNA_CPU_VNNI;
    }
    return found;
}

void sterna_cpu_brand(char brand[64])
{
    uint32_t words[12] = {0}, highest = __get_cpuid_max(0x80000000u, NULL);
    for (uint32_t i = 0; i < 3 && highest >= 0x80000004u; i++)
        __get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
    memset(brand, 0, 64);
    memcpy(brand, words, sizeof words);
    size_t length = strlen(brand), lead = strspn(brand, " ");
    while (length > 0 && brand[length - 1] == ' ') brand[--length] = 0;
    if (lead < length) memmove(brand, brand + lead, length - lead + 1);
}
#else
uint32_t sterna_cpu_features(void)
{
    return 0;
}
void sterna_cpu_brand(char brand[64])
{
    memset(brand, 0, 64);
}
#endif

typedef struct level_row {
    const char *name, *sentence;
    uint32_t needs;
} level_row;

static const level_row rows[STERNA_LEVEL_COUNT] = {
#define LEVEL(NAME, name, needs, sentence) {#name, sentence, needs},
#include "cpu/levels.def"
#undef LEVEL
};

const char *sterna_cpu_level_name(sterna_cpu_level level)
{
    return rows[level].name;
}

const char *sterna_cpu_level_sentence(sterna_cpu_level level)
{
    return rows[level].sentence;
}

bool sterna_cpu_level_usable(sterna_cpu_level level, uint32_t features, char why[160])
{
    uint32_t missing = rows[level].needs & ~features;
    snprintf(why, 160, "%s%s%s%s%s", missing ? "this processor or system lacks" : "",
             missing & STERNA_CPU_AVX2 ? " AVX2" : "", missing & STERNA_CPU_F16C ? " F16C" : "",
             missing & STERNA_CPU_AVX512 ? " AVX-512 F/BW/DQ/VL" : "",
             missing & STERNA_CPU_VNNI ? " AVX-512 VNNI" : "");
    return missing == 0;
}

static bool named(const char *name, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(name, text, length) == 0;
}

/* "scalar, avx2" */
static void list_usable(uint32_t features, char *text, size_t size)
{
    char why[160];
    size_t used = 0;
    text[0] = 0;
    for (uint32_t l = 0; l < STERNA_LEVEL_COUNT && used < size; l++)
        if (sterna_cpu_level_usable((sterna_cpu_level)l, features, why))
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", rows[l].name);
}

sterna_status sterna_cpu_level_find(const char *name, size_t length, uint32_t features,
                                    sterna_cpu_level *level, sterna_fault *fault)
{
    char why[160], usable[160];
    bool family = named(name, length, "avx512"), known = family || length == 0;
    uint32_t lowest = family ? STERNA_LEVEL_AVX512BW : STERNA_LEVEL_SCALAR;
    for (uint32_t l = STERNA_LEVEL_COUNT; known && l-- > lowest;)
        if (sterna_cpu_level_usable((sterna_cpu_level)l, features, why)) {
            *level = (sterna_cpu_level)l;
            return STERNA_OK;
        }
    for (uint32_t l = 0; l < STERNA_LEVEL_COUNT && !known; l++) {
        if (!named(name, length, rows[l].name)) continue;
        known = true;
        if (!sterna_cpu_level_usable((sterna_cpu_level)l, features, why)) break;
        *level = (sterna_cpu_level)l;
        return STERNA_OK;
    }
    list_usable(features, usable, sizeof usable);
    return sterna_fail(fault, STERNA_UNSUPPORTED, "cpu: %s '%.*s': %s; usable here: %s",
                       known ? "cannot use level" : "unknown level", (int)(length < 64 ? length : 64), name,
                       known ? why : "see 'sterna devices'", usable);
}
