/* Linker sections of the levels: __start_ and __stop_ are GNU ld's, lld's and gold's names for where one
 * lies. */
#include "cpu/cpu_code.h"
#include "base/size.h"
#include "cpu/cpu_features.h"

/* Weak: a level that this target does not have leaves no section. */
#define LEVEL(NAME, name, needs, sentence)                                                                   \
    extern const uint8_t __start_sterna_cpu_##name[] __attribute__((weak, visibility("hidden")));            \
    extern const uint8_t __stop_sterna_cpu_##name[] __attribute__((weak, visibility("hidden")));
#include "cpu/levels.def"
#undef LEVEL

static const struct {
    const uint8_t *start, *stop;
} sections[] = {
#define LEVEL(NAME, name, needs, sentence) {__start_sterna_cpu_##name, __stop_sterna_cpu_##name},
#include "cpu/levels.def"
#undef LEVEL
};

bool sterna_cpu_code_hash(sterna_kernel *run, uint8_t hash[STERNA_HASH_BYTES])
{
    uintptr_t at = (uintptr_t)run;
    for (size_t i = 0; i < STERNA_COUNT(sections); i++) {
        uintptr_t start = (uintptr_t)sections[i].start, stop = (uintptr_t)sections[i].stop;
        if (at < start || at >= stop) continue;
        sterna_sha256_once(sections[i].start, (size_t)(stop - start), hash);
        return true;
    }
    return false;
}
