/* libFuzzer's entry points for one target (FUZZ_TARGET names it, the build says which).
 * Owns: handing bytes on, and when the structure-aware mutator is used. */
#include "run_input.h"
#include <stdio.h>
#include <string.h>

#define TEXT(name)  TEXT_(name)
#define TEXT_(name) #name

/* Called and provided by libFuzzer; it has no C header for these. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2,
                                 uint8_t *out, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

static const sterna_fuzz_target *target;
static bool structured;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    target = sterna_fuzz_find(TEXT(FUZZ_TARGET));
    FUZZ_REQUIRE(target, "no target " TEXT(FUZZ_TARGET));
    structured = strcmp(target->mutator, "gguf") == 0;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return size > target->max_bytes ? 0 : target->entry(data, size);
}

/* One time in four the fuzzer's own mutations, which know the dictionary and the comparisons seen. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    if (!structured || seed % 4 == 0) return LLVMFuzzerMutate(data, size, max);
    return sterna_fuzz_mutate_gguf(data, size, max, NULL, 0, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2, size_t size2,
                                 uint8_t *out, size_t max, unsigned seed)
{
    size_t size = size1 < max ? size1 : max;
    if (size) memcpy(out, data1, size);
    if (!structured) return LLVMFuzzerMutate(out, size, max);
    return sterna_fuzz_mutate_gguf(out, size, max, data2, size2, seed);
}
