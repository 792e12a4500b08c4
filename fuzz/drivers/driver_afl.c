/* AFL++ in persistent mode for one target (FUZZ_TARGET names it). Built only by afl-clang-fast, whose macros
 * these are. Owns: the loop. The mutator of GGUF files is a library of its own for AFL++ (afl_mutator.c). */
#include "run_input.h"
#include <unistd.h>

#define TEXT(name)  TEXT_(name)
#define TEXT_(name) #name

__AFL_FUZZ_INIT();

int main(void)
{
    const sterna_fuzz_target *target = sterna_fuzz_find(TEXT(FUZZ_TARGET));
    FUZZ_REQUIRE(target, "no target " TEXT(FUZZ_TARGET));
    __AFL_INIT();
    const uint8_t *shared = __AFL_FUZZ_TESTCASE_BUF;
    while (__AFL_LOOP(10000)) {
        size_t size = (size_t)__AFL_FUZZ_TESTCASE_LEN;
        /* The buffer is longer than the input: a copy that ends at a guard page shows a read beyond it. */
        if (size <= target->max_bytes) sterna_fuzz_run(target, shared, size);
    }
    return 0;
}
