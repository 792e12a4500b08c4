/* The structure-aware mutator as a library that AFL++ loads (AFL_CUSTOM_MUTATOR_LIBRARY).
 * Owns: AFL++'s three functions; their shapes are those of its documentation, custom_mutators.md. */
#include "base/mem.h"
#include "fuzz.h"
#include <string.h>

typedef struct mutator {
    uint8_t *buffer;
    size_t capacity;
    uint32_t seed;
} mutator;

#define AFL_VISIBLE __attribute__((visibility("default")))
AFL_VISIBLE void *afl_custom_init(void *afl, unsigned seed);
AFL_VISIBLE size_t afl_custom_fuzz(void *state, uint8_t *data, size_t size, uint8_t **out, uint8_t *other,
                                   size_t other_size, size_t max);
AFL_VISIBLE void afl_custom_deinit(void *state);

void *afl_custom_init(void *afl, unsigned seed)
{
    (void)afl;
    mutator *m = sterna_alloc(1, sizeof *m);
    if (m) m->seed = seed;
    return m;
}

size_t afl_custom_fuzz(void *state, uint8_t *data, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t max)
{
    mutator *m = state;
    if (m->capacity < max) {
        uint8_t *bigger = sterna_realloc(m->buffer, max, 1);
        if (!bigger) return 0;
        m->buffer = bigger;
        m->capacity = max;
    }
    if (size > max) size = max;
    memcpy(m->buffer, data, size);
    *out = m->buffer;
    return sterna_fuzz_mutate_gguf(m->buffer, size, max, other, other_size, m->seed++);
}

void afl_custom_deinit(void *state)
{
    mutator *m = state;
    sterna_free(m->buffer);
    sterna_free(m);
}
