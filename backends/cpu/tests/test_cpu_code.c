/* Kernels' code has a hash: one per level, of machine code, and none for what is no kernel. */
#include "cpu/cpu_code.h"
#include "cpu/cpu_kernels.h"
#include "runner.h"
#include <string.h>

static void no_kernel(const sterna_args *args, uint64_t first, uint64_t end, uint32_t *flags)
{
    (void)args, (void)first, (void)end, (void)flags;
}

static void one_hash_per_level(sterna_test *t)
{
    uint8_t of_level[STERNA_LEVEL_COUNT][STERNA_HASH_BYTES], hash[STERNA_HASH_BYTES],
        empty[STERNA_HASH_BYTES];
    bool seen[STERNA_LEVEL_COUNT] = {false};
    sterna_sha256_once("", 0, empty);
    for (uint32_t i = 0; i < sterna_cpu_kernel_count(); i++) {
        const sterna_cpu_kernel *k = sterna_cpu_kernel_get(i);
        CHECK_MSG(t, sterna_cpu_code_hash(k->run, hash), "kernel %u of level %s", i,
                  sterna_cpu_level_name(k->level));
        CHECK(t, memcmp(hash, empty, sizeof hash) != 0);
        if (seen[k->level]) CHECK(t, memcmp(of_level[k->level], hash, sizeof hash) == 0);
        memcpy(of_level[k->level], hash, sizeof hash);
        seen[k->level] = true;
    }
    CHECK(t, seen[STERNA_LEVEL_SCALAR]);
    for (uint32_t a = 0; a < STERNA_LEVEL_COUNT; a++)
        for (uint32_t b = 0; b < a; b++)
            CHECK(t, !seen[a] || !seen[b] || memcmp(of_level[a], of_level[b], sizeof hash) != 0);
    CHECK(t, !sterna_cpu_code_hash(no_kernel, hash));
}

const sterna_test_case sterna_test_cases[] = {{"one_hash_per_level", one_hash_per_level, 0}, {0}};
